//! The binary: the fast paths that must not pay for a command line parser, then the command line.

fn main() {}

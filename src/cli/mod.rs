//! The command line: commands, one file each, and everything a person sees.

pub mod ui;

//! The binary: the fast paths that must not pay for a command line parser, then the command line.

use std::process::ExitCode;

use autoskillit::cli;
use autoskillit::execution::warden;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|mode| mode == warden::MODE) {
        return warden::main();
    }
    cli::main(std::env::args_os())
}

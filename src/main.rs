//! The binary: the fast paths that must not pay for a command line parser, then the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|mode| mode == autoskillit::execution::warden::MODE) {
        return autoskillit::execution::warden::main();
    }
    ExitCode::SUCCESS
}

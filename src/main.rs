//! The binary: the fast paths that must not pay for a command line parser, then the command line.

#![cfg_attr(not(test), warn(clippy::disallowed_types))]

use std::process::ExitCode;

use autoskillit::cli;
use autoskillit::execution::{player, warden};

fn main() -> ExitCode {
    let mode = std::env::args_os().nth(1).unwrap_or_default();
    if mode == warden::MODE {
        return warden::main();
    }
    if mode == player::MODE {
        return player::main(std::env::args_os().skip(2));
    }
    if mode == cli::completions::MODE {
        return cli::completions::answer(std::env::args_os().skip(2));
    }
    cli::main(std::env::args_os())
}

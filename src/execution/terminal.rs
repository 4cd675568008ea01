//! The client on the user's terminal. It is the user's own process there, in the foreground, and so has no warden: it ends when they end
//! it, with their terminal, or when we are told to stop.

#![expect(clippy::disallowed_types, reason = "the client of a conversation is started on the terminal")]

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{SetArg, tcgetattr, tcsetattr};
use nix::unistd::Pid;
use tokio::process::Command;

use crate::core::stop::{Stop, StopSignal, more_urgent};

/// A program for the terminal.
#[derive(Debug, Clone)]
pub struct Foreground {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Where it works.
    pub cwd: PathBuf,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
}

/// Runs it until it leaves. A wish to stop is passed on, SIGTERM first, then SIGKILL. The terminal is left as it was found.
///
/// # Errors
/// When it cannot be started.
pub async fn run(program: &Foreground, mut stop: StopSignal) -> io::Result<()> {
    let terminal = io::stdin();
    let found = tcgetattr(&terminal).ok();
    let mut command = Command::new(&program.program);
    command.args(&program.args).current_dir(&program.cwd).env_clear().envs(program.env.iter().cloned());
    let mut child = command.kill_on_drop(true).spawn()?;
    let mut wished = Stop::No;
    let left = loop {
        tokio::select! {
            left = child.wait() => break left,
            more = more_urgent(&mut stop, wished) => {
                wished = more;
                match child.id().map(|id| Pid::from_raw(id.cast_signed())) {
                    Some(pid) if more == Stop::Gently => drop(kill(pid, Signal::SIGTERM)),
                    Some(pid) => drop(kill(pid, Signal::SIGKILL)),
                    None => {}
                }
            }
        }
    };
    if let Some(found) = found {
        // A client that was killed leaves the terminal as it used it.
        let _ = tcsetattr(&terminal, SetArg::TCSADRAIN, &found);
    }
    left.map(drop)
}

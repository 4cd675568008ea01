//! The table of processes, as far as ending a session needs it: from /proc, or as `ps` prints it where there is none. The
//! feature `portable-processes` takes `ps` on Linux too, so that it is tried where the tests run.

use std::time::Duration;

#[cfg(all(target_os = "linux", not(feature = "portable-processes")))]
mod linux;
#[cfg(any(not(target_os = "linux"), feature = "portable-processes", test))]
mod ps;

#[cfg(all(target_os = "linux", not(feature = "portable-processes")))]
pub(super) use linux::{children, command, is_warden, own_start, runs, snapshot};
#[cfg(any(not(target_os = "linux"), feature = "portable-processes"))]
pub(super) use ps::{children, command, is_warden, own_start, runs, snapshot};

/// The length a command line is shortened to, in characters.
const COMMAND_LENGTH: usize = 200;

/// One process at the moment of the snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Process {
    /// Its id.
    pub pid: u32,
    /// Its parent's id.
    pub parent: u32,
    /// Whether it has exited and only waits to be reaped.
    pub dead: bool,
    /// Whether it is stopped, so that it acts on a signal only after SIGCONT.
    pub stopped: bool,
    /// When it was started, in clock ticks since the machine was: with the pid it names a process. 0 where unknown.
    pub start: u64,
    /// How long ago it was started.
    pub age: Duration,
    /// Whether it carries the tag that was asked for in its environment.
    pub tagged: bool,
    /// The command line, where the table already has it.
    pub command: Option<String>,
}

/// A command line for people: one line, not too long.
fn shorten(command: &str) -> String {
    let line: String = command.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(COMMAND_LENGTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_one_short_line() {
        assert_eq!(shorten("sh -c echo\na "), "sh -c echo a");
        assert_eq!(shorten(&"ä".repeat(300)).chars().count(), COMMAND_LENGTH + 1);
    }
}

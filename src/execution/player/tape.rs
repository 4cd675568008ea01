//! A recorded session as it is played: its tape, event by event, with its pauses.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal, raise};

use super::files;
use super::options::Options;
use crate::execution::scenario::{RelativePath, WriteFile};
use crate::execution::tape::{Committed, Event, Places, What, map_texts};
use crate::workspace::git::scratch_commit;

/// Plays to the end and ends as the client did.
pub(super) fn play(events: Vec<Event>, options: &Options, cwd: &Path) -> ExitCode {
    let home = std::env::home_dir();
    let places = Places::new(cwd, home.as_deref(), &options.session_id);
    let show = |text: &str| places.show(text);
    let mut before = 0;
    for Event { at, what } in events {
        let pause = Duration::from_millis(at.saturating_sub(before)).mul_f64(options.pace);
        before = at;
        if !pause.is_zero() {
            std::thread::sleep(pause);
        }
        let done = match what {
            What::Record(mut record) => {
                map_texts(&mut record, &show);
                say(&record.to_string())
            }
            What::Line(line) => say(&show(&line)),
            What::Stderr(text) => write!(io::stderr(), "{}", show(&text)).map_err(|error| error.to_string()),
            What::Ending(why) => {
                // The client stayed until it was told to go. A wish of the user's is not repeated.
                if why != "cancelled" {
                    wait_for_interrupt();
                }
                Ok(())
            }
            What::Exit { signal: Some(signal), .. } => {
                if let Ok(signal) = Signal::try_from(signal) {
                    let _ = raise(signal);
                }
                return ExitCode::FAILURE;
            }
            What::Exit { code, signal: None } => {
                return code
                    .and_then(|code| u8::try_from(code).ok())
                    .map_or(ExitCode::FAILURE, ExitCode::from);
            }
            other => apply(cwd, other, &show),
        };
        if let Err(why) = done {
            let _ = writeln!(io::stderr(), "player: {why}");
            return ExitCode::FAILURE;
        }
    }
    let _ = writeln!(io::stderr(), "player: the recording was cut off here");
    ExitCode::FAILURE
}

/// Does what a tape says of a file.
pub(super) fn apply(dir: &Path, what: What, show: &dyn Fn(&str) -> String) -> Result<(), String> {
    match what {
        What::Write(file) => {
            let path = RelativePath::try_from(show(&file.path))?;
            let file_path = dir.join(path.as_path());
            files::write(dir, &WriteFile { path, content: show(&file.content) })?;
            let mode = if file.executable { 0o755 } else { 0o644 };
            fs::set_permissions(&file_path, fs::Permissions::from_mode(mode))
                .map_err(|error| format!("cannot write {}: {error}", file_path.display()))
        }
        What::Delete(path) => files::delete(dir, &RelativePath::try_from(show(&path))?),
        What::Commit(Committed { branch, message, dirty }) => {
            let message = message.as_deref().map(show);
            let dirty: Vec<String> = dirty.iter().map(|path| show(path)).collect();
            scratch_commit(dir, branch.as_deref().map(show).as_deref(), message.as_deref(), &dirty)
                .map_err(|error| format!("cannot commit as it was recorded: {error}"))
        }
        _ => Ok(()),
    }
}

fn say(line: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| error.to_string())
}

fn wait_for_interrupt() {
    let mut awaited = SigSet::empty();
    awaited.add(Signal::SIGINT);
    if awaited.thread_block().is_ok() {
        let _ = awaited.wait();
        let _ = awaited.thread_unblock();
    }
}

//! One command of the user's (a test run, a `run_cmd` step) under a warden: output to a log, its end in memory, a wall clock.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::{Instant, sleep_until};

use super::lines::Lines;
use super::pieces::Pieces;
use super::race::Exit;
use super::tail::Tail;
use super::warden::{Charge, Ladder, Leftover, Report, WardenProgram, spawn};
use crate::core::files;
use crate::core::redact::Redactor;
use crate::core::stop::{Stop, StopSignal, more_urgent};

/// How much of each output stream is kept for results, in bytes.
const TAIL: usize = 64 << 10;

/// After the exit, output is read for this long while something still holds it open.
const DRAIN: Duration = Duration::from_secs(2);

/// A command to run.
#[derive(Debug, Clone, Copy)]
pub struct Command<'a> {
    /// Program and arguments.
    pub argv: &'a [String],
    /// Where it runs.
    pub cwd: &'a Path,
    /// Its whole environment.
    pub env: &'a [(OsString, OsString)],
    /// Its wall clock.
    pub timeout: Duration,
    /// The warden.
    pub warden: &'a WardenProgram,
    /// Name for its processes, unique.
    pub tag: &'a str,
    /// Its folder, which exists.
    pub dir: &'a Path,
    /// For its log.
    pub redactor: &'a Redactor,
}

/// How a command ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CommandEnd {
    /// Its exit.
    pub exit: Option<Exit>,
    /// The wall clock ended it.
    pub timed_out: bool,
    /// The wish to stop ended it.
    pub cut_off: bool,
    /// Why it could not be started.
    pub not_started: Option<String>,
    /// The end of standard output.
    pub stdout: String,
    /// The end of standard error.
    pub stderr: String,
    /// All of the output.
    pub log: PathBuf,
    /// What it left behind, now gone.
    pub left: Vec<Leftover>,
    /// How many more there were than `left` lists.
    pub unlisted: u32,
}

impl CommandEnd {
    /// The exit code as a shell says it: 128 + signal; -1 when it is not known.
    #[must_use]
    pub fn code(&self) -> i32 {
        match self.exit {
            Some(Exit { code: Some(code), .. }) => code,
            Some(Exit { signal: Some(signal), .. }) => 128 + signal,
            _ => -1,
        }
    }
}

/// Runs a command to its end. `line` hears each line of output as it comes.
pub async fn run(
    command: Command<'_>,
    line: &(dyn Fn(&str) + Send + Sync),
    mut stop: StopSignal,
) -> CommandEnd {
    let log_path = command.dir.join("output.log");
    let mut log = files::append_private(&log_path).ok();
    let mut end = CommandEnd { log: log_path, ..CommandEnd::default() };
    let charge = Charge {
        tag: command.tag.to_owned(),
        argv: command.argv.to_vec(),
        cwd: command.cwd.to_owned(),
        stdin: None,
        report: Some(command.dir.join("warden.json")),
        ladder: Ladder::command(),
    };
    let warded = match spawn(command.warden, charge, command.env.to_vec()).await {
        Ok(warded) => warded,
        Err(error) => {
            end.not_started = Some(format!("the warden cannot be started: {error}"));
            return end;
        }
    };
    let (mut stdout, mut stderr, mut reports, control) =
        (warded.stdout, warded.stderr, warded.reports, warded.control);
    let (mut out_lines, mut err_lines) = (Lines::with_cap(TAIL), Lines::with_cap(TAIL));
    let (mut out_tail, mut err_tail) = (Tail::new(TAIL), Tail::new(TAIL));
    let (mut out_pieces, mut err_pieces) = (Pieces::default(), Pieces::default());
    let mut keep = |piece: &[u8], tail: &mut Tail| {
        let clean = command.redactor.clean_bytes(piece);
        tail.push(&clean);
        if log.as_mut().is_some_and(|log| log.write_all(&clean).is_err()) {
            log = None;
        }
    };
    let (mut out, mut err) = (vec![0; 32 << 10], vec![0; 32 << 10]);
    let (mut out_open, mut err_open) = (true, true);
    let began = Instant::now();
    let (mut deadline, mut wished, mut ended) = (began + command.timeout, Stop::No, false);
    while !(ended && !out_open && !err_open) {
        tokio::select! {
            read = stdout.read(&mut out), if out_open => {
                let count = read.unwrap_or(0);
                out_open = count > 0;
                out_pieces.push(&out[..count], |piece| keep(piece, &mut out_tail));
                tell(&out[..count], &mut out_lines, line);
            }
            read = stderr.read(&mut err), if err_open => {
                let count = read.unwrap_or(0);
                err_open = count > 0;
                err_pieces.push(&err[..count], |piece| keep(piece, &mut err_tail));
                tell(&err[..count], &mut err_lines, line);
            }
            report = reports.next(), if !ended => match report {
                Some(Report::Spawned { .. }) => {}
                Some(Report::SpawnFailed { error, .. }) => end.not_started = Some(error),
                Some(Report::Exited(exit)) => end.exit = Some(exit),
                Some(Report::Ended { left, unlisted, .. } | Report::Lost { left, unlisted }) => {
                    (end.left, end.unlisted) = (left, unlisted);
                    ended = true;
                    deadline = Instant::now() + DRAIN;
                }
                None => {
                    ended = true;
                    deadline = Instant::now() + DRAIN;
                }
            },
            more = more_urgent(&mut stop, wished) => {
                wished = more;
                end.cut_off = end.exit.is_none();
                if more == Stop::Now { control.kill() } else { control.end() }
            }
            () = sleep_until(deadline) => {
                if ended {
                    break;
                }
                end.timed_out = end.exit.is_none() && !end.cut_off;
                control.end();
                // The warden's ladder is bounded; should it be lost all the same, the drop of `reports` ends it.
                deadline = Instant::now() + Duration::from_secs(10);
                if end.timed_out || end.cut_off { continue }
                break;
            }
        }
    }
    out_pieces.finish(|piece| keep(piece, &mut out_tail));
    err_pieces.finish(|piece| keep(piece, &mut err_tail));
    end.stdout = out_tail.text();
    end.stderr = err_tail.text();
    end
}

fn tell(bytes: &[u8], lines: &mut Lines, line: &(dyn Fn(&str) + Send + Sync)) {
    let tell = |bytes: &[u8]| line(&String::from_utf8_lossy(bytes));
    if bytes.is_empty() { lines.finish(tell) } else { lines.push(bytes, tell) }
}

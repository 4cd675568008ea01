//! A short question to a program (`git --version`): its answer in memory, within a time. It runs under a warden, so that a
//! program that hangs is ended with everything it started. Nothing is written.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::warden::{Charge, Ladder, Report, WardenProgram, spawn};

/// How much of each output stream is kept, in bytes; an answer is a few lines.
const KEPT: u64 = 64 << 10;

/// After its time is up or its exit, how long a program is waited for until it and its output are gone.
const GONE: Duration = Duration::from_secs(1);

/// How a program answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It ran to its end.
    Said(Said),
    /// It did not within its time, and was ended.
    Silent,
    /// It could not be started; what the system says.
    NotStarted(String),
}

/// What a program said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub out: String,
    /// What it wrote to standard error.
    pub err: String,
}

impl Answer {
    /// What it said, when it ended well.
    #[must_use]
    pub fn good(&self) -> Option<&str> {
        match self {
            Self::Said(Said { code: Some(0), out, .. }) => Some(out),
            _ => None,
        }
    }

    /// What went wrong, in one line that reads after the program's name: `ended with code 1: …`. `None` when it ended well.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        let said = match self {
            Self::Silent => return Some("gives no answer".to_owned()),
            Self::NotStarted(why) => return Some(format!("cannot be started: {why}")),
            Self::Said(Said { code: Some(0), .. }) => return None,
            Self::Said(said) => said,
        };
        let how =
            said.code.map_or("was ended by a signal".to_owned(), |code| format!("ended with code {code}"));
        let why = [&said.err, &said.out].map(|text| crate::core::text::first_line(text));
        let why = why.into_iter().find(|line| !line.is_empty());
        Some(why.map_or(how.clone(), |why| format!("{how}: {why}")))
    }
}

/// Who asks, and how patiently.
#[derive(Debug, Clone)]
pub struct Prober {
    /// The warden.
    pub warden: WardenProgram,
    /// How long an answer may take.
    pub limit: Duration,
}

impl Prober {
    /// Runs `argv` in `cwd` with exactly the environment `env` and an empty input.
    pub async fn ask(&self, argv: &[&str], cwd: &Path, env: Vec<(OsString, OsString)>) -> Answer {
        let charge = Charge {
            tag: format!("probe-{}", uuid::Uuid::new_v4()),
            argv: argv.iter().map(|&arg| arg.to_owned()).collect(),
            cwd: cwd.to_owned(),
            stdin: None,
            report: None,
            ladder: Ladder { interrupt: None, terminate: Duration::ZERO, kill: GONE },
        };
        let mut warded = match spawn(&self.warden, charge, env).await {
            Ok(warded) => warded,
            Err(error) => return Answer::NotStarted(format!("the warden cannot be started: {error}")),
        };
        // Read beside the reports: a full pipe would keep the program from ending.
        let (out, err) = (tokio::spawn(read(warded.stdout)), tokio::spawn(read(warded.stderr)));
        let (mut exit, mut late, mut until) = (None, false, Instant::now() + self.limit);
        loop {
            match timeout_at(until, warded.reports.next()).await {
                Ok(Some(Report::SpawnFailed { error, .. })) => return Answer::NotStarted(error),
                // What ends because its time was up has said nothing that counts.
                Ok(Some(Report::Exited(ended))) if !late => {
                    exit = Some(ended);
                    until = Instant::now() + 2 * GONE;
                }
                // Its last word; then it goes itself.
                Ok(Some(Report::Ended { .. } | Report::Lost { .. })) => until = Instant::now() + GONE,
                Ok(None) => break,
                Ok(Some(_)) => {}
                Err(_) if exit.is_none() && !late => {
                    late = true;
                    warded.control.kill();
                    until = Instant::now() + 2 * GONE;
                }
                Err(_) => break,
            }
        }
        let whole = async |reader| timeout(GONE, reader).await.ok().and_then(Result::ok).unwrap_or_default();
        match exit {
            Some(exit) => {
                Answer::Said(Said { code: exit.code, out: whole(out).await, err: whole(err).await })
            }
            None => Answer::Silent,
        }
    }
}

async fn read(mut stream: impl AsyncRead + Unpin) -> String {
    let mut bytes = Vec::new();
    // What comes after that is thrown away, so that the writer is not held up.
    let _ = (&mut stream).take(KEPT).read_to_end(&mut bytes).await;
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

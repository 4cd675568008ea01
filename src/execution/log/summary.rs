//! The summary of a session: written when it begins, so that a crash leaves a whole identity, and again when it is over.

use std::io;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Place;
use super::anomaly::Anomaly;
use super::files;
use crate::core::redact::Redactor;
use crate::core::time::millis;
use crate::core::usage::Usage;
use crate::execution::process::{Identity, Sample};
use crate::execution::race::{Exit, Policy, Termination};
use crate::execution::record::Denial;
use crate::execution::verdict::{RetryReason, SkillResult};
use crate::execution::warden::Leftover;

/// Version of the file.
pub const VERSION: u32 = 1;

/// The summary of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// [`VERSION`].
    pub schema_version: u32,
    /// Where it stands.
    pub status: Status,
    /// The session.
    pub session_id: String,
    /// Whether it existed before; what came then is in the files with a number.
    pub continues: bool,
    /// Its run, if it is of one.
    pub run_id: Option<String>,
    /// Its place in the run; `None` for a session that drives a run.
    pub place: Option<Place>,
    /// Where it works.
    pub cwd: PathBuf,
    /// The client program.
    pub client: PathBuf,
    /// The client's version, once it said it.
    pub client_version: Option<String>,
    /// The model that was asked for.
    pub model: Option<String>,
    /// The client's transcript.
    pub transcript: Option<PathBuf>,
    /// The beginning of its prompt.
    pub prompt: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was over. Of a session that was cut off: when it last wrote something.
    pub ended_at: Option<Timestamp>,
    /// Milliseconds in between.
    pub elapsed_ms: Option<u64>,
    /// The program that runs it.
    pub owner: Identity,
    /// The client's process, once it runs.
    pub process: Option<Identity>,
    /// Its limits.
    pub limits: Limits,
    /// Why it ended.
    pub termination: Option<Termination>,
    /// How the client process ended.
    pub exit: Option<Exit>,
    /// How it was judged; `None` until it is.
    pub verdict: Option<Judged>,
    /// Refused calls that it did not make good.
    pub refused: Vec<Denial>,
    /// Refused calls after which it went on: a later call of the same tool succeeded.
    pub made_good: Vec<Denial>,
    /// Background tasks that were open at the end.
    pub background: Vec<String>,
    /// Tool calls that had not ended.
    pub open_calls: Vec<OpenCall>,
    /// Declared outputs that it did not give.
    pub missing_outputs: Vec<String>,
    /// What it left running, now ended.
    pub left: Vec<Leftover>,
    /// How many more there were than `left` lists.
    #[serde(default)]
    pub unlisted: u32,
    /// Whether something held its stdout open after the client was gone.
    pub stdout_held: bool,
    /// Lines of its stream that were too long to read.
    pub dropped_lines: u64,
    /// Records of its stream.
    pub records: u64,
    /// Tool calls.
    pub tool_calls: usize,
    /// What it used.
    pub usage: Usage,
    /// The same by model.
    pub usage_by_model: IndexMap<String, Usage>,
    /// The most that its processes took.
    pub peaks: Peaks,
    /// How often they were looked at.
    pub samples: usize,
    /// What was odd.
    pub anomalies: Vec<Anomaly>,
    /// Why this log is not whole.
    pub log_trouble: Option<String>,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It runs, or the program that ran it went away and nobody has looked since.
    Running,
    /// It was judged.
    Ended,
    /// The program that ran it went away.
    Crashed,
}

/// The limits of a session, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Wall clock.
    pub wall_clock_ms: u64,
    /// Silence on all channels; `None` without limit.
    pub stale_ms: Option<u64>,
    /// Silence of the stream while no tool runs; `None` without limit.
    pub idle_ms: Option<u64>,
}

impl Limits {
    /// Those of a policy.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        Self {
            wall_clock_ms: millis(policy.wall_clock),
            stale_ms: policy.stale.map(millis),
            idle_ms: policy.idle.map(millis),
        }
    }
}

/// The parts of a verdict that explain it; `verdict.json` has all of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Whether it is success.
    pub success: bool,
    /// Its label.
    pub subtype: String,
    /// The client's own label.
    pub cli_subtype: String,
    /// Whether the client failed, as opposed to the work.
    pub is_error: bool,
    /// Whether the model service or the login failed.
    pub infrastructure: bool,
    /// Whether another try may help.
    pub needs_retry: bool,
    /// Why.
    pub retry_reason: RetryReason,
    /// The exit code.
    pub exit_code: i32,
    /// The facts that decided.
    pub because: Vec<String>,
}

impl From<&SkillResult> for Judged {
    fn from(verdict: &SkillResult) -> Self {
        Self {
            success: verdict.success,
            subtype: verdict.subtype.clone(),
            cli_subtype: verdict.cli_subtype.clone(),
            is_error: verdict.is_error,
            infrastructure: verdict.infrastructure,
            needs_retry: verdict.needs_retry,
            retry_reason: verdict.retry_reason,
            exit_code: verdict.exit_code,
            because: verdict.because.clone(),
        }
    }
}

/// A tool call that had not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCall {
    /// The tool.
    pub tool: String,
    /// What it works on.
    pub target: String,
}

/// The most that the processes of a session took at one look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peaks {
    /// Resident memory of all, in KiB.
    pub rss_kb: Option<u64>,
    /// CPU time of those that were there, in milliseconds.
    pub cpu_ms: Option<u64>,
    /// Processes.
    pub processes: usize,
    /// Threads of all.
    pub threads: Option<u64>,
    /// Open files of one.
    pub fds: Option<u64>,
    /// Of one, how likely it is to be killed for its memory.
    pub oom_score: Option<i64>,
}

impl Peaks {
    /// Over all looks.
    #[must_use]
    pub fn of(samples: &[Sample]) -> Self {
        samples.iter().fold(Self::default(), |peaks, sample| {
            let of_all = |part: fn(&crate::execution::process::ProcessSample) -> Option<u64>| {
                let known: Vec<u64> = sample.processes.iter().filter_map(part).collect();
                (!known.is_empty()).then(|| known.iter().sum())
            };
            let of_one = |part: fn(&crate::execution::process::ProcessSample) -> Option<u64>| {
                sample.processes.iter().filter_map(part).max()
            };
            Self {
                rss_kb: peaks.rss_kb.max(of_all(|process| process.rss_kb)),
                cpu_ms: peaks.cpu_ms.max(of_all(|process| process.cpu_ms)),
                processes: peaks.processes.max(sample.processes.len()),
                threads: peaks.threads.max(of_all(|process| process.threads)),
                fds: peaks.fds.max(of_one(|process| process.fds)),
                oom_score: peaks
                    .oom_score
                    .max(sample.processes.iter().filter_map(|process| process.oom_score).max()),
            }
        })
    }
}

impl Summary {
    /// Reads the summary in a session's folder.
    ///
    /// # Errors
    /// When there is none, or it is of a form that this program does not know.
    pub fn read(dir: &Path) -> io::Result<Self> {
        Self::read_file(&dir.join(files::SUMMARY))
    }

    fn read_file(path: &Path) -> io::Result<Self> {
        let summary: Self = serde_json::from_slice(&std::fs::read(path)?)?;
        if summary.schema_version == VERSION {
            return Ok(summary);
        }
        let text = format!("the summary is of version {}, not {VERSION}", summary.schema_version);
        Err(io::Error::new(io::ErrorKind::InvalidData, text))
    }

    /// The summaries of a session and of what came before it was continued, oldest first. What cannot be read is left out.
    #[must_use]
    pub fn all(dir: &Path) -> Vec<Self> {
        let earlier = (1..).map(|number| dir.join(numbered(files::SUMMARY, number)));
        let earlier = earlier.take_while(|path| path.exists()).filter_map(|path| Self::read_file(&path).ok());
        earlier.chain(Self::read(dir).ok()).collect()
    }

    /// Writes it, whole or not at all, without secrets.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, dir: &Path, redactor: &Redactor) -> io::Result<()> {
        let clean = redactor.clean_json(self)?;
        crate::core::files::write_json_unsynced(&dir.join(files::SUMMARY), &clean)
    }
}

/// The name of a file of which there are several: `summary.json` becomes `summary.1.json`.
pub(super) fn numbered(name: &str, number: u32) -> String {
    match name.split_once('.') {
        Some((stem, ending)) => format!("{stem}.{number}.{ending}"),
        None => format!("{name}.{number}"),
    }
}

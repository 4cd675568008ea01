//! The log of one session as it is written.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

use super::event::{self, Event, QUIET_MS, Timed};
use super::summary::{Judged, Limits, OpenCall, Peaks, Status, Summary, VERSION, numbered};
use super::{anomaly, files as names, index};
use crate::core::files;
use crate::core::paths::{KitchenDir, RUNS};
use crate::core::redact::Redactor;
use crate::core::text::first_line;
use crate::core::time::millis;
use crate::execution::facts::Facts;
use crate::execution::process::{Identity, Sample, next_look, sample};
use crate::execution::record::Record;
use crate::execution::session::{Ended, Session};
use crate::execution::verdict::{Declared, missing};

/// How much of the prompt a summary has, in characters, as many as AutoSkillit 0.9's index has.
const PROMPT: usize = 100;

/// From this length on a line is written without its line break, which follows: that costs less than a copy of it.
const LONG_LINE: usize = 64 << 10;

/// Everything that a session leaves in its folder, but for what it is given before it begins.
const ALL: [&str; 9] = [
    names::SUMMARY,
    names::SPEC,
    names::PROMPT,
    names::STREAM,
    names::STDERR,
    names::EVENTS,
    names::SAMPLES,
    names::VERDICT,
    names::WARDEN,
];

/// The log of a session that runs. What cannot be written is given up after one warning.
pub(in crate::execution) struct SessionLog {
    dir: PathBuf,
    kitchen: Option<KitchenDir>,
    redactor: Redactor,
    began: Instant,
    stream: Sink,
    stderr: Sink,
    events: Sink,
    samples: Sink,
    told: Vec<Timed>,
    taken: Vec<Sample>,
    last_word: Duration,
    next_look: Option<Instant>,
    summary: Summary,
}

/// A file that is opened when there is something to write, and given up when it cannot be written.
enum Sink {
    Closed(PathBuf),
    Open(File),
    GivenUp,
}

impl Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if let Self::Closed(path) = self {
            match files::append_private(path) {
                Ok(file) => *self = Self::Open(file),
                Err(error) => {
                    *self = Self::GivenUp;
                    return Err(error);
                }
            }
        }
        let Self::Open(file) = self else { return Ok(()) };
        let written = file.write_all(bytes);
        if written.is_err() {
            *self = Self::GivenUp;
        }
        written
    }
}

impl SessionLog {
    /// Begins it: what the session is told, and who it is.
    pub(in crate::execution) fn start(session: &Session<'_>) -> Self {
        let dir = session.dir.to_owned();
        keep_earlier(&dir);
        let owner = Identity::this();
        let prompt: String = first_line(&session.spec.prompt).chars().take(PROMPT).collect();
        let sink = |name: &str| Sink::Closed(dir.join(name));
        let mut log = Self {
            kitchen: KitchenDir::around(&dir),
            redactor: session.redactor.clone(),
            began: Instant::now(),
            stream: sink(names::STREAM),
            stderr: sink(names::STDERR),
            events: sink(names::EVENTS),
            samples: sink(names::SAMPLES),
            told: Vec::new(),
            taken: Vec::new(),
            last_word: Duration::ZERO,
            next_look: None,
            summary: Summary {
                schema_version: VERSION,
                status: Status::Running,
                session_id: session.spec.session_id.clone(),
                continues: session.spec.continues,
                run_id: run_of(&dir),
                place: session.place.cloned(),
                cwd: session.spec.cwd.clone(),
                client: session.client.program.clone(),
                client_version: None,
                model: session.spec.model.clone(),
                transcript: session.transcript.map(Path::to_owned),
                prompt,
                started_at: Timestamp::now(),
                ended_at: None,
                elapsed_ms: None,
                owner: owner.clone(),
                process: None,
                limits: Limits::of(session.policy),
                termination: None,
                exit: None,
                verdict: None,
                refused: Vec::new(),
                made_good: Vec::new(),
                background: Vec::new(),
                open_calls: Vec::new(),
                missing_outputs: Vec::new(),
                left: Vec::new(),
                unlisted: 0,
                stdout_held: false,
                dropped_lines: 0,
                records: 0,
                tool_calls: 0,
                usage: crate::core::usage::Usage::default(),
                usage_by_model: indexmap::IndexMap::new(),
                peaks: Peaks::default(),
                samples: 0,
                anomalies: Vec::new(),
                log_trouble: None,
            },
            dir,
        };
        let prompt = log.redactor.clean(&session.spec.prompt).into_owned();
        let written = files::write_unsynced(&log.dir.join(names::PROMPT), prompt.as_bytes());
        log.noted(names::PROMPT, written);
        log.write_json(names::SPEC, session.spec);
        log.write_summary();
        log.event(Event::Began { owner, continues: session.spec.continues });
        log
    }

    /// The client runs as this process.
    pub(in crate::execution) fn spawned(&mut self, pid: u32) {
        let process = Identity::of(pid);
        self.summary.process = Some(process.clone());
        self.write_summary();
        self.event(Event::Spawned { process });
        self.next_look = Some(self.began + next_look(self.began.elapsed()));
    }

    /// A line of the stream.
    pub(in crate::execution) fn line(&mut self, line: &[u8]) {
        let clean = self.redactor.clean_bytes(line);
        let written = if clean.len() < LONG_LINE {
            let mut line = Vec::with_capacity(clean.len() + 1);
            line.extend_from_slice(&clean);
            line.push(b'\n');
            self.stream.write(&line)
        } else {
            self.stream.write(&clean).and_then(|()| self.stream.write(b"\n"))
        };
        self.noted(names::STREAM, written);
    }

    /// What the line was read as.
    pub(in crate::execution) fn record(&mut self, record: &Record) {
        // The client's heartbeat and the service's are no words of the work.
        if matches!(record, Record::ToolProgress { .. } | Record::Ping) {
            return;
        }
        self.hush_is_over();
        if let Some(event) = Event::of(record) {
            self.event(event);
        }
    }

    /// A piece of standard error, without secrets already.
    pub(in crate::execution) fn stderr(&mut self, clean: &[u8]) {
        let written = self.stderr.write(clean);
        self.noted(names::STDERR, written);
    }

    /// Tells how long the stream was silent, when that was long.
    fn hush_is_over(&mut self) {
        let now = self.began.elapsed();
        let quiet = millis(now.saturating_sub(self.last_word));
        self.last_word = now;
        if quiet >= QUIET_MS {
            self.event(Event::Quiet { for_ms: quiet });
        }
    }

    /// Something happened.
    pub(in crate::execution) fn event(&mut self, event: Event) {
        if matches!(event, Event::Decided { .. } | Event::EndOfStream) {
            // A session that is ended for its silence says nothing that would end it.
            self.hush_is_over();
        }
        let timed = Timed {
            schema_version: event::VERSION,
            at_ms: millis(self.began.elapsed()),
            at: Timestamp::now(),
            event,
        };
        let written = match self.redactor.clean_json(&timed) {
            Ok(clean) => self.events.write(format!("{clean}\n").as_bytes()),
            Err(error) => Err(error.into()),
        };
        self.noted(names::EVENTS, written);
        self.told.push(timed);
    }

    /// When the processes are to be looked at next.
    pub(in crate::execution) fn next_look(&self) -> Option<Instant> {
        self.next_look
    }

    /// Looks at the processes.
    pub(in crate::execution) fn look(&mut self) {
        let elapsed = self.began.elapsed();
        self.next_look = None;
        let Some(process) = &self.summary.process else { return };
        let sample = sample(elapsed, process.pid);
        if sample.processes.is_empty() {
            // It is gone, or the system does not say.
            return;
        }
        self.next_look = Some(self.began + next_look(elapsed));
        let written = match self.redactor.clean_json(&sample) {
            Ok(clean) => self.samples.write(format!("{clean}\n").as_bytes()),
            Err(error) => Err(error.into()),
        };
        self.noted(names::SAMPLES, written);
        self.taken.push(sample);
    }

    /// Ends it with what the session came to.
    pub(in crate::execution) fn finish(
        mut self,
        facts: &Facts,
        outputs: &[Declared],
        mut ended: Ended,
    ) -> Ended {
        let verdict = &ended.verdict;
        self.event(Event::Judged {
            termination: ended.termination,
            subtype: verdict.subtype.clone(),
            success: verdict.success,
        });
        self.write_json(names::VERDICT, &ended);
        let elapsed = self.began.elapsed();
        let summary = &mut self.summary;
        summary.status = Status::Ended;
        summary.ended_at = Some(Timestamp::now());
        summary.elapsed_ms = Some(millis(elapsed));
        summary.termination = Some(ended.termination);
        summary.exit = ended.exit;
        summary.verdict = Some(Judged::from(verdict));
        summary.missing_outputs = missing(outputs, &verdict.outputs);
        summary.left.clone_from(&ended.left);
        summary.unlisted = ended.unlisted;
        summary.stdout_held = ended.stdout_held;
        summary.dropped_lines = ended.dropped_lines;
        fill(summary, facts, &self.taken, &self.told);
        self.write_summary();
        ended.log_trouble = self.summary.log_trouble;
        ended
    }

    fn write_json(&mut self, name: &str, value: &impl Serialize) {
        let written = match self.redactor.clean_json(value) {
            Ok(clean) => files::write_json_unsynced(&self.dir.join(name), &clean),
            Err(error) => Err(error.into()),
        };
        self.noted(name, written);
    }

    /// Writes the summary, and the index where the session begins or ends.
    fn write_summary(&mut self) {
        let written = self.summary.write(&self.dir, &self.redactor);
        self.noted(names::SUMMARY, written);
        // Between the two nothing changes that the index says.
        if self.summary.status == Status::Running && self.summary.process.is_some() {
            return;
        }
        if let Some(kitchen) = &self.kitchen
            && let Some(line) = index::Line::of(kitchen, &self.dir, &self.summary)
        {
            let written = index::append(kitchen, &line);
            self.noted("index", written);
        }
    }

    /// Warns of the first thing that cannot be written, and of no other.
    fn noted(&mut self, what: &str, written: std::io::Result<()>) {
        let Err(error) = written else { return };
        if self.summary.log_trouble.is_none() {
            tracing::warn!(dir = %self.dir.display(), what, %error, "the log of a session cannot be written; the session goes on");
            self.summary.log_trouble = Some(format!("{what} could not be written: {error}"));
        }
    }
}

/// What stream, looks and events say.
pub(super) fn fill(summary: &mut Summary, facts: &Facts, samples: &[Sample], events: &[Timed]) {
    summary.client_version = facts.init.as_ref().map(|init| init.version.clone());
    summary.refused = facts.standing_denials();
    let stands = |id: &str| summary.refused.iter().any(|denial| denial.id == id);
    summary.made_good = facts.denials.iter().filter(|denial| !stands(&denial.id)).cloned().collect();
    summary.background.clone_from(&facts.background);
    let open = facts.calls.values().filter(|call| call.ok.is_none());
    summary.open_calls =
        open.map(|call| OpenCall { tool: call.tool.clone(), target: call.target.clone() }).collect();
    summary.records = facts.records;
    summary.tool_calls = facts.calls.len();
    summary.usage = facts.usage();
    summary.usage_by_model = facts.usage_by_model();
    summary.peaks = Peaks::of(samples);
    summary.samples = samples.len();
    summary.anomalies = anomaly::find(samples, events);
}

/// The run whose folder a session's is in.
fn run_of(dir: &Path) -> Option<String> {
    let run = dir.parent()?.parent()?;
    let of_runs = run.parent()?.file_name()? == RUNS;
    of_runs.then(|| run.file_name().unwrap_or_default().to_string_lossy().into_owned())
}

/// A session that is continued has the files of its beginning in its folder: they get a number.
fn keep_earlier(dir: &Path) {
    if !dir.join(names::SUMMARY).exists() {
        return;
    }
    let Some(number) = (1..10_000).find(|number| !dir.join(numbered(names::SUMMARY, *number)).exists())
    else {
        return;
    };
    for name in ALL {
        // The summary comes first: what a crash leaves in between belongs to it all the same.
        let _ = std::fs::rename(dir.join(name), dir.join(numbered(name, number)));
    }
}

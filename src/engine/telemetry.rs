//! What a run took and what failed in it: a fold over its journal, so that a run that was resumed has all of it, and nothing is kept twice.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde_json::Value;

use super::event::{Entry, Event};
use super::place::Frame;
use crate::pipeline::audit::Failure;
use crate::pipeline::telemetry::DRIVING;
use crate::pipeline::telemetry::timings::TimingLog;
use crate::pipeline::telemetry::tokens::{ByModel, TokenLog, Used};

/// Entries up to these numbers are not told any more: somebody asked to forget them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Of tokens.
    pub tokens: u64,
    /// Of times.
    pub timings: u64,
    /// Of failures.
    pub failures: u64,
}

/// The fold.
#[derive(Debug, Clone, Default)]
pub struct Telemetry {
    /// What its sessions used.
    pub tokens: TokenLog,
    /// How long its steps took.
    pub timings: TimingLog,
    /// What failed, in order.
    pub failures: Vec<Failure>,
    run: String,
    forgotten: Forgotten,
    /// Number of the last entry.
    seq: u64,
    begun: HashMap<Tried, Begun>,
    /// Tries that were cut off: their end tells of something that was counted.
    cut_off: HashSet<Tried>,
    /// Sessions that were counted.
    sessions: HashSet<String>,
    driving: Option<Driving>,
}

/// Step, visit and try.
type Tried = (String, u32, u32);

/// What is known of a try from its start.
#[derive(Debug, Clone)]
struct Begun {
    at: Timestamp,
    what: String,
    is_call: bool,
    session: Option<String>,
}

/// A session that drives.
#[derive(Debug, Clone)]
struct Driving {
    at: Timestamp,
    /// Milliseconds that steps took since then.
    steps_ms: u64,
}

impl Telemetry {
    /// That of a run without entries, which may tell less than all.
    #[must_use]
    pub fn of(run: &str, forgotten: Forgotten) -> Self {
        Self { run: run.to_owned(), forgotten, ..Self::default() }
    }

    /// That of a run with this journal.
    #[must_use]
    pub fn fold<'a>(run: &str, entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut telemetry = Self::of(run, Forgotten::default());
        entries.into_iter().for_each(|entry| drop(telemetry.take(entry)));
        telemetry
    }

    /// Takes the next entry, and gives the failure that it tells of. An entry that is already in changes nothing. A journal that is
    /// read tells its failures in the same words as the run while it goes on.
    pub fn take(&mut self, entry: &Entry) -> Option<Failure> {
        if entry.seq <= self.seq {
            return None;
        }
        self.seq = entry.seq;
        match &entry.event {
            Event::StepStarted { step, visit, attempt, tool, what, session, .. } => {
                let begun = Begun {
                    at: entry.at,
                    what: what.clone(),
                    is_call: tool.is_some(),
                    session: session.clone(),
                };
                self.begun.insert((step.clone(), *visit, *attempt), begun);
            }
            Event::StepEnded { step, visit, attempt, elapsed_ms, usage, result, .. } => {
                let tried = (step.clone(), *visit, *attempt);
                // The items of a loop share the row of their step.
                let (_, step) = Frame::of(step);
                let begun = self.begun.remove(&tried);
                let is_new = !self.cut_off.remove(&tried);
                if begun.as_ref().is_some_and(|begun| begun.is_call) || usage.is_some() {
                    self.took(step, *elapsed_ms, is_new);
                }
                if let Some(usage) = usage {
                    let models = result.get("usage_by_model").cloned().unwrap_or_default();
                    let models: ByModel = serde_json::from_value(models).unwrap_or_default();
                    let session = begun.as_ref().and_then(|begun| begun.session.clone());
                    let is_new = session.map_or(is_new, |session| self.sessions.insert(session));
                    let used = Used { usage: *usage, models: &models, elapsed_ms: *elapsed_ms, is_new };
                    self.used(step, used);
                }
                let failure = self.failure(entry, begun.map(|begun| begun.what).unwrap_or_default())?;
                if self.seq > self.forgotten.failures {
                    self.failures.push(failure.clone());
                }
                return Some(failure);
            }
            Event::StepCutOff { step, visit, attempt, usage } => {
                let tried = (step.clone(), *visit, *attempt);
                let begun = self.begun.remove(&tried);
                let elapsed_ms = begun.as_ref().map_or(0, |begun| between(begun.at, entry.at));
                let is_new = self.cut_off.insert(tried);
                let (_, step) = Frame::of(step);
                self.took(step, elapsed_ms, is_new);
                let session = begun.and_then(|begun| begun.session);
                let is_new = session.map_or(is_new, |session| self.sessions.insert(session));
                self.used(step, Used { usage: *usage, models: &ByModel::new(), elapsed_ms, is_new });
            }
            Event::OrchestratorStarted { .. } => {
                self.driving = Some(Driving { at: entry.at, steps_ms: 0 });
            }
            Event::OrchestratorEnded { usage, usage_by_model, .. } => {
                // While a step is at work, whoever drives waits for it: that time is the step's.
                let elapsed_ms = self
                    .driving
                    .take()
                    .map_or(0, |driving| between(driving.at, entry.at).saturating_sub(driving.steps_ms));
                let used = Used { usage: *usage, models: usage_by_model, elapsed_ms, is_new: true };
                self.used(DRIVING, used);
            }
            Event::RunResumed { .. } => self.driving = None,
            // Nothing else takes or fails.
            _ => {}
        }
        None
    }

    /// Number of the last entry that is in.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    fn took(&mut self, step: &str, elapsed_ms: u64, is_new: bool) {
        if let Some(driving) = &mut self.driving {
            driving.steps_ms = driving.steps_ms.saturating_add(elapsed_ms);
        }
        if self.seq > self.forgotten.timings {
            self.timings.record(&self.run, step, elapsed_ms, is_new);
        }
    }

    fn used(&mut self, step: &str, used: Used<'_>) {
        if self.seq > self.forgotten.tokens {
            self.tokens.record(&self.run, step, used);
        }
    }

    fn failure(&self, entry: &Entry, skill_command: String) -> Option<Failure> {
        let Event::StepEnded { step, ok: false, label, summary, result, .. } = &entry.event else {
            return None;
        };
        Some(Failure {
            timestamp: entry.at,
            run_id: self.run.clone(),
            step: step.clone(),
            skill_command,
            subtype: label.clone(),
            stderr: summary.clone(),
            ..Failure::told(result)
        })
    }
}

/// Milliseconds from one time to a later one; none when a clock was set back.
fn between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_millis()).unwrap_or(0)
}

impl Forgotten {
    /// What either of two forgets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.max(other.tokens),
            timings: self.timings.max(other.timings),
            failures: self.failures.max(other.failures),
        }
    }
}

/// Whether an argument means yes: a flag, or its word.
#[must_use]
pub fn is_yes(argument: Option<&Value>) -> bool {
    match argument {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => matches!(text.trim().to_ascii_lowercase().as_str(), "true" | "yes"),
        _ => false,
    }
}

/// What the calls of a run's own steps asked to forget (`clear`).
#[must_use]
pub fn forgotten<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Forgotten {
    let mut forgotten = Forgotten::default();
    let mut asked: HashMap<Tried, String> = HashMap::new();
    for entry in entries {
        match &entry.event {
            Event::StepStarted { step, visit, attempt, tool: Some(tool), params, .. }
                if is_yes(params.get("clear")) =>
            {
                asked.insert((step.clone(), *visit, *attempt), tool.clone());
            }
            Event::StepEnded { step, visit, attempt, ok: true, .. } => {
                match asked.remove(&(step.clone(), *visit, *attempt)).as_deref() {
                    Some("get_token_summary") => forgotten.tokens = entry.seq,
                    Some("get_timing_summary") => forgotten.timings = entry.seq,
                    Some("get_pipeline_report") => forgotten.failures = entry.seq,
                    _ => {}
                }
            }
            _ => {}
        }
    }
    forgotten
}

#[cfg(test)]
mod tests;

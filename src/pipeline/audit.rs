//! The audit: what failed, for `get_pipeline_report`, and how often in a row.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The most failures that are kept; the oldest go first.
const KEPT: usize = 500;

/// One failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// When.
    pub timestamp: Timestamp,
    /// The run; empty for what belongs to none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub run_id: String,
    /// The step; empty for what belongs to none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub step: String,
    /// What was done: the skill command, the command line, the name of background work.
    pub skill_command: String,
    /// The exit code, where there was a process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// The verdict: `permission_denied`, `tests fail`, `background_exception`, `crashed`, …
    pub subtype: String,
    /// Whether another try may help.
    pub needs_retry: bool,
    /// Why, or `none`.
    pub retry_reason: String,
    /// What was said, in one line.
    pub stderr: String,
}

impl Failure {
    /// What the result of a call tells of its failure; the rest is to be filled in.
    #[must_use]
    pub fn told(result: &Value) -> Self {
        let told = |name: &str| result.get(name);
        Self {
            timestamp: Timestamp::UNIX_EPOCH,
            run_id: String::new(),
            step: String::new(),
            skill_command: String::new(),
            exit_code: told("exit_code").and_then(Value::as_i64),
            subtype: String::new(),
            needs_retry: told("needs_retry").and_then(Value::as_bool).unwrap_or(false),
            retry_reason: told("retry_reason").and_then(Value::as_str).unwrap_or("none").to_owned(),
            stderr: String::new(),
        }
    }

    /// A failure of background work.
    #[must_use]
    pub fn background(label: &str, error: &str, timestamp: Timestamp) -> Self {
        Self {
            timestamp,
            run_id: String::new(),
            step: String::new(),
            skill_command: label.to_owned(),
            exit_code: None,
            subtype: "background_exception".to_owned(),
            needs_retry: false,
            retry_reason: "none".to_owned(),
            stderr: error.to_owned(),
        }
    }
}

/// The failures of one server's life.
#[derive(Debug, Default)]
pub struct Audit {
    failures: Mutex<Vec<Failure>>,
}

impl Audit {
    /// Adds a failure. One that is there already counts once: what a journal tells again is not new.
    pub fn record(&self, failure: Failure) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.contains(&failure) {
            return;
        }
        let at = failures.partition_point(|known| known.timestamp <= failure.timestamp);
        failures.insert(at, failure);
        if failures.len() > KEPT {
            failures.remove(0);
        }
    }

    /// All of them, the oldest first.
    #[must_use]
    pub fn report(&self) -> Vec<Failure> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets them.
    pub fn clear(&self) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// How often in a row a skill may fail in a way that another try may help, where no recipe bounds it, as in AutoSkillit 0.9.
pub const TRIES: u32 = 3;

/// Failures in a row, by what was done. A command is known by a digest of all of it: many differ only behind what a list shows.
#[derive(Debug, Default)]
pub struct Streaks {
    failures: Mutex<HashMap<[u8; 32], u32>>,
}

impl Streaks {
    /// It was done and failed; another try may help. Gives how often that happened in a row by now.
    pub fn failed(&self, command: &str) -> u32 {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let streak = failures.entry(digest(command)).or_default();
        *streak = streak.saturating_add(1);
        *streak
    }

    /// It came to something else: the row is over.
    pub fn over(&self, command: &str) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest(command));
    }
}

fn digest(command: &str) -> [u8; 32] {
    Sha256::digest(command.trim().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_are_counted_by_the_whole_command() {
        let streaks = Streaks::default();
        let long = format!("/autoskillit:plan {}", "x".repeat(300));
        let other = format!("{long}y");
        assert_eq!([streaks.failed(&long), streaks.failed(&other), streaks.failed(&long)], [1, 1, 2]);
        streaks.over(&long);
        assert_eq!([streaks.failed(&long), streaks.failed(&other)], [1, 2]);
    }

    fn failure(second: i64) -> Failure {
        Failure::background("drift check", "no", Timestamp::from_second(second).unwrap())
    }

    #[test]
    fn failures_are_told_in_the_order_of_their_time_and_once() {
        let audit = Audit::default();
        for second in [3, 1, 2, 3, 1] {
            audit.record(failure(second));
        }
        let times: Vec<i64> = audit.report().iter().map(|failure| failure.timestamp.as_second()).collect();
        assert_eq!(times, [1, 2, 3]);
        audit.clear();
        assert_eq!(audit.report(), []);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let audit = Audit::default();
        for second in 0..=500 {
            audit.record(failure(second));
        }
        let report = audit.report();
        assert_eq!((report.len(), report[0].timestamp.as_second()), (KEPT, 1));
    }
}

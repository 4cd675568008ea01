//! How long steps took.

use indexmap::IndexMap;
use serde::Serialize;

use super::canonical;

/// How long a step took, over all its tries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Timing {
    /// The step.
    pub step: String,
    /// Milliseconds, together.
    pub total_ms: u64,
    /// How many tries.
    pub count: u64,
}

/// How long steps took, by run and step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimingLog {
    rows: IndexMap<(String, String), Timing>,
}

impl TimingLog {
    /// Adds a try, or a part of one that was told of before. A label without a name is none.
    pub fn record(&mut self, run: &str, label: &str, elapsed_ms: u64, is_new: bool) {
        let step = canonical(label);
        if !step.is_empty() {
            self.add((run.to_owned(), step.to_owned()), elapsed_ms, u64::from(is_new));
        }
    }

    fn add(&mut self, key: (String, String), elapsed_ms: u64, count: u64) {
        let step = key.1.clone();
        let row = self.rows.entry(key).or_insert_with(|| Timing { step, ..Timing::default() });
        row.total_ms += elapsed_ms;
        row.count += count;
    }

    /// The rows of a run, or of all runs with the same step in one row; each step where it first came.
    #[must_use]
    pub fn report(&self, run: Option<&str>) -> Vec<Timing> {
        let mut rows = Self::default();
        for ((of, step), row) in &self.rows {
            if run.is_none_or(|run| run == of) {
                rows.add((String::new(), step.clone()), row.total_ms, row.count);
            }
        }
        rows.rows.into_values().collect()
    }

    /// Takes in what another log has.
    pub fn merge(&mut self, other: &Self) {
        for (key, row) in &other.rows {
            self.add(key.clone(), row.total_ms, row.count);
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.rows.clear();
    }
}

/// All rows together, in milliseconds.
#[must_use]
pub fn total_ms(rows: &[Timing]) -> u64 {
    rows.iter().map(|row| row.total_ms).sum()
}

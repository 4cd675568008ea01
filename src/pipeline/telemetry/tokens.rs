//! What the sessions of steps used.

use indexmap::IndexMap;
use serde::Serialize;

use super::canonical;
use crate::core::usage::Usage;

/// The model of what nobody says the model of.
pub const UNKNOWN_MODEL: &str = "unknown";

/// Usage by model, in the order in which they came.
pub type ByModel = IndexMap<String, Usage>;

/// What one try of a step, or one session that drove, used.
#[derive(Debug, Clone, Copy)]
pub struct Used<'a> {
    /// All of it.
    pub usage: Usage,
    /// The same by model, as far as it is known.
    pub models: &'a ByModel,
    /// Milliseconds that it took.
    pub elapsed_ms: u64,
    /// Whether it was a session that no earlier record was about.
    pub is_new: bool,
}

/// What a step used, over all its sessions.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Row {
    /// The step.
    pub step: String,
    /// Tokens, turns and dollars.
    #[serde(flatten)]
    pub usage: Usage,
    /// How many sessions.
    pub count: u64,
    /// Milliseconds that they took together.
    pub elapsed_ms: u64,
    /// The same by model. The client tells of more here than in its sum: what it does beside the session's own work.
    pub models: ByModel,
}

impl Row {
    fn add(&mut self, other: &Self) {
        self.usage += other.usage;
        self.count += other.count;
        self.elapsed_ms += other.elapsed_ms;
        add(&mut self.models, &other.models);
    }
}

/// What steps used, by run and step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TokenLog {
    rows: IndexMap<(String, String), Row>,
}

impl TokenLog {
    /// Adds a record. Nothing that was used, or a label without a name, is none.
    pub fn record(&mut self, run: &str, label: &str, used: Used<'_>) {
        let step = canonical(label);
        if step.is_empty() || used.usage == Usage::default() {
            return;
        }
        let row = self.rows.entry((run.to_owned(), step.to_owned())).or_default();
        step.clone_into(&mut row.step);
        let mut models = used.models.clone();
        rest(&mut models, used.usage);
        row.add(&Row {
            step: String::new(),
            usage: used.usage,
            count: u64::from(used.is_new),
            elapsed_ms: used.elapsed_ms,
            models,
        });
    }

    /// The rows of a run, or of all runs with the same step in one row; each step where it first came.
    #[must_use]
    pub fn report(&self, run: Option<&str>) -> Vec<Row> {
        let mut rows: IndexMap<&str, Row> = IndexMap::new();
        for ((of, step), row) in &self.rows {
            if run.is_none_or(|run| run == of) {
                rows.entry(step).or_insert_with(|| Row { step: step.clone(), ..Row::default() }).add(row);
            }
        }
        rows.into_values().collect()
    }

    /// Takes in what another log has.
    pub fn merge(&mut self, other: &Self) {
        for (key, row) in &other.rows {
            let step = key.1.clone();
            self.rows.entry(key.clone()).or_insert_with(|| Row { step, ..Row::default() }).add(row);
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.rows.clear();
    }
}

/// All rows in one; its step has no name.
#[must_use]
pub fn total(rows: &[Row]) -> Row {
    rows.iter().fold(Row::default(), |mut total, row| {
        total.add(row);
        total
    })
}

fn add(all: &mut ByModel, more: &ByModel) {
    for (model, usage) in more {
        *all.entry(model.clone()).or_default() += *usage;
    }
}

/// Puts what `models` do not tell of `usage` under [`UNKNOWN_MODEL`], and what is told of a model without a name as well.
fn rest(models: &mut ByModel, usage: Usage) {
    let nameless = models.shift_remove("").unwrap_or_default();
    let mut told = Usage::default();
    models.values().for_each(|usage| told += *usage);
    let cost = usage.cost_usd - told.cost_usd;
    let rest = Usage {
        input: usage.input.saturating_sub(told.input).max(nameless.input),
        output: usage.output.saturating_sub(told.output).max(nameless.output),
        cache_read: usage.cache_read.saturating_sub(told.cache_read).max(nameless.cache_read),
        cache_write: usage.cache_write.saturating_sub(told.cache_write).max(nameless.cache_write),
        // Messages of models are counted as turns where the session's own are.
        turns: nameless.turns,
        // Below this it is the error of adding.
        cost_usd: if cost > 1e-9 { cost } else { 0.0 },
    };
    if rest.tokens() > 0 || rest.cost_usd > 0.0 {
        *models.entry(UNKNOWN_MODEL.to_owned()).or_default() += rest;
    }
}

//! How much the tools of a served kitchen answered: what an answer costs whoever asked.

use std::sync::{Mutex, PoisonError};

use indexmap::IndexMap;
use serde::Serialize;

/// Bytes of an answer that are reckoned as one token.
const BYTES_PER_TOKEN: u64 = 4;

/// The answers of one tool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Answered {
    /// The tool.
    pub tool_name: String,
    /// Bytes, together.
    pub response_bytes: u64,
    /// Tokens, together, as they are reckoned answer by answer.
    pub estimated_response_tokens: u64,
    /// How many answers.
    pub invocation_count: u64,
}

/// All answers together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct AnsweredTotal {
    /// Bytes.
    pub total_response_bytes: u64,
    /// Tokens.
    pub total_estimated_response_tokens: u64,
    /// How many.
    pub total_invocations: u64,
}

/// The answers of tools, by run and tool.
#[derive(Debug, Default)]
pub struct ResponseLog {
    rows: Mutex<IndexMap<(String, String), Answered>>,
}

impl ResponseLog {
    /// Adds an answer of so many bytes; gives the tokens that it is reckoned as.
    pub fn record(&self, run: &str, tool: &str, bytes: u64) -> u64 {
        let tokens = bytes / BYTES_PER_TOKEN;
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        add(
            &mut rows,
            (run.to_owned(), tool.to_owned()),
            &Answered {
                tool_name: String::new(),
                response_bytes: bytes,
                estimated_response_tokens: tokens,
                invocation_count: 1,
            },
        );
        tokens
    }

    /// The rows of a run, or of all with the same tool in one row; each tool where it first came.
    #[must_use]
    pub fn report(&self, run: Option<&str>) -> Vec<Answered> {
        let mut rows = IndexMap::new();
        for ((of, tool), row) in &*self.rows.lock().unwrap_or_else(PoisonError::into_inner) {
            if run.is_none_or(|run| run == of) {
                add(&mut rows, (String::new(), tool.clone()), row);
            }
        }
        rows.into_values().collect()
    }

    /// Forgets those of a run, or all.
    pub fn clear(&self, run: Option<&str>) {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.retain(|(of, _), _| run.is_some_and(|run| run != of));
    }
}

fn add(rows: &mut IndexMap<(String, String), Answered>, key: (String, String), more: &Answered) {
    let tool_name = key.1.clone();
    let row = rows.entry(key).or_insert_with(|| Answered { tool_name, ..Answered::default() });
    row.response_bytes += more.response_bytes;
    row.estimated_response_tokens += more.estimated_response_tokens;
    row.invocation_count += more.invocation_count;
}

/// All rows in one.
#[must_use]
pub fn total(rows: &[Answered]) -> AnsweredTotal {
    rows.iter().fold(AnsweredTotal::default(), |total, row| AnsweredTotal {
        total_response_bytes: total.total_response_bytes + row.response_bytes,
        total_estimated_response_tokens: total.total_estimated_response_tokens
            + row.estimated_response_tokens,
        total_invocations: total.total_invocations + row.invocation_count,
    })
}

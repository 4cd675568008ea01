//! What a tool of a served kitchen answers: JSON in one text. What is long is cut in the middle, with a word about where the whole is.

use miette::{GraphicalReportHandler, GraphicalTheme};
use serde_json::{Map, Value, json};

use crate::app::error::AppError;
use crate::config::McpResponseSettings;
use crate::engine::steer::{Refusal, Standing, Upcoming};
use crate::recipe::LoadError;

/// The most characters of one text in an answer: all results together stay far below what a client takes (25,000 tokens).
const LONGEST: usize = 5_000;
/// How much of them comes from the beginning: the first error of a build stands there, the summary at the end.
const HEAD: usize = 2_000;

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What is told.
    pub value: Value,
    /// Whether the call was not made, as opposed to made and come to nothing.
    pub is_error: bool,
}

impl Answer {
    /// What a call came to.
    pub(super) fn of(value: Value) -> Self {
        Self { value, is_error: false }
    }

    /// A call that is not made.
    pub(super) fn refused(code: &str, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { value: json!({ "success": false, "error_code": code, "error": why }), is_error: true }
    }

    /// A call that is not made, in the shape of a session's verdict: whoever routes on that reads it like any failure.
    pub(super) fn barred(subtype: &str, why: &str) -> Self {
        let value = json!({
            "success": false,
            "error_code": subtype,
            "error": why,
            "result": why,
            "session_id": "",
            "subtype": subtype,
            "cli_subtype": "",
            "is_error": true,
            "exit_code": -1,
            "needs_retry": false,
            "retry_reason": "none",
            "stderr": "",
        });
        Self { value, is_error: true }
    }

    /// An error with its hints.
    pub(super) fn failed(error: &AppError) -> Self {
        let mut answer = Self::refused("failed", error.message.clone());
        answer.put("hints", json!(error.hints));
        if let Some(diagnostic) = &error.diagnostic {
            let mut shown = String::new();
            let handler = GraphicalReportHandler::new_themed(GraphicalTheme::none()).with_width(100);
            if handler.render_report(&mut shown, diagnostic.as_ref()).is_ok() {
                answer.put("details", json!(shown));
            }
        }
        answer
    }

    /// A recipe that cannot be had, with every problem and its place.
    pub(super) fn of_load(error: LoadError) -> Self {
        let findings = match &error {
            LoadError::Invalid(problems) => json!(problems.report()),
            _ => Value::Null,
        };
        let mut answer = Self::failed(&AppError::from(error));
        if !findings.is_null() {
            answer.put("findings", findings);
        }
        answer
    }

    /// Adds a field.
    pub(super) fn put(&mut self, name: &str, value: Value) {
        if let Value::Object(fields) = &mut self.value {
            fields.insert(name.to_owned(), value);
        }
    }

    /// The answer as one text.
    #[must_use]
    pub fn text(&self) -> String {
        cut(self.value.clone()).to_string()
    }
}

/// What is told of an answer of so many tokens that is longer than the settings want.
pub(super) fn long_answer(tool: &str, tokens: u64, settings: McpResponseSettings) -> Option<String> {
    let threshold = settings.alert_threshold_tokens;
    (threshold > 0 && tokens > threshold)
        .then(|| format!("the answer of `{tool}` has about {tokens} tokens, more than {threshold}"))
}

/// Where a run stands, as the answer to a call of its step.
pub(super) fn standing(standing: &Standing) -> Answer {
    let mut value = serde_json::to_value(standing).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        let mut told = Map::new();
        if let Some(Value::Object(last)) = fields.shift_remove("last") {
            told.extend(last);
        }
        told.append(fields);
        told.insert("what_now".to_owned(), json!(standing.next.told()));
        *fields = told;
    }
    Answer::of(value)
}

/// A call that the graph does not allow, with what to do instead.
pub(super) fn refusal(refusal: &Refusal) -> Answer {
    let mut answer = Answer::refused(refusal.code, format!("this call was not made: {}", refusal.why));
    answer.put("next", serde_json::to_value(&refusal.standing.next).unwrap_or_default());
    if let Upcoming::Over { .. } = refusal.standing.next {
        answer.is_error = false;
    }
    answer
}

/// The same value with every long text cut in its middle.
fn cut(value: Value) -> Value {
    match value {
        Value::String(text) if text.chars().count() > LONGEST => {
            let chars = text.chars().count();
            let head: String = text.chars().take(HEAD).collect();
            let tail: String = text.chars().skip(chars - (LONGEST - HEAD)).collect();
            let left_out = chars - LONGEST;
            Value::String(format!("{head}\n…[{left_out} characters left out here]…\n{tail}"))
        }
        Value::Array(items) => items.into_iter().map(cut).collect(),
        // A command that is to be given back is of no use when it is cut.
        Value::Object(fields) if fields.contains_key("fill_in") || fields.contains_key("hints") => fields
            .into_iter()
            .map(|(name, value)| if name == "skill_command" { (name, value) } else { (name, cut(value)) })
            .collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, cut(value))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_keep_their_beginning_and_their_end() {
        let text = format!("first error{}last line", "x".repeat(100_000));
        let told = Answer::of(json!({ "stdout": text, "lines": [text] })).text();
        assert!(told.len() < 2 * LONGEST + 200, "{}", told.len());
        assert!(
            told.contains("first error")
                && told.contains("last line")
                && told.contains("95020 characters left out")
        );
    }

    #[test]
    fn characters_of_several_bytes_are_not_cut_through() {
        let told = cut(json!("ä".repeat(LONGEST + 1)));
        assert!(told.as_str().is_some_and(|text| text.contains("…[1 characters left out here]…")));
        assert_eq!(cut(json!("ä".repeat(LONGEST))), json!("ä".repeat(LONGEST)));
    }

    #[test]
    fn a_command_that_is_to_be_given_back_is_whole() {
        let long = "x".repeat(LONGEST + 1);
        let told = cut(json!({
            "arguments": { "skill_command": long },
            "open": { "skill_command": long, "hints": { "text": long } },
        }));
        assert_eq!(told["open"]["skill_command"], json!(long));
        for cut in [&told["arguments"]["skill_command"], &told["open"]["hints"]["text"]] {
            assert!(cut.as_str().is_some_and(|text| text.contains("left out here")), "{cut}");
        }
    }
}

//! Comparison as AutoSkillit 0.9 means it, where every value is a text that a model reads.

use std::cmp::Ordering;

use serde_json::Value;

use super::text;

/// Whether two values are the same: nothing, null and an empty text are; a boolean is its word in any case; two numbers are
/// compared as numbers, also where one is a text; everything else as a text without blanks around it.
pub(super) fn is_same(one: &Value, other: &Value) -> bool {
    if let (Some(one), Some(other)) = (number(one), number(other)) {
        return one == other;
    }
    let words = |value: &Value| text(value).trim().to_owned();
    let (one_text, other_text) = (words(one), words(other));
    match one.is_boolean() || other.is_boolean() {
        true => one_text.eq_ignore_ascii_case(&other_text),
        false => one_text == other_text,
    }
}

/// Whether a value counts as yes.
pub(super) fn is_set(value: &Value) -> bool {
    match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
        other => {
            let text = text(other).trim().to_ascii_lowercase();
            !matches!(text.as_str(), "" | "false" | "no" | "off" | "0" | "none" | "null")
        }
    }
}

/// The order of two numbers; of anything else there is none.
pub(super) fn order(one: &Value, other: &Value) -> Option<Ordering> {
    number(one)?.partial_cmp(&number(other)?)
}

/// A number, or a text that is one.
fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => {
            let text = text.trim();
            // `inf` and `nan` are words here.
            let written = text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first));
            text.parse().ok().filter(|_| written)
        }
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

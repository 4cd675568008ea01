//! Types of ingredients and captures: reading a text as one, and checking a value against one.

use std::time::Duration;

use serde_json::Value;

use super::model::ValueKind;
use crate::core::text;

impl ValueKind {
    /// Every type, with the word that names it.
    pub const ALL: &[(&'static str, Self)] = &[
        ("string", Self::String),
        ("bool", Self::Bool),
        ("int", Self::Int),
        ("number", Self::Number),
        ("path", Self::Path),
        ("list", Self::List),
        ("json", Self::Json),
    ];

    /// The type with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(word, _)| *word == name).map(|(_, kind)| *kind)
    }

    /// Its name in `type:`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("json", |(word, _)| word)
    }

    /// Reads a text, as typed on a command line.
    ///
    /// # Errors
    /// A fragment that says what is expected.
    pub fn read(self, text: &str) -> Result<Value, String> {
        let expected = |what: &str| format!("`{text}` is not {what}");
        match self {
            Self::String => Ok(Value::from(text)),
            Self::Path if text.contains('\0') => Err("a path has no NUL byte".to_owned()),
            Self::Path => Ok(Value::from(text)),
            Self::Bool => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Ok(Value::from(true)),
                "false" | "no" | "off" | "0" => Ok(Value::from(false)),
                _ => Err(expected("`true` or `false`")),
            },
            Self::Int => text.trim().parse::<i64>().map(Value::from).map_err(|_| expected("a whole number")),
            Self::Number => match text.trim().parse::<i64>() {
                Ok(number) => Ok(Value::from(number)),
                Err(_) => match text.trim().parse::<f64>() {
                    Ok(number) if number.is_finite() => Ok(Value::from(number)),
                    _ => Err(expected("a number")),
                },
            },
            Self::List if text.trim_start().starts_with('[') => match serde_json::from_str(text) {
                Ok(value @ Value::Array(_)) => Ok(value),
                _ => Err(expected("a JSON list")),
            },
            Self::List => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Ok(Value::Array(items.map(Value::from).collect()))
            }
            Self::Json => serde_json::from_str(text).map_err(|error| format!("`{text}` is no JSON: {error}")),
        }
    }

    /// Gives `value` this type: texts are read, others must fit.
    ///
    /// # Errors
    /// A fragment that says what is expected.
    pub fn coerce(self, value: Value) -> Result<Value, String> {
        match (self, value) {
            (Self::Json, value) => Ok(value),
            (kind, Value::String(text)) => kind.read(&text),
            (Self::String | Self::Path, value) => Ok(Value::from(super::expr::text(&value))),
            (kind, value) if kind.accepts(&value) => Ok(value),
            (kind, value) => Err(format!("`{value}` is not {}", kind.noun())),
        }
    }

    /// Whether `value` is of this type as it stands.
    #[must_use]
    pub fn accepts(self, value: &Value) -> bool {
        match self {
            Self::String | Self::Path => value.is_string(),
            Self::Bool => value.is_boolean(),
            Self::Int => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::List => value.is_array(),
            Self::Json => true,
        }
    }

    /// The type in words, with its article.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::String => "a text",
            Self::Bool => "`true` or `false`",
            Self::Int => "a whole number",
            Self::Number => "a number",
            Self::Path => "a path",
            Self::List => "a list",
            Self::Json => "a value",
        }
    }
}

/// A duration: whole seconds, or a text such as `90s`, `10m`, `2h`, `1h30m`.
///
/// # Errors
/// A fragment that says what is expected.
pub fn duration(value: &Value) -> Result<Duration, String> {
    let expected =
        || format!("`{}` is no duration; write seconds, or `90s`, `10m`, `2h`", super::expr::text(value));
    match value {
        Value::Number(number) => number.as_u64().map(Duration::from_secs).ok_or_else(expected),
        Value::String(given) => text::duration(given).ok_or_else(expected),
        _ => Err(expected()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_read_by_type() {
        for (kind, text, value) in [
            (ValueKind::String, " a ", Some(json!(" a "))),
            (ValueKind::Bool, "Yes", Some(json!(true))),
            (ValueKind::Bool, "maybe", None),
            (ValueKind::Int, "-3", Some(json!(-3))),
            (ValueKind::Int, "1.5", None),
            (ValueKind::Number, "1.5", Some(json!(1.5))),
            (ValueKind::Number, "nan", None),
            (ValueKind::List, "a, b,", Some(json!(["a", "b"]))),
            (ValueKind::List, "[1, 2]", Some(json!([1, 2]))),
            (ValueKind::List, "[1", None),
            (ValueKind::Json, "{\"a\": 1}", Some(json!({ "a": 1 }))),
            (ValueKind::Json, "a", None),
        ] {
            assert_eq!(kind.read(text).ok(), value, "{kind:?} {text}");
        }
        assert_eq!(ValueKind::String.coerce(json!(3)), Ok(json!("3")));
        assert!(ValueKind::Int.coerce(json!([])).is_err());
    }

    #[test]
    fn durations_are_read() {
        for (value, seconds) in [
            (json!(90), Some(90)),
            (json!("90"), Some(90)),
            (json!("90s"), Some(90)),
            (json!("1h30m"), Some(5400)),
            (json!(""), None),
            (json!("m"), None),
            (json!("10 m"), None),
            (json!(-1), None),
            (json!(1.5), None),
            (json!("99999999999999999999h"), None),
            (json!("9999999999999999999h"), None),
        ] {
            assert_eq!(duration(&value).ok().map(|found| found.as_secs()), seconds, "{value}");
        }
    }
}

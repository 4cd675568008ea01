//! Secrets stay secret: one redactor for journal, logs, reports and recordings.

use std::borrow::Cow;

use regex::Regex;
use serde::Serialize;
use serde_json::Value;

/// What stands in place of a secret.
pub const MARK: &str = "[redacted]";

/// Shapes of tokens, from the issuers' published prefixes.
const SHAPES: &[&str] = &[
    r"sk-ant-[A-Za-z0-9_-]{16,}",
    r"gh[pousr]_[A-Za-z0-9]{20,}",
    r"github_pat_[A-Za-z0-9_]{20,}",
    r"glpat-[A-Za-z0-9_-]{16,}",
    r"xox[abprs]-[A-Za-z0-9-]{10,}",
    r"AKIA[0-9A-Z]{16}",
    r"npm_[A-Za-z0-9]{30,}",
];

/// Environment variables whose values are secrets, by the end of their names.
const SECRET_NAMES: &[&str] = &["_API_KEY", "_TOKEN", "_SECRET", "_PASSWORD", "_ACCESS_KEY", "_AUTH_TOKEN"];

/// Replaces secrets by [`MARK`].
#[derive(Debug, Clone)]
pub struct Redactor {
    shapes: Regex,
}

impl Redactor {
    /// Knows the token shapes and the values of the given environment's secret variables. Values shorter than
    /// eight characters are left alone: they would blank out ordinary words.
    #[must_use]
    pub fn new(environment: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut values: Vec<String> = environment
            .into_iter()
            .filter(|(name, value)| {
                value.len() >= 8 && SECRET_NAMES.iter().any(|end| name.to_ascii_uppercase().ends_with(end))
            })
            .flat_map(|(_, value)| spellings(value))
            .collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.dedup();
        let pattern: Vec<String> = (SHAPES.iter().map(|&shape| shape.to_owned()))
            .chain(values.iter().map(|value| regex::escape(value)))
            .collect();
        // Thousands of long values could pass the size limit of a pattern; the shapes alone cannot.
        let shapes = Regex::new(&pattern.join("|")).or_else(|_| Regex::new(&SHAPES.join("|")));
        #[expect(clippy::expect_used, reason = "the shapes are a constant, tried by every test")]
        let shapes = shapes.expect("the token shapes are a valid pattern");
        Self { shapes }
    }

    /// `text` without secrets.
    #[must_use]
    pub fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.shapes.replace_all(text, MARK)
    }

    /// `value` as JSON, its texts without secrets. Keys and numbers stay, so that a file of ours keeps its form whatever
    /// the secrets are.
    ///
    /// # Errors
    /// When `value` cannot be written as JSON.
    pub fn clean_json(&self, value: &impl Serialize) -> serde_json::Result<Value> {
        let mut value = serde_json::to_value(value)?;
        self.clean_texts(&mut value);
        Ok(value)
    }

    fn clean_texts(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(clean) = self.clean(text) {
                    *text = clean;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.clean_texts(item)),
            Value::Object(entries) => entries.values_mut().for_each(|value| self.clean_texts(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// `bytes` without secrets; bytes that are not UTF-8 become replacement characters only where something had to
    /// be replaced.
    #[must_use]
    pub fn clean_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        // Asked first, because this goes by machine words, the lossy way by single bytes.
        let text = std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed);
        match self.clean(&text) {
            Cow::Borrowed(_) => Cow::Borrowed(bytes),
            Cow::Owned(clean) => Cow::Owned(clean.into_bytes()),
        }
    }
}

/// The ways in which a value stands in texts of ours: as it is or quoted for a shell, in JSON, and in JSON inside of JSON.
fn spellings(value: String) -> Vec<String> {
    let quoted = value.replace('\'', r"'\''");
    let mut spellings = Vec::new();
    for mut spelling in [value, quoted] {
        for _ in 0..=2 {
            let json = Value::String(spelling.clone()).to_string();
            let inside = json[1..json.len() - 1].to_owned();
            spellings.push(std::mem::replace(&mut spelling, inside));
        }
    }
    spellings.sort();
    spellings.dedup();
    spellings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        Redactor::new([
            ("MY_API_KEY".to_owned(), "odd value #1".to_owned()),
            ("SHORT_TOKEN".to_owned(), "abc".to_owned()),
            ("HOME".to_owned(), "/home/somebody".to_owned()),
        ])
    }

    #[test]
    fn shapes_and_values_are_replaced_and_the_rest_is_kept() {
        let redactor = redactor();
        let token = format!("ghp_{}", "a".repeat(36));
        assert_eq!(redactor.clean(&format!("x {token} y")), "x [redacted] y");
        assert_eq!(redactor.clean("key=odd value #1;"), "key=[redacted];");
        assert_eq!(redactor.clean("abc /home/somebody sk-ant"), "abc /home/somebody sk-ant");
    }

    #[test]
    fn a_value_is_known_however_it_is_written_down() {
        let secret = "it's \"quoted\" \\ and\ttabbed";
        let redactor = Redactor::new([("A_PASSWORD".to_owned(), secret.to_owned())]);
        let json = serde_json::json!(secret).to_string();
        let nested = serde_json::json!(json).to_string();
        let shell = serde_json::json!(crate::core::text::command_line(&[secret.to_owned()])).to_string();
        for written in [secret, &json, &nested, &shell] {
            let clean = redactor.clean(written);
            assert!(clean.contains(MARK) && !clean.contains("quoted"), "{clean}");
        }
    }

    #[test]
    fn a_secret_that_looks_like_our_own_words_breaks_no_json() {
        let redactor = Redactor::new(
            ["12345678", "elapsed_ms"].map(|value| ("A_PASSWORD".to_owned(), value.to_owned())),
        );
        let value = serde_json::json!({ "elapsed_ms": 12_345_678, "texts": ["12345678 elapsed_ms"] });
        let clean = serde_json::json!({ "elapsed_ms": 12_345_678, "texts": ["[redacted] [redacted]"] });
        assert_eq!(redactor.clean_json(&value).unwrap(), clean);
    }

    #[test]
    fn bytes_that_are_not_text_survive() {
        assert_eq!(&*redactor().clean_bytes(b"\xff\xfe abc"), b"\xff\xfe abc");
    }
}

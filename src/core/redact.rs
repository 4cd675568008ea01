//! Secrets stay secret: one redactor for journal, logs, reports and recordings.

use std::borrow::Cow;

use regex::Regex;

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
            .map(|(_, value)| value)
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

    /// The redactor for this process's environment.
    #[must_use]
    pub fn from_env() -> Self {
        Self::new(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    /// `text` without secrets.
    #[must_use]
    pub fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.shapes.replace_all(text, MARK)
    }

    /// `bytes` without secrets; bytes that are not UTF-8 become replacement characters only where something had to
    /// be replaced.
    #[must_use]
    pub fn clean_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        match String::from_utf8_lossy(bytes) {
            Cow::Borrowed(text) => match self.clean(text) {
                Cow::Borrowed(_) => Cow::Borrowed(bytes),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            },
            Cow::Owned(lossy) => match self.clean(&lossy) {
                Cow::Borrowed(_) => Cow::Borrowed(bytes),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            },
        }
    }
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
    fn bytes_that_are_not_text_survive() {
        assert_eq!(&*redactor().clean_bytes(b"\xff\xfe abc"), b"\xff\xfe abc");
    }
}

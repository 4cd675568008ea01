//! What values an expression can have, as far as it is known before a run: which types, and for texts which ones.

use serde_json::Value;

use crate::core::kind::ValueKind;

/// A set of types that a value can have, and the only texts it can be. What is not known is every type.
#[derive(Debug, Clone, PartialEq)]
pub struct Type {
    bits: u8,
    /// The texts that are possible, when they are known; only while the type can be a text.
    choices: Option<Vec<String>>,
}

const NULL: u8 = 1;
const BOOL: u8 = 2;
const NUMBER: u8 = 4;
const TEXT: u8 = 8;
const LIST: u8 = 16;
const MAP: u8 = 32;
const ALL: u8 = NULL | BOOL | NUMBER | TEXT | LIST | MAP;

/// Each type with its word.
const WORDS: [(u8, &str); 6] = [
    (BOOL, "true or false"),
    (NUMBER, "a number"),
    (TEXT, "a text"),
    (LIST, "a list"),
    (MAP, "a mapping"),
    (NULL, "null"),
];

impl Type {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self { bits: ALL, choices: None };
    /// No value at all: where nothing was assigned yet.
    pub const NEVER: Self = Self { bits: 0, choices: None };
    /// Null.
    pub const NULL: Self = Self { bits: NULL, choices: None };
    /// `true` or `false`.
    pub const BOOL: Self = Self { bits: BOOL, choices: None };
    /// A number.
    pub const NUMBER: Self = Self { bits: NUMBER, choices: None };
    /// A text.
    pub const TEXT: Self = Self { bits: TEXT, choices: None };
    /// A list.
    pub const LIST: Self = Self { bits: LIST, choices: None };
    /// A mapping.
    pub const MAP: Self = Self { bits: MAP, choices: None };

    /// The values of a declared type.
    #[must_use]
    pub fn of(kind: ValueKind) -> Self {
        match kind {
            ValueKind::String | ValueKind::Path => Self::TEXT,
            ValueKind::Bool => Self::BOOL,
            ValueKind::Int | ValueKind::Number => Self::NUMBER,
            ValueKind::List => Self::LIST,
            ValueKind::Json => Self::UNKNOWN,
        }
    }

    /// The type of one value; a text is the only one it can be.
    #[must_use]
    pub fn value(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOL,
            Value::Number(_) => Self::NUMBER,
            Value::String(text) => Self::TEXT.among([text.clone()]),
            Value::Array(_) => Self::LIST,
            Value::Object(_) => Self::MAP,
        }
    }

    /// The same where texts can only be these; without any, every text is possible.
    #[must_use]
    pub fn among(mut self, choices: impl IntoIterator<Item = String>) -> Self {
        let choices: Vec<String> = choices.into_iter().collect();
        self.choices = (self.bits & TEXT != 0 && !choices.is_empty()).then_some(choices);
        self
    }

    /// What is one or the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let choices = match (self.bits & TEXT != 0, other.bits & TEXT != 0) {
            (true, false) => self.choices,
            (false, true) => other.choices,
            _ => self.choices.zip(other.choices).map(|(mut one, other)| {
                other.into_iter().for_each(|text| {
                    if !one.contains(&text) {
                        one.push(text);
                    }
                });
                one
            }),
        };
        Self { bits: self.bits | other.bits, choices }
    }

    /// The same without null.
    #[must_use]
    pub fn present(mut self) -> Self {
        if self.bits != ALL {
            self.bits &= !NULL;
        }
        self
    }

    /// The same with every text changed.
    #[must_use]
    pub(super) fn mapped(mut self, change: impl Fn(&str) -> String) -> Self {
        self.choices = self.choices.map(|all| all.iter().map(|text| change(text)).collect());
        self
    }

    /// The texts that it can be, when it can be nothing but one of a few texts, or null.
    #[must_use]
    pub fn choices(&self) -> Option<&[String]> {
        let only = self.bits & !(TEXT | NULL) == 0 && self.bits & TEXT != 0;
        self.choices.as_deref().filter(|_| only)
    }

    /// Whether every value it can have is of one of these types; never where nothing is known.
    #[must_use]
    pub fn is_only(&self, others: &[&Self]) -> bool {
        let bits = others.iter().fold(0, |bits, other| bits | other.bits);
        self.bits != 0 && self.bits & !bits == 0
    }

    /// Whether no value can be of both types.
    #[must_use]
    pub fn excludes(&self, other: &Self) -> bool {
        self.bits != 0 && other.bits != 0 && self.bits & other.bits == 0
    }

    /// Whether it can be null.
    #[must_use]
    pub fn may_be_null(&self) -> bool {
        self.bits & NULL != 0
    }

    /// The type in words, with its article.
    #[must_use]
    pub fn noun(&self) -> String {
        let words: Vec<&str> =
            WORDS.iter().filter(|(bit, _)| self.bits & bit != 0).map(|(_, word)| *word).collect();
        words.join(" or ")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_sets() {
        let few = Type::TEXT.among(["a".to_owned(), "b".to_owned()]);
        let more = few.clone().or(Type::value(&json!("c")));
        assert_eq!(more.choices().unwrap(), ["a", "b", "c"]);
        assert_eq!(few.clone().or(Type::TEXT).choices(), None);
        assert_eq!(few.clone().or(Type::NUMBER).choices(), None, "it may be a number");
        assert_eq!(few.clone().or(Type::NULL).choices().unwrap(), ["a", "b"]);
        assert!(few.is_only(&[&Type::TEXT]) && !few.clone().or(Type::BOOL).is_only(&[&Type::TEXT]));
        assert!(few.excludes(&Type::NUMBER) && !Type::UNKNOWN.excludes(&Type::NUMBER));
        assert!(!Type::NEVER.excludes(&Type::NUMBER) && !Type::NEVER.is_only(&[&Type::TEXT]));
        assert_eq!(Type::BOOL.or(Type::TEXT).noun(), "true or false or a text");
        assert_eq!(Type::UNKNOWN.present(), Type::UNKNOWN);
    }
}

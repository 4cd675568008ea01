//! What tells one JSON value from another, without keeping it. The order of a mapping's keys and the blanks between do not count.

use std::borrow::Cow;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// How deep a value is looked into. What lies deeper makes no difference.
const DEPTH: u8 = 32;

/// The mark of a value; 0 is that of none. Good within one process only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mark(pub(super) u64);

impl Mark {
    /// The mark of a text.
    pub(super) fn of_text(text: &str) -> Self {
        hashed(("text", text))
    }

    /// The mark of null.
    pub(super) fn of_null() -> Self {
        hashed("null")
    }

    /// What an entry of a mapping adds to its mark.
    pub(super) fn entry(key: &str, value: Self) -> u64 {
        hashed((key, value.0)).0
    }
}

/// A key of a mapping, without a copy where the text has it as it is.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Key<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

fn hashed(part: impl Hash) -> Mark {
    let mut hasher = DefaultHasher::new();
    part.hash(&mut hasher);
    Mark(hasher.finish())
}

impl<'de> Deserialize<'de> for Mark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Look(DEPTH).deserialize(deserializer)
    }
}

/// Looks into a value, so deep.
#[derive(Clone, Copy)]
struct Look(u8);

impl<'de> DeserializeSeed<'de> for Look {
    type Value = Mark;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Mark, D::Error> {
        match self.0 {
            0 => IgnoredAny::deserialize(deserializer).map(|_| hashed("deep")),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Look {
    type Value = Mark;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Mark, E> {
        Ok(Mark::of_null())
    }

    fn visit_bool<E>(self, value: bool) -> Result<Mark, E> {
        Ok(hashed(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Mark, E> {
        Ok(hashed(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Mark, E> {
        Ok(hashed(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Mark, E> {
        Ok(hashed(value.to_bits()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Mark, E> {
        Ok(Mark::of_text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Mark, A::Error> {
        let mut whole = hashed("list");
        while let Some(item) = items.next_element_seed(Look(self.0 - 1))? {
            whole = hashed((whole.0, item.0));
        }
        Ok(whole)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Mark, A::Error> {
        let mut sum = hashed("mapping").0;
        while let Some(key) = entries.next_key::<Key<'_>>()? {
            let value = entries.next_value_seed(Look(self.0 - 1))?;
            sum = sum.wrapping_add(Mark::entry(&key.0, value));
        }
        Ok(Mark(sum))
    }
}

/// The mark of the input of a call, entry by entry: what a call is said to be for makes it no other call, unless it says nothing else.
#[derive(Debug, Default)]
pub(super) struct InputMark {
    sum: u64,
    label: u64,
    others: bool,
}

impl InputMark {
    /// Takes one entry.
    pub(super) fn take(&mut self, key: &str, value: Mark) {
        let entry = Mark::entry(key, value);
        if key == "description" {
            self.label = entry;
        } else {
            self.sum = self.sum.wrapping_add(entry);
            self.others = true;
        }
    }

    /// The whole.
    pub(super) fn mark(&self) -> u64 {
        if self.others { self.sum } else { self.label }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(text: &str) -> Mark {
        let read: Mark = serde_json::from_str(text).unwrap();
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(Mark::deserialize(&value).unwrap(), read, "{text}");
        read
    }

    #[test]
    fn values_that_differ_have_other_marks() {
        let values = [
            "null",
            "true",
            "false",
            "0",
            "1",
            "-1",
            "1.5",
            "\"\"",
            "\"1\"",
            "\"null\"",
            "[]",
            "[1]",
            "[1,2]",
            "[2,1]",
            "[[1],2]",
            "{}",
            r#"{"a":1}"#,
            r#"{"b":1}"#,
            r#"{"a":2}"#,
            r#"{"a":1,"b":1}"#,
            r#"{"a":{"b":1}}"#,
        ];
        for (at, one) in values.iter().enumerate() {
            for other in &values[..at] {
                assert_ne!(mark(one), mark(other), "{one} {other}");
            }
        }
    }

    #[test]
    fn how_a_value_is_written_makes_no_difference() {
        assert_eq!(mark(r#"{"a":1,"b":[2]}"#), mark(r#" { "b" : [ 2 ], "a" : 1 } "#));
        assert_eq!(mark(r#""\u0061é\/""#), mark(r#""aé/""#));
        let deep = |depth: usize, inner: &str| format!("{}{inner}{}", "[".repeat(depth), "]".repeat(depth));
        assert_ne!(mark(&deep(30, "1")), mark(&deep(30, "2")));
        assert_eq!(mark(&deep(60, "1")), mark(&deep(60, "2")), "and nothing is lost of the rest");
    }
}

//! Ids of runs and sessions, and of texts.

use std::fmt::Write;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A run's id: the UTC time to the second and four hexadecimal digits, so that names sort by age, are short enough to
/// type and two runs of one second differ.
#[must_use]
pub fn run_id(now: Timestamp, entropy: Uuid) -> String {
    format!("{}-{}", now.strftime("%Y%m%d-%H%M%S"), &entropy.simple().to_string()[..4])
}

/// A fresh session id, in the form that the client takes for `--session-id`.
#[must_use]
pub fn session_id() -> String {
    Uuid::new_v4().to_string()
}

/// A label that others chose, as the name of a folder: letters, digits, `-` and `_`, at most 60 of them.
#[must_use]
pub fn file_name(label: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = label.chars().map(plain).take(60).collect();
    if name.is_empty() { "call".to_owned() } else { name }
}

/// What tells a text from every other: its SHA-256 in hexadecimal digits.
#[must_use]
pub fn fingerprint(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_become_names_that_lead_nowhere() {
        assert_eq!(file_name("fix-tests_2"), "fix-tests_2");
        assert_eq!(file_name("../../etc/passwd"), "------etc-passwd");
        assert_eq!(file_name(""), "call");
        assert_eq!(file_name(&"ä".repeat(100)).len(), 60);
    }

    #[test]
    fn run_ids_sort_by_time() {
        let entropy = Uuid::from_u128(u128::MAX);
        let first = run_id(Timestamp::from_second(1_790_000_000).unwrap(), entropy);
        let second = run_id(Timestamp::from_second(1_790_000_001).unwrap(), Uuid::nil());
        assert_eq!(first, "20260921-141320-ffff");
        assert!(first < second);
    }
}

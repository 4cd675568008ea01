//! What a failure looks like when numbers, times and places are left out of it: two failures with the same signature are the same
//! failure again.

use serde_json::Value;

use crate::core::ids;
use crate::engine::host::Outcome;

/// Bytes at the end of an output that count.
const EVIDENCE: usize = 16 * 1024;

/// Hexadecimal digits of a signature.
const DIGITS: usize = 16;

/// The signature of a failed outcome of a step.
pub(super) fn of(outcome: &Outcome) -> String {
    let field = |name: &str| outcome.result.get(name).and_then(Value::as_str).unwrap_or_default();
    let parts = [outcome.label.as_str(), &outcome.summary, field("stdout"), field("stderr")];
    let mut signature = ids::fingerprint(&parts.map(|text| normal(end_of(text))).join("\0"));
    signature.truncate(DIGITS);
    signature
}

fn end_of(text: &str) -> &str {
    let mut from = text.len().saturating_sub(EVIDENCE);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}

/// A text without what differs from one time to the next: words with a digit in them (numbers, times, ids, temporary names) are
/// all the same, unless they are names in a program (`case_2`), and so are all blanks.
fn normal(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    let parts =
        text.split(|sign: char| !(sign.is_alphanumeric() || sign == '_')).filter(|part| !part.is_empty());
    for part in parts {
        let differs = part.contains(|sign: char| sign.is_ascii_digit()) && !part.contains('_');
        normal.push_str(if differs { "#" } else { part });
        normal.push(' ');
    }
    normal
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::testing::outcome;

    fn said(stdout: &str) -> String {
        of(&Outcome { ..outcome(false, json!({ "stdout": stdout })) })
    }

    #[test]
    fn numbers_times_and_temporary_names_do_not_make_another_failure() {
        let first = "test sum ... FAILED\nleft: 3, in 0.42s (/tmp/x7f3/a)\n";
        assert_eq!(said(first), said("test sum ...  FAILED\nleft: 4, in 1.5s (/tmp/a9b2/a)\n"));
        assert_ne!(said(first), said("test product ... FAILED\nleft: 3, in 0.42s (/tmp/x7f3/a)\n"));
        assert_ne!(said("a b"), said("ab"));
    }

    #[test]
    fn only_the_end_of_a_long_output_counts() {
        let long = format!("{}end", "ä".repeat(EVIDENCE));
        assert_eq!(said(&long), said(&format!("other {long}")));
    }
}

//! Outputs in words: for clients without structured answers, and for sessions that forgot theirs. A line `name = value` of the final
//! text counts, the last one of each name; what is not of its type or none of its choices does not.

use serde_json::{Map, Value};

use super::Declared;

/// The declared outputs that a text says.
pub(super) fn outputs(text: &str, declared: &[Declared]) -> Map<String, Value> {
    let mut found = Map::new();
    for line in text.lines() {
        let Some((name, value)) = pair(line) else { continue };
        let Some(output) = declared.iter().find(|output| output.name == name) else { continue };
        let allowed = output.choices.is_empty() || output.choices.iter().any(|choice| choice == value);
        if let (true, Ok(value)) = (allowed, output.kind.read(value)) {
            found.insert(name.to_owned(), value);
        }
    }
    found
}

/// Name and value of a line, without what prose puts around them: list marks, emphasis, quotes.
fn pair(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=').or_else(|| line.split_once(':'))?;
    let bare = |text: &'static str| move |c: char| c.is_whitespace() || text.contains(c);
    let name = name.trim_matches(bare("-*`_>\"#"));
    let value = value.trim().trim_matches(bare("*`\"'"));
    (!name.is_empty() && !name.contains(char::is_whitespace) && !value.is_empty()).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::kind::ValueKind;
    use serde_json::json;

    #[test]
    fn lines_that_say_a_declared_output_count() {
        let declared = |name: &str, kind, choices: &[&str]| Declared {
            name: name.into(),
            kind,
            required: true,
            choices: choices.iter().map(|&choice| choice.to_owned()).collect(),
        };
        let outputs_of = [
            declared("verdict", ValueKind::String, &["GO", "NO GO"]),
            declared("plan_path", ValueKind::Path, &[]),
            declared("count", ValueKind::Int, &[]),
        ];
        let cases = [
            (
                "verdict = GO\nplan_path=/tmp/a b.md\ncount = 3",
                json!({"verdict": "GO", "plan_path": "/tmp/a b.md", "count": 3}),
            ),
            ("- **verdict**: `NO GO`\n> plan_path = \"x\"", json!({"verdict": "NO GO", "plan_path": "x"})),
            ("verdict = GO\nAnd then:\nverdict = NO GO", json!({"verdict": "NO GO"})),
            ("verdict = MAYBE\ncount = many", json!({})),
            ("The verdict is GO.\nI set verdict = GO here = there", json!({})),
            ("verdict =\n= GO\nother = x", json!({})),
        ];
        for (text, expected) in cases {
            assert_eq!(Value::Object(outputs(text, &outputs_of)), expected, "{text}");
        }
    }
}

//! What a command printed or wrote, read as its result (`outputs_from`).

use std::io;

use serde_json::{Map, Value};

use super::host::Outcome;
use crate::recipe::model::OutputsFrom;

/// The verdict on a command whose output is not what its step says it is.
const LABEL: &str = "unreadable output";

/// Puts what a command gave into its outcome. `written` is the file that it wrote, for a step that names one. The tool's own results keep their
/// names. Output that cannot be read makes a command that succeeded a failed one; after a failure it is left out.
pub(super) fn read(from: &OutputsFrom, outcome: &mut Outcome, written: Option<io::Result<String>>) {
    let stdout = outcome.result.get("stdout").and_then(Value::as_str).unwrap_or_default();
    let fields = match (from, written) {
        (OutputsFrom::Text, _) => return,
        (OutputsFrom::Pairs, _) => Ok(pairs(stdout)),
        (OutputsFrom::Json, _) => mapping(stdout).map_err(|why| format!("its output is {why}")),
        (OutputsFrom::File(_), Some(Ok(text))) => {
            mapping(&text).map_err(|why| format!("the file it wrote is {why}"))
        }
        (OutputsFrom::File(_), Some(Err(error))) => {
            Err(format!("the file that it should have written: {error}"))
        }
        (OutputsFrom::File(_), None) => return,
    };
    match fields {
        Ok(fields) => {
            if let Value::Object(result) = &mut outcome.result {
                for (name, value) in fields {
                    result.entry(name).or_insert(value);
                }
            }
        }
        Err(why) if outcome.ok => {
            outcome.ok = false;
            outcome.label = LABEL.to_owned();
            outcome.summary = why;
        }
        Err(_) => {}
    }
}

/// Lines of `name=value` and `name = value`; other lines mean nothing, and a later line counts.
fn pairs(text: &str) -> Map<String, Value> {
    let pairs = text.lines().filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        let name = name.trim();
        let is_name = !name.is_empty()
            && name.chars().all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-' | '.'));
        is_name.then(|| (name.to_owned(), Value::from(value.trim())))
    });
    pairs.collect()
}

fn mapping(text: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err("no JSON mapping".to_owned()),
        Err(error) => Err(format!("no JSON ({error})")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::testing::{outcome, stdout};
    use crate::recipe::expr::Template;

    #[test]
    fn output_becomes_fields_of_the_result() {
        let file = OutputsFrom::File(Template::parse("out.json").unwrap());
        let missing = || Some(Err(io::Error::from(io::ErrorKind::NotFound)));
        for (from, text, written, expected) in [
            (
                OutputsFrom::Json,
                r#"{"state":"done","n":2,"exit_code":9}"#,
                None,
                Some(json!({"state":"done","n":2})),
            ),
            (OutputsFrom::Json, "[1]", None, None),
            (OutputsFrom::Json, "", None, None),
            (
                OutputsFrom::Pairs,
                "noise\nworktree_path=/a b\nx = 1=2\nx=3\n=y\na b=c",
                None,
                Some(json!({"worktree_path":"/a b","x":"3"})),
            ),
            (OutputsFrom::Text, "{}", None, Some(json!({}))),
            (file.clone(), "", Some(Ok(r#"{"a":[1]}"#.to_owned())), Some(json!({"a":[1]}))),
            (file.clone(), "", Some(Ok("x".to_owned())), None),
            (file.clone(), "", missing(), None),
        ] {
            let mut read_in = outcome(true, stdout(text));
            read(&from, &mut read_in, written);
            let mut expected_result = stdout(text);
            match expected {
                Some(Value::Object(fields)) => expected_result.as_object_mut().unwrap().extend(fields),
                _ => assert_eq!((read_in.ok, read_in.label.as_str()), (false, LABEL), "{text}"),
            }
            assert_eq!(read_in.result, expected_result, "{text}");
        }
        let mut failed = outcome(false, stdout("no json"));
        read(&OutputsFrom::Json, &mut failed, None);
        assert_eq!(failed.label, "failed", "what failed says so itself");
    }
}

//! Arguments as a model gives them: checked against the tool's declaration before anything happens.

use serde_json::{Map, Value};

use crate::catalog::{ParamKind, ToolDecl};
use crate::core::text::{did_you_mean, quoted_list};
use crate::engine::judged::Chosen;
use crate::engine::transition::YES_NO;
use crate::recipe::expr;

/// Checks the arguments of a call; `step_name` may always be among them.
///
/// # Errors
/// What is wrong with the first that is, and how to mend it.
pub(super) fn check(tool: &ToolDecl, given: &Map<String, Value>) -> Result<(), String> {
    for (name, value) in given {
        let Some(param) = tool.param(name) else {
            if name == "step_name" {
                continue;
            }
            let known: Vec<&str> = tool.params.iter().map(|param| param.name).collect();
            return Err(match did_you_mean(name, known.iter().copied()) {
                Some(near) => format!("`{}` has no parameter `{name}`: did you mean `{near}`?", tool.name),
                None if known.is_empty() => {
                    format!("`{}` takes no parameters, and `{name}` was given", tool.name)
                }
                None => format!("`{}` has no parameter `{name}`; it has {}", tool.name, quoted_list(&known)),
            });
        };
        if value.is_null() {
            continue;
        }
        if let Some(expected) = misfit(param.kind, value) {
            return Err(format!("`{name}` of `{}` must be {expected}", tool.name));
        }
    }
    let missing = |name: &str| given.get(name).is_none_or(Value::is_null);
    match tool.params.iter().find(|param| param.required && missing(param.name)) {
        Some(param) => Err(format!("`{}` needs `{}`: {}", tool.name, param.name, param.summary)),
        None => Ok(()),
    }
}

/// What a value should be, when it is something else. Numbers and words that are written as texts are taken.
fn misfit(kind: ParamKind, value: &Value) -> Option<&'static str> {
    let scalar = value.is_string() || value.is_number() || value.is_boolean();
    let (fits, expected) = match kind {
        ParamKind::String | ParamKind::Path | ParamKind::Shell => (scalar, "a text"),
        ParamKind::Bool => (flag(value).is_some(), "true or false"),
        ParamKind::Number => (value.is_number() || value.is_string(), "a number"),
        ParamKind::Seconds => {
            (value.is_u64() || value.is_string(), "seconds, or a text such as `90s` or `10m`")
        }
        ParamKind::StringList => {
            let texts = value
                .as_array()
                .is_some_and(|items| items.iter().all(|item| !item.is_array() && !item.is_object()));
            (texts, "a list of texts")
        }
        ParamKind::StringMap => (value.is_object(), "a mapping of names to texts"),
        ParamKind::List => (value.is_array() || scalar, "a list"),
        ParamKind::Any => (true, "a value"),
    };
    (!fits).then_some(expected)
}

/// A truth value, also where it is written as a text.
fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" => Some(true),
            "false" | "no" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// A text among the arguments, if there is something in it.
pub(super) fn text(given: &Map<String, Value>, name: &str) -> Option<String> {
    given.get(name).filter(|value| !value.is_null()).map(expr::text).filter(|text| !text.trim().is_empty())
}

/// A truth value among the arguments; absent is false.
pub(super) fn is_set(given: &Map<String, Value>, name: &str) -> bool {
    given.get(name).and_then(flag).unwrap_or(false)
}

/// A person's answer among the arguments: truth values are `yes` and `no`, everything else is what it says.
pub(super) fn answer(given: &Map<String, Value>) -> String {
    match given.get("answer").and_then(flag) {
        Some(yes) => YES_NO[usize::from(!yes)].to_owned(),
        None => text(given, "answer").unwrap_or_default().trim().to_owned(),
    }
}

/// The arguments of a call of a step, without its name.
pub(super) fn arguments(mut given: Map<String, Value>) -> Map<String, Value> {
    given.remove("step_name");
    given
}

/// A choice among the arguments. Its variables may be written as a text.
///
/// # Errors
/// When they are no mapping.
pub(super) fn chosen(given: &Map<String, Value>) -> Result<Chosen, String> {
    let word = |name| text(given, name).unwrap_or_default();
    let set = match given.get("set") {
        None | Some(Value::Null) => Some(Map::new()),
        Some(Value::Object(set)) => Some(set.clone()),
        Some(Value::String(set)) if set.trim().is_empty() => Some(Map::new()),
        Some(Value::String(set)) => serde_json::from_str(set).ok(),
        Some(_) => None,
    };
    let set = set.ok_or("`set` of `choose_route` must be a mapping of variables to their values")?;
    Ok(Chosen { target: word("target"), why: word("reason"), set })
}

/// A mapping among the arguments, as the texts that a person would have typed.
pub(super) fn pairs(given: &Map<String, Value>, name: &str) -> Vec<(String, String)> {
    let pairs = given.get(name).and_then(Value::as_object).into_iter().flatten();
    pairs.map(|(name, value)| (name.clone(), expr::text(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;
    use serde_json::json;

    fn said(tool: &str, given: Value) -> String {
        let tool = catalog::all().find(|known| known.name == tool).unwrap();
        check(tool, given.as_object().unwrap()).err().unwrap_or_default()
    }

    #[test]
    fn what_a_model_gives_is_checked_against_the_declaration() {
        let cases = [
            ("run_cmd", json!({ "cmd": "ls", "timeout": "90s", "step_name": "x" }), ""),
            ("run_cmd", json!({ "cmd": "ls", "timeout": "90" }), ""),
            (
                "run_cmd",
                json!({ "cmd": "ls", "timout": 3 }),
                "`run_cmd` has no parameter `timout`: did you mean `timeout`?",
            ),
            ("run_cmd", json!({ "argv": "ls -l" }), "`argv` of `run_cmd` must be a list of texts"),
            ("run_cmd", json!({ "argv": [["ls"]] }), "`argv` of `run_cmd` must be a list of texts"),
            ("open_kitchen", json!({ "overrides": { "n": 3 } }), ""),
            (
                "open_kitchen",
                json!({ "overrides": "n=3" }),
                "`overrides` of `open_kitchen` must be a mapping of names to texts",
            ),
            ("open_kitchen", json!({ "name": null }), ""),
            ("load_recipe", json!({}), "`load_recipe` needs `name`: the recipe's name, or a file"),
            ("confirm", json!({ "step_name": "a", "answer": "yes" }), ""),
            ("confirm", json!({ "step_name": "a", "answer": "hold" }), ""),
            (
                "close_kitchen",
                json!({ "now": true }),
                "`close_kitchen` takes no parameters, and `now` was given",
            ),
        ];
        for (tool, given, expected) in cases {
            assert_eq!(said(tool, given.clone()), expected, "{tool} {given}");
        }
    }

    #[test]
    fn the_variables_of_a_choice_are_a_mapping_or_the_text_of_one() {
        let set = |set: Value| {
            let given = json!({ "step_name": "a", "target": " b", "reason": "it is due", "set": set });
            chosen(given.as_object().unwrap()).map(|chosen| (chosen.target, json!(chosen.set)))
        };
        for (given, expected) in [
            (json!({ "part": "two" }), json!({ "part": "two" })),
            (json!("{\"part\": [1, 2]}"), json!({ "part": [1, 2] })),
            (json!(" "), json!({})),
            (Value::Null, json!({})),
        ] {
            assert_eq!(set(given), Ok((" b".to_owned(), expected)));
        }
        for wrong in [json!("part: two"), json!(["part"]), json!(2)] {
            assert!(set(wrong).is_err_and(|why| why.contains("must be a mapping")));
        }
    }
}

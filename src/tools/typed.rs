//! The arguments of a call as the types that its tool declares. What an expression gave may be a text that says the same (`"true"`, `"3"`).

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::catalog::{ParamKind, ToolDecl};
use crate::recipe::expr;
use crate::recipe::values::duration;

/// Longest value that a message repeats, in characters.
const SHOWN: usize = 80;

/// The arguments with the declared types; borrowed when they have them already. Null and what the tool does not declare stay as they are.
///
/// # Errors
/// What is wrong with the first that cannot have its type: tool, parameter and value.
pub(super) fn typed<'p>(tool: &ToolDecl, params: &'p Value) -> Result<Cow<'p, Value>, String> {
    let Some(given) = params.as_object() else { return Ok(Cow::Borrowed(params)) };
    let mut changed: Map<String, Value> = Map::new();
    for (name, value) in given {
        let Some(param) = tool.param(name).filter(|_| !value.is_null()) else { continue };
        match read(param.kind, value) {
            Ok(None) => {}
            Ok(Some(read)) => {
                changed.insert(name.clone(), read);
            }
            Err(expected) => {
                return Err(format!("`{name}` must be {expected}, and `{}` is not", shown(value)));
            }
        }
    }
    if changed.is_empty() {
        return Ok(Cow::Borrowed(params));
    }
    let mut all = given.clone();
    all.extend(changed);
    Ok(Cow::Owned(Value::Object(all)))
}

/// The value as this type, when it has to change.
fn read(kind: ParamKind, value: &Value) -> Result<Option<Value>, &'static str> {
    let scalar = value.is_string() || value.is_number() || value.is_boolean();
    let fits = |fits: bool, expected| if fits { Ok(None) } else { Err(expected) };
    match kind {
        ParamKind::String | ParamKind::Shell => fits(scalar, "a text"),
        ParamKind::Path => fits(scalar, "a path"),
        ParamKind::Bool => match value {
            Value::Bool(_) => Ok(None),
            Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" => Ok(Some(Value::Bool(true))),
                // An ingredient without a value is an empty text.
                "false" | "no" | "" => Ok(Some(Value::Bool(false))),
                _ => Err("`true` or `false`"),
            },
            _ => Err("`true` or `false`"),
        },
        ParamKind::Number => match value {
            Value::Number(_) => Ok(None),
            Value::String(text) => match text.trim().trim_start_matches('$') {
                "" => Ok(Some(Value::Null)),
                number => match number.parse::<f64>().ok().filter(|number| number.is_finite()) {
                    Some(number) => Ok(Some(Value::from(number))),
                    None => Err("a number"),
                },
            },
            _ => Err("a number"),
        },
        ParamKind::Seconds => match value {
            Value::String(text) if text.trim().is_empty() => Ok(Some(Value::Null)),
            Value::String(text) => match text.trim().parse::<u64>() {
                Ok(seconds) => Ok(Some(Value::from(seconds))),
                Err(_) => fits(duration(value).is_ok(), "seconds, or a duration such as `90s`, `10m`, `2h`"),
            },
            _ => fits(duration(value).is_ok(), "seconds, or a duration such as `90s`, `10m`, `2h`"),
        },
        ParamKind::StringList => fits(scalar || value.is_array(), "a list of texts"),
        ParamKind::StringMap => match value {
            Value::Object(_) => Ok(None),
            Value::String(text) => match serde_json::from_str(text) {
                Ok(mapping @ Value::Object(_)) => Ok(Some(mapping)),
                _ => Err("a mapping of texts"),
            },
            _ => Err("a mapping of texts"),
        },
        ParamKind::List => fits(scalar || value.is_array(), "a list"),
        ParamKind::Any => Ok(None),
    }
}

fn shown(value: &Value) -> String {
    let text = expr::text(value);
    match text.chars().count() > SHOWN {
        true => text.chars().take(SHOWN).chain(['…']).collect(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_text_says_is_taken_as_the_declared_type() {
        use ParamKind::{Any, Bool, List, Number, Path, Seconds, Shell, String, StringList, StringMap};
        for (kind, value, expected) in [
            (Bool, json!(true), Ok(None)),
            (Bool, json!("true"), Ok(Some(json!(true)))),
            (Bool, json!(" False "), Ok(Some(json!(false)))),
            (Bool, json!(""), Ok(Some(json!(false)))),
            (Bool, json!("maybe"), Err("`true` or `false`")),
            (Bool, json!(1), Err("`true` or `false`")),
            (Number, json!(0.5), Ok(None)),
            (Number, json!("3"), Ok(Some(json!(3.0)))),
            (Number, json!("$0.05"), Ok(Some(json!(0.05)))),
            (Number, json!(""), Ok(Some(Value::Null))),
            (Number, json!("much"), Err("a number")),
            (Number, json!(true), Err("a number")),
            (Number, json!("inf"), Err("a number")),
            (Seconds, json!("90"), Ok(Some(json!(90)))),
            (Seconds, json!("10m"), Ok(None)),
            (Seconds, json!(90), Ok(None)),
            (Seconds, json!("soon"), Err("seconds, or a duration such as `90s`, `10m`, `2h`")),
            (Seconds, json!([1]), Err("seconds, or a duration such as `90s`, `10m`, `2h`")),
            (String, json!(3), Ok(None)),
            (String, json!(["a"]), Err("a text")),
            (Shell, json!({"a": 1}), Err("a text")),
            (Path, json!(["a"]), Err("a path")),
            (StringList, json!(["a", 1]), Ok(None)),
            (StringList, json!("a"), Ok(None)),
            (StringList, json!({"a": 1}), Err("a list of texts")),
            (StringMap, json!("{\"a\": \"b\"}"), Ok(Some(json!({"a": "b"})))),
            (StringMap, json!("a=b"), Err("a mapping of texts")),
            (List, json!("a"), Ok(None)),
            (List, json!({"a": 1}), Err("a list")),
            (Any, json!({"a": 1}), Ok(None)),
        ] {
            assert_eq!(read(kind, &value), expected, "{kind:?} {value}");
        }
    }

    #[test]
    fn a_misfit_names_tool_parameter_and_value() {
        let tool = crate::catalog::tool("run_cmd").unwrap();
        let params = json!({ "argv": ["ls"], "timeout": "3", "cwd": null });
        let read = typed(tool, &params).unwrap();
        assert_eq!(*read, json!({ "argv": ["ls"], "timeout": 3, "cwd": null }));
        let long = "x".repeat(200);
        let error = typed(tool, &json!({ "cmd": "ls", "timeout": long })).unwrap_err();
        assert!(error.starts_with("`timeout` must be seconds") && error.len() < 200, "{error}");
        let outcome = super::super::refused(tool, &error);
        assert!(outcome.summary.starts_with("run_cmd: `timeout` must be"), "{}", outcome.summary);
    }
}

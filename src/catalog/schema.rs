//! The parameters of a tool as JSON Schema.

use serde_json::{Map, Value, json};

use super::{ParamDecl, ParamKind, ToolDecl, param};

/// Names the step that a call is for.
static STEP_NAME: ParamDecl = param(
    "step_name",
    ParamKind::String,
    false,
    "the step of the recipe that this call is for, exactly as it is named",
);

/// The schema of the arguments of `tool`. Tools of steps take `step_name` as well.
#[must_use]
pub fn input(tool: &ToolDecl) -> Map<String, Value> {
    let of_a_step = super::steps().any(|known| known.name == tool.name);
    object(tool.params.iter().chain(of_a_step.then_some(&STEP_NAME)))
}

/// The schema of a call whose arguments the recipe gives: nothing but the step.
#[must_use]
pub fn step_only() -> Map<String, Value> {
    object([&ParamDecl { required: true, ..STEP_NAME }].into_iter())
}

/// The schema of a call of which the recipe gives all arguments but these.
#[must_use]
pub fn step_and(tool: &ToolDecl, open: &[&str]) -> Map<String, Value> {
    let step = ParamDecl { required: true, ..STEP_NAME };
    object(std::iter::once(&step).chain(tool.params.iter().filter(|param| open.contains(&param.name))))
}

fn object<'a>(params: impl Iterator<Item = &'a ParamDecl>) -> Map<String, Value> {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for param in params {
        let mut schema = kind(param.kind);
        schema.insert("description".to_owned(), json!(param.summary));
        properties.insert(param.name.to_owned(), Value::Object(schema));
        if param.required {
            required.push(param.name);
        }
    }
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema.insert("additionalProperties".to_owned(), json!(false));
    schema
}

fn kind(kind: ParamKind) -> Map<String, Value> {
    let schema = match kind {
        ParamKind::String | ParamKind::Path | ParamKind::Shell => json!({ "type": "string" }),
        ParamKind::Bool => json!({ "type": "boolean" }),
        ParamKind::Number => json!({ "type": "number" }),
        ParamKind::Seconds => one_of(&["integer", "string"]),
        ParamKind::StringList => json!({ "type": "array", "items": { "type": "string" } }),
        ParamKind::StringMap => {
            json!({ "type": "object", "additionalProperties": one_of(&["string", "number", "boolean"]) })
        }
        ParamKind::List => json!({ "type": "array", "items": {} }),
        ParamKind::Any => json!({}),
    };
    match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

/// One of several types. A list of types means the same, but not every client reads it: some have schemas of single types only.
fn one_of(types: &[&str]) -> Value {
    json!({ "anyOf": types.iter().map(|name| json!({ "type": name })).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_lists_every_parameter_and_nothing_else() {
        for tool in super::super::all() {
            let schema = Value::Object(input(tool));
            for param in tool.params {
                assert!(
                    schema["properties"][param.name]["description"].is_string(),
                    "{} {}",
                    tool.name,
                    param.name
                );
            }
            assert_eq!(schema["additionalProperties"], false, "{}", tool.name);
        }
        let step = Value::Object(step_only());
        assert_eq!(step["required"], json!(["step_name"]));
        assert_eq!(step["properties"].as_object().map(Map::len), Some(1));
        let skill = super::super::tool("run_skill").unwrap();
        let open = Value::Object(step_and(skill, &["skill_command"]));
        assert_eq!(open["required"], json!(["step_name"]));
        assert!(open["properties"]["skill_command"].is_object(), "{open}");
    }

    #[test]
    fn every_type_is_a_single_one() {
        fn single(value: &Value) -> bool {
            match value {
                Value::Object(fields) => {
                    fields.iter().all(|(name, value)| (name != "type" || !value.is_array()) && single(value))
                }
                Value::Array(items) => items.iter().all(single),
                _ => true,
            }
        }
        for tool in super::super::all() {
            let schema = Value::Object(input(tool));
            assert!(single(&schema), "{}: {schema}", tool.name);
        }
    }

    #[test]
    fn no_two_tools_have_one_name() {
        let mut names: Vec<_> =
            super::super::all().chain(super::super::unbuilt()).map(|tool| tool.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}

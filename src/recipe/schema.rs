//! The recipe language as a JSON Schema, for editors: made from the table of keys. It knows keys and types; what parts mean together only
//! a check knows.

use serde_json::{Map, Value, json};

use super::keys::{self, Shape, Table};
use super::model::ValueKind;

/// Parts that several places refer to, by name.
const DEFS: &[(&str, &Table)] = &[
    ("ingredient", &keys::INGREDIENT),
    ("step", &keys::STEP),
    ("stop", &keys::STOP),
    ("route", &keys::ROUTE),
    ("legacy_routes", &keys::LEGACY_ROUTES),
    ("capture", &keys::CAPTURE),
    ("limits", &keys::LIMITS),
    ("item", &keys::ITEM),
    ("retry", &keys::RETRY),
    ("backoff", &keys::BACKOFF),
    ("poll", &keys::POLL),
    ("output_file", &keys::OUTPUTS),
];

/// The schema of a recipe file.
#[must_use]
pub fn json_schema() -> Value {
    let mut defs: Map<String, Value> =
        DEFS.iter().map(|(name, table)| ((*name).to_owned(), Value::Object(mapping(table)))).collect();
    defs.insert(
        "steps".to_owned(),
        json!({ "type": "object", "additionalProperties": reference("step"), "minProperties": 1 }),
    );
    defs.insert(
        "target".to_owned(),
        json!({
            "type": "string",
            "description": "The name of a step, or `done` or `escalate`. `@done` and `@escalate` never mean a step.",
        }),
    );
    defs.insert(
        "duration".to_owned(),
        json!({
            "description": "Whole seconds, or a text such as `90s`, `10m`, `1h30m`.",
            "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "string" }],
        }),
    );
    let mut root = mapping(&keys::RECIPE);
    root.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    root.insert("title".to_owned(), json!("autoskillit recipe"));
    root.insert("$defs".to_owned(), Value::Object(defs));
    Value::Object(root)
}

/// A mapping with the keys of a table and no others.
fn mapping(table: &Table) -> Map<String, Value> {
    let properties = table.keys.iter().map(|key| {
        let mut schema = of(key.shape);
        if let Value::Object(schema) = &mut schema {
            schema.insert("description".to_owned(), json!(key.summary));
            if key.legacy {
                schema.insert("deprecated".to_owned(), json!(true));
            }
        }
        (key.name.to_owned(), schema)
    });
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(properties.collect()));
    schema.insert("additionalProperties".to_owned(), json!(false));
    if !table.required.is_empty() {
        schema.insert("required".to_owned(), json!(table.required));
    }
    schema
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// The schema of a mapping with keys of its own.
fn table(table: &'static Table) -> Value {
    match DEFS.iter().find(|(_, known)| std::ptr::eq(*known, table)) {
        Some((name, _)) => reference(name),
        None => Value::Object(mapping(table)),
    }
}

fn of(shape: Shape) -> Value {
    let by_name = |value: Value| json!({ "type": "object", "additionalProperties": value });
    match shape {
        Shape::Text => json!({ "type": "string" }),
        Shape::Scalar => json!({ "type": ["string", "number"] }),
        Shape::Language => json!({ "enum": [0, 1] }),
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Percent => json!({ "type": "number", "exclusiveMinimum": 0, "maximum": 100 }),
        Shape::Number => json!({ "type": "number", "minimum": 0 }),
        Shape::Count => json!({ "type": "integer", "minimum": 0 }),
        Shape::Bound => json!({
            "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "string", "pattern": r"^\s*\$\{\{.*\}\}\s*$" }]
        }),
        Shape::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Shape::List => json!({ "type": "array" }),
        Shape::Any => json!({}),
        Shape::Mapping => json!({ "type": "object" }),
        Shape::Condition => json!({ "type": ["string", "boolean"] }),
        Shape::Target => reference("target"),
        Shape::Targets => by_name(reference("target")),
        Shape::Duration => reference("duration"),
        Shape::Kind => json!({ "enum": ValueKind::ALL.iter().map(|(word, _)| *word).collect::<Vec<_>>() }),
        Shape::OneOf(words) => json!({ "enum": words }),
        Shape::Table(keys) => table(keys),
        Shape::Ingredients => by_name(reference("ingredient")),
        Shape::Steps => reference("steps"),
        Shape::Captures => {
            let plain = json!({ "type": ["string", "number", "boolean", "array", "null"] });
            by_name(json!({ "anyOf": [plain, reference("capture")] }))
        }
        Shape::Routes => {
            json!({ "anyOf": [{ "type": "array", "items": reference("route") }, reference("legacy_routes")] })
        }
        Shape::Reasons => by_name(json!({ "type": "string" })),
        Shape::Backoff => json!({ "anyOf": [reference("duration"), reference("backoff")] }),
        Shape::OutputsFrom => {
            json!({ "anyOf": [{ "enum": ["json", "kv", "text"] }, reference("output_file")] })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::builtin::BUILTIN;

    #[test]
    fn the_bundled_recipes_are_valid() {
        let validator = jsonschema::validator_for(&json_schema()).unwrap();
        for (name, text) in BUILTIN {
            let value: Value = serde_yaml::from_str(text).unwrap();
            let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{name}: {errors:?}");
        }
    }

    #[test]
    fn what_an_editor_should_mark_is_invalid() {
        let validator = jsonschema::validator_for(&json_schema()).unwrap();
        for text in [
            "steps: {}",
            "{name: x, steps: {a: {toll: run_cmd}}}",
            "{name: x, steps: {a: {on_success: [b]}}}",
            "{name: x, steps: {a: {stop: {status: good}}}}",
            "{name: x, steps: {a: {on_result: [{when: x}]}}}",
            "{name: x, steps: {a: {zip: [1]}}}",
            "{name: x, steps: {a: {outputs_from: {path: x}}}}",
        ] {
            let value: Value = serde_yaml::from_str(text).unwrap();
            assert!(!validator.is_valid(&value), "{text}");
        }
    }

    #[test]
    fn every_table_is_reached() {
        let text = json_schema().to_string();
        for key in keys::TABLES.iter().flat_map(|table| table.keys) {
            assert!(text.contains(key.summary), "{}", key.name);
        }
    }
}

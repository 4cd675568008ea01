//! Answers and schemas, for the part of JSON Schema that skills can declare.

use serde_json::{Map, Value, json};

/// A value that fits `schema`. Texts say that they are made up, and for what: `name`.
pub(crate) fn made_up(schema: &Value, name: &str) -> Value {
    if let Some(choice) = schema["enum"].as_array().and_then(|choices| choices.first()) {
        return choice.clone();
    }
    match schema["type"].as_str() {
        Some("string") => json!(format!("made-up {name}")),
        Some("boolean") => json!(true),
        Some("integer" | "number") => json!(1),
        Some("array") => json!([made_up(&schema["items"], name)]),
        Some("null") => Value::Null,
        Some("object") => {
            let properties = schema["properties"].as_object();
            let made = properties.into_iter().flatten().map(|(name, of)| (name.clone(), made_up(of, name)));
            Value::Object(made.collect::<Map<_, _>>())
        }
        _ => json!({}),
    }
}

/// Where and why `value` does not fit `schema`.
pub(super) fn misfit(schema: &Value, value: &Value, name: &str) -> Option<String> {
    if let Some(choices) = schema["enum"].as_array()
        && !choices.contains(value)
    {
        return Some(format!("`{name}` is none of {}", json!(choices)));
    }
    let fits = match schema["type"].as_str() {
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("array") => value.is_array(),
        Some("null") => value.is_null(),
        Some("object") => value.is_object(),
        _ => true,
    };
    if !fits {
        return Some(format!("`{name}` is no {}", schema["type"].as_str().unwrap_or_default()));
    }
    match value {
        Value::Array(items) => items.iter().find_map(|item| misfit(&schema["items"], item, name)),
        Value::Object(fields) => fields_misfit(schema, fields),
        _ => None,
    }
}

fn fields_misfit(schema: &Value, fields: &Map<String, Value>) -> Option<String> {
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let missing = required.into_iter().find(|name| !fields.contains_key(*name));
    if let Some(name) = missing {
        return Some(format!("`{name}` is missing"));
    }
    fields.iter().find_map(|(name, value)| match schema["properties"].get(name) {
        Some(of) => misfit(of, value, name),
        None if schema["additionalProperties"] == json!(false) => Some(format!("`{name}` is not declared")),
        None => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skills::SkillStore;

    #[test]
    fn made_up_answers_fit_every_bundled_skill() {
        let store = SkillStore::default();
        for name in store.names() {
            let schema = store.find(&name).unwrap().contract.schema().unwrap();
            assert_eq!(misfit(&schema, &made_up(&schema, "answer"), "answer"), None, "{name}");
        }
    }

    #[test]
    fn every_kind_is_made_up() {
        let schema = json!({
            "type": "object",
            "properties": {
                "verdict": { "type": "string", "enum": ["repaired", "blocked"] },
                "why": { "type": "string" }, "ok": { "type": "boolean" }, "count": { "type": "integer" },
                "share": { "type": "number" }, "names": { "type": "array", "items": { "type": "string" } },
                "any": {},
            },
            "required": ["verdict"], "additionalProperties": false,
        });
        let answer = made_up(&schema, "answer");
        assert_eq!(
            answer,
            json!({ "verdict": "repaired", "why": "made-up why", "ok": true, "count": 1, "share": 1,
                    "names": ["made-up names"], "any": {} })
        );
        assert_eq!(misfit(&schema, &answer, "answer"), None);
    }

    #[test]
    fn a_misfit_is_named() {
        let schema = json!({
            "type": "object",
            "properties": { "v": { "type": "string", "enum": ["a"] }, "n": { "type": "array", "items": { "type": "integer" } } },
            "required": ["v"], "additionalProperties": false,
        });
        for (value, told) in [
            (json!([]), "`answer` is no object"),
            (json!({}), "`v` is missing"),
            (json!({ "v": "b" }), "`v` is none of [\"a\"]"),
            (json!({ "v": "a", "n": [1, "x"] }), "`n` is no integer"),
            (json!({ "v": "a", "x": 1 }), "`x` is not declared"),
        ] {
            assert_eq!(misfit(&schema, &value, "answer").as_deref(), Some(told));
        }
    }
}

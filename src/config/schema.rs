//! The JSON Schema of settings files, made from the table: editors complete and check with it.

use serde_json::{Map, Value as Json, json};

use super::table::{Default, KEYS, Key, UNUSED};

/// The schema of a settings file.
#[must_use]
pub fn schema() -> Json {
    let mut root = section("The settings of autoskillit");
    put(&mut root, "version", json!({ "type": ["integer", "number", "string", "null"] }));
    for key in KEYS {
        put(&mut root, key.name, of(key));
    }
    for name in UNUSED {
        let facts = json!({ "description": "Not used by this version", "deprecated": true });
        put(&mut root, name.trim_end_matches(".*"), facts);
    }
    if let Json::Object(root) = &mut root {
        root.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        root.insert("type".to_owned(), json!(["object", "null"]));
    }
    root
}

fn section(description: &str) -> Json {
    json!({
        "description": description,
        "type": ["object", "null"],
        "properties": {},
        "additionalProperties": false,
    })
}

fn of(key: &Key) -> Json {
    let value = key.kind.schema();
    let mut facts = match key.is_optional() {
        true => json!({ "anyOf": [value, { "type": "null" }] }),
        false => value,
    };
    let mut description = key.summary.to_owned();
    if key.secret {
        description.push_str(" A secret: only in .secrets.yaml.");
    }
    if let Json::Object(facts) = &mut facts {
        facts.insert("description".to_owned(), json!(description));
        match key.default {
            Default::Nothing(_) => {}
            other => {
                facts.insert("default".to_owned(), other.value());
            }
        }
    }
    facts
}

/// Puts the schema of `name` below the sections that it is in.
fn put(root: &mut Json, name: &str, facts: Json) {
    let mut place = root;
    let mut parts = name.split('.').peekable();
    while let Some(part) = parts.next() {
        let Some(Json::Object(properties)) = place.get_mut("properties") else { return };
        if parts.peek().is_none() {
            properties.insert(part.to_owned(), facts);
            return;
        }
        place = entry(properties, part);
    }
}

fn entry<'a>(properties: &'a mut Map<String, Json>, part: &str) -> &'a mut Json {
    properties.entry(part.to_owned()).or_insert_with(|| section(&format!("Settings of `{part}`")))
}

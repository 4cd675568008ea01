//! The JSON Schema of settings files, made from the table: editors complete and check with it.

use serde_json::{Map, Value as Json, json};

use super::table::{Default, KEYS, Key, UNUSED};
use crate::core::ids;

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

/// The line of a settings file that tells an editor where the schema is. The place counts from the settings file, so it holds
/// without a network and in every clone.
pub const EDITOR_LINE: &str = "# yaml-language-server: $schema=./config.schema.json";

/// How the mark of a schema file begins.
const MARK: &str =
    "Written by autoskillit init, which also renews it while nobody else changes it. SHA-256 of the rest: ";

/// The text of the schema file: the schema, with a mark that tells whether somebody else changed it.
#[must_use]
pub fn file_text() -> String {
    let bare = schema();
    let mark = format!("{MARK}{}", ids::fingerprint(&format!("{bare:#}")));
    let mut marked = Map::from_iter([("$comment".to_owned(), json!(mark))]);
    if let Json::Object(fields) = bare {
        marked.extend(fields);
    }
    // A line for each section: short enough to be committed, and a change of one is a change of one line.
    let lines = |fields: &Map<String, Json>, indent: &str| -> Vec<String> {
        fields.iter().map(|(name, value)| format!("{indent}{}: {value}", json!(name))).collect()
    };
    let sections = match marked.get("properties") {
        Some(Json::Object(sections)) => format!("{{\n{}\n  }}", lines(sections, "    ").join(",\n")),
        _ => "{}".to_owned(),
    };
    let top = marked.iter().map(|(name, value)| match name.as_str() {
        "properties" => format!("  \"properties\": {sections}"),
        _ => format!("  {}: {value}", json!(name)),
    });
    format!("{{\n{}\n}}\n", top.collect::<Vec<_>>().join(",\n"))
}

/// Whether `text` is a schema file as this or another version wrote it.
#[must_use]
pub fn is_ours(text: &str) -> bool {
    let Ok(Json::Object(mut fields)) = serde_json::from_str(text) else { return false };
    let Some(Json::String(mark)) = fields.shift_remove("$comment") else { return false };
    let bare = Json::Object(fields);
    mark.strip_prefix(MARK).is_some_and(|told| told == ids::fingerprint(&format!("{bare:#}")))
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

//! The JSON Schema against what is taken and refused.

use serde_json::{Value as Json, json};

use super::told;
use crate::config::layer::{defaults, tree};
use crate::config::schema::{file_text, is_ours, schema};
use crate::config::{Layer, file};

#[test]
fn the_schema_takes_what_is_taken_and_refuses_what_is_refused() {
    let schema = schema();
    let defaults = tree(defaults().into_iter().map(|entry| (entry.key, entry.value)));
    assert!(fits(&schema, &defaults));
    for (text, layer) in [
        ("", Layer::User),
        ("version: 2\nsession:\n", Layer::User),
        ("session: {permissions: dont_ask, env: {mode: minimal, pass: [A_*]}}\n", Layer::User),
        ("run_skill: {timeout: 1h, stale_threshold: 0}\n", Layer::User),
        ("test_check: {command: [make, check]}\nmodel: {default: null}\n", Layer::User),
        ("github: {token: x}\n", Layer::UserSecrets),
        ("packs: {enabled: true}\nsubsets: {custom_tags: {a: [b]}}\nlogging: {level: INFO}\n", Layer::User),
        ("quota_guard: {enabled: false, long_window_threshold: 99.5, cache_path: null}\n", Layer::User),
        ("quota_guard: {short_window_threshold: 120}\n", Layer::User),
        ("limits: {daily_usd: 12.5, quota_share: null}\n", Layer::User),
        ("limits: {daily_usd: 0}\n", Layer::User),
        ("sesion: {}\n", Layer::User),
        ("session: 5\n", Layer::User),
        ("session: {permissions: BYPASS}\n", Layer::User),
        ("session: {env: {mood: minimal}}\n", Layer::User),
        ("run_skill: {timeout: 0}\n", Layer::User),
        ("run_skill: {timeout: null}\n", Layer::User),
        ("run_skill: {timeout: soon}\n", Layer::User),
        ("test_check: {command: []}\n", Layer::User),
        ("version: []\n", Layer::User),
    ] {
        let value = serde_json::to_value(serde_yaml::from_str::<serde_yaml::Value>(text).unwrap()).unwrap();
        let problems = file::read("f", text, layer).problems;
        assert_eq!(fits(&schema, &value), problems.errors() == 0, "{text}: {}", told(&problems));
    }
}

#[test]
fn a_schema_file_tells_who_wrote_it() {
    let text = file_text();
    let value: Json = serde_json::from_str(&text).unwrap();
    assert!(is_ours(&text));
    assert!(is_ours(&value.to_string()), "a formatter changes nothing of it");
    let mut other = value.clone();
    other["properties"]["model"] = json!({});
    assert!(!is_ours(&other.to_string()));
    let mut bare = value;
    bare.as_object_mut().unwrap().shift_remove("$comment");
    assert_eq!(bare, schema());
    for text in ["", "{}", "[]", "not json", &bare.to_string()] {
        assert!(!is_ours(text), "{text}");
    }
}

/// Whether `value` fits `schema`, for the words of JSON Schema that ours uses; any other word is a failure of the test.
pub(super) fn fits(schema: &Json, value: &Json) -> bool {
    schema.as_object().unwrap().iter().all(|(word, rule)| match word.as_str() {
        "description" | "default" | "deprecated" | "$schema" => true,
        "type" => {
            let types = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
            types.iter().any(|kind| match kind.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_i64() || value.is_u64(),
                "number" => value.is_number(),
                "null" => value.is_null(),
                other => panic!("type {other}"),
            })
        }
        "enum" => rule.as_array().unwrap().contains(value),
        "pattern" => value
            .as_str()
            .is_none_or(|text| regex::Regex::new(rule.as_str().unwrap()).unwrap().is_match(text)),
        "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
        "exclusiveMinimum" => value.as_f64().is_none_or(|number| number > rule.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
        "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
        "items" => value.as_array().is_none_or(|items| items.iter().all(|item| fits(rule, item))),
        "anyOf" => rule.as_array().unwrap().iter().any(|rule| fits(rule, value)),
        "properties" => value.as_object().is_none_or(|fields| {
            fields.iter().all(|(name, value)| rule.get(name).is_none_or(|rule| fits(rule, value)))
        }),
        "additionalProperties" => {
            assert_eq!(rule, &json!(false));
            let known = schema["properties"].as_object().unwrap();
            value.as_object().is_none_or(|fields| fields.keys().all(|name| known.contains_key(name)))
        }
        other => panic!("the schema uses `{other}`"),
    })
}

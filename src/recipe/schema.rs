//! The recipe language as a JSON Schema, for editors. It knows keys and types; what parts mean together only a check knows.

use serde_json::{Map, Value, json};

/// One key: its name, the schema of its value, and what it is for.
type Key = (&'static str, fn() -> Value, &'static str);

/// The schema of a recipe file.
#[must_use]
pub fn json_schema() -> Value {
    let mut root = mapping(RECIPE, &["name", "steps"]);
    if let Value::Object(root) = &mut root {
        root.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        root.insert("title".to_owned(), json!("autoskillit recipe"));
        root.insert(
            "$defs".to_owned(),
            json!({
                "ingredient": mapping(INGREDIENT, &[]),
                "step": mapping(STEP, &[]),
                "steps": { "type": "object", "additionalProperties": { "$ref": "#/$defs/step" }, "minProperties": 1 },
                "stop": mapping(STOP, &["status"]),
                "route": mapping(ROUTE, &["route"]),
                "capture": mapping(CAPTURE, &[]),
                "limits": mapping(LIMITS, &[]),
                "retry": mapping(RETRY, &[]),
                "poll": mapping(POLL, &[]),
                "target": {
                    "type": "string",
                    "description": "The name of a step, or `done` or `escalate`. `@done` and `@escalate` never mean a step.",
                },
                "duration": {
                    "description": "Whole seconds, or a text such as `90s`, `10m`, `1h30m`.",
                    "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "string" }],
                },
            }),
        );
    }
    root
}

const RECIPE: &[Key] = &[
    ("name", text, "What people type; the same as the file's name without extension."),
    (
        "language",
        language,
        "1: the language of today. 0: that of AutoSkillit 0.9. Without it, the first form that only 0.9 has decides.",
    ),
    ("description", text, "One sentence for lists."),
    ("summary", text, "The chain of steps in a line."),
    ("autoskillit_version", scalar, "The version that it was written for."),
    ("recipe_version", scalar, "The author's own version of it."),
    ("kind", text, "What kind of recipe it is."),
    ("categories", texts, "Groups that it belongs to."),
    ("experimental", boolean, "Whether it may change or go away."),
    ("orchestrator", orchestrator, "Who drives a run: `engine` or `claude`."),
    ("ingredients", ingredients, "What a run can be given."),
    ("inputs", ingredients, "The same as `ingredients`, as AutoSkillit 0.9 had it once."),
    ("constraints", texts, "The same as `kitchen_rules`, as AutoSkillit 0.9 had it once."),
    ("limits", limits, "Limits over a whole run."),
    ("kitchen_rules", texts, "House rules for a session that drives a run."),
    ("requires_packs", texts, "Packs of tools and skills that must be enabled."),
    ("steps", steps, "What happens; a run begins with the first."),
    ("finally", steps, "Steps that run at every end."),
    ("allow", allow, "Findings of rules that are right here: rule and reason."),
];

const INGREDIENT: &[Key] = &[
    ("description", text, "What it is, for people."),
    ("required", boolean, "Whether a run cannot start without it."),
    ("default", anything, "The value when none is given."),
    (
        "default_from",
        text,
        "Where the value comes from when none is given: a setting, git, or what is found out about the project.",
    ),
    ("hidden", boolean, "Not shown in lists and never asked for."),
    ("type", kind, "What a given text is read as."),
    ("choices", list, "The only values allowed."),
];

const STEP: &[Key] = &[
    ("description", text, "What it is for, for people."),
    ("note", text, "Free text for a session that drives the run; the engine does not read it."),
    ("tool", text, "The tool that it calls."),
    ("with", arguments, "Arguments of the tool, by name."),
    ("skill", text, "The skill that a session runs."),
    ("args", list, "Arguments of the skill, in the order of its inputs; an item may be `{when, value}`."),
    ("python", text, "A callable, as AutoSkillit 0.9 had it."),
    ("constant", anything, "A value that is the step's result."),
    ("action", action, "`route`, `confirm`, or `stop`."),
    ("message", text, "The question, or what people are told at the end."),
    ("options", options, "The answers of a question, each with the step that it leads to."),
    ("default", anything, "The answer when nobody is there."),
    ("timeout", duration, "How long an answer is waited for."),
    ("stop", stop, "Ends the run."),
    ("status", status, "How an `action: stop` ends the run."),
    ("sub_recipe", text, "The recipe that takes this step's place."),
    ("gate", text, "The ingredient or expression that lets the sub-recipe in."),
    ("inputs", arguments, "What the sub-recipe's ingredients are given."),
    ("outputs", arguments, "Variables that are set from the sub-recipe's."),
    ("for_each", anything, "The list whose items the steps below `steps` run for."),
    ("as", text, "The name of the item: `item.NAME`."),
    ("zip", anything, "Lists that are walked along with it."),
    ("mode", mode, "One item after the other, or side by side."),
    ("max_parallel", bound, "How many items run side by side."),
    ("steps", steps, "The body of a loop."),
    ("collect", arguments, "Lists made of one value from each item."),
    ("on_item_failure", item_failure, "Whether the loop goes on after an item failed."),
    ("on_empty", target, "Where it goes when the list is empty."),
    ("on_success", target, "Where it goes after success."),
    ("on_failure", target, "Where it goes after failure; without it the run ends as failed."),
    ("on_result", routes, "Routes by the result; the first that holds decides."),
    ("on_context_limit", target, "Where it goes when a session ran out of context."),
    ("on_exhausted", target, "Where it goes when the extra tries are spent."),
    ("on_skip", target, "Where it goes when it is skipped."),
    ("skip_when_false", condition, "The step is skipped when this is false."),
    ("optional", boolean, "Whether it may be skipped."),
    ("max_visits", bound, "How often it may be entered."),
    ("on_exceeded", target, "Where it goes when it would be entered once more."),
    ("retries", count, "Extra tries within one visit."),
    ("retry", retry, "Which failures are tried again, and how."),
    ("poll", poll, "Calls it again until something holds."),
    ("capture", captures, "Variables that are set from the result."),
    ("capture_list", captures, "Lists that get the result appended."),
    ("optional_context_refs", texts, "Variables that may be missing, as AutoSkillit 0.9 had it."),
    ("outputs_from", outputs_from, "How the output of a command becomes its result."),
    ("block", text, "A group of steps with a budget."),
    ("model", text, "The model of the session."),
    ("provider", text, "The service of the model."),
    ("stale_threshold", duration, "How long a session may be silent."),
    ("idle_output_timeout", duration, "How long a session may write nothing."),
    ("allow", allow, "Findings of rules that are right here: rule and reason."),
];

const STOP: &[Key] = &[("status", status, "How the run ends."), ("message", text, "What people are told.")];

const ROUTE: &[Key] = &[
    ("when", condition, "The condition; without it, the route always holds."),
    ("route", target, "Where it leads."),
];

const CAPTURE: &[Key] = &[
    ("value", anything, "What is captured."),
    ("from", anything, "The same as `value`."),
    ("type", kind, "What it is read as."),
    ("mode", capture_mode, "Replace, append, or keep what is there."),
    ("purpose", purpose, "`report`: it is for the people who read the end of a run."),
];

const LIMITS: &[Key] = &[
    ("budget_usd", number, "US dollars over all sessions."),
    ("quota_share", percent, "How much of each window of the account's plan the run may use, in per cent."),
    ("wall_clock", duration, "Time from the start of the run."),
    ("sessions", count, "Number of sessions."),
    ("max_visits", count, "Visits of any one step that states no bound of its own."),
];

const RETRY: &[Key] = &[
    ("max", count, "Extra tries."),
    ("on", texts, "The reasons that are tried again."),
    ("backoff", anything, "How long to wait between tries."),
];

const POLL: &[Key] = &[
    ("every", duration, "The time between two calls."),
    ("for", duration, "The time after which it gives up."),
    ("until", condition, "What ends it."),
];

/// A mapping with these keys and no others.
fn mapping(keys: &[Key], required: &[&str]) -> Value {
    let properties = keys.iter().map(|(name, schema, summary)| {
        let mut schema = schema();
        if let Value::Object(schema) = &mut schema {
            schema.insert("description".to_owned(), json!(summary));
        }
        ((*name).to_owned(), schema)
    });
    let properties: Map<String, Value> = properties.collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if let Value::Object(schema) = &mut schema
        && !required.is_empty()
    {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn scalar() -> Value {
    json!({ "type": ["string", "number"] })
}

fn language() -> Value {
    json!({ "enum": [0, 1] })
}

fn boolean() -> Value {
    json!({ "type": "boolean" })
}

fn number() -> Value {
    json!({ "type": "number", "minimum": 0 })
}

fn percent() -> Value {
    json!({ "type": "number", "exclusiveMinimum": 0, "maximum": 100 })
}

fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn bound() -> Value {
    json!({ "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "string", "pattern": r"^\s*\$\{\{.*\}\}\s*$" }] })
}

fn texts() -> Value {
    json!({ "type": "array", "items": { "type": "string" } })
}

fn list() -> Value {
    json!({ "type": "array" })
}

fn anything() -> Value {
    json!({})
}

fn arguments() -> Value {
    json!({ "type": "object" })
}

fn condition() -> Value {
    json!({ "type": ["string", "boolean"] })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn target() -> Value {
    reference("target")
}

fn duration() -> Value {
    reference("duration")
}

fn limits() -> Value {
    reference("limits")
}

fn steps() -> Value {
    reference("steps")
}

fn stop() -> Value {
    reference("stop")
}

fn retry() -> Value {
    json!({ "anyOf": [{ "$ref": "#/$defs/retry" }, { "type": "integer", "minimum": 0 }] })
}

fn poll() -> Value {
    reference("poll")
}

fn ingredients() -> Value {
    json!({ "type": "object", "additionalProperties": { "$ref": "#/$defs/ingredient" } })
}

fn options() -> Value {
    json!({ "type": "object", "additionalProperties": { "$ref": "#/$defs/target" } })
}

fn captures() -> Value {
    let capture = json!({ "anyOf": [{ "type": ["string", "number", "boolean", "array", "null"] }, { "$ref": "#/$defs/capture" }] });
    json!({ "type": "object", "additionalProperties": capture })
}

fn routes() -> Value {
    let legacy = json!({
        "type": "object",
        "description": "The routes of AutoSkillit 0.9: a field of the result, and a step for each of its values.",
        "properties": { "field": { "type": "string" }, "routes": { "type": "object" } },
        "required": ["field", "routes"],
        "additionalProperties": false,
    });
    json!({ "anyOf": [{ "type": "array", "items": { "$ref": "#/$defs/route" } }, legacy] })
}

fn allow() -> Value {
    json!({ "type": "object", "additionalProperties": { "type": "string" } })
}

fn kind() -> Value {
    json!({ "enum": ["string", "bool", "int", "number", "path", "list", "json"] })
}

fn orchestrator() -> Value {
    json!({ "enum": ["engine", "claude"] })
}

fn action() -> Value {
    json!({ "enum": ["route", "confirm", "stop"] })
}

fn status() -> Value {
    json!({ "enum": ["succeeded", "failed", "exhausted"] })
}

fn mode() -> Value {
    json!({ "enum": ["sequential", "parallel"] })
}

fn capture_mode() -> Value {
    json!({ "enum": ["set", "append", "keep"] })
}

fn purpose() -> Value {
    json!({ "enum": ["report"] })
}

fn item_failure() -> Value {
    json!({ "enum": ["stop", "continue"] })
}

fn outputs_from() -> Value {
    json!({ "enum": ["json", "kv", "text", "file"] })
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
        ] {
            let value: Value = serde_yaml::from_str(text).unwrap();
            assert!(!validator.is_valid(&value), "{text}");
        }
    }

    #[test]
    fn every_key_that_the_loader_knows_is_in_the_schema() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/recipe/lower/keys.rs");
        let source = std::fs::read_to_string(path).unwrap();
        let tables = [("RECIPE", RECIPE), ("INGREDIENT", INGREDIENT), ("STEP", STEP), ("STOP", STOP)];
        let more = [("ROUTE", ROUTE), ("CAPTURE", CAPTURE), ("LIMITS", LIMITS)];
        for (table, keys) in tables.into_iter().chain(more) {
            let block = source.split(&format!("static {table}: Keys")).nth(1).unwrap();
            let block = block.split("};").next().unwrap();
            // Every second piece between quotes is a key; the first is what the mapping is called.
            let known = block.split("known:").nth(1).unwrap().split("unsupported:").next().unwrap();
            for key in known.split('"').skip(1).step_by(2) {
                assert!(keys.iter().any(|(name, ..)| *name == key), "{table}: {key}");
            }
        }
    }
}

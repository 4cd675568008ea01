//! The notes, oldest first. Each finds its old forms by itself, so that it does nothing to a text that has none, and a version that
//! is wrong or missing does no harm.

use serde_yaml::Value as Yaml;

use super::calls::{retries, skill_and_args};
use super::{Edit, Found, Note};
use crate::recipe::expr::{Expr, Mode};
use crate::recipe::marks::Path;
use crate::recipe::yaml::Document;

/// Every note.
pub static NOTES: &[Note] = &[
    Note {
        id: "tool-names",
        to: "0.2.0",
        summary: "tools about scripts are tools about recipes",
        apply: tool_names,
    },
    Note {
        id: "top-keys",
        to: "0.2.0",
        summary: "`inputs` and `constraints` of a recipe are `ingredients` and `kitchen_rules`",
        apply: top_keys,
    },
    Note {
        id: "routes-as-list",
        to: "0.3.0",
        summary: "`on_result` is a list of conditions, read from top to bottom",
        apply: routes_as_list,
    },
    Note {
        id: "version-as-text",
        to: "0.9.0",
        summary: "a version is a text: 0.10 is not 0.1",
        apply: version_as_text,
    },
    Note {
        id: "retries",
        to: "0.9.0",
        summary: "`retry` with `max_attempts` is `retries` and `on_exhausted` of the step",
        apply: retries,
    },
    Note {
        id: "skill-and-args",
        to: "language 1",
        summary: "a step names its skill, and each argument stays one argument, whatever its value is",
        apply: skill_and_args,
    },
    Note {
        id: "bare-conditions",
        to: "language 1",
        summary: "conditions are expressions without `${{ }}`, and compare as they say",
        apply: bare_conditions,
    },
    Note {
        id: "by-hand",
        to: "language 1",
        summary: "forms whose meaning only their author knows",
        apply: by_hand,
    },
];

/// Each step with its place.
pub(super) fn steps(document: &Document) -> Vec<(Path, &Yaml)> {
    let Some(Yaml::Mapping(steps)) = document.value.get("steps") else { return Vec::new() };
    let base = Path::root().key("steps");
    steps.iter().filter_map(|(name, step)| Some((base.key(name.as_str()?), step))).collect()
}

fn tool_names(document: &Document) -> Found {
    let names = [
        ("list_skill_scripts", "list_recipes"),
        ("load_skill_script", "load_recipe"),
        ("validate_script", "validate_recipe"),
        ("autoskillit_status", "kitchen_status"),
    ];
    let mut found = Found::default();
    for (path, step) in steps(document) {
        let tool = step.get("tool").and_then(Yaml::as_str);
        if let Some((_, new)) = names.iter().find(|(old, _)| tool == Some(old)) {
            found.edits.push(Edit { at: document.marks.value(&path.key("tool")), text: (*new).to_owned() });
        }
    }
    found
}

fn top_keys(document: &Document) -> Found {
    let mut found = Found::default();
    for (old, new) in [("inputs", "ingredients"), ("constraints", "kitchen_rules")] {
        let path = Path::root().key(old);
        if document.value.get(old).is_none() {
            continue;
        }
        match document.value.get(new) {
            None => found.edits.push(Edit { at: document.marks.key(&path), text: new.to_owned() }),
            Some(_) => found.left.push((
                document.marks.key(&path),
                format!("`{old}` and `{new}` are the same: put both under `{new}`"),
            )),
        }
    }
    found
}

fn routes_as_list(document: &Document) -> Found {
    let mut found = Found::default();
    for (path, step) in steps(document) {
        let path = path.key("on_result");
        let Some(Yaml::Mapping(mapping)) = step.get("on_result") else { continue };
        let at = document.marks.key(&path);
        let field = mapping.get("field").and_then(Yaml::as_str);
        let routes = mapping.get("routes").and_then(Yaml::as_mapping);
        let extent = document.marks.extent(&path);
        let list = field.zip(routes).and_then(|(field, routes)| as_list(field, routes));
        let (Some(list), Some(extent)) = (list, extent) else {
            found.left.push((at, "write `on_result` as a list of `{when, route}`".to_owned()));
            continue;
        };
        let old = &document.text[extent.clone()];
        if old.starts_with('{') || old.contains('#') {
            // In braces there is no indentation to follow; comments inside have no place in the list.
            found.left.push((at, "write `on_result` as a list of `{when, route}`".to_owned()));
            continue;
        }
        let line = document.text[..extent.start].rfind('\n').map_or(0, |newline| newline + 1);
        if !document.text[line..extent.start].trim().is_empty() {
            found.left.push((at, "write `on_result` as a list of `{when, route}`".to_owned()));
            continue;
        }
        let indent = " ".repeat(extent.start - line);
        let end = if document.text.contains("\r\n") { "\r\n" } else { "\n" };
        let text = list.join(&format!("{end}{indent}"));
        found.edits.push(Edit { at: extent, text });
    }
    found
}

/// The lines of the list, without indentation.
fn as_list(field: &str, routes: &serde_yaml::Mapping) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    let plain = !field.is_empty() && field.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !plain || routes.is_empty() {
        return None;
    }
    for (value, to) in routes {
        let to = scalar(to.as_str()?);
        let value = match value {
            Yaml::String(text) => serde_json::Value::from(text.as_str()),
            Yaml::Bool(flag) => (*flag).into(),
            Yaml::Number(number) => serde_json::Value::from(number.to_string()),
            _ => return None,
        };
        let literal = match &value {
            serde_json::Value::String(text) if !text.contains(['\'', '\\']) => format!("'{text}'"),
            other => other.to_string(),
        };
        // Values that come as texts or as what they mean are compared as before.
        let loose = match &value {
            serde_json::Value::String(text) => {
                text.parse::<f64>().is_ok()
                    || ["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word))
            }
            _ => true,
        };
        let condition = match loose {
            true => format!("result.{field} | is_same({literal})"),
            false => format!("result.{field} == {literal}"),
        };
        lines.push(format!("- when: {}", scalar(&condition)));
        lines.push(format!("  route: {to}"));
    }
    Some(lines)
}

fn version_as_text(document: &Document) -> Found {
    let mut found = Found::default();
    let path = Path::root().key("autoskillit_version");
    if let Some(Yaml::Number(_)) = document.value.get("autoskillit_version") {
        let at = document.marks.value(&path);
        let text = format!("\"{}\"", &document.text[at.clone()]);
        found.edits.push(Edit { at, text });
    }
    found
}

fn bare_conditions(document: &Document) -> Found {
    let mut found = Found::default();
    let mut condition = |path: &Path, value: Option<&Yaml>| {
        let Some(text) = value.and_then(Yaml::as_str).filter(|text| text.contains("${{")) else { return };
        let at = document.marks.value(path);
        let written = &document.text[at.clone()];
        let one_line = !written.starts_with(['|', '>', '*', '&']) && !written.contains('\n');
        match Expr::predicate(text, Mode::Legacy) {
            Ok(expr) if one_line && Expr::parse(expr.source()).is_ok() => {
                found.edits.push(Edit { at, text: scalar(expr.source()) });
            }
            _ => found.left.push((at, "write this condition without `${{ }}`".to_owned())),
        }
    };
    for (path, step) in steps(document) {
        condition(&path.key("skip_when_false"), step.get("skip_when_false"));
        if let Some(Yaml::Sequence(routes)) = step.get("on_result") {
            for (index, route) in routes.iter().enumerate() {
                condition(&path.key("on_result").index(index).key("when"), route.get("when"));
            }
        }
    }
    found
}

fn by_hand(document: &Document) -> Found {
    let mut found = Found::default();
    for (path, step) in steps(document) {
        let mut left = |path: &Path, what: &str| found.left.push((document.marks.key(path), what.to_owned()));
        if step.get("python").is_some() {
            left(&path.key("python"), "call a command or a tool instead of a Python function");
        }
        if step.get("optional_context_refs").is_some() {
            let what = "remove it, and read these variables as `context.x | default('')`";
            left(&path.key("optional_context_refs"), what);
        }
        let routed = ["on_success", "on_result", "on_failure"].iter().any(|key| step.get(*key).is_some());
        if step.get("action").and_then(Yaml::as_str) == Some("route") && !routed {
            left(&path, "the note says where it goes: write it as `on_result`");
        }
    }
    found
}

/// A text as a YAML scalar on one line.
pub(super) fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '(' || c == '_')
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with([':', ' '])
        && matches!(serde_yaml::from_str::<Yaml>(text), Ok(Yaml::String(read)) if read == text);
    match plain {
        true => text.to_owned(),
        false => serde_json::Value::from(text).to_string(),
    }
}

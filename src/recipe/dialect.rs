//! Which language a recipe is written in, and what is only a warning in AutoSkillit 0.9's.
//!
//! `language: 1` says that it is ours, `language: 0` that it is 0.9's. Without the key the first form that only 0.9 has decides: a recipe with such a form is
//! read as it was meant there, one without is read as ours.

use std::ops::Range;

use serde_yaml::Value as Yaml;

use super::diagnostic::{Problem, Severity};
use super::marks::Path;
use super::model::Dialect;
use super::yaml::{Document, TEMP};
use crate::catalog;

/// Keys of a step that only 0.9's recipes have.
const STEP_KEYS: &[&str] = &["python", "constant", "gate", "optional_context_refs"];

/// Codes of errors that are warnings in a legacy recipe, and what they are called there.
const TOLERATED: &[(&str, &str)] = &[
    ("misplaced-key", "misplaced-key"),
    ("name-mismatch", "name-mismatch"),
    ("no-route", "prose-routing"),
    ("step-name", "step-name"),
    ("unknown-key", "unknown-key"),
    ("unknown-parameter", "unknown-parameter"),
];

/// A form that only 0.9 has.
struct Marker {
    what: String,
    at: Range<usize>,
}

/// The language of a file, with the warning that says why it is not ours.
#[must_use]
pub fn detect(document: &Document) -> (Dialect, Option<Problem>) {
    if let Some(language) = document.value.get("language") {
        // Said on purpose, so there is nothing to warn about.
        let dialect = if language.as_u64() == Some(0) { Dialect::Legacy } else { Dialect::Current };
        return (dialect, None);
    }
    let Some(marker) = first(document) else { return (Dialect::Current, None) };
    let message = format!("this is read as a recipe of AutoSkillit 0.9: {}", marker.what);
    let help = "what only a model could follow is a warning here; `language: 1` at the top makes it strict";
    let problem = Problem::warning("legacy-recipe", message, marker.at, "a form of 0.9");
    (Dialect::Legacy, Some(problem.help(help.to_owned())))
}

/// Makes a warning of an error that a legacy recipe may have.
pub fn soften(dialect: Dialect, problem: &mut Problem) {
    if dialect == Dialect::Legacy
        && let Some((_, code)) = TOLERATED.iter().find(|(code, _)| *code == problem.code)
    {
        problem.code = code;
        problem.severity = Severity::Warning;
    }
}

/// The form that stands first in the text.
fn first(document: &Document) -> Option<Marker> {
    let mut all = Markers { document, found: Vec::new() };
    all.top();
    if let Some(Yaml::Mapping(steps)) = document.value.get("steps") {
        for (name, step) in steps {
            if let (Some(name), Yaml::Mapping(_)) = (name.as_str(), step) {
                all.step(&Path::root().key("steps").key(name), step);
            }
        }
    }
    all.found.into_iter().min_by_key(|marker| marker.at.start)
}

struct Markers<'a> {
    document: &'a Document,
    found: Vec<Marker>,
}

impl Markers<'_> {
    fn key(&mut self, path: &Path, what: String) {
        let at = self.document.marks.key(path);
        self.found.push(Marker { what, at });
    }

    fn value(&mut self, path: &Path, what: String) {
        let at = self.document.marks.at(path);
        self.found.push(Marker { what, at });
    }

    fn top(&mut self) {
        let value = &self.document.value;
        let root = Path::root();
        if let Some(version) = value.get("autoskillit_version").and_then(version)
            && is_legacy_version(&version)
        {
            self.value(&root.key("autoskillit_version"), format!("its `autoskillit_version` is {version}"));
        }
        for (old, new) in [("inputs", "ingredients"), ("constraints", "kitchen_rules")] {
            if value.get(old).is_some() {
                self.key(&root.key(old), format!("`{old}` at the top is `{new}` today"));
            }
        }
        if let Some(start) = self.document.text.find(TEMP) {
            let what = format!("`{TEMP}` stands in its text");
            self.found.push(Marker { what, at: start..start + TEMP.len() });
        }
    }

    fn step(&mut self, path: &Path, step: &Yaml) {
        for key in STEP_KEYS.iter().filter(|key| step.get(**key).is_some()) {
            self.key(&path.key(key), format!("a step has `{key}`"));
        }
        if step.get("retry").is_some_and(|retry| retry.get("max_attempts").is_some()) {
            self.key(&path.key("retry"), "a step has `retry` with `max_attempts`".to_owned());
        }
        if step.get("with").is_some_and(|with| with.get("skill_command").is_some()) {
            let what = "`skill_command` runs a skill, which `skill` and `args` do today".to_owned();
            self.key(&path.key("with").key("skill_command"), what);
        }
        if let Some(tool) = step.get("tool").and_then(Yaml::as_str)
            && catalog::unbuilt().any(|known| known.name == tool)
        {
            self.value(&path.key("tool"), format!("`{tool}` is a tool of 0.9"));
        }
        let braces =
            |value: Option<&Yaml>| value.and_then(Yaml::as_str).is_some_and(|text| text.contains("${{"));
        if braces(step.get("skip_when_false")) {
            let what = "`${{ }}` stands in `skip_when_false`".to_owned();
            self.value(&path.key("skip_when_false"), what);
        }
        let path = path.key("on_result");
        match step.get("on_result") {
            Some(Yaml::Mapping(_)) => {
                self.key(&path, "`on_result` is a mapping with `field` and `routes`".to_owned());
            }
            Some(Yaml::Sequence(routes)) => {
                for (index, route) in routes.iter().enumerate() {
                    if braces(route.get("when")) {
                        let what = "`${{ }}` stands in `when`".to_owned();
                        self.value(&path.index(index).key("when"), what);
                    }
                }
            }
            _ => {}
        }
    }
}

/// A version as it is written.
fn version(value: &Yaml) -> Option<String> {
    match value {
        Yaml::String(text) => Some(text.trim().to_owned()),
        Yaml::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether a version is one of the reference's releases, 0.2 to 0.9.
fn is_legacy_version(version: &str) -> bool {
    let mut parts = version.split('.');
    parts.next() == Some("0")
        && parts
            .next()
            .and_then(|minor| minor.parse::<u8>().ok())
            .is_some_and(|minor| (2..=9).contains(&minor))
}

//! The facts a run starts with.

use serde_json::Value;

use crate::engine::event::RunStarted;
use crate::recipe::model::Orchestrator;

use super::super::facts;
use super::super::style::{Look, Role};
use super::super::text;
use super::Setting;

/// Rows of the title and what it says about the recipe.
const TITLE: usize = 3;
/// Longest value of an input that is shown.
const VALUE: usize = 200;

/// The lines above a run.
pub(super) fn lines(started: &RunStarted, setting: &Setting, look: &Look) -> Vec<String> {
    let title = text::one_line(&started.recipe, look);
    let dash = look.glyphs().dash;
    let title = match text::one_line(&started.description, look) {
        about if about.is_empty() => title,
        about => format!("{title} {dash} {about}"),
    };
    let title = text::cut(&title, look.width.saturating_mul(TITLE), look);
    let name = text::one_line(&started.recipe, look).chars().count();
    let mut lines: Vec<String> = text::wrap(&title, look.width)
        .iter()
        .enumerate()
        .map(|(at, line)| match line.char_indices().nth(name) {
            Some((split, _)) if at == 0 => {
                format!(
                    "{}{}",
                    look.paint(Role::Strong, &line[..split]),
                    look.paint(Role::Dim, &line[split..])
                )
            }
            None if at == 0 => look.paint(Role::Strong, line),
            _ => look.paint(Role::Dim, line),
        })
        .collect();
    if let Some(scenario) = &started.rehearsal {
        let told = match scenario.as_str() {
            "made-up" => "every answer is made up: no model is asked".to_owned(),
            name => format!(
                "scenario {name} plays the sessions: no model is asked, the figures are the scenario's"
            ),
        };
        lines.extend(facts::prose("REHEARSAL", Role::Warn, &told, look));
    }
    lines.extend(facts::prose("run", Role::Plain, &started.run_id, look));
    lines.extend(place(started, look));
    lines.extend(facts::prose(
        "orchestrator",
        Role::Plain,
        &driver(setting.orchestrator.unwrap_or(started.orchestrator), setting),
        look,
    ));
    // A rehearsal's sessions do what the scenario says and nothing else.
    if started.rehearsal.is_none() {
        let (role, meaning) = permissions(&started.permissions);
        let told = if meaning.is_empty() {
            started.permissions.clone()
        } else {
            format!("{}: {meaning}", started.permissions)
        };
        lines.extend(facts::prose("permissions", role, &told, look));
    }
    if !setting.day.is_empty() {
        lines.extend(facts::prose("today", Role::Plain, &setting.day, look));
    }
    let empty = Value::String(String::new());
    let shown = started.inputs.iter();
    let shown = shown.filter(|(name, value)| !setting.hidden_inputs.contains(name) && **value != empty);
    for (at, (name, value)) in shown.enumerate() {
        let label = if at == 0 { "inputs" } else { "" };
        let origin = started.input_origins.as_deref().and_then(|origins| origins.get(name));
        let from = origin.map(|place| format!(" (from {})", text::one_line(place, look))).unwrap_or_default();
        lines.extend(facts::prose(
            label,
            Role::Plain,
            &format!("{name} = {}{from}", input(value, look)),
            look,
        ));
    }
    lines
}

/// The repository and what is checked out. Its path is to be copied, so it is not broken.
fn place(started: &RunStarted, look: &Look) -> Vec<String> {
    let path = text::one_line(&started.repository.to_string_lossy(), look);
    let mut state = match (&started.branch, &started.commit) {
        (Some(branch), _) => format!("on {branch}"),
        (None, Some(commit)) => format!("at {}", commit.chars().take(9).collect::<String>()),
        (None, None) => String::new(),
    };
    if started.dirty {
        state += if state.is_empty() { "with uncommitted changes" } else { ", with uncommitted changes" };
    }
    let whole = format!("{path} {state}");
    if facts::column(look) + text::width(whole.trim_end()) <= look.width {
        return facts::command("repository", Role::Plain, whole.trim_end(), look);
    }
    let mut lines = facts::command("repository", Role::Plain, &path, look);
    if !state.is_empty() {
        lines.extend(facts::prose("", Role::Plain, &state, look));
    }
    lines
}

fn driver(orchestrator: Orchestrator, setting: &Setting) -> String {
    let name = match orchestrator {
        Orchestrator::Engine => "engine",
        Orchestrator::Claude => "claude",
    };
    if setting.orchestrator_why.is_empty() {
        name.to_owned()
    } else {
        format!("{name}: {}", setting.orchestrator_why)
    }
}

/// What permissions mean for the person whose machine it is.
fn permissions(name: &str) -> (Role, &'static str) {
    match name {
        "bypass" => (Role::Warn, "sessions run any command and edit any file without asking"),
        "accept_edits" => (Role::Plain, "sessions edit files freely; commands only as your settings allow"),
        "dont_ask" => (Role::Plain, "sessions do only what your settings allow; the rest is denied"),
        _ => (Role::Plain, ""),
    }
}

fn input(value: &Value, look: &Look) -> String {
    let shown = match value {
        Value::String(text) => text::one_line(text, look),
        other => text::one_line(&other.to_string(), look),
    };
    text::cut(&shown, VALUE, look).into_owned()
}

//! What of a recipe the engine cannot execute: features of the language that this version does not have, and what only a
//! model could follow.

use serde_json::Value;

use super::model::{Arg, Recipe, Step, StepKind};
use super::suggest;

/// One thing that the engine cannot execute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The step; empty when it concerns the whole recipe.
    pub step: String,
    /// The key, or a word for what it is.
    pub kind: &'static str,
    /// What, as a sentence that names the step.
    pub message: String,
    /// What to write instead.
    pub add: String,
    /// Whether a run of the engine must not begin: going on would do something else than the recipe says.
    pub stops: bool,
}

/// Everything that the engine cannot execute: what concerns the whole recipe first, then in the order of the steps.
#[must_use]
pub fn gaps(recipe: &Recipe) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let whole = |kind, message: String, add: &str| Gap {
        step: String::new(),
        kind,
        message,
        add: add.to_owned(),
        stops: true,
    };
    for (name, _) in recipe.ingredients.iter().filter(|(_, ingredient)| ingredient.default_from.is_some()) {
        let message =
            format!("this version does not read `default_from` yet, which the ingredient `{name}` has");
        gaps.push(whole("default_from", message, "a `default:`, or give the value"));
    }
    for step in recipe.all_steps() {
        of_step(step, &mut gaps);
    }
    gaps
}

fn of_step(step: &Step, gaps: &mut Vec<Gap>) {
    let mut missing = |kind: &'static str, add: &str| gaps.push(unsupported(&step.name, kind, add));
    match &step.kind {
        StepKind::Call(_) => missing("sub_recipe", "the steps of the sub-recipe themselves"),
        _ => {}
    }
    gaps.extend(prose(step));
}

/// What a step leaves to a model.
fn prose(step: &Step) -> Vec<Gap> {
    let name = &step.name;
    let mut gaps = Vec::new();
    let mut add = |kind, message: String, add: String| {
        gaps.push(Gap { step: name.clone(), kind, message, add, stops: true });
    };
    if let StepKind::Tool { tool, with } = &step.kind {
        if !tool.built {
            let message = format!(
                "this version does not have the tool `{}` yet, which the step `{name}` calls",
                tool.name
            );
            add("tool", message, "a command that does the same".to_owned());
        }
        let command = match with.get("skill_command") {
            Some(Arg::Literal(Value::String(text))) => text.as_str(),
            Some(Arg::Template(template)) => template.source(),
            _ => "",
        };
        if let Some(word) = placeholder(command) {
            let message = format!("the step `{name}` leaves `{word}` in its command to a model");
            add("placeholder", message, "`for_each:` over the values, and `args:`".to_owned());
        }
        if tool.name == "run_skill" && !step.hints.is_empty() {
            let keys: Vec<&str> = step.hints.keys().map(String::as_str).collect();
            let message =
                format!("the step `{name}` tells a model {} beside its command", suggest::quoted_list(&keys));
            add("hints", message, "them to `args:`, with `{when, value}` where they may be empty".to_owned());
        }
    }
    let goes_on = step.on_success.is_some() || !step.on_result.is_empty();
    if !goes_on && !matches!(step.kind, StepKind::Stop { .. } | StepKind::Confirm { .. }) {
        let message = format!("the step `{name}` does not say what follows its success");
        add("prose-routing", message, "`on_success:` or `on_result:`".to_owned());
    }
    let reads_result = step
        .on_result
        .iter()
        .filter_map(|route| route.when.as_ref())
        .any(|when| when.references().iter().any(|found| found.namespace == "result"));
    if matches!(step.kind, StepKind::Route) && reads_result {
        let message = format!("the step `{name}` has no result, so a model decides where it leads");
        add("prose-routing", message, "a condition on `context` or `inputs`, or `for_each:`".to_owned());
    }
    if step.skip_when_false.is_some() && step.on_skip.is_none() && step.on_success.is_none() && goes_on {
        let message = format!("the step `{name}` does not say what follows when it is skipped");
        add("skip-route-unclear", message, "`on_skip:`".to_owned());
    }
    gaps
}

/// A `{word}` that stands for something in a command, outside of `${{ }}`.
fn placeholder(command: &str) -> Option<&str> {
    let mut rest = command;
    while let Some(open) = rest.find('{') {
        let end = rest[open..].find('}').map(|end| open + end)?;
        if rest[open..].starts_with("{{") {
            rest = &rest[(end + 2).min(rest.len())..];
            continue;
        }
        let word = &rest[open + 1..end];
        if !word.is_empty() && word.chars().all(|other| other.is_ascii_alphanumeric() || other == '_') {
            return Some(&rest[open..=end]);
        }
        rest = &rest[end + 1..];
    }
    None
}

fn unsupported(step: &str, kind: &'static str, add: &str) -> Gap {
    Gap {
        step: step.to_owned(),
        kind,
        message: format!("this version does not execute `{kind}` yet, which the step `{step}` has"),
        add: add.to_owned(),
        stops: true,
    }
}

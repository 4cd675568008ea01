//! What a recipe leaves to judgement, as pure functions: where a run goes when no route says so, and what there is to judge by. Whoever
//! drives decides, within what the recipe leaves open, and the journal has every decision.

use serde::Serialize;
use serde_json::{Map, Value};

use super::event::{Event, Next, RunStatus};
use super::open::Open;
use super::state::{At, State};
use super::transition::{follow, is_true};
use crate::core::text::quoted_list;
use crate::recipe::blank;
use crate::recipe::expr::Scope;
use crate::recipe::model::{Capture, Dialect, Recipe, Step, StepKind, Target};

/// How often the route after one step is chosen in a run whose recipe states no `limits.max_visits`.
pub const CHOICES: u32 = 50;

/// Where a step that did what it is for leads, where its routes as they are written do not say it: by a condition that can be evaluated,
/// or by judgement. `None` where the routes say it.
///
/// # Errors
/// When a condition has no value, as a sentence.
pub(super) fn decide(recipe: &Recipe, step: &Step, scope: &Scope) -> Result<Option<(Next, String)>, String> {
    if recipe.dialect != Dialect::Legacy
        || matches!(step.kind, StepKind::Stop { .. } | StepKind::Confirm { .. })
    {
        return Ok(None);
    }
    let open = |why: &str| Ok(Some((Next::Choice(Vec::new()), why.to_owned())));
    if step.on_result.is_empty() {
        return match &step.on_success {
            Some(_) => Ok(None),
            None => open("the recipe does not say what follows"),
        };
    }
    let mut unknown = false;
    for route in &step.on_result {
        match &route.when {
            // A step that calls nothing has no result, so this asks a model.
            Some(when)
                if matches!(step.kind, StepKind::Route)
                    && when.references().iter().any(|found| found.namespace == "result") =>
            {
                unknown = true;
            }
            Some(when) if is_true(when, scope)? => {
                return Ok(Some((follow(&route.to), format!("`{}` holds", when.written()))));
            }
            None if !unknown => return Ok(None),
            _ => {}
        }
    }
    match (unknown, &step.on_success) {
        (true, _) => open("its conditions are for a model to judge"),
        (false, Some(_)) => Ok(None),
        (false, None) => open("no condition of `on_result` holds"),
    }
}

/// Where a step leads whose command has blanks: it may have to be done for other values as well before the run goes on.
pub(super) fn perhaps_again(recipe: &Recipe, step: &Step, next: Next) -> Next {
    let onwards = step.on_success.as_ref().filter(|to| follow(to) == next);
    match onwards {
        Some(to) if !blank::blanks(step, recipe.dialect).is_empty() => {
            Next::Choice(vec![step.name.clone(), word(recipe, to)])
        }
        _ => next,
    }
}

/// The way to write a target that means no other.
fn word(recipe: &Recipe, target: &Target) -> String {
    let end = |name: &str| match recipe.steps.contains_key(name) {
        true => format!("@{name}"),
        false => name.to_owned(),
    };
    match target {
        Target::Step(step) => step.clone(),
        Target::Done => end("done"),
        Target::Escalate => end("escalate"),
    }
}

/// How often the route after `step` may be chosen.
#[must_use]
pub fn most_choices(recipe: &Recipe) -> u32 {
    recipe.limits.max_visits.unwrap_or(CHOICES)
}

/// A choice that is due.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// The step that the route leads away from.
    pub step_name: String,
    /// What the step is for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What the recipe's author tells about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Why the engine does not know where it leads.
    pub because: String,
    /// What the step came to; null when it was skipped.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub result: Value,
    /// Routes as they are written, with their conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Written>,
    /// Everything that may be chosen: those that the recipe names here first.
    pub targets: Vec<String>,
    /// What is known.
    #[serde(flatten)]
    pub known: Known,
}

/// A route as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Written {
    /// Where it leads.
    pub to: String,
    /// When.
    pub when: String,
}

/// What whoever judges has to go by.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Known {
    /// The ingredients' values.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub inputs: Map<String, Value>,
    /// The variables that steps have set.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub variables: Map<String, Value>,
    /// House rules of the recipe.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub house_rules: Vec<String>,
}

/// What is open in a call, and what there is to judge by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToFill {
    /// What is open.
    #[serde(flatten)]
    pub open: Open,
    /// What is known.
    #[serde(flatten)]
    pub known: Known,
}

/// What whoever judges has to go by at this moment.
#[must_use]
pub fn known(recipe: &Recipe, state: &State) -> Known {
    Known {
        inputs: state.started.as_ref().map(|started| started.inputs.clone()).unwrap_or_default(),
        variables: state.main.context.clone(),
        house_rules: recipe.kitchen_rules.clone(),
    }
}

/// The choice that is due where the run stands, if there is one.
#[must_use]
pub fn choice(recipe: &Recipe, state: &State) -> Option<Choice> {
    let At::Choosing { step, among, result } = &state.main.at else { return None };
    let step = recipe.steps.get(step)?;
    let mut routes: Vec<Written> = Vec::new();
    for route in &step.on_result {
        let when =
            route.when.as_ref().map_or_else(|| "otherwise".to_owned(), |when| when.written().to_owned());
        routes.push(Written { to: word(recipe, &route.to), when });
    }
    let mut targets = among.clone();
    if targets.is_empty() {
        let note = step.note.as_deref().unwrap_or_default();
        let mut words =
            note.split(|other: char| !other.is_alphanumeric() && !matches!(other, '_' | '-' | '.'));
        let steps: Vec<String> = recipe.steps.keys().cloned().collect();
        targets.extend(routes.iter().map(|route| route.to.clone()));
        targets.extend(
            words
                .by_ref()
                .map(|word| word.trim_end_matches('.').to_owned())
                .filter(|word| steps.contains(word)),
        );
        targets.extend(steps);
        // A step of that name is how the recipe itself ends.
        targets.extend(["done", "escalate"].map(str::to_owned));
        let mut seen = std::collections::HashSet::new();
        targets.retain(|target| seen.insert(target.clone()));
    }
    let because = match (among.is_empty(), result.is_null()) {
        (false, _) => "the step may be due again, with other words in its command".to_owned(),
        (_, true) => "it was skipped, and the recipe does not say what follows then".to_owned(),
        _ => state.why.clone(),
    };
    Some(Choice {
        step_name: step.name.clone(),
        description: step.description.clone(),
        note: step.note.clone(),
        because,
        result: result.clone(),
        routes,
        targets,
        known: known(recipe, state),
    })
}

/// What whoever drives chose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chosen {
    /// A step or an end.
    pub target: String,
    /// Why.
    pub why: String,
    /// Variables to set with it.
    pub set: Map<String, Value>,
}

/// The event of a choice.
///
/// # Errors
/// When it is none of those that there are, or sets what no step sets; with what to say instead.
pub fn chosen(recipe: &Recipe, due: &Choice, chosen: &Chosen) -> Result<Event, String> {
    let target = chosen.target.trim();
    let Some(target) = due.targets.iter().find(|known| *known == target) else {
        let near = crate::core::text::did_you_mean(target, due.targets.iter().map(String::as_str));
        let near = near.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
        return Err(format!(
            "`{target}` is no target here{near}: choose one of {}",
            quoted_list(&due.targets)
        ));
    };
    if chosen.why.trim().is_empty() {
        return Err("say in `reason` why: the recipe's words and what was seen that they fit".to_owned());
    }
    let captures = || recipe.steps.values().flat_map(|step| &step.captures);
    let mut set = Map::new();
    for (name, value) in &chosen.set {
        let Some((_, Capture { kind, .. })) = captures().find(|(known, _)| *known == name) else {
            let mut known: Vec<&str> = captures().map(|(name, _)| name.as_str()).collect();
            known.sort_unstable();
            known.dedup();
            return Err(format!("`{name}` is no variable of this recipe; there are {}", quoted_list(&known)));
        };
        let value = match kind {
            Some(kind) => kind.coerce(value.clone()).map_err(|error| format!("`{name}`: {error}"))?,
            None => value.clone(),
        };
        set.insert(name.clone(), value);
    }
    let next = match (target.as_str(), recipe.steps.contains_key(target)) {
        (_, true) => Next::Step(target.clone()),
        ("done" | "@done", _) => Next::End(RunStatus::Succeeded),
        _ => Next::End(RunStatus::Failed),
    };
    Ok(Event::RouteChosen { step: due.step_name.clone(), next, why: chosen.why.trim().to_owned(), set })
}

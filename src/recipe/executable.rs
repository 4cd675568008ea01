//! What of a recipe the engine cannot execute: features of the language that this version does not have, and what only a
//! model can judge.

use super::blank::blanks;
use super::model::{Dialect, Recipe, Step, StepKind};
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
    /// Whether a run must not begin, whoever drives it: going on would do something else than the recipe says. Otherwise a
    /// session that drives the run judges it.
    pub stops: bool,
}

/// What stops a run of `recipe` before its first step; with `judges`, when somebody drives it who can judge.
#[must_use]
pub fn stopping(recipe: &Recipe, judges: bool) -> Vec<Gap> {
    gaps(recipe).into_iter().filter(|gap| gap.stops || !judges).collect()
}

/// Whether whoever drives a run of `recipe` may have to judge. In a recipe of AutoSkillit 0.9 any step may come to an outcome that no
/// route fits.
#[must_use]
pub fn may_ask(recipe: &Recipe) -> bool {
    recipe.dialect == Dialect::Legacy || gaps(recipe).iter().any(|gap| !gap.stops)
}

/// Everything that the engine cannot execute: what concerns the whole recipe first, then in the order of the steps.
#[must_use]
pub fn gaps(recipe: &Recipe) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for step in recipe.all_steps() {
        of_step(step, &mut gaps);
        // Nobody is asked inside of a loop, or when the run is over.
        let asked = recipe.steps.get(&step.name).is_some_and(|own| std::ptr::eq(own, step));
        gaps.extend(judged(step, recipe.dialect).into_iter().map(|gap| Gap { stops: !asked, ..gap }));
    }
    gaps
}

fn of_step(step: &Step, gaps: &mut Vec<Gap>) {
    let mut missing = |kind: &'static str, add: &str| gaps.push(unsupported(&step.name, kind, add));
    if let StepKind::Call(_) = &step.kind {
        missing("sub_recipe", "the steps of the sub-recipe themselves");
    }
    if let StepKind::Tool { tool, .. } = &step.kind
        && !tool.built
    {
        let (step, tool) = (step.name.clone(), tool.name);
        let message =
            format!("this version does not have the tool `{tool}` yet, which the step `{step}` calls");
        gaps.push(Gap {
            step,
            kind: "tool",
            message,
            add: "a command that does the same".to_owned(),
            stops: true,
        });
    }
}

/// What a step leaves to a model.
fn judged(step: &Step, dialect: Dialect) -> Vec<Gap> {
    let name = &step.name;
    let mut gaps = Vec::new();
    let mut add = |kind, message: String, add: String| {
        gaps.push(Gap { step: name.clone(), kind, message, add, stops: false });
    };
    if let StepKind::Tool { tool, .. } = &step.kind {
        let words = blanks(step, dialect);
        if !words.is_empty() {
            let words = suggest::quoted_list(&words);
            let message = format!("the step `{name}` leaves {words} in its command to a model");
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

fn unsupported(step: &str, kind: &'static str, add: &str) -> Gap {
    Gap {
        step: step.to_owned(),
        kind,
        message: format!("this version does not execute `{kind}` yet, which the step `{step}` has"),
        add: add.to_owned(),
        stops: true,
    }
}

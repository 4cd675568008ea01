//! What of a recipe the engine cannot execute: features of the language that this version does not have, and what only a
//! model could follow.

use super::model::{Recipe, Step, StepKind};

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

/// Everything that the engine cannot execute, in the order of the steps.
#[must_use]
pub fn gaps(recipe: &Recipe) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for step in recipe.all_steps() {
        of_step(step, &mut gaps);
    }
    gaps
}

fn of_step(step: &Step, gaps: &mut Vec<Gap>) {
    let mut missing = |kind: &'static str, add: &str| gaps.push(unsupported(&step.name, kind, add));
    match &step.kind {
        StepKind::ForEach(_) => missing("for_each", "a loop of steps that takes one item after the other"),
        StepKind::Call(_) => missing("sub_recipe", "the steps of the sub-recipe themselves"),
        _ => {}
    }
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

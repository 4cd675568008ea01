//! What a recipe needs to be entered at a step in its middle: the variables that steps from there on read and none of them sets.

use super::expr::Reference;
use super::graph::Graph;
use super::model::{Bound, Dialect, Recipe, Step, StepKind};
use super::nodes::Nodes;

/// A variable that is read where it cannot be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// The step that reads it.
    pub step: String,
    /// The variable of `context`.
    pub variable: String,
}

/// What is missing for a run that enters `recipe` at `step` with the variables for which `is_set` holds. Reads that cope with a missing
/// variable miss nothing, and no read of the language of 0.9 does: there it is null.
#[must_use]
pub fn lacking(recipe: &Recipe, step: &str, is_set: impl Fn(&str) -> bool) -> Vec<Lack> {
    let Some(start) = recipe.steps.get_index_of(step) else { return Vec::new() };
    if recipe.dialect == Dialect::Legacy {
        return Vec::new();
    }
    let reached = Graph::of(&Nodes::of(recipe)).reachable_from(start);
    let steps: Vec<&Step> =
        recipe.steps.values().zip(&reached).filter(|(_, reached)| **reached).map(|(step, _)| step).collect();
    let later = |variable: &str| steps.iter().any(|step| step.captures.contains_key(variable));
    let mut lacks = Vec::new();
    for step in &steps {
        let first = recipe.steps.get_index_of(&step.name) == Some(start);
        for reference in reads(step) {
            let Some(variable) = reference.name.as_deref().filter(|_| reference.namespace == "context")
            else {
                continue;
            };
            let own = step.captures.contains_key(variable);
            let may_be_set = is_set(variable) || if first { own } else { later(variable) };
            let lack = Lack { step: step.name.clone(), variable: variable.to_owned() };
            let copes = reference.guarded || step.lenient.iter().any(|name| name == variable);
            if !may_be_set && !copes && !lacks.contains(&lack) {
                lacks.push(lack);
            }
        }
    }
    lacks
}

/// Every name that a step reads.
fn reads(step: &Step) -> Vec<&Reference> {
    let mut all: Vec<&Reference> = Vec::new();
    match &step.kind {
        StepKind::Tool { with, .. } => all.extend(with.values().flat_map(|arg| arg.references())),
        StepKind::Confirm { message, .. } | StepKind::Stop { message, .. } => {
            all.extend(message.references())
        }
        StepKind::Constant(value) => all.extend(value.references()),
        StepKind::ForEach(each) => all.extend(each.list.references()),
        StepKind::Call(call) => all.extend(call.inputs.values().flat_map(|arg| arg.references())),
        StepKind::Route => {}
    }
    all.extend(step.skip_when_false.iter().flat_map(|expr| expr.references()));
    if let Some(Bound::Expr(expr)) = &step.max_visits {
        all.extend(expr.references());
    }
    all.extend(step.captures.values().flat_map(|capture| capture.value.references()));
    all.extend(
        step.on_result.iter().filter_map(|route| route.when.as_ref()).flat_map(|when| when.references()),
    );
    all
}

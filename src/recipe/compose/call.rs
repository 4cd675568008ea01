//! One call of a sub-recipe: its steps under the caller's names.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::Value;

use super::{Gains, Ready, extend, rename, set, variables};
use crate::recipe::diagnostic::Problem;
use crate::recipe::expr::{self, Expr, Reference};
use crate::recipe::marks::{Marks, Path};
use crate::recipe::model::{
    Arg, Capture, Dialect, Ingredient, Part, Route, Step, StepKind, StopStatus, SubCall, Target,
};
use crate::recipe::suggest;

/// The recipe that calls.
pub(super) struct Scope<'a> {
    pub(super) marks: &'a Marks,
    pub(super) dialect: Dialect,
    pub(super) ingredients: IndexMap<String, Ingredient>,
    /// Its variables.
    pub(super) taken: HashSet<String>,
}

/// One step that calls a sub-recipe.
pub(super) struct Call<'a> {
    pub(super) step: &'a Step,
    pub(super) call: &'a SubCall,
    pub(super) ready: &'a Ready,
    /// The step declared after it.
    pub(super) next: Target,
    pub(super) scope: &'a Scope<'a>,
    pub(super) path: &'a Path,
}

impl Call<'_> {
    /// The steps that take its place, the entry first.
    pub(super) fn put_in(&self, gains: &mut Gains, problems: &mut Vec<Problem>) -> Vec<Step> {
        let part = &self.ready.recipe;
        let inputs = self.inputs(gains, problems);
        let exit = self.step.on_success.clone().unwrap_or(Target::Done);
        self.known_outputs(problems);
        let outputs = match self.outputs(&inputs) {
            Ok(outputs) => outputs,
            Err(message) => {
                let at = self.scope.marks.key(&self.path.key("outputs"));
                problems.push(Problem::error("bad-output", message, at, "in these outputs"));
                return Vec::new();
            }
        };
        let done = match outputs.is_empty() {
            true => exit.clone(),
            false => Target::Step(self.inner("@done")),
        };
        let mut steps = vec![self.entry(&inputs)];
        for step in part.steps.values() {
            match self.inner_step(step, &inputs, &done) {
                Ok(step) => steps.push(step),
                Err(message) => {
                    let at = self.scope.marks.at(&self.path.key("sub_recipe"));
                    let message = format!("the step `{}` of {}: {message}", step.name, self.ready.file);
                    problems.push(Problem::error("not-composable", message, at, "called here"));
                }
            }
        }
        if !outputs.is_empty() {
            let mut step = self.blank(self.inner("@done"));
            step.captures = outputs;
            step.on_success = Some(exit);
            steps.push(step);
        }
        self.collisions(&steps, problems);
        extend(&mut gains.kitchen_rules, part.kitchen_rules.clone());
        extend(&mut gains.requires_packs, part.requires_packs.clone());
        steps
    }

    fn inner(&self, step: &str) -> String {
        format!("{}.{step}", self.step.name)
    }

    fn variable(&self, name: &str) -> String {
        format!("{}__{name}", self.step.name.replace(|c: char| !c.is_ascii_alphanumeric(), "_"))
    }

    /// What each ingredient of the sub-recipe is; ingredients without an entry are the caller's of the same name.
    fn inputs(&self, gains: &mut Gains, problems: &mut Vec<Problem>) -> IndexMap<String, Capture> {
        let part = &self.ready.recipe;
        let path = self.path.key("inputs");
        for name in self.call.inputs.keys().filter(|name| !part.ingredients.contains_key(*name)) {
            let help = suggest::help(name, "its ingredients", part.ingredients.keys().map(String::as_str));
            let message = format!("the sub-recipe `{}` has no ingredient `{name}`", self.call.recipe);
            let at = self.scope.marks.key(&path.key(name));
            problems.push(Problem::error("unknown-input", message, at, "unknown").help(help));
        }
        let mut inputs = IndexMap::new();
        for (name, ingredient) in &part.ingredients {
            let value = match self.call.inputs.get(name) {
                Some(value) => value.clone(),
                // AutoSkillit 0.9 has one set of ingredients for a recipe and all of its sub-recipes.
                None if self.scope.dialect == Dialect::Legacy => {
                    if !self.scope.ingredients.contains_key(name) {
                        gains.ingredients.entry(name.clone()).or_insert_with(|| ingredient.clone());
                    }
                    continue;
                }
                None if ingredient.required && ingredient.default.is_none() => {
                    let message = format!("the sub-recipe `{}` needs `{name}`", self.call.recipe);
                    let help = format!("write `inputs: {{{name}: …}}`");
                    let at = self.scope.marks.key(self.path);
                    problems.push(Problem::error("missing-input", message, at, "in this call").help(help));
                    continue;
                }
                None => {
                    Arg::Literal(ingredient.default.clone().unwrap_or_else(|| Value::String(String::new())))
                }
            };
            if let Arg::Literal(value) = &value
                && !ingredient.choices.is_empty()
                && !ingredient.choices.contains(value)
            {
                let message = format!("`{name}` is never {value}");
                let choices: Vec<String> = ingredient.choices.iter().map(expr::text).collect();
                let help = format!("possible: {}", suggest::quoted_list(&choices));
                let at = self.scope.marks.at(&path.key(name));
                problems.push(Problem::error("bad-value", message, at, "not possible").help(help));
            }
            inputs.insert(name.clone(), Capture { kind: Some(ingredient.kind), ..set(value) });
        }
        inputs
    }

    /// The variables that the caller gets, read where the sub-recipe ends.
    fn outputs(&self, inputs: &IndexMap<String, Capture>) -> Result<IndexMap<String, Capture>, String> {
        let names = |reference: &Reference| self.renamed(reference, inputs);
        let outputs = self.call.outputs.iter();
        outputs.map(|(name, value)| Ok((name.clone(), set(rename::arg(value, &names)?)))).collect()
    }

    /// Outputs read variables that the sub-recipe sets somewhere.
    fn known_outputs(&self, problems: &mut Vec<Problem>) {
        let set = variables(&self.ready.recipe);
        for (name, value) in &self.call.outputs {
            for reference in references(value) {
                let Some(read) = reference.name.as_deref().filter(|_| reference.namespace == "context")
                else {
                    continue;
                };
                if set.contains(read) {
                    continue;
                }
                let message = format!("the sub-recipe `{}` sets no variable `{read}`", self.call.recipe);
                let help = suggest::help(read, "its variables", set.iter().map(String::as_str));
                let at = self.scope.marks.at(&self.path.key("outputs").key(name));
                problems.push(Problem::error("unknown-output", message, at, "never set").help(help));
            }
        }
    }

    fn renamed(
        &self,
        reference: &Reference,
        inputs: &IndexMap<String, Capture>,
    ) -> Option<(&'static str, String)> {
        let name = reference.name.as_deref()?;
        match reference.namespace.as_str() {
            "context" => Some(("context", self.variable(name))),
            "inputs" if inputs.contains_key(name) => Some(("context", self.variable(&format!("in_{name}")))),
            _ => None,
        }
    }

    fn blank(&self, name: String) -> Step {
        Step {
            name,
            kind: StepKind::Route,
            captures: IndexMap::new(),
            on_success: None,
            on_failure: None,
            on_result: Vec::new(),
            on_context_limit: None,
            on_exhausted: Target::Escalate,
            on_skip: None,
            max_visits: None,
            on_exceeded: None,
            retries: 0,
            skip_when_false: None,
            description: String::new(),
            note: None,
            ..self.step.clone()
        }
    }

    /// The step that gives the sub-recipe its inputs, or passes it over.
    fn entry(&self, inputs: &IndexMap<String, Capture>) -> Step {
        let first = self.ready.recipe.steps.keys().next().map(|first| Target::Step(self.inner(first)));
        let condition = match (&self.call.gate, &self.step.skip_when_false) {
            (Some(gate), Some(skip)) => both(gate, skip),
            (gate, skip) => gate.clone().or_else(|| skip.clone()),
        };
        let on_skip = match (&self.step.on_skip, &condition) {
            (Some(to), _) => Some(to.clone()),
            // A sub-recipe that is left out of a legacy recipe leaves the step behind it.
            (None, Some(_)) if self.scope.dialect == Dialect::Legacy => Some(self.next.clone()),
            (None, Some(_)) => Some(self.step.on_success.clone().unwrap_or(Target::Done)),
            (None, None) => None,
        };
        Step {
            on_success: first.or_else(|| self.step.on_success.clone()),
            on_failure: self.step.on_failure.clone(),
            skip_when_false: condition,
            on_skip,
            captures: inputs
                .iter()
                .map(|(name, value)| (self.variable(&format!("in_{name}")), value.clone()))
                .collect(),
            max_visits: self.step.max_visits.clone(),
            on_exceeded: self.step.on_exceeded.clone(),
            description: self.step.description.clone(),
            note: self.step.note.clone(),
            ..self.blank(self.step.name.clone())
        }
    }

    /// A step of the sub-recipe as one of the caller's.
    fn inner_step(
        &self,
        step: &Step,
        inputs: &IndexMap<String, Capture>,
        done: &Target,
    ) -> Result<Step, String> {
        let mut step = step.clone();
        let names = |reference: &Reference| self.renamed(reference, inputs);
        rename::step(&mut step, &names, &|name| self.variable(name))?;
        let failed = self.step.on_failure.clone().unwrap_or(Target::Escalate);
        let target = |to: Target| match to {
            Target::Step(name) => Target::Step(self.inner(&name)),
            Target::Done => done.clone(),
            Target::Escalate => failed.clone(),
        };
        step.on_success = step.on_success.map(target);
        step.on_failure = step.on_failure.map(target);
        step.on_context_limit = step.on_context_limit.map(target);
        step.on_skip = step.on_skip.map(target);
        step.on_exceeded = step.on_exceeded.map(target);
        for Route { to, .. } in &mut step.on_result {
            *to = target(to.clone());
        }
        // Escalation is the default, and then `on_failure` is followed.
        if step.on_exhausted != Target::Escalate {
            step.on_exhausted = target(step.on_exhausted.clone());
        }
        if let StepKind::Confirm { choice: Some(choice), .. } = &mut step.kind {
            choice.options.values_mut().for_each(|to| *to = target(to.clone()));
        }
        match &step.kind {
            StepKind::Stop { status, message } => {
                let back = match status {
                    StopStatus::Succeeded => self.step.on_success.is_some() || !self.call.outputs.is_empty(),
                    StopStatus::Failed | StopStatus::Exhausted => self.step.on_failure.is_some(),
                };
                if back {
                    // Its message is not lost: it is a variable, and in the journal.
                    let told = Arg::Template(message.clone());
                    let to = if *status == StopStatus::Succeeded { done.clone() } else { failed };
                    step.captures.insert(self.variable("message"), set(told));
                    step.kind = StepKind::Route;
                    step.on_success = Some(to);
                }
            }
            // What would end the run ends the sub-recipe.
            StepKind::Tool { .. } | StepKind::ForEach(_) => {
                if step.on_success.is_none() && step.on_result.is_empty() {
                    step.on_success = Some(done.clone());
                }
                if step.on_failure.is_none() {
                    step.on_failure.clone_from(&self.step.on_failure);
                }
            }
            _ => {
                if step.on_success.is_none() && step.on_result.is_empty() {
                    step.on_success = Some(done.clone());
                }
            }
        }
        let origin =
            Part { recipe: self.call.recipe.clone(), step: step.name.clone(), file: self.ready.file.clone() };
        step.origin.get_or_insert(origin);
        step.allow.extend(self.ready.recipe.allow.iter().cloned());
        step.name = self.inner(&step.name);
        Ok(step)
    }

    /// Variables that both sides have.
    fn collisions(&self, steps: &[Step], problems: &mut Vec<Problem>) {
        let brought = steps
            .iter()
            .filter(|step| step.name != self.inner("@done"))
            .flat_map(|step| step.captures.keys());
        let mut told = HashSet::new();
        for name in brought.filter(|name| self.scope.taken.contains(*name)) {
            if told.insert(name) {
                let message = format!("the sub-recipe brings a variable `{name}`, and there is one");
                let at = self.scope.marks.key(self.path);
                let problem = Problem::error("variable-collision", message, at, "in this call");
                problems.push(problem.help("rename the variable of this recipe, or this step".to_owned()));
            }
        }
    }
}

/// The names that an argument reads.
fn references(value: &Arg) -> Vec<Reference> {
    match value {
        Arg::Literal(_) => Vec::new(),
        Arg::Template(text) => text.references().to_vec(),
        Arg::Choice { when, value } => [when.references().to_vec(), references(value)].concat(),
        Arg::List(items) => items.iter().flat_map(references).collect(),
        Arg::Map(entries) => entries.values().flat_map(references).collect(),
    }
}

fn both(gate: &Expr, skip: &Expr) -> Option<Expr> {
    let source = format!("({}) and ({})", gate.source(), skip.source());
    let written = format!("{} and {}", gate.written(), skip.written());
    Expr::made(&source, gate.mode(), &written).ok()
}

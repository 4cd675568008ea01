//! What rules ask about a step.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::shellwords::{Command, commands};
use super::{SkillLookup, Subject};
use crate::catalog::ToolDecl;
use crate::recipe::expr::{Expr, Template, Test, text};
use crate::recipe::model::{Arg, Step, StepKind, Target};
use crate::skills::{Contract, Edits, Writes};

/// The contracts of the skills that a recipe runs, each read once.
pub(super) struct Contracts(HashMap<String, Arc<Contract>>);

impl Contracts {
    pub(super) fn none() -> Self {
        Self(HashMap::new())
    }

    /// Reads those of `names`.
    pub(super) fn read<'n>(skills: &dyn SkillLookup, names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut all = HashMap::new();
        for name in names {
            if !all.contains_key(name)
                && let Some(contract) = skills.contract(name)
            {
                all.insert(name.to_owned(), contract);
            }
        }
        Self(all)
    }
}

impl Subject<'_> {
    /// The steps that lowering understood.
    pub(super) fn steps(&self) -> impl Iterator<Item = (usize, &Step)> {
        self.nodes.values().enumerate().filter(|(_, step)| !self.broken.contains(&step.name))
    }

    /// The steps that call `tool`.
    pub(super) fn calls<'s>(&'s self, tool: &'s str) -> impl Iterator<Item = (usize, &'s Step)> {
        self.steps().filter(move |(_, step)| is(step, tool))
    }

    /// The steps that run skills, with the skill's name.
    pub(super) fn sessions(&self) -> impl Iterator<Item = (usize, &Step, &str)> {
        self.steps().filter_map(|(index, step)| Some((index, step, self.skill_of(step)?.name)))
    }

    /// What the skill of a step says about itself.
    pub(super) fn contract(&self, step: &Step) -> Option<&Contract> {
        let skill = self.skill_of(step)?;
        self.contracts.0.get(skill.name).map(Arc::as_ref)
    }

    /// Whether the step runs a skill that may change the code.
    pub(super) fn edits_code(&self, step: &Step) -> bool {
        is(step, "run_skill")
            && self
                .contract(step)
                .is_none_or(|contract| contract.edits == Edits::Checkout && contract.writes != Writes::Never)
    }
}

/// The tool that a step calls.
pub(super) fn tool(step: &Step) -> Option<&'static ToolDecl> {
    match &step.kind {
        StepKind::Tool { tool, .. } => Some(tool),
        _ => None,
    }
}

/// Whether a step calls this tool.
pub(super) fn is(step: &Step, name: &str) -> bool {
    tool(step).is_some_and(|tool| tool.name == name)
}

/// An argument of a step.
pub(super) fn arg<'s>(step: &'s Step, name: &str) -> Option<&'s Arg> {
    match &step.kind {
        StepKind::Tool { with, .. } => with.get(name),
        _ => None,
    }
}

/// An argument that is written out.
pub(super) fn literal<'s>(step: &'s Step, name: &str) -> Option<&'s str> {
    match arg(step, name) {
        Some(Arg::Literal(value)) => value.as_str(),
        _ => None,
    }
}

/// The variable of `context` that an argument is.
pub(super) fn variable<'s>(step: &'s Step, name: &str) -> Option<&'s str> {
    match arg(step, name) {
        Some(Arg::Template(template)) => named(template, "context."),
        _ => None,
    }
}

/// The name in a namespace (`context.`) that a template is, whatever is made of it when it is not set.
pub(super) fn named<'t>(template: &'t Template, namespace: &str) -> Option<&'t str> {
    let source = template.single()?.source();
    let source = source.split('|').next().unwrap_or(source).trim();
    let name = source.strip_prefix(namespace)?;
    name.chars().all(|next| next.is_ascii_alphanumeric() || next == '_').then_some(name)
}

/// The key of the result that a capture takes as it is.
pub(super) fn captured<'s>(step: &'s Step, variable: &str) -> Option<&'s str> {
    match &step.captures.get(variable)?.value {
        Arg::Template(template) => named(template, "result."),
        _ => None,
    }
}

/// The keys of the result that captures and routes of a step read.
pub(super) fn reads_result(step: &Step, key: &str) -> bool {
    let is_key = |reference: &crate::recipe::expr::Reference| {
        reference.namespace == "result" && reference.name.as_deref() == Some(key)
    };
    let captures = step.captures.values().flat_map(|capture| capture.value.references());
    let routes =
        step.on_result.iter().filter_map(|route| route.when.as_ref()).flat_map(|when| when.references());
    captures.chain(routes).any(is_key)
}

/// The commands that a step runs itself.
pub(super) fn shell(step: &Step) -> Vec<Command> {
    if !is(step, "run_cmd") {
        return Vec::new();
    }
    match (arg(step, "cmd"), arg(step, "argv")) {
        (Some(Arg::Literal(value)), _) => value.as_str().map(commands).unwrap_or_default(),
        (Some(Arg::Template(template)), _) => commands(template.source()),
        (_, Some(argv)) => {
            let words = words(argv);
            if words.is_empty() { Vec::new() } else { vec![Command { words, piped: false }] }
        }
        _ => Vec::new(),
    }
}

fn words(argv: &Arg) -> Vec<String> {
    match argv {
        Arg::Literal(Value::Array(items)) => items.iter().map(text).collect(),
        Arg::List(items) => items
            .iter()
            .map(|item| match item {
                Arg::Literal(value) => text(value),
                Arg::Template(template) => template.source().to_owned(),
                Arg::List(_) | Arg::Map(_) | Arg::Choice { .. } => String::new(),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// A condition of `on_result` with its target.
pub(super) type Arm<'s> = (&'s Test, &'s Target);

/// The conditions of `on_result` in order, with their targets.
pub(super) fn arms(step: &Step) -> Vec<Arm<'_>> {
    step.on_result
        .iter()
        .map(|route| (route.when.as_ref().map_or(&Test::Always, Expr::test), &route.to))
        .collect()
}

/// Whether some arm names this value of `path`.
pub(super) fn names(arms: &[Arm<'_>], path: &[&str], value: &str) -> bool {
    let given = Value::from(value);
    arms.iter().any(|(test, _)| {
        test.values_of(path).into_iter().any(|named| text(named) == value) && test.can_hold(path, &given)
    })
}

/// The arms that may be taken when `path` has this value: those before it do not hold for certain.
pub(super) fn taken<'s>(step: &'s Step, path: &[&str], value: &str) -> Vec<Arm<'s>> {
    let value = Value::from(value);
    let mut taken = Vec::new();
    for (test, target) in arms(step) {
        if test.can_hold(path, &value) {
            taken.push((test, target));
        }
        if test.must_hold(path, &value) {
            break;
        }
    }
    taken
}

/// The targets that a success of `step` leads to. Arms of `on_result` that need `path` to have another value than the one given are left
/// out.
pub(super) fn successors<'s>(step: &'s Step, path: &[&str], value: &str) -> Vec<&'s Target> {
    let arms = taken(step, path, value).into_iter().map(|(_, target)| target);
    step.on_success.iter().chain(arms).collect()
}

/// The name of the step that a target is.
pub(super) fn step_name(target: &Target) -> Option<&str> {
    match target {
        Target::Step(name) => Some(name),
        Target::Done | Target::Escalate => None,
    }
}

//! Checks on a compiled recipe: what its parts mean together.

mod call;
mod condition;
mod facts;
mod references;
mod rule;
mod rules;
mod shell;
mod shellwords;
mod skills;
mod structure;
mod suppress;
mod types;

pub use rule::{BESIDE, Family, Finding, Level, Levels, Policy, Rule, families, family_of, rule, rules};
pub use skills::called_skill;

use std::cell::OnceCell;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::diagnostic::{Problem, Severity};
use super::expr::Template;
use super::flow::Flow;
use super::graph::Graph;
use super::lower::Lowered;
use super::marks::{Marks, Path};
use super::model::{Recipe, Step};
use crate::skills::Contract;
use facts::Contracts;
use rule::Findings;

/// What checks need to know about skills.
pub trait SkillLookup {
    /// Whether there is a skill of this name.
    fn exists(&self, name: &str) -> bool;
    /// The names of all skills, for suggestions.
    fn names(&self) -> Vec<String>;
    /// The outputs that a skill declares; `None` when it declares nothing, so that any may appear.
    fn outputs(&self, name: &str) -> Option<Vec<String>>;
    /// What a skill says about itself; `None` when there is none, it is faulty, or the lookup does not know.
    fn contract(&self, name: &str) -> Option<Arc<Contract>> {
        let _ = name;
        None
    }
    /// Its instructions without the frontmatter.
    fn text(&self, name: &str) -> Option<Arc<str>> {
        let _ = name;
        None
    }
    /// Why a skill that is there cannot be used: file, line, what is wrong and the mend, in a line.
    fn fault(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }
}

/// A lookup that accepts every skill, for views that do not run anything.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnySkill;

impl SkillLookup for AnySkill {
    fn exists(&self, _: &str) -> bool {
        true
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn outputs(&self, _: &str) -> Option<Vec<String>> {
        None
    }
}

/// What one round of checks looks at.
struct Subject<'a> {
    recipe: &'a Recipe,
    marks: &'a Marks,
    skills: &'a dyn SkillLookup,
    /// Steps that lowering could not understand completely; what they read is not checked.
    broken: &'a HashSet<String>,
    /// The routes, when all of them are known.
    graph: Option<Graph>,
    /// Where variables get their values, when the graph is known.
    flow: Option<Flow>,
    /// What the skills say about themselves.
    contracts: Contracts,
    /// What settings say.
    policy: &'a Policy,
    /// The types of its expressions, looked at when a rule asks.
    types: OnceCell<Vec<types::Place>>,
}

/// Checks what lowering left. Questions about the whole graph are only asked when it is whole.
#[must_use]
pub fn check(lowered: &Lowered, marks: &Marks, skills: &dyn SkillLookup, policy: &Policy) -> Vec<Problem> {
    let (recipe, broken) = (&lowered.recipe, &lowered.broken);
    let mut subject = Subject {
        recipe,
        marks,
        skills,
        broken,
        graph: None,
        flow: None,
        contracts: Contracts::none(),
        policy,
        types: OnceCell::new(),
    };
    let mut problems = Vec::new();
    subject.references(&mut problems);
    subject.shell(&mut problems);
    subject.structure(&mut problems);
    let is_error = |problem: &Problem| problem.severity == Severity::Error;
    let whole =
        !lowered.problems.iter().any(is_error) && !problems.iter().any(|found| found.code == "no-route");
    if whole {
        let graph = Graph::of(recipe);
        subject.ends(&graph, &mut problems);
        subject.flow = Some(subject.flow_over(&graph));
        subject.graph = Some(graph);
    }
    subject.contracts = Contracts::read(skills, subject.sessions().map(|(_, _, skill)| skill));
    let mut found = Vec::new();
    for rule in rules() {
        let level = policy.levels.of(rule, recipe.dialect);
        if let (Some(run), true) = (rule.run, level != Level::Off) {
            run(&subject, &mut Findings { rule, level, all: &mut found });
        }
    }
    problems.extend(subject.told(found, whole));
    problems
}

impl Subject<'_> {
    /// The graph and the flow of values over it, when all routes are known.
    fn flow(&self) -> Option<(&Graph, &Flow)> {
        self.graph.as_ref().zip(self.flow.as_ref())
    }

    fn flow_over(&self, graph: &Graph) -> Flow {
        let reads = |step: &Step| -> Vec<String> {
            let all = self.reads(step).into_iter().filter(|read| read.reference.namespace == "context");
            // A note is for an orchestrator, which reads what it names.
            let noted = step.note.iter().flat_map(|note| note.split("context.").skip(1));
            let noted = noted.map(|rest| {
                rest.split(|next: char| !next.is_ascii_alphanumeric() && next != '_')
                    .next()
                    .unwrap_or_default()
            });
            all.filter_map(|read| read.reference.name.clone()).chain(noted.map(str::to_owned)).collect()
        };
        let reads: Vec<Vec<String>> = self.recipe.steps.values().map(reads).collect();
        let reads: Vec<Vec<&str>> =
            reads.iter().map(|reads| reads.iter().map(String::as_str).collect()).collect();
        Flow::of(self.recipe, graph, &reads)
    }

    fn step_path(&self, step: &str) -> Path {
        Path::root().key("steps").key(step)
    }

    /// The place of the name of a step.
    fn step_at(&self, step: &str) -> Range<usize> {
        self.marks.key(&self.step_path(step))
    }

    /// The first of several places that stands in the text, else the step itself.
    fn first_of(&self, step: &str, candidates: &[&[&str]]) -> Path {
        let base = self.step_path(step);
        candidates
            .iter()
            .map(|keys| keys.iter().fold(base.clone(), |path, key| path.key(key)))
            .find(|path| self.marks.has(path))
            .unwrap_or(base)
    }

    /// The place of an argument: under `with`, or a key of the step that is folded into it.
    fn arg_path(&self, step: &str, name: &str) -> Path {
        let base = self.step_path(step);
        let under_with = base.key("with").key(name);
        match self.marks.has(&base.key(name)) && !self.marks.has(&under_with) {
            true => base.key(name),
            false => under_with,
        }
    }

    /// The place of a message: of an action, or under `stop`.
    fn message_path(&self, step: &str) -> Path {
        self.first_of(step, &[&["message"], &["stop", "message"]])
    }

    /// The place in the file of a part of a template.
    fn within(&self, path: &Path, template: &Template, span: &Range<usize>) -> Range<usize> {
        self.marks.within(&self.recipe.text, path, template.source(), span)
    }
}

//! Checks on a compiled recipe: what its parts mean together.

mod call;
mod codes;
mod facts;
mod place;
mod references;
mod rule;
mod rules;
mod settle;
mod shell;
mod shellwords;
mod skills;
mod structure;
mod suppress;
mod types;
mod ways;
mod whole;

pub use codes::{ALIASES, Alias, CODES, Code, Known, alias, known, names};
pub use rule::{BESIDE, Family, Finding, Level, Levels, Policy, Rule, families, family_of, rule, rules};
pub use skills::called_skill;

use std::cell::OnceCell;
use std::collections::HashSet;
use std::sync::Arc;

pub(in crate::recipe) use settle::settle;
pub(in crate::recipe) use whole::{File, before_parts, check_whole, same};

use super::diagnostic::{Problem, Severity};
use super::flow::Flow;
use super::graph::Graph;
use super::lower::Lowered;
use super::marks::Marks;
use super::model::Recipe;
use super::nodes::Nodes;
use crate::skills::Contract;
use facts::Contracts;
use place::{Place, Source};
use references::Read;
use rule::Findings;

/// A bundled skill in whose place another one stands.
#[derive(Debug, Clone)]
pub struct Shadowed {
    /// What the bundled one says about itself.
    pub ours: Arc<Contract>,
    /// The file of the one that is used.
    pub by: String,
}

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
    /// The bundled skill of this name, when another one stands in its place.
    fn shadowed(&self, name: &str) -> Option<Shadowed> {
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
    /// Every step of it.
    nodes: Nodes<'a>,
    /// The files that its steps stand in, its own first.
    sources: &'a [Source<'a>],
    /// Where each step stands.
    places: Vec<Place>,
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
    let sources = [Source { file: "", text: &recipe.text, marks, base: 0 }];
    let mut subject = Subject::new(recipe, &sources, skills, broken, policy);
    let mut problems = Vec::new();
    subject.references(&mut problems);
    subject.shell(&mut problems);
    subject.structure(&mut problems);
    let is_error = |problem: &Problem| problem.severity == Severity::Error;
    let whole =
        !lowered.problems.iter().any(is_error) && !problems.iter().any(|found| found.code == "no-route");
    if whole {
        subject.follow_routes();
        subject.ends(&mut problems);
    }
    let found = subject.ask(|_| true);
    problems.extend(subject.told(found, whole));
    problems
}

impl<'a> Subject<'a> {
    fn new(
        recipe: &'a Recipe,
        sources: &'a [Source<'a>],
        skills: &'a dyn SkillLookup,
        broken: &'a HashSet<String>,
        policy: &'a Policy,
    ) -> Self {
        let nodes = Nodes::of(recipe);
        let places = place::places(&nodes, sources);
        let mut subject = Self {
            recipe,
            nodes,
            sources,
            places,
            skills,
            broken,
            graph: None,
            flow: None,
            contracts: Contracts::none(),
            policy,
            types: OnceCell::new(),
        };
        subject.contracts = Contracts::read(skills, subject.sessions().map(|(_, _, skill)| skill));
        subject
    }

    /// Builds the graph and the flow over it.
    fn follow_routes(&mut self) {
        let graph = Graph::of(&self.nodes);
        self.flow = Some(self.flow_over(&graph));
        self.graph = Some(graph);
    }

    /// What the rules that `wanted` lets through find.
    fn ask(&self, wanted: impl Fn(&Rule) -> bool) -> Vec<Finding> {
        let mut found = Vec::new();
        for rule in rules().filter(|rule| wanted(rule)) {
            let level = self.policy.levels.of(rule, self.recipe.dialect);
            if let (Some(run), true) = (rule.run, level != Level::Off) {
                run(self, &mut Findings { rule, level, nodes: &self.nodes, all: &mut found });
            }
        }
        found
    }

    /// The graph and the flow of values over it, when all routes are known.
    fn flow(&self) -> Option<(&Graph, &Flow)> {
        self.graph.as_ref().zip(self.flow.as_ref())
    }

    fn flow_over(&self, graph: &Graph) -> Flow {
        fn variables(reads: Vec<Read<'_>>) -> impl Iterator<Item = &str> {
            reads
                .into_iter()
                .filter(|read| read.reference.namespace == "context")
                .filter_map(|read| read.reference.name.as_deref())
        }
        let reads = self.nodes.values().map(|step| {
            // A note is for an orchestrator, which reads what it names.
            let noted = step.note.iter().flat_map(|note| note.split("context.").skip(1));
            let noted = noted.map(|rest| {
                rest.split(|next: char| !next.is_ascii_alphanumeric() && next != '_')
                    .next()
                    .unwrap_or_default()
            });
            variables(self.reads(step)).chain(noted).collect()
        });
        let reads: Vec<Vec<&str>> = reads.collect();
        let collects = self.nodes.values().map(|step| variables(self.collects(step)).collect());
        Flow::of(&self.nodes, graph, &reads, &collects.collect::<Vec<_>>())
    }
}

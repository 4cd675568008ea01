//! Every step of a recipe in one row, numbered: its own, those inside of `for_each`, those of `finally`.
//!
//! A name means a step of the same scope: the steps of the recipe, one body of a loop, or `finally`.

use std::collections::HashMap;
use std::ops::Index;

use indexmap::IndexMap;

use super::model::{Recipe, Step, StepKind, Target};

/// What a scope is to the recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::recipe) enum Kind {
    /// `steps:` at the top.
    Main,
    /// The body of a loop.
    Body {
        /// The step that loops.
        owner: usize,
    },
    /// `finally:`.
    Finally,
}

/// Steps that can route to each other.
#[derive(Debug)]
pub(in crate::recipe) struct Scope<'r> {
    pub(in crate::recipe) kind: Kind,
    steps: &'r IndexMap<String, Step>,
    /// The number of its first step.
    pub(in crate::recipe) first: usize,
}

/// The steps of a recipe by number.
#[derive(Debug)]
pub(in crate::recipe) struct Nodes<'r> {
    all: Vec<(&'r Step, usize)>,
    scopes: Vec<Scope<'r>>,
    /// The body of each loop, by the number of the step that loops.
    bodies: HashMap<usize, usize>,
    /// Steps by where they are in memory: the same name may stand in several scopes.
    numbers: HashMap<*const Step, usize>,
}

impl<'r> Nodes<'r> {
    /// The steps of `recipe`: its own first in their order, then bodies of loops, then `finally` and its bodies.
    pub(in crate::recipe) fn of(recipe: &'r Recipe) -> Self {
        let mut nodes =
            Self { all: Vec::new(), scopes: Vec::new(), bodies: HashMap::new(), numbers: HashMap::new() };
        nodes.add(Kind::Main, &recipe.steps);
        if !recipe.finally.is_empty() {
            nodes.add(Kind::Finally, &recipe.finally);
        }
        nodes
    }

    fn add(&mut self, kind: Kind, steps: &'r IndexMap<String, Step>) {
        let (scope, first) = (self.scopes.len(), self.all.len());
        self.scopes.push(Scope { kind, steps, first });
        for step in steps.values() {
            self.numbers.insert(std::ptr::from_ref(step), self.all.len());
            self.all.push((step, scope));
        }
        for (index, step) in steps.values().enumerate() {
            if let StepKind::ForEach(each) = &step.kind
                && !each.body.is_empty()
            {
                let owner = first + index;
                self.bodies.insert(owner, self.scopes.len());
                self.add(Kind::Body { owner }, &each.body);
            }
        }
    }

    pub(in crate::recipe) fn len(&self) -> usize {
        self.all.len()
    }

    pub(in crate::recipe) fn values(&self) -> impl Iterator<Item = &'r Step> {
        self.all.iter().map(|(step, _)| *step)
    }

    /// The number of a step of this recipe.
    pub(in crate::recipe) fn number(&self, step: &Step) -> Option<usize> {
        self.numbers.get(&std::ptr::from_ref(step)).copied()
    }

    /// The scope that a step belongs to.
    pub(in crate::recipe) fn scope(&self, node: usize) -> &Scope<'r> {
        &self.scopes[self.all[node].1]
    }

    /// What the scope of a step is.
    pub(in crate::recipe) fn kind(&self, node: usize) -> Kind {
        self.scope(node).kind
    }

    /// The first step of the body of the loop `node`.
    pub(in crate::recipe) fn body(&self, node: usize) -> Option<usize> {
        self.bodies.get(&node).map(|scope| self.scopes[*scope].first)
    }

    /// The first step of `finally`.
    pub(in crate::recipe) fn finally(&self) -> Option<usize> {
        self.scopes.iter().find(|scope| scope.kind == Kind::Finally).map(|scope| scope.first)
    }

    /// The step that `name` means where `node` stands.
    pub(in crate::recipe) fn find(&self, node: usize, name: &str) -> Option<usize> {
        let scope = self.scope(node);
        scope.steps.get_index_of(name).map(|index| scope.first + index)
    }

    /// The step that a route of `node` leads to.
    pub(in crate::recipe) fn target(&self, node: usize, target: &Target) -> Option<usize> {
        match target {
            Target::Step(name) => self.find(node, name),
            Target::Done | Target::Escalate => None,
        }
    }

    /// The same for a step that is at hand.
    pub(in crate::recipe) fn target_of(&self, step: &Step, target: &Target) -> Option<usize> {
        self.target(self.number(step)?, target)
    }

    /// The loops around a step, the innermost first.
    pub(in crate::recipe) fn loops(&self, node: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(node), |node| match self.kind(*node) {
            Kind::Body { owner } => Some(owner),
            Kind::Main | Kind::Finally => None,
        })
        .skip(1)
    }

    /// The steps whose variables can be read in a scope, given by a step of it: those of the scope and of the loops around, and for
    /// `finally` those of the recipe.
    pub(in crate::recipe) fn visible(&self, node: usize) -> Vec<&'r Step> {
        let mut scopes: Vec<&Scope<'r>> = vec![self.scope(node)];
        scopes.extend(self.loops(node).map(|owner| self.scope(owner)));
        if scopes.iter().any(|scope| scope.kind == Kind::Finally) {
            scopes.extend(self.scopes.iter().filter(|scope| scope.kind == Kind::Main));
        }
        scopes.into_iter().flat_map(|scope| scope.steps.values()).collect()
    }

    /// Whether a step runs when the run is over.
    pub(in crate::recipe) fn in_finally(&self, node: usize) -> bool {
        let outer = self.loops(node).last().unwrap_or(node);
        self.kind(outer) == Kind::Finally
    }

    /// Whether a step belongs to the recipe's own steps, in no loop.
    pub(in crate::recipe) fn is_main(&self, node: usize) -> bool {
        self.kind(node) == Kind::Main
    }
}

impl Index<usize> for Nodes<'_> {
    type Output = Step;

    fn index(&self, node: usize) -> &Step {
        self.all[node].0
    }
}

//! The routes of a recipe as a graph over all of its steps.

use std::collections::VecDeque;

use super::nodes::{Kind, Nodes};
use crate::recipe::model::{ItemFailure, Step, StepKind, StopStatus, Target};

/// Why an edge is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::recipe) enum Cause {
    /// The step completed; its captures are set.
    Completed,
    /// It was called and failed; captures of what its tool gives in any case are set.
    Failed,
    /// It was skipped; its captures are not set.
    Skipped,
    /// It was visited too often and not entered.
    Exceeded,
    /// It is a loop whose body begins.
    Entered,
}

/// Whether an edge stays among the steps that it starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::recipe) enum Hop {
    /// It does.
    Stays,
    /// From a loop into its body.
    Into,
    /// From the end of an item to the next one, or to what follows the loop.
    Out,
}

/// One route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::recipe) struct Edge {
    pub(in crate::recipe) to: usize,
    pub(in crate::recipe) cause: Cause,
    pub(in crate::recipe) hop: Hop,
    /// The entry of `on_result` that leads there.
    pub(in crate::recipe) arm: Option<usize>,
}

/// Steps by number, with their routes to other steps.
#[derive(Debug)]
pub(in crate::recipe) struct Graph {
    pub(in crate::recipe) edges: Vec<Vec<Edge>>,
    /// Steps that end the run on purpose, by themselves or by a route to `done` or `escalate`.
    pub(in crate::recipe) ends: Vec<bool>,
    /// For steps of a loop's body: why they are left where an item ends well with them.
    pub(in crate::recipe) item_ends: Vec<Vec<Cause>>,
    /// Where a run begins: the first step, and the first of `finally`.
    roots: Vec<usize>,
}

impl Graph {
    pub(in crate::recipe) fn of(nodes: &Nodes<'_>) -> Self {
        let mut graph = Self {
            edges: vec![Vec::new(); nodes.len()],
            ends: vec![false; nodes.len()],
            item_ends: vec![Vec::new(); nodes.len()],
            roots: (0..nodes.len().min(1)).chain(nodes.finally()).collect(),
        };
        for (node, step) in nodes.values().enumerate() {
            let in_body = matches!(nodes.kind(node), Kind::Body { .. });
            if let StepKind::Stop { status, .. } = &step.kind {
                graph.ends[node] = true;
                graph.leave(nodes, node, Cause::Completed, *status == StopStatus::Succeeded);
            }
            for (target, cause, arm) in routes(step) {
                match target {
                    Target::Step(_) => {
                        let to = nodes.target(node, target);
                        to.into_iter()
                            .for_each(|to| graph.add(node, Edge { to, cause, hop: Hop::Stays, arm }));
                    }
                    Target::Done | Target::Escalate => {
                        graph.ends[node] |= !in_body;
                        graph.leave(nodes, node, cause, *target == Target::Done);
                    }
                }
            }
            if let Some(first) = nodes.body(node) {
                graph.add(node, Edge { to: first, cause: Cause::Entered, hop: Hop::Into, arm: None });
            }
            // A failure without a route is one of the item.
            if matches!(step.kind, StepKind::Tool { .. } | StepKind::ForEach(_)) && step.on_failure.is_none()
            {
                graph.leave(nodes, node, Cause::Failed, false);
            }
        }
        graph
    }

    fn add(&mut self, from: usize, edge: Edge) {
        if !self.edges[from].contains(&edge) {
            self.edges[from].push(edge);
        }
    }

    /// The end of an item with `node`: the next item begins, or the loop is over.
    fn leave(&mut self, nodes: &Nodes<'_>, node: usize, cause: Cause, well: bool) {
        let out = |to| Edge { to, cause, hop: Hop::Out, arm: None };
        let mut well = well;
        let mut inner = node;
        while let Kind::Body { owner } = nodes.kind(inner) {
            let step = &nodes[owner];
            let StepKind::ForEach(each) = &step.kind else { return };
            if well && inner == node && !self.item_ends[node].contains(&cause) {
                self.item_ends[node].push(cause);
            }
            let goes_on = well || each.on_item_failure == ItemFailure::Continue;
            let mut targets: Vec<&Target> = Vec::new();
            if goes_on {
                nodes.body(owner).into_iter().for_each(|first| self.add(node, out(first)));
                targets.extend(step.on_success.iter().chain(step.on_result.iter().map(|route| &route.to)));
            }
            if !well {
                targets.extend(&step.on_failure);
            }
            for target in &targets {
                let to = nodes.target(owner, target);
                to.into_iter().for_each(|to| self.add(node, out(to)));
            }
            // Where the loop ends an item itself, the loop around it goes on.
            let ended = |end: &Target| targets.contains(&end);
            if !ended(&Target::Done) && !ended(&Target::Escalate) && (goes_on || step.on_failure.is_some()) {
                return;
            }
            well = ended(&Target::Done);
            inner = owner;
        }
    }

    /// The shortest way from where a run begins to `goal` over edges that `allowed` lets through.
    pub(in crate::recipe) fn way(
        &self,
        goal: usize,
        allowed: impl Fn(usize, Edge) -> bool,
    ) -> Option<Vec<usize>> {
        self.search(&self.roots, goal, allowed)
    }

    /// The shortest way between two steps; of length one when they are the same.
    pub(in crate::recipe) fn path(
        &self,
        start: usize,
        goal: usize,
        allowed: impl Fn(usize, Edge) -> bool,
    ) -> Option<Vec<usize>> {
        self.search(&[start], goal, allowed)
    }

    fn search(
        &self,
        starts: &[usize],
        goal: usize,
        allowed: impl Fn(usize, Edge) -> bool,
    ) -> Option<Vec<usize>> {
        let mut before: Vec<Option<usize>> = vec![None; self.edges.len()];
        let mut queue: VecDeque<usize> = starts.iter().copied().collect();
        while let Some(here) = queue.pop_front() {
            if here == goal {
                let mut way = vec![here];
                let mut last = here;
                while !starts.contains(&last) {
                    last = before[last]?;
                    way.push(last);
                }
                way.reverse();
                return Some(way);
            }
            for edge in &self.edges[here] {
                if !starts.contains(&edge.to) && before[edge.to].is_none() && allowed(here, *edge) {
                    before[edge.to] = Some(here);
                    queue.push_back(edge.to);
                }
            }
        }
        None
    }

    /// Which steps a run can come to.
    pub(in crate::recipe) fn reachable(&self) -> Vec<bool> {
        self.reached(self.roots.clone())
    }

    /// Which steps a run that stands before step `start` can come to, that one included.
    pub(in crate::recipe) fn reachable_from(&self, start: usize) -> Vec<bool> {
        self.reached((start..self.edges.len()).take(1).collect())
    }

    fn reached(&self, mut stack: Vec<usize>) -> Vec<bool> {
        let mut seen = vec![false; self.edges.len()];
        while let Some(here) = stack.pop() {
            if !std::mem::replace(&mut seen[here], true) {
                stack.extend(self.edges[here].iter().map(|edge| edge.to));
            }
        }
        seen
    }
}

/// Every route that a run may take from a step, with the entry of `on_result` that it is.
fn routes(step: &Step) -> Vec<(&Target, Cause, Option<usize>)> {
    let mut routes: Vec<(&Target, Cause, Option<usize>)> = Vec::new();
    let arms = step.on_result.iter().enumerate();
    let arms = arms.map(|(arm, route)| (&route.to, Cause::Completed, Some(arm)));
    let completed = step.on_success.iter().map(|to| (to, Cause::Completed, None)).chain(arms);
    let failed = |to| (to, Cause::Failed, None);
    match &step.kind {
        StepKind::Stop { .. } => {}
        StepKind::Confirm { choice, .. } => {
            let options = choice.iter().flat_map(|choice| choice.options.values());
            let yes = options.chain(step.on_success.as_ref());
            routes.extend(yes.map(|to| (to, Cause::Completed, None)));
            routes.extend(step.on_failure.iter().map(failed));
        }
        StepKind::Route | StepKind::Constant(_) | StepKind::ForEach(_) | StepKind::Call(_) => {
            routes.extend(completed);
            routes.extend(step.on_failure.iter().map(failed));
        }
        StepKind::Tool { tool, .. } => {
            routes.extend(completed);
            routes.extend(step.on_failure.iter().map(failed));
            routes.extend(step.on_context_limit.iter().map(failed));
            // Escalation after spent tries is the default, so it says nothing about the recipe's ends.
            if (tool.name == "run_skill" || step.retries > 0) && step.on_exhausted != Target::Escalate {
                routes.push(failed(&step.on_exhausted));
            }
        }
    }
    if step.skip_when_false.is_some() {
        let skipped = step.on_skip.as_ref().or(step.on_success.as_ref());
        routes.extend(skipped.map(|to| (to, Cause::Skipped, None)));
    }
    if step.max_visits.is_some() {
        routes.extend(step.on_exceeded.iter().map(|to| (to, Cause::Exceeded, None)));
    }
    routes
}

//! The routes of a recipe as a graph.

use std::collections::VecDeque;

use crate::recipe::model::{Recipe, Step, StepKind, Target};

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
}

/// One route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::recipe) struct Edge {
    pub(in crate::recipe) to: usize,
    pub(in crate::recipe) cause: Cause,
}

/// Steps by index in declaration order, with their routes to other steps.
#[derive(Debug)]
pub(in crate::recipe) struct Graph {
    pub(in crate::recipe) edges: Vec<Vec<Edge>>,
    /// Steps that end the run on purpose, by themselves or by a route to `done` or `escalate`.
    pub(in crate::recipe) ends: Vec<bool>,
}

impl Graph {
    pub(in crate::recipe) fn of(recipe: &Recipe) -> Self {
        let mut graph = Self { edges: Vec::new(), ends: Vec::new() };
        for step in recipe.steps.values() {
            let mut edges = Vec::new();
            let mut ends = matches!(step.kind, StepKind::Stop { .. });
            for (target, cause) in routes(step) {
                match target {
                    Target::Done | Target::Escalate => ends = true,
                    Target::Step(name) => {
                        let edge = recipe.steps.get_index_of(name).map(|to| Edge { to, cause });
                        edges.extend(edge.filter(|edge| !edges.contains(edge)));
                    }
                }
            }
            graph.edges.push(edges);
            graph.ends.push(ends);
        }
        graph
    }

    /// The shortest way from the first step to `goal` over edges that `allowed` lets through.
    pub(in crate::recipe) fn way(
        &self,
        goal: usize,
        allowed: impl Fn(usize, Edge) -> bool,
    ) -> Option<Vec<usize>> {
        if self.edges.is_empty() {
            return None;
        }
        self.path(0, goal, allowed)
    }

    /// The shortest way between two steps; of length one when they are the same.
    pub(in crate::recipe) fn path(
        &self,
        start: usize,
        goal: usize,
        allowed: impl Fn(usize, Edge) -> bool,
    ) -> Option<Vec<usize>> {
        let mut before: Vec<Option<usize>> = vec![None; self.edges.len()];
        let mut queue = VecDeque::from([start]);
        while let Some(here) = queue.pop_front() {
            if here == goal {
                let mut way = vec![here];
                let mut last = here;
                while last != start {
                    last = before[last]?;
                    way.push(last);
                }
                way.reverse();
                return Some(way);
            }
            for edge in &self.edges[here] {
                if edge.to != start && before[edge.to].is_none() && allowed(here, *edge) {
                    before[edge.to] = Some(here);
                    queue.push_back(edge.to);
                }
            }
        }
        None
    }

    /// Which steps a run can come to.
    pub(in crate::recipe) fn reachable(&self) -> Vec<bool> {
        self.reachable_from(0)
    }

    /// Which steps a run that stands before step `start` can come to, that one included.
    pub(in crate::recipe) fn reachable_from(&self, start: usize) -> Vec<bool> {
        let mut seen = vec![false; self.edges.len()];
        let mut stack: Vec<usize> = (start..self.edges.len()).take(1).collect();
        while let Some(here) = stack.pop() {
            if !std::mem::replace(&mut seen[here], true) {
                stack.extend(self.edges[here].iter().map(|edge| edge.to));
            }
        }
        seen
    }
}

/// Every route that a run may take from a step.
fn routes(step: &Step) -> Vec<(&Target, Cause)> {
    let mut routes: Vec<(&Target, Cause)> = Vec::new();
    let completed = || step.on_success.iter().chain(step.on_result.iter().map(|route| &route.to));
    match &step.kind {
        StepKind::Stop { .. } => {}
        StepKind::Confirm { choice, .. } => {
            let options = choice.iter().flat_map(|choice| choice.options.values());
            routes.extend(options.map(|to| (to, Cause::Completed)));
            routes.extend(step.on_success.iter().map(|to| (to, Cause::Completed)));
            routes.extend(step.on_failure.iter().map(|to| (to, Cause::Failed)));
        }
        StepKind::Route | StepKind::Constant(_) | StepKind::ForEach(_) | StepKind::Call(_) => {
            routes.extend(completed().map(|to| (to, Cause::Completed)));
            routes.extend(step.on_failure.iter().map(|to| (to, Cause::Failed)));
        }
        StepKind::Tool { tool, .. } => {
            routes.extend(completed().map(|to| (to, Cause::Completed)));
            routes.extend(step.on_failure.iter().map(|to| (to, Cause::Failed)));
            routes.extend(step.on_context_limit.iter().map(|to| (to, Cause::Failed)));
            // Escalation after spent tries is the default, so it says nothing about the recipe's ends.
            if (tool.name == "run_skill" || step.retries > 0) && step.on_exhausted != Target::Escalate {
                routes.push((&step.on_exhausted, Cause::Failed));
            }
        }
    }
    if step.skip_when_false.is_some() {
        let skipped = step.on_skip.as_ref().or(step.on_success.as_ref());
        routes.extend(skipped.map(|to| (to, Cause::Skipped)));
    }
    if step.max_visits.is_some() {
        routes.extend(step.on_exceeded.iter().map(|to| (to, Cause::Exceeded)));
    }
    routes
}

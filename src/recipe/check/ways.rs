//! Ways on which a variable is not set, without those that no run can take: where one condition would have to hold and not hold, or
//! where a route asks for the variable itself.

use std::collections::{HashSet, VecDeque};

use serde_json::Value;

use super::Subject;
use crate::recipe::expr::{Expr, Test};
use crate::recipe::flow::sets;
use crate::recipe::graph::{Cause, Edge, Hop};
use crate::recipe::model::Step;

/// How many conditions are followed along a way.
const MAX_CONDITIONS: usize = 16;
/// How many stations are looked at before a way counts as there.
const MAX_STATIONS: usize = 20_000;

/// What is known on a way: the conditions that were decided, and which of them hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Known {
    decided: u16,
    holds: u16,
}

impl Known {
    /// The same with one more condition; `None` when that contradicts what is known.
    fn with(self, condition: usize, holds: bool) -> Option<Self> {
        let bit = 1 << condition;
        if self.decided & bit != 0 {
            return ((self.holds & bit != 0) == holds).then_some(self);
        }
        Some(Self { decided: self.decided | bit, holds: if holds { self.holds | bit } else { self.holds } })
    }
}

/// The ways through a recipe.
pub(super) struct Ways<'a> {
    subject: &'a Subject<'a>,
    /// Conditions that stand more than once and mean the same throughout a run.
    conditions: Vec<&'a Test>,
}

impl<'a> Ways<'a> {
    pub(super) fn of(subject: &'a Subject<'a>) -> Self {
        let mut seen: Vec<&Test> = Vec::new();
        let mut conditions: Vec<&Test> = Vec::new();
        for step in subject.nodes.values() {
            let arms = step.on_result.iter().filter_map(|route| route.when.as_ref());
            for condition in step.skip_when_false.iter().chain(arms).filter(|one| is_fixed(one)) {
                let (test, _) = plain(condition.test());
                match seen.contains(&test) {
                    true if !conditions.contains(&test) => conditions.push(test),
                    true => {}
                    false => seen.push(test),
                }
            }
        }
        conditions.truncate(MAX_CONDITIONS);
        Self { subject, conditions }
    }

    /// The shortest way from where a run begins to the step `goal` on which nothing sets `variable`; `runs` is whether the step runs
    /// there, instead of being skipped.
    pub(super) fn without(&self, goal: usize, variable: &str, runs: bool) -> Option<Vec<usize>> {
        let (graph, _) = self.subject.flow()?;
        let nodes = &self.subject.nodes;
        let open = |from: usize, edge: Edge| {
            edge.hop != Hop::Out
                && !sets(&nodes[from], edge.cause).any(|set| set == variable)
                && !asks_for(&nodes[from], edge, variable)
        };
        let guarded = runs && nodes[goal].skip_when_false.as_ref().is_some_and(|skip| needs(skip, variable));
        if guarded {
            return None;
        }
        let ends = |known: Known| match (runs, self.skip(&nodes[goal])) {
            (true, Some((condition, holds))) => known.with(condition, holds).is_some(),
            _ => true,
        };
        let mut stations: Vec<(usize, Known, Option<usize>)> = Vec::new();
        let mut seen: HashSet<(usize, Known)> = HashSet::new();
        let mut queue: VecDeque<usize> = VecDeque::new();
        for root in (0..nodes.len().min(1)).chain(nodes.finally()) {
            queue.push_back(stations.len());
            stations.push((root, Known::default(), None));
            seen.insert((root, Known::default()));
        }
        while let Some(here) = queue.pop_front() {
            let (node, known, _) = stations[here];
            if node == goal && ends(known) {
                let back = std::iter::successors(Some(here), |at| stations[*at].2);
                let mut way: Vec<usize> = back.map(|at| stations[at].0).collect();
                way.reverse();
                return Some(way);
            }
            if stations.len() > MAX_STATIONS {
                return graph.way(goal, open);
            }
            for edge in graph.edges[node].iter().filter(|edge| open(node, **edge)) {
                let Some(known) = self.after(&nodes[node], *edge, known) else { continue };
                if seen.insert((edge.to, known)) {
                    queue.push_back(stations.len());
                    stations.push((edge.to, known, Some(here)));
                }
            }
        }
        None
    }

    /// What is known after an edge; `None` when no run can take it.
    fn after(&self, step: &Step, edge: Edge, mut known: Known) -> Option<Known> {
        if let Some((condition, holds)) = self.skip(step) {
            known = match edge.cause {
                Cause::Skipped => known.with(condition, !holds)?,
                Cause::Completed | Cause::Failed | Cause::Entered => known.with(condition, holds)?,
                Cause::Exceeded => known,
            };
        }
        let arms = step.on_result.iter().take(edge.arm.map_or(0, |arm| arm + 1));
        for (index, route) in arms.enumerate() {
            if let Some((condition, holds)) = route.when.as_ref().and_then(|when| self.find(when)) {
                known = known.with(condition, holds == (Some(index) == edge.arm))?;
            }
        }
        Some(known)
    }

    fn skip(&self, step: &Step) -> Option<(usize, bool)> {
        self.find(step.skip_when_false.as_ref()?)
    }

    fn find(&self, condition: &Expr) -> Option<(usize, bool)> {
        let (test, holds) = plain(condition.test());
        let index = self.conditions.iter().position(|known| *known == test)?;
        is_fixed(condition).then_some((index, holds))
    }
}

/// A condition without the `not` before it, and whether it has to hold.
fn plain(test: &Test) -> (&Test, bool) {
    match test {
        Test::Not(inner) => {
            let (test, holds) = plain(inner);
            (test, !holds)
        }
        test => (test, true),
    }
}

/// Whether a condition has one meaning during a run and is understood.
fn is_fixed(condition: &Expr) -> bool {
    let fixed = |namespace: &str| matches!(namespace, "inputs" | "env");
    condition.references().iter().all(|read| fixed(&read.namespace))
        && condition.test().is_understood()
        && !condition.references().is_empty()
}

/// Whether a condition cannot hold while a variable is not set.
fn needs(condition: &Expr, variable: &str) -> bool {
    let path = ["context", variable];
    condition.test().asks(&path) && !condition.test().can_hold(&path, &Value::Null)
}

/// Whether a run only follows an edge when the variable is set.
fn asks_for(step: &Step, edge: Edge, variable: &str) -> bool {
    let runs = !matches!(edge.cause, Cause::Skipped | Cause::Exceeded);
    if runs && step.skip_when_false.as_ref().is_some_and(|skip| needs(skip, variable)) {
        return true;
    }
    let Some(arm) = edge.arm else { return false };
    let path = ["context", variable];
    step.on_result.iter().take(arm + 1).enumerate().any(|(index, route)| {
        let Some(when) = &route.when else { return false };
        match index == arm {
            true => needs(when, variable),
            // The route before it would have been taken.
            false => when.test().asks(&path) && when.test().must_hold(&path, &Value::Null),
        }
    })
}

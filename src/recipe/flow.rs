//! Where variables of `context` get their values and where these are read, over the graph of the routes. Computed once per recipe,
//! on sets of bits.
//!
//! What an item of a loop captures is gone when the item ends, so values flow into bodies and not out of them. `finally` begins
//! with nothing for certain, because a run can end anywhere.

use std::collections::HashMap;

use super::graph::{Cause, Graph, Hop};
use super::model::{Capture, CaptureMode, Step, StepKind};
use super::nodes::{Kind, Nodes};

/// A set of small numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bits(Vec<u64>);

impl Bits {
    fn none(size: usize) -> Self {
        Self(vec![0; size.div_ceil(64)])
    }

    fn has(&self, bit: usize) -> bool {
        self.0.get(bit / 64).is_some_and(|word| word & (1 << (bit % 64)) != 0)
    }

    fn set(&mut self, bit: usize) {
        if let Some(word) = self.0.get_mut(bit / 64) {
            *word |= 1 << (bit % 64);
        }
    }

    fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(own, other)| *own |= other);
    }

    fn keep(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(own, other)| *own &= other);
    }

    fn remove(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(own, other)| *own &= !other);
    }
}

/// The flow of values through a recipe. Steps are numbered as in the graph.
#[derive(Debug)]
pub(in crate::recipe) struct Flow {
    variables: HashMap<String, usize>,
    /// On entry of each step: what is set whichever way it was reached; `None` when it is not reached.
    assigned: Vec<Option<Bits>>,
    /// On entry of each step: which captures may have given a variable its value.
    reaching: Vec<Bits>,
    /// After each step: what is read later.
    live: Vec<Bits>,
    /// Every capture, as step and variable.
    captures: Vec<(usize, usize)>,
}

impl Flow {
    /// The flow through `nodes`; `reads` are the variables that each step reads, `collects` those that each loop takes from its items.
    pub(in crate::recipe) fn of(
        nodes: &Nodes<'_>,
        graph: &Graph,
        reads: &[Vec<&str>],
        collects: &[Vec<&str>],
    ) -> Self {
        let mut variables = HashMap::new();
        let mut captures = Vec::new();
        for (index, step) in nodes.values().enumerate() {
            for name in step.captures.keys() {
                let next = variables.len();
                captures.push((index, *variables.entry(name.clone()).or_insert(next)));
            }
        }
        let mut flow = Self {
            assigned: vec![None; nodes.len()],
            reaching: vec![Bits::none(captures.len()); nodes.len()],
            live: vec![Bits::none(variables.len()); nodes.len()],
            variables,
            captures,
        };
        flow.forward(nodes, graph);
        flow.backward(nodes, graph, reads, collects);
        flow
    }

    /// Whether `variable` has a value whichever way the step was reached.
    pub(in crate::recipe) fn is_assigned(&self, step: usize, variable: &str) -> bool {
        let set = self.assigned.get(step).and_then(Option::as_ref);
        set.zip(self.variables.get(variable)).is_some_and(|(set, variable)| set.has(*variable))
    }

    /// Whether some way leads to the step.
    pub(in crate::recipe) fn is_reached(&self, step: usize) -> bool {
        self.assigned.get(step).is_some_and(Option::is_some)
    }

    /// The steps whose captures may have given `variable` its value when `step` begins.
    pub(in crate::recipe) fn definitions(&self, step: usize, variable: &str) -> Vec<usize> {
        let Some(variable) = self.variables.get(variable) else { return Vec::new() };
        let Some(reaching) = self.reaching.get(step) else { return Vec::new() };
        let known = self.captures.iter().enumerate();
        known
            .filter(|(bit, (_, of))| of == variable && reaching.has(*bit))
            .map(|(_, (step, _))| *step)
            .collect()
    }

    /// Whether `variable` is read on some way after `step`, before it gets another value.
    pub(in crate::recipe) fn is_live_after(&self, step: usize, variable: &str) -> bool {
        let live = self.live.get(step);
        live.zip(self.variables.get(variable)).is_some_and(|(live, variable)| live.has(*variable))
    }

    fn forward(&mut self, nodes: &Nodes<'_>, graph: &Graph) {
        if nodes.len() == 0 {
            return;
        }
        let mut queue = vec![0];
        self.assigned[0] = Some(Bits::none(self.variables.len()));
        if let Some(first) = nodes.finally() {
            self.assigned[first] = Some(Bits::none(self.variables.len()));
            for (bit, _) in self.captures.iter().enumerate().filter(|(_, (step, _))| nodes.is_main(*step)) {
                self.reaching[first].set(bit);
            }
            queue.push(first);
        }
        while let Some(from) = queue.pop() {
            let Some(before) = self.assigned[from].clone() else { continue };
            for edge in graph.edges[from].iter().filter(|edge| edge.hop != Hop::Out) {
                let (mut after, mut reaching) = (before.clone(), self.reaching[from].clone());
                for name in sets(&nodes[from], edge.cause) {
                    let Some(&variable) = self.variables.get(name) else { continue };
                    after.set(variable);
                    let mode = nodes[from].captures.get(name).map(|capture| capture.mode);
                    let mut killed = Bits::none(self.captures.len());
                    for (bit, (step, of)) in
                        self.captures.iter().enumerate().filter(|(_, (_, of))| *of == variable)
                    {
                        if *step == from && *of == variable {
                            reaching.set(bit);
                        } else if mode == Some(CaptureMode::Set) {
                            killed.set(bit);
                        }
                    }
                    reaching.remove(&killed);
                }
                if let Some(known) = &self.assigned[edge.to] {
                    after.keep(known);
                }
                reaching.add(&self.reaching[edge.to]);
                let changed =
                    self.assigned[edge.to].as_ref() != Some(&after) || self.reaching[edge.to] != reaching;
                if changed {
                    self.assigned[edge.to] = Some(after);
                    self.reaching[edge.to] = reaching;
                    queue.push(edge.to);
                }
            }
        }
    }

    fn backward(&mut self, nodes: &Nodes<'_>, graph: &Graph, reads: &[Vec<&str>], collects: &[Vec<&str>]) {
        let bits = |names: &mut dyn Iterator<Item = &str>| {
            let mut bits = Bits::none(self.variables.len());
            names.filter_map(|name| self.variables.get(name)).for_each(|variable| bits.set(*variable));
            bits
        };
        let used: Vec<Bits> = reads.iter().map(|reads| bits(&mut reads.iter().copied())).collect();
        let collected: Vec<Bits> = collects.iter().map(|reads| bits(&mut reads.iter().copied())).collect();
        let killed: Vec<Bits> = nodes
            .values()
            .map(|step| {
                let set = step.captures.iter().filter(|(_, capture)| capture.mode == CaptureMode::Set);
                bits(&mut set.map(|(name, _)| name.as_str()))
            })
            .collect();
        let finally = nodes.finally();
        // What is read from the beginning of a step on.
        let mut entry = used.clone();
        loop {
            let mut changed = false;
            for from in (0..nodes.len()).rev() {
                let (mut after, mut before) = (Bits::none(self.variables.len()), used[from].clone());
                for edge in graph.edges[from].iter().filter(|edge| edge.hop != Hop::Out) {
                    after.add(&entry[edge.to]);
                    let mut through = entry[edge.to].clone();
                    if edge.cause == Cause::Completed {
                        through.remove(&killed[from]);
                    }
                    before.add(&through);
                }
                match nodes.kind(from) {
                    Kind::Body { owner } if !graph.item_ends[from].is_empty() => {
                        after.add(&collected[owner]);
                        let mut through = collected[owner].clone();
                        if graph.item_ends[from] == [Cause::Completed] {
                            through.remove(&killed[from]);
                        }
                        before.add(&through);
                    }
                    // A run can end with any step.
                    Kind::Main => {
                        if let Some(first) = finally {
                            after.add(&entry[first]);
                            before.add(&entry[first]);
                        }
                    }
                    Kind::Body { .. } | Kind::Finally => {}
                }
                changed |= entry[from] != before;
                (self.live[from], entry[from]) = (after, before);
            }
            if !changed {
                return;
            }
        }
    }
}

/// The variables that a step sets when it is left for this cause. A tool that failed still gives the fields it declares, and
/// captures of those are taken; what a successful call adds (a skill's outputs) is not there.
pub(in crate::recipe) fn sets(step: &Step, cause: Cause) -> impl Iterator<Item = &str> {
    let always = |capture: &Capture| {
        let StepKind::Tool { tool, .. } = &step.kind else { return false };
        let reads = capture.value.references();
        reads
            .iter()
            .filter(|read| read.namespace == "result")
            .all(|read| read.name.as_deref().is_some_and(|name| tool.result(name).is_some()))
    };
    step.captures
        .iter()
        .filter(move |(_, capture)| match cause {
            Cause::Completed => true,
            Cause::Failed => always(capture),
            Cause::Skipped | Cause::Exceeded | Cause::Entered => false,
        })
        .map(|(name, _)| name.as_str())
}

//! Variables of `context` that may not be set when a step reads them: definite assignment by
//! forward dataflow over the routes.

use std::collections::HashSet;

use super::Subject;
use crate::recipe::diagnostic::Problem;
use crate::recipe::graph::{Cause, Graph};
use crate::recipe::model::{Capture, Step, StepKind};
use crate::recipe::suggest::{arrows, quoted_list};

type Names<'a> = HashSet<&'a str>;

impl Subject<'_> {
    /// Reports each read that some way reaches without the variable.
    pub(super) fn assigned(&self, graph: &Graph, problems: &mut Vec<Problem>) {
        let entry = self.set_on_entry(graph);
        let captured: Names<'_> =
            self.recipe.steps.values().flat_map(|step| step.captures.keys().map(String::as_str)).collect();
        for (index, step) in self.recipe.steps.values().enumerate() {
            let Some(before) = &entry[index] else { continue };
            let mut said: HashSet<(&str, bool)> = HashSet::new();
            for read in self.reads(step) {
                let Some(name) = read.reference.name.as_deref() else { continue };
                let known = read.reference.namespace != "context" || !captured.contains(name);
                // Captures are set one after the other, routes are chosen after all of them.
                let own = step.captures.get_index_of(name).is_some_and(|own| own < read.own_captures);
                if known || own || before.contains(name) || read.reference.guarded {
                    continue;
                }
                if !said.insert((name, read.own_captures > 0)) {
                    continue;
                }
                let way = graph.way(index, |from, edge| {
                    !sets(&self.recipe.steps[from], edge.cause).any(|set| set == name)
                });
                let Some(way) = way else { continue };
                let names: Vec<&str> =
                    way.iter().map(|step| self.recipe.steps[*step].name.as_str()).collect();
                let message = format!("`context.{name}` may not be set here");
                let fallback = format!("`context.{name} | default('')`");
                // Steps on the way that would set it, had they completed.
                let left: Vec<&str> = way[..way.len() - 1]
                    .iter()
                    .map(|step| &self.recipe.steps[*step])
                    .filter(|step| step.captures.contains_key(name))
                    .map(|step| step.name.as_str())
                    .collect();
                let help = match (names.as_slice(), left.as_slice()) {
                    ([_], _) => format!("nothing ran before it; write {fallback}"),
                    (way, []) => format!("nothing sets it on the way {}; write {fallback}", arrows(way)),
                    (way, left) => format!(
                        "nothing sets it on the way {} when {} does not complete; write {fallback}",
                        arrows(way),
                        quoted_list(left)
                    ),
                };
                let at = self.read_at(&read);
                problems.push(Problem::warning("may-be-unset", message, at, "may be unset").help(help));
            }
        }
    }

    /// The variables that are set whichever way a step is reached; `None` when it is not.
    fn set_on_entry(&self, graph: &Graph) -> Vec<Option<Names<'_>>> {
        let steps = &self.recipe.steps;
        let mut entry: Vec<Option<Names<'_>>> = vec![None; steps.len()];
        if steps.is_empty() {
            return entry;
        }
        entry[0] = Some(HashSet::new());
        let mut queue = vec![0];
        while let Some(from) = queue.pop() {
            let Some(before) = entry[from].clone() else { continue };
            for edge in &graph.edges[from] {
                let mut after = before.clone();
                after.extend(sets(&steps[from], edge.cause));
                let merged: Names<'_> = match &entry[edge.to] {
                    None => after,
                    Some(known) => known.intersection(&after).copied().collect(),
                };
                if entry[edge.to].as_ref() != Some(&merged) {
                    entry[edge.to] = Some(merged);
                    queue.push(edge.to);
                }
            }
        }
        entry
    }
}

/// The variables that a step sets when it is left for this cause. A tool that failed still gives the fields it declares, and
/// captures of those are taken; what a successful call adds (a skill's outputs) is not there.
fn sets(step: &Step, cause: Cause) -> impl Iterator<Item = &str> {
    let always = |capture: &Capture| {
        let StepKind::Tool { tool, .. } = &step.kind else { return false };
        let reads = capture.value.references();
        reads.iter().filter(|read| read.namespace == "result").all(|read| {
            read.name.as_deref().is_some_and(|name| tool.results.iter().any(|field| field.name == name))
        })
    };
    step.captures
        .iter()
        .filter(move |(_, capture)| match cause {
            Cause::Completed => true,
            Cause::Failed => always(capture),
            Cause::Skipped | Cause::Exceeded => false,
        })
        .map(|(name, _)| name.as_str())
}

//! Loops that nothing bounds.

use super::Subject;
use crate::recipe::diagnostic::Problem;
use crate::recipe::graph::{Cause, Edge, Graph};
use crate::recipe::suggest::arrows;

impl Subject<'_> {
    /// Reports each loop that a run could follow for ever, once.
    pub(super) fn loops(&self, graph: &Graph, problems: &mut Vec<Problem>) {
        let steps = &self.recipe.steps;
        let bounded: Vec<bool> = steps.values().map(|step| step.max_visits.is_some()).collect();
        let general = self.recipe.limits.max_visits.is_some();
        // A step that is bounded goes on for ever only by being refused again and again.
        let endless = |from: usize, edge: Edge| match bounded[from] {
            true => edge.cause == Cause::Exceeded,
            false => !general && edge.cause != Cause::Exceeded,
        };
        let reachable = graph.reachable();
        let mut reported = vec![false; steps.len()];
        for start in 0..steps.len() {
            if !reachable[start] || reported[start] {
                continue;
            }
            let Some(cycle) = self.cycle(graph, start, endless) else { continue };
            // Loops that share a step are mended together.
            cycle.iter().for_each(|index| reported[*index] = true);
            let mut names: Vec<&str> = cycle.iter().map(|index| steps[*index].name.as_str()).collect();
            names.push(names[0]);
            let only_exceeded = cycle.iter().all(|index| bounded[*index]);
            let help = match only_exceeded {
                true => "route `on_exceeded` out of the loop".to_owned(),
                false => format!(
                    "add `max_visits:` and `on_exceeded:` to a step of the loop, such as `{}`, or `max_visits:` to `limits:`",
                    names[0]
                ),
            };
            let mut problem = Problem::error(
                "unbounded-loop",
                format!("nothing bounds the loop {}", arrows(&names)),
                self.step_at(names[0]),
                "the loop starts here",
            );
            if let [_, .., last] = cycle.as_slice() {
                problem = problem.also(self.step_at(&steps[*last].name), "and comes back from here");
            }
            problems.push(problem.help(help));
        }
    }

    /// The shortest loop through `start`.
    fn cycle(
        &self,
        graph: &Graph,
        start: usize,
        allowed: impl Fn(usize, Edge) -> bool,
    ) -> Option<Vec<usize>> {
        graph.edges[start]
            .iter()
            .filter(|edge| allowed(start, **edge))
            .filter_map(|edge| match edge.to == start {
                true => Some(vec![start]),
                false => graph.path(edge.to, start, &allowed).map(|mut way| {
                    way.rotate_right(1);
                    way
                }),
            })
            .min_by_key(Vec::len)
    }
}

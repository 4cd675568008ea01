//! Steps that go nowhere, and steps that nothing leads to.

use super::Subject;
use crate::recipe::diagnostic::Problem;
use crate::recipe::model::{Step, StepKind};
use crate::recipe::nodes::Kind;

impl Subject<'_> {
    /// What each step needs by itself.
    pub(super) fn structure(&self, problems: &mut Vec<Problem>) {
        for (_, step) in self.steps() {
            let at = self.step_at(step);
            let name = &step.name;
            let mut missing = |key: &str, why: &str, help: &str| {
                let message = format!("the step `{name}` has no `{key}`: {why}");
                problems
                    .push(Problem::error("no-route", message, at.clone(), "this step").help(help.to_owned()));
            };
            let goes_on = step.on_success.is_some() || !step.on_result.is_empty();
            match step.kind {
                StepKind::Stop { .. } => {}
                StepKind::Confirm { choice: Some(ref choice), .. } if !choice.options.is_empty() => {}
                StepKind::Confirm { .. } => {
                    for (key, there, answer) in [
                        ("on_success", step.on_success.is_some(), "yes"),
                        ("on_failure", step.on_failure.is_some(), "no"),
                    ] {
                        if !there {
                            let help = format!("add `{key}:` with a step, `done` or `escalate`");
                            missing(key, &format!("nothing follows the answer {answer}"), &help);
                        }
                    }
                }
                _ if !goes_on => {
                    let help = "add `on_success:` or `on_result:`; `on_success: done` ends the run";
                    missing("on_success", "nothing follows it", help);
                }
                _ => {}
            }
            if step.skip_when_false.is_some()
                && step.on_skip.is_none()
                && step.on_success.is_none()
                && !step.on_result.is_empty()
            {
                let help = "add `on_skip:` with the step that follows when this one is skipped";
                missing("on_skip", "`on_result` cannot tell where a skipped step goes", help);
            }
            self.effects(step, problems);
        }
    }

    /// Keys that nothing reads on this step.
    fn effects(&self, step: &Step, problems: &mut Vec<Problem>) {
        let mut idle: Vec<(&str, &str)> = Vec::new();
        if step.on_exceeded.is_some() && step.max_visits.is_none() {
            idle.push(("on_exceeded", "without `max_visits`"));
        }
        if step.on_skip.is_some() && step.skip_when_false.is_none() {
            idle.push(("on_skip", "without `skip_when_false`"));
        }
        if matches!(step.kind, StepKind::Tool { tool, .. } if tool.name != "run_skill") {
            idle.extend((step.retries == 0).then_some(("on_exhausted", "on a tool without `retries`")));
            idle.push(("on_context_limit", "on a tool other than `run_skill`"));
        }
        for (key, why) in idle {
            let place = self.place(step).key(key);
            if self.has(&place) {
                let message = format!("`{key}` has no effect {why}");
                let problem = Problem::warning("no-effect", message, self.key_at(&place), "no effect");
                problems.push(problem.help("remove it".to_owned()));
            }
        }
    }

    /// A run must be able to end on purpose.
    pub(super) fn ends(&self, problems: &mut Vec<Problem>) {
        let Some(graph) = &self.graph else { return };
        let reachable = graph.reachable();
        let mut has_end = reachable.iter().zip(&graph.ends).enumerate();
        let has_end = has_end
            .any(|(node, (reachable, end))| *reachable && *end && self.nodes.kind(node) != Kind::Finally);
        if let (false, Some(first)) = (has_end, self.nodes.values().next()) {
            let message = "no way through this recipe leads to an end";
            let at = self.step_at(first);
            let problem = Problem::error("no-end", message, at, "starts here");
            problems.push(problem.help("route to `done`, `escalate` or a stop step".to_owned()));
        }
    }
}

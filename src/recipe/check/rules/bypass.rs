//! Steps that can be skipped.

use super::{Family, Findings, Level, Rule, Subject};
use crate::recipe::graph::Edge;
use crate::recipe::model::{Step, Target};

pub(super) static FAMILY: Family = Family {
    name: "bypass",
    rules: &[
        Rule {
            id: "optional-without-skip-when",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A step is `optional` and nothing says when it is skipped.",
            why: "The way around it is not in the routes, so that no check sees it and the engine never takes it.",
            mend: "add `skip_when_false: inputs.…`, or remove `optional`",
            bad: &["steps:\n  a: {tool: test_check, optional: true, on_success: done}\n"],
            good: &[
                "ingredients:\n  tests: {type: bool, default: true}\nsteps:\n  a: {tool: test_check, optional: true, skip_when_false: inputs.tests, on_success: done}\n",
                "steps:\n  a: {tool: test_check, optional: false, on_success: done}\n",
            ],
            run: Some(optional),
        },
        Rule {
            id: "advisory-step-missing-context-limit",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A skill that settings can skip ends the run when its session runs out of context.",
            why: "What the recipe can do without should not be what it fails at.",
            mend: "add `on_context_limit:` with the step that follows",
            bad: &[
                "ingredients:\n  advice: {type: bool, default: true}\nsteps:\n  a:\n    skill: repair-tests\n    skip_when_false: inputs.advice\n    on_success: b\n  b: {tool: test_check, on_success: done}\n",
            ],
            good: &[
                "ingredients:\n  advice: {type: bool, default: true}\nsteps:\n  a:\n    skill: repair-tests\n    skip_when_false: inputs.advice\n    on_success: b\n    on_failure: b\n  b: {tool: test_check, on_success: done}\n",
                "ingredients:\n  advice: {type: bool, default: true}\nsteps:\n  a:\n    skill: repair-tests\n    skip_when_false: inputs.advice\n    on_context_limit: b\n    on_success: b\n  b: {tool: test_check, on_success: done}\n",
            ],
            run: Some(advisory),
        },
    ],
};

fn optional(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (_, step) in subject.steps().filter(|(_, step)| step.skip_when_false.is_none()) {
        let place = subject.place(step).key("optional");
        let written = subject.written(&place).trim_matches(['"', '\'']);
        if subject.has(&place) && matches!(written, "true" | "yes" | "on" | "True") {
            let message = format!("nothing says when `{}` is skipped", step.name);
            findings.add(step, subject.key_at(&place), message, "without `skip_when_false`");
        }
    }
}

fn advisory(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let Some(graph) = &subject.graph else { return };
    for (_, step) in subject.calls("run_skill") {
        if step.skip_when_false.is_none() || step.on_context_limit.is_some() {
            continue;
        }
        let rejoins = step.on_failure.as_ref().is_some_and(|failure| {
            goes_on(step).any(|next| next == failure || leads(subject, graph, step, (failure, next)))
        });
        if !rejoins {
            let message = format!(
                "`{}` can be skipped, and ends the run when its session runs out of context",
                step.name
            );
            findings.add(step, subject.step_at(step), message, "no `on_context_limit`");
        }
    }
}

fn goes_on(step: &Step) -> impl Iterator<Item = &Target> {
    step.on_success.iter().chain(step.on_result.iter().map(|route| &route.to))
}

/// Whether a run that goes from `step` to the first target comes to the second.
fn leads(
    subject: &Subject<'_>,
    graph: &crate::recipe::graph::Graph,
    step: &Step,
    (from, to): (&Target, &Target),
) -> bool {
    let index = |target: &Target| subject.nodes.target_of(step, target);
    let any = |_: usize, _: Edge| true;
    index(from).zip(index(to)).is_some_and(|(from, to)| graph.path(from, to, any).is_some())
}

//! Values from the step that has them to the steps that need them.

use super::super::facts::{captured, is, literal, reads_result, successors, variable};
use super::{Family, Findings, Level, Rule, Subject};
use crate::core::kind::ValueKind;
use crate::recipe::graph::{Cause, Hop};
use crate::recipe::model::{CaptureMode, Step};
use crate::recipe::suggest::{arrows, quoted_list};
use crate::skills::{Edits, Writes};

pub(super) static FAMILY: Family = Family {
    name: "dataflow",
    rules: &[
        Rule {
            id: "dead-output",
            level: Level::Error,
            legacy: Level::Warning,
            meaning: "A step captures a variable that nothing reads afterwards.",
            why: "Either it is not needed, or the step that should read it reads something else.",
            mend: "read it, or remove the capture; routes read `result` itself",
            bad: &[
                "steps:\n  plan:\n    skill: make-plan\n    capture: {path: \"${{ result.plan_path }}\"}\n    on_success: told\n  told: {action: stop, message: There is a plan.}\n",
            ],
            good: &[
                "steps:\n  plan:\n    skill: make-plan\n    capture: {path: \"${{ result.plan_path }}\"}\n    on_success: told\n  told: {action: stop, message: \"${{ context.path }}\"}\n",
            ],
            run: Some(dead),
        },
        Rule {
            id: "implicit-handoff",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A skill makes a file that the recipe neither captures nor routes on.",
            why: "The steps that follow have to guess where it is, and find another one.",
            mend: "capture the output, and give it to the step that needs it",
            bad: &[
                "steps:\n  plan: {skill: make-plan, on_success: fix}\n  fix: {skill: repair-tests, on_success: done}\n",
            ],
            good: &[
                "steps:\n  plan:\n    skill: make-plan\n    capture: {path: \"${{ result.plan_path }}\"}\n    on_success: fix\n  fix:\n    skill: repair-tests\n    args: [\"${{ context.path }}\"]\n    on_success: done\n",
                "steps:\n  plan: {skill: make-plan, on_success: done}\n",
            ],
            run: Some(handoff),
        },
        Rule {
            id: "merge-cleanup-uncaptured",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A merge does not look whether the worktree was removed.",
            why: "`cleanup_succeeded` is false when the merge was made and the worktree is still there: the next one of that name fails.",
            mend: "capture `${{ result.cleanup_succeeded }}`, or route on it",
            bad: &[
                "steps:\n  commit:\n    tool: run_cmd\n    with: {argv: [git, commit, -am, work]}\n    on_success: merge\n  merge:\n    tool: merge_worktree\n    with: {worktree_path: ../w, base_branch: main}\n    on_success: done\n",
            ],
            good: &[
                "steps:\n  commit:\n    tool: run_cmd\n    with: {argv: [git, commit, -am, work]}\n    on_success: merge\n  merge:\n    tool: merge_worktree\n    with: {worktree_path: ../w, base_branch: main}\n    capture: {clean: \"${{ result.cleanup_succeeded }}\"}\n    on_success: told\n  told: {action: stop, message: \"${{ context.clean }}\"}\n",
            ],
            run: Some(cleanup),
        },
        Rule {
            id: "stale-ref-after-merge",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A step is given a worktree or clone that an earlier step removed.",
            why: "The folder is not there any more.",
            mend: "capture the new place first, or do it before the removal",
            bad: &[
                "steps:\n  clone:\n    tool: clone_repo\n    with: {source_dir: ., run_name: x}\n    capture: {dir: \"${{ result.clone_path }}\"}\n    on_success: remove\n  remove:\n    tool: remove_clone\n    with: {clone_path: \"${{ context.dir }}\"}\n    on_success: test\n  test:\n    tool: test_check\n    with: {worktree_path: \"${{ context.dir }}\"}\n    on_success: done\n",
            ],
            good: &[
                "steps:\n  clone:\n    tool: clone_repo\n    with: {source_dir: ., run_name: x}\n    capture: {dir: \"${{ result.clone_path }}\"}\n    on_success: test\n  test:\n    tool: test_check\n    with: {worktree_path: \"${{ context.dir }}\"}\n    on_success: remove\n  remove:\n    tool: remove_clone\n    with: {clone_path: \"${{ context.dir }}\"}\n    on_success: told\n  told: {action: stop, message: \"${{ context.dir }} is gone\"}\n",
            ],
            run: Some(stale),
        },
    ],
};

fn dead(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let Some((_, flow)) = subject.flow() else { return };
    for (index, step) in subject.steps().filter(|(index, _)| flow.is_reached(*index)) {
        for (place, (name, _)) in
            step.captures.iter().enumerate().filter(|(_, (_, one))| one.mode != CaptureMode::Append)
        {
            // A later capture or a route of the same step may read it, or route on what it was taken from.
            let taken = captured(step, name);
            let routed = step.on_result.iter().filter_map(|route| route.when.as_ref()).any(|when| {
                let is_taken = |name: &Option<String>| name.is_some() && name.as_deref() == taken;
                when.references().iter().any(|read| read.namespace == "result" && is_taken(&read.name))
            });
            let read = subject.reads(step).iter().any(|read| {
                read.reference.namespace == "context"
                    && read.reference.name.as_deref() == Some(name)
                    && read.own_captures > place
            });
            let here = routed || read;
            if here || flow.is_live_after(index, name) {
                continue;
            }
            let sees =
                |other: usize| subject.nodes.visible(other).into_iter().any(|seen| std::ptr::eq(seen, step));
            let later = subject.nodes.values().enumerate().any(|(node, other)| {
                sees(node)
                    && subject.reads(other).iter().any(|read| {
                        read.reference.namespace == "context" && read.reference.name.as_deref() == Some(name)
                    })
            });
            let message = match later {
                true => format!("nothing that follows reads `context.{name}` before it gets another value"),
                false => format!("nothing reads `context.{name}`"),
            };
            findings.add(step, subject.capture_at(step, name), message, "captured for nothing");
        }
    }
}

fn handoff(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let Some((graph, _)) = subject.flow() else { return };
    for (index, step, skill) in subject.sessions() {
        if !step.captures.is_empty() {
            continue;
        }
        let Some(contract) = subject.contract(step) else { continue };
        // A skill that only reads names files, and makes none.
        if contract.writes == Writes::Never || contract.edits == Edits::Nothing {
            continue;
        }
        let files = contract.outputs.iter().filter(|(_, output)| {
            output.is_required() && matches!(output.kind, ValueKind::Path | ValueKind::List)
        });
        let files: Vec<&str> = files.map(|(name, _)| name.as_str()).collect();
        if files.is_empty() || contract.outputs.keys().any(|name| reads_result(step, name)) {
            continue;
        }
        // With no session or command after it, there is nobody to hand over to.
        let follows = |edge: &crate::recipe::graph::Edge| {
            let next = &subject.nodes[edge.to];
            edge.cause == Cause::Completed
                && edge.hop != Hop::Out
                && (is(next, "run_skill") || is(next, "run_cmd"))
        };
        if !graph.edges[index].iter().any(follows) {
            continue;
        }
        let message = format!("`{skill}` makes {}, and nothing takes it on", quoted_list(&files));
        findings.add(step, subject.step_at(step), message, "its outputs are not captured");
    }
}

fn cleanup(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (_, step) in subject.calls("merge_worktree") {
        if !reads_result(step, "cleanup_succeeded") {
            let message = format!("`{}` does not look whether the worktree was removed", step.name);
            findings.add(step, subject.step_at(step), message, "`cleanup_succeeded` is not read");
        }
    }
}

fn stale(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let Some((graph, _)) = subject.flow() else { return };
    let steps = &subject.nodes;
    for (index, step) in subject.steps() {
        let Some(tool) = super::super::facts::tool(step) else { continue };
        if literal(step, "keep") == Some("true") {
            continue;
        }
        for name in tool.facts.invalidates.iter().filter_map(|param| variable(step, param)) {
            // A merge that failed leaves the worktree, so that routes which name the failure are not followed.
            let after: Vec<usize> = successors(step, &["result", "failed_step"], "")
                .into_iter()
                .filter_map(|target| steps.target(index, target))
                .collect();
            let sets =
                |at: usize, cause: Cause| cause == Cause::Completed && steps[at].captures.contains_key(name);
            let mut said = Vec::new();
            for start in after {
                for (user, other) in subject.steps().filter(|(user, _)| *user != index) {
                    if said.contains(&user) || !uses(other, name) {
                        continue;
                    }
                    let Some(way) =
                        graph.path(start, user, |from, edge| from != index && !sets(from, edge.cause))
                    else {
                        continue;
                    };
                    said.push(user);
                    let mut names = vec![step.name.as_str()];
                    names.extend(way.iter().map(|at| steps[*at].name.as_str()));
                    let message = format!("`context.{name}` names what `{}` removed", step.name);
                    let at = place_of_use(subject, other, name);
                    let help = format!(
                        "on the way {} it is gone; capture it anew before, or use it earlier",
                        arrows(&names)
                    );
                    findings
                        .add(other, at, message, "gone by then")
                        .help(help)
                        .also(subject.step_at(step), "removed here");
                }
            }
        }
    }
}

/// Whether an argument of a step is a variable.
fn uses(step: &Step, name: &str) -> bool {
    arguments(step).any(|(_, arg)| {
        arg.references().iter().any(|read| read.namespace == "context" && read.name.as_deref() == Some(name))
    })
}

fn place_of_use(subject: &Subject<'_>, step: &Step, name: &str) -> std::ops::Range<usize> {
    let param = arguments(step).find(|(_, arg)| {
        arg.references().iter().any(|read| read.namespace == "context" && read.name.as_deref() == Some(name))
    });
    param.map_or_else(|| subject.step_at(step), |(param, _)| subject.arg_at(step, param))
}

fn arguments(step: &Step) -> impl Iterator<Item = (&str, &crate::recipe::model::Arg)> {
    let with = match &step.kind {
        crate::recipe::model::StepKind::Tool { with, .. } => Some(with),
        _ => None,
    };
    with.into_iter().flatten().map(|(name, arg)| (name.as_str(), arg))
}

//! Skills that repair, and what is published after them.

use super::super::facts::{Arm, arms, is, shell, taken};
use super::{Family, Findings, Level, Rule, Subject};
use crate::recipe::graph::{Cause, Edge};
use crate::recipe::model::{Step, Target};
use crate::recipe::suggest::arrows;
use crate::skills::{Contract, Writes};

pub(super) static FAMILY: Family = Family {
    name: "fixing",
    rules: &[Rule {
        id: "conditional-skill-ungated-push",
        level: Level::Error,
        legacy: Level::Error,
        meaning: "A skill that may change nothing leads to a push all the same, in a loop with CI or with itself.",
        why: "Nothing new is pushed, CI fails as before, and the loop goes round until its bound.",
        mend: "route the verdicts without a change away from the push",
        bad: &[
            "steps:\n  mend:\n    skill: mend\n    max_visits: 3\n    on_success: push\n  push:\n    tool: push_to_remote\n    with: {clone_path: ., branch: work}\n    on_success: wait\n  wait:\n    tool: wait_for_ci\n    with: {branch: work}\n    on_success: done\n    on_failure: mend\n",
        ],
        good: &[
            "steps:\n  mend:\n    skill: mend\n    max_visits: 3\n    on_result:\n      - {when: result.verdict == 'blocked', route: escalate}\n      - {route: push}\n    on_failure: escalate\n  push:\n    tool: push_to_remote\n    with: {clone_path: ., branch: work}\n    on_success: wait\n  wait:\n    tool: wait_for_ci\n    with: {branch: work}\n    on_success: done\n    on_failure: mend\n",
            "steps:\n  mend: {skill: mend, on_success: push}\n  push:\n    tool: push_to_remote\n    with: {clone_path: ., branch: work}\n    on_success: done\n",
        ],
        run: Some(ungated),
    }],
};

/// The steps that follow when the skill changed nothing.
fn after_nothing<'s>(step: &'s Step, contract: &Contract) -> Vec<&'s Target> {
    let mut targets: Vec<&Target> = step.on_success.iter().collect();
    let idle = |(test, target): &Arm<'s>| {
        // The arm may be taken with a value that tells of no change.
        contract.writes_when.iter().all(|(name, written)| {
            let choices =
                contract.outputs.get(name).map(|output| output.choices.as_slice()).unwrap_or_default();
            let path = ["result", name.as_str()];
            let mut others = choices.iter().filter(|choice| !written.contains(choice)).peekable();
            others.peek().is_none()
                || others.any(|value| {
                    taken(step, &path, value)
                        .iter()
                        .any(|other| std::ptr::eq(other.0, *test) && other.1 == *target)
                })
        })
    };
    targets.extend(arms(step).into_iter().filter(idle).map(|(_, target)| target));
    targets
}

fn ungated(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let Some(graph) = &subject.graph else { return };
    let steps = &subject.nodes;
    let looks = |index: usize| {
        let step = &steps[index];
        let tests = shell(step).iter().any(|command| {
            command.git().is_some_and(|(name, _)| matches!(name, "diff" | "status" | "rev-list"))
        });
        tests && (step.on_failure.is_some() || !step.on_result.is_empty())
    };
    for (index, step, skill) in subject.sessions() {
        let Some(contract) = subject.contract(step) else { continue };
        if contract.writes != Writes::Conditional || contract.writes_when.is_empty() {
            continue;
        }
        let on = |from: usize, edge: Edge| {
            matches!(edge.cause, Cause::Completed | Cause::Skipped)
                && from != index
                && !looks(from)
                && !(is(&steps[from], "run_skill") && subject.edits_code(&steps[from]))
        };
        let pushes: Vec<usize> = subject
            .calls("push_to_remote")
            .filter(|(push, _)| graph.path(*push, index, |_, _| true).is_some())
            .map(|(push, _)| push)
            .collect();
        let starts = after_nothing(step, contract);
        let way = starts
            .iter()
            .filter_map(|target| steps.target(index, target))
            .flat_map(|start| pushes.iter().map(move |push| (start, *push)))
            .filter_map(|(start, push)| graph.path(start, push, on))
            .min_by_key(Vec::len);
        let Some(way) = way else { continue };
        let mut names = vec![step.name.as_str()];
        names.extend(way.iter().map(|at| steps[*at].name.as_str()));
        let message = format!("`{skill}` may change nothing, and a push follows all the same");
        let help = format!(
            "the way {} is open to every verdict; route those without a change away from it",
            arrows(&names)
        );
        findings.add(step, subject.step_at(step), message, "may change nothing").help(help);
    }
}

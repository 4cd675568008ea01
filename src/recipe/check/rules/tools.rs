//! Tools and how they are called.

use super::super::facts::{arg, is, shell, step_name};
use super::{Family, Findings, Level, Rule, Subject};
use crate::recipe::graph::{Cause, Edge};
use crate::recipe::model::{Arg, Step};
use crate::recipe::suggest::arrows;

pub(super) static FAMILY: Family = Family {
    name: "tools",
    rules: &[
        Rule {
            id: "unknown-tool",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A step calls a tool that does not exist.",
            why: "There is nothing to run.",
            mend: "correct the name; docs/tools.md has all of them",
            bad: &["steps:\n  a:\n    tool: run_comand\n    with: {cmd: ls}\n    on_success: done\n"],
            good: &["steps:\n  a:\n    tool: run_cmd\n    with: {cmd: ls}\n    on_success: done\n"],
            run: None,
        },
        Rule {
            id: "rebase-then-push-requires-force",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A branch is pushed without `force` on a way that rebased it.",
            why: "The remote has the commits as they were before, and refuses the push.",
            mend: "write `force: true`; the push has a lease, so that nobody else's work is lost",
            bad: &[
                "steps:\n  rebase:\n    tool: run_cmd\n    with: {cmd: git rebase main}\n    on_success: push\n  push:\n    tool: push_to_remote\n    with: {clone_path: ., branch: work}\n    on_success: done\n",
            ],
            good: &[
                "steps:\n  rebase:\n    tool: run_cmd\n    with: {cmd: git rebase main}\n    on_success: push\n  push:\n    tool: push_to_remote\n    with: {clone_path: ., branch: work, force: \"true\"}\n    on_success: done\n",
                "steps:\n  look:\n    tool: run_cmd\n    with: {cmd: git rebase --abort || true}\n    on_success: push\n  push:\n    tool: push_to_remote\n    with: {clone_path: ., branch: work}\n    on_success: done\n",
            ],
            run: Some(rebase_then_push),
        },
        Rule {
            id: "subset-disabled-tool",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A step calls a tool of a group that `subsets.disabled` of the settings switches off.",
            why: "Whoever switched it off does not want it used, and may have a reason why it fails here.",
            mend: "take the group out of `subsets.disabled`, or do without the step",
            bad: &[
                "steps:\n  told:\n    tool: write_telemetry_files\n    with: {output_dir: out}\n    on_success: done\n",
            ],
            good: &["steps:\n  test: {tool: test_check, on_success: done}\n"],
            run: Some(disabled),
        },
    ],
};

fn disabled(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (_, step) in subject.steps() {
        let Some(tool) = super::super::facts::tool(step) else { continue };
        let off = |tag: &&&str| subject.policy.disabled.iter().any(|name| name == **tag);
        if let Some(tag) = tool.tags.iter().find(off) {
            let message = format!("`{}` belongs to `{tag}`, which is switched off", tool.name);
            findings.add(step, subject.key_of(step, "tool"), message, "switched off");
        }
    }
}

fn rebases(subject: &Subject<'_>, step: &Step) -> bool {
    if is(step, "run_skill") {
        let named = subject.skill_of(step).is_some_and(|skill| skill.name == "resolve-merge-conflicts");
        return subject.contract(step).map_or(named, |contract| contract.rebases);
    }
    let gives_up = |option: &String| matches!(option.as_str(), "--abort" | "--quit");
    shell(step).iter().any(|command| {
        command.git().is_some_and(|(name, rest)| {
            (name == "rebase" && !rest.iter().any(gives_up))
                || (name == "commit" && rest.iter().any(|option| option == "--amend"))
        })
    })
}

fn rebase_then_push(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let Some(graph) = &subject.graph else { return };
    let steps = &subject.nodes;
    let reachable = graph.reachable();
    for (push, step) in subject.calls("push_to_remote") {
        let forced = match arg(step, "force") {
            Some(Arg::Literal(value)) => value.as_bool() == Some(true) || value.as_str() == Some("true"),
            other => other.is_some(),
        };
        if forced {
            continue;
        }
        let pushes = |index: usize| is(&steps[index], "push_to_remote");
        let mut best: Option<Vec<usize>> = None;
        for (start, rebase) in
            subject.steps().filter(|(index, step)| reachable[*index] && rebases(subject, step))
        {
            // An arm that asks for a person leads away from the push, or to one on purpose.
            let escalates = |to: usize| {
                rebase.on_result.iter().any(|route| {
                    step_name(&route.to) == Some(steps[to].name.as_str())
                        && route
                            .when
                            .as_ref()
                            .is_some_and(|when| when.test().asks(&["result", "escalation_required"]))
                })
            };
            let allowed = |from: usize, edge: Edge| {
                matches!(edge.cause, Cause::Completed | Cause::Skipped)
                    && !pushes(from)
                    && !(from == start && (edge.cause == Cause::Skipped || escalates(edge.to)))
            };
            let way = graph.path(start, push, allowed);
            best = [best, way].into_iter().flatten().min_by_key(Vec::len);
        }
        let Some(way) = best else { continue };
        let names: Vec<&str> = way.iter().map(|index| steps[*index].name.as_str()).collect();
        let message = format!("the branch is pushed without `force` after `{}` rebased it", names[0]);
        let help = format!("on the way {} the remote refuses it; write `force: true`", arrows(&names));
        findings.add(step, subject.step_at(step), message, "pushed here").help(help);
    }
}

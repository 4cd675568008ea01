//! Merging worktrees.

use super::super::facts::{arms, is, names, shell, tool};
use super::{Family, Findings, Level, Rule, Subject};
use crate::recipe::expr::Test;
use crate::recipe::graph::{Cause, Edge};
use crate::recipe::model::{Step, Target};
use crate::recipe::suggest::{arrows, quoted_list};

pub(super) static FAMILY: Family = Family {
    name: "merge",
    rules: &[
        Rule {
            id: "merge-routing-incomplete",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "Routes of a merge ask where it failed, and leave out a failure that could be mended.",
            why: "That failure takes a route that was meant for something else, and work that could be saved is given up.",
            mend: "add an entry for each, or a last entry that leads to a skill that mends",
            bad: &[
                "steps:\n  commit:\n    tool: run_cmd\n    with: {argv: [git, commit, -am, work]}\n    on_success: merge\n  merge:\n    tool: merge_worktree\n    with: {worktree_path: ../w, base_branch: main}\n    on_result:\n      - {when: \"result.failed_step == 'rebase'\", route: escalate}\n      - {when: not result.cleanup_succeeded, route: escalate}\n      - {route: done}\n    on_failure: escalate\n",
            ],
            good: &[
                "steps:\n  commit:\n    tool: run_cmd\n    with: {argv: [git, commit, -am, work]}\n    on_success: merge\n  merge:\n    tool: merge_worktree\n    with: {worktree_path: ../w, base_branch: main}\n    on_result:\n      - {when: \"result.failed_step in ['rebase', 'dirty_tree', 'test_gate', 'post_rebase_test_gate']\", route: escalate}\n      - {when: not result.cleanup_succeeded, route: escalate}\n      - {route: done}\n    on_failure: escalate\n",
            ],
            run: Some(routing),
        },
        Rule {
            id: "merge-without-commit-guard",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A merge is reached from a skill that changes code without a step that commits what it left.",
            why: "A session that stops early leaves uncommitted files, and the merge refuses a dirty worktree.",
            mend: "put a `run_cmd` with `git commit` between them",
            bad: &[
                "steps:\n  write:\n    skill: implement\n    on_context_limit: merge\n    on_success: merge\n  merge:\n    tool: merge_worktree\n    with: {worktree_path: ../w, base_branch: main}\n    on_result:\n      - {when: not result.cleanup_succeeded, route: escalate}\n      - {route: done}\n    on_failure: escalate\n",
            ],
            good: &[
                "steps:\n  write:\n    skill: implement\n    on_context_limit: save\n    on_success: save\n  save:\n    tool: run_cmd\n    with: {cmd: git add -A && git commit -m work}\n    on_success: merge\n  merge:\n    tool: merge_worktree\n    with: {worktree_path: ../w, base_branch: main}\n    on_result:\n      - {when: not result.cleanup_succeeded, route: escalate}\n      - {route: done}\n    on_failure: escalate\n",
            ],
            run: Some(guard),
        },
    ],
};

fn routing(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (_, step) in subject.steps() {
        let recoverable = tool(step).map(|tool| tool.facts.recoverable).unwrap_or_default();
        let arms = arms(step);
        let path = ["result", "failed_step"];
        if recoverable.is_empty() || !arms.iter().any(|(test, _)| test.asks(&path)) {
            continue;
        }
        // A condition that nobody can read may be about any of them.
        let mends = arms.iter().any(|(test, target)| match test {
            Test::Truth(own) => own.is_path(&path),
            Test::Always => leads_to_a_skill(subject, step, target),
            test => !test.is_understood(),
        });
        let open: Vec<&str> =
            recoverable.iter().copied().filter(|value| !names(&arms, &path, value)).collect();
        if mends || open.is_empty() {
            continue;
        }
        let message =
            format!("no route of `{}` is for a merge that failed at {}", step.name, quoted_list(&open));
        findings.add(step, subject.key_of(step, "on_result"), message, "could be mended, and is not");
    }
}

fn leads_to_a_skill(subject: &Subject<'_>, step: &Step, target: &Target) -> bool {
    subject.nodes.target_of(step, target).is_some_and(|next| is(&subject.nodes[next], "run_skill"))
}

fn commits(subject: &Subject<'_>, step: &Step) -> bool {
    step.name.starts_with("commit_guard")
        || shell(step).iter().any(|command| command.git().is_some_and(|(name, _)| name == "commit"))
        || subject.contract(step).is_some_and(|contract| contract.commits)
}

fn guard(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let Some(graph) = &subject.graph else { return };
    let steps = &subject.nodes;
    let reachable = graph.reachable();
    for (merge, step) in subject.calls("merge_worktree") {
        let guarded = |from: usize, edge: Edge| {
            (commits(subject, &steps[from]) && edge.cause == Cause::Completed) || from == merge
        };
        let way = subject
            .sessions()
            .filter(|(index, writer, _)| {
                reachable[*index] && subject.edits_code(writer) && !commits(subject, writer)
            })
            .filter_map(|(start, _, _)| {
                // A skipped skill changed nothing.
                graph.path(start, merge, |from, edge| {
                    let untouched = from == start && matches!(edge.cause, Cause::Skipped | Cause::Exceeded);
                    !guarded(from, edge) && !untouched
                })
            })
            .min_by_key(Vec::len);
        let Some(way) = way else { continue };
        let names: Vec<&str> = way.iter().map(|index| steps[*index].name.as_str()).collect();
        let message = format!("nothing commits what `{}` may leave before the merge", names[0]);
        let help = format!("on the way {} put a `run_cmd` with `git commit`", arrows(&names));
        findings.add(step, subject.step_at(step), message, "merged here").help(help);
    }
}

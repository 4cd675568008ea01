//! Continuous integration and the merge queue.

use super::super::facts::{arg, arms, captured, is, literal, names, shell, taken, tool};
use super::{Family, Findings, Level, Rule, Subject};
use crate::recipe::expr::Test;
use crate::recipe::graph::{Cause, Edge};
use crate::recipe::model::{RecipeSource, Step, StepKind, StopStatus, Target};
use crate::recipe::suggest::{arrows, quoted_list};

pub(super) static FAMILY: Family = Family {
    name: "ci",
    rules: &[
        Rule {
            id: "ci-polling-inline-shell",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A command waits for CI by itself.",
            why: "It may look at a run that is not the one of this commit, and say that it passed.",
            mend: "use `tool: wait_for_ci`",
            bad: &[
                "steps:\n  a:\n    tool: run_cmd\n    with: {cmd: gh run watch}\n    on_success: done\n",
                "steps:\n  a:\n    tool: run_cmd\n    with: {argv: [gh, run, list]}\n    on_success: done\n",
            ],
            good: &[
                "steps:\n  a:\n    tool: run_cmd\n    with: {cmd: \"echo 'gh run watch'; gh pr view\"}\n    on_success: done\n",
            ],
            run: Some(polling),
        },
        Rule {
            id: "ci-hardcoded-workflow",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A recipe that is not of one project names a workflow of CI.",
            why: "Other projects call theirs something else, and the wait never ends.",
            mend: "leave it out: the settings have it; or make it an ingredient",
            bad: &[
                "steps:\n  wait:\n    tool: wait_for_ci\n    with: {branch: main, workflow: tests.yml}\n    on_success: done\n    on_failure: escalate\n",
            ],
            good: &[
                "ingredients:\n  workflow: {default: \"\"}\nsteps:\n  wait:\n    tool: wait_for_ci\n    with: {branch: main, workflow: \"${{ inputs.workflow }}\"}\n    on_success: done\n    on_failure: escalate\n",
            ],
            run: Some(workflow),
        },
        Rule {
            id: "ci-missing-event-scope",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "CI is waited for without the event, which an earlier step found out.",
            why: "A run for another event may have passed while the one that counts failed.",
            mend: "write `event:` with the variable",
            bad: &[
                "steps:\n  look:\n    tool: check_repo_merge_state\n    capture: {event: \"${{ result.ci_event }}\"}\n    on_success: wait\n  wait:\n    tool: wait_for_ci\n    with: {branch: main}\n    on_success: told\n    on_failure: escalate\n  told: {action: stop, message: \"${{ context.event }}\"}\n",
            ],
            good: &[
                "steps:\n  look:\n    tool: check_repo_merge_state\n    capture: {event: \"${{ result.ci_event }}\"}\n    on_success: wait\n  wait:\n    tool: wait_for_ci\n    with: {branch: main, event: \"${{ context.event }}\"}\n    on_success: done\n    on_failure: escalate\n",
                "steps:\n  wait:\n    tool: wait_for_ci\n    with: {branch: main}\n    on_success: done\n    on_failure: escalate\n",
            ],
            run: Some(event),
        },
        Rule {
            id: "event-scope-requires-upstream-capture",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "CI is waited for with an event that is written down, in a recipe that can ask the repository which one it is.",
            why: "In a repository with a merge queue CI runs for another event, and the wait ends without a run.",
            mend: "capture `ci_event` of `check_repo_merge_state` before, and give it as `event:`",
            bad: &[
                "steps:\n  wait:\n    tool: wait_for_ci\n    with: {branch: main, event: push}\n    on_success: look\n    on_failure: escalate\n  look:\n    tool: check_repo_merge_state\n    capture: {event: \"${{ result.ci_event }}\"}\n    on_success: told\n  told: {action: stop, message: \"${{ context.event }}\"}\n",
            ],
            good: &[
                "steps:\n  wait:\n    tool: wait_for_ci\n    with: {branch: main, event: push}\n    on_success: done\n    on_failure: escalate\n",
            ],
            run: Some(literal_event),
        },
        Rule {
            id: "ci-failure-missing-conflict-gate",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A failure of CI is taken to a skill that repairs code before anything looks whether the branch is behind.",
            why: "CI often fails because the base moved on; a session then changes code that is right.",
            mend: "put a step with `git merge-base --is-ancestor`, or a skill that resolves conflicts, before it",
            bad: &[
                "steps:\n  wait:\n    tool: wait_for_ci\n    with: {branch: work}\n    on_success: done\n    on_failure: fix\n  fix:\n    skill: resolve-failures\n    on_context_limit: escalate\n    on_success: done\n",
            ],
            good: &[
                "steps:\n  wait:\n    tool: wait_for_ci\n    with: {branch: work}\n    on_success: done\n    on_failure: behind\n  behind:\n    tool: run_cmd\n    with: {cmd: git merge-base --is-ancestor main HEAD}\n    on_success: fix\n    on_failure: escalate\n  fix:\n    skill: resolve-failures\n    on_context_limit: escalate\n    on_success: done\n",
            ],
            run: Some(conflict_gate),
        },
        Rule {
            id: "wait-for-merge-queue-routing-covers-all-pr-states",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "Routes of a wait for the merge queue ask for `pr_state` and leave some states out.",
            why: "A state that nobody thought of takes the last route.",
            mend: "name each state in a `when`",
            bad: &[
                "steps:\n  wait:\n    tool: wait_for_merge_queue\n    with: {pr_number: 3, target_branch: main}\n    on_result:\n      - {when: \"result.pr_state == 'merged'\", route: done}\n      - {route: escalate}\n    on_failure: escalate\n",
            ],
            good: &[
                "steps:\n  wait:\n    tool: wait_for_merge_queue\n    with: {pr_number: 3, target_branch: main}\n    on_result:\n      - {when: \"result.pr_state == 'merged'\", route: done}\n      - {when: \"result.pr_state in ['ejected', 'ejected_ci_failure', 'stalled', 'dropped_healthy', 'timeout']\", route: escalate}\n      - {route: escalate}\n    on_failure: escalate\n",
            ],
            run: Some(states),
        },
        Rule {
            id: "wait-for-merge-queue-routing-conforms-to-expected-targets",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A wait for the merge queue that gave up leads to an end that says success.",
            why: "The pull request is not merged, and the run says that it is.",
            mend: "route `on_failure` and the last entry to a failed end, or to a step that looks again",
            bad: &[
                "steps:\n  wait:\n    tool: wait_for_merge_queue\n    with: {pr_number: 3, target_branch: main}\n    on_success: done\n    on_failure: told\n  told: {action: stop, message: Merged., status: succeeded}\n",
            ],
            good: &[
                "steps:\n  wait:\n    tool: wait_for_merge_queue\n    with: {pr_number: 3, target_branch: main}\n    on_success: done\n    on_failure: told\n  told: {action: stop, message: Not merged., status: failed}\n",
                "steps:\n  wait:\n    tool: wait_for_merge_queue\n    with: {pr_number: 3, target_branch: main}\n    on_success: done\n    on_failure: look\n  look:\n    tool: check_pr_mergeable\n    with: {pr_number: 3}\n    on_success: done\n",
            ],
            run: Some(gave_up),
        },
    ],
};

const WAITS: [&str; 2] = ["wait_for_ci", "get_ci_status"];

fn polling(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (_, step) in subject.steps() {
        let polls = |command: &super::super::shellwords::Command| {
            command.starts_with(&["gh", "run", "watch"]) || command.starts_with(&["gh", "run", "list"])
        };
        if shell(step).iter().any(polls) {
            let key = if arg(step, "cmd").is_some() { "cmd" } else { "argv" };
            let message = format!("`{}` waits for CI by itself", step.name);
            findings.add(step, subject.arg_at(step, key), message, "not of this commit for sure");
        }
    }
}

fn waits<'s>(subject: &'s Subject<'_>) -> impl Iterator<Item = (usize, &'s Step)> {
    subject.steps().filter(|(_, step)| WAITS.iter().any(|tool| is(step, tool)))
}

fn workflow(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    // A project knows what its own workflows are called.
    if subject.recipe.source == RecipeSource::Project {
        return;
    }
    for (_, step) in waits(subject) {
        if let Some(name) = literal(step, "workflow").filter(|name| !name.trim().is_empty()) {
            let message = format!("not every project has a workflow `{name}`");
            findings.add(step, subject.arg_at(step, "workflow"), message, "written down");
        }
    }
}

/// The variables that hold the event of CI.
fn events<'s>(subject: &'s Subject<'_>) -> impl Iterator<Item = &'s str> {
    subject.calls("check_repo_merge_state").flat_map(|(_, step)| {
        let is_event =
            |name: &&String| matches!(captured(step, name), Some("ci_event" | "merge_group_trigger"));
        step.captures.keys().filter(is_event).map(String::as_str)
    })
}

fn event(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let Some((_, flow)) = subject.flow() else { return };
    for (index, step) in waits(subject).filter(|(_, step)| arg(step, "event").is_none()) {
        let Some(name) = events(subject).find(|name| flow.is_assigned(index, name)) else { continue };
        let message = format!("`{}` does not say for which event CI has to have run", step.name);
        let help = format!("write `event: ${{{{ context.{name} }}}}`");
        findings.add(step, subject.step_at(step), message, "no `event`").help(help);
    }
}

fn literal_event(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let Some((_, flow)) = subject.flow() else { return };
    if events(subject).next().is_none() {
        return;
    }
    for (index, step) in subject.calls("wait_for_ci") {
        let Some(event) = literal(step, "event").filter(|event| !event.is_empty()) else { continue };
        if events(subject).any(|name| flow.is_assigned(index, name)) {
            continue;
        }
        let message = format!("`{event}` is not the event of CI in every repository");
        findings.add(step, subject.arg_at(step, "event"), message, "written down");
    }
}

fn conflict_gate(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let Some(graph) = &subject.graph else { return };
    let steps = &subject.nodes;
    let is_gate = |index: usize| {
        let step = &steps[index];
        let ancestor = |command: &super::super::shellwords::Command| {
            command.git().is_some_and(|(name, _)| name == "merge-base")
        };
        shell(step).iter().any(ancestor)
            || is(step, "check_pr_mergeable")
            || subject.skill_of(step).is_some_and(|skill| skill.name == "resolve-merge-conflicts")
    };
    let fixers: Vec<usize> = subject
        .sessions()
        .filter(|(_, _, skill)| *skill == "resolve-failures")
        .map(|(index, _, _)| index)
        .collect();
    for (wait, step) in subject.calls("wait_for_ci") {
        let conclusions = tool(step).and_then(|tool| tool.result("conclusion")).map(|field| field.choices);
        let bad =
            conclusions.unwrap_or_default().iter().filter(|value| !matches!(**value, "success" | "no_runs"));
        let failed = bad
            .flat_map(|value| taken(step, &["result", "conclusion"], value))
            .filter(|(test, _)| test.is_understood());
        let starts: Vec<usize> = step
            .on_failure
            .iter()
            .chain(failed.map(|(_, target)| target))
            .filter_map(|target| steps.target(wait, target))
            .collect();
        // A gate that was skipped looked at nothing.
        let open = |from: usize, edge: Edge| from != wait && (!is_gate(from) || edge.cause == Cause::Skipped);
        let way = starts
            .iter()
            .flat_map(|start| fixers.iter().map(move |fixer| (*start, *fixer)))
            .filter_map(|(start, fixer)| graph.path(start, fixer, open))
            .min_by_key(Vec::len);
        let Some(way) = way else { continue };
        let mut names = vec![step.name.as_str()];
        names.extend(way.iter().map(|index| steps[*index].name.as_str()));
        let message =
            "a failure of CI is repaired in the code before anything looks whether the base moved on";
        let help = format!("on the way {} put a step with `git merge-base --is-ancestor`", arrows(&names));
        findings.add(step, subject.key_of(step, "on_failure"), message.to_owned(), "leads there").help(help);
    }
}

fn states(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (_, step) in subject.calls("wait_for_merge_queue") {
        let arms = arms(step);
        let path = ["result", "pr_state"];
        let asks = arms.iter().any(|(test, _)| test.asks(&path));
        if !asks || arms.iter().any(|(test, _)| !test.is_understood()) {
            continue;
        }
        let choices = tool(step).and_then(|tool| tool.result("pr_state")).map(|field| field.choices);
        let open = choices.unwrap_or_default().iter().copied();
        let open: Vec<&str> = open.filter(|state| *state != "error" && !names(&arms, &path, state)).collect();
        if !open.is_empty() {
            let message = format!("no route of `{}` is for {}", step.name, quoted_list(&open));
            findings.add(step, subject.key_of(step, "on_result"), message, "not all states are routed");
        }
    }
}

fn gave_up(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let Some(graph) = &subject.graph else { return };
    let steps = &subject.nodes;
    // Steps after which nobody knows more about the pull request than before.
    let idle = |index: usize| match &steps[index].kind {
        StepKind::Tool { tool, .. } => matches!(tool.name, "release_issue" | "register_clone_status"),
        StepKind::Route | StepKind::Stop { .. } | StepKind::Constant(_) => true,
        StepKind::Confirm { .. } | StepKind::ForEach(_) | StepKind::Call(_) => false,
    };
    let told_as_success = |index: usize| {
        let step = &steps[index];
        let ends = matches!(step.kind, StepKind::Stop { status: StopStatus::Succeeded, .. });
        ends || (idle(index) && step.on_success == Some(Target::Done))
    };
    for (_, step) in subject.calls("wait_for_merge_queue") {
        let last = arms(step).into_iter().filter(|(test, _)| **test == Test::Always);
        let keys = step.on_failure.iter().map(|target| ("on_failure", target));
        for (key, target) in keys.chain(last.map(|(_, target)| ("on_result", target))) {
            let way = match target {
                Target::Done => Some(Vec::new()),
                Target::Escalate => None,
                Target::Step(_) => steps.target_of(step, target).and_then(|start| {
                    (0..steps.len())
                        .filter(|end| told_as_success(*end))
                        .filter_map(|end| graph.path(start, end, |from, _| idle(from)))
                        .min_by_key(Vec::len)
                }),
            };
            let Some(way) = way else { continue };
            let mut names = vec![step.name.as_str()];
            names.extend(way.iter().map(|index| steps[*index].name.as_str()));
            let message = format!("a wait that gave up ends as a success, by {}", arrows(&names));
            findings.add(step, subject.key_of(step, key), message, "not merged, and told as merged");
            break;
        }
    }
}

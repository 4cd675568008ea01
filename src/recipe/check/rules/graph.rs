//! The routes as a whole: loops, failures, what is published and merged.

use super::super::facts::{captured, is, tool, variable};
use super::{Family, Findings, Level, Rule, Subject};
use crate::recipe::graph::{Cause, Edge, Graph, Hop};
use crate::recipe::suggest::arrows;

pub(super) static FAMILY: Family = Family {
    name: "graph",
    rules: &[
        Rule {
            id: "unbounded-cycle",
            level: Level::Error,
            legacy: Level::Warning,
            meaning: "A loop of routes has no bound.",
            why: "A run could follow it for ever and spend without end. Retries within one visit of a step bound nothing.",
            mend: "add `max_visits:` and `on_exceeded:` to a step of the loop, or `max_visits:` to `limits:`",
            bad: &[
                "steps:\n  test:\n    tool: test_check\n    on_success: done\n    on_failure: repair\n  repair:\n    skill: repair-tests\n    on_success: test\n",
            ],
            good: &[
                "steps:\n  test:\n    tool: test_check\n    on_success: done\n    on_failure: repair\n  repair:\n    skill: repair-tests\n    max_visits: 3\n    on_exceeded: escalate\n    on_success: test\n",
            ],
            run: Some(unbounded),
        },
        Rule {
            id: "push-before-audit",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A recipe audits its work, and has a way to push what was not audited.",
            why: "What the audit would have refused is published all the same.",
            mend: "route the way through the audit, or skip the audit by an ingredient",
            bad: &[
                "steps:\n  write:\n    skill: implement\n    on_context_limit: escalate\n    on_success: audit\n    on_failure: push\n  audit:\n    skill: audit-impl\n    on_success: push\n    on_failure: escalate\n  push:\n    tool: push_to_remote\n    with: {clone_path: ., branch: work}\n    on_success: done\n",
            ],
            good: &[
                "steps:\n  write:\n    skill: implement\n    on_context_limit: escalate\n    on_success: audit\n  audit:\n    skill: audit-impl\n    on_success: push\n    on_failure: escalate\n  push:\n    tool: push_to_remote\n    with: {clone_path: ., branch: work}\n    on_success: done\n",
            ],
            run: Some(push_before_audit),
        },
        Rule {
            id: "clone-root-as-worktree",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A merge is given the clone itself as the worktree.",
            why: "The worktree is removed after the merge; the clone holds the branch that it is merged into.",
            mend: "give it the path of the worktree that a step made",
            bad: &[
                "steps:\n  clone:\n    tool: clone_repo\n    with: {source_dir: ., run_name: x}\n    capture: {dir: \"${{ result.clone_path }}\"}\n    on_success: merge\n  merge:\n    tool: merge_worktree\n    with: {worktree_path: \"${{ context.dir }}\", base_branch: main}\n    capture: {clean: \"${{ result.cleanup_succeeded }}\"}\n    on_success: told\n  told: {action: stop, message: \"${{ context.clean }}\"}\n",
            ],
            good: &[
                "steps:\n  make:\n    skill: implement-worktree\n    retries: 0\n    on_context_limit: escalate\n    capture: {dir: \"${{ result.worktree_path }}\"}\n    on_success: commit\n  commit:\n    tool: run_cmd\n    with: {argv: [git, commit, -am, work], cwd: \"${{ context.dir }}\"}\n    on_success: merge\n  merge:\n    tool: merge_worktree\n    with: {worktree_path: \"${{ context.dir }}\", base_branch: main}\n    capture: {clean: \"${{ result.cleanup_succeeded }}\"}\n    on_success: told\n  told: {action: stop, message: \"${{ context.clean }}\"}\n",
            ],
            run: Some(clone_as_worktree),
        },
        Rule {
            id: "on-result-missing-failure-route",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A step that can fail routes by its result and says nothing about a failure.",
            why: "The routes read as if they covered every result, but a call that fails takes none of them: the run ends there.",
            mend: "add `on_failure:` with a step, `done` or `escalate`",
            bad: &[
                "steps:\n  look:\n    tool: check_pr_mergeable\n    with: {pr_number: 3}\n    on_result:\n      - when: result.mergeable\n        route: done\n      - route: escalate\n",
            ],
            good: &[
                "steps:\n  look:\n    tool: check_pr_mergeable\n    with: {pr_number: 3}\n    on_result:\n      - when: result.mergeable\n        route: done\n      - route: escalate\n    on_failure: escalate\n",
            ],
            run: Some(failure_route),
        },
        Rule {
            id: "merge-base-unpublished",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A worktree is merged into a branch that the recipe made and did not push.",
            why: "The merge rebases on the branch as the remote has it, and the remote does not have it.",
            mend: "push the branch before the merge",
            bad: &[
                "steps:\n  branch:\n    tool: create_unique_branch\n    with: {slug: work}\n    capture: {base: \"${{ result.branch_name }}\"}\n    on_success: commit\n  commit:\n    tool: run_cmd\n    with: {argv: [git, commit, -am, work]}\n    on_success: merge\n  merge:\n    tool: merge_worktree\n    with: {worktree_path: ../w, base_branch: \"${{ context.base }}\"}\n    on_result:\n      - {when: not result.cleanup_succeeded, route: escalate}\n      - {route: done}\n    on_failure: escalate\n",
            ],
            good: &[
                "steps:\n  branch:\n    tool: create_unique_branch\n    with: {slug: work}\n    capture: {base: \"${{ result.branch_name }}\"}\n    on_success: publish\n  publish:\n    tool: push_to_remote\n    with: {clone_path: ., branch: \"${{ context.base }}\"}\n    on_success: merge\n  merge:\n    tool: merge_worktree\n    with: {worktree_path: ../w, base_branch: \"${{ context.base }}\"}\n    on_result:\n      - {when: not result.cleanup_succeeded, route: escalate}\n      - {route: done}\n    on_failure: escalate\n",
            ],
            run: Some(unpublished),
        },
    ],
};

/// A push that work reaches around every audit.
fn push_before_audit(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let Some(graph) = &subject.graph else { return };
    let steps = &subject.nodes;
    let audits: Vec<usize> = subject
        .sessions()
        .filter(|(_, _, skill)| *skill == "audit-impl")
        .map(|(index, _, _)| index)
        .collect();
    if audits.is_empty() {
        return;
    }
    let reachable = graph.reachable();
    // A way that skips the audit is one that the person asked for.
    let around = |from: usize, _: Edge| !audits.contains(&from);
    for (push, step) in subject.calls("push_to_remote") {
        let writes = |index: &usize| {
            let step = &steps[*index];
            reachable[*index]
                && !audits.contains(index)
                && (subject.edits_code(step) || is(step, "merge_worktree"))
        };
        let way = (0..steps.len())
            .filter(writes)
            .filter(|start| graph.way(*start, |_, _| true).is_some())
            .find_map(|start| graph.path(start, push, around));
        let Some(way) = way.filter(|way| way.len() > 1) else { continue };
        let names: Vec<&str> = way.iter().map(|index| steps[*index].name.as_str()).collect();
        let message = format!("what `{}` wrote is pushed without an audit", names[0]);
        let help = format!(
            "the way {} passes no audit; route it through `{}`",
            arrows(&names),
            steps[audits[0]].name
        );
        findings.add(step, subject.step_at(step), message, "pushed here").help(help);
    }
}

fn clone_as_worktree(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let Some((_, flow)) = subject.flow() else { return };
    let steps = &subject.nodes;
    for (index, step) in subject.calls("merge_worktree") {
        let Some(name) = variable(step, "worktree_path") else { continue };
        let definitions = flow.definitions(index, name);
        let is_clone = |of: &&usize| captured(&steps[**of], name) == Some("clone_path");
        let Some(first) = definitions.iter().find(is_clone) else { continue };
        let sure = definitions.iter().all(|of| is_clone(&of));
        let message = match sure {
            true => format!("`context.{name}` is the clone, not a worktree in it"),
            false => format!("`context.{name}` may be the clone, not a worktree in it"),
        };
        let at = subject.arg_at(step, "worktree_path");
        let found = findings.add(step, at, message, "the clone");
        let found = found.also(subject.capture_at(&steps[*first], name), "captured here");
        if !sure {
            let _ = found.warn();
        }
    }
}

fn unpublished(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let Some((graph, flow)) = subject.flow() else { return };
    let steps = &subject.nodes;
    for (merge, step) in subject.calls("merge_worktree") {
        let Some(name) = variable(step, "base_branch") else { continue };
        for made in flow.definitions(merge, name) {
            let maker = &steps[made];
            if !is(maker, "create_unique_branch") || captured(maker, name) != Some("branch_name") {
                continue;
            }
            // A push that is skipped by what skips the making of the branch is skipped only when there is none.
            let open = |from: usize, edge: Edge| {
                let push = &steps[from];
                let publishes = is(push, "push_to_remote") && variable(push, "branch") == Some(name);
                let alike = push.skip_when_false.is_some() && push.skip_when_false == maker.skip_when_false;
                !publishes || !(edge.cause == Cause::Completed || (edge.cause == Cause::Skipped && alike))
            };
            let Some(way) = graph.path(made, merge, open) else { continue };
            let names: Vec<&str> = way.iter().map(|index| steps[*index].name.as_str()).collect();
            let message = format!("`context.{name}` is a branch that nothing pushed before the merge");
            let help = format!("on the way {} push it", arrows(&names));
            findings.add(step, subject.arg_at(step, "base_branch"), message, "not on the remote").help(help);
            break;
        }
    }
}

fn failure_route(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (_, step) in subject.steps() {
        let Some(tool) = tool(step).filter(|tool| !tool.facts.never_fails) else { continue };
        if step.on_result.is_empty() || step.on_failure.is_some() {
            continue;
        }
        let message = format!("`{}` says nothing about a call of `{}` that fails", step.name, tool.name);
        findings.add(step, subject.key_of(step, "on_result"), message, "covers only calls that succeed");
    }
}

/// Reports each loop that a run could follow for ever, once.
fn unbounded(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let Some(graph) = &subject.graph else { return };
    let steps = &subject.nodes;
    let bounded: Vec<bool> = steps.values().map(|step| step.max_visits.is_some()).collect();
    let general = subject.recipe.limits.max_visits.is_some();
    // A step that is bounded goes on for ever only by being refused again and again.
    // A loop over a list ends with the list.
    let endless = |from: usize, edge: Edge| {
        edge.hop == Hop::Stays
            && match bounded[from] {
                true => edge.cause == Cause::Exceeded,
                false => !general && edge.cause != Cause::Exceeded,
            }
    };
    let reachable = graph.reachable();
    let mut reported = vec![false; steps.len()];
    for start in 0..steps.len() {
        if !reachable[start] || reported[start] {
            continue;
        }
        let Some(cycle) = cycle(graph, start, endless) else { continue };
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
        let message = format!("nothing bounds the loop {}", arrows(&names));
        let at = subject.step_at(&steps[cycle[0]]);
        let found = findings.add(&steps[cycle[0]], at, message, "the loop starts here").help(help);
        if let [_, .., last] = cycle.as_slice() {
            let _ = found.also(subject.step_at(&steps[*last]), "and comes back from here");
        }
    }
}

/// The shortest loop through `start`.
fn cycle(graph: &Graph, start: usize, allowed: impl Fn(usize, Edge) -> bool) -> Option<Vec<usize>> {
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

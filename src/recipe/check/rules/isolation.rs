//! Work in a clone stays out of the repository that it was made from.

use super::super::facts::{arg, is, shell};
use super::super::shellwords::Command;
use super::{Family, Findings, Level, Rule, Subject};
use crate::recipe::model::{Arg, Step};

pub(super) static FAMILY: Family = Family {
    name: "isolation",
    rules: &[
        Rule {
            id: "source-isolation-violation",
            level: Level::Error,
            legacy: Level::Warning,
            meaning: "After a clone was made, a step works in the repository that it was made from.",
            why: "The clone is there so that the person's own checkout stays as it is.",
            mend: "give the step the clone's path",
            bad: &[
                "ingredients:\n  repo: {default: .}\nsteps:\n  clone:\n    tool: clone_repo\n    with: {source_dir: \"${{ inputs.repo }}\", run_name: x}\n    on_success: branch\n  branch:\n    tool: create_unique_branch\n    with: {slug: work, cwd: \"${{ inputs.repo }}\"}\n    on_success: done\n",
            ],
            good: &[
                "ingredients:\n  repo: {default: .}\nsteps:\n  clone:\n    tool: clone_repo\n    with: {source_dir: \"${{ inputs.repo }}\", run_name: x}\n    capture: {dir: \"${{ result.clone_path }}\"}\n    on_success: branch\n  branch:\n    tool: create_unique_branch\n    with: {slug: work, cwd: \"${{ context.dir }}\"}\n    on_success: done\n",
                "ingredients:\n  repo: {default: .}\nsteps:\n  branch:\n    tool: create_unique_branch\n    with: {slug: work, cwd: \"${{ inputs.repo }}\"}\n    on_success: done\n",
            ],
            run: Some(source),
        },
        Rule {
            id: "git-mutation-on-source",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "After a clone was made, a command changes the repository that it was made from with git.",
            why: "It moves branches or files under the person's hands.",
            mend: "run it in the clone",
            bad: &[
                "ingredients:\n  repo: {default: .}\nsteps:\n  clone:\n    tool: clone_repo\n    with: {source_dir: \"${{ inputs.repo }}\", run_name: x}\n    on_success: reset\n  reset:\n    tool: run_cmd\n    with: {cmd: git reset --hard, cwd: \"${{ inputs.repo }}\"}\n    on_success: done\n",
            ],
            good: &[
                "ingredients:\n  repo: {default: .}\nsteps:\n  clone:\n    tool: clone_repo\n    with: {source_dir: \"${{ inputs.repo }}\", run_name: x}\n    on_success: look\n  look:\n    tool: run_cmd\n    with: {cmd: git log -1, cwd: \"${{ inputs.repo }}\"}\n    on_success: done\n",
            ],
            run: Some(mutation),
        },
    ],
};

/// The steps after a clone that are told to work in what it was made from, with the parameter that says so.
fn in_source<'s>(subject: &'s Subject<'_>) -> Vec<(&'s Step, &'static str)> {
    let Some(graph) = &subject.graph else { return Vec::new() };
    let mut found = Vec::new();
    for (clone, made) in subject.calls("clone_repo") {
        let Some(source) = input(made, "source_dir") else { continue };
        for (index, step) in subject.steps().filter(|(index, _)| *index != clone) {
            let place = ["cwd", "clone_path", "worktree_path"]
                .into_iter()
                .find(|param| input(step, param) == Some(source));
            if let Some(param) = place
                && graph.path(clone, index, |_, _| true).is_some()
            {
                found.push((step, param));
            }
        }
    }
    found
}

/// The ingredient that an argument is.
fn input<'s>(step: &'s Step, param: &str) -> Option<&'s str> {
    match arg(step, param) {
        Some(Arg::Template(template)) => super::super::facts::named(template, "inputs."),
        _ => None,
    }
}

fn source(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (step, param) in in_source(subject) {
        let changes =
            ["create_unique_branch", "push_to_remote", "merge_worktree"].iter().any(|tool| is(step, tool));
        let session = is(step, "run_skill") && subject.edits_code(step);
        if !changes && !session {
            continue;
        }
        let message = format!("`{}` works in the repository that was cloned, not in the clone", step.name);
        let found = findings.add(step, subject.arg_at(step, param), message, "the person's own checkout");
        if session {
            let _ = found.warn();
        }
    }
}

const CHANGES: &[&str] =
    &["checkout", "switch", "restore", "push", "reset", "merge", "rebase", "commit", "cherry-pick", "clean"];

fn changes(command: &Command) -> bool {
    let Some((name, rest)) = command.git() else { return false };
    let deletes = |option: &String| matches!(option.as_str(), "-d" | "-D" | "--delete");
    CHANGES.contains(&name)
        || (name == "branch" && rest.iter().any(deletes))
        || (name == "worktree" && rest.first().is_some_and(|word| word == "add"))
}

fn mutation(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (step, param) in in_source(subject) {
        if shell(step).iter().any(changes) {
            let message = format!("`{}` changes the repository that was cloned", step.name);
            findings.add(step, subject.arg_at(step, param), message, "the person's own checkout");
        }
    }
}

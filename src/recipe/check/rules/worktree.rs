//! Skills that work in worktrees.

use super::super::facts::{arg, tool};
use super::{Family, Findings, Level, Rule, Subject};
use crate::recipe::model::{Arg, Step};
use crate::skills::{Edits, Writes};

pub(super) static FAMILY: Family = Family {
    name: "worktree",
    rules: &[
        Rule {
            id: "retries-on-worktree-modifying-skill",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A skill that makes a worktree is tried again by itself.",
            why: "Each try makes another worktree and leaves the one before with the work in it.",
            mend: "write `retries: 0`, and route `on_context_limit:` to a step that goes on in the worktree",
            bad: &[
                "steps:\n  make:\n    skill: implement-worktree\n    on_context_limit: escalate\n    on_success: done\n",
            ],
            good: &[
                "steps:\n  make:\n    skill: implement-worktree\n    retries: 0\n    on_context_limit: escalate\n    on_success: done\n",
            ],
            run: Some(retries),
        },
        Rule {
            id: "missing-context-limit-on-worktree",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A skill that makes a worktree has no route for a session that runs out of context.",
            why: "Its work is in the worktree; without a route that goes on there it is lost to the run.",
            mend: "add `on_context_limit:` with a step that goes on in the worktree",
            bad: &["steps:\n  make:\n    skill: implement-worktree\n    retries: 0\n    on_success: done\n"],
            good: &[
                "steps:\n  make:\n    skill: implement-worktree\n    retries: 0\n    on_success: done\n    on_context_limit: escalate\n",
            ],
            run: Some(context_limit),
        },
        Rule {
            id: "retry-worktree-cwd",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A skill that goes on in a worktree does not run in one.",
            why: "It would work in the repository itself.",
            mend: "write `cwd:` with the variable that holds the worktree's path",
            bad: &["steps:\n  again: {skill: retry-worktree, on_success: done}\n"],
            good: &[
                "steps:\n  make:\n    skill: implement-worktree\n    retries: 0\n    capture: {dir: \"${{ result.worktree_path }}\"}\n    on_context_limit: again\n    on_success: done\n  again:\n    skill: retry-worktree\n    with: {cwd: \"${{ context.dir }}\"}\n    on_success: done\n",
            ],
            run: Some(cwd),
        },
        Rule {
            id: "file-writing-skill-missing-context-limit",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A skill that always changes the code has no route for a session that runs out of context.",
            why: "Half of a change is left in the checkout, and the steps that follow a failure do not expect it.",
            mend: "add `on_context_limit:` with a step that looks at what is there",
            bad: &[
                "steps:\n  write:\n    skill: implement\n    retries: 0\n    on_success: done\n    on_failure: failed\n  failed: {action: stop, message: x}\n",
            ],
            good: &[
                "steps:\n  write:\n    skill: implement\n    retries: 0\n    on_success: done\n    on_failure: failed\n    on_context_limit: failed\n  failed: {action: stop, message: x}\n",
                "steps:\n  write:\n    skill: implement\n    retries: 0\n    on_success: test\n    on_failure: test\n  test: {tool: test_check, on_success: done}\n",
            ],
            run: Some(half_written),
        },
    ],
};

/// Skills that make a worktree, where the contract does not tell.
const MAKES: &[&str] = &["implement-worktree", "implement-worktree-no-merge", "implement-experiment"];

fn makes_worktree(subject: &Subject<'_>, step: &Step, skill: &str) -> bool {
    MAKES.contains(&skill) || subject.contract(step).is_some_and(|contract| contract.creates_worktree)
}

fn retries(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (_, step, skill) in subject.sessions() {
        if makes_worktree(subject, step, skill) && step.retries > 0 {
            let message = format!("`{skill}` makes a worktree with each of its {} tries more", step.retries);
            findings.add(step, subject.key_of(step, "retries"), message, "tried again by itself");
        }
    }
}

fn context_limit(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (_, step, skill) in subject.sessions() {
        if makes_worktree(subject, step, skill) && step.retries == 0 && step.on_context_limit.is_none() {
            let message = format!("`{}` has no route for a session that runs out of context", step.name);
            findings.add(step, subject.step_at(step), message, "its worktree would be left");
        }
    }
}

fn cwd(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (_, step, skill) in subject.sessions() {
        let continues = skill == "retry-worktree"
            || subject.contract(step).is_some_and(|contract| contract.continues_worktree);
        let in_worktree = match arg(step, "cwd") {
            Some(Arg::Template(template)) => {
                template.references().iter().any(|read| read.namespace == "context")
            }
            _ => false,
        };
        if continues && !in_worktree {
            let message = format!("`{skill}` goes on in a worktree, and `{}` does not run in one", step.name);
            findings.add(step, subject.arg_at(step, "cwd"), message, "not a worktree");
        }
    }
}

fn half_written(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (_, step, skill) in subject.sessions() {
        let Some(contract) = subject.contract(step) else { continue };
        let writes = contract.writes == Writes::Always && contract.edits == Edits::Checkout;
        if !writes || makes_worktree(subject, step, skill) || step.on_context_limit.is_some() {
            continue;
        }
        // Where failures lead to a look at the code, the change is seen.
        let looks = step.on_failure.as_ref().and_then(|failure| subject.nodes.target_of(step, failure));
        if looks.is_some_and(|next| tool(&subject.nodes[next]).is_some()) || step.skip_when_false.is_some() {
            continue;
        }
        let message = format!("`{}` has no route for a session that runs out of context", step.name);
        findings.add(step, subject.step_at(step), message, "half a change would be left");
    }
}

//! What recipes ask for, and what skills are given.

use super::super::call;
use super::{Family, Findings, Level, Rule, Subject};
use crate::recipe::marks::Path;

pub(super) static FAMILY: Family = Family {
    name: "inputs",
    rules: &[
        Rule {
            id: "missing-ingredient",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A skill is called without an input that it cannot work without.",
            why: "The session starts, finds out that something is missing, and asks nobody: it guesses or gives up.",
            mend: "add the argument to `args:`",
            bad: &[
                "steps:\n  merge:\n    skill: resolve-merge-conflicts\n    args: [\"${{ inputs.task }}\"]\n    on_success: done\ningredients:\n  task: {}\n",
            ],
            good: &[
                "steps:\n  merge:\n    skill: resolve-merge-conflicts\n    args: [\"${{ inputs.task }}\", plan.md, main]\n    on_success: done\ningredients:\n  task: {}\n",
                "steps:\n  merge:\n    tool: run_skill\n    with: {skill_command: '/resolve-merge-conflicts base_branch=main worktree_path=x plan_path=y'}\n    on_success: done\n",
            ],
            run: Some(missing),
        },
        Rule {
            id: "missing-recommended-input",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A skill is called without an input that it works clearly better with.",
            why: "It does without, and the result is worse than it need be.",
            mend: "add the argument, or `allow:` this with the reason",
            bad: &[
                "steps:\n  review:\n    skill: review-pr\n    args: [\"7\"]\n    on_result:\n      - {when: result.verdict == 'approved', route: done}\n      - {when: result.verdict == 'changes_requested', route: escalate}\n      - {route: escalate}\n    on_failure: escalate\n",
            ],
            good: &[
                "steps:\n  review:\n    skill: review-pr\n    args: [\"7\", diff.txt]\n    on_result:\n      - {when: result.verdict == 'approved', route: done}\n      - {when: result.verdict == 'changes_requested', route: escalate}\n      - {route: escalate}\n    on_failure: escalate\n",
            ],
            run: Some(recommended),
        },
        Rule {
            id: "unreachable-step",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "No route leads to a step.",
            why: "It never runs, and who reads the recipe thinks that it does.",
            mend: "route to it, or remove it",
            bad: &["steps:\n  a: {action: stop, message: x}\n  b: {action: stop, message: y}\n"],
            good: &[
                "steps:\n  a: {action: confirm, message: x, on_success: done, on_failure: b}\n  b: {action: stop, message: y}\n",
            ],
            run: Some(unreachable),
        },
        Rule {
            id: "pipeline-internal-not-hidden",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "An ingredient that another recipe or a program sets is shown to people.",
            why: "They are asked for a value that they cannot know.",
            mend: "add `hidden: true`",
            bad: &[
                "ingredients:\n  claimed: {description: Set by the upstream orchestrator, default: \"\"}\nsteps:\n  a: {action: stop, message: \"${{ inputs.claimed }}\"}\n",
            ],
            good: &[
                "ingredients:\n  claimed: {description: Set by the upstream orchestrator, default: \"\", hidden: true}\nsteps:\n  a: {action: stop, message: \"${{ inputs.claimed }}\"}\n",
            ],
            run: Some(internal),
        },
        Rule {
            id: "required-ingredient-no-default",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A required ingredient that people are not told about, or not told what it is.",
            why: "`cook` asks for what is missing, by the description: without one, or when it is hidden, nobody can answer.",
            mend: "describe it, show it, or give it a default",
            bad: &[
                "ingredients:\n  task: {required: true}\nsteps:\n  a: {action: stop, message: \"${{ inputs.task }}\"}\n",
            ],
            good: &[
                "ingredients:\n  task: {required: true, description: What is to be done}\nsteps:\n  a: {action: stop, message: \"${{ inputs.task }}\"}\n",
            ],
            run: Some(unasked),
        },
    ],
};

fn missing(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    lacking(subject, findings, true);
}

fn recommended(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    lacking(subject, findings, false);
}

/// Inputs that a call does not give, required or recommended ones.
fn lacking(subject: &Subject<'_>, findings: &mut Findings<'_>, required: bool) {
    for (_, step, skill) in subject.sessions() {
        let Some(inputs) = subject.contract(step).and_then(|contract| contract.inputs.as_ref()) else {
            continue;
        };
        let names: Vec<&str> = inputs.keys().map(String::as_str).collect();
        let Some(given) = call::given(step, &names) else { continue };
        let lacking = inputs.iter().enumerate().filter(|(index, (_, input))| {
            let wanted = if required { input.required } else { input.recommended && !input.required };
            wanted && !given.contains(index)
        });
        for (index, (name, input)) in lacking {
            let message = format!("the skill `{skill}` is not given `{name}`");
            let meant = match input.description.is_empty() {
                true => String::new(),
                false => format!(" ({})", input.description),
            };
            let help = format!(
                "it is argument {} of `{skill}`{meant}; its arguments are {}",
                index + 1,
                names.join(", ")
            );
            let at = subject.step_at(step);
            findings.add(step, at, message, "called here").help(help);
        }
    }
}

fn unreachable(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let Some(graph) = &subject.graph else { return };
    let reachable = graph.reachable();
    for (index, step) in subject.nodes.values().enumerate() {
        // In a loop that never runs, the loop is told.
        if !reachable[index] && subject.nodes.loops(index).all(|outer| reachable[outer]) {
            let message = match step.name.strip_suffix(".@done") {
                Some(call) => format!("no way through the sub-recipe of `{call}` leads to its `done`"),
                None => format!("no route leads to the step `{}`", step.name),
            };
            findings.add(step, subject.step_at(step), message, "never runs");
        }
    }
}

/// Beginnings of descriptions that speak of a program instead of a person.
const SET_BY: &[&str] = &["set to ", "set by ", "set when ", "used by ", "passed by "];
/// What such descriptions mention.
const OTHERS: &[&str] = &["upstream orchestrat", "already claimed", "batch orchestrat"];

fn internal(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (name, ingredient) in subject.recipe.ingredients.iter().filter(|(_, ingredient)| !ingredient.hidden) {
        let text = ingredient.description.to_lowercase();
        if SET_BY.iter().any(|start| text.starts_with(start)) || OTHERS.iter().any(|word| text.contains(word))
        {
            let at = subject.marks().at(&Path::root().key("ingredients").key(name).key("description"));
            let message = format!("`{name}` is set by a program, and people are asked for it");
            findings.whole(at, message, "not for people");
        }
    }
}

fn unasked(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (name, ingredient) in &subject.recipe.ingredients {
        if !ingredient.required || ingredient.default.is_some() {
            continue;
        }
        let message = match (ingredient.hidden, ingredient.description.is_empty()) {
            (true, _) => format!("`{name}` is required and hidden, so that nobody is asked for it"),
            (_, true) => format!("`{name}` is required, and nothing says what it is"),
            _ => continue,
        };
        let at = subject.marks().key(&Path::root().key("ingredients").key(name));
        findings.whole(at, message, "this ingredient");
    }
}

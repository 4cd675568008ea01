//! Skills that steps run.

use super::super::Shadowed;
use super::super::facts::reads_result;
use super::{Family, Findings, Level, Rule, Subject};
use crate::recipe::suggest;

pub(super) static FAMILY: Family = Family {
    name: "skills",
    rules: &[
        Rule {
            id: "unknown-skill-command",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A step runs a skill that is not there: not in the project, not the user's, not ours.",
            why: "The session would take the name for a text and do something.",
            mend: "correct the name, or add the skill",
            bad: &["steps:\n  a: {skill: repair-test, on_success: done}\n"],
            good: &[
                "steps:\n  a: {skill: repair-tests, on_success: done}\n",
                "steps:\n  a:\n    tool: run_skill\n    with: {skill_command: /autoskillit:repair-tests}\n    on_success: done\n",
            ],
            run: Some(unknown),
        },
        Rule {
            id: "faulty-skill",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A step runs a skill whose file cannot be used.",
            why: "What it takes and gives is not known, and a session would not start.",
            mend: "mend the skill's `SKILL.md`",
            bad: &["steps:\n  a: {skill: faulty, on_success: done}\n"],
            good: &["steps:\n  a: {skill: repair-tests, on_success: done}\n"],
            run: Some(faulty),
        },
        Rule {
            id: "subset-disabled-skill",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A step runs a skill of a group that `subsets.disabled` of the settings switches off.",
            why: "Whoever switched it off does not want it used.",
            mend: "take the group out of `subsets.disabled`, or do without the step",
            bad: &["steps:\n  a: {skill: draft, on_success: done}\n"],
            good: &["steps:\n  a: {skill: repair-tests, on_success: done}\n"],
            run: Some(disabled),
        },
        Rule {
            id: "project-local-skill-override",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A skill of the project or the user stands in the place of ours, and does not give or take what the recipe counts on.",
            why: "The recipe was written for ours: a value that it reads stays empty, or an argument is taken for another one.",
            mend: "declare the same inputs and outputs in the skill's `SKILL.md`, or give it a name of its own",
            bad: &[
                "steps:\n  a:\n    skill: replaced\n    on_result:\n      - {when: result.verdict == 'yes', route: done}\n      - {route: escalate}\n    on_failure: escalate\n",
            ],
            good: &[
                "steps:\n  a: {skill: replaced, on_success: done}\n",
                "steps:\n  a: {skill: repair-tests, on_success: done}\n",
            ],
            run: Some(replaced),
        },
    ],
};

fn disabled(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (_, step, skill) in subject.sessions() {
        let Some(contract) = subject.contract(step) else { continue };
        if let Some(group) = contract.categories.iter().find(|group| subject.policy.disabled.contains(group))
        {
            let message = format!("the skill `{skill}` belongs to `{group}`, which is switched off");
            findings.add(step, subject.step_at(step), message, "switched off");
        }
    }
}

fn unknown(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for step in subject.nodes.values() {
        let Some(skill) = subject.skill_of(step) else { continue };
        if subject.skills.exists(skill.name) || subject.skills.fault(skill.name).is_some() {
            continue;
        }
        let names = subject.skills.names();
        let help = suggest::help(skill.name, "skills", names.iter().map(String::as_str));
        let message = format!("there is no skill `{}`", skill.name);
        let at = subject.at(&subject.arg_place(step, skill.param));
        let found = findings.add(step, at, message, "unknown skill");
        if let Some(help) = help {
            let _ = found.help(help);
        }
    }
}

fn faulty(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for step in subject.nodes.values() {
        let Some(skill) = subject.skill_of(step) else { continue };
        let Some(fault) = subject.skills.fault(skill.name) else { continue };
        let at = subject.at(&subject.arg_place(step, skill.param));
        let message = format!("the skill `{}` cannot be used: {fault}", skill.name);
        findings.add(step, at, message, "faulty skill");
    }
}

fn replaced(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (_, step, skill) in subject.sessions() {
        let Some(Shadowed { ours, by }) = subject.skills.shadowed(skill) else { continue };
        let Some(theirs) = subject.contract(step) else { continue };
        let lost =
            ours.outputs.keys().find(|name| reads_result(step, name) && !theirs.outputs.contains_key(*name));
        let (own, other) = (ours.inputs.as_ref(), theirs.inputs.as_ref());
        let moved = own.zip(other).and_then(|(own, other)| {
            let alike = |(index, name): &(usize, &String)| {
                other.get_index(*index).is_some_and(|(other, _)| other == *name)
            };
            own.keys().enumerate().find(|entry| !alike(entry)).map(|(_, name)| name)
        });
        let what = match (lost, moved) {
            (Some(output), _) => format!("it does not give `{output}`, which this step reads"),
            (None, Some(input)) => format!("it does not take `{input}` in the same place"),
            (None, None) => continue,
        };
        let message = format!("`{skill}` is that of {by} instead of ours: {what}");
        findings.add(step, subject.step_at(step), message, "another skill than the bundled one");
    }
}

//! Skills that steps run.

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

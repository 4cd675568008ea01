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
    ],
};

fn unknown(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for step in subject.recipe.steps.values() {
        let Some(skill) = subject.skill_of(step) else { continue };
        if subject.skills.exists(skill.name) || subject.skills.fault(skill.name).is_some() {
            continue;
        }
        let names = subject.skills.names();
        let help = suggest::help(skill.name, "skills", names.iter().map(String::as_str));
        let message = format!("there is no skill `{}`", skill.name);
        let at = subject.marks.at(&subject.arg_path(&step.name, skill.param));
        let found = findings.add(&step.name, at, message, "unknown skill");
        if let Some(help) = help {
            let _ = found.help(help);
        }
    }
}

fn faulty(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for step in subject.recipe.steps.values() {
        let Some(skill) = subject.skill_of(step) else { continue };
        let Some(fault) = subject.skills.fault(skill.name) else { continue };
        let at = subject.marks.at(&subject.arg_path(&step.name, skill.param));
        let message = format!("the skill `{}` cannot be used: {fault}", skill.name);
        findings.add(&step.name, at, message, "faulty skill");
    }
}

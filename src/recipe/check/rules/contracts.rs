//! What contracts of AutoSkillit 0.9 say with regular expressions.

use std::collections::HashSet;

use regex::Regex;

use super::{Family, Findings, Level, Rule, Subject};
use crate::core::kind::ValueKind;
use crate::recipe::model::Step;
use crate::skills::Contract;

pub(super) static FAMILY: Family = Family {
    name: "contracts",
    rules: &[
        Rule {
            id: "missing-output-patterns",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A contract has sample messages or conditions on them, gives files, and says no pattern that finds these.",
            why: "Nothing holds a session's message to the contract.",
            mend: "declare the outputs only: their patterns follow from them; or add the pattern",
            bad: &["steps:\n  a: {skill: no-pattern, on_success: done}\n"],
            good: &[
                "steps:\n  a: {skill: with-patterns, on_success: done}\n",
                "steps:\n  a: {skill: make-plan, on_success: done}\n",
            ],
            run: Some(no_patterns),
        },
        Rule {
            id: "pattern-examples-match",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A pattern of a contract is no regular expression, or matches none of the sample messages.",
            why: "No session can give what it asks for: `NO_GO` was once expected where skills write `NO GO`.",
            mend: "mend the pattern, or the samples, in the skill's `SKILL.md`",
            bad: &["steps:\n  a: {skill: wrong-pattern, on_success: done}\n"],
            good: &["steps:\n  a: {skill: with-patterns, on_success: done}\n"],
            run: Some(mismatch),
        },
        Rule {
            id: "missing-pattern-examples",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A contract has patterns and no sample message.",
            why: "Nothing shows that the patterns match what the skill writes.",
            mend: "add `pattern_examples`, or declare the outputs only",
            bad: &["steps:\n  a: {skill: no-example, on_success: done}\n"],
            good: &["steps:\n  a: {skill: with-patterns, on_success: done}\n"],
            run: Some(no_examples),
        },
    ],
};

/// The skills of a recipe with their contracts, each at the first step that runs it.
pub(super) fn first_uses<'s>(
    subject: &'s Subject<'_>,
) -> impl Iterator<Item = (&'s Step, &'s str, &'s Contract)> {
    let mut seen = HashSet::new();
    subject.sessions().filter_map(move |(_, step, skill)| {
        let contract = subject.contract(step)?;
        seen.insert(skill).then_some((step, skill, contract))
    })
}

fn no_patterns(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (step, skill, contract) in first_uses(subject) {
        let files = contract.outputs.values().any(|output| output.kind == ValueKind::Path);
        if files && contract.patterns.expected.is_empty() && !contract.patterns.is_empty() {
            let message = format!("`{skill}` gives files, and no pattern of its contract finds them");
            findings.add(step, subject.step_at(step), message, "run here");
        }
    }
}

fn mismatch(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (step, skill, contract) in first_uses(subject) {
        let patterns = &contract.patterns;
        for pattern in patterns.expected.iter().chain(&patterns.writes_when) {
            let message = match Regex::new(pattern) {
                Err(_) => format!("`{pattern}` of `{skill}` is no regular expression"),
                Ok(regex) => {
                    let asked = patterns.expected.contains(pattern) && !patterns.examples.is_empty();
                    if !asked || patterns.examples.iter().any(|example| regex.is_match(example)) {
                        continue;
                    }
                    format!("`{pattern}` of `{skill}` matches none of its samples")
                }
            };
            findings.add(step, subject.step_at(step), message, "run here");
        }
    }
}

fn no_examples(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (step, skill, contract) in first_uses(subject) {
        if !contract.patterns.expected.is_empty() && contract.patterns.examples.is_empty() {
            let message = format!("`{skill}` has patterns and no sample that they match");
            findings.add(step, subject.step_at(step), message, "run here");
        }
    }
}

//! The texts of the skills that a recipe runs.

use std::collections::HashSet;

use super::super::shellwords::commands;
use super::contracts::first_uses;
use super::{Family, Findings, Level, Rule, Subject};
use crate::skills::Writes;

pub(super) static FAMILY: Family = Family {
    name: "skill_content",
    rules: &[
        Rule {
            id: "undefined-bash-placeholder",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A command in a skill's text has a place such as `{branch}` that nothing explains.",
            why: "The session runs the command with a value that it made up.",
            mend: "name the place in the skill's section on arguments, or as an input of its contract",
            bad: &["steps:\n  a: {skill: unexplained, on_success: done}\n"],
            good: &["steps:\n  a: {skill: explained, on_success: done}\n"],
            run: Some(placeholders),
        },
        Rule {
            id: "hardcoded-origin-remote",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A recipe that works in a clone runs a skill whose commands name the remote `origin`.",
            why: "In a clone `origin` is the folder that it was made from, which may be behind.",
            mend: "let the skill take the remote as an argument",
            bad: &[
                "steps:\n  clone:\n    tool: clone_repo\n    with: {source_dir: ., run_name: x}\n    on_success: a\n  a: {skill: unexplained-origin, on_success: done}\n",
            ],
            good: &["steps:\n  a: {skill: unexplained-origin, on_success: done}\n"],
            run: Some(origin),
        },
        Rule {
            id: "no-autoskillit-import-in-skill-python-block",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A command in a skill's text imports `autoskillit` in Python.",
            why: "There is no such module: autoskillit is a program.",
            mend: "call the program, or do without",
            bad: &["steps:\n  a: {skill: importing, on_success: done}\n"],
            good: &["steps:\n  a: {skill: explained, on_success: done}\n"],
            run: Some(import),
        },
        Rule {
            id: "output-section-no-markdown-directive",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A skill whose outputs are found by patterns does not say that they are written without Markdown.",
            why: "A name in bold (`**plan_path** = x`) matches no pattern.",
            mend: "write \"no Markdown formatting\" into the section `## Output`, or declare the outputs only",
            bad: &["steps:\n  a: {skill: bold, on_success: done}\n"],
            good: &["steps:\n  a: {skill: with-patterns, on_success: done}\n"],
            run: Some(markdown),
        },
        Rule {
            id: "always-has-no-write-exit",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A skill that says it always changes files has a way out in its text that changes none.",
            why: "A session that rightly had nothing to do counts as one that did not do its work.",
            mend: "write `writes: conditional` into the skill's `SKILL.md`",
            bad: &[
                "steps:\n  a: {skill: idle, on_success: b, on_failure: b, on_context_limit: b}\n  b: {tool: test_check, on_success: done}\n",
            ],
            good: &["steps:\n  a: {skill: explained, on_success: done}\n"],
            run: Some(no_write),
        },
    ],
};

/// The fenced blocks of a text in one of `languages`, each as its lines.
fn blocks<'t>(text: &'t str, languages: &[&str]) -> Vec<Vec<&'t str>> {
    let mut found = Vec::new();
    let mut open: Option<(bool, Vec<&str>)> = None;
    for line in text.lines() {
        let fence = line.trim_start().strip_prefix("```");
        match (&mut open, fence) {
            (None, Some(language)) => open = Some((languages.contains(&language.trim()), Vec::new())),
            (Some(_), Some(_)) => {
                if let Some((true, lines)) = open.take() {
                    found.push(lines);
                }
            }
            (Some((_, lines)), None) => lines.push(line),
            (None, None) => {}
        }
    }
    found
}

const SHELLS: &[&str] = &["bash", "sh", "shell"];

fn placeholders(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (step, skill, contract) in first_uses(subject) {
        let Some(text) = subject.skills.text(skill) else { continue };
        let inputs = contract.inputs.iter().flat_map(|inputs| inputs.keys());
        let mut known: HashSet<String> = inputs.chain(contract.outputs.keys()).cloned().collect();
        known.extend(explained(&text));
        let mut open: Vec<String> = Vec::new();
        for line in blocks(&text, SHELLS).into_iter().flatten() {
            if let Some((name, _)) = line.trim_start().split_once('=') {
                known.insert(name.to_owned());
                known.insert(name.to_lowercase());
            }
            for name in places(line) {
                let shown = name.chars().any(|next| next.is_ascii_lowercase());
                if shown && !known.contains(name) && !open.iter().any(|other| other == name) {
                    open.push(name.to_owned());
                }
            }
        }
        for name in open {
            let message =
                format!("commands of `{skill}` have a place `{{{name}}}` that its text does not explain");
            findings.add(step, subject.step_at(step), message, "run here");
        }
    }
}

/// The names in `{name}` of a line, without those of variables and of what stands in single quotes.
fn places(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut quoted = false;
    for (at, next) in line.char_indices() {
        match next {
            '\'' => quoted = !quoted,
            '{' if !quoted && !line[..at].ends_with(['$', '@', '{']) => {
                let Some(end) = line[at..].find('}') else { continue };
                let name = &line[at + 1..at + end];
                let first = name.chars().next();
                let plain = name.chars().all(|one| one.is_ascii_alphanumeric() || matches!(one, '_' | '-'));
                if plain && first.is_some_and(|first| first.is_ascii_alphabetic() || first == '_') {
                    found.push(name);
                }
            }
            _ => {}
        }
    }
    found
}

/// The names that sections on arguments mention, as `` `name` `` or `{name}`.
fn explained(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            inside = ["Arguments", "Ingredients", "Parameters", "Invocation"]
                .iter()
                .any(|one| title.starts_with(one));
        } else if inside {
            names.extend(places(line).into_iter().map(str::to_owned));
            names.extend(
                line.split('`').skip(1).step_by(2).map(|name| name.trim_matches(['{', '}']).to_owned()),
            );
        }
    }
    names
}

fn origin(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    if subject.calls("clone_repo").next().is_none() {
        return;
    }
    for (step, skill, _) in first_uses(subject) {
        let Some(text) = subject.skills.text(skill) else { continue };
        let named =
            blocks(&text, SHELLS).iter().flat_map(|lines| commands(&lines.join("\n"))).any(|command| {
                command.git().is_some_and(|(name, rest)| {
                    let asks = [
                        "fetch",
                        "rebase",
                        "log",
                        "show",
                        "rev-parse",
                        "push",
                        "merge-base",
                        "diff",
                        "ls-remote",
                    ];
                    asks.contains(&name)
                        && rest.iter().any(|word| word == "origin" || word.starts_with("origin/"))
                })
            });
        if named {
            let message =
                format!("commands of `{skill}` name the remote `origin`, which is another one in a clone");
            findings.add(step, subject.step_at(step), message, "run here");
        }
    }
}

fn import(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (step, skill, _) in first_uses(subject) {
        let Some(text) = subject.skills.text(skill) else { continue };
        let languages = ["bash", "sh", "shell", "python"];
        let imports = |line: &&str| {
            let mut words =
                line.split(|next: char| next.is_whitespace() || matches!(next, '.' | ',' | '"' | '\'' | ';'));
            let mut words = words.by_ref().filter(|word| !word.is_empty());
            while let Some(word) = words.next() {
                if matches!(word, "from" | "import") && words.next() == Some("autoskillit") {
                    return true;
                }
            }
            false
        };
        if blocks(&text, &languages).into_iter().flatten().any(|line| imports(&line)) {
            let message = format!("a command of `{skill}` imports `autoskillit`");
            findings.add(step, subject.step_at(step), message, "run here");
        }
    }
}

fn markdown(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (step, skill, _) in
        first_uses(subject).filter(|(_, _, contract)| !contract.patterns.expected.is_empty())
    {
        let Some(text) = subject.skills.text(skill) else { continue };
        let mut section = String::new();
        let mut inside = false;
        let mut there = false;
        for line in text.lines() {
            if line.starts_with("## ") {
                inside = line.starts_with("## Output");
                there |= inside;
            } else if inside {
                section.push_str(&line.to_lowercase());
                section.push(' ');
            }
        }
        let words: Vec<&str> = section.split_whitespace().collect();
        let section = words.join(" ");
        let said = ["no markdown format", "literal plain text"].iter().any(|words| section.contains(words))
            || (section.contains("plain text") && section.contains("token"));
        if there && !said {
            let message = format!("`{skill}` does not say that its outputs are written without Markdown");
            findings.add(step, subject.step_at(step), message, "run here");
        }
    }
}

/// What texts say where a skill may end without a change.
const IDLE: &[&str] = &[
    "nothing to do",
    "no changes needed",
    "no changes are needed",
    "already green",
    "already complete",
    "graceful degradation",
];

fn no_write(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (step, skill, contract) in
        first_uses(subject).filter(|(_, _, contract)| contract.writes == Writes::Always)
    {
        if contract.allow.contains_key("always-has-no-write-exit") {
            continue;
        }
        let Some(text) = subject.skills.text(skill) else { continue };
        let mut fenced = false;
        for line in text.lines() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            }
            let line = line.to_lowercase();
            if fenced || line.starts_with('#') {
                continue;
            }
            let said = IDLE.iter().find(|phrase| {
                // What is forbidden is no way out.
                line.find(**phrase).is_some_and(|at| {
                    !["never", "do not", "don't", "must not"].iter().any(|word| line[..at].contains(word))
                })
            });
            if let Some(phrase) = said {
                let message =
                    format!("`{skill}` says that it always changes files, and its text says \"{phrase}\"");
                findings.add(step, subject.step_at(step), message, "run here");
                break;
            }
        }
    }
}

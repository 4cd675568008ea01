//! What commands are used for.

use super::super::facts::{arg, captured, shell, tool};
use super::super::shellwords::Command;
use super::{Family, Findings, Level, Rule, Subject};
use crate::recipe::model::{Arg, OutputsFrom};

pub(super) static FAMILY: Family = Family {
    name: "cmd",
    rules: &[
        Rule {
            id: "run-cmd-find-rediscovery",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A command looks for the newest file instead of being told which one is meant.",
            why: "It finds another one as soon as two runs work side by side.",
            mend: "capture the path in the step that makes the file",
            bad: &[
                "steps:\n  a:\n    tool: run_cmd\n    with: {cmd: find . -name '*.md' | sort -r | head -1}\n    on_success: done\n",
                "steps:\n  a:\n    tool: run_cmd\n    with: {cmd: ls -t reports | head -n 1}\n    on_success: done\n",
            ],
            good: &[
                "steps:\n  a:\n    tool: run_cmd\n    with: {cmd: find . -name '*.md' | wc -l; sort x | head -1}\n    on_success: done\n",
            ],
            run: Some(rediscovery),
        },
        Rule {
            id: "run-cmd-emit-alignment",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A field is read from the output of a command that does not print it.",
            why: "The variable is empty, and nothing says so.",
            mend: "let the command print `name=value`, or read `result.stdout`",
            bad: &[
                "steps:\n  a:\n    tool: run_cmd\n    with: {cmd: 'echo \"base=main\"'}\n    outputs_from: kv\n    capture: {x: \"${{ result.branch }}\"}\n    on_success: b\n  b: {action: stop, message: \"${{ context.x }}\"}\n",
            ],
            good: &[
                "steps:\n  a:\n    tool: run_cmd\n    with: {cmd: 'echo \"branch=main\"'}\n    outputs_from: kv\n    capture: {x: \"${{ result.branch }}\"}\n    on_success: b\n  b: {action: stop, message: \"${{ context.x }}\"}\n",
                "steps:\n  a:\n    tool: run_cmd\n    with: {cmd: 'line=\"branch=$(git branch)\"; echo \"$line\"'}\n    outputs_from: kv\n    capture: {x: \"${{ result.branch }}\"}\n    on_success: b\n  b: {action: stop, message: \"${{ context.x }}\"}\n",
                "steps:\n  a:\n    tool: run_cmd\n    with: {cmd: scripts/branch.sh}\n    outputs_from: kv\n    capture: {x: \"${{ result.branch }}\"}\n    on_success: b\n  b: {action: stop, message: \"${{ context.x }}\"}\n",
            ],
            run: Some(emitted),
        },
    ],
};

fn rediscovery(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (_, step) in subject.steps() {
        let commands = shell(step);
        // Commands of one pipe, each as its program.
        let mut pipes: Vec<Vec<&[String]>> = Vec::new();
        for command in &commands {
            match (command.piped, pipes.last_mut()) {
                (true, Some(pipe)) => pipe.push(&command.words),
                _ => pipes.push(vec![&command.words]),
            }
        }
        let newest = pipes.iter().any(|pipe| {
            let ends =
                |from: usize| pipe[from..].iter().any(|words| matches!(words[0].as_str(), "head" | "tail"));
            let sort = pipe.iter().position(|words| words[0] == "sort");
            let found = pipe[0][0] == "find" && sort.is_some_and(ends);
            let by_time = |option: &String| {
                option.starts_with('-') && !option.starts_with("--") && option.contains('t')
            };
            let listed = pipe[0][0] == "ls" && pipe[0].iter().any(by_time) && ends(0);
            found || listed
        });
        if newest {
            let at = subject.arg_at(step, "cmd");
            let message = format!("`{}` looks for the newest file", step.name);
            findings.add(step, at, message, "finds whatever is newest");
        }
    }
}

/// Programs of which it is known that they print no `name=value` unless it is written down.
const PLAIN: &[&str] = &[
    "[", "cd", "cp", "date", "echo", "else", "exit", "false", "fi", "git", "mkdir", "mv", "printf", "pwd",
    "rm", "sleep", "test", "touch", "true", "wc",
];

/// Whether all that a command prints can be read from its text.
fn is_plain(command: &Command) -> bool {
    let Some((program, arguments)) = command.words.split_first() else { return true };
    // What a variable holds may be such a line itself.
    let open = |word: &str| word.split('=').next().is_some_and(|name| name.contains(['$', '%', '`']));
    match program.as_str() {
        "echo" | "printf" => !arguments.iter().flat_map(|text| text.split_whitespace()).any(open),
        "git" => command.git().is_none_or(|(name, _)| name != "config"),
        program => PLAIN.contains(&program) || program.contains('='),
    }
}

fn emitted(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (_, step) in
        subject.calls("run_cmd").filter(|(_, step)| step.outputs_from == Some(OutputsFrom::Pairs))
    {
        let text = match arg(step, "cmd") {
            Some(Arg::Literal(value)) => value.as_str().unwrap_or_default(),
            Some(Arg::Template(template)) => template.source(),
            _ => continue,
        };
        if !shell(step).iter().all(is_plain) {
            continue;
        }
        for name in step.captures.keys() {
            let Some(field) = captured(step, name) else { continue };
            let is_field = tool(step).is_some_and(|tool| tool.result(field).is_some());
            let prints = text.match_indices(field).any(|(at, _)| {
                let before = text[..at].chars().next_back();
                text[at + field.len()..].starts_with('=')
                    && !before.is_some_and(|before| before.is_ascii_alphanumeric() || before == '_')
            });
            if !is_field && !prints {
                let message = format!("the command prints no `{field}=`");
                findings.add(step, subject.capture_at(step, name), message, "stays empty");
            }
        }
    }
}

//! What commands are used for.

use super::super::facts::shell;
use super::{Family, Findings, Level, Rule, Subject};

pub(super) static FAMILY: Family = Family {
    name: "cmd",
    rules: &[Rule {
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
    }],
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

//! Clones, remotes and how skills are named.

use super::super::facts::{arg, captured, literal, reads_result};
use super::{Family, Findings, Level, Rule, Subject};
use crate::recipe::model::Arg;

pub(super) static FAMILY: Family = Family {
    name: "clone",
    rules: &[
        Rule {
            id: "multipart-plan-parts-not-captured",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A skill that may write a plan in several parts is called without taking the parts.",
            why: "Only the first part is worked on; the others are lost.",
            mend: "capture `plan_parts`, and work on each part",
            bad: &[
                "steps:\n  plan:\n    skill: rectify\n    capture: {path: \"${{ result.plan_path }}\"}\n    on_success: told\n  told: {action: stop, message: \"${{ context.path }}\"}\n",
            ],
            good: &[
                "steps:\n  plan:\n    skill: rectify\n    capture_list: {parts: \"${{ result.plan_parts }}\"}\n    on_success: told\n  told: {action: stop, message: \"${{ context.parts }}\"}\n",
            ],
            run: Some(parts),
        },
        Rule {
            id: "skill-command-missing-prefix",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A `skill_command` is a text instead of a skill's command.",
            why: "A session that follows a text has no contract: nothing says what it gives, and nothing holds it to it.",
            mend: "name the skill, `skill: name` with `args:`",
            bad: &[
                "steps:\n  a:\n    tool: run_skill\n    with: {skill_command: Please mend the tests}\n    on_success: done\n",
            ],
            good: &[
                "steps:\n  a:\n    tool: run_skill\n    with: {skill_command: /repair-tests}\n    on_success: done\n",
            ],
            run: Some(prefix),
        },
        Rule {
            id: "push-missing-explicit-remote-url",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A recipe that works in a clone pushes without saying where to.",
            why: "The clone's own remote may be the folder it was made from.",
            mend: "write `remote_url: ${{ context.… }}` with what `clone_repo` said",
            bad: &[
                "steps:\n  clone:\n    tool: clone_repo\n    with: {source_dir: ., run_name: x}\n    capture: {dir: \"${{ result.clone_path }}\"}\n    on_success: push\n  push:\n    tool: push_to_remote\n    with: {clone_path: \"${{ context.dir }}\", branch: work}\n    on_success: done\n",
            ],
            good: &[
                "steps:\n  clone:\n    tool: clone_repo\n    with: {source_dir: ., run_name: x}\n    capture: {dir: \"${{ result.clone_path }}\", url: \"${{ result.remote_url }}\"}\n    on_success: push\n  push:\n    tool: push_to_remote\n    with: {clone_path: \"${{ context.dir }}\", branch: work, remote_url: \"${{ context.url }}\"}\n    on_success: done\n",
                "steps:\n  push:\n    tool: push_to_remote\n    with: {clone_path: ., branch: work}\n    on_success: done\n",
            ],
            run: Some(remote),
        },
        Rule {
            id: "clone-local-strategy-with-remote-url-capture",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A clone is made from the local folder, and its remote's URL is captured.",
            why: "A clone of the folder has no remote, so that the URL is empty and later pushes go nowhere.",
            mend: "remove `strategy`, or do not use the URL",
            bad: &[
                "steps:\n  clone:\n    tool: clone_repo\n    with: {source_dir: ., run_name: x, strategy: clone_local}\n    capture: {url: \"${{ result.remote_url }}\"}\n    on_success: told\n  told: {action: stop, message: \"${{ context.url }}\"}\n",
            ],
            good: &[
                "steps:\n  clone:\n    tool: clone_repo\n    with: {source_dir: ., run_name: x, strategy: proceed}\n    capture: {url: \"${{ result.remote_url }}\"}\n    on_success: told\n  told: {action: stop, message: \"${{ context.url }}\"}\n",
            ],
            run: Some(local),
        },
    ],
};

fn parts(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (_, step, skill) in subject.sessions() {
        let gives = match subject.skills.outputs(skill) {
            Some(outputs) => outputs.iter().any(|output| output == "plan_parts"),
            None => matches!(skill, "make-plan" | "rectify"),
        };
        if gives && !reads_result(step, "plan_parts") {
            let message = format!("`{skill}` may write several parts, and only the first is taken");
            findings.add(step, subject.step_at(step), message, "`plan_parts` is not captured");
        }
    }
}

fn prefix(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (_, step) in subject.calls("run_skill") {
        let text = match arg(step, "skill_command") {
            Some(Arg::Literal(value)) => value.as_str().unwrap_or_default(),
            Some(Arg::Template(template)) => template.source(),
            _ => continue,
        };
        let text = text.trim_start();
        if !text.starts_with('/') && !text.starts_with("${{") {
            let at = subject.arg_at(step, "skill_command");
            findings.add(step, at, "this names no skill".to_owned(), "does not start with `/`");
        }
    }
}

fn remote(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let Some(graph) = &subject.graph else { return };
    let reachable = graph.reachable();
    for (push, step) in subject.calls("push_to_remote") {
        if arg(step, "remote_url").is_some() {
            continue;
        }
        let clone = subject
            .calls("clone_repo")
            .find(|(clone, _)| reachable[*clone] && graph.path(*clone, push, |_, _| true).is_some());
        let Some((_, clone)) = clone else { continue };
        let message = format!("`{}` does not say where the clone is pushed to", step.name);
        let found = findings.add(step, subject.step_at(step), message, "no `remote_url`");
        let _ = found.also(subject.step_at(clone), "cloned here");
    }
}

fn local(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (_, step) in subject.calls("clone_repo") {
        let url = step.captures.keys().any(|name| captured(step, name) == Some("remote_url"));
        let strategy = match arg(step, "strategy") {
            None => continue,
            Some(_) => literal(step, "strategy"),
        };
        if !url || matches!(strategy, Some("" | "proceed")) {
            continue;
        }
        let at = subject.arg_at(step, "strategy");
        let message = match strategy {
            Some("clone_local") => {
                "a clone of the folder has no remote whose URL could be captured".to_owned()
            }
            Some(other) => format!("`{other}` is no strategy whose clone surely has a remote"),
            None => "whether the clone has a remote is only known at run time".to_owned(),
        };
        let found = findings.add(step, at, message, "this strategy");
        if strategy != Some("clone_local") {
            let _ = found.warn();
        }
    }
}

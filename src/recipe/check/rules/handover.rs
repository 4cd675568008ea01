//! What one session leaves for the next: parts of a plan, files that are not named, what an orchestrator is told.

use super::super::call;
use super::super::facts::{captured, is, tool};
use super::{Family, Findings, Level, Rule, Subject};
use crate::core::kind::ValueKind;
use crate::recipe::graph::{Cause, Hop};
use crate::recipe::marks::Path;
use crate::recipe::model::{Arg, Dialect, Orchestrator, Step, StepKind};
use crate::recipe::suggest::quoted_list;
use crate::skills::{Edits, Writes};

pub(super) static FAMILY: Family = Family {
    name: "handover",
    rules: &[
        Rule {
            id: "multipart-iteration-notes",
            level: Level::Error,
            legacy: Level::Warning,
            meaning: "The parts of a plan are captured, and nothing goes through them one by one.",
            why: "The first part is worked on, and the run ends as if all were.",
            mend: "use `for_each:` on the variable, or a route back that takes the next part",
            bad: &[
                "steps:\n  plan:\n    skill: rectify\n    capture: {parts: \"${{ result.plan_parts }}\"}\n    on_success: fix\n  fix:\n    skill: repair-tests\n    args: [\"${{ context.parts[0] }}\"]\n    on_success: done\n",
            ],
            good: &[
                "steps:\n  plan:\n    skill: rectify\n    capture: {parts: \"${{ result.plan_parts }}\"}\n    on_success: each\n  each:\n    for_each: ${{ context.parts }}\n    as: part\n    steps:\n      fix: {skill: repair-tests, args: [\"${{ item.part }}\"], on_success: done}\n    on_success: done\n",
                "steps:\n  plan:\n    skill: rectify\n    capture: {parts: \"${{ result.plan_parts }}\"}\n    on_success: fix\n  fix:\n    skill: repair-tests\n    args: [\"${{ context.parts }}\"]\n    on_success: done\n",
            ],
            run: Some(parts),
        },
        Rule {
            id: "uncaptured-handoff-consumer",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A skill that writes files for others declares no output, and the next one is not told which file it gets.",
            why: "The session looks for the file by itself, and may take one of another run.",
            mend: "declare the file as an output of the first skill, and give it to the second",
            bad: &[
                "steps:\n  note: {skill: scribble, on_success: read}\n  read: {skill: study, on_success: done}\n",
            ],
            good: &[
                "steps:\n  note: {skill: scribble, on_success: read}\n  read: {skill: study, args: [notes.md], on_success: done}\n",
                "steps:\n  note: {skill: scribble, on_success: fix}\n  fix: {skill: repair-tests, on_success: done}\n",
            ],
            run: Some(unnamed),
        },
        Rule {
            id: "weak-constraint-text",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "House rules name tools that an orchestrating session must not use, and leave some out.",
            why: "A session takes such a list for complete, and does the work itself with what is not on it.",
            mend: "name all of them, or none: an orchestrator that `cook` starts has only our tools",
            bad: &[
                "orchestrator: claude\nkitchen_rules: [\"Never use Read, Edit or Bash.\"]\nsteps:\n  a: {tool: test_check, on_success: done}\n",
            ],
            good: &[
                "orchestrator: claude\nkitchen_rules: [Be brief.]\nsteps:\n  a: {tool: test_check, on_success: done}\n",
                "orchestrator: claude\nkitchen_rules: [\"No Read, Grep, Glob, Edit, Write, Bash, Agent, WebFetch, WebSearch, NotebookEdit.\"]\nsteps:\n  a: {tool: test_check, on_success: done}\n",
            ],
            run: Some(incomplete),
        },
    ],
};

/// Whether a step is given the whole of a variable.
fn takes_whole(step: &Step, name: &str) -> bool {
    fn whole(arg: &Arg, name: &str) -> bool {
        match arg {
            Arg::Template(template) => template.interpolations().any(|(expr, _)| {
                let source = expr.source().split('|').next().unwrap_or_default();
                source.trim().strip_prefix("context.") == Some(name)
            }),
            Arg::List(items) => items.iter().any(|item| whole(item, name)),
            Arg::Map(entries) => entries.values().any(|item| whole(item, name)),
            Arg::Choice { value, .. } => whole(value, name),
            Arg::Literal(_) => false,
        }
    }
    match &step.kind {
        StepKind::Tool { with, .. } => with.values().any(|arg| whole(arg, name)),
        StepKind::ForEach(each) => whole(&each.list, name),
        StepKind::Call(call) => call.inputs.values().any(|arg| whole(arg, name)),
        _ => false,
    }
}

fn parts(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let Some((graph, flow)) = subject.flow() else { return };
    for (node, step, skill) in subject.sessions() {
        let taken = step.captures.keys().find(|name| captured(step, name) == Some("plan_parts"));
        let Some(name) = taken.filter(|name| flow.is_live_after(node, name)) else { continue };
        // Who only tells people about them works on none.
        let works_on = |other: &Step| {
            tool(other).is_some()
                && subject.reads(other).iter().any(|read| {
                    read.reference.namespace == "context" && read.reference.name.as_deref() == Some(name)
                })
        };
        if subject.steps().any(|(_, other)| takes_whole(other, name))
            || !subject.steps().any(|(_, other)| works_on(other))
        {
            continue;
        }
        // A loop of routes in which something that the step captured is read.
        let reads = |other: &Step| {
            subject.reads(other).iter().any(|read| {
                read.reference.namespace == "context"
                    && read.reference.name.as_ref().is_some_and(|name| step.captures.contains_key(name))
            })
        };
        let loops = |other: usize| {
            graph.edges[other].iter().any(|edge| {
                edge.hop == Hop::Stays
                    && graph.path(edge.to, other, |_, edge| edge.hop == Hop::Stays).is_some()
            })
        };
        if subject.steps().any(|(other, next)| other != node && reads(next) && loops(other)) {
            continue;
        }
        let message = format!("`{skill}` may write several parts, and nothing goes through `context.{name}`");
        findings.add(step, subject.capture_at(step, name), message, "not gone through");
    }
}

fn unnamed(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let Some(graph) = &subject.graph else { return };
    for (node, step, skill) in subject.sessions() {
        let Some(contract) = subject.contract(step) else { continue };
        if !contract.outputs.is_empty() || contract.edits != Edits::Temp || contract.writes == Writes::Never {
            continue;
        }
        for edge in graph.edges[node].iter().filter(|edge| edge.cause == Cause::Completed) {
            let next = &subject.nodes[edge.to];
            let Some(inputs) = subject.contract(next).and_then(|contract| contract.inputs.as_ref()) else {
                continue;
            };
            let names: Vec<&str> = inputs.keys().map(String::as_str).collect();
            let Some(given) = call::given(next, &names) else { continue };
            let open = inputs.iter().enumerate().find(|(index, (_, input))| {
                input.kind == ValueKind::Path && !input.required && !given.contains(index)
            });
            let Some((_, (input, _))) = open else { continue };
            let made = |other: &Step| {
                subject.contract(other).is_some_and(|contract| contract.outputs.contains_key(input))
            };
            if subject.steps().any(|(_, other)| is(other, "run_skill") && made(other)) {
                continue;
            }
            let message = format!("`{}` is not told which file of `{skill}` is its `{input}`", next.name);
            let found = findings.add(next, subject.step_at(next), message, "finds a file by itself");
            let _ = found.also(subject.step_at(step), "written here");
            break;
        }
    }
}

/// The tools of a client that do work.
const WORKING: &[&str] =
    &["Read", "Grep", "Glob", "Edit", "Write", "Bash", "Agent", "WebFetch", "WebSearch", "NotebookEdit"];

fn incomplete(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let recipe = subject.recipe;
    // The engine needs no telling.
    if recipe.dialect != Dialect::Legacy && recipe.orchestrator != Some(Orchestrator::Claude) {
        return;
    }
    let words: Vec<&str> = recipe
        .kitchen_rules
        .iter()
        .flat_map(|rule| rule.split(|next: char| !next.is_ascii_alphanumeric()))
        .collect();
    let (named, open): (Vec<&str>, Vec<&str>) = WORKING.iter().partition(|tool| words.contains(*tool));
    // One name may as well be a word of the sentence.
    if named.len() < 2 || open.is_empty() {
        return;
    }
    let message = format!("the house rules name {} and not {}", quoted_list(&named), quoted_list(&open));
    let path = Path::root().key("kitchen_rules");
    let path = if subject.marks().has(&path) { path } else { Path::root().key("constraints") };
    findings.whole(subject.marks().key(&path), message, "not complete");
}

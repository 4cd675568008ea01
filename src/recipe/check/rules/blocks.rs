//! Blocks: groups of steps (`block:`) that are kept small, with one way in and one way out.

use indexmap::IndexMap;

use super::super::facts::{arg, tool};
use super::super::shellwords::commands;
use super::{Family, Findings, Level, Rule, Subject};
use crate::recipe::graph::Graph;
use crate::recipe::model::{Arg, Step};
use crate::recipe::suggest::quoted_list;

pub(super) static FAMILY: Family = Family {
    name: "blocks",
    rules: &[
        Rule {
            id: "block-run-cmd-budget",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A block has more `run_cmd` steps than it may: one, and none in `pre_queue_gate`.",
            why: "Commands that ask for the same facts one after the other drift apart; a tool that asks once does not.",
            mend: "use a tool that gives all of it, or one command",
            bad: &[
                "steps:\n  a: {tool: run_cmd, with: {argv: [ls]}, block: look, on_success: b}\n  b: {tool: run_cmd, with: {argv: [pwd]}, block: look, on_success: done}\n",
            ],
            good: &[
                "steps:\n  a: {tool: run_cmd, with: {argv: [ls]}, block: look, on_success: b}\n  b: {tool: run_cmd, with: {argv: [pwd]}, on_success: done}\n",
            ],
            run: Some(many_commands),
        },
        Rule {
            id: "block-mcp-tool-budget",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A block calls more tools other than `run_cmd` than it may; `pre_queue_gate` may call one.",
            why: "What stands before the merge queue asks once, so that all that follows goes by the same answer.",
            mend: "capture all that is needed from one call",
            bad: &[
                "steps:\n  a: {tool: test_check, block: pre_queue_gate, on_success: b}\n  b: {tool: test_check, block: pre_queue_gate, on_success: done}\n",
            ],
            good: &[
                "steps:\n  a: {tool: test_check, block: pre_queue_gate, on_success: b}\n  b: {action: stop, message: x, block: pre_queue_gate}\n",
                "steps:\n  a: {tool: test_check, block: other, on_success: b}\n  b: {tool: test_check, block: other, on_success: done}\n",
            ],
            run: Some(many_tools),
        },
        Rule {
            id: "block-gh-api-forbidden",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A command in `pre_queue_gate` calls `gh api`.",
            why: "The tools know how long an answer may take and what a missing one means; the command does not.",
            mend: "use `check_repo_merge_state`",
            bad: &[
                "allow: {block-run-cmd-budget: an example}\nsteps:\n  a: {tool: run_cmd, with: {argv: [gh, api, repos]}, block: pre_queue_gate, on_success: done}\n",
            ],
            good: &[
                "steps:\n  a: {tool: run_cmd, with: {argv: [gh, api, repos]}, block: other, on_success: done}\n",
            ],
            run: Some(gh_api),
        },
        Rule {
            id: "block-single-producer",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "Two steps of a block that can follow each other capture the same variable.",
            why: "What the block gives depends on the way through it.",
            mend: "capture it in one of them",
            bad: &[
                "steps:\n  a:\n    tool: test_check\n    block: look\n    capture: {x: \"${{ result.passed }}\"}\n    on_success: b\n    on_failure: c\n  b:\n    tool: test_check\n    block: look\n    capture: {x: \"${{ result.passed }}\"}\n    on_success: c\n  c: {action: stop, message: \"${{ context.x }}\", block: look}\n",
            ],
            good: &[
                "steps:\n  a: {tool: test_check, block: look, on_success: b, on_failure: c}\n  b:\n    tool: test_check\n    block: look\n    capture: {x: \"${{ result.passed }}\"}\n    on_success: d\n  c:\n    tool: test_check\n    block: look\n    capture: {x: \"${{ result.passed }}\"}\n    on_success: d\n  d: {action: stop, message: \"${{ context.x }}\", block: look}\n",
            ],
            run: Some(producers),
        },
        Rule {
            id: "block-entry-exit-reachable",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A block has no single step with which it begins, or none with which it ends.",
            why: "It cannot be read as one thing: parts of it run without the others.",
            mend: "route its steps into each other, or take the tag off those that do not belong to it",
            bad: &[
                "steps:\n  a: {tool: test_check, on_success: b, on_failure: c}\n  b: {tool: test_check, block: look, on_success: d}\n  c: {tool: test_check, block: look, on_success: d}\n  d: {action: stop, message: x, block: look}\n",
            ],
            good: &[
                "steps:\n  a: {tool: test_check, block: look, on_success: b}\n  b: {action: stop, message: x, block: look}\n",
            ],
            run: Some(ends),
        },
    ],
};

/// What a block may hold; `None` is not counted.
struct Budget {
    commands: Option<usize>,
    tools: Option<usize>,
    gh_api: bool,
}

fn budget(block: &str) -> Budget {
    match block {
        "pre_queue_gate" => Budget { commands: Some(0), tools: Some(1), gh_api: false },
        _ => Budget { commands: Some(1), tools: None, gh_api: true },
    }
}

/// A block: its name and its steps in their order.
type Block<'s> = (&'s str, Vec<(usize, &'s Step)>);

/// The blocks of each scope; steps of a loop's body are not of a block around it.
fn blocks<'s>(subject: &'s Subject<'_>) -> Vec<Block<'s>> {
    let mut all: IndexMap<(usize, &str), Vec<(usize, &Step)>> = IndexMap::new();
    for (node, step) in subject.steps() {
        if let Some(block) = &step.block {
            all.entry((subject.nodes.scope(node).first, block)).or_default().push((node, step));
        }
    }
    all.into_iter().map(|((_, block), steps)| (block, steps)).collect()
}

/// Steps that no other step of the block leads to, and steps that lead to none.
fn edges_of(graph: &Graph, steps: &[(usize, &Step)]) -> (Vec<usize>, Vec<usize>) {
    let leads = |from: usize, to: usize| from != to && graph.edges[from].iter().any(|edge| edge.to == to);
    let nodes = || steps.iter().map(|(node, _)| *node);
    let entries = nodes().filter(|node| !nodes().any(|other| leads(other, *node))).collect();
    let exits = nodes().filter(|node| !nodes().any(|other| leads(*node, other))).collect();
    (entries, exits)
}

fn tell(subject: &Subject<'_>, findings: &mut Findings<'_>, step: &Step, message: String) {
    findings.add(step, subject.key_of(step, "block"), message, "in this block");
}

fn many_commands(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (block, steps) in blocks(subject) {
        let calls: Vec<&Step> = steps
            .iter()
            .map(|(_, step)| *step)
            .filter(|step| tool(step).is_some_and(|tool| tool.name == "run_cmd"))
            .collect();
        if let Some(most) = budget(block).commands.filter(|most| calls.len() > *most)
            && let Some(last) = calls.last()
        {
            let message =
                format!("the block `{block}` has {} `run_cmd` steps, and may have {most}", calls.len());
            tell(subject, findings, last, message);
        }
    }
}

fn many_tools(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (block, steps) in blocks(subject) {
        let calls: Vec<&Step> = steps
            .iter()
            .map(|(_, step)| *step)
            .filter(|step| tool(step).is_some_and(|tool| tool.name != "run_cmd"))
            .collect();
        if let Some(most) = budget(block).tools.filter(|most| calls.len() > *most)
            && let Some(last) = calls.last()
        {
            let message = format!("the block `{block}` calls {} tools, and may call {most}", calls.len());
            tell(subject, findings, last, message);
        }
    }
}

fn gh_api(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (block, steps) in blocks(subject).into_iter().filter(|(block, _)| !budget(block).gh_api) {
        for (_, step) in steps {
            let calls = super::super::facts::shell(step).iter().any(|command| {
                // Also where a shell is handed a text.
                command.starts_with(&["gh", "api"])
                    || command.words.iter().any(|word| {
                        word.contains("gh api")
                            && commands(word).iter().any(|inner| inner.starts_with(&["gh", "api"]))
                    })
            });
            if calls {
                let key = if matches!(arg(step, "cmd"), Some(Arg::Literal(_) | Arg::Template(_))) {
                    "cmd"
                } else {
                    "argv"
                };
                let message = format!("a command of the block `{block}` calls `gh api`");
                findings.add(step, subject.arg_at(step, key), message, "asks GitHub by itself");
            }
        }
    }
}

fn producers(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let Some(graph) = &subject.graph else { return };
    for (block, steps) in blocks(subject) {
        let inside = |node: usize| steps.iter().any(|(member, _)| *member == node);
        let follows = |first: usize, second: usize| {
            graph.path(first, second, |from, edge| inside(from) && inside(edge.to)).is_some()
        };
        for (index, (second, step)) in steps.iter().enumerate() {
            for name in step.captures.keys() {
                let first = steps[..index].iter().find(|(first, other)| {
                    other.captures.contains_key(name)
                        && (follows(*first, *second) || follows(*second, *first))
                });
                if let Some((_, other)) = first {
                    let message = format!(
                        "`{}` and `{}` of the block `{block}` both capture `{name}`",
                        other.name, step.name
                    );
                    let found = findings.add(step, subject.capture_at(step, name), message, "captured again");
                    let _ = found.also(subject.capture_at(other, name), "captured here");
                }
            }
        }
    }
}

fn ends(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let Some(graph) = &subject.graph else { return };
    for (block, steps) in blocks(subject) {
        let (entries, exits) = edges_of(graph, &steps);
        for (found, what) in [(entries, "begins"), (exits, "ends")] {
            if found.len() == 1 {
                continue;
            }
            let names: Vec<&str> = found.iter().map(|node| subject.nodes[*node].name.as_str()).collect();
            let message = match names.is_empty() {
                true => format!("the block `{block}` {what} nowhere: its steps only lead to each other"),
                false => format!("the block `{block}` {what} with each of {}", quoted_list(&names)),
            };
            let at = found.last().copied().or_else(|| steps.first().map(|(node, _)| *node));
            if let Some(at) = at {
                tell(subject, findings, &subject.nodes[at], message);
            }
        }
    }
}

//! Variables of `context` that are not set, or may not be, when a step reads them.

use std::collections::HashSet;

use super::{Family, Findings, Level, Rule, Subject};
use crate::recipe::flow::sets;
use crate::recipe::suggest::{arrows, quoted_list};

pub(super) static FAMILY: Family = Family {
    name: "reachability",
    rules: &[
        Rule {
            id: "capture-inversion-detection",
            level: Level::Error,
            legacy: Level::Error,
            meaning: "A step reads a variable that nothing can have set before it.",
            why: "Such a read has no value on any way to the step, so the run fails there or goes on with nothing.",
            mend: "move the step that captures it before the one that reads it, or write `| default('')`",
            bad: &[
                "steps:\n  use:\n    skill: repair-tests\n    args: [\"${{ context.plan }}\"]\n    on_success: make\n  make:\n    skill: make-plan\n    capture: {plan: \"${{ result.plan_path }}\"}\n    on_success: told\n  told: {action: stop, message: \"${{ context.plan }}\"}\n",
            ],
            good: &[
                "steps:\n  make:\n    skill: make-plan\n    capture: {plan: \"${{ result.plan_path }}\"}\n    on_success: use\n  use:\n    skill: repair-tests\n    args: [\"${{ context.plan }}\"]\n    on_success: done\n",
            ],
            run: Some(never_set),
        },
        Rule {
            id: "may-be-unset",
            level: Level::Warning,
            legacy: Level::Warning,
            meaning: "A step reads a variable that is not set on every way to it.",
            why: "On the way that is named the read has no value.",
            mend: "write `| default('')`, or capture it on every way",
            bad: &[
                "steps:\n  make:\n    skill: make-plan\n    capture: {plan: \"${{ result.plan_path }}\"}\n    on_success: use\n    on_failure: use\n  use:\n    skill: repair-tests\n    args: [\"${{ context.plan }}\"]\n    on_success: done\n",
            ],
            good: &[
                "steps:\n  make:\n    skill: make-plan\n    capture: {plan: \"${{ result.plan_path }}\"}\n    on_success: use\n    on_failure: use\n  use:\n    skill: repair-tests\n    args: [\"${{ context.plan | default('') }}\"]\n    on_success: done\n",
            ],
            run: Some(sometimes_unset),
        },
    ],
};

fn never_set(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    reads(subject, findings, true);
}

fn sometimes_unset(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    reads(subject, findings, false);
}

/// Reads of variables that some way (`never`: every way) to the step does not set.
fn reads(subject: &Subject<'_>, findings: &mut Findings<'_>, never: bool) {
    let Some((graph, flow)) = subject.flow() else { return };
    let steps = &subject.recipe.steps;
    let captured: HashSet<&str> =
        steps.values().flat_map(|step| step.captures.keys().map(String::as_str)).collect();
    for (index, step) in steps.values().enumerate() {
        if !flow.is_reached(index) {
            continue;
        }
        let mut said: HashSet<(&str, bool)> = HashSet::new();
        for read in subject.reads(step) {
            let Some(name) = read.reference.name.as_deref() else { continue };
            let known = read.reference.namespace != "context" || !captured.contains(name);
            // Captures are set one after the other, routes are chosen after all of them.
            let own = step.captures.get_index_of(name).is_some_and(|own| own < read.own_captures);
            if known || own || read.reference.guarded || flow.is_assigned(index, name) {
                continue;
            }
            if flow.definitions(index, name).is_empty() != never
                || !said.insert((name, read.own_captures > 0))
            {
                continue;
            }
            let fallback = format!("`context.{name} | default('')`");
            let at = subject.read_at(&read);
            if never {
                let captures = steps.values().filter(|step| step.captures.contains_key(name));
                let captures: Vec<&str> = captures.map(|step| step.name.as_str()).collect();
                let message = format!("`context.{name}` is read before anything can set it");
                let help = format!(
                    "{} captures it, which does not run before; write {fallback}, or move it",
                    quoted_list(&captures)
                );
                let mut found = findings.add(&step.name, at, message, "not set yet").help(help);
                if let Some(first) = captures.first().and_then(|name| steps.get(*name)) {
                    found = found.also(subject.capture_at(first, name), "captured here");
                }
                let _ = found;
                continue;
            }
            let way = graph.way(index, |from, edge| !sets(&steps[from], edge.cause).any(|set| set == name));
            let Some(way) = way else { continue };
            let names: Vec<&str> = way.iter().map(|step| steps[*step].name.as_str()).collect();
            // Steps on the way that would set it, had they completed.
            let left: Vec<&str> = way[..way.len() - 1]
                .iter()
                .map(|step| &steps[*step])
                .filter(|step| step.captures.contains_key(name))
                .map(|step| step.name.as_str())
                .collect();
            let help = match (names.as_slice(), left.as_slice()) {
                ([_], _) => format!("nothing ran before it; write {fallback}"),
                (way, []) => format!("nothing sets it on the way {}; write {fallback}", arrows(way)),
                (way, left) => format!(
                    "nothing sets it on the way {} when {} does not complete; write {fallback}",
                    arrows(way),
                    quoted_list(left)
                ),
            };
            let message = format!("`context.{name}` may not be set here");
            findings.add(&step.name, at, message, "may be unset").help(help);
        }
    }
}

//! Variables of `context` that are not set, or may not be, when a step reads them.

use std::collections::HashSet;

use super::super::references::Read;
use super::super::ways::Ways;
use super::{Family, Findings, Level, Rule, Subject};
use crate::recipe::flow::sets;
use crate::recipe::graph::Cause;
use crate::recipe::model::Step;
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
    let Some((_, flow)) = subject.flow() else { return };
    let ways = Ways::of(subject);
    let nodes = &subject.nodes;
    let mut seek = Seek { subject, ways: &ways, never, said: HashSet::new() };
    for (index, step) in nodes.values().enumerate().filter(|(index, _)| flow.is_reached(*index)) {
        seek.said.clear();
        for read in subject.reads(step) {
            // Captures are set one after the other, routes are chosen after all of them.
            let name = read.reference.name.as_deref();
            let own = name.and_then(|name| step.captures.get_index_of(name));
            if own.is_none_or(|own| own >= read.own_captures) {
                let defined = name.is_some_and(|name| !flow.definitions(index, name).is_empty());
                seek.judge(findings, step, index, &read, defined);
            }
        }
        // What a loop takes from its items is read wherever an item ends well.
        let Some(graph) = &subject.graph else { continue };
        for read in subject.collects(step) {
            let Some(name) = read.reference.name.as_deref() else { continue };
            let unset = |node: usize, cause: &Cause| !sets(&nodes[node], *cause).any(|set| set == name);
            let is_end = |node: &usize| {
                nodes.loops(*node).next() == Some(index)
                    && flow.is_reached(*node)
                    && graph.item_ends[*node].iter().any(|cause| unset(*node, cause))
            };
            let inside = |node: &usize| nodes.loops(*node).next() == Some(index) && flow.is_reached(*node);
            let defined = (0..nodes.len()).filter(inside).any(|node| {
                nodes[node].captures.contains_key(name) || !flow.definitions(node, name).is_empty()
            });
            for end in (0..nodes.len()).filter(is_end) {
                seek.judge(findings, step, end, &read, defined);
            }
        }
    }
}

struct Seek<'a> {
    subject: &'a Subject<'a>,
    ways: &'a Ways<'a>,
    never: bool,
    /// Variables of the step at hand that are told.
    said: HashSet<(String, bool)>,
}

impl Seek<'_> {
    /// Whether a read of `step` finds its variable set; it is made where `node` stands, and `defined` is whether something can
    /// have set it.
    fn judge(
        &mut self,
        findings: &mut Findings<'_>,
        step: &Step,
        node: usize,
        read: &Read<'_>,
        defined: bool,
    ) {
        let subject = self.subject;
        let Some((_, flow)) = subject.flow() else { return };
        let Some(name) = read.reference.name.as_deref() else { return };
        let lenient = read.reference.guarded || step.lenient.iter().any(|lenient| lenient == name);
        if read.reference.namespace != "context" || lenient || flow.is_assigned(node, name) {
            return;
        }
        // What nothing captures here is an unknown reference.
        if !subject.nodes.visible(node).iter().any(|step| step.captures.contains_key(name)) {
            return;
        }
        if defined == self.never || self.said.contains(&(name.to_owned(), read.own_captures > 0)) {
            return;
        }
        let Some(way) = self.ways.without(node, name, !read.decides) else { return };
        self.said.insert((name.to_owned(), read.own_captures > 0));
        let at = subject.read_at(read);
        let nodes = &subject.nodes;
        let fallback = format!("`context.{name} | default('')`");
        if self.never {
            let visible = nodes.visible(node);
            let captures: Vec<&Step> =
                visible.into_iter().filter(|step| step.captures.contains_key(name)).collect();
            let names: Vec<&str> = captures.iter().map(|step| step.name.as_str()).collect();
            let message = format!("`context.{name}` is read before anything can set it");
            let help = format!(
                "{} captures it, which does not run before; write {fallback}, or move it",
                quoted_list(&names)
            );
            let mut found = findings.add(step, at, message, "not set yet").help(help);
            if let Some(first) = captures.first() {
                found = found.also(subject.capture_at(first, name), "captured here");
            }
            let _ = found;
            return;
        }
        let names: Vec<&str> = way.iter().map(|step| nodes[*step].name.as_str()).collect();
        // Steps on the way that would set it, had they completed.
        let left: Vec<&str> = way[..way.len() - 1]
            .iter()
            .map(|step| &nodes[*step])
            .filter(|step| step.captures.contains_key(name))
            .map(|step| step.name.as_str())
            .collect();
        let last = nodes.visible(node).into_iter().find(|step| step.captures.contains_key(name));
        let help = match (names.as_slice(), left.as_slice()) {
            _ if nodes.in_finally(node) => format!(
                "`finally` runs however the run ends, also before `{}` completes; write {fallback}",
                last.map_or("the step that captures it", |step| step.name.as_str())
            ),
            ([_], _) => format!("nothing ran before it; write {fallback}"),
            (way, []) => format!("nothing sets it on the way {}; write {fallback}", arrows(way)),
            (way, left) => format!(
                "nothing sets it on the way {} when {} does not complete; write {fallback}",
                arrows(way),
                quoted_list(left)
            ),
        };
        let message = format!("`context.{name}` may not be set here");
        findings.add(step, at, message, "may be unset").help(help);
    }
}

//! Names that expressions read: what is declared, captured, or part of a result.

use std::ops::Range;

use super::Subject;
use super::place::Place;
use crate::recipe::diagnostic::{Problem, Severity};
use crate::recipe::expr::{END_NAMES, Expr, NAMESPACES, RUN_NAMES, Reference, Template};
use crate::recipe::model::{Arg, Bound, Dialect, OutputsFrom, Step, StepKind};
use crate::recipe::suggest;

/// One place where a step reads a name.
pub(super) struct Read<'a> {
    pub(super) reference: &'a Reference,
    /// The text that holds it, and where that stands.
    source: &'a str,
    place: Place,
    /// Whether there is a result to read.
    has_result: bool,
    /// How many of the step's own captures are set.
    pub(super) own_captures: usize,
    /// Whether it is made to decide if the step runs at all.
    pub(super) decides: bool,
}

impl Subject<'_> {
    /// Everything a step reads.
    pub(super) fn reads<'s>(&self, step: &'s Step) -> Vec<Read<'s>> {
        let base = self.place(step);
        let mut reads = Reads { all: Vec::new() };
        match &step.kind {
            StepKind::Tool { with, .. } => {
                for (name, arg) in with {
                    reads.arg(arg, &self.arg_place(step, name), None);
                }
            }
            StepKind::Confirm { message, .. } | StepKind::Stop { message, .. } => {
                reads.template(message, &self.message_place(step), None);
            }
            StepKind::Constant(value) => reads.arg(value, &base.key("constant"), None),
            StepKind::ForEach(each) => {
                reads.arg(&each.list, &base.key("for_each"), None);
                if let Some(Bound::Expr(expr)) = &each.max_parallel {
                    reads.expr(expr, &base.key("max_parallel"), None);
                }
            }
            StepKind::Call(call) => {
                if let Some(gate) = &call.gate {
                    reads.expr(gate, &base.key("gate"), None);
                }
                for (name, arg) in &call.inputs {
                    reads.arg(arg, &base.key("inputs").key(name), None);
                }
            }
            StepKind::Route => {}
        }
        if let Some(expr) = &step.skip_when_false {
            let before = reads.all.len();
            reads.expr(expr, &base.key("skip_when_false"), None);
            reads.all[before..].iter_mut().for_each(|read| read.decides = true);
        }
        if let Some(Bound::Expr(expr)) = &step.max_visits {
            reads.expr(expr, &base.key("max_visits"), None);
        }
        if let Some(poll) = &step.poll {
            reads.expr(&poll.until, &base.key("poll").key("until"), Some(0));
        }
        if let Some(OutputsFrom::File(file)) = &step.outputs_from {
            reads.template(file, &base.key("outputs_from").key("file"), None);
        }
        for (index, (name, capture)) in step.captures.iter().enumerate() {
            let mut path =
                self.first_of(step, &[&["capture", name], &["capture_list", name], &["outputs", name]]);
            for key in ["value", "from"] {
                if self.has(&path.key(key)) {
                    path = path.key(key);
                }
            }
            reads.arg(&capture.value, &path, Some(index));
        }
        for (index, route) in step.on_result.iter().enumerate() {
            if let Some(expr) = &route.when {
                let routes = base.key("on_result");
                let path = match self.has(&routes.key("field")) {
                    true => routes.key("field"),
                    false => routes.index(index).key("when"),
                };
                reads.expr(expr, &path, Some(step.captures.len()));
            }
        }
        reads.all
    }

    /// What a loop reads where an item ends.
    pub(super) fn collects<'s>(&self, step: &'s Step) -> Vec<Read<'s>> {
        let mut reads = Reads { all: Vec::new() };
        if let StepKind::ForEach(each) = &step.kind {
            let base = self.place(step).key("collect");
            each.collect.iter().for_each(|(name, arg)| reads.arg(arg, &base.key(name), None));
        }
        reads.all
    }

    /// The place of a read in the file.
    pub(super) fn read_at(&self, read: &Read<'_>) -> Range<usize> {
        self.part_at(&read.place, read.source, &read.reference.span)
    }

    pub(super) fn references(&self, problems: &mut Vec<Problem>) {
        for (node, step) in self.steps() {
            let reads = self.reads(step).into_iter().map(|read| (node, read));
            let inside = self.nodes.body(node).unwrap_or(node);
            for (node, read) in reads.chain(self.collects(step).into_iter().map(|read| (inside, read))) {
                if let Some((message, help)) = self.judge(step, node, &read) {
                    let at = self.read_at(&read);
                    let mut problem = Problem::error("unknown-reference", message, at, "unknown").help(help);
                    // A session that drives a legacy recipe finds such a name in its conversation.
                    if self.recipe.dialect == Dialect::Legacy && read.has_result {
                        problem.severity = Severity::Warning;
                    }
                    problems.push(problem);
                }
            }
        }
    }

    /// What is wrong with a read where the step `node` stands, and how to mend it.
    fn judge(&self, step: &Step, node: usize, read: &Read<'_>) -> Option<(String, Option<String>)> {
        let reference = read.reference;
        let namespace = reference.namespace.as_str();
        if !NAMESPACES.contains(&namespace) {
            let help = match suggest::closest(namespace, NAMESPACES.iter().copied()) {
                Some(near) if reference.name.is_some() => format!("did you mean `{near}`?"),
                _ => match self.recipe.ingredients.contains_key(namespace) {
                    true => format!("did you mean `inputs.{namespace}`?"),
                    false => format!(
                        "a text stands in quotes, `'{namespace}'`; names start with `inputs.`, `context.`, `result.` or `run.`"
                    ),
                },
            };
            return Some((format!("there is nothing called `{namespace}`"), Some(help)));
        }
        if namespace == "result" && !read.has_result {
            let message = format!("`{reference}` is not known here");
            let help = "a result is read by `capture:` and `on_result:` of the step that has it";
            return Some((message, Some(help.to_owned())));
        }
        let name = reference.name.as_deref()?;
        match namespace {
            "inputs" if !self.recipe.ingredients.contains_key(name) => {
                let names = self.recipe.ingredients.keys().map(String::as_str);
                let help = suggest::help(name, "ingredients", names)
                    .or_else(|| Some(format!("declare `{name}` under `ingredients:`")));
                Some((format!("there is no ingredient `{name}`"), help))
            }
            "context" => {
                let visible = self.nodes.visible(node);
                let mut names: Vec<&str> = Vec::new();
                for known in visible.iter().flat_map(|step| step.captures.keys()) {
                    if known == name {
                        return None;
                    }
                    if !names.contains(&known.as_str()) {
                        names.push(known);
                    }
                }
                let elsewhere = self.nodes.values().find(|step| step.captures.contains_key(name));
                if let Some(other) = elsewhere {
                    let in_loop = self
                        .nodes
                        .number(other)
                        .is_some_and(|other| self.nodes.loops(other).next().is_some());
                    let help = match in_loop {
                        true => format!(
                            "`collect: {{{name}: \"${{{{ context.{name} }}}}\"}}` of the loop takes it out of each item"
                        ),
                        false => "`finally` runs last".to_owned(),
                    };
                    let message =
                        format!("`context.{name}` is captured by `{}`, and not known here", other.name);
                    return Some((message, Some(help)));
                }
                let help = suggest::help(name, "captured variables", names)
                    .or_else(|| Some(format!("capture `{name}` in a step before")));
                Some((format!("no step captures `{name}`"), help))
            }
            "run" if !RUN_NAMES.contains(&name) => {
                let over = self.nodes.number(step).is_some_and(|node| self.nodes.in_finally(node));
                match (END_NAMES.contains(&name), over) {
                    (true, true) => None,
                    (true, false) => {
                        let help = "only steps of `finally` run when that is known".to_owned();
                        Some((format!("there is no `run.{name}` before the end of the run"), Some(help)))
                    }
                    _ => {
                        let ends = END_NAMES.iter().copied().filter(|_| over);
                        let help =
                            suggest::help(name, "names in `run`", RUN_NAMES.iter().copied().chain(ends));
                        Some((format!("there is no `run.{name}`"), help))
                    }
                }
            }
            "result" => self.judge_result(step, name),
            _ => None,
        }
    }

    fn judge_result(&self, step: &Step, name: &str) -> Option<(String, Option<String>)> {
        match &step.kind {
            StepKind::Constant(_) if name == "value" => return None,
            StepKind::ForEach(_) => return None,
            _ => {}
        }
        let StepKind::Tool { tool, .. } = &step.kind else {
            let message = format!("this step has no result, so no `result.{name}`");
            return Some((message, Some("only steps that call a tool have one".to_owned())));
        };
        if tool.results.iter().any(|result| result.name == name) {
            return None;
        }
        let outputs = match self.skill_of(step) {
            Some(skill) => self.skills.outputs(skill.name)?,
            None if tool.open_result => return None,
            // Such outputs have names of their own.
            None if step.outputs_from.as_ref().is_some_and(|from| *from != OutputsFrom::Text) => return None,
            None => Vec::new(),
        };
        if outputs.iter().any(|output| output == name) {
            return None;
        }
        let message = match self.skill_of(step) {
            Some(skill) => format!("the skill `{}` declares no output `{name}`", skill.name),
            None => format!("`{}` has no result `{name}`", tool.name),
        };
        let all = outputs.iter().map(String::as_str).chain(tool.results.iter().map(|result| result.name));
        Some((message, suggest::help(name, "results", all)))
    }
}

struct Reads<'a> {
    all: Vec<Read<'a>>,
}

impl<'a> Reads<'a> {
    fn add(&mut self, references: &'a [Reference], source: &'a str, path: &Place, own: Option<usize>) {
        self.all.extend(references.iter().map(|reference| Read {
            reference,
            source,
            place: path.clone(),
            has_result: own.is_some(),
            own_captures: own.unwrap_or(0),
            decides: false,
        }));
    }

    fn expr(&mut self, expr: &'a Expr, path: &Place, own: Option<usize>) {
        self.add(expr.references(), expr.source(), path, own);
    }

    fn template(&mut self, template: &'a Template, path: &Place, own: Option<usize>) {
        self.add(template.references(), template.source(), path, own);
    }

    fn arg(&mut self, arg: &'a Arg, path: &Place, own: Option<usize>) {
        match arg {
            Arg::Literal(_) => {}
            Arg::Template(template) => self.template(template, path, own),
            Arg::List(items) => {
                items.iter().enumerate().for_each(|(index, item)| self.arg(item, &path.index(index), own));
            }
            Arg::Choice { when, value } => {
                self.expr(when, &path.key("when"), own);
                self.arg(value, &path.key("value"), own);
            }
            Arg::Map(entries) => {
                entries.iter().for_each(|(key, item)| self.arg(item, &path.key(key), own));
            }
        }
    }
}

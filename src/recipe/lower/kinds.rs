//! What a step does: `tool`, `skill`, `action`, `stop`.

use indexmap::IndexMap;

use super::keys::{Fields, STOP};
use super::{Lowering, Node};
use crate::catalog;
use crate::recipe::diagnostic::Problem;
use crate::recipe::expr::Template;
use crate::recipe::model::{Arg, StepKind, StopStatus};
use crate::recipe::suggest;

/// The keys of which a step has exactly one.
const KINDS: &[&str] = &["tool", "skill", "action", "stop", "for_each", "sub_recipe", "python", "constant"];

/// Starts of step names that say a failed end when a stop step has no `status`.
const FAILURE_NAMES: &[&str] = &["escalate", "fail", "error"];

impl Lowering<'_> {
    /// The kind of a step; a `route` in its place when it cannot be told.
    pub(super) fn step_kind(&mut self, name: &str, fields: &Fields<'_>) -> StepKind {
        let given: Vec<&str> = KINDS.iter().copied().filter(|key| fields.has(key)).collect();
        let kind = match given.as_slice() {
            [] => {
                let at = self.key_at(&fields.path);
                let message = format!("the step `{name}` does nothing");
                let help =
                    "give it one of `tool:`, `skill:`, `action:`, `for_each:`, `sub_recipe:` or `stop:`"
                        .to_owned();
                self.report(Problem::error("no-kind", message, at, "this step").help(help));
                None
            }
            ["tool"] => fields.get("tool").and_then(|node| self.tool_step(name, &node, fields)),
            ["skill"] => fields.get("skill").and_then(|_| self.run_skill(name, fields)),
            ["action"] => fields.get("action").and_then(|node| self.action(name, &node, fields)),
            ["sub_recipe"] => fields.get("sub_recipe").and_then(|node| self.sub_call(&node, fields)),
            ["for_each"] => fields.get("for_each").and_then(|node| self.for_each(&node, fields)),
            ["python"] => fields.get("python").and_then(|node| self.python_step(&node, fields)),
            ["constant"] => fields.get("constant").and_then(|node| self.arg(&node)).map(StepKind::Constant),
            ["stop"] => fields.get("stop").and_then(|node| self.stop_sugar(name, &node)),
            [first, second, ..] => {
                let at = self.key_at(&fields.path.key(second));
                let other = self.key_at(&fields.path.key(first));
                let message = format!("`{first}` and `{second}` exclude each other");
                let help = "make it two steps".to_owned();
                self.report(Problem::error("exclusive-keys", message, at, "").also(other, "").help(help));
                None
            }
            [_] => None,
        };
        if fields.has("args") && !fields.has("skill") {
            let at = self.key_at(&fields.path.key("args"));
            let problem = Problem::error("misplaced-key", "`args` needs `skill`", at, "whose arguments?");
            self.report(problem.help("a tool takes its arguments in `with:`".to_owned()));
        }
        kind.unwrap_or(StepKind::Route)
    }

    fn tool_step(&mut self, name: &str, node: &Node<'_>, fields: &Fields<'_>) -> Option<StepKind> {
        let tool_name = self.text(node)?;
        let Some(tool) = catalog::tool(&tool_name) else {
            let help = match catalog::renamed(&tool_name) {
                Some(now) => Some(format!("it is called `{now}` now")),
                None => suggest::help(&tool_name, "tools", catalog::callable().map(|tool| tool.name)),
            };
            let message = format!("there is no tool `{tool_name}`");
            self.error("unknown-tool", &node.path, message, "unknown tool", help);
            return None;
        };
        let (with, hints) = self.with(name, tool, fields);
        self.hints = hints;
        Some(StepKind::Tool { tool, with })
    }

    fn run_skill(&mut self, name: &str, fields: &Fields<'_>) -> Option<StepKind> {
        let tool = catalog::tool("run_skill")?;
        let (with, hints) = self.with(name, tool, fields);
        self.hints = hints;
        Some(StepKind::Tool { tool, with })
    }

    /// `python:` is `run_python` written shorter, in the recipes of AutoSkillit 0.9.
    fn python_step(&mut self, node: &Node<'_>, fields: &Fields<'_>) -> Option<StepKind> {
        let tool = catalog::tool("run_python")?;
        let callable = self.text(node)?;
        if !callable.contains('.') {
            let message = format!("`{callable}` is no function with its module");
            let help = Some("write `package.module.function`".to_owned());
            self.error("bad-value", &node.path, message, "no module", help);
            return None;
        }
        let args = self.args_of(fields, "with");
        let mut with = IndexMap::from([("callable".to_owned(), Arg::Literal(callable.into()))]);
        if !args.is_empty() {
            with.insert("args".to_owned(), Arg::Map(args));
        }
        Some(StepKind::Tool { tool, with })
    }

    fn action(&mut self, name: &str, node: &Node<'_>, fields: &Fields<'_>) -> Option<StepKind> {
        match self.text(node)?.as_str() {
            "route" => Some(StepKind::Route),
            "confirm" => {
                let message = self.required_message(fields);
                let choice = self.choice(fields);
                let has_options = fields.has("options");
                let default =
                    fields.get("default").filter(|_| !has_options).and_then(|node| self.boolean(&node));
                Some(StepKind::Confirm { message: message?, default, choice })
            }
            "stop" => {
                let message = self.required_message(fields);
                let status = match fields.get("status") {
                    Some(node) => self.status(&node),
                    None => Some(default_status(name)),
                };
                Some(StepKind::Stop { status: status?, message: message? })
            }
            other => {
                let help = suggest::help(other, "actions", ["route", "confirm", "stop"]);
                self.error("bad-value", &node.path, format!("there is no action `{other}`"), "unknown", help);
                None
            }
        }
    }

    fn stop_sugar(&mut self, name: &str, node: &Node<'_>) -> Option<StepKind> {
        let fields = self.fields(node, &STOP);
        let message = self.required_message(&fields);
        let status = match fields.get("status") {
            Some(node) => self.status(&node),
            None => Some(default_status(name)),
        };
        Some(StepKind::Stop { status: status?, message: message? })
    }

    fn required_message(&mut self, fields: &Fields<'_>) -> Option<Template> {
        if let Some(node) = fields.get("message") {
            return self.message(&node);
        }
        let at = self.key_at(&fields.path);
        let problem = Problem::error("missing-key", "`message` is missing", at, "here");
        self.report(problem.help("add `message:` with what people are told".to_owned()));
        None
    }

    fn status(&mut self, node: &Node<'_>) -> Option<StopStatus> {
        match self.text(node)?.as_str() {
            "succeeded" => Some(StopStatus::Succeeded),
            "failed" => Some(StopStatus::Failed),
            "exhausted" => Some(StopStatus::Exhausted),
            other => {
                let help = suggest::help(other, "statuses", ["succeeded", "failed", "exhausted"]);
                self.error("bad-value", &node.path, format!("there is no status `{other}`"), "unknown", help);
                None
            }
        }
    }
}

/// A stop step without `status` succeeds, unless its name says failure.
fn default_status(name: &str) -> StopStatus {
    let name = name.to_ascii_lowercase();
    match FAILURE_NAMES.iter().any(|start| name.starts_with(start)) {
        true => StopStatus::Failed,
        false => StopStatus::Succeeded,
    }
}

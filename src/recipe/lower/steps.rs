//! `steps:`: what every kind of step has in common.

use indexmap::IndexMap;
use serde_yaml::Value as Yaml;

use super::keys::{Fields, STEP};
use super::{Lowering, Node};
use crate::recipe::diagnostic::{Problem, Severity};
use crate::recipe::expr::Expr;
use crate::recipe::model::{Bound, Step, StepKind, Target};

/// Extra tries of a session when a step does not say.
const DEFAULT_RETRIES: u32 = 3;

impl Lowering<'_> {
    pub(super) fn steps(&mut self, node: &Node<'_>) -> IndexMap<String, Step> {
        let entries = self.entries(node);
        self.step_names = entries.iter().map(|(name, _)| name.clone()).collect();
        let mut steps = IndexMap::new();
        for (name, entry) in entries {
            let before = self.problems.len();
            self.check_step_name(&name, &entry);
            let step = self.step(&name, &entry);
            if self.problems[before..].iter().any(|problem| problem.severity == Severity::Error) {
                self.broken.insert(name.clone());
            }
            steps.insert(name, step);
        }
        steps
    }

    fn check_step_name(&mut self, name: &str, node: &Node<'_>) {
        let good = !name.is_empty()
            && name.chars().all(|other| other.is_ascii_alphanumeric() || matches!(other, '_' | '-' | '.'));
        if !good {
            let at = self.key_at(&node.path);
            let help = "use letters, digits, `_`, `-` and `.`".to_owned();
            let message = format!("`{name}` is no name for a step");
            self.report(Problem::error("bad-name", message, at, "this name").help(help));
        }
    }

    fn step(&mut self, name: &str, node: &Node<'_>) -> Step {
        let is_mapping = node.value.is_mapping();
        if node.value.is_null() {
            self.wrong_type(node, "a mapping");
        }
        let fields = self.fields(node, &STEP);
        let kind = if is_mapping { self.step_kind(name, &fields) } else { StepKind::Route };
        self.check_fit(&kind, &fields);
        let runs_skill = matches!(&kind, StepKind::Tool { tool, .. } if tool.name == "run_skill");
        let target = |this: &mut Self, key: &str| fields.get(key).and_then(|node| this.target(&node));

        let on_success = target(self, "on_success");
        let on_result = fields.get("on_result").map(|node| self.on_result(&node)).unwrap_or_default();
        let both = fields.has("on_success") && fields.has("on_result");
        // 0.9 takes an empty list as none.
        if both && !(self.is_legacy() && on_result.is_empty()) {
            let at = self.key_at(&fields.path.key("on_success"));
            let other = self.key_at(&fields.path.key("on_result"));
            let message = "`on_success` and `on_result` exclude each other";
            let help = "end `on_result` with an entry without `when:` instead of `on_success`".to_owned();
            self.report(Problem::error("exclusive-keys", message, at, "").also(other, "").help(help));
        }
        let retry = self.retry(&fields);
        let captures = self.captures(&fields);
        let outputs_from = self.outputs_from(&fields).or_else(|| self.emitted(&kind, &captures, &on_result));
        let retries = fields.get("retries").and_then(|node| self.count(&node, 0));
        let retries = retry.as_ref().map(|policy| policy.max).or(retries);
        Step {
            name: name.to_owned(),
            description: fields.get("description").and_then(|node| self.text(&node)).unwrap_or_default(),
            note: fields.get("note").and_then(|node| self.text(&node)),
            kind,
            on_success,
            on_failure: target(self, "on_failure"),
            on_result,
            on_context_limit: target(self, "on_context_limit"),
            on_exhausted: target(self, "on_exhausted")
                .or_else(|| self.retry_exhausted(&fields))
                .unwrap_or_else(|| self.escalation()),
            on_skip: target(self, "on_skip"),
            max_visits: fields.get("max_visits").and_then(|node| self.bound(&node)),
            on_exceeded: target(self, "on_exceeded"),
            retries: retries.unwrap_or(if runs_skill { DEFAULT_RETRIES } else { 0 }),
            skip_when_false: self.skip_when_false(&fields),
            allow: fields.get("allow").map(|node| self.allow(&node)).unwrap_or_default(),
            captures,
            optional: fields.get("optional").and_then(|node| self.boolean(&node)).unwrap_or_default(),
            block: fields.get("block").and_then(|node| self.text(&node)),
            hints: std::mem::take(&mut self.hints),
            lenient: self.lenient(&fields),
            retry,
            poll: self.poll(&fields),
            outputs_from,
            origin: None,
            line: self.document.marks.line(self.key_at(&node.path).start),
        }
    }

    /// The default of `on_exhausted`: a step named `escalate` when there is one.
    fn escalation(&self) -> Target {
        match self.step_names.iter().any(|name| name == "escalate") {
            true => Target::Step("escalate".to_owned()),
            false => Target::Escalate,
        }
    }

    /// `optional_context_refs:`, which says in 0.9 what `is defined` and `default` say today.
    fn lenient(&mut self, fields: &Fields<'_>) -> Vec<String> {
        let Some(node) = fields.get("optional_context_refs") else { return Vec::new() };
        if !self.is_legacy() {
            let at = self.key_at(&node.path);
            let message = "`optional_context_refs` is a key of AutoSkillit 0.9";
            let problem = Problem::error("misplaced-key", message, at, "not of this language");
            self.report(
                problem.help("remove it, and read the variable as `context.x | default('')`".to_owned()),
            );
        }
        self.texts(&node)
    }

    pub(super) fn bound(&mut self, node: &Node<'_>) -> Option<Bound> {
        let Yaml::String(text) = node.value else { return self.count(node, 1).map(Bound::Count) };
        let template = self.template(node, text)?;
        match template.single() {
            Some(expr) => Some(Bound::Expr(expr.clone())),
            None => {
                self.wrong_type(node, "a whole number from 1, or one `${{ … }}`");
                None
            }
        }
    }

    fn skip_when_false(&mut self, fields: &Fields<'_>) -> Option<Expr> {
        let node = fields.get("skip_when_false")?;
        let text = match node.value {
            Yaml::Bool(value) => value.to_string(),
            _ => self.text(&node)?,
        };
        let text = self.without_braces(&node, text)?;
        let expr = self.expression(&node, &text)?;
        // An ingredient without a type holds the text `false`, which is not empty.
        let input = text.strip_prefix("inputs.").filter(|name| self.text_inputs.contains(*name));
        match input {
            Some(_) if !self.is_legacy() => Expr::made(&format!("{text} | flag"), self.mode(), &text).ok(),
            _ => Some(expr),
        }
    }

    /// Keys that have no meaning for this kind of step.
    fn check_fit(&mut self, kind: &StepKind, fields: &Fields<'_>) {
        const TOOL: &[&str] = &["with", "retries", "on_exhausted", "on_context_limit"];
        const SKILL: &[&str] = &["model", "stale_threshold", "idle_output_timeout"];
        const FLOW: &[&str] =
            &["on_success", "on_failure", "on_result", "on_skip", "on_exceeded", "max_visits"];
        const VALUES: &[&str] = &["capture", "capture_list"];
        let (what, idle): (&str, Vec<&[&str]>) = match kind {
            _ if fields.faulty => return,
            StepKind::Tool { tool, .. } if tool.name == "run_skill" => ("", vec![]),
            StepKind::Tool { .. } => ("a tool other than `run_skill`", vec![SKILL]),
            StepKind::Confirm { .. } => ("a confirm step", vec![TOOL, SKILL, VALUES, &["on_result"]]),
            StepKind::Route if !fields.has("action") => return,
            StepKind::Route => ("a route step", vec![TOOL, SKILL]),
            StepKind::Constant(_) => ("a constant", vec![TOOL, SKILL]),
            StepKind::ForEach(_) => ("a loop", vec![TOOL, SKILL]),
            StepKind::Call(_) => ("a step that is another recipe", vec![TOOL, SKILL, VALUES, &["on_result"]]),
            StepKind::Stop { .. } => ("a stop step", vec![TOOL, SKILL, FLOW, VALUES]),
        };
        for key in idle.into_iter().flatten() {
            if fields.has(key) {
                let at = self.key_at(&fields.path.key(key));
                let message = format!("`{key}` has no meaning on {what}");
                let code = match self.is_legacy() && SKILL.contains(key) {
                    true => "model-on-non-skill-step",
                    false => "misplaced-key",
                };
                let mut problem = Problem::error(code, message, at, "no meaning here");
                if self.is_legacy() {
                    problem.severity = Severity::Warning;
                }
                self.report(problem.help("remove it".to_owned()));
            }
        }
        let calls = matches!(kind, StepKind::Tool { .. });
        let runs_cmd = matches!(kind, StepKind::Tool { tool, .. } if tool.name == "run_cmd");
        let asks = matches!(kind, StepKind::Confirm { .. });
        for (owner, fits, keys) in [
            ("`sub_recipe`", matches!(kind, StepKind::Call(_)), ["gate", "inputs", "outputs"].as_slice()),
            (
                "`for_each`",
                matches!(kind, StepKind::ForEach(_)),
                &["as", "mode", "max_parallel", "steps", "collect", "on_item_failure"],
            ),
            ("a tool or a skill", calls, &["retry", "poll"]),
            ("`tool: run_cmd`", runs_cmd, &["outputs_from"]),
            ("`action: confirm`", asks, &["options", "timeout"]),
        ] {
            for key in keys.iter().filter(|key| !fits && fields.has(key)) {
                let at = self.key_at(&fields.path.key(key));
                let message = format!("`{key}` needs {owner}");
                self.report(Problem::error("misplaced-key", message, at, "no meaning here"));
            }
        }
        if !matches!(kind, StepKind::Confirm { .. }) && fields.has("default") {
            let at = self.key_at(&fields.path.key("default"));
            let message = "`default` is the answer of a confirm step";
            self.report(Problem::error("misplaced-key", message, at, "this is no confirm step"));
        }
    }
}

//! `with:` and what is folded into it.

use indexmap::IndexMap;
use serde_json::Value;

use super::keys::{Fields, ITEM};
use super::{Lowering, Node};
use crate::catalog::{ParamDecl, ParamKind, ToolDecl};
use crate::recipe::diagnostic::Problem;
use crate::recipe::model::Arg;
use crate::recipe::{suggest, values};

/// Keys of a step that are parameters of `run_skill`.
const FOLDED: &[&str] = &["skill", "args", "model", "stale_threshold", "idle_output_timeout"];

/// Parameters of which a call has exactly one.
const CHOICES: &[(&str, [&str; 2])] =
    &[("run_cmd", ["argv", "cmd"]), ("run_skill", ["skill", "skill_command"])];

impl Lowering<'_> {
    /// The arguments of a tool step, and what a legacy recipe tells beside them.
    pub(super) fn with(
        &mut self,
        step: &str,
        tool: &'static ToolDecl,
        fields: &Fields<'_>,
    ) -> (IndexMap<String, Arg>, IndexMap<String, Arg>) {
        let mut given: Vec<(String, Node<'_>)> = Vec::new();
        for key in FOLDED.iter().filter(|_| tool.name == "run_skill") {
            given.extend(fields.get(key).map(|node| ((*key).to_owned(), node)));
        }
        for (key, node) in fields.get("with").map(|node| self.entries(&node)).unwrap_or_default() {
            if let Some((_, folded)) = given.iter().find(|(other, _)| *other == key) {
                let message = format!("`{key}` is given twice");
                let (at, first) = (self.key_at(&node.path), self.key_at(&folded.path));
                self.report(Problem::error("exclusive-keys", message, at, "again here").also(first, "here"));
                continue;
            }
            if key == "step_name" {
                self.step_name(step, &node);
                continue;
            }
            given.push((key, node));
        }
        let mut with = IndexMap::new();
        let mut hints = IndexMap::new();
        let mut names: Vec<String> = Vec::new();
        for (key, node) in given {
            let Some(param) = tool.param(&key) else {
                let at = self.key_at(&node.path);
                let help = suggest::help(&key, "parameters", tool.params.iter().map(|param| param.name));
                let message = format!("`{}` has no parameter `{key}`", tool.name);
                self.report(Problem::error("unknown-parameter", message, at, "unknown").help(help));
                if self.is_legacy() && tool.name == "run_python" {
                    // Arguments of the function stand beside its name.
                    self.problems.pop();
                }
                if self.is_legacy()
                    && let Some(hint) = self.arg(&node)
                {
                    hints.insert(key, hint);
                }
                continue;
            };
            names.push(key.clone());
            if node.value.is_null() {
                self.wrong_type(&node, noun(param.kind));
                continue;
            }
            let arg = match key == "args" && tool.name == "run_skill" {
                true => self.skill_args(&node),
                false => self.arg(&node).map(|arg| read_bool(param.kind, arg)),
            };
            if let Some(arg) = arg
                && self.fits(param, &arg, &node)
            {
                with.insert(key, arg);
            }
        }
        self.complete(tool, &names, fields);
        if tool.name == "run_python" && self.is_legacy() && !hints.is_empty() {
            match with.entry("args".to_owned()).or_insert_with(|| Arg::Map(IndexMap::new())) {
                Arg::Map(args) => args.extend(std::mem::take(&mut hints)),
                Arg::Literal(Value::Object(args)) => {
                    let known = args.iter().map(|(name, value)| (name.clone(), Arg::Literal(value.clone())));
                    let all = known.chain(std::mem::take(&mut hints)).collect();
                    with.insert("args".to_owned(), Arg::Map(all));
                }
                _ => {}
            }
        }
        if tool.name == "run_cmd" && self.is_legacy() {
            let path = fields.path.key("with").key("cmd");
            self.legacy_shell(&Node { value: &serde_yaml::Value::Null, path }, &mut with);
        }
        (with, hints)
    }

    /// `args:` of a skill, whose items may be `{when, value}`.
    fn skill_args(&mut self, node: &Node<'_>) -> Option<Arg> {
        let conditional =
            |item: &serde_yaml::Value| item.get("when").is_some() && item.get("value").is_some();
        if !node.value.as_sequence().is_some_and(|items| items.iter().any(conditional)) {
            return self.arg(node);
        }
        let mut all = Vec::new();
        for item in self.items(node) {
            if !conditional(item.value) {
                all.push(self.arg(&item)?);
                continue;
            }
            let fields = self.fields(&item, &ITEM);
            let (condition, value) = (fields.get("when")?, fields.get("value")?);
            let text = self.text(&condition)?;
            let text = self.without_braces(&condition, text)?;
            let when = self.expression(&condition, &text)?;
            all.push(Arg::Choice { when, value: Box::new(self.arg(&value)?) });
        }
        Some(Arg::List(all))
    }

    /// `with.step_name`, which AutoSkillit 0.9 uses to tell its telemetry what runs.
    fn step_name(&mut self, step: &str, node: &Node<'_>) {
        if node.value.as_str() != Some(step) {
            let message = format!("`step_name` is not the name of this step, `{step}`");
            self.error("step-name", &node.path, message, "", Some("remove it: it is known".to_owned()));
        }
    }

    fn complete(&mut self, tool: &ToolDecl, names: &[String], fields: &Fields<'_>) {
        let has = |name: &str| names.iter().any(|given| given == name);
        let mut missing: Vec<String> =
            tool.params.iter().filter(|param| param.required && !has(param.name)).map(quote).collect();
        if let Some((_, [one, other])) = CHOICES.iter().find(|(name, _)| *name == tool.name) {
            if has(one) && has(other) {
                let at = self.key_at(&fields.path);
                let message = format!("`{one}` and `{other}` exclude each other");
                self.report(Problem::error("exclusive-keys", message, at, "in this step"));
            } else if !has(one) && !has(other) {
                missing.push(format!("`{one}` or `{other}`"));
            }
        }
        if has("args") && has("skill_command") {
            let at = self.key_at(&fields.path);
            let message = "`args` goes with `skill`; a `skill_command` holds its arguments itself";
            self.report(Problem::error("exclusive-keys", message, at, "in this step"));
        }
        if !missing.is_empty() {
            let at = self.key_at(&fields.path);
            let message = format!("`{}` needs {}", tool.name, missing.join(" and "));
            let help = format!("add it under `with:`; {}", describe_params(tool));
            self.report(Problem::error("missing-parameter", message, at, "missing in this step").help(help));
        }
    }

    /// Whether an argument can have the type of its parameter; reports when not.
    fn fits(&mut self, param: &ParamDecl, arg: &Arg, node: &Node<'_>) -> bool {
        let good = match arg {
            Arg::Literal(value) => literal_fits(param.kind, value),
            // A text that is one expression may turn out to be anything.
            Arg::Template(template) if template.single().is_some() => true,
            _ if param.kind == ParamKind::Any => true,
            Arg::Template(_) => matches!(
                param.kind,
                ParamKind::String
                    | ParamKind::Path
                    | ParamKind::Number
                    | ParamKind::Seconds
                    | ParamKind::Shell
            ),
            Arg::List(items) => match param.kind {
                ParamKind::List => true,
                ParamKind::StringList => items.iter().all(is_text),
                _ => false,
            },
            Arg::Choice { .. } => false,
            Arg::Map(entries) => match param.kind {
                ParamKind::StringMap => entries.values().all(is_text),
                _ => false,
            },
        };
        if !good {
            self.wrong_type(node, noun(param.kind));
        }
        good
    }
}

/// `"true"` and `"false"` for a parameter that is yes or no.
fn read_bool(kind: ParamKind, arg: Arg) -> Arg {
    match &arg {
        Arg::Literal(Value::String(text)) if kind == ParamKind::Bool => match text.trim() {
            "true" => Arg::Literal(Value::Bool(true)),
            "false" => Arg::Literal(Value::Bool(false)),
            _ => arg,
        },
        _ => arg,
    }
}

fn is_text(arg: &Arg) -> bool {
    match arg {
        Arg::Literal(value) => is_scalar(value),
        Arg::Template(_) => true,
        Arg::List(_) | Arg::Map(_) | Arg::Choice { .. } => false,
    }
}

fn is_scalar(value: &Value) -> bool {
    value.is_string() || value.is_number() || value.is_boolean()
}

fn literal_fits(kind: ParamKind, value: &Value) -> bool {
    match kind {
        ParamKind::String => is_scalar(value),
        ParamKind::Path | ParamKind::Shell => value.is_string(),
        // Recipes write flags of tools as texts as well.
        ParamKind::Bool => value.is_boolean() || matches!(value.as_str(), Some("" | "true" | "false")),
        ParamKind::Number => {
            let number = |text: &str| text.trim().trim_start_matches('$').parse::<f64>().is_ok();
            value.is_number() || value.as_str().is_some_and(number)
        }
        ParamKind::Seconds => values::duration(value).is_ok(),
        ParamKind::StringList => value.as_array().is_some_and(|items| items.iter().all(is_scalar)),
        ParamKind::StringMap => value.as_object().is_some_and(|entries| entries.values().all(is_scalar)),
        ParamKind::List => value.is_array(),
        ParamKind::Any => true,
    }
}

fn noun(kind: ParamKind) -> &'static str {
    match kind {
        ParamKind::String | ParamKind::Shell => "a text",
        ParamKind::Path => "a path",
        ParamKind::Bool => "`true` or `false`",
        ParamKind::Number => "a number",
        ParamKind::Seconds => "seconds, or a duration such as `90s`, `10m`, `2h`",
        ParamKind::StringList => "a list of texts",
        ParamKind::StringMap => "a mapping of texts",
        ParamKind::List => "a list",
        ParamKind::Any => "a value",
    }
}

fn quote(param: &ParamDecl) -> String {
    format!("`{}`", param.name)
}

fn describe_params(tool: &ToolDecl) -> String {
    format!("parameters: {}", tool.params.iter().map(quote).collect::<Vec<_>>().join(", "))
}

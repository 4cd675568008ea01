//! `capture:` and `capture_list:`.

use indexmap::IndexMap;
use serde_json::Value;
use serde_yaml::Value as Yaml;

use super::keys::{CAPTURE, Fields};
use super::{Lowering, Node};
use crate::recipe::diagnostic::Problem;
use crate::recipe::expr::Expr;
use crate::recipe::model::{Arg, Capture, CaptureMode};
use crate::recipe::suggest;

impl Lowering<'_> {
    pub(super) fn captures(&mut self, fields: &Fields<'_>) -> IndexMap<String, Capture> {
        let mut all: IndexMap<String, Capture> = IndexMap::new();
        for (key, mode) in [("capture", CaptureMode::Set), ("capture_list", CaptureMode::Append)] {
            let entries = fields.get(key).map(|node| self.entries(&node)).unwrap_or_default();
            for (name, node) in entries {
                self.check_name("a variable", &name, &node.path);
                let Some(capture) = self.capture(&node, mode) else { continue };
                if all.insert(name.clone(), capture).is_some() {
                    let at = self.key_at(&node.path);
                    let other = self.key_at(&fields.path.key("capture").key(&name));
                    let message = format!("`{name}` is captured twice by one step");
                    self.report(
                        Problem::error("duplicate-key", message, at, "again here").also(other, "first here"),
                    );
                }
            }
        }
        all
    }

    fn capture(&mut self, node: &Node<'_>, mode: CaptureMode) -> Option<Capture> {
        if !node.value.is_mapping() {
            let value = self.captured(node, mode)?;
            return Some(Capture { value, kind: None, mode });
        }
        let fields = self.fields(node, &CAPTURE);
        let value = match (fields.get("value"), fields.get("from")) {
            (Some(value), None) | (None, Some(value)) => self.captured(&value, mode),
            (Some(_), Some(from)) => {
                let message = "`value` and `from` exclude each other".to_owned();
                self.error("exclusive-keys", &from.path, message, "", None);
                None
            }
            (None, None) => {
                let at = self.key_at(&node.path);
                let problem = Problem::error("missing-key", "`value` is missing", at, "in this capture");
                self.report(problem.help("write `value: ${{ result.field }}`".to_owned()));
                None
            }
        };
        let kind = match fields.get("type") {
            Some(node) => Some(self.kind(&node)?),
            None => None,
        };
        let mode = match fields.get("mode") {
            Some(node) => self.capture_mode(&node, mode)?,
            None => mode,
        };
        Some(Capture { value: value?, kind, mode })
    }

    fn capture_mode(&mut self, node: &Node<'_>, outer: CaptureMode) -> Option<CaptureMode> {
        let word = self.text(node)?;
        let mode = match word.as_str() {
            "set" => CaptureMode::Set,
            "append" => CaptureMode::Append,
            "keep" => CaptureMode::Keep,
            other => {
                let help = suggest::help(other, "modes", ["set", "append", "keep"]);
                self.error("bad-value", &node.path, format!("there is no mode `{other}`"), "unknown", help);
                return None;
            }
        };
        if outer == CaptureMode::Append && mode != outer {
            let message = format!("`capture_list` appends, so `mode: {word}` contradicts it");
            let help = Some("move the variable to `capture:`".to_owned());
            self.error("bad-value", &node.path, message, "", help);
            return None;
        }
        Some(mode)
    }

    fn captured(&mut self, node: &Node<'_>, mode: CaptureMode) -> Option<Arg> {
        let arg = self.arg(node)?;
        if let (Arg::Literal(Value::String(text)), Yaml::String(_)) = (&arg, node.value)
            && Expr::parse(text).is_ok_and(|expr| {
                expr.references().iter().any(|found| found.namespace == "result" && found.name.is_some())
            })
        {
            let message = format!("this captures the text {text:?}, not a value");
            let help = Some(format!("write `${{{{ {text} }}}}`"));
            let before = self.problems.len();
            self.error("capture-of-text", &node.path, message, "a plain text", help);
            // 0.9 holds only `capture` to it.
            if mode == CaptureMode::Append {
                self.tolerate(before);
                return self.is_legacy().then_some(arg);
            }
            return None;
        }
        Some(arg)
    }
}

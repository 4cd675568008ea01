//! Where a step leads: targets and `on_result`.

use serde_yaml::Value as Yaml;

use super::keys::{LEGACY_ROUTES, ROUTE};
use super::{Lowering, Node};
use crate::recipe::diagnostic::Problem;
use crate::recipe::expr::Expr;
use crate::recipe::model::{Route, Target};
use crate::recipe::suggest;

impl Lowering<'_> {
    /// A step name, `done` or `escalate`; `@done` and `@escalate` never mean a step.
    pub(super) fn target(&mut self, node: &Node<'_>) -> Option<Target> {
        let name = self.text(node)?;
        if self.step_names.contains(&name) {
            return Some(Target::Step(name));
        }
        match name.as_str() {
            "done" | "@done" => Some(Target::Done),
            "escalate" | "@escalate" => Some(Target::Escalate),
            _ => {
                let names = self.step_names.iter().map(String::as_str).chain(["done", "escalate"]);
                let help = suggest::help(&name, "steps", names);
                let message = format!("there is no step `{name}`");
                self.error("dangling-route", &node.path, message, "leads nowhere", help);
                None
            }
        }
    }

    pub(super) fn on_result(&mut self, node: &Node<'_>) -> Vec<Route> {
        let routes = match node.value {
            Yaml::Sequence(items) if items.is_empty() => {
                let before = self.problems.len();
                self.wrong_type(node, "at least one route");
                self.tolerate(before);
                Vec::new()
            }
            Yaml::Sequence(_) => {
                let items = self.items(node);
                items.iter().filter_map(|item| self.route(item)).collect()
            }
            Yaml::Mapping(_) => self.legacy_routes(node),
            _ => {
                self.wrong_type(node, "a list of `{when, route}`");
                Vec::new()
            }
        };
        if let Some(index) = routes.iter().position(|route: &Route| route.when.is_none())
            && index + 1 < routes.len()
        {
            let at = self.key_at(&node.path.index(index + 1));
            let message = "this route is never taken: the one before it always holds";
            let problem = Problem::warning("unreachable-route", message, at, "never taken");
            self.report(problem.help("move the route without `when:` to the end".to_owned()));
        }
        routes
    }

    fn route(&mut self, node: &Node<'_>) -> Option<Route> {
        if !node.value.is_mapping() {
            let before = self.problems.len();
            self.wrong_type(node, "a mapping with `when` and `route`");
            self.tolerate(before);
            return None;
        }
        let fields = self.fields(node, &ROUTE);
        let when = fields.get("when").map(|node| self.when(&node));
        let Some(target) = fields.get("route") else {
            let at = self.key_at(&node.path);
            let problem = Problem::error("missing-key", "`route` is missing", at, "in this entry");
            self.report(problem.help("add `route:` with the name of a step".to_owned()));
            return None;
        };
        let to = self.target(&target);
        let when = match when {
            Some(when) => when?,
            None => None,
        };
        Some(Route { when, to: to? })
    }

    /// A predicate: `Some(None)` when it always holds, `None` when it is faulty.
    fn when(&mut self, node: &Node<'_>) -> Option<Option<Expr>> {
        let text = match node.value {
            Yaml::Bool(value) => value.to_string(),
            _ => self.text(node)?,
        };
        let text = self.without_braces(node, text)?;
        let expr = self.expression(node, &text)?;
        Some(Some(expr).filter(|_| text != "true"))
    }

    /// The text of an expression. One that is written like a text with interpolations is translated in a legacy recipe, and
    /// reported in ours.
    pub(super) fn without_braces(&mut self, node: &Node<'_>, text: String) -> Option<String> {
        if !text.contains("${{") {
            return Some(text);
        }
        if self.is_legacy() {
            return Some(text);
        }
        let help = match bare(&text) {
            Some(bare) => format!("write `{bare}`"),
            None => "write it without `${{` and `}}`".to_owned(),
        };
        let message = "an expression stands without `${{ }}` here".to_owned();
        self.error("braces", &node.path, message, "this is an expression already", Some(help));
        None
    }

    /// `{field, routes}`: equality of one field of the result, as texts.
    fn legacy_routes(&mut self, node: &Node<'_>) -> Vec<Route> {
        let fields = self.fields(node, &LEGACY_ROUTES);
        let field = fields.get("field").and_then(|node| self.text(&node));
        let entries = fields.get("routes").map(|node| self.entries(&node)).unwrap_or_default();
        for (key, empty) in [("field", !fields.has("field")), ("routes", entries.is_empty())] {
            if empty && !fields.faulty {
                let at = self.key_at(&node.path);
                let message = format!("`on_result` needs `{key}`");
                let help = "write `field:` and `routes:`, or better a list of `{when, route}`".to_owned();
                self.report(Problem::error("missing-key", message, at, "here").help(help));
            }
        }
        let Some(field) = field else { return Vec::new() };
        // 0.9 takes hyphens.
        let plain = if self.is_legacy() { field.replace('-', "_") } else { field.clone() };
        self.check_name("a field", &plain, &fields.path.key("field"));
        let mut routes = Vec::new();
        for (value, target) in entries {
            let literal = serde_json::Value::from(value.as_str());
            let source = match self.is_legacy() {
                true => format!("result['{field}'] | is_same({literal})"),
                false => format!("result.{field} | string == {literal}"),
            };
            let when = Expr::made(&source, self.mode(), &format!("result.{field} == {literal}"));
            if let (Some(to), Ok(when)) = (self.target(&target), when) {
                routes.push(Route { when: Some(when), to });
            }
        }
        routes
    }
}

/// An expression written with braces, without them, when that is one.
fn bare(text: &str) -> Option<String> {
    let stripped = text.replace("${{", "").replace("}}", "");
    let words = stripped.split_whitespace().collect::<Vec<_>>().join(" ");
    for operator in [" == ", " != "] {
        if let Some((left, right)) = words.split_once(operator)
            && !right.starts_with(['\'', '"'])
            && right.parse::<f64>().is_err()
            && !matches!(right, "true" | "false" | "none")
            && right.chars().all(|other| other.is_alphanumeric() || " _-".contains(other))
        {
            let quoted = format!("{left}{operator}'{right}'");
            return Expr::parse(&quoted).is_ok().then_some(quoted);
        }
    }
    Expr::parse(&words).is_ok().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_are_taken_off_and_bare_words_quoted() {
        for (text, mended) in [
            ("${{ result.verdict }} == NO GO", Some("result.verdict == 'NO GO'")),
            ("${{ result.n }} > 0", Some("result.n > 0")),
            ("${{ context.flag }} == true", Some("context.flag == true")),
            ("${{ result.stdout | trim }} == clean", Some("result.stdout | trim == 'clean'")),
            ("${{ a b }}", None),
        ] {
            assert_eq!(bare(text).as_deref(), mended, "{text}");
        }
    }
}

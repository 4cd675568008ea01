//! The top level of a recipe and its limits.

use serde_yaml::Value as Yaml;

use super::keys::{Fields, LIMITS, RECIPE};
use super::{Lowering, Node};
use crate::core::ids;
use crate::recipe::diagnostic::Problem;
use crate::recipe::marks::Path;
use crate::recipe::model::{Allow, Limits, Orchestrator, Recipe, RecipeKind, RecipeSource};
use crate::recipe::suggest;

impl Lowering<'_> {
    pub(super) fn recipe(&mut self) -> Recipe {
        let document = self.document;
        let node = Node { value: &document.value, path: Path::root() };
        let fields = self.fields(&node, &RECIPE);
        let text = |this: &mut Self, key: &str| fields.get(key).and_then(|node| this.text(&node));

        let name = text(self, "name");
        if name.as_deref().is_none_or(str::is_empty)
            && fields.get("name").is_none_or(|name| name.value.is_string())
        {
            let help = "the first line is `name:` with the name of the file without `.yaml`".to_owned();
            let problem = match fields.has("name") {
                true => {
                    Problem::error("no-name", "the recipe has no name", self.at(&fields.path.key("name")), "")
                }
                false => Problem::whole("no-name", "the recipe has no name"),
            };
            self.report(problem.help(help));
        }
        let description = text(self, "description").unwrap_or_default();
        let summary = text(self, "summary").unwrap_or_default();
        self.language(&fields);
        let version = fields.get("autoskillit_version").and_then(|node| self.version(&node));
        let ingredients_key = self.renamed(&fields, "ingredients", "inputs");
        let rules_key = self.renamed(&fields, "kitchen_rules", "constraints");
        let kind = fields.get("kind").and_then(|node| self.recipe_kind(&node));
        let experimental = fields.get("experimental").and_then(|node| self.boolean(&node));
        let orchestrator = fields.get("orchestrator").and_then(|node| self.orchestrator(&node));
        let ingredients = fields.get(ingredients_key).map(|node| self.ingredients(&node)).unwrap_or_default();
        let kitchen_rules = fields.get(rules_key).map(|node| self.texts(&node)).unwrap_or_default();
        let requires_packs = fields.get("requires_packs").map(|node| self.texts(&node)).unwrap_or_default();
        let limits = fields.get("limits").map(|node| self.limits(&node)).unwrap_or_default();
        let steps = fields.get("steps").map(|node| self.steps(&node)).unwrap_or_default();
        let finally = fields.get("finally").map(|node| self.steps(&node)).unwrap_or_default();
        if steps.is_empty() && fields.get("steps").is_none_or(|node| is_empty(node.value)) {
            let problem = match fields.has("steps") {
                true => {
                    let at = self.key_at(&fields.path.key("steps"));
                    Problem::error("no-steps", "the recipe has no steps", at, "nothing here")
                }
                false => Problem::whole("no-steps", "the recipe has no steps"),
            };
            self.report(problem.help("add `steps:` with at least one step".to_owned()));
        }
        Recipe {
            name: name.unwrap_or_default(),
            description,
            summary,
            version,
            dialect: self.dialect,
            allow: fields.get("allow").map(|node| self.allow(&node)).unwrap_or_default(),
            orchestrator,
            ingredients,
            steps,
            kitchen_rules,
            requires_packs,
            limits,
            kind: kind.unwrap_or_default(),
            experimental: experimental.unwrap_or_default(),
            finally,
            env: std::mem::take(&mut self.env).into_iter().collect(),
            source: RecipeSource::Path,
            path: None,
            text: self.document.text.clone(),
            hash: ids::fingerprint(&self.document.text),
            parts: Vec::new(),
        }
    }

    /// `language:`; 1 is ours, 0 that of AutoSkillit 0.9.
    fn language(&mut self, fields: &Fields<'_>) {
        if let Some(node) = fields.get("language")
            && !matches!(node.value.as_u64(), Some(0 | 1))
        {
            let message = "this version knows language 1".to_owned();
            self.error(
                "bad-value",
                &node.path,
                message,
                "another language",
                Some("write `language: 1`".to_owned()),
            );
        }
    }

    /// `autoskillit_version:`, a text; 0.9 takes a number as well.
    fn version(&mut self, node: &Node<'_>) -> Option<String> {
        if !self.is_legacy() || !node.value.is_number() {
            return self.text(node);
        }
        let before = self.problems.len();
        self.wrong_type(node, "a text");
        self.tolerate(before);
        super::scalar_text(node.value)
    }

    /// The key that stands in the text: `new`, or `old` as 0.9 called it.
    fn renamed(&mut self, fields: &Fields<'_>, new: &'static str, old: &'static str) -> &'static str {
        if !fields.has(old) {
            return new;
        }
        let at = self.key_at(&fields.path.key(old));
        let message = format!("`{old}` at the top is called `{new}`");
        match self.is_legacy() {
            true => self.report(
                Problem::warning("renamed-key", message, at, "the old name").help(format!("write `{new}`")),
            ),
            false => self
                .report(Problem::error("unknown-key", message, at, "unknown").help(format!("write `{new}`"))),
        }
        if fields.has(new) { new } else { old }
    }

    /// `allow:` of a recipe or a step: the rules' ids, each with the reason.
    pub(super) fn allow(&mut self, node: &Node<'_>) -> Vec<Allow> {
        let mut allowed = Vec::new();
        for (rule, entry) in self.entries(node) {
            let Some(reason) = self.text(&entry) else { continue };
            if reason.is_empty() {
                let message = format!("it is not said why `{rule}` is right here");
                let help = "give the reason behind the rule's name: who reads it next will ask".to_owned();
                self.error("no-reason", &entry.path, message, "no reason", Some(help));
            }
            allowed.push(Allow { rule, reason });
        }
        allowed
    }

    fn recipe_kind(&mut self, node: &Node<'_>) -> Option<RecipeKind> {
        let given = self.text(node)?;
        let found = RecipeKind::ALL.iter().find(|(name, _)| *name == given).map(|(_, kind)| *kind);
        if found.is_none() {
            let help = suggest::help(&given, "kinds", RecipeKind::ALL.iter().map(|(name, _)| *name));
            let before = self.problems.len();
            self.error("bad-value", &node.path, format!("there is no kind `{given}`"), "unknown", help);
            self.tolerate(before);
        }
        found
    }

    fn orchestrator(&mut self, node: &Node<'_>) -> Option<Orchestrator> {
        match self.text(node)?.as_str() {
            "engine" => Some(Orchestrator::Engine),
            "claude" => Some(Orchestrator::Claude),
            other => {
                let message = format!("there is no orchestrator `{other}`");
                let help = suggest::help(other, "orchestrators", ["engine", "claude"]);
                self.error("bad-value", &node.path, message, "unknown", help);
                None
            }
        }
    }

    fn limits(&mut self, node: &Node<'_>) -> Limits {
        let fields = self.fields(node, &LIMITS);
        Limits {
            budget_usd: fields.get("budget_usd").and_then(|node| self.dollars(&node)),
            quota_share: fields.get("quota_share").and_then(|node| self.percent(&node)),
            wall_clock: fields.get("wall_clock").and_then(|node| self.duration(&node)),
            sessions: fields.get("sessions").and_then(|node| self.count(&node, 1)),
            max_visits: fields.get("max_visits").and_then(|node| self.count(&node, 1)),
            same_failure: fields.get("same_failure").and_then(|node| self.count(&node, 0)),
        }
    }

    fn dollars(&mut self, node: &Node<'_>) -> Option<f64> {
        let amount = match node.value {
            Yaml::Number(number) => number.as_f64().filter(|amount| amount.is_finite() && *amount > 0.0),
            _ => None,
        };
        if amount.is_none() {
            self.wrong_type(node, "a number of dollars above 0");
        }
        amount
    }

    fn percent(&mut self, node: &Node<'_>) -> Option<f64> {
        let part = match node.value {
            Yaml::Number(number) => number.as_f64().filter(|part| *part > 0.0 && *part <= 100.0),
            _ => None,
        };
        if part.is_none() {
            self.wrong_type(node, "per cent, a number above 0 and up to 100");
        }
        part
    }
}

fn is_empty(value: &Yaml) -> bool {
    value.is_null() || value.as_mapping().is_some_and(serde_yaml::Mapping::is_empty)
}

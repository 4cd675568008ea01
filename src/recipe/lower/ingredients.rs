//! `ingredients:`.

use indexmap::IndexMap;
use serde_json::Value;
use serde_yaml::Value as Yaml;

use super::keys::INGREDIENT;
use super::{Lowering, Node, to_json};
use crate::config::table;
use crate::recipe::diagnostic::Problem;
use crate::recipe::expr::text;
use crate::recipe::model::{DefaultFrom, Ingredient, ValueKind};
use crate::recipe::suggest;

impl Lowering<'_> {
    pub(super) fn ingredients(&mut self, node: &Node<'_>) -> IndexMap<String, Ingredient> {
        let mut all = IndexMap::new();
        for (name, entry) in self.entries(node) {
            self.check_name("an ingredient", &name, &entry.path);
            let ingredient = self.ingredient(&entry);
            if matches!(ingredient.kind, ValueKind::String) {
                self.text_inputs.insert(name.clone());
            }
            self.ingredient_names.insert(name.clone());
            all.insert(name, ingredient);
        }
        all
    }

    fn ingredient(&mut self, node: &Node<'_>) -> Ingredient {
        if !node.value.is_mapping() && !node.value.is_null() {
            let before = self.problems.len();
            self.wrong_type(node, "a mapping");
            self.tolerate(before);
            return Ingredient::default();
        }
        let fields = self.fields(node, &INGREDIENT);
        let description = fields.get("description").and_then(|node| self.text(&node)).unwrap_or_default();
        let kind = fields.get("type").and_then(|node| self.kind(&node)).unwrap_or_default();
        let required = fields.get("required").and_then(|node| self.boolean(&node)).unwrap_or_default();
        let choices: Vec<Value> =
            fields.get("choices").map(|node| self.choices(&node, kind)).unwrap_or_default();
        let default = fields.get("default").and_then(|node| self.default(&node, kind));
        if let Some(default) = &default
            && !choices.is_empty()
            && !choices.contains(default)
        {
            let at = self.at(&fields.path.key("default"));
            let message = format!("the default `{}` is not among the choices", text(default));
            let words: Vec<String> = choices.iter().map(text).collect();
            let help = format!("choices: {}", suggest::quoted_list(&words));
            self.report(Problem::error("bad-default", message, at, "not a choice").help(help));
        }
        if required && default.is_some() {
            let at = self.key_at(&fields.path.key("required"));
            let message = "`required` has no effect on an ingredient with a default";
            let problem = Problem::warning("required-with-default", message, at, "no effect");
            self.report(problem.help("remove one of them".to_owned()));
        }
        Ingredient {
            description: description.split_whitespace().collect::<Vec<_>>().join(" "),
            required: required && default.is_none(),
            default,
            hidden: fields.get("hidden").and_then(|node| self.boolean(&node)).unwrap_or_default(),
            kind,
            choices,
            default_from: fields.get("default_from").and_then(|node| self.default_from(&node)),
        }
    }

    /// `default_from:`.
    fn default_from(&mut self, node: &Node<'_>) -> Option<DefaultFrom> {
        let given = self.text(node)?;
        if let Some(key) = given.strip_prefix("config.")
            && !key.is_empty()
        {
            return self.setting(node, key).then(|| DefaultFrom::Config(key.to_owned()));
        }
        let found = DefaultFrom::WORDS.iter().find(|(word, _)| *word == given);
        if found.is_none() {
            let words = DefaultFrom::WORDS.iter().map(|(word, _)| *word).chain(["config.<key>"]);
            let help = suggest::help(&given, "sources", words);
            let message = format!("nothing is known to read at `{given}`");
            self.error("bad-value", &node.path, message, "unknown", help);
        }
        found.map(|(_, source)| source.clone())
    }

    /// Whether a recipe may read this setting.
    fn setting(&mut self, node: &Node<'_>, key: &str) -> bool {
        let (message, label, help) = match table::find(key) {
            Some(found) if !found.secret => return true,
            Some(_) => (
                format!("the setting `{key}` is a secret, and a run writes its ingredients down"),
                "a secret",
                Some("give it to the step that needs it through the environment".to_owned()),
            ),
            None if table::is_unused(key) => {
                (format!("the setting `{key}` has no meaning in this version"), "no meaning", None)
            }
            None => {
                let names = table::KEYS.iter().filter(|key| !key.secret).map(|key| key.name);
                (format!("there is no setting `{key}`"), "unknown", suggest::help(key, "settings", names))
            }
        };
        self.error("bad-value", &node.path, message, label, help);
        false
    }

    /// `type:` of an ingredient or capture.
    pub(super) fn kind(&mut self, node: &Node<'_>) -> Option<ValueKind> {
        let name = self.text(node)?;
        let found = ValueKind::from_name(&name);
        if found.is_none() {
            let help = suggest::help(&name, "types", ValueKind::ALL.iter().map(|(word, _)| *word));
            self.error("bad-value", &node.path, format!("there is no type `{name}`"), "unknown type", help);
        }
        found
    }

    fn default(&mut self, node: &Node<'_>, kind: ValueKind) -> Option<Value> {
        if let Yaml::String(text) = node.value
            && text.contains("${{")
        {
            let message = "a default is a plain value".to_owned();
            let help = "a step can work it out and capture it".to_owned();
            self.error("bad-default", &node.path, message, "an expression", Some(help));
            return None;
        }
        self.typed(node, kind, "default")
    }

    fn choices(&mut self, node: &Node<'_>, kind: ValueKind) -> Vec<Value> {
        self.items(node).iter().filter_map(|item| self.typed(item, kind, "choice")).collect()
    }

    fn typed(&mut self, node: &Node<'_>, kind: ValueKind, what: &str) -> Option<Value> {
        let value = match to_json(node.value) {
            // The reference trims defaults, so block scalars do not end in a line break.
            Value::String(text) => Value::from(text.trim()),
            other => other,
        };
        if kind.accepts(&value) {
            return Some(value);
        }
        if self.is_legacy() && matches!(kind, ValueKind::String) && (value.is_boolean() || value.is_number())
        {
            let message = format!("the {what} `{value}` is read as a text, as every ingredient of 0.9");
            let at = self.at(&node.path);
            let problem = Problem::warning("wrong-type", message, at, "no text");
            self.report(problem.help(format!("put it in quotes, \"{value}\"")));
            return Some(Value::from(text(&value)));
        }
        let message = format!("expected {} as {what}, found {}", kind.noun(), super::describe(node.value));
        let help = match (kind, &value) {
            (ValueKind::String | ValueKind::Path, Value::Bool(_)) => {
                Some(format!("put it in quotes, \"{value}\", or say `type: bool`"))
            }
            (ValueKind::String | ValueKind::Path, Value::Number(_)) => {
                Some(format!("put it in quotes, \"{value}\", or say `type: number`"))
            }
            (ValueKind::String, Value::Array(_)) => Some("say `type: list`".to_owned()),
            (ValueKind::String, Value::Object(_)) => Some("say `type: json`".to_owned()),
            (kind, Value::String(text)) => match kind.read(text) {
                Ok(value) => Some(format!("write `{value}`")),
                Err(_) => None,
            },
            _ => None,
        };
        let at = self.at(&node.path);
        let label = format!("the type is `{}`", kind.name());
        self.report(Problem::error("wrong-type", message, at, &label).help(help));
        None
    }
}

//! From a YAML value to the compiled recipe. Every error of a file is collected; what is faulty is
//! left out, so that the rest can still be looked at.

mod args;
mod captures;
mod features;
mod ingredients;
mod keys;
mod kinds;
mod legacy_shell;
mod routes;
mod steps;
mod sub;
mod top;

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

use serde_json::Value;
use serde_yaml::Value as Yaml;

use super::diagnostic::{Problem, Severity};
use super::dialect;
use super::expr::{ENVIRONMENT, Expr, ExprError, Mode, Reference, Template};
use super::marks::Path;
use super::model::{Arg, Dialect, Recipe};
use super::yaml::Document;
use super::{suggest, values};

/// What lowering leaves.
#[derive(Debug)]
pub struct Lowered {
    /// The recipe; complete only when there are no errors.
    pub recipe: Recipe,
    /// Everything that was found wrong.
    pub problems: Vec<Problem>,
    /// Steps that could not be understood completely.
    pub broken: HashSet<String>,
}

/// Lowers a parsed file.
#[must_use]
pub fn lower(document: &Document) -> Lowered {
    lower_in(document, &[])
}

/// Lowers a parsed file whose expressions may read these variables of the environment beside those that all may.
#[must_use]
pub fn lower_in(document: &Document, env: &[String]) -> Lowered {
    let (dialect, marker) = dialect::detect(document);
    let mut lowering = Lowering {
        document,
        dialect,
        problems: marker.into_iter().collect(),
        step_names: Vec::new(),
        broken: HashSet::new(),
        text_inputs: HashSet::new(),
        ingredient_names: HashSet::new(),
        hints: indexmap::IndexMap::new(),
        allowed: env,
        env: BTreeSet::new(),
        items_in_scope: Vec::new(),
    };
    let recipe = lowering.recipe();
    Lowered { recipe, problems: lowering.problems, broken: lowering.broken }
}

struct Lowering<'a> {
    document: &'a Document,
    dialect: Dialect,
    problems: Vec<Problem>,
    step_names: Vec<String>,
    broken: HashSet<String>,
    /// Ingredients whose values are texts, so that `false` may be a text.
    text_inputs: HashSet<String>,
    ingredient_names: HashSet<String>,
    /// What the step at hand tells beside the parameters of its tool.
    hints: indexmap::IndexMap<String, Arg>,
    /// Variables of the environment that the settings allow.
    allowed: &'a [String],
    /// Those that are read.
    env: BTreeSet<String>,
    /// The names of the loops around the step at hand.
    items_in_scope: Vec<String>,
}

/// A value and where it stands.
#[derive(Clone)]
struct Node<'a> {
    value: &'a Yaml,
    path: Path,
}

impl Lowering<'_> {
    fn report(&mut self, mut problem: Problem) {
        dialect::soften(self.dialect, &mut problem);
        self.problems.push(problem);
    }

    fn is_legacy(&self) -> bool {
        self.dialect == Dialect::Legacy
    }

    /// Makes warnings of what was reported since there were `before` problems, where 0.9 takes it.
    fn tolerate(&mut self, before: usize) {
        if self.is_legacy() {
            self.problems[before..].iter_mut().for_each(|problem| problem.severity = Severity::Warning);
        }
    }

    fn at(&self, path: &Path) -> Range<usize> {
        self.document.marks.at(path)
    }

    fn key_at(&self, path: &Path) -> Range<usize> {
        self.document.marks.key(path)
    }

    fn error(&mut self, code: &'static str, path: &Path, message: String, label: &str, help: Option<String>) {
        let at = self.at(path);
        self.report(Problem::error(code, message, at, label).help(help));
    }

    /// Says that a value has the wrong type.
    fn wrong_type(&mut self, node: &Node<'_>, expected: &str) {
        let found = describe(node.value);
        let help = (expected == "a text" && matches!(node.value, Yaml::Bool(_) | Yaml::Number(_)))
            .then(|| format!("put it in quotes: \"{}\"", scalar_text(node.value).unwrap_or_default()));
        let message = format!("expected {expected}, found {found}");
        self.error("wrong-type", &node.path, message, &format!("this is {found}"), help);
    }

    /// A text, trimmed.
    fn text(&mut self, node: &Node<'_>) -> Option<String> {
        match node.value {
            Yaml::String(text) => Some(text.trim().to_owned()),
            _ => {
                self.wrong_type(node, "a text");
                None
            }
        }
    }

    fn boolean(&mut self, node: &Node<'_>) -> Option<bool> {
        match node.value {
            Yaml::Bool(value) => Some(*value),
            Yaml::String(text) => match text.as_str() {
                "yes" | "on" | "true" => Some(true),
                "no" | "off" | "false" => Some(false),
                _ => {
                    self.wrong_type(node, "`true` or `false`");
                    None
                }
            },
            _ => {
                self.wrong_type(node, "`true` or `false`");
                None
            }
        }
    }

    fn count(&mut self, node: &Node<'_>, least: u32) -> Option<u32> {
        let number = match node.value {
            Yaml::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
            _ => None,
        };
        let expected = if least == 0 { "a whole number" } else { "a whole number from 1" };
        let found = number.filter(|number| *number >= least);
        if found.is_none() {
            self.wrong_type(node, expected);
        }
        found
    }

    fn duration(&mut self, node: &Node<'_>) -> Option<std::time::Duration> {
        match values::duration(&to_json(node.value)) {
            Ok(duration) => Some(duration),
            Err(message) => {
                self.error("wrong-type", &node.path, message, "no duration", None);
                None
            }
        }
    }

    /// The items of a list.
    fn items<'n>(&mut self, node: &Node<'n>) -> Vec<Node<'n>> {
        match node.value {
            Yaml::Sequence(items) => items
                .iter()
                .enumerate()
                .map(|(index, value)| Node { value, path: node.path.index(index) })
                .collect(),
            Yaml::Null => Vec::new(),
            _ => {
                self.wrong_type(node, "a list");
                Vec::new()
            }
        }
    }

    fn texts(&mut self, node: &Node<'_>) -> Vec<String> {
        self.items(node).iter().filter_map(|item| self.text(item)).collect()
    }

    /// The entries of a mapping, keys as texts.
    fn entries<'n>(&mut self, node: &Node<'n>) -> Vec<(String, Node<'n>)> {
        match node.value {
            Yaml::Mapping(mapping) => {
                let mut entries = Vec::new();
                for (key, value) in mapping {
                    match scalar_text(key) {
                        Some(key) => {
                            let path = node.path.key(&key);
                            entries.push((key, Node { value, path }));
                        }
                        None => {
                            let message = format!("a key must be a text, found {}", describe(key));
                            self.error("wrong-type", &node.path, message, "in this mapping", None);
                        }
                    }
                }
                entries
            }
            Yaml::Null => Vec::new(),
            _ => {
                self.wrong_type(node, "a mapping");
                Vec::new()
            }
        }
    }

    /// Compiles a text with interpolations.
    fn template(&mut self, node: &Node<'_>, text: &str) -> Option<Template> {
        match Template::parse_as(text, self.mode()) {
            Ok(template) => {
                self.check_references(node, text, template.references());
                Some(template)
            }
            Err(error) => {
                self.expression_error(node, text, &error);
                None
            }
        }
    }

    /// How expressions of this recipe are read.
    fn mode(&self) -> Mode {
        match self.dialect {
            Dialect::Current => Mode::Strict,
            Dialect::Legacy => Mode::Legacy,
        }
    }

    /// Reports names of the environment and of a loop that cannot be read here.
    fn check_references(&mut self, node: &Node<'_>, text: &str, references: &[Reference]) {
        for reference in references {
            let name = reference.name.as_deref().unwrap_or_default();
            let (code, message, help) = match reference.namespace.as_str() {
                "env" if ENVIRONMENT.contains(&name) || self.allowed.iter().any(|known| known == name) => {
                    self.env.insert(name.to_owned());
                    continue;
                }
                "env" => (
                    "env-not-allowed",
                    format!("`{reference}` must not be read"),
                    format!(
                        "recipes read {} and what `recipes.env` of the settings names; a command sees its whole environment",
                        suggest::quoted_list(ENVIRONMENT)
                    ),
                ),
                "item" if self.items_in_scope.is_empty() => (
                    "unknown-reference",
                    format!("`{reference}` is not known here"),
                    "an item is read by the steps of `for_each`".to_owned(),
                ),
                "item"
                    if !self.items_in_scope.iter().any(|known| {
                        name.strip_prefix(known.as_str()).is_some_and(|rest| matches!(rest, "" | "_index"))
                    }) =>
                {
                    let names: Vec<String> =
                        self.items_in_scope.iter().map(|name| format!("item.{name}")).collect();
                    let help = suggest::help(
                        &format!("item.{name}"),
                        "items here",
                        names.iter().map(String::as_str),
                    );
                    ("unknown-reference", format!("there is no `{reference}`"), help.unwrap_or_default())
                }
                _ => continue,
            };
            let at = self.document.marks.within(&self.document.text, &node.path, text, &reference.span);
            self.report(Problem::error(code, message, at, "here").help(help));
        }
    }

    /// Compiles a predicate.
    fn expression(&mut self, node: &Node<'_>, text: &str) -> Option<Expr> {
        match Expr::predicate(text, self.mode()) {
            Ok(expr) => {
                self.check_references(node, text, expr.references());
                Some(expr)
            }
            Err(error) => {
                self.expression_error(node, text, &error);
                None
            }
        }
    }

    fn expression_error(&mut self, node: &Node<'_>, text: &str, error: &ExprError) {
        let at = self.document.marks.within(&self.document.text, &node.path, text, &error.span);
        self.report(Problem::error("expression", error.message.clone(), at, "here").help(error.help.clone()));
    }

    /// A message: a text with interpolations.
    fn message(&mut self, node: &Node<'_>) -> Option<Template> {
        let text = self.text(node)?;
        self.template(node, &text)
    }

    /// Any value whose texts may hold interpolations.
    fn arg(&mut self, node: &Node<'_>) -> Option<Arg> {
        Some(match node.value {
            Yaml::String(text) => {
                let template = self.template(node, text)?;
                match template.is_literal() {
                    true => Arg::Literal(Value::from(text.as_str())),
                    false => Arg::Template(template),
                }
            }
            Yaml::Sequence(_) => {
                let items: Vec<_> = self.items(node).iter().map(|item| self.arg(item)).collect();
                let items = items.into_iter().collect::<Option<Vec<_>>>()?;
                match items.iter().all(|item| matches!(item, Arg::Literal(_))) {
                    true => Arg::Literal(to_json(node.value)),
                    false => Arg::List(items),
                }
            }
            Yaml::Mapping(_) => {
                let entries = self.entries(node);
                let entries: Vec<_> =
                    entries.iter().map(|(key, item)| Some((key.clone(), self.arg(item)?))).collect();
                let entries = entries.into_iter().collect::<Option<indexmap::IndexMap<_, _>>>()?;
                match entries.values().all(|item| matches!(item, Arg::Literal(_))) {
                    true => Arg::Literal(to_json(node.value)),
                    false => Arg::Map(entries),
                }
            }
            Yaml::Tagged(_) => {
                self.error("tag", &node.path, "tags are not part of the language".to_owned(), "a tag", None);
                return None;
            }
            other => Arg::Literal(to_json(other)),
        })
    }

    /// Whether `name` can follow the dot in an expression.
    fn check_name(&mut self, what: &str, name: &str, path: &Path) {
        let mut characters = name.chars();
        let good = characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
            && characters.all(|other| other.is_ascii_alphanumeric() || other == '_');
        if !good {
            let at = self.key_at(path);
            let message = format!("`{name}` is no name for {what}");
            let help = "use letters, digits and `_`, so that expressions can name it".to_owned();
            self.report(Problem::error("bad-name", message, at, "this name").help(help));
        }
    }
}

/// The text of a scalar, as a key.
fn scalar_text(value: &Yaml) -> Option<String> {
    match value {
        Yaml::String(text) => Some(text.clone()),
        Yaml::Bool(value) => Some(value.to_string()),
        Yaml::Number(number) => Some(number.to_string()),
        Yaml::Null => Some("null".to_owned()),
        _ => None,
    }
}

fn describe(value: &Yaml) -> String {
    match value {
        Yaml::Null => "nothing".to_owned(),
        Yaml::Bool(value) => format!("the boolean `{value}`"),
        Yaml::Number(number) => format!("the number `{number}`"),
        Yaml::String(text) if text.chars().count() > 40 => "a text".to_owned(),
        Yaml::String(text) => format!("the text {text:?}"),
        Yaml::Sequence(_) => "a list".to_owned(),
        Yaml::Mapping(_) => "a mapping".to_owned(),
        Yaml::Tagged(_) => "a tagged value".to_owned(),
    }
}

fn to_json(value: &Yaml) -> Value {
    match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::from(*value),
        Yaml::Number(number) => {
            let whole = number.as_i64().map(Value::from).or_else(|| number.as_u64().map(Value::from));
            whole.unwrap_or_else(|| number.as_f64().map_or(Value::Null, Value::from))
        }
        Yaml::String(text) => Value::from(text.as_str()),
        Yaml::Sequence(items) => Value::Array(items.iter().map(to_json).collect()),
        Yaml::Mapping(mapping) => Value::Object(
            mapping.iter().filter_map(|(key, value)| Some((scalar_text(key)?, to_json(value)))).collect(),
        ),
        Yaml::Tagged(tagged) => to_json(&tagged.value),
    }
}

//! Argument values at run time.

use serde_json::{Map, Value};

use super::expr::{EvalError, Expr, Reference, Scope, Template};
use super::model::Arg;

impl Arg {
    /// The value in `scope`, types kept.
    ///
    /// # Errors
    /// When an interpolation inside has no value.
    pub fn value(&self, scope: &Scope) -> Result<Value, EvalError> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Template(template) => template.value(scope),
            Self::List(items) => {
                let mut values = Vec::new();
                for item in items {
                    match item {
                        Self::Choice { when, .. } if !when.is_true(scope)? => {}
                        item => values.push(item.value(scope)?),
                    }
                }
                Ok(Value::Array(values))
            }
            Self::Choice { value, .. } => value.value(scope),
            Self::Map(entries) => entries
                .iter()
                .map(|(key, item)| item.value(scope).map(|value| (key.clone(), value)))
                .collect::<Result<Map<_, _>, _>>()
                .map(Value::Object),
        }
    }

    /// The templates inside, outermost first.
    #[must_use]
    pub fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Literal(_) => Vec::new(),
            Self::Template(template) => vec![template],
            Self::List(items) => items.iter().flat_map(Self::templates).collect(),
            Self::Map(entries) => entries.values().flat_map(Self::templates).collect(),
            Self::Choice { value, .. } => value.templates(),
        }
    }

    /// The names that it reads, each occurrence.
    #[must_use]
    pub fn references(&self) -> Vec<&Reference> {
        let mut all: Vec<&Reference> = self.templates().into_iter().flat_map(Template::references).collect();
        for condition in self.conditions() {
            all.extend(condition.references());
        }
        all
    }

    /// The conditions inside.
    #[must_use]
    pub fn conditions(&self) -> Vec<&Expr> {
        match self {
            Self::Literal(_) | Self::Template(_) => Vec::new(),
            Self::List(items) => items.iter().flat_map(Self::conditions).collect(),
            Self::Map(entries) => entries.values().flat_map(Self::conditions).collect(),
            Self::Choice { when, value } => std::iter::once(when).chain(value.conditions()).collect(),
        }
    }
}

//! Argument values at run time.

use serde_json::{Map, Value};

use super::expr::{EvalError, Reference, Scope, Template};
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
                items.iter().map(|item| item.value(scope)).collect::<Result<_, _>>().map(Value::Array)
            }
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
        }
    }

    /// The names that it reads, each occurrence.
    #[must_use]
    pub fn references(&self) -> Vec<&Reference> {
        self.templates().into_iter().flat_map(Template::references).collect()
    }
}

//! Reading a mapping by its table of keys.

use std::collections::HashMap;

use super::{Lowering, Node};
use crate::recipe::diagnostic::Problem;
use crate::recipe::keys::Table;
pub(super) use crate::recipe::keys::{
    BACKOFF, CAPTURE, INGREDIENT, ITEM, LEGACY_ROUTES, LIMITS, OUTPUTS, POLL, RECIPE, RETRY, ROUTE, STEP,
    STOP,
};
use crate::recipe::marks::Path;
use crate::recipe::suggest;

/// The known entries of one mapping; a null value counts as absent, except for a route.
pub(super) struct Fields<'n> {
    pub(super) path: Path,
    entries: HashMap<String, Node<'n>>,
    /// Whether an entry is unknown.
    pub(super) faulty: bool,
}

impl<'n> Fields<'n> {
    pub(super) fn get(&self, key: &str) -> Option<Node<'n>> {
        self.entries.get(key).cloned()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }
}

impl Lowering<'_> {
    /// Reads the entries of a mapping and reports keys that it should not have.
    pub(super) fn fields<'n>(&mut self, node: &Node<'n>, keys: &Table) -> Fields<'n> {
        let mut fields = Fields { path: node.path.clone(), entries: HashMap::new(), faulty: false };
        for (key, value) in self.entries(node) {
            if keys.has(&key) {
                if !value.value.is_null() {
                    fields.entries.insert(key, value);
                } else if key.starts_with("on_") {
                    self.wrong_type(&value, "the name of a step");
                }
                continue;
            }
            fields.faulty = true;
            let at = self.key_at(&value.path);
            let help = match (key.as_str(), keys.what) {
                ("with_args", "a step") => Some("did you mean `with`?".to_owned()),
                _ => suggest::help(&key, "known keys", keys.names()),
            };
            let message = format!("unknown key `{key}` in {}", keys.what);
            self.report(Problem::error("unknown-key", message, at, "unknown").help(help));
        }
        fields
    }
}

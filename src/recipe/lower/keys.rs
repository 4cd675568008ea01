//! The keys of each kind of mapping.

use std::collections::HashMap;

use super::{Lowering, Node};
use crate::recipe::diagnostic::Problem;
use crate::recipe::marks::Path;
use crate::recipe::suggest;

/// The keys of one kind of mapping.
pub(super) struct Keys {
    /// What the mapping is, for messages.
    pub(super) what: &'static str,
    /// Keys with a meaning.
    pub(super) known: &'static [&'static str],
}

pub(super) static RECIPE: Keys = Keys {
    what: "a recipe",
    known: &[
        "name",
        "description",
        "summary",
        "language",
        "autoskillit_version",
        "experimental",
        "inputs",
        "constraints",
        "ingredients",
        "steps",
        "kitchen_rules",
        "requires_packs",
        "limits",
        "orchestrator",
        "finally",
        "allow",
    ],
};

pub(super) static LIMITS: Keys =
    Keys { what: "`limits`", known: &["budget_usd", "quota_share", "wall_clock", "sessions", "max_visits"] };

pub(super) static INGREDIENT: Keys = Keys {
    what: "an ingredient",
    known: &["description", "required", "default", "hidden", "type", "choices", "default_from"],
};

pub(super) static STEP: Keys = Keys {
    what: "a step",
    known: &[
        "tool",
        "with",
        "skill",
        "args",
        "action",
        "message",
        "stop",
        "status",
        "default",
        "on_success",
        "on_failure",
        "on_result",
        "on_context_limit",
        "on_exhausted",
        "on_skip",
        "max_visits",
        "on_exceeded",
        "retries",
        "skip_when_false",
        "capture",
        "capture_list",
        "description",
        "note",
        "optional",
        "sub_recipe",
        "gate",
        "inputs",
        "outputs",
        "python",
        "constant",
        "for_each",
        "as",
        "mode",
        "max_parallel",
        "steps",
        "collect",
        "on_item_failure",
        "poll",
        "retry",
        "outputs_from",
        "options",
        "timeout",
        "block",
        "optional_context_refs",
        "model",
        "stale_threshold",
        "idle_output_timeout",
        "allow",
    ],
};

pub(super) static STOP: Keys = Keys { what: "`stop`", known: &["status", "message"] };

pub(super) static ROUTE: Keys = Keys { what: "a route", known: &["when", "route"] };

pub(super) static LEGACY_ROUTES: Keys = Keys { what: "`on_result`", known: &["field", "routes"] };

pub(super) static CAPTURE: Keys = Keys { what: "a capture", known: &["value", "from", "type", "mode"] };

pub(super) static ITEM: Keys = Keys { what: "an argument", known: &["when", "value"] };

pub(super) static RETRY: Keys = Keys { what: "`retry`", known: &["max", "on", "backoff"] };

pub(super) static BACKOFF: Keys = Keys { what: "`backoff`", known: &["first", "factor", "most"] };

pub(super) static POLL: Keys = Keys { what: "`poll`", known: &["every", "for", "until"] };

pub(super) static OUTPUTS: Keys = Keys { what: "`outputs_from`", known: &["file"] };

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
    pub(super) fn fields<'n>(&mut self, node: &Node<'n>, keys: &Keys) -> Fields<'n> {
        let mut fields = Fields { path: node.path.clone(), entries: HashMap::new(), faulty: false };
        for (key, value) in self.entries(node) {
            if keys.known.contains(&key.as_str()) {
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
                _ => suggest::help(&key, "known keys", keys.known.iter().copied()),
            };
            let message = format!("unknown key `{key}` in {}", keys.what);
            self.report(Problem::error("unknown-key", message, at, "unknown").help(help));
        }
        fields
    }
}

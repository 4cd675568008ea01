//! The keys of each kind of mapping: those this version executes, and those it only knows.

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
    /// Keys of the language that this version does not execute.
    pub(super) unsupported: &'static [&'static str],
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
        "allow",
    ],
    unsupported: &["finally"],
};

pub(super) static LIMITS: Keys = Keys {
    what: "`limits`",
    known: &["budget_usd", "wall_clock", "sessions", "max_visits"],
    unsupported: &[],
};

pub(super) static INGREDIENT: Keys = Keys {
    what: "an ingredient",
    known: &["description", "required", "default", "hidden", "type", "choices"],
    unsupported: &["default_from"],
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
        "model",
        "stale_threshold",
        "idle_output_timeout",
        "allow",
    ],
    unsupported: &[
        "for_each",
        "as",
        "mode",
        "max_parallel",
        "steps",
        "collect",
        "on_item_failure",
        "python",
        "constant",
        "poll",
        "retry",
        "finally",
        "block",
        "outputs_from",
        "options",
        "timeout",
        "optional_context_refs",
    ],
};

pub(super) static STOP: Keys = Keys { what: "`stop`", known: &["status", "message"], unsupported: &[] };

pub(super) static ROUTE: Keys = Keys { what: "a route", known: &["when", "route"], unsupported: &[] };

pub(super) static LEGACY_ROUTES: Keys =
    Keys { what: "`on_result`", known: &["field", "routes"], unsupported: &[] };

pub(super) static CAPTURE: Keys =
    Keys { what: "a capture", known: &["value", "from", "type", "mode"], unsupported: &[] };

/// The known entries of one mapping; a null value counts as absent, except for a route.
pub(super) struct Fields<'n> {
    pub(super) path: Path,
    entries: HashMap<String, Node<'n>>,
    /// Whether an entry is unknown or unsupported.
    pub(super) faulty: bool,
    /// The first unsupported key, if any.
    pub(super) unsupported: bool,
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
        let mut fields =
            Fields { path: node.path.clone(), entries: HashMap::new(), faulty: false, unsupported: false };
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
            if keys.unsupported.contains(&key.as_str()) {
                fields.unsupported = true;
                let message = format!("`{key}` is not supported by this version");
                let problem = Problem::error("unsupported-key", message, at, "not supported");
                self.report(problem.help(replacement(&key)));
            } else {
                let help = match (key.as_str(), keys.what) {
                    ("with_args", "a step") => Some("did you mean `with`?".to_owned()),
                    _ => suggest::help(&key, "known keys", keys.known.iter().copied()),
                };
                let message = format!("unknown key `{key}` in {}", keys.what);
                self.report(Problem::error("unknown-key", message, at, "unknown").help(help));
            }
        }
        fields
    }
}

/// What to write instead of an unsupported key, where something else does the same.
fn replacement(key: &str) -> Option<String> {
    match key {
        "retry" => Some("use `retries` and `on_exhausted`".to_owned()),
        "optional_context_refs" => {
            Some("remove it, and read the variable as `context.x | default('')`".to_owned())
        }
        "block" => Some("remove it: it has no effect on a run".to_owned()),
        _ => None,
    }
}

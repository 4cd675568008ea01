//! Keys of single kinds of steps: loops, waits, retry policies, questions with answers of their own.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde_yaml::Value as Yaml;

use super::keys::{BACKOFF, Fields, OUTPUTS, POLL, RETRY};
use super::{Lowering, Node};
use crate::recipe::diagnostic::Problem;
use crate::recipe::model::{
    Arg, Backoff, Capture, Choice, ForEach, ItemFailure, LoopMode, OutputsFrom, Poll, RetryPolicy, Route,
    StepKind, Target,
};
use crate::recipe::suggest;

/// Why a session may be tried again.
const RETRY_REASONS: &[&str] = &[
    "resume",
    "stale",
    "empty_output",
    "early_stop",
    "contract_recovery",
    "zero_writes",
    "path_contamination",
    "drain_race",
];

impl Lowering<'_> {
    /// `for_each:` and its steps.
    pub(super) fn for_each(&mut self, node: &Node<'_>, fields: &Fields<'_>) -> Option<StepKind> {
        let list = self.arg(node);
        let is_list = match &list {
            Some(Arg::Literal(value)) => value.is_array(),
            Some(Arg::Template(template)) => template.single().is_some(),
            Some(Arg::List(_)) | None => true,
            Some(Arg::Map(_) | Arg::Choice { .. }) => false,
        };
        if !is_list {
            self.wrong_type(node, "a list, or one `${{ … }}` that gives one");
        }
        let name = fields.get("as").and_then(|node| self.text(&node)).unwrap_or_else(|| "item".to_owned());
        self.check_name("an item", &name, &fields.path.key("as"));
        let mode = fields.get("mode").and_then(|node| {
            self.word(
                &node,
                "mode",
                &[("sequential", LoopMode::Sequential), ("parallel", LoopMode::Parallel)],
            )
        });
        let on_item_failure = fields.get("on_item_failure").and_then(|node| {
            self.word(&node, "choice", &[("stop", ItemFailure::Stop), ("continue", ItemFailure::Continue)])
        });
        let max_parallel = fields.get("max_parallel").and_then(|node| self.bound(&node));
        self.items_in_scope.push(name.clone());
        let outer = std::mem::take(&mut self.step_names);
        let body = fields.get("steps").map(|node| self.steps(&node)).unwrap_or_default();
        self.step_names = outer;
        let collect = self.args_of(fields, "collect");
        self.items_in_scope.pop();
        if body.is_empty() {
            let at = self.key_at(&fields.path);
            let problem = Problem::error("missing-key", "`steps` is missing", at, "what runs for each item?");
            self.report(problem.help("add `steps:` with the steps that each item goes through".to_owned()));
        }
        let each = ForEach {
            list: list?,
            name,
            mode: mode.unwrap_or_default(),
            max_parallel,
            body,
            on_item_failure: on_item_failure.unwrap_or_default(),
            collect,
        };
        Some(StepKind::ForEach(Box::new(each)))
    }

    /// One of several words.
    fn word<T: Clone>(&mut self, node: &Node<'_>, what: &str, words: &[(&str, T)]) -> Option<T> {
        let given = self.text(node)?;
        let found = words.iter().find(|(word, _)| *word == given).map(|(_, meaning)| meaning.clone());
        if found.is_none() {
            let help = suggest::help(&given, "words", words.iter().map(|(word, _)| *word));
            self.error("bad-value", &node.path, format!("there is no {what} `{given}`"), "unknown", help);
        }
        found
    }

    /// `retry:`, in our form or in that of the first releases of AutoSkillit.
    pub(super) fn retry(&mut self, fields: &Fields<'_>) -> Option<RetryPolicy> {
        let node = fields.get("retry")?;
        if fields.has("retries") {
            let at = self.key_at(&node.path);
            let other = self.key_at(&fields.path.key("retries"));
            let problem =
                Problem::error("exclusive-keys", "`retries` and `retry` exclude each other", at, "");
            self.report(problem.also(other, "").help("keep `retry` with `max:`".to_owned()));
        }
        if self.is_legacy() && node.value.get("max_attempts").is_some() {
            let at = self.key_at(&node.path);
            let message = "`retry` with `max_attempts` is called `retries`";
            let problem = Problem::warning("renamed-key", message, at, "the old name");
            self.report(problem.help("write `retries:` and `on_exhausted:` on the step".to_owned()));
            let path = node.path.key("max_attempts");
            let value = node.value.get("max_attempts").unwrap_or(&Yaml::Null);
            let max = self.count(&Node { value, path }, 0)?;
            return Some(RetryPolicy { max, on: Vec::new(), backoff: Backoff::default() });
        }
        let policy = self.fields(&node, &RETRY);
        let max = match policy.get("max") {
            Some(node) => self.count(&node, 0),
            None => {
                let at = self.key_at(&node.path);
                let problem = Problem::error("missing-key", "`max` is missing", at, "how often?");
                self.report(problem.help("add `max:` with the number of extra tries".to_owned()));
                None
            }
        };
        let on = policy.get("on").map(|node| self.reasons(&node)).unwrap_or_default();
        let backoff = policy.get("backoff").map(|node| self.backoff(&node)).unwrap_or_default();
        Some(RetryPolicy { max: max?, on, backoff })
    }

    /// `on_exhausted` inside `retry:`, where the first releases of AutoSkillit had it.
    pub(super) fn retry_exhausted(&mut self, fields: &Fields<'_>) -> Option<Target> {
        let retry = fields.get("retry").filter(|_| self.is_legacy())?;
        let value = retry.value.get("on_exhausted")?;
        self.target(&Node { value, path: retry.path.key("on_exhausted") })
    }

    fn reasons(&mut self, node: &Node<'_>) -> Vec<String> {
        let words: Vec<(&str, String)> =
            RETRY_REASONS.iter().map(|word| (*word, (*word).to_owned())).collect();
        self.items(node).iter().filter_map(|item| self.word(item, "reason", &words)).collect()
    }

    /// A first wait, or all of `{first, factor, most}`.
    fn backoff(&mut self, node: &Node<'_>) -> Backoff {
        if !node.value.is_mapping() {
            let first = self.duration(node).unwrap_or_default();
            return Backoff { first, factor: 2.0, most: None };
        }
        let fields = self.fields(node, &BACKOFF);
        let factor = fields.get("factor").and_then(|node| match node.value.as_f64() {
            Some(factor) if (1.0..=100.0).contains(&factor) => Some(factor),
            _ => {
                self.wrong_type(&node, "a number from 1 to 100");
                None
            }
        });
        Backoff {
            first: fields.get("first").and_then(|node| self.duration(&node)).unwrap_or_default(),
            factor: factor.unwrap_or(2.0),
            most: fields.get("most").and_then(|node| self.duration(&node)),
        }
    }

    /// `poll:`.
    pub(super) fn poll(&mut self, fields: &Fields<'_>) -> Option<Poll> {
        let node = fields.get("poll")?;
        let poll = self.fields(&node, &POLL);
        let missing: Vec<&str> = POLL.names().filter(|key| !poll.has(key)).collect();
        if !missing.is_empty() && !poll.faulty {
            let at = self.key_at(&node.path);
            let message = format!("`poll` needs {}", suggest::quoted_list(&missing));
            let help = "write `poll: {every: 30s, for: 10m, until: \"result.stdout == 'done'\"}`";
            self.report(Problem::error("missing-key", message, at, "here").help(help.to_owned()));
        }
        let every = poll.get("every").and_then(|node| self.duration(&node));
        let limit = poll.get("for").and_then(|node| self.duration(&node));
        let until = poll.get("until").and_then(|node| {
            let text = self.text(&node)?;
            let text = self.without_braces(&node, text)?;
            self.expression(&node, &text)
        });
        Some(Poll { every: every?, limit: limit?, until: until? })
    }

    /// `outputs_from:`.
    pub(super) fn outputs_from(&mut self, fields: &Fields<'_>) -> Option<OutputsFrom> {
        let node = fields.get("outputs_from")?;
        if node.value.is_mapping() {
            let file = self.fields(&node, &OUTPUTS);
            return match file.get("file") {
                Some(node) => self.message(&node).map(OutputsFrom::File),
                None => {
                    let at = self.key_at(&node.path);
                    self.report(Problem::error("missing-key", "`file` is missing", at, "which file?"));
                    None
                }
            };
        }
        if node.value.as_str() == Some("file") {
            let help = Some("write `outputs_from: {file: out.json}`".to_owned());
            self.error("bad-value", &node.path, "it is not said which file".to_owned(), "which?", help);
            return None;
        }
        let words = [("json", OutputsFrom::Json), ("kv", OutputsFrom::Pairs), ("text", OutputsFrom::Text)];
        self.word(&node, "kind of output", &words)
    }

    /// How the output of a legacy command is read: 0.9 takes a field that is no field of the result from a line `name=value`.
    pub(super) fn emitted(
        &self,
        kind: &StepKind,
        captures: &IndexMap<String, Capture>,
        routes: &[Route],
    ) -> Option<OutputsFrom> {
        let StepKind::Tool { tool, .. } = kind else { return None };
        if !self.is_legacy() || tool.name != "run_cmd" {
            return None;
        }
        let captured = captures.values().flat_map(|capture| capture.value.references());
        let compared =
            routes.iter().filter_map(|route| route.when.as_ref()).flat_map(|when| when.references());
        let is_emitted = |name: &str| tool.result(name).is_none();
        captured
            .chain(compared)
            .any(|found| found.namespace == "result" && found.name.as_deref().is_some_and(is_emitted))
            .then_some(OutputsFrom::Pairs)
    }

    /// `options:` and `timeout:` of a confirm step, and its `default` when that is one of the options.
    pub(super) fn choice(&mut self, fields: &Fields<'_>) -> Option<Box<Choice>> {
        if !fields.has("options") && !fields.has("timeout") {
            return None;
        }
        let mut choice = Choice {
            timeout: fields.get("timeout").and_then(|node| self.duration(&node)),
            ..Choice::default()
        };
        if let Some(node) = fields.get("timeout")
            && !fields.has("default")
        {
            let at = self.key_at(&node.path);
            let problem = Problem::error("missing-key", "`timeout` needs `default`", at, "and what then?");
            self.report(problem.help("add `default:` with the answer when nobody gives one".to_owned()));
        }
        let Some(node) = fields.get("options") else { return Some(Box::new(choice)) };
        let mut options: IndexMap<String, Target> = IndexMap::new();
        for (label, target) in self.entries(&node) {
            if let Some(target) = self.target(&target) {
                options.insert(label, target);
            }
        }
        if node.value.as_mapping().is_some_and(serde_yaml::Mapping::is_empty) {
            self.wrong_type(&node, "at least one answer");
        }
        for key in ["on_success", "on_failure"].into_iter().filter(|key| fields.has(key)) {
            let at = self.key_at(&fields.path.key(key));
            let other = self.key_at(&node.path);
            let message = format!("`{key}` and `options` exclude each other");
            let help = "each option has its own route".to_owned();
            self.report(Problem::error("exclusive-keys", message, at, "").also(other, "").help(help));
        }
        if let Some(default) = fields.get("default") {
            let words: HashMap<&str, ()> = options.keys().map(|label| (label.as_str(), ())).collect();
            let given = super::scalar_text(default.value).unwrap_or_default();
            if words.contains_key(given.as_str()) {
                choice.default = Some(given);
            } else {
                let help = suggest::help(&given, "answers", words.into_keys());
                let message = format!("`{given}` is none of the answers");
                self.error("bad-value", &default.path, message, "no answer", help);
            }
        }
        choice.options = options;
        Some(Box::new(choice))
    }
}

//! A recipe as canonical text: what is read from it again is the same recipe. Comments, order of keys and forms of
//! AutoSkillit 0.9 are gone; a recipe of 0.9 says `language: 0`, so that it keeps its meaning.

use std::time::Duration;

use indexmap::IndexMap;
use serde_json::Value as Json;
use serde_yaml::{Mapping, Value};

use super::expr::Expr;
use super::model::{
    Allow, Arg, Backoff, Bound, Capture, CaptureMode, Choice, Dialect, ForEach, Ingredient, ItemFailure,
    Limits, LoopMode, Orchestrator, OutputsFrom, Poll, Recipe, RecipeKind, RetryPolicy, Step, StepKind,
    StopStatus, SubCall, Target, ValueKind,
};

/// Parameters of `run_skill` that are keys of the step.
const FOLDED: &[&str] = &["skill", "args", "model", "stale_threshold", "idle_output_timeout"];

/// The recipe as YAML.
#[must_use]
pub fn print(recipe: &Recipe) -> String {
    let mut top = Entries::default();
    top.add("language", u64::from(recipe.dialect == Dialect::Current));
    top.add("name", recipe.name.as_str());
    top.text("description", &recipe.description);
    top.text("summary", &recipe.summary);
    top.option("autoskillit_version", recipe.version.as_deref());
    let kind = (recipe.kind != RecipeKind::Standard).then(|| recipe.kind.name());
    top.option("kind", kind);
    top.flag("experimental", recipe.experimental);
    top.option(
        "orchestrator",
        recipe.orchestrator.map(|orchestrator| match orchestrator {
            Orchestrator::Engine => "engine",
            Orchestrator::Claude => "claude",
        }),
    );
    top.list("requires_packs", &recipe.requires_packs);
    top.list("kitchen_rules", &recipe.kitchen_rules);
    top.map("limits", limits(&recipe.limits));
    top.map("allow", allow(&recipe.allow));
    let ingredients = recipe.ingredients.iter().map(|(name, one)| (name.as_str(), ingredient(one)));
    top.map("ingredients", mapping(ingredients));
    top.map("steps", steps(recipe, &recipe.steps));
    top.map("finally", steps(recipe, &recipe.finally));
    serde_yaml::to_string(&Value::Mapping(top.0)).unwrap_or_default()
}

/// Entries in the order in which they are added; what says nothing is left out.
#[derive(Default)]
struct Entries(Mapping);

impl Entries {
    fn add(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.into(), value.into());
    }

    fn option(&mut self, key: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.add(key, value);
        }
    }

    fn text(&mut self, key: &str, text: &str) {
        self.option(key, Some(text).filter(|text| !text.is_empty()));
    }

    fn flag(&mut self, key: &str, value: bool) {
        self.option(key, value.then_some(true));
    }

    fn list(&mut self, key: &str, texts: &[String]) {
        if !texts.is_empty() {
            self.add(key, texts.iter().map(|text| Value::from(text.as_str())).collect::<Vec<_>>());
        }
    }

    fn map(&mut self, key: &str, entries: Mapping) {
        if !entries.is_empty() {
            self.add(key, entries);
        }
    }

    fn seconds(&mut self, key: &str, duration: Option<Duration>) {
        self.option(key, duration.map(|duration| duration.as_secs()));
    }

    fn target(&mut self, key: &str, target: Option<&Target>) {
        self.option(key, target.map(leads));
    }
}

fn mapping<'a>(entries: impl Iterator<Item = (&'a str, Value)>) -> Mapping {
    entries.map(|(key, value)| (Value::from(key), value)).collect()
}

fn limits(limits: &Limits) -> Mapping {
    let mut out = Entries::default();
    out.option("budget_usd", limits.budget_usd);
    out.option("quota_share", limits.quota_share);
    out.seconds("wall_clock", limits.wall_clock);
    out.option("sessions", limits.sessions);
    out.option("max_visits", limits.max_visits);
    out.option("same_failure", limits.same_failure);
    out.0
}

fn allow(all: &[Allow]) -> Mapping {
    mapping(all.iter().map(|allow| (allow.rule.as_str(), allow.reason.as_str().into())))
}

fn ingredient(ingredient: &Ingredient) -> Value {
    let mut out = Entries::default();
    out.text("description", &ingredient.description);
    out.flag("required", ingredient.required);
    out.option("type", Some(ingredient.kind.name()).filter(|_| ingredient.kind != ValueKind::String));
    out.option("default", ingredient.default.as_ref().map(plain));
    if !ingredient.choices.is_empty() {
        out.add("choices", ingredient.choices.iter().map(plain).collect::<Vec<_>>());
    }
    out.option("default_from", ingredient.default_from.as_ref().map(super::model::DefaultFrom::written));
    out.flag("hidden", ingredient.hidden);
    out.0.into()
}

fn steps(recipe: &Recipe, all: &IndexMap<String, Step>) -> Mapping {
    let escalation = match all.contains_key("escalate") {
        true => Target::Step("escalate".to_owned()),
        false => Target::Escalate,
    };
    mapping(all.iter().map(|(name, one)| (name.as_str(), step(recipe, one, &escalation))))
}

fn step(recipe: &Recipe, step: &Step, escalation: &Target) -> Value {
    let mut out = Entries::default();
    out.text("description", &step.description);
    let usual = kind(recipe, step, &mut out);
    match &step.retry {
        Some(policy) => out.map("retry", retry(policy)),
        None => out.option("retries", Some(step.retries).filter(|retries| *retries != usual)),
    }
    out.option("poll", step.poll.as_ref().map(poll));
    out.option("outputs_from", step.outputs_from.as_ref().map(outputs));
    out.option("skip_when_false", step.skip_when_false.as_ref().map(Expr::source));
    out.flag("optional", step.optional);
    out.option("max_visits", step.max_visits.as_ref().map(bound));
    captures(step, &mut out);
    let routes: Vec<Value> = step
        .on_result
        .iter()
        .map(|route| {
            let mut entry = Entries::default();
            entry.option("when", route.when.as_ref().map(Expr::source));
            entry.target("route", Some(&route.to));
            entry.0.into()
        })
        .collect();
    out.option("on_result", Some(routes).filter(|routes| !routes.is_empty()));
    out.target("on_success", step.on_success.as_ref());
    out.target("on_failure", step.on_failure.as_ref());
    out.target("on_context_limit", step.on_context_limit.as_ref());
    out.target("on_exhausted", Some(&step.on_exhausted).filter(|target| *target != escalation));
    out.target("on_skip", step.on_skip.as_ref());
    out.target("on_exceeded", step.on_exceeded.as_ref());
    out.text("block", step.block.as_deref().unwrap_or_default());
    out.list("optional_context_refs", &step.lenient);
    out.map("allow", allow(&step.allow));
    out.option("note", step.note.as_deref());
    out.0.into()
}

/// What the step does; gives how often such a step is tried again when it does not say.
fn kind(recipe: &Recipe, step: &Step, out: &mut Entries) -> u32 {
    match &step.kind {
        StepKind::Tool { tool, with } => {
            let skill = tool.name == "run_skill" && with.contains_key("skill");
            if !skill {
                out.add("tool", tool.name);
            }
            for key in FOLDED.iter().filter(|_| skill) {
                out.option(key, with.get(*key).map(arg));
            }
            let rest = with.iter().filter(|(name, _)| !skill || !FOLDED.contains(&name.as_str()));
            let rest = rest.chain(&step.hints).map(|(name, value)| (name.as_str(), arg(value)));
            out.map("with", mapping(rest));
            return if tool.name == "run_skill" { 3 } else { 0 };
        }
        StepKind::Confirm { message, default, choice } => {
            out.add("action", "confirm");
            out.add("message", message.source());
            out.option("default", *default);
            if let Some(choice) = choice {
                self::choice(choice, out);
            }
        }
        StepKind::Route => out.add("action", "route"),
        StepKind::Stop { status, message } => {
            out.add("action", "stop");
            out.add(
                "status",
                match status {
                    StopStatus::Succeeded => "succeeded",
                    StopStatus::Failed => "failed",
                    StopStatus::Exhausted => "exhausted",
                },
            );
            out.add("message", message.source());
        }
        StepKind::Constant(value) => out.add("constant", arg(value)),
        StepKind::ForEach(each) => for_each(recipe, each, out),
        StepKind::Call(call) => sub_call(call, out),
    }
    0
}

fn choice(choice: &Choice, out: &mut Entries) {
    out.option("default", choice.default.as_deref());
    out.map("options", mapping(choice.options.iter().map(|(label, to)| (label.as_str(), leads(to).into()))));
    out.seconds("timeout", choice.timeout);
}

fn for_each(recipe: &Recipe, each: &ForEach, out: &mut Entries) {
    out.add("for_each", arg(&each.list));
    out.add("as", each.name.as_str());
    out.option("mode", (each.mode == LoopMode::Parallel).then_some("parallel"));
    out.option("max_parallel", each.max_parallel.as_ref().map(bound));
    out.option("on_item_failure", (each.on_item_failure == ItemFailure::Continue).then_some("continue"));
    out.map("steps", steps(recipe, &each.body));
    out.map("collect", args(&each.collect));
}

fn sub_call(call: &SubCall, out: &mut Entries) {
    out.add("sub_recipe", call.recipe.as_str());
    out.option("gate", call.gate.as_ref().map(Expr::source));
    out.map("inputs", args(&call.inputs));
    out.map("outputs", args(&call.outputs));
}

fn args(all: &IndexMap<String, Arg>) -> Mapping {
    mapping(all.iter().map(|(name, value)| (name.as_str(), arg(value))))
}

fn retry(policy: &RetryPolicy) -> Mapping {
    let mut out = Entries::default();
    out.add("max", policy.max);
    out.list("on", &policy.on);
    let Backoff { first, factor, most } = policy.backoff;
    if policy.backoff != Backoff::default() {
        let mut backoff = Entries::default();
        backoff.add("first", first.as_secs());
        backoff.add("factor", factor);
        backoff.seconds("most", most);
        out.map("backoff", backoff.0);
    }
    out.0
}

fn poll(poll: &Poll) -> Value {
    let mut out = Entries::default();
    out.add("every", poll.every.as_secs());
    out.add("for", poll.limit.as_secs());
    out.add("until", poll.until.source());
    out.0.into()
}

fn outputs(outputs: &OutputsFrom) -> Value {
    match outputs {
        OutputsFrom::Json => "json".into(),
        OutputsFrom::Pairs => "kv".into(),
        OutputsFrom::Text => "text".into(),
        OutputsFrom::File(path) => mapping([("file", path.source().into())].into_iter()).into(),
    }
}

/// `capture:`, and `capture_list:` for plain texts, which only that takes.
fn captures(step: &Step, out: &mut Entries) {
    let is_plain = |capture: &Capture| {
        capture.mode == CaptureMode::Append && matches!(&capture.value, Arg::Literal(Json::String(_)))
    };
    for (key, plain) in [("capture", false), ("capture_list", true)] {
        let chosen = step.captures.iter().filter(|(_, capture)| is_plain(capture) == plain);
        out.map(key, mapping(chosen.map(|(name, one)| (name.as_str(), capture(one)))));
    }
}

fn capture(capture: &Capture) -> Value {
    let value = arg(&capture.value);
    let plain =
        capture.mode == CaptureMode::Append && matches!(&capture.value, Arg::Literal(Json::String(_)));
    let mode = match capture.mode {
        CaptureMode::Append if !plain => Some("append"),
        CaptureMode::Keep => Some("keep"),
        _ => None,
    };
    if capture.kind.is_none() && mode.is_none() && !value.is_mapping() && !value.is_null() {
        return value;
    }
    let mut out = Entries::default();
    out.add("value", value);
    out.option("type", capture.kind.map(ValueKind::name));
    out.option("mode", mode);
    out.0.into()
}

fn bound(bound: &Bound) -> Value {
    match bound {
        Bound::Count(count) => (*count).into(),
        Bound::Expr(expr) => format!("${{{{ {} }}}}", expr.source()).into(),
    }
}

/// A target that means the same whatever steps there are.
fn leads(target: &Target) -> &str {
    match target {
        Target::Step(name) => name,
        Target::Done => "@done",
        Target::Escalate => "@escalate",
    }
}

fn arg(value: &Arg) -> Value {
    match value {
        Arg::Literal(value) => plain(value),
        Arg::Template(template) => template.source().into(),
        Arg::List(items) => items.iter().map(arg).collect::<Vec<_>>().into(),
        Arg::Map(entries) => args(entries).into(),
        Arg::Choice { when, value } => {
            mapping([("when", Value::from(when.source())), ("value", arg(value))].into_iter()).into()
        }
    }
}

fn plain(value: &Json) -> Value {
    serde_yaml::to_value(value).unwrap_or_default()
}

//! The decisions of a run as pure functions: what to do next, and where an outcome leads.

use serde_json::{Map, Value, json};

use super::event::{Event, Fault, Next, RunEnded, RunStatus};
use super::host::Outcome;
use super::state::{At, State};
use crate::catalog::ToolDecl;
use crate::execution::verdict::RetryReason;
use crate::recipe::executable;
use crate::recipe::expr::{EvalError, Scope};
use crate::recipe::model::{Arg, Bound, CaptureMode, Recipe, Step, StepKind, StopStatus, Target};
use crate::{catalog::ParamKind, recipe::expr::Expr};

/// What to do next.
#[derive(Debug, Clone)]
pub enum Action {
    /// Write this down; it needs nothing from the world.
    Record(Box<Event>),
    /// Call a tool, then [`conclude`].
    Call(Try),
    /// Ask a person, then [`answer`].
    Ask {
        /// The visit.
        visit: u32,
        /// The step.
        step: String,
        /// The question, rendered.
        message: String,
        /// The answer when nobody is there.
        default: Option<bool>,
    },
}

/// A try of a tool step.
#[derive(Debug, Clone)]
pub struct Try {
    /// The step.
    pub step: String,
    /// Which visit, from 1.
    pub visit: u32,
    /// Which try within it, from 1.
    pub attempt: u32,
    /// The tool.
    pub tool: &'static ToolDecl,
    /// Its arguments, rendered.
    pub params: Value,
    /// The session of the same try that was cut off, if there was one.
    pub cut_off: Option<String>,
}

/// Facts of the run that expressions see as `run.*`.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The repository.
    pub repository: String,
    /// The run's folder.
    pub dir: String,
}

/// What the run does next. Total: a run that cannot go on ends with the reason.
#[must_use]
pub fn next(recipe: &Recipe, state: &State, places: &Places, elapsed_ms: u64) -> Action {
    match &state.at {
        At::Before => end(RunStatus::Crashed, "the run has not started", None, false, None),
        At::Ended { end, .. } | At::Ending(end) => record(Event::RunEnded(end.clone())),
        At::Enter(name) => match recipe.steps.get(name) {
            Some(step) => enter(recipe, state, places, step, elapsed_ms),
            None => lost(name),
        },
        At::Retry { step: name, visit, attempt } => match recipe.steps.get(name) {
            Some(step) => over_limit(recipe, state, step, elapsed_ms)
                .unwrap_or_else(|| start(recipe, state, places, step, *visit, *attempt, None)),
            None => lost(name),
        },
        At::Running { step: name, visit, attempt, session } => match recipe.steps.get(name) {
            Some(step) => start(recipe, state, places, step, *visit, *attempt, session.clone()),
            None => lost(name),
        },
    }
}

fn enter(recipe: &Recipe, state: &State, places: &Places, step: &Step, elapsed_ms: u64) -> Action {
    if let Some(ending) = over_limit(recipe, state, step, elapsed_ms) {
        return ending;
    }
    if state.visits.is_empty()
        && let Some(gap) = executable::gaps(recipe).into_iter().find(|gap| gap.stops)
    {
        let step = (!gap.step.is_empty()).then_some(gap.step.as_str());
        return end(RunStatus::Failed, gap.message, step, false, Some(Fault::Recipe));
    }
    let scope = scope(recipe, state, places, step, None);
    if let Some(condition) = &step.skip_when_false {
        match condition.eval(&scope).map(|value| holds(&value)) {
            Ok(true) => {}
            Ok(false) => {
                let next = step
                    .on_skip
                    .as_ref()
                    .or(step.on_success.as_ref())
                    .map_or(Next::End(RunStatus::Succeeded), follow);
                let why = format!("`{}` is false", condition.written());
                return record(Event::StepSkipped { step: step.name.clone(), why, next });
            }
            Err(error) => return no_value(step, "skip_when_false", &error),
        }
    }
    let visits = state.visits(&step.name);
    match bound(recipe, step, &scope) {
        Ok(Some(limit)) if visits >= limit => {
            let next = step.on_exceeded.as_ref().map_or(Next::End(RunStatus::Exhausted), follow);
            return record(Event::StepExceeded { step: step.name.clone(), visits, next });
        }
        Ok(_) => {}
        Err(error) => return no_value(step, "max_visits", &error),
    }
    start(recipe, state, places, step, visits + 1, 1, None)
}

fn start(
    recipe: &Recipe,
    state: &State,
    places: &Places,
    step: &Step,
    visit: u32,
    attempt: u32,
    cut_off: Option<String>,
) -> Action {
    let scope = scope(recipe, state, places, step, None);
    match &step.kind {
        StepKind::Tool { tool, with } => {
            let mut params = Map::new();
            for (name, arg) in with {
                let shell = tool.param(name).is_some_and(|param| param.kind == ParamKind::Shell);
                let value = match arg {
                    Arg::Template(template) if shell => template.shell(&scope).map(Value::String),
                    other => other.value(&scope),
                };
                match value {
                    Ok(value) => params.insert(name.clone(), value),
                    Err(error) => return no_value(step, name, &error),
                };
            }
            let step = step.name.clone();
            Action::Call(Try { step, visit, attempt, tool, params: Value::Object(params), cut_off })
        }
        StepKind::Confirm { message, default, .. } => match message.render(&scope) {
            Ok(message) => Action::Ask { visit, step: step.name.clone(), message, default: *default },
            Err(error) => no_value(step, "message", &error),
        },
        StepKind::Route => record(concluded(recipe, state, places, step, visit, 1, &routed(), 0)),
        StepKind::Constant(value) => match value.value(&scope) {
            Ok(value) => {
                let outcome = Outcome { result: json!({ "value": value }), ..routed() };
                record(concluded(recipe, state, places, step, visit, 1, &outcome, 0))
            }
            Err(error) => no_value(step, "constant", &error),
        },
        // The run was refused before its first step; only a journal that somebody changed leads here.
        StepKind::ForEach(_) | StepKind::Call(_) => {
            let reason = format!("this version does not execute the step `{}`", step.name);
            end(RunStatus::Failed, reason, Some(&step.name), false, Some(Fault::Recipe))
        }
        StepKind::Stop { status, message } => match message.render(&scope) {
            Ok(message) => {
                let status = match status {
                    StopStatus::Succeeded => RunStatus::Succeeded,
                    StopStatus::Failed => RunStatus::Failed,
                    StopStatus::Exhausted => RunStatus::Exhausted,
                };
                end(status, message, Some(&step.name), false, None)
            }
            Err(error) => no_value(step, "message", &error),
        },
    }
}

/// The event that ends a try, with captures taken and the route decided.
#[must_use]
pub fn conclude(
    recipe: &Recipe,
    state: &State,
    places: &Places,
    tried: &Try,
    outcome: &Outcome,
    elapsed_ms: u64,
) -> Event {
    match recipe.steps.get(&tried.step) {
        Some(step) => concluded(recipe, state, places, step, tried.visit, tried.attempt, outcome, elapsed_ms),
        None => Event::Notice { text: format!("the recipe has no step `{}`", tried.step) },
    }
}

/// The event that ends a question.
#[must_use]
pub fn answer(
    recipe: &Recipe,
    state: &State,
    places: &Places,
    name: &str,
    visit: u32,
    yes: bool,
    elapsed_ms: u64,
) -> Event {
    let word = if yes { "yes" } else { "no" };
    let outcome = Outcome {
        ok: yes,
        label: word.to_owned(),
        summary: String::new(),
        result: json!({ "answer": yes }),
        ..routed()
    };
    match recipe.steps.get(name) {
        Some(step) => concluded(recipe, state, places, step, visit, 1, &outcome, elapsed_ms),
        None => Event::Notice { text: format!("the recipe has no step `{name}`") },
    }
}

/// The outcome of a step that calls nothing.
fn routed() -> Outcome {
    Outcome {
        ok: true,
        label: "routed".to_owned(),
        summary: String::new(),
        result: json!({}),
        retry: RetryReason::None,
        fault: None,
        usage: None,
        cut_off: false,
    }
}

#[expect(clippy::too_many_arguments, reason = "the facts of one ended try, used in this file only")]
fn concluded(
    recipe: &Recipe,
    state: &State,
    places: &Places,
    step: &Step,
    visit: u32,
    attempt: u32,
    outcome: &Outcome,
    elapsed_ms: u64,
) -> Event {
    let result = spent(step, state, attempt, outcome);
    let mut scope = scope(recipe, state, places, step, Some(&result));
    let mut decision = captures(step, &mut scope, outcome.ok).and_then(|captures| {
        let (next, why) = route(step, &scope, outcome, attempt)?;
        Ok((captures, next, why, outcome.fault))
    });
    if let Some(fault) = outcome.fault {
        // It says nothing about the work, so no route of the recipe fits: the run ends here.
        decision = Ok((Map::new(), Next::End(fault.status()), outcome.summary.clone(), outcome.fault));
    }
    let (captures, next, why, fault) =
        decision.unwrap_or_else(|why| (Map::new(), Next::End(RunStatus::Failed), why, Some(Fault::Recipe)));
    let ok = outcome.ok && fault.is_none();
    Event::StepEnded {
        step: step.name.clone(),
        visit,
        attempt,
        ok,
        label: outcome.label.clone(),
        summary: if fault == Some(Fault::Recipe) { why.clone() } else { outcome.summary.clone() },
        result,
        captures,
        elapsed_ms,
        usage: outcome.usage,
        next,
        why,
        fault,
    }
}

/// After so many failures of a step in a row that another try might have helped, one more is told to help no longer. AutoSkillit 0.9 has the
/// same number.
const HOPES: usize = 3;

/// The result of a try; the last that is made of a session that may be tried again says that no other is made.
fn spent(step: &Step, state: &State, attempt: u32, outcome: &Outcome) -> Value {
    let mut result = outcome.result.clone();
    let last = outcome.retry == RetryReason::Stale && step.retries > 0 && attempt > step.retries;
    let before = state.done.iter().rev().filter(|done| done.step == step.name);
    let hopeless = before.take_while(|done| done.retriable).count() >= HOPES;
    let retriable = !outcome.ok && outcome.retry != RetryReason::None;
    if let (true, Value::Object(fields)) = (last || retriable && hopeless, &mut result) {
        fields.insert("needs_retry".to_owned(), Value::Bool(false));
        fields.insert("retry_reason".to_owned(), json!(RetryReason::BudgetExhausted));
    }
    result
}

/// Evaluates the captures in order; a later one and the routes see the earlier ones. After a failure, a capture whose value
/// is not there is left out: a failed tool need not give everything that a successful one gives.
fn captures(step: &Step, scope: &mut Scope, ok: bool) -> Result<Map<String, Value>, String> {
    let mut taken = Map::new();
    for (name, capture) in &step.captures {
        let value = match capture.value.value(scope) {
            Ok(value) => value,
            Err(_) if !ok => continue,
            Err(error) => return Err(format!("capture `{name}` has no value: {error}")),
        };
        let value = match capture.kind {
            Some(kind) => kind.coerce(value).map_err(|error| format!("capture `{name}`: {error}"))?,
            None => value,
        };
        let before = scope.get("context").and_then(|context| context.get(name)).cloned();
        let value = match (capture.mode, before) {
            (CaptureMode::Keep, Some(before)) => before,
            (CaptureMode::Append, Some(Value::Array(mut items))) => {
                items.push(value);
                Value::Array(items)
            }
            (CaptureMode::Append, Some(other)) if !other.is_null() => Value::Array(vec![other, value]),
            (CaptureMode::Append, _) => Value::Array(vec![value]),
            (CaptureMode::Set | CaptureMode::Keep, _) => value,
        };
        if let Some(Value::Object(context)) = scope.get_mut("context") {
            context.insert(name.clone(), value.clone());
        }
        taken.insert(name.clone(), value);
    }
    Ok(taken)
}

/// Where an outcome leads, and which rule says so.
fn route(step: &Step, scope: &Scope, outcome: &Outcome, attempt: u32) -> Result<(Next, String), String> {
    if outcome.ok {
        for route in &step.on_result {
            match &route.when {
                None => return Ok((follow(&route.to), "no condition before it held".to_owned())),
                Some(when) if is_true(when, scope)? => {
                    return Ok((follow(&route.to), format!("`{}` holds", when.written())));
                }
                Some(_) => {}
            }
        }
        return match &step.on_success {
            Some(target) => Ok((follow(target), "on_success".to_owned())),
            None if step.on_result.is_empty() => {
                Ok((Next::End(RunStatus::Succeeded), "the last step succeeded".to_owned()))
            }
            None => Err(format!("no condition of `on_result` of `{}` holds", step.name)),
        };
    }
    let tries_left = attempt <= step.retries;
    let session = matches!(&step.kind, StepKind::Tool { tool, .. } if tool.tags.contains(&"session"));
    match outcome.retry {
        RetryReason::Resume | RetryReason::DrainRace => {
            if let Some(target) = &step.on_context_limit {
                return Ok((follow(target), "on_context_limit".to_owned()));
            }
        }
        RetryReason::Stale if tries_left => {
            return Ok((Next::Retry, format!("it hung; try {} of {}", attempt + 1, step.retries + 1)));
        }
        RetryReason::None if tries_left && !session => {
            return Ok((Next::Retry, format!("it failed; try {} of {}", attempt + 1, step.retries + 1)));
        }
        _ => {}
    }
    let spent = step.retries > 0 && !tries_left;
    if spent && step.on_exhausted != Target::Escalate {
        return Ok((follow(&step.on_exhausted), format!("its {} tries are spent", step.retries + 1)));
    }
    match &step.on_failure {
        Some(target) => Ok((follow(target), "on_failure".to_owned())),
        None if outcome.label == BUDGET => {
            Ok((Next::End(RunStatus::Exhausted), format!("`{}` spent its budget and is not done", step.name)))
        }
        None => Ok((Next::End(RunStatus::Failed), format!("`{}` failed: {}", step.name, outcome.summary))),
    }
}

/// The verdict on a session that spent what it may spend.
const BUDGET: &str = "budget_exhausted";

/// Where a route leads.
#[must_use]
pub fn follow(target: &Target) -> Next {
    match target {
        Target::Step(step) => Next::Step(step.clone()),
        Target::Done => Next::End(RunStatus::Succeeded),
        Target::Escalate => Next::End(RunStatus::Failed),
    }
}

fn is_true(when: &Expr, scope: &Scope) -> Result<bool, String> {
    when.eval(scope).map(|value| holds(&value)).map_err(|error| format!("`{}`: {error}", when.written()))
}

/// Truth as recipes mean it: the texts `false` and `""` are false beside what JSON calls empty, because inputs and shell
/// output arrive as text.
fn holds(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty() && text != "false",
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
    }
}

fn bound(recipe: &Recipe, step: &Step, scope: &Scope) -> Result<Option<u32>, EvalError> {
    match &step.max_visits {
        None => Ok(recipe.limits.max_visits),
        Some(Bound::Count(count)) => Ok(Some(*count)),
        Some(Bound::Expr(expr)) => {
            let value = expr.eval(scope)?;
            let count = value.as_u64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
            Ok(Some(count.and_then(|count| u32::try_from(count).ok()).unwrap_or_default()))
        }
    }
}

/// The end of a run whose limits are reached before `step`.
fn over_limit(recipe: &Recipe, state: &State, step: &Step, elapsed_ms: u64) -> Option<Action> {
    let limits = &recipe.limits;
    let session = matches!(&step.kind, StepKind::Tool { tool, .. } if tool.tags.contains(&"session"));
    let ends = matches!(step.kind, StepKind::Stop { .. });
    let reason = if let Some(limit) =
        limits.wall_clock.filter(|limit| elapsed_ms >= limit.as_millis() as u64 && !ends)
    {
        format!("the run took its {} s", limit.as_secs())
    } else if let Some(limit) = limits.sessions.filter(|limit| session && state.sessions >= *limit) {
        format!("the run had its {limit} sessions")
    } else if let Some(limit) = limits.budget_usd.filter(|limit| session && state.usage.cost_usd >= *limit) {
        format!("the run spent ${:.2} of its ${limit:.2}", state.usage.cost_usd)
    } else {
        return None;
    };
    Some(end(RunStatus::Exhausted, reason, Some(&step.name), false, None))
}

/// What is left of the run's budget, in dollars.
#[must_use]
pub fn budget_left(recipe: &Recipe, state: &State) -> Option<f64> {
    recipe.limits.budget_usd.map(|limit| (limit - state.usage.cost_usd).max(0.0))
}

/// What expressions of `step` see.
fn scope(recipe: &Recipe, state: &State, places: &Places, step: &Step, result: Option<&Value>) -> Scope {
    let mut scope = Scope::new();
    let started = state.started.as_ref();
    let inputs = started.map(|started| started.inputs.clone()).unwrap_or_default();
    scope.insert("inputs".to_owned(), Value::Object(inputs));
    scope.insert("context".to_owned(), Value::Object(state.context.clone()));
    scope.insert(
        "run".to_owned(),
        json!({
            "id": started.map(|started| started.run_id.as_str()),
            "recipe": recipe.name,
            "step": step.name,
            "dir": places.dir,
            "repository": places.repository,
        }),
    );
    let env = started.and_then(|started| started.env.as_deref().cloned()).unwrap_or_default();
    scope.insert("env".to_owned(), Value::Object(env));
    if let Some(result) = result {
        scope.insert("result".to_owned(), result.clone());
    }
    scope
}

fn end(
    status: RunStatus,
    reason: impl Into<String>,
    step: Option<&str>,
    resumable: bool,
    fault: Option<Fault>,
) -> Action {
    record(Event::RunEnded(RunEnded {
        status,
        reason: reason.into(),
        step: step.map(str::to_owned),
        resumable,
        fault,
    }))
}

fn record(event: Event) -> Action {
    Action::Record(Box::new(event))
}

fn lost(step: &str) -> Action {
    end(RunStatus::Failed, format!("the recipe has no step `{step}`"), Some(step), false, Some(Fault::Recipe))
}

fn no_value(step: &Step, key: &str, error: &EvalError) -> Action {
    let reason = format!("`{key}` of `{}` has no value: {error}", step.name);
    end(RunStatus::Failed, reason, Some(&step.name), true, Some(Fault::Recipe))
}

#[cfg(test)]
mod tests;

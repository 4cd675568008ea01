//! What follows from an outcome: the result as the recipe sees it, the captures, and the route.

use serde_json::{Map, Value, json};

use super::spot::Spot;
use super::{Asked, Places, Try, signature};
use crate::engine::event::{Event, Fault, Next, RunStatus};
use crate::engine::host::Outcome;
use crate::engine::judged;
use crate::engine::state::State;
use crate::execution::verdict::RetryReason;
use crate::recipe::expr::{Expr, Scope};
use crate::recipe::model::{Backoff, CaptureMode, Recipe, Step, StepKind, Target};

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
    match Spot::of(recipe, state, places, &tried.step) {
        Some((step, spot)) => concluded(&spot, step, tried.visit, tried.attempt, outcome, elapsed_ms),
        None => Event::Notice { text: format!("the recipe has no step `{}`", tried.step) },
    }
}

/// The event that ends a question. `how` says who gave the answer, when it was not the person who was asked.
#[must_use]
pub fn answer(
    recipe: &Recipe,
    state: &State,
    places: &Places,
    asked: &Asked,
    given: &str,
    how: &str,
    elapsed_ms: u64,
) -> Event {
    let Some((step, spot)) = Spot::of(recipe, state, places, &asked.step) else {
        return Event::Notice { text: format!("the recipe has no step `{}`", asked.step) };
    };
    let has_options = options(step).is_some();
    let outcome = Outcome {
        ok: has_options || given == super::YES_NO[0],
        label: given.to_owned(),
        summary: how.to_owned(),
        result: json!({ "answer": if has_options { json!(given) } else { json!(given == super::YES_NO[0]) } }),
        ..routed()
    };
    concluded(&spot, step, asked.visit, 1, &outcome, elapsed_ms)
}

/// The answers of a question that has its own, and where each leads.
fn options(step: &Step) -> Option<&indexmap::IndexMap<String, Target>> {
    match &step.kind {
        StepKind::Confirm { choice: Some(choice), .. } if !choice.options.is_empty() => Some(&choice.options),
        _ => None,
    }
}

/// What a call that is repeated until something holds came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Polled {
    /// It is over: the step does not poll, it holds, or the call was cut off.
    Over,
    /// It does not hold yet.
    NotYet,
    /// Whether it holds cannot be said, for this reason.
    Faulty(String),
}

/// Whether the call of a step is to be repeated after this outcome.
#[must_use]
pub fn polled(recipe: &Recipe, state: &State, places: &Places, tried: &Try, outcome: &Outcome) -> Polled {
    let Some((step, spot)) = Spot::of(recipe, state, places, &tried.step) else { return Polled::Over };
    let Some(poll) = step.poll.as_ref().filter(|_| outcome.fault.is_none() && !outcome.cut_off) else {
        return Polled::Over;
    };
    let scope = spot.scope(step, Some(&outcome.result));
    match poll.until.eval(&scope) {
        Ok(value) if holds(&value) => Polled::Over,
        Ok(_) => Polled::NotYet,
        // A call that failed need not have what is asked for.
        Err(_) if !outcome.ok => Polled::NotYet,
        Err(error) => Polled::Faulty(format!("`until` of `{}` has no value: {error}", tried.step)),
    }
}

/// The outcome of a step that calls nothing.
pub(super) fn routed() -> Outcome {
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

/// The event of a `stop` step inside of a loop or of `finally`: it ends that, not the run.
pub(super) fn stopped(spot: &Spot<'_>, step: &Step, visit: u32, status: RunStatus, message: String) -> Event {
    let ok = status == RunStatus::Succeeded;
    Event::StepEnded {
        step: spot.label(&step.name),
        visit,
        attempt: 1,
        ok,
        label: "stop".to_owned(),
        summary: message.clone(),
        result: json!({}),
        captures: Map::new(),
        elapsed_ms: 0,
        usage: None,
        next: Next::End(status),
        why: message,
        fault: None,
        signature: None,
        backoff_ms: 0,
    }
}

pub(super) fn concluded(
    spot: &Spot<'_>,
    step: &Step,
    visit: u32,
    attempt: u32,
    outcome: &Outcome,
    elapsed_ms: u64,
) -> Event {
    let result = spent(spot, step, attempt, outcome);
    let mut scope = spot.scope(step, Some(&result));
    let mut decision = captures(step, &mut scope, outcome.ok).and_then(|captures| {
        let decided = if outcome.ok { judged::decide(spot.recipe, step, &scope)? } else { None };
        let (next, why) = match decided {
            Some(decided) => decided,
            None => route(spot, step, &scope, outcome, attempt)?,
        };
        Ok((captures, judged::perhaps_again(spot.recipe, step, next), why, outcome.fault))
    });
    if let Some(fault) = outcome.fault {
        // It says nothing about the work, so no route of the recipe fits: the run ends here.
        decision = Ok((Map::new(), Next::End(fault.status()), outcome.summary.clone(), outcome.fault));
    }
    let (captures, mut next, mut why, fault) =
        decision.unwrap_or_else(|why| (Map::new(), Next::End(RunStatus::Failed), why, Some(Fault::Recipe)));
    let ok = outcome.ok && fault.is_none();
    // A try that is followed by another of the same visit is no end of anything yet.
    let final_failure = !ok && fault.is_none() && next != Next::Retry;
    let signature = final_failure.then(|| signature::of(outcome));
    if let Some(times) = signature.as_deref().and_then(|signature| leads_nowhere(spot, step, signature)) {
        let label = spot.label(&step.name);
        next = step.on_exceeded.as_ref().map_or(Next::End(RunStatus::Exhausted), follow);
        why = format!(
            "`{label}` failed {times} times in the same way, with work in between: {}",
            outcome.summary
        );
    }
    let backoff_ms = match (&next, &step.retry) {
        (Next::Retry, Some(policy)) => backoff(&policy.backoff, attempt),
        _ => 0,
    };
    Event::StepEnded {
        step: spot.label(&step.name),
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
        signature,
        backoff_ms,
    }
}

/// How often a step may fail in the same way, with sessions at work in between, when the recipe does not say.
const SAME_FAILURES: u32 = 4;

/// How often the step has failed like this now, when that is as often as it may.
fn leads_nowhere(spot: &Spot<'_>, step: &Step, signature: &str) -> Option<u32> {
    let limit = spot.recipe.limits.same_failure.unwrap_or(SAME_FAILURES);
    let before = spot.strand.failures.get(&step.name)?;
    let times = before.again(signature, spot.strand.work);
    // Where nothing was tried in between, the count did not move: the step waits, and its visits bound it.
    (limit > 0 && times >= limit && times > before.same).then_some(times)
}

/// Milliseconds before the try that follows `attempt`.
fn backoff(backoff: &Backoff, attempt: u32) -> u64 {
    let factor = backoff.factor.max(1.0).powi(i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX));
    let wait = backoff.first.as_secs_f64() * factor;
    let wait = backoff.most.map_or(wait, |most| wait.min(most.as_secs_f64()));
    // The cast saturates.
    (wait * 1000.0).round() as u64
}

/// After so many failures of a step in a row that another try might have helped, one more is told to help no longer. AutoSkillit 0.9 has the
/// same number.
const HOPES: usize = 3;

/// The result of a try as the recipe sees it: what a command printed is read as the step says, and the last that is made of a session that may be
/// tried again says that no other is made.
fn spent(spot: &Spot<'_>, step: &Step, attempt: u32, outcome: &Outcome) -> Value {
    let mut result = outcome.result.clone();
    let last = outcome.retry == RetryReason::Stale && step.retries > 0 && attempt > step.retries;
    let before = spot.strand.failures.get(&step.name).map_or(0, |failing| failing.retriable);
    let retriable = !outcome.ok && outcome.retry != RetryReason::None;
    if let (true, Value::Object(fields)) = (last || retriable && before >= HOPES, &mut result) {
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
fn route(
    spot: &Spot<'_>,
    step: &Step,
    scope: &Scope,
    outcome: &Outcome,
    attempt: u32,
) -> Result<(Next, String), String> {
    if let Some(options) = options(step) {
        return match options.get(&outcome.label) {
            Some(target) => Ok((follow(target), format!("the answer is `{}`", outcome.label))),
            None => Err(format!("`{}` is no answer of `{}`", outcome.label, step.name)),
        };
    }
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
    if tries_left && let Some(why) = retried(step, outcome) {
        return Ok((Next::Retry, format!("{why}; try {} of {}", attempt + 1, step.retries + 1)));
    }
    if matches!(outcome.retry, RetryReason::Resume | RetryReason::DrainRace)
        && let Some(target) = &step.on_context_limit
    {
        return Ok((follow(target), "on_context_limit".to_owned()));
    }
    let spent = step.retries > 0 && !tries_left;
    if spent && step.on_exhausted != Target::Escalate {
        return Ok((follow(&step.on_exhausted), format!("its {} tries are spent", step.retries + 1)));
    }
    match &step.on_failure {
        Some(target) => Ok((follow(target), "on_failure".to_owned())),
        None if outcome.label == BUDGET => {
            let label = spot.label(&step.name);
            Ok((Next::End(RunStatus::Exhausted), format!("`{label}` spent its budget and is not done")))
        }
        None if outcome.label == super::loops::EXHAUSTED => {
            let label = spot.label(&step.name);
            Ok((Next::End(RunStatus::Exhausted), format!("`{label}` is not done: {}", outcome.summary)))
        }
        None => {
            let label = spot.label(&step.name);
            Ok((Next::End(RunStatus::Failed), format!("`{label}` failed: {}", outcome.summary)))
        }
    }
}

/// Why a failed try is followed by another, as long as there are some.
fn retried(step: &Step, outcome: &Outcome) -> Option<String> {
    let session = matches!(&step.kind, StepKind::Tool { tool, .. } if tool.tags.contains(&"session"));
    let reason = json!(outcome.retry);
    let reason = reason.as_str().unwrap_or_default();
    match (&step.retry, outcome.retry) {
        // Only sessions have reasons: anything else that failed may be tried again.
        (_, RetryReason::None) => (!session).then(|| "it failed".to_owned()),
        (Some(policy), _) if !policy.on.is_empty() => {
            policy.on.iter().any(|on| on == reason).then(|| format!("it may be tried again ({reason})"))
        }
        (_, RetryReason::Stale) => Some("it hung".to_owned()),
        (Some(_), RetryReason::Resume | RetryReason::DrainRace) if step.on_context_limit.is_some() => None,
        (Some(_), RetryReason::BudgetExhausted) | (None, _) => None,
        (Some(_), _) => Some(format!("it may be tried again ({reason})")),
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

pub(in crate::engine) fn is_true(when: &Expr, scope: &Scope) -> Result<bool, String> {
    when.eval(scope).map(|value| holds(&value)).map_err(|error| format!("`{}`: {error}", when.written()))
}

/// Truth as recipes mean it: the texts `false` and `""` are false beside what JSON calls empty, because inputs and shell
/// output arrive as text.
pub(super) fn holds(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty() && text != "false",
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
    }
}

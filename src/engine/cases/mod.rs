//! Tests of a recipe: what its calls come to is given, and where the run must go. A file enters ([`read`]); each case is run without a
//! world and says what was not as expected.

mod read;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

pub use read::read;

use super::dry::{Dry, Need};
use super::event::{Event, Fault, RunEnded, RunStatus};
use super::guess::{Guess, ingredient};
use super::host::Outcome;
use super::place::{Frame, any_item};
use super::run::step_of;
use super::transition::Try;
use crate::execution::verdict::RetryReason;
use crate::recipe::SkillLookup;
use crate::recipe::model::{Recipe, Step, StepKind};

/// The most calls and answers of a case.
const MOST: usize = 2_000;

/// One test of a recipe.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// What people call it.
    pub name: String,
    /// Where it stands in its file.
    pub line: usize,
    /// Values of ingredients; the others have their default, or one that is made up.
    pub inputs: Map<String, Value>,
    outcomes: Vec<(Key, Vec<Given>)>,
    answers: Vec<(Key, Vec<String>)>,
    expect: Expect,
}

/// Which tries of a step something is about.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    /// The step; `all[].fix` is that step in every item.
    step: String,
    visit: Option<u32>,
    attempt: Option<u32>,
}

/// What a call comes to, as far as it is said.
#[derive(Debug, Clone, Default, PartialEq)]
struct Given {
    ok: Option<bool>,
    result: Map<String, Value>,
    label: Option<String>,
    summary: Option<String>,
    retry: RetryReason,
    fault: Option<Fault>,
}

/// What must be true of a run.
#[derive(Debug, Clone, Default, PartialEq)]
struct Expect {
    end: Option<RunStatus>,
    at: Option<String>,
    reason: Option<String>,
    path: Option<Vec<String>>,
    path_includes: Vec<String>,
    captures: Map<String, Value>,
    calls: Vec<(Key, Value)>,
}

/// How a case went.
#[derive(Debug, Clone, PartialEq)]
pub struct Ran {
    /// The end.
    pub end: RunEnded,
    /// The steps in the order in which they were entered.
    pub path: Vec<String>,
    /// The variables at the end.
    pub captures: Map<String, Value>,
    /// Step, visit, try and arguments of each call.
    calls: Vec<(String, u32, u32, Value)>,
    /// What was not as expected; nothing when the case passed.
    pub differences: Vec<String>,
}

impl Case {
    /// Runs it.
    #[must_use]
    pub fn run(&self, recipe: &Recipe, skills: &dyn SkillLookup) -> Ran {
        let guess = Guess { recipe, skills };
        let mut inputs = Map::new();
        for (name, declared) in &recipe.ingredients {
            let given = self.inputs.get(name).or(declared.default.as_ref()).cloned();
            inputs.insert(name.clone(), given.unwrap_or_else(|| ingredient(name, declared)));
        }
        let mut run = Dry::start(recipe, inputs);
        let (mut path, mut calls) = (Vec::new(), Vec::new());
        let mut passed = |event: &Event| note(recipe, event, &mut path);
        let mut end = None;
        for _ in 0..MOST {
            match run.go_on(&|_| false, &mut passed) {
                Need::Outcome(tried) => {
                    calls.push((tried.step.clone(), tried.visit, tried.attempt, tried.params.clone()));
                    let outcome = self.outcome(&run, &guess, &tried);
                    run.outcome(&tried, outcome, &mut passed);
                }
                Need::Answer(asked) => {
                    match self.answer(&asked.step, asked.visit).or(asked.default.as_deref()) {
                        Some(given) => run.answer(&asked, given, &mut passed),
                        None => {
                            let why =
                                format!("`{}` asks a question and nobody is there to answer", asked.step);
                            let stopped = run.stopped(&why);
                            end = run.end(stopped, &mut passed);
                        }
                    }
                }
                Need::Nothing(done) => end = Some(done),
                Need::Circles | Need::Word(_) => end = Some(run.stopped("it goes round in circles")),
            }
            if end.is_some() {
                break;
            }
        }
        let end = end.unwrap_or_else(|| run.stopped(&format!("it does not end within {MOST} calls")));
        if let Some(step) = end.step.as_deref().filter(|step| is_stop(recipe, step))
            && end.fault.is_none()
        {
            // What runs on every exit comes after the step that decides the end.
            let at = path.iter().position(|step| step.starts_with("finally:")).unwrap_or(path.len());
            path.insert(at, step.to_owned());
        }
        let captures = run.state.main.context.clone();
        let mut ran = Ran { end, path, captures, calls, differences: Vec::new() };
        ran.differences = self.expect.differences(&ran);
        ran
    }

    fn outcome(&self, run: &Dry<'_>, guess: &Guess<'_>, tried: &Try) -> Outcome {
        let (frame, name) = Frame::of(&tried.step);
        let given =
            best(&self.outcomes, &tried.step, tried.visit, tried.attempt).cloned().unwrap_or_default();
        let ok = given.ok();
        let made = step_of(guess.recipe, &frame, name).map(|step| match ok {
            true => held(run, guess, step, tried),
            false => guess.failure(step, tried),
        });
        let mut outcome = made.unwrap_or_else(|| super::guess::outcome(ok, Map::new()));
        if let Value::Object(result) = &mut outcome.result {
            if given.result.contains_key("stdout") {
                // What a step reads out of an output that is given is in that output.
                result.retain(|name, _| tried.tool.result(name).is_some());
            }
            result.extend(given.result.clone());
        }
        outcome.retry = given.retry;
        outcome.fault = given.fault;
        outcome.label = given.label.unwrap_or(outcome.label);
        outcome.summary = given.summary.unwrap_or(outcome.summary);
        if given.result.contains_key("stdout") {
            run.read_output(tried, &mut outcome);
        }
        outcome
    }

    fn answer(&self, step: &str, visit: u32) -> Option<&str> {
        best(&self.answers, step, visit, 1).map(String::as_str)
    }
}

impl Given {
    /// Whether it is a success: as it says, else by the exit code and what may help.
    fn ok(&self) -> bool {
        let code = self.result.get("exit_code").and_then(Value::as_i64);
        self.ok.unwrap_or(
            code.is_none_or(|code| code == 0) && self.retry == RetryReason::None && self.fault.is_none(),
        )
    }
}

/// A successful outcome; of a step that waits, one for which what it waits for holds.
fn held(run: &Dry<'_>, guess: &Guess<'_>, step: &Step, tried: &Try) -> Outcome {
    use super::transition::Polled;
    let plain = guess.success(step, tried);
    if step.poll.is_none() || run.polled(tried, &plain) == Polled::Over {
        return plain;
    }
    let all = super::guess::successes(guess, step, tried).0;
    all.into_iter().find(|outcome| run.polled(tried, outcome) == Polled::Over).unwrap_or(plain)
}

/// What is said for a try, the most particular first; beyond the end of a list its last item holds.
fn best<'g, T>(all: &'g [(Key, Vec<T>)], step: &str, visit: u32, attempt: u32) -> Option<&'g T> {
    let fitting = all.iter().filter(|(key, _)| key.fits(step, visit, attempt));
    let (key, list) =
        fitting.max_by_key(|(key, _)| (key.attempt.is_some(), key.visit.is_some(), key.step == step))?;
    let index = if key.visit.is_some() { 0 } else { visit.saturating_sub(1) as usize };
    list.get(index).or(list.last())
}

impl Key {
    fn fits(&self, step: &str, visit: u32, attempt: u32) -> bool {
        (self.step == step || self.step == any_item(step))
            && self.visit.is_none_or(|wanted| wanted == visit)
            && self.attempt.is_none_or(|wanted| wanted == attempt)
    }
}

/// Every step with what it is called in tests.
pub(super) fn labels(recipe: &Recipe) -> Vec<(String, &Step)> {
    fn collect<'r>(
        steps: &'r indexmap::IndexMap<String, Step>,
        before: &str,
        all: &mut Vec<(String, &'r Step)>,
    ) {
        for (name, step) in steps {
            all.push((format!("{before}{name}"), step));
            if let StepKind::ForEach(each) = &step.kind {
                collect(&each.body, &format!("{before}{name}[]."), all);
            }
        }
    }
    let mut all = Vec::new();
    collect(&recipe.steps, "", &mut all);
    collect(&recipe.finally, "finally:", &mut all);
    all
}

fn is_stop(recipe: &Recipe, label: &str) -> bool {
    let (frame, name) = Frame::of(label);
    frame.holds().is_empty()
        && step_of(recipe, &frame, name).is_some_and(|step| matches!(step.kind, StepKind::Stop { .. }))
}

/// Writes down that a step was entered: at the end of its first try, or where its loop begins.
fn note(recipe: &Recipe, event: &Event, path: &mut Vec<String>) {
    match event {
        Event::LoopStarted(begun) if begun.attempt == 1 => path.push(begun.step.clone()),
        Event::StepEnded { step, attempt: 1, .. } => {
            let (frame, name) = Frame::of(step);
            let of = step_of(recipe, &frame, name);
            if !of.is_some_and(|step| matches!(step.kind, StepKind::ForEach(_))) {
                path.push(step.clone());
            }
        }
        _ => {}
    }
}

impl Expect {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn differences(&self, ran: &Ran) -> Vec<String> {
        let mut all = Vec::new();
        let end = &ran.end;
        if let Some(wanted) = self.end.filter(|wanted| *wanted != end.status) {
            all.push(format!("end: {}, expected {}: {}", word(end.status), word(wanted), end.reason));
        }
        let at = end.step.as_deref().unwrap_or_default();
        if let Some(wanted) = self.at.as_deref().filter(|wanted| *wanted != at) {
            all.push(format!("at: `{at}`, expected `{wanted}`"));
        }
        if let Some(wanted) = self.reason.as_deref().filter(|wanted| !end.reason.contains(*wanted)) {
            all.push(format!("reason: {:?} does not contain {wanted:?}", end.reason));
        }
        all.extend(self.path.as_deref().and_then(|wanted| path_difference(wanted, &ran.path)));
        for wanted in self.path_includes.iter().filter(|wanted| !ran.path.iter().any(|step| is(step, wanted)))
        {
            all.push(format!("path_includes: `{wanted}` was not entered; it went: {}", ran.path.join(" > ")));
        }
        for (name, wanted) in &self.captures {
            let found = ran.captures.get(name).unwrap_or(&Value::Null);
            if found != wanted {
                all.push(format!("captures: `{name}` is {found}, expected {wanted}"));
            }
        }
        for (key, wanted) in &self.calls {
            let calls = ran.calls.iter().filter(|(step, visit, attempt, _)| key.fits(step, *visit, *attempt));
            let found: Vec<&Value> = calls.map(|(.., params)| params).collect();
            match found.iter().find(|params| !within(wanted, params)) {
                _ if found.is_empty() => all.push(format!("calls: `{}` was not called", key.told())),
                // Without a number, one of the calls has to be like that.
                Some(_) if key.visit.is_none() && found.iter().any(|params| within(wanted, params)) => {}
                Some(params) => {
                    all.push(format!("calls: `{}` was called with {params}, expected {wanted}", key.told()))
                }
                None => {}
            }
        }
        all
    }
}

impl Key {
    fn told(&self) -> String {
        match (self.visit, self.attempt) {
            (None, _) => self.step.clone(),
            (Some(visit), None) => format!("{}#{visit}", self.step),
            (Some(visit), Some(attempt)) => format!("{}#{visit}.{attempt}", self.step),
        }
    }
}

fn is(step: &str, wanted: &str) -> bool {
    step == wanted || any_item(step) == wanted
}

/// Where a path is not as expected for the first time.
fn path_difference(wanted: &[String], path: &[String]) -> Option<String> {
    let longest = wanted.len().max(path.len());
    let at = (0..longest).find(|at| match (path.get(*at), wanted.get(*at)) {
        (Some(step), Some(wanted)) => !is(step, wanted),
        _ => true,
    })?;
    let named = |step: Option<&String>| step.map_or_else(|| "the end".to_owned(), |step| format!("`{step}`"));
    let before = match at.checked_sub(1).and_then(|at| path.get(at)) {
        Some(step) => format!("after `{step}` came"),
        None => "it began with".to_owned(),
    };
    let went = if path.is_empty() { "nowhere".to_owned() } else { path.join(" > ") };
    Some(format!(
        "path: {before} {}, expected {}; it went: {went}",
        named(path.get(at)),
        named(wanted.get(at))
    ))
}

/// Whether `found` has everything that `wanted` has.
fn within(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            wanted.iter().all(|(name, wanted)| found.get(name).is_some_and(|found| within(wanted, found)))
        }
        _ => wanted == found,
    }
}

/// A status as it is written.
#[must_use]
pub fn word(status: RunStatus) -> String {
    serde_json::to_value(status).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

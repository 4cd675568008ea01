//! The decisions of a run as pure functions: what to do next, and where an outcome leads.

mod conclude;
mod loops;
mod signature;
mod spot;

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

pub use conclude::follow;
pub(super) use conclude::is_true;
pub use conclude::{Polled, answer, conclude, polled};
use conclude::{concluded, holds, routed};
use spot::Spot;

use super::event::{Event, Fault, Next, RunEnded, RunStatus};
use super::judged;
use super::open::{self, Open};
use super::place::Frame;
use super::state::{At, State};
use super::strand::Strand;
use crate::catalog::{ParamKind, ToolDecl};
use crate::recipe::executable;
use crate::recipe::expr::{EvalError, Scope};
use crate::recipe::model::{Arg, Bound, Recipe, Step, StepKind, StopStatus};

/// What to do next.
#[derive(Debug, Clone)]
pub enum Decision {
    /// Write this down; it needs nothing from the world.
    Record(Box<Event>),
    /// Begin these, beside what is at work; when there are none, wait for what is.
    Work {
        /// What may begin now.
        begin: Vec<Begin>,
        /// What is at work and is to be given up: everything inside of these frames.
        give_up: Vec<Frame>,
    },
    /// The end is decided; what is at work is cut off.
    End(RunEnded),
}

/// Something that needs the world.
#[derive(Debug, Clone)]
pub enum Begin {
    /// Call a tool, then [`conclude`].
    Call(Try),
    /// Ask a person, then [`answer`].
    Ask(Asked),
    /// Let whoever drives choose where the run goes after this step; [`judged::choice`] says among what.
    Choose(String),
    /// Wait before another try.
    Wait {
        /// The step that waits.
        step: String,
        /// Until then.
        until: Timestamp,
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
    /// What of them whoever drives has to fill in, or may add.
    pub open: Option<Box<Open>>,
    /// The session of the same try that was cut off, if there was one.
    pub cut_off: Option<String>,
    /// The file that holds the result, for a command that writes one.
    pub output: Option<String>,
}

impl Try {
    /// A visit that is tried again is not judged anew.
    fn fill_as_before(&mut self, state: &State) {
        let before = state.called.as_ref().filter(|call| call.step == self.step && call.visit == self.visit);
        if let (Some(open), Some(before)) = (&self.open, before) {
            let given = before.params.as_object().cloned().unwrap_or_default();
            if let Ok(params) = open.filled(&self.params, &given) {
                (self.params, self.open) = (params, None);
            }
        }
    }
}

/// A question that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The step.
    pub step: String,
    /// Which visit.
    pub visit: u32,
    /// The question, rendered.
    pub message: String,
    /// The answers there are; `yes` and `no` unless the step has others.
    pub answers: Vec<String>,
    /// The answer when nobody is there.
    pub default: Option<String>,
    /// How long an answer is waited for.
    pub timeout: Option<Duration>,
}

/// The answers of a question that has no others.
pub const YES_NO: [&str; 2] = ["yes", "no"];

/// Facts of the run that expressions see as `run.*`.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The repository.
    pub repository: String,
    /// The run's folder.
    pub dir: String,
}

/// Facts of the moment that decisions rest on.
#[derive(Debug, Clone)]
pub struct Moment<'a> {
    /// Where the run is.
    pub places: Places,
    /// How long its processes have run, in milliseconds.
    pub elapsed_ms: u64,
    /// The time.
    pub now: Timestamp,
    /// Whether items of loops follow each other even where they need not: one driver makes one call at a time.
    pub serial: bool,
    /// Frames in which something is at work.
    pub busy: &'a HashSet<Frame>,
    /// Frames whose wait before another try is over.
    pub rested: &'a HashSet<Frame>,
}

/// What the run does next. Total: a run that cannot go on ends with the reason.
#[must_use]
pub fn next(recipe: &Recipe, state: &State, moment: &Moment<'_>) -> Decision {
    let walk = Walk { recipe, state, moment };
    if let (Some(closing), None) = (&state.closing, state.end()) {
        if let At::Ending(last) = &closing.strand.at {
            return Decision::End(closed(&closing.end, last));
        }
        return walk.whole(&closing.strand, Frame::finally());
    }
    match &state.main.at {
        At::Before => Decision::End(ended(RunStatus::Crashed, "the run has not started", None, false, None)),
        At::Ended { end, .. } | At::Ending(end) => Decision::End(end.clone()),
        _ => walk.whole(&state.main, Frame::default()),
    }
}

/// The end of a run whose `finally` is over.
fn closed(end: &RunEnded, last: &RunEnded) -> RunEnded {
    let mut end = end.clone();
    if last.status != RunStatus::Succeeded {
        end.reason = format!("{}; its `finally` did not succeed: {}", end.reason, last.reason);
    }
    end
}

/// A step that can begin, or a decision that comes before it.
type Found = Result<Begin, Decision>;

/// A walk over everything that is at work in a run.
struct Walk<'a> {
    recipe: &'a Recipe,
    state: &'a State,
    moment: &'a Moment<'a>,
}

#[derive(Default)]
struct Todo {
    begin: Vec<Begin>,
    give_up: Vec<Frame>,
}

impl<'a> Walk<'a> {
    fn whole(&self, strand: &'a Strand, frame: Frame) -> Decision {
        if let Some(end) = fault_in(strand) {
            return Decision::End(end.clone());
        }
        let mut todo = Todo::default();
        match self.strand(frame, &mut todo) {
            Some(decision) => decision,
            None => Decision::Work { begin: todo.begin, give_up: todo.give_up },
        }
    }

    /// Collects what can begin in a strand; gives what has to be decided first.
    fn strand(&self, frame: Frame, todo: &mut Todo) -> Option<Decision> {
        if self.moment.busy.contains(&frame) {
            return None;
        }
        let Some(spot) = Spot::at(self.recipe, self.state, &self.moment.places, &frame) else {
            return Some(lost(&frame.label("")));
        };
        let found = match &spot.strand.at {
            At::Before | At::Ending(_) | At::Ended { .. } => return None,
            At::Looping(each) => return self.looping(&spot, each, todo),
            At::Choosing { step, .. } => spot.step(step).and_then(|step| self.choose(&spot, step)),
            At::Enter(name) => spot.step(name).and_then(|step| self.enter(&spot, step)),
            At::Retry { step, visit, attempt, after } => spot.step(step).and_then(|step| {
                if let Some(end) = self.over_limit(&spot, step) {
                    return Err(Decision::End(end));
                }
                match after.filter(|after| *after > self.moment.now && !self.moment.rested.contains(&frame)) {
                    Some(until) => Ok(Begin::Wait { step: spot.label(&step.name), until }),
                    None => self.start(&spot, step, *visit, *attempt, None),
                }
            }),
            At::Running { step, visit, attempt, session } => {
                spot.step(step).and_then(|step| self.start(&spot, step, *visit, *attempt, session.clone()))
            }
        };
        match found {
            Ok(begin) => todo.begin.push(begin),
            Err(decision) => return Some(decision),
        }
        None
    }

    fn enter(&self, spot: &Spot<'_>, step: &Step) -> Found {
        if let Some(end) = self.over_limit(spot, step) {
            return Err(Decision::End(end));
        }
        if self.state.main.visits.is_empty()
            && let Some(gap) = executable::gaps(self.recipe).into_iter().find(|gap| gap.stops)
        {
            let step = (!gap.step.is_empty()).then_some(gap.step.as_str());
            let end = ended(RunStatus::Failed, gap.message.as_str(), step, false, Some(Fault::Recipe));
            return Err(Decision::End(end));
        }
        let scope = spot.scope(step, None);
        if let Some(condition) = &step.skip_when_false {
            match condition.eval(&scope).map(|value| holds(&value)) {
                Ok(true) => {}
                Ok(false) => {
                    let onwards = step.on_skip.as_ref().or(step.on_success.as_ref());
                    let next = onwards.map_or(Next::Choice(Vec::new()), follow);
                    let why = format!("`{}` is false", condition.written());
                    return Err(record(Event::StepSkipped { step: spot.label(&step.name), why, next }));
                }
                Err(error) => return Err(no_value(spot, step, "skip_when_false", &error)),
            }
        }
        let visits = spot.strand.visits(&step.name);
        match self.bound(step, &scope) {
            Ok(Some(limit)) if visits >= limit => {
                let next = step.on_exceeded.as_ref().map_or(Next::End(RunStatus::Exhausted), follow);
                return Err(record(Event::StepExceeded { step: spot.label(&step.name), visits, next }));
            }
            Ok(_) => {}
            Err(error) => return Err(no_value(spot, step, "max_visits", &error)),
        }
        self.start(spot, step, visits + 1, 1, None)
    }

    /// The choice of a route, as long as there are any left.
    fn choose(&self, spot: &Spot<'_>, step: &Step) -> Found {
        let label = spot.label(&step.name);
        let had = self.state.choices(&label);
        if had < judged::most_choices(self.recipe) {
            return Ok(Begin::Choose(label));
        }
        let next = step.on_exceeded.as_ref().map_or(Next::End(RunStatus::Exhausted), follow);
        Err(record(Event::StepExceeded { step: label, visits: had, next }))
    }

    fn start(
        &self,
        spot: &Spot<'_>,
        step: &Step,
        visit: u32,
        attempt: u32,
        cut_off: Option<String>,
    ) -> Found {
        let scope = spot.scope(step, None);
        let label = spot.label(&step.name);
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
                        Err(error) => return Err(no_value(spot, step, name, &error)),
                    };
                }
                let output = match &step.outputs_from {
                    Some(crate::recipe::model::OutputsFrom::File(file)) => match file.render(&scope) {
                        Ok(file) => Some(file),
                        Err(error) => return Err(no_value(spot, step, "outputs_from", &error)),
                    },
                    _ => None,
                };
                let params = Value::Object(params);
                let open = open::open(self.recipe, step, &scope)
                    .map_err(|error| no_value(spot, step, "with", &error))?
                    .map(Box::new);
                let mut tried = Try { step: label, visit, attempt, tool, params, open, cut_off, output };
                tried.fill_as_before(self.state);
                Ok(Begin::Call(tried))
            }
            StepKind::Confirm { message, default, choice } => {
                let message =
                    message.render(&scope).map_err(|error| no_value(spot, step, "message", &error))?;
                let options = choice.iter().flat_map(|choice| choice.options.keys().cloned());
                let mut answers: Vec<String> = options.collect();
                let mut fallback = choice.as_ref().and_then(|choice| choice.default.clone());
                if answers.is_empty() {
                    answers = YES_NO.map(str::to_owned).into();
                    fallback = default.map(|yes| YES_NO[usize::from(!yes)].to_owned());
                }
                let timeout = choice.as_ref().and_then(|choice| choice.timeout);
                Ok(Begin::Ask(Asked { step: label, visit, message, answers, default: fallback, timeout }))
            }
            StepKind::Route => Err(record(concluded(spot, step, visit, 1, &routed(), 0))),
            StepKind::Constant(value) => match value.value(&scope) {
                Ok(value) => {
                    let outcome = super::host::Outcome { result: json!({ "value": value }), ..routed() };
                    Err(record(concluded(spot, step, visit, 1, &outcome, 0)))
                }
                Err(error) => Err(no_value(spot, step, "constant", &error)),
            },
            StepKind::ForEach(each) => Err(self.begin_loop(spot, step, each, visit, attempt)),
            // Composition leaves none; only a journal that somebody changed leads here.
            StepKind::Call(_) => {
                let reason = format!("the sub-recipe of `{label}` is not in its place");
                Err(Decision::End(ended(RunStatus::Failed, reason, Some(&label), false, Some(Fault::Recipe))))
            }
            StepKind::Stop { status, message } => {
                let message =
                    message.render(&scope).map_err(|error| no_value(spot, step, "message", &error))?;
                let status = match status {
                    StopStatus::Succeeded => RunStatus::Succeeded,
                    StopStatus::Failed => RunStatus::Failed,
                    StopStatus::Exhausted => RunStatus::Exhausted,
                };
                // The recipe's own steps end with the run; inside of something else, that ends first.
                Err(match spot.frame.holds().is_empty() {
                    true => Decision::End(ended(status, message, Some(&label), false, None)),
                    false => record(conclude::stopped(spot, step, visit, status, message)),
                })
            }
        }
    }

    fn bound(&self, step: &Step, scope: &Scope) -> Result<Option<u32>, EvalError> {
        match &step.max_visits {
            None => Ok(self.recipe.limits.max_visits),
            Some(bound) => count(bound, scope).map(Some),
        }
    }

    /// The end of a run whose limits are reached before `step`. What runs on every exit is not bounded by them.
    fn over_limit(&self, spot: &Spot<'_>, step: &Step) -> Option<RunEnded> {
        if spot.is_closing() {
            return None;
        }
        let (limits, state) = (&self.recipe.limits, self.state);
        let session = matches!(&step.kind, StepKind::Tool { tool, .. } if tool.tags.contains(&"session"));
        let ends = matches!(step.kind, StepKind::Stop { .. });
        let reason = if let Some(limit) =
            limits.wall_clock.filter(|limit| self.moment.elapsed_ms >= limit.as_millis() as u64 && !ends)
        {
            format!("the run took its {} s", limit.as_secs())
        } else if let Some(limit) = limits.sessions.filter(|limit| session && state.sessions >= *limit) {
            format!("the run had its {limit} sessions")
        } else if let Some(limit) =
            limits.budget_usd.filter(|limit| session && state.usage.cost_usd >= *limit)
        {
            format!("the run spent ${:.2} of its ${limit:.2}", state.usage.cost_usd)
        } else {
            return None;
        };
        Some(ended(RunStatus::Exhausted, reason, Some(&spot.label(&step.name)), false, None))
    }
}

/// A number in the text, or what its expression gives; what is no number is none.
fn count(bound: &Bound, scope: &Scope) -> Result<u32, EvalError> {
    match bound {
        Bound::Count(count) => Ok(*count),
        Bound::Expr(expr) => {
            let value = expr.eval(scope)?;
            let count = value.as_u64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
            Ok(count.and_then(|count| u32::try_from(count).ok()).unwrap_or_default())
        }
    }
}

/// An end inside of a strand that says nothing about the work: it ends the run.
fn fault_in(strand: &Strand) -> Option<&RunEnded> {
    match &strand.at {
        At::Ending(end) => Some(end).filter(|end| end.fault.is_some()),
        At::Looping(each) => each.strands.values().find_map(fault_in),
        _ => None,
    }
}

/// What is left of the run's budget, in dollars.
#[must_use]
pub fn budget_left(recipe: &Recipe, state: &State) -> Option<f64> {
    recipe.limits.budget_usd.map(|limit| (limit - state.usage.cost_usd).max(0.0))
}

fn ended(
    status: RunStatus,
    reason: impl Into<String>,
    step: Option<&str>,
    resumable: bool,
    fault: Option<Fault>,
) -> RunEnded {
    RunEnded { status, reason: reason.into(), step: step.map(str::to_owned), resumable, fault }
}

fn record(event: Event) -> Decision {
    Decision::Record(Box::new(event))
}

fn lost(step: &str) -> Decision {
    let reason = format!("the recipe has no step `{step}`");
    Decision::End(ended(RunStatus::Failed, reason, Some(step), false, Some(Fault::Recipe)))
}

fn no_value(spot: &Spot<'_>, step: &Step, key: &str, error: &EvalError) -> Decision {
    let label = spot.label(&step.name);
    let reason = format!("`{key}` of `{label}` has no value: {error}");
    Decision::End(ended(RunStatus::Failed, reason, Some(&label), true, Some(Fault::Recipe)))
}

#[cfg(test)]
mod tests;

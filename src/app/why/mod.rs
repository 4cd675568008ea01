//! Why a run went as it did: for every try of a step what it was judged by. The journal says what was decided, the sessions' logs
//! and the wardens' accounts say what that rested on.
//!
//! - `words`: what a verdict means, what would have made it a success, what to do; pure

mod words;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use super::error::AppError;
use super::runs::RunInfo;
use crate::core::paths::{KitchenDir, RunDir};
use crate::core::usage::Usage;
use crate::engine::event::{Entry, Event, Fault, Next, RunStatus};
use crate::engine::place::{Frame, Hold};
use crate::execution::log::anomaly::Anomaly;
use crate::execution::log::recover::{crashed, is_orphan};
use crate::execution::log::summary::{OpenCall, Status, Summary};
use crate::execution::record::Denial;
use crate::execution::warden::{Account, Exit, Leftover};

/// Version of the machine output.
pub const VERSION: u32 = 1;

/// What is known of why a run, or a step of it, went as it did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Why {
    /// [`VERSION`].
    pub schema_version: u32,
    /// The run.
    pub run_id: String,
    /// Its recipe.
    pub recipe: String,
    /// How it ended; `None` while a process drives it.
    pub status: Option<RunStatus>,
    /// Why.
    pub reason: Option<String>,
    /// The step that was asked for.
    pub step: Option<String>,
    /// Its tries, or those of all steps and the sessions that drove, in order.
    pub tries: Vec<Try>,
    /// What to do, commands and sentences.
    pub next: Vec<String>,
}

/// One try of a step, or one session that drove the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Try {
    /// The step; `None` for a session that drove the run.
    pub step: Option<String>,
    /// Which visit of the step, or which session that drove, from 1.
    pub visit: u32,
    /// Which try within the visit, from 1.
    pub attempt: u32,
    /// The tool.
    pub tool: Option<String>,
    /// What it did: the skill command, the command line, the question.
    pub what: String,
    /// Whether it counts as success; `None` when it has no end.
    pub ok: Option<bool>,
    /// The verdict in a word or two.
    pub label: String,
    /// The facts that decided.
    pub because: Vec<String>,
    /// What it waited for, other than its own work.
    pub waited: Vec<String>,
    /// How it came to its end.
    pub ended: Option<String>,
    /// How its process ended.
    pub exit: Option<Exit>,
    /// Refused calls that it did not make good.
    pub refused: Vec<Denial>,
    /// Refused calls after which it went on: a later call of the same tool succeeded.
    pub made_good: Vec<Denial>,
    /// Background tasks that were open.
    pub background: Vec<String>,
    /// Tool calls that had not ended.
    pub open_calls: Vec<OpenCall>,
    /// Declared outputs that are missing.
    pub missing_outputs: Vec<String>,
    /// What it left running.
    pub left: Vec<Leftover>,
    /// How many more there were than `left` lists.
    pub unlisted: u32,
    /// What was odd.
    pub anomalies: Vec<Anomaly>,
    /// What would have made it a success.
    pub needed: Option<String>,
    /// Where the run went, and which rule chose that.
    pub then: Option<String>,
    /// What it used.
    pub usage: Option<Usage>,
    /// The same by model.
    pub usage_by_model: IndexMap<String, Usage>,
    /// Milliseconds that it took.
    pub elapsed_ms: Option<u64>,
    /// The session.
    pub session: Option<String>,
    /// Where its log is.
    pub log: Option<PathBuf>,
    /// What is to be known about the log itself.
    pub log_note: Option<String>,
    #[serde(skip)]
    fault: Option<Fault>,
}

/// Why the run of the repository at `top` with this journal went as it did, or this step of it.
///
/// # Errors
/// When the run has no such step.
pub fn why(top: &Path, run_id: &str, entries: &[Entry], step: Option<&str>) -> Result<Why, AppError> {
    let dir = KitchenDir::of(top).run(run_id);
    let info = RunInfo::of(&dir, run_id, entries);
    let known = steps(entries);
    if let Some(step) = step.filter(|step| !known.iter().any(|known| is_meant(step, known))) {
        let mut error = AppError::unknown("step", step, &known);
        error.message = format!("run {run_id} has no step `{step}`");
        return Err(error);
    }
    let mut tries = tries(entries, step, info.status.is_none());
    for one in &mut tries {
        match (&one.session, one.tool.as_deref()) {
            (Some(session), _) => told_by_log(one, &dir.session(&session.clone())),
            (None, Some("run_cmd" | "test_check")) => told_by_command(one, &dir),
            _ => {}
        }
        one.needed = if one.ok == Some(true) { None } else { words::needed(one) };
    }
    let next = words::next(&tries, &info, top);
    Ok(Why {
        schema_version: VERSION,
        run_id: run_id.to_owned(),
        recipe: info.recipe,
        status: info.status,
        reason: info.reason,
        step: step.map(str::to_owned),
        tries,
        next,
    })
}

/// Whether `wanted` means a step of a run: by what it is called there, or in all loops by its name in the recipe.
#[must_use]
pub fn is_meant(wanted: &str, step: &str) -> bool {
    wanted == step || Frame::of(step).1 == wanted
}

/// The steps that a run came to, in the order in which it did.
#[must_use]
pub fn steps(entries: &[Entry]) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    for step in entries.iter().filter_map(|entry| entry.event.step()) {
        if !step.is_empty() && !steps.iter().any(|known| known == step) {
            steps.push(step.to_owned());
        }
    }
    steps
}

/// What the journal says. Questions and routes are only told where their step was asked for: they have no verdict.
fn tries(entries: &[Entry], wanted: Option<&str>, driven: bool) -> Vec<Try> {
    let mut tries: Vec<Try> = Vec::new();
    let is_wanted = |step: &str| wanted.is_none_or(|wanted| is_meant(wanted, step));
    for entry in entries {
        match &entry.event {
            Event::StepStarted { step, visit, attempt, tool, what, session, .. }
                if is_wanted(step) && (tool.is_some() || wanted.is_some()) =>
            {
                tries.push(Try {
                    step: Some(step.clone()),
                    visit: *visit,
                    attempt: *attempt,
                    tool: tool.clone(),
                    what: what.clone(),
                    session: session.clone(),
                    ..Try::default()
                });
            }
            Event::StepEnded {
                step,
                visit,
                attempt,
                ok,
                label,
                summary,
                result,
                elapsed_ms,
                usage,
                next,
                why,
                fault,
                ..
            } => {
                let began = tries.iter_mut().rev().find(|one| {
                    one.step.as_deref() == Some(step) && (one.visit, one.attempt) == (*visit, *attempt)
                });
                let Some(one) = began else { continue };
                one.ok = Some(*ok);
                one.label.clone_from(label);
                one.because = because(result, summary);
                one.elapsed_ms = Some(*elapsed_ms);
                one.usage = *usage;
                one.fault = *fault;
                one.then = Some(then(next, why));
                if let Some(log) = result.get("log").and_then(Value::as_str).filter(|log| !log.is_empty()) {
                    one.log = Some(PathBuf::from(log));
                }
                let models = result.get("usage_by_model").cloned().unwrap_or_default();
                one.usage_by_model = serde_json::from_value(models).unwrap_or_default();
            }
            Event::StepCutOff { step, visit, attempt, usage } => {
                let cut = tries.iter_mut().rev().find(|one| {
                    one.step.as_deref() == Some(step) && (one.visit, one.attempt) == (*visit, *attempt)
                });
                if let Some(one) = cut {
                    one.usage = Some(*usage);
                }
            }
            Event::Waiting { step, why, .. } => {
                let waiting = tries.iter_mut().rev().find(|one| one.step == *step);
                if let Some(one) = waiting {
                    one.waited.push(why.clone());
                }
            }
            Event::StepSkipped { step, why, next } if wanted.is_some() && is_wanted(step) => {
                tries.push(passed_over(step, "skipped", why.clone(), next, "it was passed over"));
            }
            Event::StepExceeded { step, visits, next } if is_wanted(step) => {
                let because = format!("its {visits} visit(s) were spent, so it was not entered again");
                tries.push(passed_over(step, "exceeded", because, next, "its visits are bounded"));
            }
            Event::RouteChosen { step, next, why, .. } => {
                let chosen = tries.iter_mut().rev().find(|one| one.step.as_deref() == Some(step));
                if let Some(one) = chosen {
                    one.then = Some(then(next, &format!("chosen by whoever drove: {why}")));
                }
            }
            // Whatever was at work then is not any more.
            Event::RunResumed { .. } | Event::RunEnded(_) => cut_off(&mut tries, |_| true),
            Event::ItemEnded { step, item, .. } => {
                cut_off(&mut tries, |one| one.step.as_deref().is_some_and(|at| is_within(at, step, *item)));
            }
            Event::OrchestratorStarted { session, number } if wanted.is_none() => tries.push(Try {
                visit: *number,
                attempt: 1,
                what: "drives the run".to_owned(),
                session: Some(session.clone()),
                ..Try::default()
            }),
            Event::OrchestratorEnded { session, label, summary, usage, usage_by_model } => {
                if let Some(one) = tries.iter_mut().rev().find(|one| one.session.as_ref() == Some(session)) {
                    one.ok = Some(label == "success");
                    one.label.clone_from(label);
                    one.because = vec![summary.clone()];
                    one.usage = Some(*usage);
                    one.usage_by_model.clone_from(usage_by_model);
                }
            }
            _ => {}
        }
    }
    for one in tries.iter_mut().filter(|one| one.ok.is_none() && one.label.is_empty()) {
        one.label = if driven { "running" } else { "cut off" }.to_owned();
    }
    tries
}

/// Those of these tries that have no end were cut off.
fn cut_off(tries: &mut [Try], is_over: impl Fn(&Try) -> bool) {
    let open = tries.iter_mut().filter(|one| one.ok.is_none() && one.label.is_empty());
    open.filter(|one| is_over(one)).for_each(|one| one.label = "cut off".to_owned());
}

/// Whether a step is inside of an item of a loop.
fn is_within(step: &str, wanted: &str, number: usize) -> bool {
    let (frame, _) = Frame::of(step);
    frame.holds().iter().enumerate().any(|(depth, hold)| match hold {
        Hold::Item { step, item, .. } => *item == number && frame.outer(depth).label(step) == wanted,
        Hold::Finally => false,
    })
}

fn passed_over(step: &str, label: &str, because: String, next: &Next, why: &str) -> Try {
    Try {
        step: Some(step.to_owned()),
        label: label.to_owned(),
        because: vec![because],
        then: Some(then(next, why)),
        ..Try::default()
    }
}

fn because(result: &Value, summary: &str) -> Vec<String> {
    let listed = result.get("because").and_then(Value::as_array);
    let listed: Vec<String> =
        listed.into_iter().flatten().filter_map(|fact| fact.as_str().map(str::to_owned)).collect();
    if listed.is_empty() && !summary.is_empty() { vec![summary.to_owned()] } else { listed }
}

fn then(next: &Next, why: &str) -> String {
    let went = match next {
        Next::Retry => "tried again".to_owned(),
        Next::Step(step) => format!("went to `{step}`"),
        Next::End(_) => "the run ended".to_owned(),
        Next::Choice(_) => "whoever drove the run chose what followed".to_owned(),
    };
    if why.is_empty() { went } else { format!("{went} ({why})") }
}

/// What the log of a session adds.
fn told_by_log(one: &mut Try, dir: &Path) {
    one.log = Some(dir.to_owned());
    let mut all = Summary::all(dir);
    let of_this = |summary: &Summary| match (&one.step, &summary.place) {
        (Some(step), Some(place)) => {
            place.step == *step && (place.visit, place.attempt) == (one.visit, one.attempt)
        }
        (None, None) => true,
        _ => false,
    };
    let Some(at) = all.iter().rposition(of_this) else {
        let note = if dir.is_dir() { "it has no summary of this try" } else { "it is not there any more" };
        one.log_note = Some(note.to_owned());
        return;
    };
    let mut summary = all.swap_remove(at);
    if summary.status == Status::Running && one.label != "running" && is_orphan(dir, &summary) {
        crashed(dir, &mut summary);
    }
    if one.ok.is_none() && summary.status == Status::Crashed {
        one.because.push("the program that ran it went away before the session was over".to_owned());
        one.elapsed_ms = summary.elapsed_ms;
        one.usage = Some(summary.usage);
        one.usage_by_model.clone_from(&summary.usage_by_model);
    }
    // What the journal does not have: a session that was stopped is judged, and its step goes on later.
    if let (None, Some(verdict)) = (one.ok, &summary.verdict) {
        one.because.clone_from(&verdict.because);
    }
    if one.usage_by_model.is_empty() {
        one.usage_by_model.clone_from(&summary.usage_by_model);
    }
    one.ended = words::ended(&summary);
    one.exit = summary.exit;
    one.refused = summary.refused;
    one.made_good = summary.made_good;
    one.background = summary.background;
    one.open_calls = summary.open_calls;
    one.missing_outputs = if one.ok == Some(true) { Vec::new() } else { summary.missing_outputs };
    (one.left, one.unlisted) = (summary.left, summary.unlisted);
    one.anomalies = summary.anomalies;
    one.log_note = summary.log_trouble;
}

/// What the warden's account of a command adds.
fn told_by_command(one: &mut Try, run: &RunDir) {
    let step = one.step.clone().unwrap_or_default();
    let dir = run.command(&step, one.visit, one.attempt);
    one.log.get_or_insert_with(|| dir.join("output.log"));
    let Ok(account) = Account::read(&dir.join("warden.json")) else { return };
    one.exit = account.exit;
    (one.left, one.unlisted) = (account.left, account.unlisted);
    one.ended = account.exit.map(words::exit);
    if one.ok.is_none() && account.parent_gone {
        one.because.push("the program that ran it went away before the command was over".to_owned());
    }
}

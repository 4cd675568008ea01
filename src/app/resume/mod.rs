//! Going on with a run: what has to be looked at, and decided, before it does. A run's folder comes in; a run that is ready to be
//! driven goes out, or what a person has to say first.
//!
//! - [`kept`]: the texts of its recipe, and going on with others
//! - `place`: where its repository is
//! - `cut_off`: whether the step that was cut off goes on, runs again, or has to be asked about

mod cut_off;
pub mod kept;
mod place;

use std::sync::Arc;

use self::cut_off::{Course, CutOff, cut_off};
use super::cook::{Ready, client, toolkit};
use super::error::AppError;
use super::host::{Answers, Host, Nobody};
use super::kitchen::Kitchen;
use super::lock;
use crate::engine::event::{Event, Next};
use crate::engine::journal::Journal;
use crate::engine::place::Frame;
use crate::engine::run::{entry_step, step_of};
use crate::engine::state::{At, State};
use crate::engine::transition::follow;
use crate::execution::log::recover::recover_run;
use crate::recipe::lacking::lacking;
use crate::recipe::model::Recipe;
use crate::recipe::yaml::DEFAULT_TEMP;
use crate::tools::{Rehearsal, Toolkit};

/// What a person wants of a run that goes on.
pub struct Wishes<'a> {
    /// Factor on a rehearsal's pauses.
    pub pace: f64,
    /// Take the recipe as its files hold it now.
    pub accept_recipe: bool,
    /// What to do with a step that was cut off.
    pub choice: Option<Choice>,
    /// Asks what to do with a step that may not run again by itself, or says that nobody can be asked.
    pub ask: &'a dyn Fn(&Undecided) -> Result<Choice, AppError>,
}

/// What to do with a step that was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// It runs again, in a fresh session where it has one.
    Rerun,
    /// It counts as done.
    Skip,
}

/// A step that was cut off and may not run again by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecided {
    /// The run.
    pub run_id: String,
    /// The step.
    pub step: String,
    /// Why it may not, as a part of a sentence.
    pub why: String,
    /// Where the run goes when it counts as done; why it cannot otherwise.
    pub skip: Result<String, String>,
    /// How the command goes on with the run from where the user is.
    pub command: String,
}

impl Undecided {
    /// The question, without final stop.
    #[must_use]
    pub fn question(&self) -> String {
        format!("`{}` was cut off, and {}", self.step, self.why)
    }

    /// The error where nobody can be asked.
    #[must_use]
    pub fn unasked(&self) -> AppError {
        AppError { kind: super::error::Kind::Undecided, ..AppError::usage(self.question()) }
    }
}

/// Prepares to go on with a run: with the recipe that it keeps, in the repository that it is in.
///
/// # Errors
/// When there is no such run, it is over, another process drives it, it cannot run here, or a person has to decide something first.
pub fn resume(mut kitchen: Kitchen, run_id: &str, wishes: &Wishes<'_>) -> Result<Ready, AppError> {
    let run_dir = kitchen.dir.run(run_id);
    let lock = lock::lock(&run_dir, &kitchen.redactor)?;
    // Nobody else drives it, so what still counts as running was cut off. A log decides nothing: the run goes on without it too.
    if let Err(error) = recover_run(&run_dir, &kitchen.redactor) {
        tracing::warn!(run_id, %error, "the logs of sessions that were cut off cannot be completed");
    }
    let (journal, past) = Journal::reopen(&run_dir.journal(), kitchen.redactor.clone())?;
    let Some(started) = State::fold(&past, "").started else {
        return Err(AppError::usage(format!("run {run_id} never started")));
    };
    // Its files are where they were when it started.
    kitchen.settings.workspace.temp_dir = started.temp_dir.as_deref().unwrap_or(DEFAULT_TEMP).to_owned();
    let moved = place::moved(&kitchen, &started)?;
    let mut recipe = kept::read(&kitchen, &run_dir, &started, &past)?;
    let state = State::fold(&past, entry_step(&recipe));
    if !state.resumable() {
        let end = state.end().map(|end| end.reason.clone()).unwrap_or_default();
        return Err(AppError::usage(format!("run {run_id} is over: {end}"))
            .hint(format!("cook it anew: `autoskillit cook {}`", recipe.name)));
    }
    let mut notes = Vec::new();
    if let Some(owner) = lock.left_elsewhere() {
        notes.push(format!(
            "the run was driven by process {} on {}, which did not end in an orderly way; where machines share a disk, make sure that it is gone",
            owner.pid, owner.host
        ));
    }
    let mut events = Vec::new();
    if let Some(Event::Moved { from, to }) = &moved {
        notes.extend(place::told(from, to, &state, run_id));
    }
    events.extend(moved);
    let mut changed = kept::changed(&kitchen, &started, &recipe);
    if wishes.accept_recipe {
        if changed.is_empty() {
            notes.push("the recipe is as the run keeps it: there is nothing to accept".to_owned());
        } else {
            let (now, accepted) = kept::accept(&kitchen, &run_dir, &started, &state)?;
            recipe = now;
            events.push(Event::RecipeAccepted(Box::new(accepted)));
        }
        changed.clear();
    }
    let rehearsal = started.rehearsal.clone().map(|scenario| Rehearsal { scenario, pace: wishes.pace });
    let client = client(&kitchen, &recipe, rehearsal.as_ref())?;
    let kit = toolkit(&kitchen, Some(&recipe), run_dir, client, rehearsal)?;
    let step = state.resumes_at().unwrap_or_default();
    // Steps of items that were given up are not among those that the run stands at.
    let running = state.open_tries();
    let open: Vec<CutOff> = cut_off(&past).into_iter().filter(|open| running.contains(&open.step)).collect();
    let mut given_up = Vec::new();
    let note = match &open[..] {
        [_, ..] => {
            let mut notes = Vec::new();
            for open in &open {
                let decision = decide(&kitchen, &kit, &recipe, &state, open, run_id, wishes)?;
                given_up.extend(decision.given_up);
                events.extend(decision.skipped);
                notes.push(decision.note);
            }
            notes.join("; ")
        }
        [] if wishes.choice == Some(Choice::Skip) => {
            return Err(AppError::usage(format!(
                "no step of run {run_id} was cut off: there is nothing to pass over"
            ))
            .hint("leave --skip out"));
        }
        [] => match &state.main.at {
            _ if state.closing.is_some() && state.end().is_none() => "`finally` was cut off".to_owned(),
            At::Looping(each) => format!("the loop `{}` was cut off", each.step),
            At::Ended { end, .. } => end.reason.clone(),
            _ => "between two steps".to_owned(),
        },
    };
    let autoskillit_version = Some(env!("CARGO_PKG_VERSION").to_owned());
    let resumed = Event::RunResumed { step, note, autoskillit_version };
    let (before, opening) = match events.pop() {
        None => (Vec::new(), resumed),
        Some(last) => (std::iter::once(resumed).chain(events).collect(), last),
    };
    Ok(Ready {
        kit,
        before,
        opening,
        run_id: run_id.to_owned(),
        recipe,
        past,
        notes,
        changed,
        kitchen,
        journal,
        state,
        given_up,
        answers: Answers::default(),
        lock,
    })
}

/// What was decided about a step that was cut off.
struct Decision {
    /// In words.
    note: String,
    /// Its session, when it is not continued though it could be.
    given_up: Option<String>,
    /// The entry that passes over it.
    skipped: Option<Event>,
}

fn decide(
    kitchen: &Kitchen,
    kit: &Toolkit,
    recipe: &Recipe,
    state: &State,
    open: &CutOff,
    run_id: &str,
    wishes: &Wishes<'_>,
) -> Result<Decision, AppError> {
    let step = &open.step;
    let host =
        Host { kit: kit.clone(), asker: Arc::new(Nobody), answers: Answers::default(), given_up: Vec::new() };
    let course = open.course(kitchen, &kit.run_dir, &host);
    let choice = match (wishes.choice, &course) {
        (Some(choice), _) => choice,
        (None, Course::Continues) => {
            let note = format!("the session of `{step}` was cut off");
            return Ok(Decision { note, given_up: None, skipped: None });
        }
        (None, Course::Again(why)) => {
            let note = format!("`{step}` was cut off and runs again: {why}");
            return Ok(Decision { note, given_up: None, skipped: None });
        }
        (None, Course::Undecided(why)) => (wishes.ask)(&Undecided {
            run_id: run_id.to_owned(),
            step: step.clone(),
            why: why.clone(),
            skip: skip(recipe, state, step).map(|next| told(&next)),
            command: kitchen.here("autoskillit", &format!("cook --resume {run_id}")),
        })?,
    };
    Ok(match choice {
        Choice::Rerun => Decision {
            note: format!("`{step}` was cut off and runs again, as you said"),
            given_up: open.session.clone(),
            skipped: None,
        },
        Choice::Skip => {
            let cannot = |why| AppError::usage(format!("`{step}` cannot count as done: {why}"));
            let next = skip(recipe, state, step).map_err(cannot)?;
            let why = "it was cut off, and counts as done as you said".to_owned();
            Decision {
                note: format!("`{step}` was cut off and counts as done, as you said"),
                given_up: None,
                skipped: Some(Event::StepSkipped { step: step.clone(), why, next }),
            }
        }
    })
}

/// Where a run goes when a step counts as done; a fragment when it cannot.
fn skip(recipe: &Recipe, state: &State, step: &str) -> Result<Next, String> {
    let (frame, name) = Frame::of(step);
    let declared = step_of(recipe, &frame, name).ok_or_else(|| "the recipe has no such step".to_owned())?;
    let Some(target) = declared.on_skip.as_ref().or(declared.on_success.as_ref()) else {
        return Err("its result decides where the run goes".to_owned());
    };
    let next = follow(target);
    if let Next::Step(next) = &next
        && frame.holds().is_empty()
        && let Some(lack) =
            lacking(recipe, next, |variable: &str| state.main.context.contains_key(variable)).first()
    {
        return Err(format!("`{}` reads `context.{}`, which nothing has set then", lack.step, lack.variable));
    }
    Ok(next)
}

fn told(next: &Next) -> String {
    match next {
        Next::Step(step) => format!("go on with `{step}`"),
        _ => "end the run".to_owned(),
    }
}

//! The loop: decide, write down, act, write down. Everything that matters is in the journal before the next thing begins.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use super::event::{Event, Live, News, RunEnded, RunStatus};
use super::host::{Call, Question, Reply, SessionCall, Stop, StopSignal, ToolHost};
use super::journal::Journal;
use super::state::{At, State};
use super::transition::{self, Action, Places, Try};
use crate::core::time::millis;
use crate::core::usage::Usage;
use crate::recipe::model::Recipe;

/// What the session of a call was seen to use so far.
pub(super) type Seen = Mutex<Usage>;

/// Two moments that are closer than this are one wait.
const SAME_WAIT: SignedDuration = SignedDuration::from_secs(60);

/// A run that this process drives.
pub struct Run<'a> {
    /// The recipe.
    pub recipe: &'a Recipe,
    /// The world.
    pub host: &'a dyn ToolHost,
    /// The journal, locked for this process.
    pub journal: Journal,
    /// The fold of what the journal holds.
    pub state: State,
    /// Takes everything that happens.
    pub watch: &'a (dyn Fn(&News) + Send + Sync),
    /// The wish to stop.
    pub stop: StopSignal,
    /// The time for entries.
    pub now: &'a (dyn Fn() -> Timestamp + Send + Sync),
}

/// Why a run could not be driven to an end that the journal knows.
#[derive(Debug, thiserror::Error)]
pub enum CookError {
    /// The journal could not be written. The run can be resumed from its last line.
    #[error("cannot write the journal: {0}")]
    Journal(#[source] io::Error),
}

/// What has to happen next for a run to go on.
#[derive(Debug, Clone)]
pub enum Due {
    /// A tool is to be called.
    Call(Try),
    /// A person is to be asked.
    Ask(Asked),
    /// The end is decided; it is to be written down.
    End(RunEnded),
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
    /// The answer when nobody is there.
    pub default: Option<bool>,
}

impl Run<'_> {
    /// Drives the run to an end. Before the first step, `opening` is written: the start, or the resume.
    ///
    /// # Errors
    /// When the journal cannot be written. Nothing runs any more then.
    pub async fn cook(&mut self, opening: Event) -> Result<RunEnded, CookError> {
        self.record(opening)?;
        loop {
            let end = match self.advance(|_| ())? {
                Due::Call(tried) => self.call(&tried, &Seen::default()).await?,
                Due::Ask(asked) => self.ask(&asked).await?,
                Due::End(end) => Some(end),
            };
            if let Some(end) = end {
                return self.end(end);
            }
        }
    }

    /// Writes down what is known before the opening.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn write(&mut self, events: Vec<Event>) -> Result<(), CookError> {
        events.into_iter().try_for_each(|event| self.record(event))
    }

    /// Writes down everything that needs nothing from the world, each told to `passed`, until something is due.
    pub(super) fn advance(&mut self, mut passed: impl FnMut(&Event)) -> Result<Due, CookError> {
        loop {
            if self.is_to_stop() && !matches!(self.state.at, At::Ending(_)) {
                return Ok(Due::End(self.stopped()));
            }
            let elapsed = self.state.elapsed_ms(Some((self.now)()));
            match transition::next(self.recipe, &self.state, &self.places(), elapsed) {
                Action::Record(event) => match *event {
                    Event::RunEnded(end) => return Ok(Due::End(end)),
                    event => {
                        passed(&event);
                        self.record(event)?;
                    }
                },
                Action::Call(tried) => return Ok(Due::Call(tried)),
                Action::Ask { visit, step, message, default } => {
                    return Ok(Due::Ask(Asked { step, visit, message, default }));
                }
            }
        }
    }

    /// Whether somebody wishes the run to stop.
    pub(super) fn is_to_stop(&self) -> bool {
        *self.stop.borrow() != Stop::No
    }

    fn places(&self) -> Places {
        let (repository, dir) = self.host.places();
        Places { repository: repository.display().to_string(), dir: dir.display().to_string() }
    }

    /// One try of a tool; `seen` learns what its session has used so far. Gives the end of the run when it was cut off because the run is to stop.
    pub(super) async fn call(&mut self, tried: &Try, seen: &Seen) -> Result<Option<RunEnded>, CookError> {
        let session = tried.tool.tags.contains(&"session").then(|| {
            let continued = (tried.cut_off.clone()).filter(|id| self.host.can_continue(id, &tried.params));
            SessionCall {
                continues: continued.is_some(),
                id: continued.unwrap_or_else(|| self.host.session_id()),
            }
        });
        self.record(Event::StepStarted {
            step: tried.step.clone(),
            visit: tried.visit,
            attempt: tried.attempt,
            tool: Some(tried.tool.name.to_owned()),
            what: self.host.what(tried.tool, &tried.params),
            params: tried.params.clone(),
            session: session.as_ref().map(|session| session.id.clone()),
            continues: session.as_ref().is_some_and(|session| session.continues),
        })?;
        let call = Call {
            step: tried.step.clone(),
            visit: tried.visit,
            attempt: tried.attempt,
            tool: tried.tool,
            params: tried.params.clone(),
            session,
            budget_left: transition::budget_left(self.recipe, &self.state),
        };
        let began = Instant::now();
        let (out, host, stop) = (self.watch, self.host, self.stop.clone());
        let (wait, mut waits) = mpsc::unbounded_channel();
        let watch = |live: Live| {
            match &live {
                Live::Used { usage, .. } => *seen.lock().unwrap_or_else(PoisonError::into_inner) = *usage,
                Live::Waiting { why, until: Some(until), .. } => drop(wait.send((why.clone(), *until))),
                _ => {}
            }
            out(&News::Live(live));
        };
        let mut told: Option<Timestamp> = None;
        let outcome = {
            let mut outcome = host.call(&call, &watch, stop);
            loop {
                tokio::select! {
                    biased;
                    Some((why, until)) = waits.recv() => {
                        // A wait is told again and again, with the time that is left.
                        if told.is_none_or(|told| until.duration_since(told).abs() >= SAME_WAIT) {
                            told = Some(until);
                            self.record(Event::Waiting { step: Some(tried.step.clone()), why, until })?;
                        }
                    }
                    outcome = &mut outcome => break outcome,
                }
            }
        };
        if outcome.cut_off {
            self.cut_off(tried, outcome.usage.unwrap_or_default())?;
            return Ok(Some(self.stopped()));
        }
        let elapsed = millis(began.elapsed());
        let event = transition::conclude(self.recipe, &self.state, &self.places(), tried, &outcome, elapsed);
        self.record(event)?;
        Ok(None)
    }

    /// Writes down what the session of a try had used when it was cut off.
    pub(super) fn cut_off(&mut self, tried: &Try, usage: Usage) -> Result<(), CookError> {
        if usage == Usage::default() {
            return Ok(());
        }
        let (step, visit, attempt) = (tried.step.clone(), tried.visit, tried.attempt);
        self.record(Event::StepCutOff { step, visit, attempt, usage })
    }

    /// One question. Gives the end of the run when nobody can answer, or the person wants to stop.
    pub(super) async fn ask(&mut self, asked: &Asked) -> Result<Option<RunEnded>, CookError> {
        self.ask_begins(asked)?;
        let began = Instant::now();
        let Asked { step, message, default, .. } = asked.clone();
        let question = Question { step, message, default };
        let yes = match (self.host.ask(&question).await, default) {
            (Reply::Yes, _) => true,
            (Reply::No, _) => false,
            (Reply::Nobody, Some(default)) => default,
            (Reply::Nobody, None) => return Ok(Some(nobody(&asked.step))),
            (Reply::Stop, _) => return Ok(Some(self.stopped())),
        };
        let elapsed = millis(began.elapsed());
        self.answer(asked, yes, elapsed)?;
        Ok(None)
    }

    /// Writes down that a question is asked.
    pub(super) fn ask_begins(&mut self, asked: &Asked) -> Result<(), CookError> {
        self.record(Event::StepStarted {
            step: asked.step.clone(),
            visit: asked.visit,
            attempt: 1,
            tool: None,
            what: asked.message.clone(),
            params: serde_json::json!({}),
            session: None,
            continues: false,
        })
    }

    /// Writes down an answer and where it leads.
    pub(super) fn answer(&mut self, asked: &Asked, yes: bool, elapsed_ms: u64) -> Result<(), CookError> {
        let Asked { step, visit, .. } = asked;
        let event =
            transition::answer(self.recipe, &self.state, &self.places(), step, *visit, yes, elapsed_ms);
        self.record(event)
    }

    /// The end of a run that is stopped where it stands.
    pub(super) fn stopped(&self) -> RunEnded {
        RunEnded {
            status: RunStatus::Stopped,
            reason: "stopped by the user".to_owned(),
            step: self.state.step().map(str::to_owned),
            resumable: true,
            fault: None,
        }
    }

    /// Writes down the end.
    pub(super) fn end(&mut self, end: RunEnded) -> Result<RunEnded, CookError> {
        self.record(Event::RunEnded(end.clone()))?;
        Ok(end)
    }

    pub(super) fn record(&mut self, event: Event) -> Result<(), CookError> {
        let entry = self.journal.append((self.now)(), event).map_err(CookError::Journal)?;
        self.state.apply(&entry, entry_step(self.recipe));
        (self.watch)(&News::Entry(entry));
        Ok(())
    }
}

fn nobody(step: &str) -> RunEnded {
    RunEnded {
        status: RunStatus::Stopped,
        reason: format!("`{step}` asks a question and nobody is there to answer"),
        step: Some(step.to_owned()),
        resumable: true,
        fault: None,
    }
}

/// The step that a recipe begins with; empty for a recipe without steps, which the checks refuse.
#[must_use]
pub fn entry_step(recipe: &Recipe) -> &str {
    recipe.steps.keys().next().map_or("", String::as_str)
}

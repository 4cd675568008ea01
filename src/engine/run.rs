//! The loop: decide, write down, act, write down. Everything that matters is in the journal before the next thing begins.

use std::io;
use std::time::Instant;

use jiff::Timestamp;

use super::event::{Entry, Event, Live, News, RunEnded, RunStatus};
use super::host::{Call, Question, Reply, SessionCall, Stop, StopSignal, ToolHost};
use super::journal::Journal;
use super::state::{At, State};
use super::transition::{self, Action, Places, Try};
use crate::recipe::model::Recipe;

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

impl Run<'_> {
    /// Drives the run to an end. Before the first step, `opening` is written: the start, or the resume.
    ///
    /// # Errors
    /// When the journal cannot be written. Nothing runs any more then.
    pub async fn cook(&mut self, opening: Event) -> Result<RunEnded, CookError> {
        self.record(opening)?;
        loop {
            if *self.stop.borrow() != Stop::No && !matches!(self.state.at, At::Ending(_)) {
                return self.stopped();
            }
            let (repository, dir) = self.host.places();
            let places =
                Places { repository: repository.display().to_string(), dir: dir.display().to_string() };
            let elapsed = self.state.elapsed_ms(Some((self.now)()));
            match transition::next(self.recipe, &self.state, &places, elapsed) {
                Action::Record(event) => self.record(*event)?,
                Action::Call(tried) => {
                    if !self.call(&tried, &places).await? {
                        return self.stopped();
                    }
                }
                Action::Ask { visit, step, message, default } => {
                    if !self.ask(&places, visit, step, message, default).await? {
                        return self.stopped();
                    }
                }
            }
            if let Some(end) = self.state.end() {
                return Ok(end.clone());
            }
        }
    }

    /// One try of a tool. False: it was cut off because the run is to stop.
    async fn call(&mut self, tried: &Try, places: &Places) -> Result<bool, CookError> {
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
        };
        let began = Instant::now();
        let watch = |live: Live| (self.watch)(&News::Live(live));
        let outcome = self.host.call(&call, &watch, self.stop.clone()).await;
        if outcome.cut_off {
            return Ok(false);
        }
        let elapsed = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let event = transition::conclude(self.recipe, &self.state, places, tried, &outcome, elapsed);
        self.record(event)?;
        Ok(true)
    }

    /// One question. False: the run is to stop, or nobody can answer.
    async fn ask(
        &mut self,
        places: &Places,
        visit: u32,
        step: String,
        message: String,
        default: Option<bool>,
    ) -> Result<bool, CookError> {
        self.record(Event::StepStarted {
            step: step.clone(),
            visit,
            attempt: 1,
            tool: None,
            what: message.clone(),
            params: serde_json::json!({}),
            session: None,
            continues: false,
        })?;
        let began = Instant::now();
        let question = Question { step: step.clone(), message, default };
        let yes = match (self.host.ask(&question).await, default) {
            (Reply::Yes, _) => true,
            (Reply::No, _) => false,
            (Reply::Nobody, Some(default)) => default,
            (Reply::Nobody, None) => {
                let end = RunEnded {
                    status: RunStatus::Stopped,
                    reason: format!("`{step}` asks a question and nobody is there to answer"),
                    step: Some(step),
                    resumable: true,
                    fault: None,
                };
                self.record(Event::RunEnded(end))?;
                return Ok(true);
            }
            (Reply::Stop, _) => return Ok(false),
        };
        let elapsed = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let event = transition::answer(self.recipe, &self.state, places, &step, visit, yes, elapsed);
        self.record(event)?;
        Ok(true)
    }

    fn stopped(&mut self) -> Result<RunEnded, CookError> {
        let end = RunEnded {
            status: RunStatus::Stopped,
            reason: "stopped by the user".to_owned(),
            step: self.state.step().map(str::to_owned),
            resumable: true,
            fault: None,
        };
        self.record(Event::RunEnded(end.clone()))?;
        Ok(end)
    }

    fn record(&mut self, event: Event) -> Result<(), CookError> {
        let entry: Entry = self.journal.append((self.now)(), event).map_err(CookError::Journal)?;
        self.state.apply(&entry, entry_step(self.recipe));
        (self.watch)(&News::Entry(entry));
        Ok(())
    }
}

/// The step that a recipe begins with; empty for a recipe without steps, which the checks refuse.
#[must_use]
pub fn entry_step(recipe: &Recipe) -> &str {
    recipe.steps.keys().next().map_or("", String::as_str)
}

//! The loop: decide, write down, act, write down. Everything that matters is in the journal before the next thing begins.

mod crew;

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use self::crew::{Crew, Done, Heard, Job};
use super::event::{Event, Fault, News, RunEnded, RunStatus};
use super::host::{Call, Outcome, Question, Reply, SessionCall, Stop, StopSignal, ToolHost};
use super::journal::Journal;
use super::place::Frame;
use super::state::{At, State};
pub use super::transition::Asked;
use super::transition::{self, Begin, Decision, Moment, Places, Polled, Try};
use crate::core::time::{millis, words};
use crate::core::usage::Usage;
use crate::execution::verdict::RetryReason;
use crate::recipe::model::{Recipe, StepKind};

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
pub(super) enum Due {
    /// These may begin; nothing more can until something that is at work is over.
    Work {
        /// What may begin.
        begin: Vec<Begin>,
        /// What is at work and is to be given up.
        give_up: Vec<Frame>,
    },
    /// The end is decided; it is to be written down.
    End(RunEnded),
}

impl<'a> Run<'a> {
    /// Drives the run to an end. Before the first step, `opening` is written: the start, or the resume.
    ///
    /// # Errors
    /// When the journal cannot be written. Nothing runs any more then.
    pub async fn cook(&mut self, opening: Event) -> Result<RunEnded, CookError> {
        self.record(opening)?;
        let end = self.work(Stop::No).await?;
        let end = self.closing_steps(end).await?;
        self.record(Event::RunEnded(end.clone()))?;
        Ok(end)
    }

    /// Runs the steps that run on every exit, and gives the end as it is then.
    pub(super) async fn closing_steps(&mut self, end: RunEnded) -> Result<RunEnded, CookError> {
        let heard = *self.stop.borrow();
        if heard == Stop::Now {
            return Ok(end);
        }
        let Some(first) = self.recipe.finally.keys().next() else { return Ok(end) };
        if self.state.closing.is_none() {
            self.record(Event::FinallyStarted { end, first: first.clone() })?;
        } else if heard > Stop::No {
            return Ok(end);
        }
        // Who wished the run to stop has been heard; only a more urgent wish stops these steps as well.
        self.work(heard).await
    }

    /// Does what is due until an end is decided and nothing is at work any more. Stops when the wish is more urgent than `heard`.
    async fn work(&mut self, heard: Stop) -> Result<RunEnded, CookError> {
        let mut crew = Crew::new(self.host, self.watch, heard);
        let mut stop = self.stop.clone();
        loop {
            match self.advance(&crew.busy(), crew.rested(), heard, false, |_| ())? {
                Due::Work { begin, give_up } => {
                    let mut unjudged_end = None;
                    for frame in give_up {
                        crew.give_up(&frame);
                    }
                    for begin in begin {
                        match begin {
                            Begin::Call(Try { step, open: Some(_), .. }) => {
                                unjudged_end = Some(unjudged(&step, "its command is not whole"));
                            }
                            Begin::Choose(step) => unjudged_end = Some(unjudged(&step, &self.state.why)),
                            Begin::Call(tried) => {
                                let job = self.begin(tried)?;
                                crew.call(job, None);
                            }
                            Begin::Ask(asked) => {
                                // One question at a time: there is one person.
                                if !crew.is_asking() {
                                    self.ask_begins(&asked)?;
                                    crew.ask(asked);
                                }
                            }
                            Begin::Wait { step, until } => {
                                let why = "before another try".to_owned();
                                self.record(Event::Waiting { step: Some(step.clone()), why, until })?;
                                crew.rest(&step, self.time_until(until));
                            }
                        }
                    }
                    if let Some(end) = unjudged_end {
                        return self.finish(crew, end).await;
                    }
                    if crew.is_idle() {
                        let reason = "nothing is at work, and nothing is due".to_owned();
                        let step = self.state.step();
                        let status = RunStatus::Crashed;
                        return Ok(RunEnded { status, reason, step, resumable: false, fault: None });
                    }
                }
                Due::End(end) => {
                    if crew.is_idle() {
                        return Ok(end);
                    }
                    crew.stop_all(Stop::Gently);
                }
            }
            match crew.hear(&mut stop).await {
                Heard::Waits { step, why, until } => {
                    self.record(Event::Waiting { step: Some(step), why, until })?;
                }
                Heard::Stop(level) => crew.stop_all(level),
                Heard::Done(Done::Rested | Done::TakenBack) => {}
                Heard::Done(Done::Called(job, outcome)) => {
                    // What ends by itself without a result was stopped by something that stops the run.
                    let stopped = outcome.cut_off && !crew.was_told();
                    if let Some((job, wait)) = self.called(*job, outcome)? {
                        crew.call(job, Some(wait));
                    }
                    if stopped {
                        let end = self.stopped();
                        return self.finish(crew, end).await;
                    }
                }
                Heard::Done(Done::Asked { asked, since, reply }) => {
                    if let Some(end) = self.replied(&asked, reply, millis(since.elapsed()))? {
                        return self.finish(crew, end).await;
                    }
                }
            }
        }
    }

    /// Ends what is at work, and gives the end.
    async fn finish(&mut self, mut crew: Crew<'a>, end: RunEnded) -> Result<RunEnded, CookError> {
        crew.stop_all(Stop::Gently);
        let mut stop = self.stop.clone();
        while !crew.is_idle() {
            match crew.hear(&mut stop).await {
                Heard::Done(Done::Called(job, outcome)) => drop(self.called(*job, outcome)?),
                Heard::Stop(level) => crew.stop_all(level),
                _ => {}
            }
        }
        Ok(end)
    }

    /// Writes down what is known before the opening.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn write(&mut self, events: Vec<Event>) -> Result<(), CookError> {
        events.into_iter().try_for_each(|event| self.record(event))
    }

    /// Writes down everything that needs nothing from the world, each told to `passed`, until something is due.
    pub(super) fn advance(
        &mut self,
        busy: &HashSet<Frame>,
        rested: &HashSet<Frame>,
        heard: Stop,
        serial: bool,
        mut passed: impl FnMut(&Event),
    ) -> Result<Due, CookError> {
        loop {
            let ending = matches!(self.state.main.at, At::Ending(_)) && self.state.closing.is_none();
            if *self.stop.borrow() > heard && !ending {
                return Ok(Due::End(self.stopped()));
            }
            let now = (self.now)();
            let elapsed_ms = self.state.elapsed_ms(Some(now));
            let moment = Moment { places: self.places(), elapsed_ms, now, serial, busy, rested };
            match transition::next(self.recipe, &self.state, &moment) {
                Decision::Record(event) => {
                    passed(&event);
                    self.record(*event)?;
                }
                Decision::Work { begin, give_up } => return Ok(Due::Work { begin, give_up }),
                Decision::End(end) => return Ok(Due::End(end)),
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

    fn time_until(&self, until: Timestamp) -> Duration {
        Duration::try_from(until.duration_since((self.now)())).unwrap_or_default()
    }

    /// Writes down that a try begins, and gives what is to be called.
    fn begin(&mut self, tried: Try) -> Result<Job, CookError> {
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
            spent: self.state.spent(&tried.step, tried.visit),
        };
        let (frame, name) = Frame::of(&tried.step);
        let outputs = step_of(self.recipe, &frame, name).and_then(|step| step.outputs_from.clone());
        let (since, began, seen) = ((self.now)(), Instant::now(), Arc::default());
        Ok(Job { tried, call, since, began, outputs, seen })
    }

    /// Takes what a call came to: writes down the end of its try, or gives the call that repeats it and the wait before that.
    fn called(&mut self, job: Job, mut outcome: Outcome) -> Result<Option<(Job, Duration)>, CookError> {
        let Job { tried, .. } = &job;
        if outcome.cut_off {
            self.cut_off(tried, outcome.usage.unwrap_or_default())?;
            return Ok(None);
        }
        let places = self.places();
        match transition::polled(self.recipe, &self.state, &places, tried, &outcome) {
            Polled::Over => {}
            Polled::NotYet => {
                let (frame, name) = Frame::of(&tried.step);
                let poll = step_of(self.recipe, &frame, name).and_then(|step| step.poll.clone());
                let Some(poll) = poll else { return Ok(None) };
                let now = (self.now)();
                let next = now.checked_add(poll.every).unwrap_or(Timestamp::MAX);
                let last = job.since.checked_add(poll.limit).unwrap_or(Timestamp::MAX);
                if next <= last && !poll.every.is_zero() {
                    let why = format!("`{}` does not hold yet", poll.until.written());
                    self.record(Event::Waiting { step: Some(tried.step.clone()), why, until: next })?;
                    return Ok(Some((job, poll.every)));
                }
                let within = words(poll.limit);
                outcome.ok = false;
                outcome.label = "not in time".to_owned();
                outcome.summary = format!("`{}` did not hold within {within}", poll.until.written());
                outcome.retry = RetryReason::None;
            }
            Polled::Faulty(why) => {
                outcome.ok = false;
                outcome.fault = Some(Fault::Recipe);
                outcome.summary = why;
            }
        }
        let elapsed = millis(job.began.elapsed());
        let event = transition::conclude(self.recipe, &self.state, &places, tried, &outcome, elapsed);
        self.record(event)?;
        Ok(None)
    }

    /// One try of a tool, for whoever makes one call at a time; `seen` learns what its session has used so far. Gives the end of the run when it was
    /// cut off because the run is to stop.
    pub(super) async fn call(&mut self, tried: Try, seen: &Arc<Seen>) -> Result<Option<RunEnded>, CookError> {
        let mut job = self.begin(tried)?;
        job.seen = Arc::clone(seen);
        let mut stop = self.stop.clone();
        let mut crew = Crew::new(self.host, self.watch, Stop::No);
        crew.call(job, None);
        loop {
            match crew.hear(&mut stop).await {
                Heard::Waits { step, why, until } => {
                    self.record(Event::Waiting { step: Some(step), why, until })?;
                }
                Heard::Stop(level) => crew.stop_all(level),
                Heard::Done(Done::Called(job, outcome)) => {
                    let cut_off = outcome.cut_off;
                    match self.called(*job, outcome)? {
                        Some((job, wait)) => crew.call(job, Some(wait)),
                        None => return Ok(cut_off.then(|| self.stopped())),
                    }
                }
                Heard::Done(Done::Asked { .. } | Done::TakenBack | Done::Rested) => {}
            }
        }
    }

    /// Waits before another try, unless the run is to stop.
    pub(super) async fn rest(&mut self, step: String, until: Timestamp) -> Result<(), CookError> {
        let why = "before another try".to_owned();
        self.record(Event::Waiting { step: Some(step), why, until })?;
        self.host.wait(self.time_until(until), self.stop.clone()).await;
        Ok(())
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
        let reply = self.host.ask(&question(asked)).await;
        self.replied(asked, reply, millis(began.elapsed()))
    }

    /// Takes a reply. Gives the end of the run when there is no answer.
    fn replied(
        &mut self,
        asked: &Asked,
        reply: Reply,
        elapsed_ms: u64,
    ) -> Result<Option<RunEnded>, CookError> {
        let (given, how) = match (reply, asked.default.clone()) {
            (Reply::Given(given), _) => (given, ""),
            (Reply::Beforehand(given, how), _) => (given, how),
            (Reply::Nobody, Some(default)) => (default, "nobody answered: the recipe's default"),
            (Reply::Nobody, None) => return Ok(Some(nobody(&asked.step))),
            (Reply::Stop, _) => return Ok(Some(self.stopped())),
        };
        self.answer(asked, &given, how, elapsed_ms)?;
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
    pub(super) fn answer(
        &mut self,
        asked: &Asked,
        given: &str,
        how: &str,
        elapsed_ms: u64,
    ) -> Result<(), CookError> {
        let places = self.places();
        let event = transition::answer(self.recipe, &self.state, &places, asked, given, how, elapsed_ms);
        self.record(event)
    }

    /// The end of a run that is stopped where it stands.
    pub(super) fn stopped(&self) -> RunEnded {
        let reason = match &self.state.closing {
            Some(closing) => format!("stopped by the user in `finally`, after: {}", closing.end.reason),
            None => "stopped by the user".to_owned(),
        };
        let step = self.state.step();
        RunEnded { status: RunStatus::Stopped, reason, step, resumable: true, fault: None }
    }

    pub(super) fn record(&mut self, event: Event) -> Result<(), CookError> {
        let entry = self.journal.append((self.now)(), event).map_err(CookError::Journal)?;
        self.state.apply(&entry, entry_step(self.recipe));
        (self.watch)(&News::Entry(entry));
        Ok(())
    }
}

/// A question as a host is asked it.
fn question(asked: &Asked) -> Question {
    let Asked { step, message, answers, default, timeout, .. } = asked.clone();
    Question { step, message, answers, default, timeout }
}

/// The step of that name in a frame.
#[must_use]
pub fn step_of<'r>(recipe: &'r Recipe, frame: &Frame, name: &str) -> Option<&'r crate::recipe::model::Step> {
    use super::place::Hold;
    let mut steps = &recipe.steps;
    for hold in frame.holds() {
        steps = match hold {
            Hold::Finally => &recipe.finally,
            Hold::Item { step, .. } => match &steps.get(step)?.kind {
                StepKind::ForEach(each) => &each.body,
                _ => return None,
            },
        };
    }
    steps.get(name)
}

/// The end of a run that comes to what only a model can judge, while none drives it.
pub(super) fn unjudged(step: &str, why: &str) -> RunEnded {
    RunEnded {
        status: RunStatus::Failed,
        reason: format!(
            "what follows at `{step}` is for a model to judge ({why}): resume with --orchestrator claude"
        ),
        step: Some(step.to_owned()),
        resumable: true,
        fault: Some(Fault::Recipe),
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

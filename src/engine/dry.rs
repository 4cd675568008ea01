//! A run without a world: what each call comes to is given, nothing is called, no time passes. Tests of recipes and the simulation
//! take runs through the decisions of the engine with it.

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::event::{Entry, Event, RunEnded, RunStarted, RunStatus};
use super::host::Outcome;
use super::journal::SCHEMA_VERSION;
use super::outputs;
use super::place::Frame;
use super::run::{entry_step, step_of, unjudged};
use super::state::State;
use super::transition::{self, Asked, Begin, Decision, Moment, Places, Polled, Try};
use crate::recipe::model::{Orchestrator, OutputsFrom, Recipe};

/// Decisions in a row that need nothing from outside; a run that takes more goes round in circles.
const MOST: usize = 10_000;

/// What a run needs to go on.
#[derive(Debug, Clone)]
pub enum Need {
    /// What this call comes to.
    Outcome(Try),
    /// An answer.
    Answer(Asked),
    /// A word on this event, which is not taken yet.
    Word(Box<Event>),
    /// Nothing: this is its end, after `finally`.
    Nothing(RunEnded),
    /// It goes round in circles without doing anything.
    Circles,
}

/// A run and where it stands.
#[derive(Debug, Clone)]
pub struct Dry<'r> {
    /// The recipe.
    pub recipe: &'r Recipe,
    /// What is known.
    pub state: State,
}

/// Takes each event of a run.
pub type Passed<'a> = &'a mut dyn FnMut(&Event);

impl<'r> Dry<'r> {
    /// A run with these inputs, before its first step.
    #[must_use]
    pub fn start(recipe: &'r Recipe, inputs: Map<String, Value>) -> Self {
        let env: Map<String, Value> = recipe.env.iter().map(|name| (name.clone(), Value::Null)).collect();
        let mut run = Self { recipe, state: State::default() };
        let started = RunStarted {
            run_id: "dry-run".to_owned(),
            recipe: recipe.name.clone(),
            description: String::new(),
            recipe_hash: String::new(),
            source: recipe.source,
            orchestrator: Orchestrator::Engine,
            permissions: String::new(),
            repository: places().repository.into(),
            branch: None,
            commit: None,
            dirty: false,
            inputs,
            input_origins: None,
            temp_dir: None,
            recipe_file: None,
            env: Some(Box::new(env)),
            rehearsal: None,
            autoskillit_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        run.take(Event::RunStarted(started), &mut |_| ());
        run
    }

    /// Goes on until something is needed. An event that is `held` is handed out instead of being taken.
    pub fn go_on(&mut self, held: &dyn Fn(&Event) -> bool, passed: Passed<'_>) -> Need {
        let nothing = HashSet::new();
        // No wait before another try is waited for.
        let mut rested = HashSet::new();
        for _ in 0..MOST {
            let moment = Moment {
                places: places(),
                elapsed_ms: 0,
                now: Timestamp::UNIX_EPOCH,
                serial: true,
                busy: &nothing,
                rested: &rested,
            };
            match transition::next(self.recipe, &self.state, &moment) {
                Decision::Record(event) if held(&event) => return Need::Word(event),
                Decision::Record(event) => self.take(*event, passed),
                Decision::Work { begin, .. } => match begin.into_iter().next() {
                    Some(Begin::Call(tried)) => return Need::Outcome(tried),
                    Some(Begin::Ask(asked)) => return Need::Answer(asked),
                    Some(Begin::Choose(step)) => return Need::Nothing(unjudged(&step, &self.state.why)),
                    Some(Begin::Wait { step, .. }) => drop(rested.insert(Frame::of(&step).0)),
                    None => return Need::Nothing(self.stuck()),
                },
                Decision::End(end) => match self.end(end, passed) {
                    Some(end) => return Need::Nothing(end),
                    None => rested.clear(),
                },
            }
        }
        Need::Circles
    }

    /// Decides the end; gives it back when nothing runs before it any more.
    pub fn end(&mut self, end: RunEnded, passed: Passed<'_>) -> Option<RunEnded> {
        match self.recipe.finally.keys().next() {
            Some(first) if self.state.closing.is_none() => {
                self.take(Event::FinallyStarted { end, first: first.clone() }, passed);
                None
            }
            _ => Some(end),
        }
    }

    /// Takes that a try begins.
    pub fn begin(&mut self, tried: &Try, passed: Passed<'_>) {
        let session = tried.tool.tags.contains(&"session").then(|| "session".to_owned());
        let begun = Event::StepStarted {
            step: tried.step.clone(),
            visit: tried.visit,
            attempt: tried.attempt,
            tool: Some(tried.tool.name.to_owned()),
            what: String::new(),
            params: tried.params.clone(),
            session,
            continues: false,
        };
        self.take(begun, passed);
    }

    /// Takes what a call came to, as the engine would: a wait for something that does not hold is a failure.
    pub fn outcome(&mut self, tried: &Try, mut outcome: Outcome, passed: Passed<'_>) {
        self.begin(tried, passed);
        match self.polled(tried, &outcome) {
            Polled::Over => {}
            Polled::NotYet => {
                outcome.ok = false;
                outcome.label = "not in time".to_owned();
                outcome.summary = "what it waits for did not hold in time".to_owned();
            }
            Polled::Faulty(why) => {
                outcome.ok = false;
                outcome.fault = Some(super::event::Fault::Recipe);
                outcome.summary = why;
            }
        }
        let event = transition::conclude(self.recipe, &self.state, &places(), tried, &outcome, 0);
        self.take(event, passed);
    }

    /// Whether a call of a step that waits for something is over with this.
    #[must_use]
    pub fn polled(&self, tried: &Try, outcome: &Outcome) -> Polled {
        transition::polled(self.recipe, &self.state, &places(), tried, outcome)
    }

    /// The event that a call ends with when it comes to this; nothing is taken.
    #[must_use]
    pub fn concluded(&self, tried: &Try, outcome: &Outcome) -> Event {
        transition::conclude(self.recipe, &self.state, &places(), tried, outcome, 0)
    }

    /// Reads what a command printed as its step says.
    pub fn read_output(&self, tried: &Try, outcome: &mut Outcome) {
        let (frame, name) = Frame::of(&tried.step);
        let from = step_of(self.recipe, &frame, name).and_then(|step| step.outputs_from.as_ref());
        if let Some(from) = from.filter(|from| !matches!(from, OutputsFrom::File(_))) {
            outputs::read(from, outcome, None);
        }
    }

    /// Takes an answer.
    pub fn answer(&mut self, asked: &Asked, given: &str, passed: Passed<'_>) {
        let event = transition::answer(self.recipe, &self.state, &places(), asked, given, "", 0);
        self.take(event, passed);
    }

    /// Takes an event.
    pub fn take(&mut self, event: Event, passed: Passed<'_>) {
        passed(&event);
        let seq = self.state.seq + 1;
        let entry = Entry { schema_version: SCHEMA_VERSION, seq, at: Timestamp::UNIX_EPOCH, event };
        self.state.apply(&entry, entry_step(self.recipe));
    }

    /// How a run ends that is stopped where it stands, by a person or because nobody answers.
    #[must_use]
    pub fn stopped(&self, reason: &str) -> RunEnded {
        let (status, step) = (RunStatus::Stopped, self.state.step());
        RunEnded { status, reason: reason.to_owned(), step, resumable: true, fault: None }
    }

    fn stuck(&self) -> RunEnded {
        let reason = "nothing is at work, and nothing is due".to_owned();
        let (status, step) = (RunStatus::Crashed, self.state.step());
        RunEnded { status, reason, step, resumable: false, fault: None }
    }
}

fn places() -> Places {
    Places { repository: "/repository".to_owned(), dir: "/repository/.autoskillit/runs/dry-run".to_owned() }
}

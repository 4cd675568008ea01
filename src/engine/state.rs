//! What a run knows: a fold over its journal.

use indexmap::IndexMap;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::event::{Entry, Event, Fault, Next, RunEnded, RunStarted, RunStatus};
use crate::core::usage::Usage;

/// The fold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// The facts of the start; `None` before the first entry.
    pub started: Option<RunStarted>,
    /// Number of the last entry.
    pub seq: u64,
    /// Captured variables.
    pub context: Map<String, Value>,
    /// Visits by step.
    pub visits: IndexMap<String, u32>,
    /// Where the run stands.
    pub at: At,
    /// What all sessions used.
    pub usage: Usage,
    /// How many sessions of steps there were.
    pub sessions: u32,
    /// How many sessions drove it.
    pub orchestrators: u32,
    /// What those used; `usage` has it too.
    pub orchestration: Usage,
    /// Completed tries of steps, in order.
    pub done: Vec<Done>,
    /// Variables that the last of them set.
    pub captured: Map<String, Value>,
    /// Which rule chose where the run went after it.
    pub why: String,
    /// When the first entry was written.
    pub first_at: Option<Timestamp>,
    /// When the last entry was written.
    pub last_at: Option<Timestamp>,
    leg_from: Option<Timestamp>,
    earlier_legs_ms: u64,
}

/// A completed try of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// The step.
    pub step: String,
    /// Which visit.
    pub visit: u32,
    /// Which try.
    pub attempt: u32,
    /// Whether it counts as success.
    pub ok: bool,
    /// The verdict.
    pub label: String,
    /// One line.
    pub summary: String,
    /// Whether its session failed in a way that another try may help.
    pub retriable: bool,
}

/// Where a run stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum At {
    /// Before the first entry.
    #[default]
    Before,
    /// About to enter a step.
    Enter(String),
    /// About to try a visit again.
    Retry {
        /// The step.
        step: String,
        /// The visit.
        visit: u32,
        /// The coming try.
        attempt: u32,
    },
    /// A try has begun and its end is not known. In a fold from a file: it was cut off.
    Running {
        /// The step.
        step: String,
        /// The visit.
        visit: u32,
        /// The try.
        attempt: u32,
        /// Its session.
        session: Option<String>,
    },
    /// The end is decided and not yet written.
    Ending(RunEnded),
    /// The end is written; `back` is where a resume goes on.
    Ended {
        /// The end.
        end: RunEnded,
        /// Where the run stood.
        back: Box<At>,
    },
}

impl At {
    fn step(&self) -> Option<&str> {
        match self {
            Self::Before => None,
            Self::Enter(step) | Self::Retry { step, .. } | Self::Running { step, .. } => Some(step),
            Self::Ending(end) | Self::Ended { end, .. } => end.step.as_deref(),
        }
    }
}

impl State {
    /// The fold of a journal.
    #[must_use]
    pub fn fold<'a>(entries: impl IntoIterator<Item = &'a Entry>, entry_step: &str) -> Self {
        let mut state = Self::default();
        for entry in entries {
            state.apply(entry, entry_step);
        }
        state
    }

    /// Takes one entry. An entry that is already in (a number not above the last) changes nothing. `entry_step` is where the
    /// recipe begins.
    pub fn apply(&mut self, entry: &Entry, entry_step: &str) {
        if entry.seq <= self.seq {
            return;
        }
        self.seq = entry.seq;
        self.first_at.get_or_insert(entry.at);
        match &entry.event {
            Event::RunStarted(started) => {
                self.started = Some(started.clone());
                self.leg_from = Some(entry.at);
                self.at = At::Enter(entry_step.to_owned());
            }
            Event::RunResumed { .. } => {
                self.earlier_legs_ms = self.elapsed_ms(self.last_at);
                self.leg_from = Some(entry.at);
                if let At::Ended { back, .. } = &mut self.at {
                    self.at = std::mem::take(back);
                }
            }
            Event::StepStarted { step, visit, attempt, session, continues, .. } => {
                self.visits.insert(step.clone(), *visit);
                if session.is_some() && !continues {
                    self.sessions += 1;
                }
                self.at = At::Running {
                    step: step.clone(),
                    visit: *visit,
                    attempt: *attempt,
                    session: session.clone(),
                };
            }
            Event::StepEnded {
                step,
                visit,
                attempt,
                ok,
                label,
                summary,
                result,
                captures,
                usage,
                next,
                why,
                fault,
                ..
            } => {
                self.visits.insert(step.clone(), *visit);
                self.usage += usage.unwrap_or_default();
                for (name, value) in captures {
                    self.context.insert(name.clone(), value.clone());
                }
                self.done.push(Done {
                    step: step.clone(),
                    visit: *visit,
                    attempt: *attempt,
                    ok: *ok,
                    label: label.clone(),
                    summary: summary.clone(),
                    retriable: !*ok
                        && result
                            .get("retry_reason")
                            .and_then(Value::as_str)
                            .is_some_and(|why| why != "none"),
                });
                self.captured.clone_from(captures);
                self.why.clone_from(why);
                let resumable = !*ok && fault.is_none_or(Fault::passes);
                self.at = match next {
                    Next::Retry => {
                        At::Retry { step: step.clone(), visit: *visit, attempt: attempt.saturating_add(1) }
                    }
                    other => self.follow(other, step, why, resumable, *fault),
                };
            }
            Event::StepCutOff { usage, .. } => self.usage += *usage,
            Event::StepSkipped { step, why, next } => self.at = self.follow(next, step, why, false, None),
            Event::StepExceeded { step, visits, next } => {
                let why = format!("`{step}` had its {visits} visit{}", if *visits == 1 { "" } else { "s" });
                self.at = self.follow(next, step, &why, false, None);
            }
            Event::OrchestratorStarted { number, .. } => self.orchestrators = *number,
            Event::OrchestratorEnded { usage, .. } => {
                self.usage += *usage;
                self.orchestration += *usage;
            }
            Event::Moved { to, .. } => {
                if let Some(started) = &mut self.started {
                    started.repository.clone_from(to);
                }
            }
            Event::RecipeAccepted(accepted) => {
                if let Some(started) = &mut self.started {
                    started.recipe_hash.clone_from(&accepted.now);
                    started.inputs.clone_from(&accepted.inputs);
                    started.env = accepted.env.clone().map(Box::new);
                }
            }
            Event::Waiting { .. } | Event::Notice { .. } | Event::Unknown(_) => {}
            Event::RunEnded(end) => {
                let back = match std::mem::take(&mut self.at) {
                    At::Ending(RunEnded { step: Some(step), .. }) => self.again(step),
                    At::Ended { back, .. } => *back,
                    other => other,
                };
                self.at = At::Ended { end: end.clone(), back: Box::new(back) };
            }
        }
        self.last_at = Some(entry.at);
    }

    /// An end that followed from a failed step: going on means to try that step again. It is the same visit, so that a service
    /// that did not answer does not spend a visit of a bounded loop.
    fn again(&self, step: String) -> At {
        match self.done.last() {
            Some(done) if done.step == step => {
                At::Retry { step, visit: done.visit, attempt: done.attempt.saturating_add(1) }
            }
            _ => At::Enter(step),
        }
    }

    fn follow(&self, next: &Next, step: &str, why: &str, resumable: bool, fault: Option<Fault>) -> At {
        match next {
            Next::Step(next) => At::Enter(next.clone()),
            Next::Retry => self.at.clone(),
            Next::End(status) => At::Ending(RunEnded {
                status: *status,
                reason: why.to_owned(),
                step: Some(step.to_owned()),
                resumable: resumable && *status != RunStatus::Succeeded,
                fault,
            }),
        }
    }

    /// Visits of `step` so far.
    #[must_use]
    pub fn visits(&self, step: &str) -> u32 {
        self.visits.get(step).copied().unwrap_or_default()
    }

    /// Milliseconds that the run's processes took until `now` (the last entry, for a run that nobody drives).
    #[must_use]
    pub fn elapsed_ms(&self, now: Option<Timestamp>) -> u64 {
        let leg = match (self.leg_from, now) {
            (Some(from), Some(now)) => now.duration_since(from).as_millis(),
            _ => 0,
        };
        self.earlier_legs_ms + u64::try_from(leg).unwrap_or_default()
    }

    /// The end, when it is written.
    #[must_use]
    pub fn end(&self) -> Option<&RunEnded> {
        match &self.at {
            At::Ended { end, .. } => Some(end),
            _ => None,
        }
    }

    /// The step that the run stands at or ended at, for people.
    #[must_use]
    pub fn step(&self) -> Option<&str> {
        match &self.at {
            At::Ended { end, .. } => end.step.as_deref(),
            at => at.step(),
        }
    }

    /// The step that a resume goes on with.
    #[must_use]
    pub fn resumes_at(&self) -> Option<&str> {
        match &self.at {
            At::Ended { back, end } => back.step().or(end.step.as_deref()),
            at => at.step(),
        }
    }

    /// Whether `cook --resume` has something to go on with: no end at all, or one that allows it.
    #[must_use]
    pub fn resumable(&self) -> bool {
        match &self.at {
            At::Before => false,
            At::Ended { end, .. } => end.resumable,
            _ => true,
        }
    }
}

//! What a run knows: a fold over its journal.

use indexmap::IndexMap;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::event::{Entry, Event, Fault, Next, RunEnded, RunStarted, RunStatus};
use super::place::{Frame, Hold};
pub use super::strand::At;
use super::strand::Strand;
use crate::core::usage::Usage;

/// The fold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// The facts of the start; `None` before the first entry.
    pub started: Option<RunStarted>,
    /// Number of the last entry.
    pub seq: u64,
    /// The steps of the recipe itself.
    pub main: Strand,
    /// The steps that run on every exit, once the end is decided.
    pub closing: Option<Box<Closing>>,
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
    /// How often the route after a step was chosen by whoever drives.
    pub choices: IndexMap<String, u32>,
    /// The call that began last.
    pub called: Option<Called>,
    /// When the first entry was written.
    pub first_at: Option<Timestamp>,
    /// When the last entry was written.
    pub last_at: Option<Timestamp>,
    /// What each visit of a step cost, in dollars.
    costs: IndexMap<(String, u32), f64>,
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
}

/// A call that began.
#[derive(Debug, Clone, PartialEq)]
pub struct Called {
    /// The step.
    pub step: String,
    /// Which visit.
    pub visit: u32,
    /// Its arguments, as the journal has them.
    pub params: Value,
}

/// A run whose end is decided and whose `finally` is at work.
#[derive(Debug, Clone, PartialEq)]
pub struct Closing {
    /// The end.
    pub end: RunEnded,
    /// The steps of `finally`.
    pub strand: Strand,
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
                self.main.at = At::Enter(entry_step.to_owned());
            }
            Event::RunResumed { .. } => {
                self.earlier_legs_ms = self.elapsed_ms(self.last_at);
                self.leg_from = Some(entry.at);
                if let At::Ended { back, .. } = &mut self.main.at {
                    self.main.at = std::mem::take(back);
                }
            }
            Event::StepStarted { step, visit, attempt, session, continues, params, .. } => {
                let (frame, name) = Frame::of(step);
                self.called = Some(Called { step: step.clone(), visit: *visit, params: params.clone() });
                if session.is_some() && !continues {
                    self.sessions += 1;
                }
                if session.is_some() {
                    self.count_work(&frame);
                }
                let session = session.clone();
                if let Some(strand) = self.strand_mut(&frame) {
                    strand.visits.insert(name.to_owned(), *visit);
                    let (step, visit, attempt) = (name.to_owned(), *visit, *attempt);
                    strand.at = At::Running { step, visit, attempt, session };
                }
            }
            Event::LoopStarted(begun) => {
                let (frame, name) = Frame::of(&begun.step);
                if let Some(strand) = self.strand_mut(&frame) {
                    strand.begin_loop(name, begun, entry.at);
                }
            }
            Event::ItemStarted { step, item, .. } => {
                let (frame, name) = Frame::of(step);
                if let Some(Strand { at: At::Looping(each), .. }) = self.strand_mut(&frame)
                    && each.step == name
                {
                    each.begin(*item);
                }
            }
            Event::ItemEnded { step, item, end } => {
                let (frame, name) = Frame::of(step);
                if let Some(Strand { at: At::Looping(each), .. }) = self.strand_mut(&frame)
                    && each.step == name
                {
                    each.strands.remove(item);
                    each.ended.insert(*item, end.clone());
                }
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
                signature,
                backoff_ms,
                ..
            } => {
                let (frame, name) = Frame::of(step);
                self.usage += usage.unwrap_or_default();
                let retriable = !*ok
                    && result.get("retry_reason").and_then(Value::as_str).is_some_and(|why| why != "none");
                self.pay(step, *visit, *usage);
                self.done.push(Done {
                    step: step.clone(),
                    visit: *visit,
                    attempt: *attempt,
                    ok: *ok,
                    label: label.clone(),
                    summary: summary.clone(),
                });
                self.captured.clone_from(captures);
                self.why.clone_from(why);
                let resumable = !*ok && fault.is_none_or(Fault::passes);
                let after = (*backoff_ms > 0).then(|| {
                    let wait = std::time::Duration::from_millis(*backoff_ms);
                    entry.at.checked_add(wait).unwrap_or(entry.at)
                });
                let at = match next {
                    Next::Retry => At::Retry {
                        step: name.to_owned(),
                        visit: *visit,
                        attempt: attempt.saturating_add(1),
                        after,
                    },
                    Next::Choice(among) => {
                        At::Choosing { step: name.to_owned(), among: among.clone(), result: result.clone() }
                    }
                    other => follow(other, step, why, resumable, *fault),
                };
                if let Some(strand) = self.strand_mut(&frame) {
                    strand.remember(name, *visit, *attempt, *ok, retriable, signature.as_deref());
                    for (name, value) in captures {
                        strand.context.insert(name.clone(), value.clone());
                    }
                    strand.at = at;
                }
            }
            Event::StepCutOff { step, visit, usage, .. } => {
                self.usage += *usage;
                self.pay(step, *visit, Some(*usage));
            }
            Event::StepSkipped { step, why, next } => self.go(step, follow(next, step, why, false, None)),
            Event::StepExceeded { step, visits, next } => {
                let why = format!("`{step}` had its {visits} visit{}", if *visits == 1 { "" } else { "s" });
                self.go(step, follow(next, step, &why, false, None));
            }
            Event::RouteChosen { step, next, why, set } => {
                *self.choices.entry(step.clone()).or_default() += 1;
                if let Some(strand) = self.strand_mut(&Frame::of(step).0) {
                    for (name, value) in set {
                        strand.context.insert(name.clone(), value.clone());
                    }
                }
                self.why.clone_from(why);
                self.go(step, follow(next, step, why, false, None));
            }
            Event::OrchestratorStarted { number, .. } => self.orchestrators = *number,
            Event::OrchestratorEnded { usage, .. } => {
                self.usage += *usage;
                self.orchestration += *usage;
            }
            Event::FinallyStarted { end, first } => {
                let strand = Strand::from(first);
                self.closing = Some(Box::new(Closing { end: end.clone(), strand }));
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
                // A `finally` that was interrupted goes on with the run; one that is over belonged to this end.
                if self.closing.as_ref().is_some_and(|closing| matches!(closing.strand.at, At::Ending(_))) {
                    self.closing = None;
                }
                if let At::Ended { back, .. } = &mut self.main.at {
                    self.main.at = std::mem::take(back);
                }
                self.main.take_back();
                let back = Box::new(std::mem::take(&mut self.main.at));
                self.main.at = At::Ended { end: end.clone(), back };
            }
        }
        self.last_at = Some(entry.at);
    }

    fn pay(&mut self, step: &str, visit: u32, usage: Option<Usage>) {
        if let Some(usage) = usage {
            *self.costs.entry((step.to_owned(), visit)).or_default() += usage.cost_usd;
        }
    }

    /// What the tries of a visit cost so far, in dollars.
    #[must_use]
    pub fn spent(&self, step: &str, visit: u32) -> f64 {
        self.costs.get(&(step.to_owned(), visit)).copied().unwrap_or_default()
    }

    /// The strand of a frame, when it is at work.
    #[must_use]
    pub fn strand(&self, frame: &Frame) -> Option<&Strand> {
        match frame.holds() {
            [Hold::Finally, rest @ ..] => self.closing.as_ref()?.strand.inner(rest),
            holds => self.main.inner(holds),
        }
    }

    fn strand_mut(&mut self, frame: &Frame) -> Option<&mut Strand> {
        match frame.holds() {
            [Hold::Finally, rest @ ..] => self.closing.as_mut()?.strand.inner_mut(rest),
            holds => self.main.inner_mut(holds),
        }
    }

    /// A session begins in a frame: that is work in all that it is inside of.
    fn count_work(&mut self, frame: &Frame) {
        for depth in 0..=frame.holds().len() {
            if let Some(strand) = self.strand_mut(&frame.outer(depth)) {
                strand.work += 1;
            }
        }
    }

    fn go(&mut self, step: &str, at: At) {
        if let Some(strand) = self.strand_mut(&Frame::of(step).0) {
            strand.at = at;
        }
    }

    /// How often the route after `step` was chosen so far.
    #[must_use]
    pub fn choices(&self, step: &str) -> u32 {
        self.choices.get(step).copied().unwrap_or_default()
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
        match &self.main.at {
            At::Ended { end, .. } => Some(end),
            _ => None,
        }
    }

    /// The step that the run stands at or ended at, for people.
    #[must_use]
    pub fn step(&self) -> Option<String> {
        if let (Some(closing), None) = (&self.closing, self.end()) {
            return closing.strand.step(&Frame::finally());
        }
        self.main.step(&Frame::default())
    }

    /// The step that a resume goes on with.
    #[must_use]
    pub fn resumes_at(&self) -> Option<String> {
        if let Some(closing) = &self.closing {
            return closing.strand.step(&Frame::finally());
        }
        match &self.main.at {
            At::Ended { back, end } => {
                let mut strand = Strand::default();
                strand.at.clone_from(back);
                strand.step(&Frame::default()).or_else(|| end.step.clone())
            }
            _ => self.main.step(&Frame::default()),
        }
    }

    /// The steps whose tries have begun and not ended, by their labels.
    #[must_use]
    pub fn open_tries(&self) -> Vec<String> {
        let mut open = Vec::new();
        if let Some(closing) = &self.closing {
            closing.strand.at.open_tries(&Frame::finally(), &mut open);
        } else {
            let at = match &self.main.at {
                At::Ended { back, .. } => back,
                at => at,
            };
            at.open_tries(&Frame::default(), &mut open);
        }
        open
    }

    /// Whether `cook --resume` has something to go on with: no end at all, or one that allows it.
    #[must_use]
    pub fn resumable(&self) -> bool {
        match &self.main.at {
            At::Before => false,
            At::Ended { end, .. } => end.resumable,
            _ => true,
        }
    }
}

/// Where a strand stands that goes there.
fn follow(next: &Next, step: &str, why: &str, resumable: bool, fault: Option<Fault>) -> At {
    match next {
        Next::Step(next) => At::Enter(next.clone()),
        // Only the end of a try leads to another; a journal that says otherwise enters the step anew.
        Next::Retry => At::Enter(Frame::of(step).1.to_owned()),
        Next::Choice(among) => {
            At::Choosing { step: Frame::of(step).1.to_owned(), among: among.clone(), result: Value::Null }
        }
        Next::End(status) => At::Ending(RunEnded {
            status: *status,
            reason: why.to_owned(),
            step: Some(step.to_owned()),
            resumable: resumable && *status != RunStatus::Succeeded,
            fault,
        }),
    }
}

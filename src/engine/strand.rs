//! One sequence of steps within a run: the recipe's own, an item of a loop, or `finally`. Each has its own variables, visits and
//! place; a loop has a strand for every item at work.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::event::{RunEnded, RunStatus};
use super::place::Hold;

/// A sequence of steps and where it stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Strand {
    /// Variables that its steps captured.
    pub context: Map<String, Value>,
    /// Visits by step, by plain names.
    pub visits: IndexMap<String, u32>,
    /// Where it stands.
    pub at: At,
    /// How its steps failed last.
    pub failures: IndexMap<String, Failing>,
    /// Sessions that were begun in it, loops in it included: work that may have changed something.
    pub work: u32,
    /// How often each of its loops has begun.
    pub rounds: IndexMap<String, u32>,
    /// The loop that failed last: another try keeps what it has.
    pub broken_loop: Option<Box<Loop>>,
    /// The try that ended last: step, visit, try.
    last: Option<(String, u32, u32)>,
}

/// How a step failed, one time after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Failing {
    /// Failures in a row that another try might have helped.
    pub retriable: usize,
    /// What the last one looked like; `None` when the step succeeded last.
    pub signature: Option<String>,
    /// How often in a row it looked like that, with work in between.
    pub same: u32,
    /// [`Strand::work`] at that time.
    work: u32,
}

impl Failing {
    /// How often in a row a step has failed like this when it fails like this now.
    #[must_use]
    pub fn again(&self, signature: &str, work: u32) -> u32 {
        match self.signature.as_deref() == Some(signature) {
            // Without work in between the same is no news: the step waits for something.
            true if work == self.work => self.same,
            true => self.same + 1,
            false => 1,
        }
    }
}

/// Where a strand stands.
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
        /// Not before this moment.
        after: Option<Timestamp>,
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
    /// The items of a loop are at work.
    Looping(Box<Loop>),
    /// A step is over, or was skipped, and whoever drives is to choose what follows.
    Choosing {
        /// The step.
        step: String,
        /// What there is to choose among; any step or end of the recipe when there is nothing.
        among: Vec<String>,
        /// The result of the step; null when it was skipped.
        result: Value,
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
    /// Collects the steps whose tries have begun and not ended, from a place in `frame`.
    pub(super) fn open_tries(&self, frame: &super::place::Frame, open: &mut Vec<String>) {
        match self {
            Self::Running { step, .. } => open.push(frame.label(step)),
            Self::Looping(each) => {
                for (item, strand) in &each.strands {
                    strand.at.open_tries(&frame.item(&each.step, each.round, *item), open);
                }
            }
            _ => {}
        }
    }
}

/// A loop at work.
#[derive(Debug, Clone, PartialEq)]
pub struct Loop {
    /// The step, by its plain name.
    pub step: String,
    /// How often it had begun in its strand by then, from 1.
    pub round: u32,
    /// Its visit.
    pub visit: u32,
    /// The try.
    pub attempt: u32,
    /// The items.
    pub items: Vec<Value>,
    /// How many may be at work at a time.
    pub width: usize,
    /// Items at work.
    pub strands: BTreeMap<usize, Strand>,
    /// Items that are over.
    pub ended: BTreeMap<usize, ItemEnd>,
    /// When the loop began.
    pub since: Timestamp,
    first: String,
}

/// How an item of a loop ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemEnd {
    /// The kind of end; `stopped` when it was given up because another item failed.
    pub status: RunStatus,
    /// Why, in words.
    pub reason: String,
    /// What it gives to the loop's lists.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub collected: Map<String, Value>,
}

impl ItemEnd {
    /// Whether it did what it was for.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.status == RunStatus::Succeeded
    }
}

impl Loop {
    /// The lowest item that is neither over nor at work.
    #[must_use]
    pub fn waiting(&self) -> Option<usize> {
        (0..self.items.len()).find(|item| !self.ended.contains_key(item) && !self.strands.contains_key(item))
    }

    /// The first item that did not succeed, not counting those that were given up.
    #[must_use]
    pub fn failed(&self) -> Option<(usize, &ItemEnd)> {
        let bad = |end: &ItemEnd| !end.ok() && end.status != RunStatus::Stopped;
        self.ended.iter().find(|(_, end)| bad(end)).map(|(item, end)| (*item, end))
    }

    /// Begins an item.
    pub(super) fn begin(&mut self, item: usize) {
        let strand = Strand { at: At::Enter(self.first.clone()), ..Strand::default() };
        self.strands.insert(item, strand);
    }
}

/// What a loop begins with, as the journal says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoopStarted {
    /// The step.
    pub step: String,
    /// Which visit of the step, from 1.
    pub visit: u32,
    /// Which try within the visit, from 1.
    pub attempt: u32,
    /// What it does, for people.
    pub what: String,
    /// The items.
    pub items: Vec<Value>,
    /// How many may be at work at a time.
    pub width: usize,
    /// The step that each item begins with.
    pub first: String,
    /// Items that an earlier try of the visit finished: they are not done again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<(usize, ItemEnd)>,
}

impl Strand {
    /// A strand that begins with `first`.
    #[must_use]
    pub fn from(first: &str) -> Self {
        Self { at: At::Enter(first.to_owned()), ..Self::default() }
    }

    /// Visits of `step` so far.
    #[must_use]
    pub fn visits(&self, step: &str) -> u32 {
        self.visits.get(step).copied().unwrap_or_default()
    }

    /// The strand that is reached through these holds; items only.
    pub(super) fn inner(&self, holds: &[Hold]) -> Option<&Self> {
        let Some((Hold::Item { step, round, item }, rest)) = holds.split_first() else {
            return holds.is_empty().then_some(self);
        };
        match &self.at {
            At::Looping(each) if each.step == *step && each.round == *round => {
                each.strands.get(item)?.inner(rest)
            }
            _ => None,
        }
    }

    /// The same, to be changed.
    pub(super) fn inner_mut(&mut self, holds: &[Hold]) -> Option<&mut Self> {
        let Some((Hold::Item { step, round, item }, rest)) = holds.split_first() else {
            return holds.is_empty().then_some(self);
        };
        match &mut self.at {
            At::Looping(each) if each.step == *step && each.round == *round => {
                each.strands.get_mut(item)?.inner_mut(rest)
            }
            _ => None,
        }
    }

    /// A loop begins.
    pub(super) fn begin_loop(&mut self, name: &str, begun: &LoopStarted, since: Timestamp) {
        self.visits.insert(name.to_owned(), begun.visit);
        self.broken_loop = None;
        let round = self.rounds.entry(name.to_owned()).or_default();
        *round += 1;
        let round = *round;
        self.at = At::Looping(Box::new(Loop {
            step: name.to_owned(),
            round,
            visit: begun.visit,
            attempt: begun.attempt,
            items: begun.items.clone(),
            width: begun.width,
            strands: BTreeMap::new(),
            ended: begun.kept.iter().cloned().collect(),
            since,
            first: begun.first.clone(),
        }));
    }

    /// A try of a step is over: what is remembered of it.
    pub(super) fn remember(
        &mut self,
        name: &str,
        visit: u32,
        attempt: u32,
        ok: bool,
        retriable: bool,
        signature: Option<&str>,
    ) {
        self.visits.insert(name.to_owned(), visit);
        self.last = Some((name.to_owned(), visit, attempt));
        if let At::Looping(each) = &mut self.at
            && !ok
        {
            self.broken_loop = Some(each.clone());
        }
        let work = self.work;
        let failing = self.failures.entry(name.to_owned()).or_default();
        failing.retriable = if retriable { failing.retriable + 1 } else { 0 };
        match signature {
            Some(signature) => {
                failing.same = failing.again(signature, work);
                failing.signature = Some(signature.to_owned());
                failing.work = work;
            }
            None if ok => (failing.same, failing.signature) = (0, None),
            None => {}
        }
    }

    /// Where a resume goes on: ends that followed from a failed step mean that this step is tried again.
    pub(super) fn take_back(&mut self) {
        match &mut self.at {
            At::Ending(end) => {
                if let Some(step) = end.step.take() {
                    let (_, name) = super::place::Frame::of(&step);
                    self.at = self.again(name);
                }
            }
            At::Looping(each) => {
                for strand in each.strands.values_mut() {
                    // An item that has simply failed stays so: its loop says what follows.
                    if !matches!(&strand.at, At::Ending(end) if end.fault.is_none()) {
                        strand.take_back();
                    }
                }
            }
            _ => {}
        }
    }

    /// Going on after a failed step: the same visit, so that a service that did not answer does not spend a visit of a bounded
    /// loop.
    fn again(&self, name: &str) -> At {
        match &self.last {
            Some((step, visit, attempt)) if step == name => At::Retry {
                step: name.to_owned(),
                visit: *visit,
                attempt: attempt.saturating_add(1),
                after: None,
            },
            _ => At::Enter(name.to_owned()),
        }
    }

    /// The step that it stands at, by its label; `label` says that of a plain name in its frame.
    pub(super) fn step(&self, frame: &super::place::Frame) -> Option<String> {
        match &self.at {
            At::Before => None,
            At::Enter(step)
            | At::Retry { step, .. }
            | At::Running { step, .. }
            | At::Choosing { step, .. } => Some(frame.label(step)),
            At::Looping(each) => {
                let inner = each.strands.iter().next();
                inner
                    .and_then(|(item, strand)| strand.step(&frame.item(&each.step, each.round, *item)))
                    .or_else(|| Some(frame.label(&each.step)))
            }
            At::Ending(end) | At::Ended { end, .. } => end.step.clone(),
        }
    }
}

//! What is known of a run so far: a fold over its news, with a clock that ticks between them.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::core::usage::Usage;
use crate::engine::event::{Entry, Event, Live, Next, RunStarted};

use super::Setting;

/// The state of the run as it is shown.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// How the run started.
    pub(super) started: Option<RunStarted>,
    /// Steps that run now, oldest first.
    pub(super) running: Vec<Running>,
    /// Sessions begun.
    pub(super) sessions: u64,
    /// What is not in the news.
    pub(super) setting: Setting,
    done: Usage,
    seen: HashSet<String>,
    name_width: usize,
    /// Time in earlier processes of the run, and when this one began.
    before: Duration,
    since: Option<Timestamp>,
    last: Option<Timestamp>,
}

/// A step that runs.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) step: String,
    pub(super) visit: u32,
    pub(super) attempt: u32,
    pub(super) since: Timestamp,
    pub(super) activity: Activity,
    pub(super) usage: Usage,
}

/// What a running step is doing.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Activity {
    /// What the step is for; nothing was heard of it yet.
    Begun(String),
    Tool {
        tool: String,
        target: String,
    },
    Output(String),
    Thinking,
    Saying(String),
    Waiting(String),
    Ending(String),
}

impl Board {
    pub(super) fn new(setting: Setting) -> Self {
        let name_width = setting.steps.iter().map(|step| super::super::text::width(step)).max().unwrap_or(0);
        Self { setting, name_width, ..Self::default() }
    }

    /// Takes a line of the journal.
    pub(super) fn entry(&mut self, entry: &Entry) {
        match &entry.event {
            Event::RunStarted(started) => self.started = Some(started.clone()),
            Event::RunResumed { .. } => {
                // The time in which no process ran does not count.
                self.before = self.elapsed(self.last.unwrap_or(entry.at));
                self.since = Some(entry.at);
                self.running.clear();
            }
            Event::StepStarted { step, visit, attempt, what, session, continues, .. } => {
                self.meet(step);
                self.sessions += u64::from(session.is_some() && !continues);
                let activity = Activity::Begun(match (continues, session) {
                    (true, Some(_)) => format!("continues: {}", self.near(what)),
                    _ => self.near(what),
                });
                let usage = Usage::default();
                let (step, visit, attempt) = (step.clone(), *visit, *attempt);
                self.running.push(Running { step, visit, attempt, since: entry.at, activity, usage });
            }
            Event::StepEnded { step, usage, .. } => {
                // A step that was cut off may end without figures; what it was seen to use still counts.
                let seen = self.find(step).map(|running| running.usage);
                self.running.retain(|running| running.step != *step);
                self.done += usage.or(seen).unwrap_or_default();
            }
            Event::StepCutOff { step, usage, .. } => {
                self.running.retain(|running| running.step != *step);
                self.done += *usage;
            }
            Event::StepSkipped { step, .. }
            | Event::StepExceeded { step, .. }
            | Event::RouteChosen { step, .. } => self.meet(step),
            Event::LoopStarted(begun) => self.meet(&begun.step),
            Event::ItemStarted { .. } | Event::FinallyStarted { .. } => {}
            Event::ItemEnded { step, item, .. } => {
                // What was given up in it does not run any more.
                let inside = format!("{step}[{item}].");
                self.running.retain(|running| !running.step.starts_with(&inside));
            }
            Event::OrchestratorEnded { usage, .. } => self.done += *usage,
            Event::Moved { to, .. } => {
                if let Some(started) = &mut self.started {
                    started.repository.clone_from(to);
                }
            }
            Event::RecipeAccepted(_) | Event::Unknown(_) => {}
            Event::OrchestratorStarted { .. } | Event::Waiting { .. } | Event::Notice { .. } => {}
            Event::RunEnded(_) => self.running.clear(),
        }
        self.since.get_or_insert(entry.at);
        self.last = Some(entry.at);
    }

    /// A text in which files of the repository are named relative to it.
    pub(super) fn near(&self, text: &str) -> String {
        let repository = self.started.as_ref().map(|started| started.repository.as_path());
        super::super::text::near(text, repository).into_owned()
    }

    /// Takes passing news; says whether it changed what the step is doing.
    pub(super) fn live(&mut self, live: &Live) -> bool {
        let (step, activity) = match live {
            Live::Used { step, usage } => {
                if let Some(running) = self.find(step) {
                    running.usage = *usage;
                }
                return false;
            }
            Live::Spawned { .. } => return false,
            Live::Doing { step, tool, target } if tool == "output" => {
                (step, Activity::Output(target.clone()))
            }
            Live::Doing { step, tool, target } => {
                (step, Activity::Tool { tool: tool.clone(), target: target.clone() })
            }
            Live::Saying { step, text } if text.trim().is_empty() => (step, Activity::Thinking),
            Live::Saying { step, text } => (step, Activity::Saying(text.clone())),
            Live::Waiting { step, why, .. } => (step, Activity::Waiting(why.clone())),
            Live::Ending { step, why } => (step, Activity::Ending(why.clone())),
        };
        match self.find(step) {
            Some(running) if running.activity != activity => {
                running.activity = activity;
                true
            }
            _ => false,
        }
    }

    /// Used by all sessions, ended and running.
    pub(super) fn usage(&self) -> Usage {
        let mut all = self.done;
        self.running.iter().for_each(|running| all += running.usage);
        all
    }

    /// How long the run's processes have run by `now`.
    pub(super) fn elapsed(&self, now: Timestamp) -> Duration {
        self.before + self.since.map_or(Duration::ZERO, |since| span(since, now))
    }

    /// Whether anything happened yet.
    pub(super) fn has_begun(&self) -> bool {
        self.since.is_some()
    }

    /// Columns for step names and the number of their visit.
    pub(super) fn name_width(&self) -> usize {
        self.name_width.clamp(5, 18) + 3
    }

    /// The step that a run goes to, unless that is simply onwards.
    pub(super) fn detour<'a>(&self, ok: bool, next: &'a Next) -> Option<&'a str> {
        match next {
            Next::Step(step) if !ok || self.seen.contains(step) => Some(step),
            _ => None,
        }
    }

    fn meet(&mut self, step: &str) {
        self.name_width = self.name_width.max(super::super::text::width(step));
        self.seen.insert(step.to_owned());
    }

    fn find(&mut self, step: &str) -> Option<&mut Running> {
        self.running.iter_mut().rev().find(|running| running.step == step)
    }
}

/// The time from one moment to another; none when it runs backwards.
pub(super) fn span(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// Tells the time between two lines of the journal, whose times lead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    at: Timestamp,
    set: Option<Instant>,
}

impl Clock {
    /// A clock that ticks.
    pub(super) fn ticking() -> Self {
        Self { at: Timestamp::UNIX_EPOCH, set: Some(Instant::now()) }
    }

    /// A clock that stands still at the time of the last line.
    #[cfg(test)]
    pub(super) fn still() -> Self {
        Self { at: Timestamp::UNIX_EPOCH, set: None }
    }

    /// Sets it by a line of the journal.
    pub(super) fn set(&mut self, at: Timestamp) {
        self.at = at;
        self.set = self.set.map(|_| Instant::now());
    }

    /// The time.
    pub(super) fn now(&self) -> Timestamp {
        let passed = self.set.map_or(Duration::ZERO, |set| set.elapsed());
        self.at.checked_add(passed).unwrap_or(self.at)
    }
}

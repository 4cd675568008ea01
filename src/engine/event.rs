//! What happens in a run: the durable events of the journal, and the live news in between.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::strand::{ItemEnd, LoopStarted};
use crate::core::redact::Redactor;
use crate::core::usage::Usage;
use crate::pipeline::telemetry::tokens::Row;
use crate::recipe::model::{Orchestrator, RecipeSource};

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Version of the format.
    pub schema_version: u32,
    /// Number of the line, from 1, without gaps.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What every entry has beside its event.
#[derive(Deserialize)]
struct Head {
    schema_version: u32,
    seq: u64,
    at: Timestamp,
}

impl Entry {
    /// Reads a line. The same as its `Deserialize`, at half the time: what is flattened and tagged is put aside twice there.
    ///
    /// # Errors
    /// When it is no entry.
    pub fn read(line: &[u8]) -> serde_json::Result<Self> {
        let Head { schema_version, seq, at } = serde_json::from_slice(line)?;
        Ok(Self { schema_version, seq, at, event: serde_json::from_slice(line)? })
    }
}

/// A transition of the run. State is a fold over these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first line.
    RunStarted(RunStarted),
    /// Another process took the run up again.
    RunResumed {
        /// The step it goes on with.
        step: String,
        /// What was found, in words.
        note: String,
        /// Version of autoskillit that took it up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        autoskillit_version: Option<String>,
    },
    /// The repository is at another place than before, with the run in it.
    Moved {
        /// Where it was.
        from: PathBuf,
        /// Where it is.
        to: PathBuf,
    },
    /// The run goes on with a changed text of its recipe.
    RecipeAccepted(Box<RecipeAccepted>),
    /// A try of a step begins.
    StepStarted {
        /// The step.
        step: String,
        /// Which visit of the step, from 1.
        visit: u32,
        /// Which try within the visit, from 1.
        attempt: u32,
        /// The tool; `None` for routes, questions and stops.
        tool: Option<String>,
        /// What it does, for people: the skill command, the command line, the question.
        what: String,
        /// The rendered arguments.
        params: Value,
        /// The id given to the session, for `run_skill`.
        session: Option<String>,
        /// Whether that session already exists and is continued.
        continues: bool,
    },
    /// A loop begins: its items are known. Its end is the `step_ended` of its step.
    LoopStarted(LoopStarted),
    /// An item of a loop begins.
    ItemStarted {
        /// The loop.
        step: String,
        /// Which item, from 0.
        item: usize,
        /// The item, for people.
        what: String,
    },
    /// An item of a loop is over.
    ItemEnded {
        /// The loop.
        step: String,
        /// Which item, from 0.
        item: usize,
        /// How.
        #[serde(flatten)]
        end: ItemEnd,
    },
    /// A try of a step is over, and this is where the run goes.
    StepEnded {
        /// The step.
        step: String,
        /// Which visit of the step, from 1.
        visit: u32,
        /// Which try within the visit, from 1.
        attempt: u32,
        /// Whether it counts as success.
        ok: bool,
        /// The verdict in a word or two (`success`, `tests failed`, `permission_denied`).
        label: String,
        /// One line for people.
        summary: String,
        /// The structured result.
        result: Value,
        /// Variables of `context` as they are set by this end.
        captures: Map<String, Value>,
        /// Milliseconds since its start.
        elapsed_ms: u64,
        /// What its session used.
        usage: Option<Usage>,
        /// Where the run goes.
        next: Next,
        /// Which rule chose that, in words.
        why: String,
        /// What failed, when it was not the work itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fault: Option<Fault>,
        /// What a failure looks like, apart from numbers and times: the same again and again leads nowhere.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<String>,
        /// Milliseconds that are waited before the next try.
        #[serde(default, skip_serializing_if = "is_zero")]
        backoff_ms: u64,
    },
    /// A try of a step was cut off, and its session had used something by then. The try is taken up again when the run is.
    StepCutOff {
        /// The step.
        step: String,
        /// Which visit of the step, from 1.
        visit: u32,
        /// Which try within the visit, from 1.
        attempt: u32,
        /// What its session used, as far as the client said it.
        usage: Usage,
    },
    /// The run waits for a moment that is known; changes no state.
    Waiting {
        /// The step that waits; `None` when whoever drives the run does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<String>,
        /// For what.
        why: String,
        /// Until when, as far as is known now.
        until: Timestamp,
    },
    /// A step was passed over.
    StepSkipped {
        /// The step.
        step: String,
        /// Why.
        why: String,
        /// Where the run goes.
        next: Next,
    },
    /// A step was not entered because its visits are spent.
    StepExceeded {
        /// The step.
        step: String,
        /// The visits it had.
        visits: u32,
        /// Where the run goes.
        next: Next,
    },
    /// Whoever drives the run chose where it goes, where the recipe leaves that to judgement.
    RouteChosen {
        /// The step that the route leads away from.
        step: String,
        /// Where the run goes.
        next: Next,
        /// Why, in the words of whoever chose.
        why: String,
        /// Variables of `context` that were set with the choice.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        set: Map<String, Value>,
    },
    /// A session that drives the run begins.
    OrchestratorStarted {
        /// The session.
        session: String,
        /// Which orchestrator of the run it is, from 1.
        number: u32,
    },
    /// A session that drives the run is over.
    OrchestratorEnded {
        /// The session.
        session: String,
        /// Its verdict in a word or two.
        label: String,
        /// One line for people.
        summary: String,
        /// What it used.
        usage: Usage,
        /// The same by model.
        #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
        usage_by_model: IndexMap<String, Usage>,
    },
    /// The end is decided, and the steps of `finally` begin.
    FinallyStarted {
        /// The end.
        end: RunEnded,
        /// The first of the steps.
        first: String,
    },
    /// Something a person should know; changes no state.
    Notice {
        /// In words.
        text: String,
    },
    /// The last line of a process that ended the run in an orderly way.
    RunEnded(RunEnded),
    /// A line that another version wrote and this one does not know. It is read only; nobody appends it.
    #[serde(skip_deserializing)]
    Unknown(Unknown),
}

/// What the journal holds of an event that this version does not know.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unknown {
    /// Its name.
    pub name: String,
    /// Whether its writer says that a program may go on without knowing it.
    pub optional: bool,
    /// The whole line.
    pub line: Map<String, Value>,
}

/// A changed text of a recipe that a run goes on with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecipeAccepted {
    /// The identity of the text until now.
    pub was: String,
    /// The identity of the text from now on.
    pub now: String,
    /// The folder of that text and of its sub-recipes, in the run's folder.
    pub folder: String,
    /// The ingredients' values: those of before, and defaults of new ones.
    pub inputs: Map<String, Value>,
    /// The variables of the environment that the recipe reads; null where one is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<Map<String, Value>>,
}

impl Event {
    /// Whether nobody can go on with the run who does not know it.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        matches!(self, Self::Unknown(unknown) if !unknown.optional)
    }

    /// The step that it is about.
    #[must_use]
    pub fn step(&self) -> Option<&str> {
        match self {
            Self::RunResumed { step, .. }
            | Self::StepStarted { step, .. }
            | Self::StepEnded { step, .. }
            | Self::StepCutOff { step, .. }
            | Self::StepSkipped { step, .. }
            | Self::StepExceeded { step, .. }
            | Self::ItemStarted { step, .. }
            | Self::ItemEnded { step, .. }
            | Self::RouteChosen { step, .. } => Some(step),
            Self::LoopStarted(begun) => Some(&begun.step),
            Self::Waiting { step, .. } => step.as_deref(),
            Self::RunStarted(_)
            | Self::Moved { .. }
            | Self::RecipeAccepted(_)
            | Self::OrchestratorStarted { .. }
            | Self::OrchestratorEnded { .. }
            | Self::FinallyStarted { .. }
            | Self::Notice { .. }
            | Self::RunEnded(_)
            | Self::Unknown(_) => None,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Facts fixed when a run starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunStarted {
    /// The run's id.
    pub run_id: String,
    /// The recipe's name.
    pub recipe: String,
    /// The recipe's description.
    pub description: String,
    /// The recipe's identity.
    pub recipe_hash: String,
    /// Where the recipe was found.
    pub source: RecipeSource,
    /// Its file, when it was named as one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe_file: Option<PathBuf>,
    /// Who drives.
    pub orchestrator: Orchestrator,
    /// The permissions of sessions (`bypass`, `dont_ask`, `accept_edits`).
    pub permissions: String,
    /// The checkout.
    pub repository: PathBuf,
    /// Its branch, unless detached.
    pub branch: Option<String>,
    /// Its commit; `None` before the first one.
    pub commit: Option<String>,
    /// Whether it had uncommitted changes.
    pub dirty: bool,
    /// The ingredients' values.
    pub inputs: Map<String, Value>,
    /// Where values of ingredients were read that nobody gave (`default_from`), by ingredient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_origins: Option<Box<BTreeMap<String, String>>>,
    /// The folder that steps pass files in, where it is not the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temp_dir: Option<Box<str>>,
    /// The variables of the environment that the recipe reads; null where one is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<Box<Map<String, Value>>>,
    /// The scenario's name, in a rehearsal.
    pub rehearsal: Option<String>,
    /// Version of autoskillit.
    pub autoskillit_version: String,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunEnded {
    /// The kind of end.
    pub status: RunStatus,
    /// Why, in words.
    pub reason: String,
    /// The step it ended at.
    pub step: Option<String>,
    /// Whether `cook --resume` can go on from here.
    pub resumable: bool,
    /// What failed, when it was not the work itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// What else than the work can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The machine: the client, git, the disk.
    Environment,
    /// The settings: they do not say what a step needs.
    Settings,
    /// The recipe: an expression without a value, a result that no route fits.
    Recipe,
    /// The model service or the login.
    Service,
    /// The run's budget: it is spent.
    Budget,
    /// The account's plan: too much of it is used for now.
    Quota,
    /// The user's limit of a day: it is spent.
    Day,
    /// The run's share of the account's plan: it is used.
    Share,
}

impl Fault {
    /// How a run ends that it ends.
    #[must_use]
    pub fn status(self) -> RunStatus {
        match self {
            Self::Budget | Self::Quota | Self::Day | Self::Share => RunStatus::Exhausted,
            Self::Environment | Self::Settings | Self::Recipe | Self::Service => RunStatus::Failed,
        }
    }

    /// Whether the same run may get past it.
    #[must_use]
    pub fn passes(self) -> bool {
        self != Self::Budget
    }
}

/// Kinds of ends (also of a run that has none yet).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Did what it was for.
    Succeeded,
    /// Did not.
    Failed,
    /// Stopped by the user.
    Stopped,
    /// Ran into a limit.
    Exhausted,
    /// The process went away without a word, or failed inside.
    Crashed,
}

/// Where a run goes after a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// Another try of the same visit.
    Retry,
    /// Enters a step.
    Step(String),
    /// Ends the run.
    End(RunStatus),
    /// Whoever drives the run chooses among these; any step or end of the recipe when there are none.
    Choice(Vec<String>),
}

/// News of a step that is running: shown, never journaled.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "live", rename_all = "snake_case")]
pub enum Live {
    /// The client runs.
    Spawned {
        /// The step.
        step: String,
        /// The session.
        session: String,
    },
    /// The session calls a tool, or a command prints a line.
    Doing {
        /// The step.
        step: String,
        /// The tool (`Read`, `Bash`, `Edit`, …) or `output` for a command's line.
        tool: String,
        /// What it works on: a path, a command line, a pattern.
        target: String,
    },
    /// The session says something or thinks.
    Saying {
        /// The step.
        step: String,
        /// The first line of it; empty while thinking.
        text: String,
    },
    /// What the session used so far.
    Used {
        /// The step.
        step: String,
        /// So far.
        usage: Usage,
    },
    /// The step waits for something other than its own work (an API retry, a limit).
    Waiting {
        /// The step.
        step: String,
        /// For what.
        why: String,
        /// Until when, where that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// The step is being ended.
    Ending {
        /// The step.
        step: String,
        /// Why.
        why: String,
    },
}

impl Live {
    /// The same news without secrets.
    #[must_use]
    pub fn clean(mut self, redactor: &Redactor) -> Self {
        let text = match &mut self {
            Self::Doing { target: text, .. }
            | Self::Saying { text, .. }
            | Self::Waiting { why: text, .. }
            | Self::Ending { why: text, .. } => text,
            Self::Spawned { .. } | Self::Used { .. } => return self,
        };
        if let Cow::Owned(clean) = redactor.clean(text) {
            *text = clean;
        }
        self
    }
}

/// What a run left behind, told at its end.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Aftermath {
    /// Files changed in the checkout since the run started, with added and deleted lines.
    pub changes: Vec<Change>,
    /// How to take the changes back, when there are some.
    pub undo: Option<String>,
    /// What to do next: commands or sentences.
    pub hints: Vec<String>,
    /// All tokens, turns and dollars of the run.
    pub usage: Usage,
    /// The same by step.
    pub usage_by_step: Vec<Row>,
    /// Milliseconds that the run took, over all its processes.
    pub elapsed_ms: u64,
    /// Where the journal and logs are.
    pub run_dir: PathBuf,
}

/// One changed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Relative to the repository.
    pub path: String,
    /// `M`, `A`, `D`, `R` or `?`.
    pub kind: char,
    /// Added lines; `None` for binary and new files not counted.
    pub added: Option<u64>,
    /// Deleted lines.
    pub deleted: Option<u64>,
}

/// Everything that someone who watches a run is told, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// A line of the journal, already durable.
    Entry(Entry),
    /// Something passing.
    Live(Live),
    /// The end, after the last entry.
    End(RunEnded, Aftermath),
}

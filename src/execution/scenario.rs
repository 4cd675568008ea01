//! Scenarios: what the sessions of a rehearsal do. A YAML text comes in; a [`Scenario`] goes out, from which the player takes
//! what the session of a step does at a visit.
//!
//! - `act`: one thing that a session does
//! - `place`: checks that know their line
//! - `store`: where scenarios are found, and the sample projects beside them

mod act;
mod place;
mod store;
#[cfg(test)]
mod tests;

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::tape::{self, Event};

pub use act::{Act, Edit, RelativePath, Seconds, ToolCall, WriteFile};
pub use store::{MADE_UP, ScenarioError};

/// The version of the format that is read.
pub const VERSION: u64 = 1;

/// A scenario.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// The recipe that it was written for; `None` fits any.
    pub recipe: Option<String>,
    /// What it shows, in a sentence or two.
    pub description: String,
    /// Values of the recipe's ingredients, where the user gives none.
    pub inputs: IndexMap<String, Value>,
    /// What it was recorded from, when it was.
    pub recorded: Option<Recorded>,
    sessions: Vec<Script>,
    project: Option<RelativePath>,
    origin: store::Origin,
}

/// What a recorded scenario needs of the repository.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// The commit that the run started from; `None` before the first one.
    #[serde(default)]
    pub commit: Option<String>,
    /// The branch that it was on; `None` when detached, or not recorded.
    #[serde(default)]
    pub branch: Option<String>,
    /// The tape of what lay in the checkout beside it.
    pub start: RelativePath,
}

/// What one session does.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// The step that runs it.
    pub step: String,
    /// The visit of the step, from 1; `None` plays at every visit that has no script of its own.
    pub visit: Option<u32>,
    /// The try of that visit, from 1; `None` plays at every try that has no script of its own.
    pub attempt: Option<u32>,
    /// What it does, in order.
    pub acts: Vec<Act>,
    /// How it ends.
    pub ending: Ending,
    /// What it says it used; nothing unless it is said.
    pub usage: Spent,
}

/// How a session ends, unless an act fails before.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// With the declared outputs.
    Answer(Map<String, Value>),
    /// With a text.
    Text(String),
    /// With an error of the client.
    Error(Failure),
    /// As its tape says, which is all that it does.
    Tape(RelativePath),
    /// With whatever fits the schema that the session is given.
    MadeUp,
}

/// An error as the client reports it in its `result`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// `api_error`, `prompt_too_long`, `budget_exhausted`, `aborted_tools`, ….
    #[serde(default = "api_error")]
    pub terminal_reason: String,
    /// The client's class of a failed model call: `rate_limit`, `max_output_tokens`, ….
    #[serde(default)]
    pub api_error: Option<String>,
    /// HTTP status of a failed model call.
    #[serde(default)]
    pub status: Option<u64>,
    /// The client's label; the usual one of the reason unless it is said.
    #[serde(default)]
    pub subtype: Option<String>,
    /// The final text.
    pub message: String,
}

fn api_error() -> String {
    "api_error".to_owned()
}

/// Tokens and dollars of one session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Spent {
    /// Input tokens that were not cached.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
    /// Input tokens read from the cache.
    pub cache_read: u64,
    /// US dollars.
    pub cost_usd: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptFields {
    step: String,
    visit: Option<u32>,
    attempt: Option<u32>,
    stream: Option<RelativePath>,
    #[serde(default)]
    acts: Vec<Act>,
    answer: Option<Map<String, Value>>,
    text: Option<String>,
    error: Option<Failure>,
    #[serde(default)]
    usage: Spent,
}

impl TryFrom<ScriptFields> for Script {
    type Error = String;

    fn try_from(fields: ScriptFields) -> Result<Self, String> {
        let ScriptFields { step, visit, attempt, stream, acts, answer, text, error, usage } = fields;
        let ending = match (answer, text, error, stream) {
            (Some(answer), None, None, None) => Ending::Answer(answer),
            (None, Some(text), None, None) => Ending::Text(text),
            (None, None, Some(error), None) => Ending::Error(error),
            (None, None, None, Some(stream)) if acts.is_empty() => Ending::Tape(stream),
            (.., Some(_)) => return Err("a session with a `stream` has no acts and no other end".to_owned()),
            _ => return Err("a session ends with one of `answer`, `text` and `error`".to_owned()),
        };
        if visit == Some(0) {
            return Err("visits count from 1".to_owned());
        }
        if attempt == Some(0) || (attempt.is_some() && visit.is_none()) {
            return Err("an `attempt` is a try of a visit: both count from 1".to_owned());
        }
        if !(usage.cost_usd.is_finite() && usage.cost_usd >= 0.0) {
            return Err("`cost_usd` is a number of dollars, 0 or more".to_owned());
        }
        Ok(Self { step, visit, attempt, acts, ending, usage })
    }
}

impl<'de> Deserialize<'de> for Script {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        place::checked::<ScriptFields, _, _>(deserializer, "a session")
    }
}

/// Sessions, each for another step or visit.
struct Scripts(Vec<Script>);

impl TryFrom<Vec<Script>> for Scripts {
    type Error = String;

    fn try_from(scripts: Vec<Script>) -> Result<Self, String> {
        let is_same =
            |a: &Script, b: &Script| a.step == b.step && a.visit == b.visit && a.attempt == b.attempt;
        let again = scripts
            .iter()
            .enumerate()
            .find(|(index, script)| scripts[..*index].iter().any(|earlier| is_same(earlier, script)));
        match again {
            None => Ok(Self(scripts)),
            Some((_, Script { step, visit: Some(visit), .. })) => {
                Err(format!("two sessions are for the step `{step}` at visit {visit}"))
            }
            Some((_, Script { step, visit: None, .. })) => {
                Err(format!("two sessions are for every visit of the step `{step}`"))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Scripts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        place::checked::<Vec<Script>, _, _>(deserializer, "a list of sessions")
    }
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "version")]
    _version: u64,
    scenario: String,
    #[serde(default)]
    recipe: Option<String>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    project: Option<RelativePath>,
    #[serde(default)]
    recorded: Option<Recorded>,
    #[serde(default)]
    inputs: IndexMap<String, Value>,
    sessions: Scripts,
}

/// Read before the rest, so that a later format is not told to have unknown fields.
#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

/// The name of a step in a run, whichever time its loops are gone through.
fn without_rounds(step: &str) -> String {
    let part = |part: &str| match part.rsplit_once('#') {
        Some((before, round)) if round.starts_with(|c: char| c.is_ascii_digit()) && round.contains('[') => {
            format!("{before}{}", &round[round.find('[').unwrap_or_default()..])
        }
        _ => part.to_owned(),
    };
    step.split("].").map(part).collect::<Vec<_>>().join("].")
}

/// The name of a step in the recipe, without the loops that it is inside of.
fn plain(step: &str) -> &str {
    let name = step.rsplit_once("].").map_or(step, |(_, name)| name);
    name.strip_prefix("finally:").unwrap_or(name)
}

impl Scenario {
    /// What the session of `step` at `visit` and `attempt` (each from 1) does: the script of that try, else that of the visit, else
    /// that of every visit. For a step of a loop without a script of its own (`parts#2[0].fix`), that of every round plays
    /// (`parts[0].fix`), else that of its plain name, unless the scenario is a recording: what was not recorded did not happen.
    #[must_use]
    pub fn session(&self, step: &str, visit: u32, attempt: u32) -> Option<&Script> {
        let find = |name: &str, visit, attempt| {
            let is_it =
                |script: &&Script| script.step == name && script.visit == visit && script.attempt == attempt;
            self.sessions.iter().find(is_it)
        };
        let play = |name: &str| {
            let one = find(name, Some(visit), Some(attempt)).or_else(|| find(name, Some(visit), None));
            one.or_else(|| find(name, None, None))
        };
        let less_exact = || play(&without_rounds(step)).or_else(|| play(plain(step)));
        play(step).or_else(|| less_exact().filter(|_| self.recorded.is_none()))
    }

    /// The tape of this name beside the scenario.
    ///
    /// # Errors
    /// When it cannot be read, or something on it is faulty.
    pub fn tape(&self, name: &RelativePath) -> Result<Vec<Event>, ScenarioError> {
        let (file, text) = self.beside(name)?;
        tape::read(&text).map_err(|message| ScenarioError::Tape { file, message })
    }

    /// Every session, in the order of the file.
    #[must_use]
    pub fn sessions(&self) -> &[Script] {
        &self.sessions
    }

    fn parse(text: &str, file: &str, origin: store::Origin) -> Result<Self, ScenarioError> {
        let malformed = |line, message| ScenarioError::Malformed { file: file.to_owned(), line, message };
        let faulty = |error: serde_yaml::Error| {
            let message = error.to_string();
            let Some(at) = error.location() else { return malformed(1, message) };
            let place = format!(" at line {} column {}", at.line(), at.column());
            malformed(at.line(), message.replace(&place, ""))
        };
        let Versioned { version } = serde_yaml::from_str(text).map_err(faulty)?;
        if version != VERSION {
            let message = format!("the format is version {version}; this program reads version {VERSION}");
            return Err(malformed(1, message));
        }
        let file: File = serde_yaml::from_str(text).map_err(faulty)?;
        Ok(Self {
            name: file.scenario,
            recipe: file.recipe,
            description: file.description,
            inputs: file.inputs,
            sessions: file.sessions.0,
            project: file.project,
            recorded: file.recorded,
            origin,
        })
    }
}

//! Where a run stands, as whoever drives it is told.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::core::text::quoted_list;
use crate::engine::event::RunEnded;
use crate::engine::judged::{Choice, ToFill};

/// Where a run stands, as its orchestrator is told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// The run's id.
    pub run_id: String,
    /// Its recipe.
    pub recipe: String,
    /// The try that ended last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Last>,
    /// What the engine did by itself since: routes taken, steps skipped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<String>,
    /// What is due.
    pub next: Upcoming,
    /// Dollars that are left of the run's budget, where it has one: nothing that a model has to weigh.
    #[serde(skip)]
    pub budget_left: Option<f64>,
}

/// A try that is over.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Last {
    /// The step.
    pub step: String,
    /// Whether it counts as success.
    pub success: bool,
    /// The verdict in a word or two.
    pub verdict: String,
    /// One line.
    pub summary: String,
    /// Variables that it set.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub captured: Map<String, Value>,
    /// Which rule chose what is next.
    pub because: String,
}

/// What is due in a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Upcoming {
    /// Call this tool with this step's name. The arguments are the engine's; a caller need not repeat them.
    Call {
        /// The step.
        step_name: String,
        /// The tool.
        tool: String,
        /// What it is called with.
        arguments: Value,
        /// What the step is for.
        #[serde(skip_serializing_if = "String::is_empty")]
        description: String,
        /// What the recipe's author tells an orchestrator about it.
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// Which visit, from 1.
        visit: u32,
        /// Which try within it, from 1.
        attempt: u32,
        /// What of it the recipe leaves to judgement: an argument that is given with the call.
        #[serde(skip_serializing_if = "Option::is_none")]
        open: Option<Box<ToFill>>,
    },
    /// Decide where the run goes, then call `choose_route`.
    Choose(Box<Choice>),
    /// Ask the person, then call `confirm`.
    Ask {
        /// The step.
        step_name: String,
        /// The question.
        message: String,
        /// The answers there are.
        answers: Vec<String>,
        /// The answer when nobody is there.
        #[serde(skip_serializing_if = "Option::is_none")]
        default: Option<String>,
    },
    /// A call is at work; wait for its answer.
    Wait {
        /// The step.
        step_name: String,
        /// Its tool; empty when no call is at work: a person is being asked, or a step waits for its next try.
        tool: String,
    },
    /// Nothing: the run is over.
    Over {
        /// How.
        end: RunEnded,
    },
}

impl Upcoming {
    /// What to do, in one sentence.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Self::Call { step_name, tool, open: Some(to_fill), .. } => {
                let call =
                    format!("the next step is `{step_name}`: call `{tool}` with step_name `{step_name}`");
                match to_fill.open.fill_in.as_slice() {
                    [] => format!(
                        "{call}; where the skill needs what the hints say, give `skill_command` too: the command of `open` as it is, and after it what they add"
                    ),
                    words => format!(
                        "{call} and `skill_command`: the command of `open` with {} replaced by what the note and the variables say",
                        quoted_list(words)
                    ),
                }
            }
            Self::Choose(choice) => format!(
                "the recipe leaves to you what follows `{}` ({}): decide by the note, the conditions and what was seen, then call `choose_route` with step_name `{}`, a target and the reason",
                choice.step_name, choice.because, choice.step_name
            ),
            Self::Call { step_name, tool, .. } => {
                format!("the next step is `{step_name}`: call `{tool}` with step_name `{step_name}`")
            }
            Self::Ask { step_name, .. } => format!(
                "step `{step_name}` asks a question: put it to the person, then call `confirm` with step_name `{step_name}` and the answer"
            ),
            Self::Wait { step_name, tool } if tool.is_empty() => {
                format!(
                    "step `{step_name}` waits for a person, or for its next try: `kitchen_status` says when the run goes on"
                )
            }
            Self::Wait { step_name, .. } => {
                format!(
                    "step `{step_name}` is at work: wait for the answer of its call, or make the same call again to wait for it"
                )
            }
            Self::Over { end } => format!("the run is over ({}): call no more tools", end.reason),
        }
    }
}

/// Why a call was not made.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// Stable name: `wrong_step`, `wrong_tool`, `wrong_arguments`, `wrong_choice`, `busy`, `no_question`, `no_answer`, `no_choice`, `over`.
    pub code: &'static str,
    /// Why, and what to do instead.
    pub why: String,
    /// Where the run stands.
    pub standing: Arc<Standing>,
}

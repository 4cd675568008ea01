//! What the engine asks of the world: to call a tool, to ask a person. It is given one host and knows no other.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use serde_json::Value;

use super::event::{Fault, Live};
use crate::catalog::ToolDecl;
pub use crate::core::stop::{Stop, StopSignal};
use crate::core::usage::Usage;
use crate::execution::verdict::RetryReason;

/// A future that a host hands out.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Takes live news.
pub type Watch<'a> = &'a (dyn Fn(Live) + Send + Sync);

/// A tool call.
#[derive(Debug, Clone)]
pub struct Call {
    /// The step.
    pub step: String,
    /// Which visit, from 1.
    pub visit: u32,
    /// Which try, from 1.
    pub attempt: u32,
    /// The tool.
    pub tool: &'static ToolDecl,
    /// Its arguments, rendered.
    pub params: Value,
    /// The session to run, for `run_skill`.
    pub session: Option<SessionCall>,
    /// Dollars that are left of the run's budget, where it has one.
    pub budget_left: Option<f64>,
    /// Dollars that earlier tries of the same visit cost.
    pub spent: f64,
}

/// The session of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionCall {
    /// Its id.
    pub id: String,
    /// Whether it exists and is to be continued.
    pub continues: bool,
}

/// What a call came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Whether it counts as success, by the tool's own rule.
    pub ok: bool,
    /// The verdict in a word or two.
    pub label: String,
    /// One line for people.
    pub summary: String,
    /// The structured result.
    pub result: Value,
    /// Why another try may help.
    pub retry: RetryReason,
    /// What failed, when it was not the work.
    pub fault: Option<Fault>,
    /// What its session used.
    pub usage: Option<Usage>,
    /// It was cut off because the run is to stop: it has no result and can be taken up again.
    pub cut_off: bool,
}

/// A question for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The step that asks.
    pub step: String,
    /// The question.
    pub message: String,
    /// The answers there are.
    pub answers: Vec<String>,
    /// The recipe's answer when nobody is there.
    pub default: Option<String>,
    /// How long an answer is waited for; then `default` holds.
    pub timeout: Option<Duration>,
}

/// An answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A person gave this answer.
    Given(String),
    /// This answer was given before the run began, in the way that is named.
    Beforehand(String, &'static str),
    /// Nobody is there to ask, or nobody answered in time.
    Nobody,
    /// They want to stop the run.
    Stop,
}

/// The world as the engine sees it.
pub trait ToolHost: Send + Sync {
    /// Calls a tool. Must return soon after `stop` changes; then with `cut_off`.
    fn call<'a>(&'a self, call: &'a Call, watch: Watch<'a>, stop: StopSignal) -> Answering<'a, Outcome>;

    /// Whether there is what a call names that somebody has put together; why not, with what there is instead.
    ///
    /// # Errors
    /// When the call could not be made.
    fn is_there(&self, tool: &ToolDecl, params: &Value) -> Result<(), String> {
        let _ = (tool, params);
        Ok(())
    }

    /// Asks a person.
    fn ask<'a>(&'a self, question: &'a Question) -> Answering<'a, Reply>;

    /// Waits so long, or until `stop` changes.
    fn wait(&self, time: Duration, stop: StopSignal) -> Answering<'_, ()>;

    /// The file that a call has written, with its arguments.
    fn written<'a>(&'a self, params: &'a Value, file: &'a str) -> Answering<'a, io::Result<String>>;

    /// Whether the session of a call that was cut off can be continued.
    fn can_continue(&self, session_id: &str, params: &Value) -> bool;

    /// What a call does, for people: the skill command, the command line.
    fn what(&self, tool: &ToolDecl, params: &Value) -> String;

    /// A fresh session id.
    fn session_id(&self) -> String;

    /// The values of `run.*`: the repository and the run's folder.
    fn places(&self) -> (PathBuf, PathBuf);
}

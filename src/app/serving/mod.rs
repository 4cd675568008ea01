//! A kitchen that is served to a client: what it offers at a moment, and what its tools answer. There are two: one that hosts its own
//! runs ([`service`]), and one that belongs to a run of `cook` ([`attached`]).

pub mod attached; // the kitchen of a run that an orchestrator session drives
pub mod context; // everything that a server works with, wired without touching the world
mod deferred; // what is put off until the first answer is out
mod given; // arguments as they come from a model
mod opening; // from the disk to an open kitchen
pub mod service; // the kitchen that a server hosts itself
mod shown; // recipes as answers
mod reports; // what was used and what failed, as answers
mod steered; // the run that an open kitchen is for
mod told; // answers

use std::future::Future;

use serde_json::{Map, Value};
use tokio::sync::watch;

pub use told::Answer;

use crate::catalog::ToolDecl;
use crate::core::stop::StopSignal;

/// A tool as it is offered at a moment.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The tool.
    pub tool: &'static ToolDecl,
    /// The schema of its arguments here.
    pub schema: Map<String, Value>,
}

/// A kitchen behind a server.
pub trait Served: Send + Sync + 'static {
    /// What a client is told once, about the server as a whole.
    fn instructions(&self) -> &'static str;

    /// The tools that may be called now.
    fn offers(&self) -> Vec<Offer>;

    /// Changes when [`Served::offers`] do.
    fn changes(&self) -> watch::Receiver<u64>;

    /// Answers a call. What happens meanwhile is put into `news`, one line at a time. After `stop` it returns soon.
    fn call(
        &self,
        name: &str,
        arguments: Map<String, Value>,
        news: &watch::Sender<String>,
        stop: StopSignal,
    ) -> impl Future<Output = Answer> + Send;

    /// Takes how many bytes an answer of a tool has. Gives what is to be told to the client about it.
    fn answered(&self, name: &str, bytes: u64) -> Option<String>;

    /// Lets go of everything, within the time that a server has before its client kills it.
    fn leave(&self) -> impl Future<Output = ()> + Send;
}

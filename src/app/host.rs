//! The world that a run's engine is given: the tools, and a person to ask.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use crate::catalog::ToolDecl;
use crate::core::ids;
use crate::core::stop::StopSignal;
use crate::engine::host::{Answering, Call, Outcome, Question, Reply, ToolHost, Watch};
use crate::tools::{self, Toolkit};

/// Asks a person. Called on a thread that may block.
pub trait Asker: Send + Sync {
    /// The answer to a yes-or-no question.
    fn confirm(&self, question: &Question) -> Reply;
}

/// Nobody: a question is then answered by its default, or stops the run.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

impl Asker for Nobody {
    fn confirm(&self, _: &Question) -> Reply {
        Reply::Nobody
    }
}

/// The host of one run.
pub struct Host {
    /// The tools.
    pub kit: Toolkit,
    /// The person.
    pub asker: Arc<dyn Asker>,
    /// A session that was cut off and is not to be continued, though it could be.
    pub given_up: Option<String>,
}

impl ToolHost for Host {
    fn call<'a>(&'a self, call: &'a Call, watch: Watch<'a>, stop: StopSignal) -> Answering<'a, Outcome> {
        Box::pin(self.kit.call(call, watch, stop))
    }

    fn ask<'a>(&'a self, question: &'a Question) -> Answering<'a, Reply> {
        let (asker, question) = (Arc::clone(&self.asker), question.clone());
        Box::pin(async move {
            tokio::task::spawn_blocking(move || asker.confirm(&question)).await.unwrap_or(Reply::Stop)
        })
    }

    fn can_continue(&self, session_id: &str, params: &Value) -> bool {
        self.given_up.as_deref() != Some(session_id) && tools::can_continue(&self.kit, session_id, params)
    }

    fn what(&self, tool: &ToolDecl, params: &Value) -> String {
        tools::what(tool, params)
    }

    fn session_id(&self) -> String {
        ids::session_id()
    }

    fn places(&self) -> (PathBuf, PathBuf) {
        (self.kit.repository.clone(), self.kit.run_dir.root().to_owned())
    }
}

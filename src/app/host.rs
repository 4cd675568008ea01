//! The world that a run's engine is given: the tools, and a person to ask.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::error::AppError;
use crate::catalog::ToolDecl;
use crate::core::stop::{Stop, StopSignal, more_urgent};
use crate::core::text::{did_you_mean, quoted_list};
use crate::core::{files, ids};
use crate::engine::host::{Answering, Call, Outcome, Question, Reply, ToolHost, Watch};
use crate::engine::place::Frame;
use crate::engine::transition::YES_NO;
use crate::recipe::model::{Recipe, StepKind};
use crate::tools::{self, Toolkit};

/// Bytes of a file that a command wrote as its result: what it says is kept in every later line of the journal.
const MOST_WRITTEN: u64 = 1024 * 1024;

/// Asks a person. Called on a thread that may block.
pub trait Asker: Send + Sync {
    /// The answer to a question.
    fn answer(&self, question: &Question) -> Reply;
}

/// Nobody: a question is then answered by its default, or stops the run.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

impl Asker for Nobody {
    fn answer(&self, _: &Question) -> Reply {
        Reply::Nobody
    }
}

/// Answers that were given before a run began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// By the name of the step that asks, in a loop also by what it is called in one item (`parts[1].ask`), which counts before that. The last one of a
    /// name counts.
    pub given: Vec<(String, String)>,
    /// Every question that can be answered with yes is.
    pub yes: bool,
}

impl Answers {
    /// Looks whether each belongs to a question of the recipe.
    ///
    /// # Errors
    /// Which one does not, and what there is.
    pub fn check(&self, recipe: &Recipe) -> Result<(), AppError> {
        let questions: Vec<(&str, Vec<String>)> = recipe
            .all_steps()
            .into_iter()
            .filter_map(|step| match &step.kind {
                StepKind::Confirm { choice, .. } => {
                    let own =
                        choice.iter().flat_map(|choice| choice.options.keys().cloned()).collect::<Vec<_>>();
                    let answers = if own.is_empty() { YES_NO.map(str::to_owned).into() } else { own };
                    Some((step.name.as_str(), answers))
                }
                _ => None,
            })
            .collect();
        for (step, answer) in &self.given {
            let Some((_, answers)) = questions.iter().find(|(name, _)| *name == Frame::of(step).1) else {
                let error = AppError::usage(format!("`{}` asks no question in a step `{step}`", recipe.name));
                let names: Vec<&str> = questions.iter().map(|(name, _)| *name).collect();
                return Err(match did_you_mean(step, names.iter().copied()) {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None if names.is_empty() => error.hint("the recipe asks nothing"),
                    None => error.hint(format!("steps that ask: {}", quoted_list(&names))),
                });
            };
            if !answers.contains(answer) {
                return Err(AppError::usage(format!("`{answer}` is no answer of the step `{step}`"))
                    .hint(format!("answers: {}", quoted_list(answers))));
            }
        }
        Ok(())
    }

    /// The answer to a question, and how it was given.
    fn to(&self, question: &Question) -> Option<Reply> {
        let (_, plain) = Frame::of(&question.step);
        let named = |name: &str| self.given.iter().rev().find(|(step, _)| step == name);
        if let Some((_, answer)) = named(&question.step).or_else(|| named(plain)) {
            return Some(Reply::Beforehand(answer.clone(), "answered by --answer"));
        }
        let yes = YES_NO[0].to_owned();
        (self.yes && question.answers.contains(&yes)).then_some(Reply::Beforehand(yes, "answered by --yes"))
    }
}

/// The host of one run.
pub struct Host {
    /// The tools.
    pub kit: Toolkit,
    /// The person.
    pub asker: Arc<dyn Asker>,
    /// What was answered before the run began.
    pub answers: Answers,
    /// Sessions that were cut off and are not to be continued, though they could be.
    pub given_up: Vec<String>,
}

impl ToolHost for Host {
    fn call<'a>(&'a self, call: &'a Call, watch: Watch<'a>, stop: StopSignal) -> Answering<'a, Outcome> {
        Box::pin(self.kit.call(call, watch, stop))
    }

    fn is_there(&self, tool: &ToolDecl, params: &Value) -> Result<(), String> {
        match tools::skill_name(params).filter(|_| tool.name == "run_skill") {
            Some(name) => self.kit.skills.find(&name).map(drop).map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }

    fn ask<'a>(&'a self, question: &'a Question) -> Answering<'a, Reply> {
        if let Some(reply) = self.answers.to(question) {
            return Box::pin(std::future::ready(reply));
        }
        let (asker, question) = (Arc::clone(&self.asker), question.clone());
        Box::pin(async move {
            tokio::task::spawn_blocking(move || asker.answer(&question)).await.unwrap_or(Reply::Stop)
        })
    }

    fn wait(&self, time: Duration, mut stop: StopSignal) -> Answering<'_, ()> {
        Box::pin(async move {
            tokio::select! {
                () = tokio::time::sleep(time) => {}
                _ = more_urgent(&mut stop, Stop::No) => {}
            }
        })
    }

    fn written<'a>(&'a self, params: &'a Value, file: &'a str) -> Answering<'a, io::Result<String>> {
        let cwd = params.get("cwd").and_then(Value::as_str).map(str::to_owned);
        let path = self.kit.path(cwd).join(file);
        Box::pin(async move {
            tokio::task::spawn_blocking(move || files::read_bounded(&path, MOST_WRITTEN))
                .await
                .unwrap_or_else(|error| Err(io::Error::other(error)))
        })
    }

    fn can_continue(&self, session_id: &str, params: &Value) -> bool {
        !self.given_up.iter().any(|given_up| given_up == session_id)
            && tools::can_continue(&self.kit, session_id, params)
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

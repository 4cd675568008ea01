//! What the tests of this room share: recipes from text, and a host whose answers are given.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::event::{Entry, Event, RunStarted};
use super::host::{Answering, Call, Outcome, Question, Reply, ToolHost, Watch};
use crate::catalog::ToolDecl;
use crate::core::stop::StopSignal;
use crate::execution::verdict::RetryReason;
use crate::recipe::model::{Orchestrator, Recipe, RecipeSource};
use crate::recipe::{AnySkill, Origin, compile};

pub(super) fn recipe(body: &str) -> Recipe {
    let text = format!("name: t\n{body}");
    let origin = Origin { file: "t.yaml".into(), stem: "t".into(), source: RecipeSource::Path, path: None };
    compile(&text, &origin, &AnySkill).unwrap_or_else(|problems| panic!("{:#?}", problems.list())).recipe
}

pub(super) fn entry(seq: u64, event: Event) -> Entry {
    let at = Timestamp::from_millisecond(i64::try_from(seq).unwrap() * 1000).unwrap();
    Entry { schema_version: 1, seq, at, event }
}

pub(super) fn started(inputs: Value) -> RunStarted {
    RunStarted {
        run_id: "r".into(),
        recipe: "t".into(),
        description: String::new(),
        recipe_hash: String::new(),
        source: RecipeSource::Path,
        orchestrator: Orchestrator::Engine,
        permissions: "bypass".into(),
        repository: "/repo".into(),
        branch: None,
        commit: None,
        dirty: false,
        inputs: inputs.as_object().cloned().unwrap_or_default(),
        rehearsal: None,
        autoskillit_version: "0".into(),
    }
}

pub(super) fn outcome(ok: bool, result: Value) -> Outcome {
    Outcome {
        ok,
        label: if ok { "ok" } else { "failed" }.into(),
        summary: "as told".into(),
        result,
        retry: RetryReason::None,
        fault: None,
        usage: None,
        cut_off: false,
    }
}

/// A world whose answers depend only on step, visit and try.
pub(super) struct Told<F> {
    pub(super) answer: F,
    pub(super) calls: Mutex<HashMap<(String, u32, u32), u32>>,
}

impl<F: Fn(&Call) -> Outcome + Send + Sync> ToolHost for Told<F> {
    fn call<'a>(&'a self, call: &'a Call, _: Watch<'a>, _: StopSignal) -> Answering<'a, Outcome> {
        *self.calls.lock().unwrap().entry((call.step.clone(), call.visit, call.attempt)).or_default() += 1;
        Box::pin(std::future::ready((self.answer)(call)))
    }

    fn ask<'a>(&'a self, _: &'a Question) -> Answering<'a, Reply> {
        Box::pin(std::future::ready(Reply::Nobody))
    }

    fn can_continue(&self, _: &str, _: &Value) -> bool {
        false
    }

    fn what(&self, tool: &ToolDecl, _: &Value) -> String {
        tool.name.to_owned()
    }

    fn session_id(&self) -> String {
        "s".to_owned()
    }

    fn places(&self) -> (PathBuf, PathBuf) {
        (PathBuf::from("/repo"), PathBuf::from("/repo/run"))
    }
}

pub(super) fn told<F: Fn(&Call) -> Outcome + Send + Sync>(answer: F) -> Told<F> {
    Told { answer, calls: Mutex::default() }
}

pub(super) fn stdout(text: &str) -> Value {
    json!({ "stdout": text, "exit_code": 0 })
}

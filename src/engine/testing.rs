//! What the tests of this room share: recipes from text, and a host whose answers are given.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::event::{Entry, Event, RunEnded, RunStarted};
use super::host::{Answering, Call, Outcome, Question, Reply, ToolHost, Watch};
use super::run::entry_step;
use super::state::{Done, State};
use crate::catalog::ToolDecl;
use crate::core::stop::StopSignal;
use crate::execution::verdict::RetryReason;
use crate::recipe::check::Policy;
use crate::recipe::load::{Setting, compile_in};
use crate::recipe::model::{Orchestrator, Recipe, RecipeSource};
use crate::recipe::{AnySkill, Origin};

pub(crate) fn recipe(body: &str) -> Recipe {
    let text = format!("name: t\n{body}");
    let origin = Origin { file: "t.yaml".into(), stem: "t".into(), source: RecipeSource::Path, path: None };
    // What is set is looked at in the state, not by steps.
    let policy = Policy::of(&["dead-output=off".to_owned()], &[]).unwrap();
    compile_in(&text, &origin, &Setting { policy: &policy, ..Setting::of(&AnySkill) })
        .unwrap_or_else(|problems| panic!("{:#?}", problems.list()))
        .recipe
}

pub(super) fn entry(seq: u64, event: Event) -> Entry {
    let at = Timestamp::from_millisecond(i64::try_from(seq).unwrap() * 1000).unwrap();
    Entry { schema_version: 1, seq, at, event }
}

pub(crate) fn started(inputs: Value) -> RunStarted {
    RunStarted {
        run_id: "r".into(),
        recipe: "t".into(),
        description: String::new(),
        recipe_hash: String::new(),
        source: RecipeSource::Path,
        recipe_file: None,
        orchestrator: Orchestrator::Engine,
        permissions: "bypass".into(),
        repository: "/repo".into(),
        branch: None,
        commit: None,
        dirty: false,
        inputs: inputs.as_object().cloned().unwrap_or_default(),
        input_origins: None,
        temp_dir: None,
        env: None,
        rehearsal: None,
        autoskillit_version: "0".into(),
    }
}

pub(crate) fn outcome(ok: bool, result: Value) -> Outcome {
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
pub(crate) struct Told<F> {
    pub(crate) answer: F,
    pub(crate) calls: Mutex<HashMap<(String, u32, u32), u32>>,
}

impl<F: Fn(&Call) -> Outcome + Send + Sync> ToolHost for Told<F> {
    fn call<'a>(&'a self, call: &'a Call, _: Watch<'a>, _: StopSignal) -> Answering<'a, Outcome> {
        *self.calls.lock().unwrap().entry((call.step.clone(), call.visit, call.attempt)).or_default() += 1;
        Box::pin(std::future::ready((self.answer)(call)))
    }

    fn ask<'a>(&'a self, _: &'a Question) -> Answering<'a, Reply> {
        Box::pin(std::future::ready(Reply::Nobody))
    }

    fn wait(&self, _: std::time::Duration, _: StopSignal) -> Answering<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn written<'a>(&'a self, _: &'a Value, file: &'a str) -> Answering<'a, std::io::Result<String>> {
        Box::pin(std::future::ready(Ok(json!({ "file": file }).to_string())))
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

pub(crate) fn told<F: Fn(&Call) -> Outcome + Send + Sync>(answer: F) -> Told<F> {
    Told { answer, calls: Mutex::default() }
}

pub(super) fn stdout(text: &str) -> Value {
    json!({ "stdout": text, "exit_code": 0 })
}

/// Loops, captures, a retry, a bound, a question, an end that shows what was captured.
pub(super) const RECIPE: &str = "
ingredients: {n: {type: int, default: 3}}
steps:
  look:
    tool: run_cmd
    with: {argv: [look]}
    retries: 1
    capture: {seen: '${{ result.stdout }}'}
    capture_list: {trail: '${{ result.stdout }}'}
    max_visits: 4
    on_exceeded: spent
    on_result:
      - {when: \"result.stdout == 'done'\", route: asked}
      - {route: work}
    on_failure: work
  work: {skill: repair-tests, max_visits: '${{ inputs.n }}', on_success: look, on_failure: look, on_context_limit: work}
  asked: {action: confirm, message: sure?, default: yes, on_success: end, on_failure: spent}
  spent: {stop: {status: exhausted, message: spent}}
  end: {stop: {status: succeeded, message: 'saw ${{ context.seen }} after ${{ context.trail | length }}'}}
";

/// An answer for each call, from a table that wraps around.
pub(super) fn answers(table: Vec<u8>) -> impl Fn(&Call) -> Outcome + Send + Sync + Clone {
    move |call| {
        let spread = call.step.len() + 3 * call.visit as usize + 7 * call.attempt as usize;
        let asks = |retry| Outcome { retry, ..outcome(false, json!({})) };
        match table[spread % table.len()] % 6 {
            0 => outcome(true, stdout("done")),
            1 | 2 => outcome(true, stdout("more")),
            3 => outcome(false, stdout("broken")),
            4 => asks(RetryReason::Stale),
            _ => asks(RetryReason::Resume),
        }
    }
}

/// Everything that a run came to, without what differs between one process and two.
pub(super) fn essence(
    recipe: &Recipe,
    entries: &[Entry],
    end: &RunEnded,
) -> impl PartialEq + std::fmt::Debug + use<> {
    let state = State::fold(entries, entry_step(recipe));
    // Who answered a question differs between a driver and the engine; the answer does not.
    let done = |done: Done| (done.step, done.visit, done.attempt, done.ok, done.label);
    let done: Vec<_> = state.done.into_iter().map(done).collect();
    (state.main.context, state.main.visits, done, end.status, end.reason.clone(), end.step.clone())
}

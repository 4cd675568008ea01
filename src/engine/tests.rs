//! Whole runs against a world whose answers are given: the journal is the truth at every moment.

mod faults;
mod loops;

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::event::{Entry, Event, News, RunEnded, RunStatus};
use super::host::{Call, Outcome};
use super::journal::{self, Journal};
use super::run::{Run, entry_step};
use super::state::State;
use super::testing::{RECIPE, answers, essence, outcome, recipe, started, stdout, told};
use crate::core::redact::Redactor;
use crate::core::stop::Stop;
use crate::core::usage::Usage;
use crate::execution::verdict::RetryReason;
use crate::recipe::model::Recipe;

fn redactor() -> Redactor {
    Redactor::new([])
}

/// Drives a run whose journal holds `past` to its end. Gives the journal and the end.
fn drive(
    recipe: &Recipe,
    past: &[Entry],
    answer: impl Fn(&Call) -> Outcome + Send + Sync,
) -> (Vec<Entry>, RunEnded, Vec<u32>) {
    // Thousands of synced entries: memory where the system has it, the disk elsewhere.
    let shared = std::path::Path::new("/dev/shm");
    let dir = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() }.unwrap();
    let path = dir.path().join("journal.ndjson");
    let mut lines = String::new();
    for entry in past {
        lines.push_str(&serde_json::to_string(entry).unwrap());
        lines.push('\n');
    }
    let (journal, opening) = if past.is_empty() {
        (Journal::create(&path, redactor()).unwrap(), Event::RunStarted(started(json!({ "n": 3 }))))
    } else {
        std::fs::write(&path, lines).unwrap();
        let (journal, read) = Journal::reopen(&path, redactor()).unwrap();
        assert_eq!(read, past);
        (journal, Event::RunResumed { step: String::new(), note: String::new(), autoskillit_version: None })
    };
    let host = told(answer);
    let (_wish, stop) = tokio::sync::watch::channel(Stop::No);
    let news = Mutex::new(past.to_vec());
    let watch = |item: &News| {
        if let News::Entry(entry) = item {
            news.lock().unwrap().push(entry.clone());
        }
    };
    let state = State::fold(past, entry_step(recipe));
    let seconds = AtomicI64::new(0);
    let now = || Timestamp::from_second(seconds.fetch_add(1, Ordering::Relaxed)).unwrap();
    let mut run = Run { recipe, host: &host, journal, state, watch: &watch, stop, now: &now };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let end = runtime.block_on(run.cook(opening)).unwrap();
    let live = run.state.clone();
    let written = journal::read(&path).unwrap();
    assert_eq!(written, *news.lock().unwrap(), "what is told is what is written");
    assert_eq!(State::fold(&written, entry_step(recipe)), live, "the fold is the live state");
    let calls = host.calls.into_inner().unwrap().into_values().collect();
    (written, end, calls)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_run_cut_off_anywhere_and_resumed_comes_to_the_same_end(table in proptest::collection::vec(any::<u8>(), 1..9)) {
        let recipe = recipe(RECIPE);
        let answer = answers(table);
        let (whole, end, calls) = drive(&recipe, &[], answer.clone());
        prop_assert!(calls.iter().all(|count| *count == 1), "each try is made once");
        let expected = essence(&recipe, &whole, &end);
        let visits = State::fold(&whole, "look").main.visits;
        prop_assert!(visits["look"] <= 4 && visits.get("work").is_none_or(|visits| *visits <= 3));
        // Not after the last entry: that run is over.
        for cut in 1..whole.len() {
            let completed = |entries: &[Entry]| entries.iter().filter(|entry| matches!(entry.event, Event::StepEnded { .. })).count();
            let (resumed, end, _) = drive(&recipe, &whole[..cut], answer.clone());
            prop_assert_eq!(&essence(&recipe, &resumed, &end), &expected);
            prop_assert_eq!(completed(&resumed), completed(&whole), "no completed step runs twice");
        }
    }
}

#[test]
fn an_entry_that_comes_twice_counts_once() {
    let recipe = recipe(RECIPE);
    let (entries, ..) = drive(&recipe, &[], answers(vec![1, 0]));
    let doubled: Vec<Entry> = entries.iter().flat_map(|entry| [entry.clone(), entry.clone()]).collect();
    assert_eq!(State::fold(&doubled, "look"), State::fold(&entries, "look"));
}

#[test]
fn a_question_that_nobody_answers_stops_the_run_resumably() {
    let recipe =
        recipe("steps:\n  ask: {action: confirm, message: sure?, on_success: done, on_failure: done}\n");
    let (_, end, _) = drive(&recipe, &[], answers(vec![0]));
    assert_eq!((end.status, end.resumable), (RunStatus::Stopped, true));
}

#[test]
fn a_failed_end_by_the_engine_can_be_taken_up_and_a_stop_cannot() {
    let recipe = recipe(
        "steps:\n  a: {tool: run_cmd, with: {argv: [a]}, on_success: end}\n  end: {stop: {status: failed, message: no}}\n",
    );
    let (entries, end, _) = drive(&recipe, &[], |_| outcome(false, stdout("")));
    assert_eq!((end.status, end.resumable), (RunStatus::Failed, true));
    let (entries, end, _) = drive(&recipe, &entries, |_| outcome(true, stdout("")));
    assert_eq!((end.reason.as_str(), end.resumable), ("no", false));
    assert!(!State::fold(&entries, "a").resumable());
}

#[test]
fn taking_up_a_failed_step_spends_no_visit() {
    let recipe = recipe("steps:\n  a: {tool: run_cmd, with: {argv: [a]}, max_visits: 1, on_success: done}\n");
    let fault =
        |_: &Call| Outcome { fault: Some(super::event::Fault::Service), ..outcome(false, stdout("")) };
    let (entries, end, _) = drive(&recipe, &[], fault);
    assert_eq!((end.status, end.resumable), (RunStatus::Failed, true));
    let (entries, end, _) = drive(&recipe, &entries, fault);
    assert_eq!((end.status, end.resumable), (RunStatus::Failed, true), "as often as it takes");
    let (entries, end, _) = drive(&recipe, &entries, |_| outcome(true, stdout("")));
    assert_eq!(end.status, RunStatus::Succeeded);
    let done: Vec<_> =
        State::fold(&entries, "a").done.iter().map(|done| (done.visit, done.attempt, done.ok)).collect();
    assert_eq!(done, [(1, 1, false), (1, 2, false), (1, 3, true)]);
}

#[test]
fn each_try_knows_what_earlier_ones_of_its_visit_cost() {
    let recipe = recipe(
        "steps:\n  work: {skill: repair-tests, retries: 2, max_visits: 2, on_exceeded: end, on_success: work, on_failure: work}\n  end: {stop: {status: failed, message: over}}\n",
    );
    let seen = Mutex::new(Vec::new());
    let costs = |cut: bool| {
        let seen = &seen;
        move |call: &Call| {
            seen.lock().unwrap().push((call.visit, call.attempt, call.spent));
            Outcome {
                retry: RetryReason::Stale,
                usage: Some(Usage { cost_usd: 0.5, ..Usage::default() }),
                cut_off: cut && (call.visit, call.attempt) == (2, 1),
                ..outcome(false, json!({}))
            }
        }
    };
    let (past, end, _) = drive(&recipe, &[], costs(true));
    assert_eq!(end.status, RunStatus::Stopped);
    drive(&recipe, &past, costs(false));
    // The second visit begins anew; its first try was cut off and is made again.
    let expected =
        [(1, 1, 0.0), (1, 2, 0.5), (1, 3, 1.0), (2, 1, 0.0), (2, 1, 0.5), (2, 2, 1.0), (2, 3, 1.5)];
    assert_eq!(*seen.lock().unwrap(), expected);
}

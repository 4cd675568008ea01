//! A run that is steered comes to where the engine alone would have brought it, whatever else its driver tries.

mod judged; // what the engine alone cannot decide

use std::sync::{Arc, Mutex};

use indexmap::IndexMap;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;
use tokio::sync::{Notify, watch};

use super::{Driver, Refusal, Standing, Upcoming, Wheel, wheel};
use crate::core::redact::Redactor;
use crate::core::stop::Stop;
use crate::core::usage::Usage;
use crate::engine::event::{Entry, Event, Live, News, RunEnded, RunStatus};
use crate::engine::host::{Answering, Call, Outcome, Question, Reply, StopSignal, ToolHost, Watch};
use crate::engine::journal::Journal;
use crate::engine::run::{Run, entry_step};
use crate::engine::state::State;
use crate::engine::testing::{RECIPE, answers, essence, outcome, recipe, started, stdout, told};
use crate::recipe::model::Recipe;

/// Steers a run with `host` and lets `drive` hold its wheel; gives the journal and the end.
fn steer<F: Future<Output = ()>>(
    recipe: &Recipe,
    host: &dyn ToolHost,
    driver: Driver,
    drive: impl FnOnce(Wheel, watch::Sender<Stop>) -> F,
) -> (Vec<Entry>, RunEnded) {
    let opening = Event::RunStarted(started(json!({ "n": 3 })));
    steer_on(recipe, host, driver, (Vec::new(), opening), drive)
}

/// The same for a run whose journal has entries already; gives those with the new ones.
fn steer_on<F: Future<Output = ()>>(
    recipe: &Recipe,
    host: &dyn ToolHost,
    driver: Driver,
    (past, opening): (Vec<Entry>, Event),
    drive: impl FnOnce(Wheel, watch::Sender<Stop>) -> F,
) -> (Vec<Entry>, RunEnded) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("j");
    let lines: String = past.iter().map(|entry| format!("{}\n", json!(entry))).collect();
    let journal = match past.is_empty() {
        true => Journal::create(&path, Redactor::new([])).unwrap(),
        false => {
            std::fs::write(&path, lines).unwrap();
            Journal::reopen(&path, Redactor::new([])).unwrap().0
        }
    };
    let (wish, stop) = watch::channel(Stop::No);
    let state = State::fold(&past, entry_step(recipe));
    let entries = Mutex::new(past);
    let watch = |news: &News| {
        if let News::Entry(entry) = news {
            entries.lock().unwrap().push(entry.clone());
        }
    };
    let mut run = Run { recipe, host, journal, state, watch: &watch, stop, now: &|| Timestamp::UNIX_EPOCH };
    let (wheel, ear) = wheel("r", "t");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let end = runtime.block_on(async {
        let driving = drive(wheel, wish);
        tokio::join!(run.steer(opening, ear, driver), driving).0.unwrap()
    });
    assert_eq!(
        State::fold(&entries.lock().unwrap()[..], entry_step(recipe)),
        run.state,
        "the fold is the live state"
    );
    (entries.into_inner().unwrap(), end)
}

/// What an obedient driver does next; `None` at the end.
async fn obey(wheel: &Wheel) -> Option<Result<Arc<Standing>, Refusal>> {
    Some(match &wheel.ready().await.next {
        Upcoming::Call { step_name, tool, .. } => wheel.call(step_name, tool).await,
        Upcoming::Ask { step_name, default, .. } => {
            wheel.answer(step_name, default.as_deref().unwrap_or("yes")).await
        }
        Upcoming::Wait { step_name, tool } => wheel.call(step_name, tool).await,
        Upcoming::Choose(_) => panic!("nothing in these recipes is to be judged"),
        Upcoming::Over { .. } => return None,
    })
}

/// Where the engine alone comes to.
fn cooked(recipe: &Recipe, answer: impl Fn(&Call) -> Outcome + Send + Sync) -> (Vec<Entry>, RunEnded) {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::create(&dir.path().join("j"), Redactor::new([])).unwrap();
    let (_wish, stop) = watch::channel(Stop::No);
    let (host, entries) = (told(answer), Mutex::new(Vec::new()));
    let watch = |news: &News| {
        if let News::Entry(entry) = news {
            entries.lock().unwrap().push(entry.clone());
        }
    };
    let state = State::default();
    let mut run =
        Run { recipe, host: &host, journal, state, watch: &watch, stop, now: &|| Timestamp::UNIX_EPOCH };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let end = runtime.block_on(run.cook(Event::RunStarted(started(json!({ "n": 3 }))))).unwrap();
    (entries.into_inner().unwrap(), end)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_driver_brings_a_run_where_the_engine_would_whatever_else_it_tries(
        table in proptest::collection::vec(any::<u8>(), 1..9),
        tries in proptest::collection::vec((0..5usize, 0..3usize, any::<bool>()), 0..24),
    ) {
        let recipe = recipe(RECIPE);
        let (whole, end) = cooked(&recipe, answers(table.clone()));
        let host = told(answers(table));
        let mut tries = tries.into_iter();
        let (steered, steered_end) = steer(&recipe, &host, Driver::Client, |wheel, _| async move {
            loop {
                // Something that may not be due, and then what is.
                if let Some((step, tool, ask)) = tries.next() {
                    let step = ["look", "work", "asked", "end", "nowhere"][step];
                    let standing = wheel.ready().await;
                    let tool = ["run_cmd", "run_skill", "test_check"][tool];
                    let due = match &standing.next {
                        Upcoming::Call { step_name, tool: right, .. } => !ask && step == step_name && tool == right,
                        Upcoming::Ask { step_name, .. } => ask && step == step_name,
                        _ => false,
                    };
                    if !due {
                        let refused = if ask { wheel.answer(step, "yes").await } else { wheel.call(step, tool).await };
                        assert!(refused.is_err(), "{step} {tool} is not due in {standing:?}");
                        assert_eq!(wheel.standing(), standing, "a refused call changes nothing");
                    }
                }
                if obey(&wheel).await.is_none() {
                    break;
                }
            }
        });
        prop_assert_eq!(essence(&recipe, &steered, &steered_end), essence(&recipe, &whole, &end));
    }
}

const TWO: &str = "
steps:
  first: {tool: run_cmd, with: {argv: [first]}, capture: {seen: '${{ result.stdout }}'}, on_success: choose}
  choose: {action: route, on_result: [{when: \"context.seen == 'x'\", route: second}, {route: done}]}
  second: {description: The second, note: Mind the gap, tool: test_check, with: {command: 'run ${{ context.seen }}'}, on_success: done}
";

#[test]
fn an_answer_tells_what_came_of_the_call_what_happened_since_and_what_is_due() {
    let recipe = recipe(TWO);
    let host = told(|_: &Call| outcome(true, stdout("x")));
    let answers = Mutex::new(Vec::new());
    let kept = &answers;
    steer(&recipe, &host, Driver::Client, |wheel, _| async move {
        while let Some(answer) = obey(&wheel).await {
            kept.lock().unwrap().push(answer.unwrap());
        }
        let late = wheel.call("second", "test_check").await.unwrap_err();
        assert_eq!((late.code, late.why.contains("call no more tools")), ("over", true));
    });
    insta::assert_json_snapshot!(answers.into_inner().unwrap());
}

/// A world in which a call takes until it is told to end.
struct Slow(Notify);

/// What its session is seen to use.
const SEEN: Usage = Usage { input: 3, output: 4, ..ZERO };
const ZERO: Usage = Usage { input: 0, output: 0, cache_read: 0, cache_write: 0, turns: 0, cost_usd: 0.0 };

/// Until when it says, again and again, that it waits.
fn later(seconds: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(4_000_000_000 + seconds).unwrap()
}

impl ToolHost for Slow {
    fn call<'a>(&'a self, call: &'a Call, watch: Watch<'a>, mut stop: StopSignal) -> Answering<'a, Outcome> {
        Box::pin(async move {
            let step = call.step.clone();
            watch(Live::Used { step: step.clone(), usage: SEEN });
            for (why, until) in [("a", Some(0)), ("a, still", Some(2)), ("b", None), ("c", Some(600))] {
                let (step, until) = (step.clone(), until.map(later));
                watch(Live::Waiting { step, why: why.to_owned(), until });
            }
            tokio::select! {
                () = self.0.notified() => outcome(true, stdout("x")),
                _ = crate::core::stop::more_urgent(&mut stop, Stop::No) => {
                    // It takes its time to end.
                    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
                    Outcome { cut_off: true, ..outcome(false, json!({})) }
                }
            }
        })
    }

    fn ask<'a>(&'a self, _: &'a Question) -> Answering<'a, Reply> {
        Box::pin(std::future::ready(Reply::Nobody))
    }

    fn wait(&self, _: std::time::Duration, _: StopSignal) -> Answering<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn written<'a>(&'a self, _: &'a serde_json::Value, _: &'a str) -> Answering<'a, std::io::Result<String>> {
        Box::pin(std::future::ready(Err(std::io::ErrorKind::NotFound.into())))
    }

    fn can_continue(&self, _: &str, _: &serde_json::Value) -> bool {
        false
    }

    fn what(&self, tool: &crate::catalog::ToolDecl, _: &serde_json::Value) -> String {
        tool.name.to_owned()
    }

    fn session_id(&self) -> String {
        "s".to_owned()
    }

    fn places(&self) -> (std::path::PathBuf, std::path::PathBuf) {
        ("/repo".into(), "/repo/run".into())
    }
}

#[test]
fn a_call_that_is_made_again_joins_the_one_at_work_and_others_wait_their_turn() {
    let recipe = recipe(TWO);
    let host = Slow(Notify::new());
    let slow = &host;
    let (entries, _) = steer(&recipe, &host, Driver::Client, |wheel, wish| async move {
        wheel.ready().await;
        let (again, other) = (wheel.clone(), wheel.clone());
        let (first, second, busy, ()) = tokio::join!(
            wheel.call("first", "run_cmd"),
            async move { again.call("first", "run_cmd").await },
            async move { other.call("second", "test_check").await },
            async {
                // When all three have asked.
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                slow.0.notify_one();
            },
        );
        assert_eq!(first.unwrap(), second.unwrap());
        assert_eq!(busy.unwrap_err().code, "busy");
        wish.send_replace(Stop::Gently);
    });
    let calls = entries.iter().filter(|entry| matches!(entry.event, Event::StepStarted { .. })).count();
    assert_eq!(calls, 1, "one call, however often it is asked for");
    let waits: Vec<_> = entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Waiting { step, why, until } => Some((step.as_deref(), why.as_str(), *until)),
            _ => None,
        })
        .collect();
    assert_eq!(
        waits,
        [(Some("first"), "a", later(0)), (Some("first"), "c", later(600))],
        "a wait for a known moment is written down once"
    );
}

#[test]
fn a_stopped_run_of_a_client_does_not_wait_for_its_call_and_one_of_a_session_does() {
    for (driver, waits) in [(Driver::Client, false), (Driver::Session, true)] {
        let recipe = recipe(TWO);
        let host = Slow(Notify::new());
        let took = Mutex::new(std::time::Duration::ZERO);
        let kept = &took;
        let (entries, end) = steer(&recipe, &host, driver, |wheel, wish| async move {
            wheel.ready().await;
            let began = tokio::time::Instant::now();
            let (answer, ()) = tokio::join!(wheel.call("first", "run_cmd"), async {
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                wish.send_replace(Stop::Gently);
            });
            assert!(matches!(answer.unwrap().next, Upcoming::Over { .. }));
            *kept.lock().unwrap() = began.elapsed();
        });
        assert_eq!(
            (end.status, end.resumable, end.step.as_deref()),
            (RunStatus::Stopped, true, Some("first"))
        );
        assert_eq!(took.into_inner().unwrap().as_secs() >= 5, waits, "{driver:?}");
        let used = State::fold(&entries, "first").usage;
        assert_eq!(used == SEEN, driver == Driver::Client, "what was let go of had used something: {used:?}");
    }
}

#[test]
fn the_last_word_of_a_session_is_in_the_journal_before_the_end_of_the_run() {
    let recipe = recipe("steps:\n  only: {tool: run_cmd, with: {argv: [a]}, on_success: done}\n");
    let host = told(|_: &Call| outcome(true, stdout("")));
    let usage = Usage { input: 7, turns: 1, ..Usage::default() };
    let (entries, end) = steer(&recipe, &host, Driver::Session, |wheel, _| async move {
        wheel.began("s1".into(), 1).await;
        while let Some(answer) = obey(&wheel).await {
            answer.unwrap();
        }
        wheel.left("s1".into(), "success".into(), "All done.".into(), usage, IndexMap::new()).await;
    });
    assert_eq!(end.status, RunStatus::Succeeded);
    let state = State::fold(&entries, "only");
    assert_eq!((state.usage, state.orchestration, state.orchestrators), (usage, usage, 1));
    let last: Vec<_> = entries.iter().rev().take(2).map(|entry| &entry.event).collect();
    assert!(matches!(last[..], [Event::RunEnded(_), Event::OrchestratorEnded { .. }]), "{last:?}");
}

//! Loops, `finally`, waits and questions, over whole runs.

use std::sync::Mutex;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{drive, redactor};
use crate::core::stop::{Stop, StopSignal};
use crate::engine::event::{Entry, Event, RunEnded, RunStatus};
use crate::engine::host::{Answering, Call, Outcome, Question, Reply, ToolHost, Watch};
use crate::engine::journal::Journal;
use crate::engine::run::{Run, entry_step};
use crate::engine::state::State;
use crate::engine::testing::{outcome, recipe, started, stdout};
use crate::execution::verdict::RetryReason;
use crate::recipe::model::Recipe;

/// A parallel loop with a loop in it, retries, a poll, a list that is collected, and steps that run on every exit.
pub(super) const NESTED: &str = "
ingredients: {n: {type: int, default: 3}}
language: 1
steps:
  all:
    for_each: [a, b, c]
    as: part
    mode: parallel
    max_parallel: 2
    on_item_failure: continue
    collect: {made: '${{ context.out }}', parts: '${{ item.part }}'}
    capture: {made: '${{ result.made }}', bad: '${{ result.failed }}'}
    on_success: check
    steps:
      make:
        tool: run_cmd
        with: {argv: [make, '${{ item.part }}']}
        retries: 1
        capture: {out: '${{ item.part }}-${{ result.stdout }}'}
        on_success: each
        on_failure: escalate
      each:
        for_each: ['1', '2']
        as: number
        on_success: done
        steps:
          work: {skill: repair-tests, on_success: done, on_failure: again, max_visits: 2}
          again: {tool: run_cmd, with: {argv: ['${{ item.part }}${{ item.number }}']}, on_success: work, on_failure: escalate}
  check:
    tool: run_cmd
    with: {argv: [check]}
    poll: {every: 10s, for: 1m, until: \"result.stdout == 'done'\"}
    on_success: end
    on_failure: end
  end: {stop: {status: succeeded, message: 'made ${{ context.made }}, ${{ context.bad }} bad'}}
finally:
  tidy: {tool: run_cmd, with: {argv: [tidy, '${{ run.status }}']}, on_success: told, on_failure: told}
  told: {tool: run_cmd, with: {argv: [tell]}, on_success: done}
";

/// An answer that depends on what is called, from a table that wraps around.
pub(super) fn spread(table: Vec<u8>) -> impl Fn(&Call) -> Outcome + Send + Sync + Clone {
    move |call| {
        let sum: usize = call.step.bytes().map(usize::from).sum();
        let at = sum + 3 * call.visit as usize + 7 * call.attempt as usize;
        let asks = |retry| Outcome { retry, ..outcome(false, json!({})) };
        match table[at % table.len()] % 6 {
            0 | 1 => outcome(true, stdout("done")),
            2 => outcome(true, stdout("more")),
            3 => outcome(false, stdout("broken")),
            4 => asks(RetryReason::Stale),
            _ => asks(RetryReason::Resume),
        }
    }
}

/// What a run came to, whatever the order of what ran side by side.
pub(super) fn came_to(
    recipe: &Recipe,
    entries: &[Entry],
    end: &RunEnded,
) -> impl PartialEq + std::fmt::Debug + use<> {
    let state = State::fold(entries, entry_step(recipe));
    let mut done: Vec<_> = state
        .done
        .iter()
        .map(|done| format!("{}#{}.{} {}", done.step, done.visit, done.attempt, done.ok))
        .collect();
    done.sort();
    (state.main.context, state.main.visits, done, end.status, end.reason.clone(), end.step.clone())
}

pub(super) fn times(entries: &[Entry], wanted: impl Fn(&Event) -> bool) -> usize {
    entries.iter().filter(|entry| wanted(&entry.event)).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5))]

    #[test]
    fn loops_cut_off_anywhere_come_to_the_same_end(table in proptest::collection::vec(any::<u8>(), 1..9)) {
        let recipe = recipe(NESTED);
        let answer = spread(table);
        let (whole, end, _) = drive(&recipe, &[], answer.clone());
        prop_assert_ne!(end.status, RunStatus::Crashed, "{}", end.reason);
        let expected = came_to(&recipe, &whole, &end);
        prop_assert_eq!(times(&whole, |event| matches!(event, Event::FinallyStarted { .. })), 1);
        for cut in 1..whole.len() {
            let (resumed, end, _) = drive(&recipe, &whole[..cut], answer.clone());
            prop_assert_eq!(&came_to(&recipe, &resumed, &end), &expected, "cut after {} entries", cut);
            let tidied = |event: &Event| matches!(event, Event::StepEnded { step, .. } if step == "finally:tidy");
            prop_assert_eq!(times(&resumed, tidied), 1, "what runs on every exit runs once");
        }
    }
}

fn ends(body: &str, answer: impl Fn(&Call) -> Outcome + Send + Sync) -> (Vec<Entry>, RunEnded) {
    let (entries, end, _) = drive(&recipe(body), &[], answer);
    (entries, end)
}

fn context(entries: &[Entry]) -> Value {
    Value::Object(State::fold(entries, "").main.context)
}

const PARTS: &str = "language: 1
steps:
  all:
    for_each: [a, b, c]
    MORE
    collect: {said: '${{ context.said }}'}
    capture: {said: '${{ result.said }}', count: '${{ result.count }}', failures: '${{ result.failures }}'}
    on_success: done
    on_failure: spoiled
    steps:
      one:
        tool: run_cmd
        with: {argv: ['${{ item.item }}', '${{ item.item_index }}']}
        capture: {said: '${{ item.item }}:${{ result.stdout }}'}
        on_success: done
  spoiled: {stop: {status: failed, message: spoiled}}
";

fn but_b(call: &Call) -> Outcome {
    outcome(call.params["argv"][0] != json!("b"), stdout("x"))
}

#[test]
fn a_failing_item_ends_its_loop_unless_the_recipe_goes_on() {
    let (entries, end) = ends(&PARTS.replace("MORE", "mode: sequential"), but_b);
    assert_eq!((end.status, end.reason.as_str()), (RunStatus::Failed, "spoiled"));
    assert_eq!(
        times(&entries, |event| matches!(event, Event::ItemStarted { .. })),
        2,
        "no further item starts"
    );

    let (entries, end) = ends(&PARTS.replace("MORE", "on_item_failure: continue"), but_b);
    assert_eq!(end.status, RunStatus::Succeeded);
    let context = context(&entries);
    assert_eq!((&context["said"], &context["count"]), (&json!(["a:x", "c:x"]), &json!(3)));
    let failure = &context["failures"][0];
    assert_eq!(
        (&failure["index"], &failure["item"], &failure["status"]),
        (&json!(1), &json!("b"), &json!("failed"))
    );
}

#[test]
fn a_loop_that_is_tried_again_keeps_what_is_done() {
    let recipe = recipe(&PARTS.replace("MORE", "mode: sequential").replace("    on_failure: spoiled\n", ""));
    let (entries, end, _) = drive(&recipe, &[], but_b);
    assert_eq!((end.status, end.resumable), (RunStatus::Failed, true));
    let calls = Mutex::new(Vec::new());
    let (entries, end, _) = drive(&recipe, &entries, |call| {
        calls.lock().unwrap().push(call.step.clone());
        outcome(true, stdout("y"))
    });
    assert_eq!(end.status, RunStatus::Succeeded);
    assert_eq!(calls.into_inner().unwrap(), ["all#2[1].one", "all#2[2].one"]);
    assert_eq!(context(&entries)["said"], json!(["a:x", "b:y", "c:y"]));
}

#[test]
fn no_items_are_done_at_once_and_what_is_no_list_is_said() {
    let body = PARTS.replace("MORE", "mode: parallel");
    let (entries, end) = ends(&body.replace("[a, b, c]", "[]"), but_b);
    assert_eq!((end.status, &context(&entries)["said"]), (RunStatus::Succeeded, &json!([])));
    let no_list = body
        .replace("[a, b, c]", "'${{ context.list }}'")
        .replace("steps:\n  all:", "steps:\n  list: {tool: run_cmd, with: {argv: [x]}, outputs_from: json, capture: {list: '${{ result.list }}'}, on_success: all}\n  all:");
    let (_, end) = ends(&no_list, |_| outcome(true, stdout("{\"list\": {\"a\": 1}}")));
    assert_eq!(end.status, RunStatus::Failed);
    assert!(end.reason.contains("`for_each` of `all`") && end.reason.contains("list"), "{}", end.reason);
}

/// Items side by side: one fails when the others are at work; they end when they are told to.
struct Together {
    told: Mutex<Vec<String>>,
    begun: tokio::sync::Barrier,
}

impl ToolHost for Together {
    fn call<'a>(&'a self, call: &'a Call, _: Watch<'a>, mut stop: StopSignal) -> Answering<'a, Outcome> {
        Box::pin(async move {
            self.begun.wait().await;
            if call.params["argv"][0] == json!("b") {
                return outcome(false, stdout("no"));
            }
            crate::core::stop::more_urgent(&mut stop, Stop::No).await;
            self.told.lock().unwrap().push(call.step.clone());
            Outcome { cut_off: true, ..outcome(false, json!({})) }
        })
    }

    fn ask<'a>(&'a self, _: &'a Question) -> Answering<'a, Reply> {
        Box::pin(std::future::ready(Reply::Nobody))
    }

    fn wait(&self, _: Duration, _: StopSignal) -> Answering<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn written<'a>(&'a self, _: &'a Value, _: &'a str) -> Answering<'a, std::io::Result<String>> {
        Box::pin(std::future::ready(Ok(String::new())))
    }

    fn can_continue(&self, _: &str, _: &Value) -> bool {
        false
    }

    fn what(&self, tool: &crate::catalog::ToolDecl, _: &Value) -> String {
        tool.name.to_owned()
    }

    fn session_id(&self) -> String {
        "s".to_owned()
    }

    fn places(&self) -> (std::path::PathBuf, std::path::PathBuf) {
        ("/repo".into(), "/repo/run".into())
    }
}

/// Drives a fresh run against a host.
fn against(recipe: &Recipe, host: &dyn ToolHost, stop: StopSignal) -> (Vec<Entry>, RunEnded, State) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("j");
    let journal = Journal::create(&path, redactor()).unwrap();
    let mut run = Run {
        recipe,
        host,
        journal,
        state: State::default(),
        watch: &|_| (),
        stop,
        now: &|| jiff::Timestamp::UNIX_EPOCH,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let end = runtime.block_on(run.cook(Event::RunStarted(started(json!({}))))).unwrap();
    let entries = crate::engine::journal::read(&path).unwrap();
    assert_eq!(State::fold(&entries, entry_step(recipe)), run.state, "the fold is the live state");
    (entries, end, run.state)
}

#[test]
fn siblings_of_a_failed_item_are_told_to_end() {
    let recipe = recipe(&PARTS.replace("MORE", "mode: parallel"));
    let host = Together { told: Mutex::default(), begun: tokio::sync::Barrier::new(3) };
    let (_wish, stop) = watch::channel(Stop::No);
    let (entries, end, _) = against(&recipe, &host, stop);
    assert_eq!((end.status, end.reason.as_str()), (RunStatus::Failed, "spoiled"));
    let mut told = host.told.into_inner().unwrap();
    told.sort();
    assert_eq!(told, ["all[0].one", "all[2].one"]);
    let stopped =
        |event: &Event| matches!(event, Event::ItemEnded { end, .. } if end.status == RunStatus::Stopped);
    assert_eq!(times(&entries, stopped), 2);
}

#[test]
fn a_run_that_is_stopped_in_a_loop_goes_on_with_all_that_was_at_work() {
    let recipe = recipe(&PARTS.replace("MORE", "mode: parallel"));
    struct Stopping(watch::Sender<Stop>, Together);
    let (wish, stop) = watch::channel(Stop::No);
    let host = Stopping(wish, Together { told: Mutex::default(), begun: tokio::sync::Barrier::new(1) });
    impl ToolHost for Stopping {
        fn call<'a>(&'a self, call: &'a Call, watch: Watch<'a>, stop: StopSignal) -> Answering<'a, Outcome> {
            if call.params["argv"][0] == json!("c") {
                self.0.send_replace(Stop::Gently);
            }
            let mut call = call.clone();
            call.params["argv"][0] = json!("any");
            Box::pin(async move { self.1.call(&call, watch, stop).await })
        }
        fn ask<'a>(&'a self, question: &'a Question) -> Answering<'a, Reply> {
            self.1.ask(question)
        }
        fn wait(&self, time: Duration, stop: StopSignal) -> Answering<'_, ()> {
            self.1.wait(time, stop)
        }
        fn written<'a>(&'a self, params: &'a Value, file: &'a str) -> Answering<'a, std::io::Result<String>> {
            self.1.written(params, file)
        }
        fn can_continue(&self, _: &str, _: &Value) -> bool {
            false
        }
        fn what(&self, tool: &crate::catalog::ToolDecl, params: &Value) -> String {
            self.1.what(tool, params)
        }
        fn session_id(&self) -> String {
            self.1.session_id()
        }
        fn places(&self) -> (std::path::PathBuf, std::path::PathBuf) {
            self.1.places()
        }
    }
    let (entries, end, _) = against(&recipe, &host, stop);
    assert_eq!((end.status, end.resumable), (RunStatus::Stopped, true));
    let calls = Mutex::new(Vec::new());
    let (_, end, _) = drive(&recipe, &entries, |call| {
        calls.lock().unwrap().push(call.step.clone());
        outcome(true, stdout("y"))
    });
    assert_eq!(end.status, RunStatus::Succeeded, "{}", end.reason);
    assert_eq!(calls.into_inner().unwrap(), ["all[0].one", "all[1].one", "all[2].one"]);
}

#[test]
fn a_call_is_repeated_until_what_it_waits_for_holds() {
    let body = "language: 1\nsteps:\n  wait:\n    tool: run_cmd\n    with: {argv: [state]}\n    outputs_from: json\n    poll: {every: 10s, for: 30s, until: \"result.state == 'done'\"}\n    on_success: done\n    on_failure: late\n  late: {stop: {status: exhausted, message: late}}\n";
    let calls = Mutex::new(0);
    let (entries, end) = ends(body, |_| {
        *calls.lock().unwrap() += 1;
        let state = if *calls.lock().unwrap() < 3 { "busy" } else { "done" };
        outcome(true, stdout(&json!({ "state": state }).to_string()))
    });
    assert_eq!((end.status, *calls.lock().unwrap()), (RunStatus::Succeeded, 3));
    assert_eq!(times(&entries, |event| matches!(event, Event::StepStarted { .. })), 1, "it is one try");
    assert_eq!(times(&entries, |event| matches!(event, Event::Waiting { .. })), 2);
}

#[test]
fn a_failure_that_stays_the_same_whatever_is_done_ends_the_loop() {
    let body = "language: 1\nsteps:\n  test: {tool: test_check, max_visits: 20, on_success: done, on_failure: repair}\n  repair: {skill: repair-tests, on_success: test}\n";
    let answer = |call: &Call| match call.step.as_str() {
        "test" => outcome(false, stdout(&format!("3 failed in 0.{}s", call.visit))),
        _ => outcome(true, json!({})),
    };
    let (entries, end) = ends(body, answer);
    assert_eq!(end.status, RunStatus::Exhausted);
    assert!(end.reason.contains("4 times in the same way"), "{}", end.reason);
    let tests = |event: &Event| matches!(event, Event::StepEnded { step, .. } if step == "test");
    assert_eq!(times(&entries, tests), 4);
    // What changes is no repetition, and neither is waiting.
    let changing = |call: &Call| match call.step.as_str() {
        "test" => outcome(false, stdout(["a", "b"][call.visit as usize % 2])),
        _ => outcome(true, json!({})),
    };
    let (entries, _) = ends(body, changing);
    assert_eq!(times(&entries, tests), 20);
    let waiting = body.replace("skill: repair-tests", "tool: run_cmd, with: {argv: [sleep]}");
    assert_eq!(times(&ends(&waiting, answer).0, tests), 20);
    let unbounded = format!("limits: {{same_failure: 0}}\n{body}");
    assert_eq!(times(&ends(&unbounded, answer).0, tests), 20);
}

#[test]
fn what_runs_on_every_exit_sees_how_the_run_ended() {
    let body = "language: 1\nsteps:\n  work: {tool: run_cmd, with: {argv: [work]}, on_success: done}\nfinally:\n  clean: {tool: run_cmd, with: {argv: ['${{ run.status }}', '${{ run.ended_at }}']}, on_success: done}\n";
    for (ok, status) in [(true, "succeeded"), (false, "failed")] {
        let seen = Mutex::new(Vec::new());
        let (_, end) = ends(body, |call| {
            seen.lock().unwrap().push(call.params["argv"].clone());
            outcome(ok, stdout(""))
        });
        assert_eq!(seen.into_inner().unwrap()[1], json!([status, "work"]));
        assert_eq!(end.reason.contains("`finally` did not succeed"), !ok, "{}", end.reason);
    }
}

#[test]
fn an_answer_chooses_its_route() {
    let body = "language: 1\nsteps:\n  ask:\n    action: confirm\n    message: ship?\n    options: {ship: yes_it, hold: done, drop: escalate}\n    default: DEFAULT\n  yes_it: {stop: {status: succeeded, message: shipped}}\n";
    for (default, status, reason) in [
        ("ship", RunStatus::Succeeded, "shipped"),
        ("hold", RunStatus::Succeeded, "the answer is `hold`"),
        ("drop", RunStatus::Failed, "the answer is `drop`"),
    ] {
        let (_, end) = ends(&body.replace("DEFAULT", default), but_b);
        assert_eq!((end.status, end.reason.as_str()), (status, reason));
    }
}

#[test]
fn a_policy_says_which_failures_are_tried_again_and_how_soon() {
    let body = "language: 1\nsteps:\n  work:\n    skill: repair-tests\n    retry: {max: 3, on: [stale, empty_output], backoff: {first: 10s, factor: 3, most: 60s}}\n    on_success: done\n    on_failure: end\n  end: {stop: {status: failed, message: failed}}\n";
    let asks = |retry| move |_: &Call| Outcome { retry, ..outcome(false, json!({})) };
    let (entries, _) = ends(body, asks(RetryReason::EmptyOutput));
    let waits: Vec<u64> = entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::StepEnded { backoff_ms, .. } if *backoff_ms > 0 => Some(*backoff_ms / 1000),
            _ => None,
        })
        .collect();
    assert_eq!(waits, [10, 30, 60]);
    assert_eq!(times(&entries, |event| matches!(event, Event::Waiting { .. })), 3);
    let (entries, _) = ends(body, asks(RetryReason::ZeroWrites));
    assert_eq!(times(&entries, |event| matches!(event, Event::StepStarted { .. })), 1);
}

#[test]
fn a_loop_that_is_gone_through_once_more_has_other_steps() {
    let body = "language: 1
steps:
  all:
    for_each: [a, b]
    on_success: again
    steps:
      each:
        for_each: [x]
        on_success: done
        steps:
          one: {tool: run_cmd, with: {argv: ['${{ item.item }}']}, on_success: done}
  again: {tool: run_cmd, with: {argv: [again]}, max_visits: 2, on_exceeded: done, on_success: all}
";
    let calls = Mutex::new(Vec::new());
    let (entries, end) = ends(body, |call| {
        calls.lock().unwrap().push(call.step.clone());
        outcome(true, stdout(""))
    });
    assert_eq!(end.status, RunStatus::Succeeded, "{}", end.reason);
    let round = |number: &str| ["0", "1"].map(|item| format!("all{number}[{item}].each[0].one"));
    let again = || vec!["again".to_owned()];
    let expected =
        [round("").to_vec(), again(), round("#2").to_vec(), again(), round("#3").to_vec()].concat();
    assert_eq!(calls.into_inner().unwrap(), expected);
    // Another try of the same visit is a round as well.
    let tries: Vec<String> = State::fold(&entries, "all")
        .done
        .iter()
        .map(|done| format!("{}.{}.{}", done.step, done.visit, done.attempt))
        .collect();
    let mut once = tries.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), tries.len(), "each try has a name of its own: {tries:?}");
}

/// Somebody is asked and does not answer; then a command fails.
struct Unanswered(tokio::sync::Notify);

impl ToolHost for Unanswered {
    fn call<'a>(&'a self, _: &'a Call, _: Watch<'a>, _: StopSignal) -> Answering<'a, Outcome> {
        Box::pin(async move {
            self.0.notified().await;
            outcome(false, stdout("no"))
        })
    }

    fn ask<'a>(&'a self, _: &'a Question) -> Answering<'a, Reply> {
        self.0.notify_one();
        Box::pin(std::future::pending())
    }

    fn wait(&self, _: Duration, _: StopSignal) -> Answering<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn written<'a>(&'a self, _: &'a Value, _: &'a str) -> Answering<'a, std::io::Result<String>> {
        Box::pin(std::future::ready(Ok(String::new())))
    }

    fn can_continue(&self, _: &str, _: &Value) -> bool {
        false
    }

    fn what(&self, tool: &crate::catalog::ToolDecl, _: &Value) -> String {
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
fn a_question_of_an_item_that_is_given_up_is_taken_back_and_the_run_goes_on() {
    let recipe = recipe(
        "language: 1
steps:
  all:
    for_each: [a, b]
    mode: parallel
    on_success: done
    on_failure: spoiled
    steps:
      ask: {action: confirm, message: sure?, skip_when_false: \"item.item == 'a'\", on_skip: one, on_success: done, on_failure: escalate}
      one: {tool: run_cmd, with: {argv: [x]}, on_success: done, on_failure: escalate}
  spoiled: {stop: {status: failed, message: spoiled}}
",
    );
    let (_wish, stop) = watch::channel(Stop::No);
    let (_, end, _) = against(&recipe, &Unanswered(tokio::sync::Notify::new()), stop);
    assert_eq!((end.status, end.reason.as_str()), (RunStatus::Failed, "spoiled"));
}

use indexmap::IndexMap;
use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;
use crate::core::usage::Usage;
use crate::engine::event::Next;
use crate::engine::state::State;
use crate::engine::testing::{entry, started};
use crate::pipeline::telemetry::tokens::{UNKNOWN_MODEL, total};

fn begin(step: &str, attempt: u32, tool: Option<&str>, session: Option<&str>, params: Value) -> Event {
    Event::StepStarted {
        step: step.into(),
        visit: 1,
        attempt,
        tool: tool.map(Into::into),
        what: format!("does {step}"),
        params,
        session: session.map(Into::into),
        continues: false,
    }
}

fn end(step: &str, attempt: u32, ok: bool, elapsed_ms: u64, usage: Option<Usage>, result: Value) -> Event {
    Event::StepEnded {
        step: step.into(),
        visit: 1,
        attempt,
        ok,
        label: if ok { "success" } else { "stale" }.into(),
        summary: "as told".into(),
        result,
        captures: Map::new(),
        elapsed_ms,
        usage,
        next: Next::Step("next".into()),
        why: String::new(),
        fault: None,
        signature: None,
        backoff_ms: 0,
    }
}

fn cut(step: &str, attempt: u32, usage: Usage) -> Event {
    Event::StepCutOff { step: step.into(), visit: 1, attempt, usage }
}

fn tokens(output: u64) -> Usage {
    Usage { output, turns: 1, cost_usd: 0.25, ..Usage::default() }
}

/// Each event a second after the one before it.
fn entries(events: impl IntoIterator<Item = Event>) -> Vec<Entry> {
    let started = Event::RunStarted(started(json!({})));
    std::iter::once(started).chain(events).zip(1..).map(|(event, seq)| entry(seq, event)).collect()
}

fn skill(step: &str, attempt: u32, session: &str) -> Event {
    begin(step, attempt, Some("run_skill"), Some(session), json!({}))
}

fn resumed() -> Event {
    Event::RunResumed { step: "plan".into(), note: String::new(), autoskillit_version: None }
}

/// A session that is cut off and goes on, another try of it, tests that fail, a question, and a session that drives.
fn run() -> Vec<Entry> {
    let by_model = json!({ "usage_by_model": { "opus": tokens(5) } });
    let refused = json!({ "exit_code": 1, "needs_retry": true, "retry_reason": "stale" });
    entries([
        Event::OrchestratorStarted { session: "o".into(), number: 1 },
        skill("plan", 1, "a"),
        cut("plan", 1, tokens(3)),
        resumed(),
        Event::OrchestratorStarted { session: "p".into(), number: 2 },
        skill("plan", 1, "a"),
        end("plan", 1, false, 700, Some(tokens(5)), refused),
        skill("plan", 2, "b"),
        end("plan", 2, true, 800, Some(tokens(5)), by_model),
        begin("test-2", 1, Some("test_check"), None, json!({})),
        end("test-2", 1, true, 1_200, None, json!({})),
        begin("sure", 1, None, None, json!({})),
        end("sure", 1, true, 9_000, None, json!({})),
        Event::OrchestratorEnded {
            session: "p".into(),
            label: "success".into(),
            summary: String::new(),
            usage: tokens(7),
            usage_by_model: IndexMap::from([("haiku".to_owned(), tokens(7))]),
        },
    ])
}

#[test]
fn a_run_tells_what_its_steps_and_whoever_drove_it_took() {
    let telemetry = Telemetry::fold("r", &run());
    let rows = telemetry.tokens.report(Some("r"));
    let told: Vec<_> =
        rows.iter().map(|row| (row.step.as_str(), row.usage.output, row.count, row.elapsed_ms)).collect();
    // It drove for 9 s, of which its steps took 0.7, 0.8 and 1.2.
    assert_eq!(told, [("plan", 13, 2, 2_500), (DRIVING, 7, 1, 6_300)]);
    let models: Vec<_> = total(&rows).models.into_iter().map(|(name, usage)| (name, usage.output)).collect();
    assert_eq!(models, [(UNKNOWN_MODEL.to_owned(), 8), ("opus".to_owned(), 5), ("haiku".to_owned(), 7)]);
    let times: Vec<_> =
        telemetry.timings.report(None).into_iter().map(|row| (row.step, row.total_ms, row.count)).collect();
    assert_eq!(times, [("plan".to_owned(), 2_500, 2), ("test".to_owned(), 1_200, 1)]);
}

#[test]
fn failures_are_told_with_what_was_done_and_successes_are_none() {
    let telemetry = Telemetry::fold("r", &run());
    let told: Vec<_> = telemetry
        .failures
        .iter()
        .map(|failure| {
            let Failure { step, skill_command, exit_code, subtype, retry_reason, .. } = failure;
            (step.as_str(), skill_command.as_str(), *exit_code, subtype.as_str(), retry_reason.as_str())
        })
        .collect();
    assert_eq!(told, [("plan", "does plan", Some(1), "stale", "stale")]);
}

#[test]
fn a_clock_that_was_set_back_takes_no_time() {
    let mut entries = entries([skill("plan", 1, "a"), cut("plan", 1, tokens(3))]);
    entries[2].at = Timestamp::UNIX_EPOCH;
    let telemetry = Telemetry::fold("r", &entries);
    assert_eq!(telemetry.tokens.report(None)[0].elapsed_ms, 0);
}

#[test]
fn what_a_step_asked_to_forget_is_told_no_more() {
    let all = entries([
        skill("plan", 1, "a"),
        end("plan", 1, false, 700, Some(tokens(5)), json!({})),
        begin("tell", 1, Some("get_token_summary"), None, json!({ "clear": "True" })),
        end("tell", 1, true, 1, None, json!({})),
        begin("fails", 1, Some("get_pipeline_report"), None, json!({ "clear": true })),
        end("fails", 1, false, 1, None, json!({})),
        begin("times", 1, Some("get_timing_summary"), None, json!({ "clear": false })),
        end("times", 1, true, 1, None, json!({})),
        skill("review", 1, "b"),
        end("review", 1, true, 900, Some(tokens(6)), json!({})),
    ]);
    let forgotten = forgotten(&all);
    assert_eq!(forgotten, Forgotten { tokens: 5, ..Forgotten::default() });
    let mut telemetry = Telemetry::of("r", forgotten);
    all.iter().for_each(|entry| drop(telemetry.take(entry)));
    let steps: Vec<_> = telemetry.tokens.report(None).into_iter().map(|row| row.step).collect();
    assert_eq!(steps, ["review"]);
    assert_eq!((telemetry.timings.report(None).len(), telemetry.failures.len()), (5, 2));
}

prop_compose! {
    fn event()(kind in 0u8..7, step in "[ab](-1)?", attempt in 1u32..3, output in 0u64..9, ok in any::<bool>()) -> Event {
        let usage = if output == 0 { Usage::default() } else { tokens(output) };
        match kind {
            0 => skill(&step, attempt, &format!("{step}{attempt}")),
            1 | 2 => end(&step, attempt, ok, output, Some(usage), json!({})),
            3 => cut(&step, attempt, usage),
            4 => Event::OrchestratorStarted { session: step, number: attempt },
            5 => Event::OrchestratorEnded {
                session: step,
                label: String::new(),
                summary: String::new(),
                usage,
                usage_by_model: IndexMap::new(),
            },
            _ => resumed(),
        }
    }
}

proptest! {
    /// At every moment of a run the rows add up to what the run knows that it used, whoever reads the journal, once or again.
    #[test]
    fn rows_add_up_to_what_the_run_used(events in prop::collection::vec(event(), 0..25)) {
        let all = entries(events);
        let mut live = Telemetry::of("r", Forgotten::default());
        for (at, entry) in all.iter().enumerate() {
            live.take(entry);
            live.take(entry);
            let read = Telemetry::fold("r", &all[..=at]);
            prop_assert_eq!(&read.tokens, &live.tokens);
            prop_assert_eq!(&read.timings, &live.timings);
            let (sum, used) = (total(&read.tokens.report(None)), State::fold(&all[..=at], "a").usage);
            prop_assert_eq!((sum.usage.output, sum.usage.turns), (used.output, used.turns));
            prop_assert!((sum.usage.cost_usd - used.cost_usd).abs() < 1e-6);
        }
    }
}

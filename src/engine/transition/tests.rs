use super::*;
use crate::engine::event::Entry;
use crate::engine::host::Outcome;
use crate::engine::testing::{entry, outcome, recipe, started};
use crate::execution::verdict::RetryReason;

const LOOP: &str = "
limits: {budget_usd: 1.0, sessions: 5, wall_clock: 1h}
ingredients: {go: {default: 'true'}, n: {type: int, default: 2}}
steps:
  skipped: {tool: run_cmd, with: {argv: [a]}, skip_when_false: inputs.go, on_skip: end, on_success: check, on_failure: check}
  check:
    tool: run_cmd
    with: {cmd: 'echo ${{ inputs.n | sh }}'}
    retries: 1
    capture: {out: '${{ result.stdout }}', code: '${{ result.exit_code }}'}
    capture_list: {all: '${{ result.stdout }}'}
    max_visits: ${{ inputs.n }}
    on_exceeded: end
    on_result:
      - {when: \"result.stdout == 'ok'\", route: end}
      - {when: \"context.out == 'again'\", route: check}
    on_failure: work
  work: {skill: repair-tests, retries: 2, on_context_limit: check, on_failure: escalate, on_success: check, max_visits: 9}
  spender: {skill: repair-tests, retries: 2, on_success: end}
  end: {action: stop, message: 'done ${{ context.out }}'}
";

fn state(recipe: &Recipe, inputs: Value, events: Vec<Event>) -> State {
    let mut all = vec![Event::RunStarted(started(inputs))];
    all.extend(events);
    let entries: Vec<Entry> = all.into_iter().zip(1..).map(|(event, seq)| entry(seq, event)).collect();
    State::fold(&entries, recipe.steps.keys().next().unwrap())
}

fn tried(recipe: &Recipe, step: &str, attempt: u32) -> Try {
    let StepKind::Tool { tool, .. } = &recipe.steps[step].kind else { panic!("no tool step") };
    let (params, cut_off, output) = (json!({}), None, None);
    Try { step: step.to_owned(), visit: 1, attempt, tool, params, open: None, cut_off, output }
}

/// Where an outcome of a step leads, and why.
fn leads(recipe: &Recipe, step: &str, attempt: u32, outcome: &Outcome) -> (Next, String) {
    let state = state(recipe, json!({ "n": 2, "go": "true" }), vec![]);
    match conclude(recipe, &state, &Places::default(), &tried(recipe, step, attempt), outcome, 5) {
        Event::StepEnded { next, why, .. } => (next, why),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_last_try_of_a_hanging_session_says_that_no_other_is_made() {
    let recipe = recipe(LOOP);
    let hung = json!({ "needs_retry": true, "retry_reason": "stale" });
    let outcome = Outcome { retry: RetryReason::Stale, ..outcome(false, hung.clone()) };
    let state = state(&recipe, json!({ "n": 2, "go": "true" }), vec![]);
    let result = |attempt| match conclude(
        &recipe,
        &state,
        &Places::default(),
        &tried(&recipe, "work", attempt),
        &outcome,
        5,
    ) {
        Event::StepEnded { result, .. } => result,
        other => panic!("{other:?}"),
    };
    assert_eq!(result(2), hung);
    assert_eq!(result(3), json!({ "needs_retry": false, "retry_reason": "budget_exhausted" }));
}

#[test]
fn the_fourth_failure_in_a_row_that_another_try_might_help_says_that_none_will() {
    let recipe = recipe(LOOP);
    let failed = json!({ "needs_retry": true, "retry_reason": "contract_recovery" });
    let outcome = Outcome { retry: RetryReason::ContractRecovery, ..outcome(false, failed.clone()) };
    let mut events = Vec::new();
    for visit in 1..=5 {
        let state = state(&recipe, json!({ "n": 2, "go": "true" }), events.clone());
        let tried = Try { visit, ..tried(&recipe, "work", 1) };
        let event = conclude(&recipe, &state, &Places::default(), &tried, &outcome, 5);
        let Event::StepEnded { result, .. } = &event else { panic!("{event:?}") };
        let reason = if visit < 4 { "contract_recovery" } else { "budget_exhausted" };
        assert_eq!(*result, json!({ "needs_retry": visit < 4, "retry_reason": reason }), "visit {visit}");
        events.push(event);
    }
}

#[test]
fn every_outcome_has_its_route() {
    let recipe = recipe(LOOP);
    let step = |name: &str| Next::Step(name.to_owned());
    let ok = |stdout: &str| outcome(true, json!({ "stdout": stdout, "exit_code": 0 }));
    let failed = outcome(false, json!({ "stdout": "", "exit_code": 1 }));
    let asks = |retry| Outcome { retry, ..outcome(false, json!({})) };
    use RetryReason as R;
    let cases: Vec<(&str, &str, u32, Outcome, Next)> = vec![
        ("the first condition that holds", "check", 1, ok("ok"), step("end")),
        ("a condition sees captures", "check", 1, ok("again"), step("check")),
        ("no condition holds", "check", 1, ok("neither"), Next::End(RunStatus::Failed)),
        ("a failed command has tries left", "check", 1, failed.clone(), Next::Retry),
        ("its tries are spent", "check", 2, failed.clone(), step("work")),
        ("a session succeeded", "work", 1, outcome(true, json!({})), step("check")),
        ("a session failed: no blind retry", "work", 1, asks(R::None), Next::End(RunStatus::Failed)),
        ("a session hung", "work", 1, asks(R::Stale), Next::Retry),
        ("it hung once too often", "work", 3, asks(R::Stale), Next::End(RunStatus::Failed)),
        ("its context is used up", "work", 1, asks(R::Resume), step("check")),
        ("no answer", "work", 1, asks(R::EmptyOutput), Next::End(RunStatus::Failed)),
        ("outputs are missing", "work", 1, asks(R::ContractRecovery), Next::End(RunStatus::Failed)),
        (
            "the service failed, whatever the routes say",
            "check",
            1,
            Outcome { fault: Some(Fault::Service), ..failed.clone() },
            Next::End(RunStatus::Failed),
        ),
        (
            "the run's budget is spent, whatever the routes say",
            "check",
            1,
            Outcome { fault: Some(Fault::Budget), ..failed.clone() },
            Next::End(RunStatus::Exhausted),
        ),
        (
            "the plan is used up",
            "work",
            1,
            Outcome { fault: Some(Fault::Quota), ..asks(R::Stale) },
            Next::End(RunStatus::Exhausted),
        ),
        (
            "its own budget is spent: that is a failure of the step",
            "check",
            2,
            Outcome { label: "budget_exhausted".into(), ..failed.clone() },
            step("work"),
        ),
        (
            "and nothing says where it leads",
            "spender",
            1,
            Outcome { label: "budget_exhausted".into(), ..failed },
            Next::End(RunStatus::Exhausted),
        ),
    ];
    for (name, from, attempt, outcome, expected) in cases {
        assert_eq!(leads(&recipe, from, attempt, &outcome).0, expected, "{name}");
    }
}

#[test]
fn what_is_left_of_a_budget_is_what_sessions_may_spend() {
    let recipe = recipe(LOOP);
    let left = |spent| {
        let mut state = state(&recipe, json!({}), vec![]);
        state.usage.cost_usd = spent;
        budget_left(&recipe, &state)
    };
    assert_eq!([0.0, 0.25, 1.0, 3.0].map(left), [1.0, 0.75, 0.0, 0.0].map(Some));
    let free = super::super::testing::recipe("steps: {a: {skill: repair-tests, on_success: done}}");
    assert_eq!(budget_left(&free, &State::default()), None);
}

#[test]
fn only_what_may_pass_can_be_resumed() {
    let recipe = recipe(LOOP);
    let over = |fault| {
        let outcome = Outcome { fault: Some(fault), ..outcome(false, json!({})) };
        let before = state(&recipe, json!({}), vec![]);
        let event = conclude(&recipe, &before, &Places::default(), &tried(&recipe, "work", 1), &outcome, 5);
        match state(&recipe, json!({}), vec![event]).main.at {
            At::Ending(end) => (end.status, end.resumable, end.reason),
            other => panic!("{other:?}"),
        }
    };
    let told = |status, resumable| (status, resumable, "as told".to_owned());
    assert_eq!(over(Fault::Budget), told(RunStatus::Exhausted, false));
    for passes in [Fault::Quota, Fault::Day, Fault::Share] {
        assert_eq!(over(passes), told(RunStatus::Exhausted, true));
    }
    assert_eq!(over(Fault::Service), told(RunStatus::Failed, true));
}

#[test]
fn a_faulty_condition_ends_the_run_and_says_so() {
    let recipe = recipe(LOOP);
    let (next, why) = leads(&recipe, "check", 1, &outcome(true, json!({ "exit_code": 0 })));
    assert_eq!(next, Next::End(RunStatus::Failed));
    assert!(why.contains("stdout"), "{why}");
}

#[test]
fn captures_are_taken_in_order_and_lists_grow() {
    let recipe = recipe(LOOP);
    let once = |state: &State, stdout: &str| {
        let result = outcome(true, json!({ "stdout": stdout, "exit_code": 0 }));
        match conclude(&recipe, state, &Places::default(), &tried(&recipe, "check", 1), &result, 5) {
            Event::StepEnded { captures, .. } => Value::Object(captures),
            other => panic!("{other:?}"),
        }
    };
    let mut before = state(&recipe, json!({ "n": 2 }), vec![]);
    assert_eq!(once(&before, "again"), json!({ "out": "again", "code": 0, "all": ["again"] }));
    before.main.context.insert("all".to_owned(), json!(["x"]));
    assert_eq!(once(&before, "ok")["all"], json!(["x", "ok"]));
}

/// What comes next when the run is about to enter `step`.
fn entering(
    recipe: &Recipe,
    inputs: Value,
    step: &str,
    change: impl FnOnce(&mut State),
    elapsed_ms: u64,
) -> Decision {
    let mut state = state(recipe, inputs, vec![]);
    state.main.at = At::Enter(step.to_owned());
    change(&mut state);
    decides(recipe, &state, elapsed_ms)
}

fn decides(recipe: &Recipe, state: &State, elapsed_ms: u64) -> Decision {
    let nothing = HashSet::new();
    let moment = Moment {
        places: Places::default(),
        elapsed_ms,
        now: Timestamp::UNIX_EPOCH,
        serial: false,
        busy: &nothing,
        rested: &nothing,
    };
    next(recipe, state, &moment)
}

fn recorded(decision: Decision) -> Event {
    match decision {
        Decision::Record(event) => *event,
        other => panic!("{other:?}"),
    }
}

#[test]
fn entering_a_step_looks_at_limits_skips_and_visits() {
    let recipe = recipe(LOOP);
    let inputs = || json!({ "n": 2, "go": "true" });
    let visited = |count| {
        move |state: &mut State| {
            state.main.visits.insert("check".to_owned(), count);
        }
    };

    let Event::StepSkipped { next, .. } =
        recorded(entering(&recipe, json!({ "n": 2, "go": "false" }), "skipped", |_| {}, 0))
    else {
        panic!("not skipped")
    };
    assert_eq!(next, Next::Step("end".to_owned()));

    let Decision::Work { begin, .. } = entering(&recipe, inputs(), "check", visited(1), 0) else {
        panic!("not called")
    };
    let [Begin::Call(call)] = &begin[..] else { panic!("{begin:?}") };
    assert_eq!((call.visit, call.attempt, &call.params["cmd"]), (2, 1, &json!("echo '2'")));

    let Event::StepExceeded { visits, next, .. } =
        recorded(entering(&recipe, inputs(), "check", visited(2), 0))
    else {
        panic!("entered once more")
    };
    assert_eq!((visits, next), (2, Next::Step("end".to_owned())));

    let ends = |decision: Decision| match decision {
        Decision::End(end) => end,
        other => panic!("{other:?}"),
    };
    let sessions = ends(entering(&recipe, inputs(), "work", |state| state.sessions = 5, 0));
    let dollars = ends(entering(&recipe, inputs(), "work", |state| state.usage.cost_usd = 1.0, 0));
    let time = ends(entering(&recipe, inputs(), "check", |_| {}, 3_600_000));
    for (end, word) in [(sessions, "sessions"), (dollars, "$1.00"), (time, "3600 s")] {
        assert_eq!(end.status, RunStatus::Exhausted);
        assert!(end.reason.contains(word), "{}", end.reason);
    }

    let context = |state: &mut State| {
        state.main.context.insert("out".to_owned(), json!("well"));
    };
    let done = ends(entering(&recipe, inputs(), "end", context, 3_600_000));
    assert_eq!((done.status, done.reason.as_str()), (RunStatus::Succeeded, "done well"));
    let unset = ends(entering(&recipe, inputs(), "end", |_| {}, 0));
    assert_eq!((unset.status, unset.fault), (RunStatus::Failed, Some(Fault::Recipe)));
}

#[test]
fn what_counts_as_true_is_what_people_mean() {
    let cases = [
        (json!(null), false),
        (json!(""), false),
        (json!("false"), false),
        (json!("0"), true),
        (json!(0), false),
        (json!(0.5), true),
        (json!([]), false),
        (json!([0]), true),
        (json!({}), false),
        (json!(true), true),
    ];
    for (value, expected) in cases {
        assert_eq!(holds(&value), expected, "{value}");
    }
}

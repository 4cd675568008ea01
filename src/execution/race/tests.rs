//! Each limit has its moment, and every session ends.

use super::*;
use crate::execution::record::{ApiRetry, Assistant, Block, Piece, ToolResult, ToolUse, User};
use proptest::prelude::*;

const fn s(seconds: u64) -> At {
    At::from_secs(seconds)
}

fn policy() -> Policy {
    Policy {
        wall_clock: s(1000),
        stale: Some(s(300)),
        repeats: None,
        idle: Some(s(100)),
        leave: s(10),
        background: None,
        needs: Needs::default(),
        drain: s(2),
        ladder: s(8),
    }
}

fn says() -> Record {
    Record::Assistant(Assistant { blocks: vec![Block::Text("x".into())], ..Assistant::default() })
}

fn calls(id: &str) -> Record {
    let call = ToolUse { id: id.into(), name: "Bash".into(), target: "sleep".into(), input: 0 };
    Record::Assistant(Assistant { blocks: vec![Block::ToolUse(call)], ..Assistant::default() })
}

fn answers(id: &str) -> Record {
    Record::User(User { results: vec![ToolResult { id: id.into(), is_error: false, content: 0 }] })
}

fn result() -> Record {
    Record::Result(Box::default())
}

fn tasks(open: &[&str]) -> Record {
    Record::BackgroundTasks { open: open.iter().map(|&task| task.to_owned()).collect() }
}

fn piece() -> Record {
    Record::Piece(Piece::default())
}

fn beat() -> Record {
    Record::ToolProgress { tool: "Bash".into() }
}

fn exit(code: i32) -> Signal<'static> {
    Signal::Exited(Some(Exit { code: Some(code), signal: None }))
}

/// Plays records at their times and asks at `at`.
fn asked(records: &[(u64, Record)], at: u64) -> Step {
    let mut race = Race::new(policy());
    for (when, record) in records {
        race.observe(s(*when), &Signal::Stdout(record));
    }
    race.step(s(at))
}

#[test]
fn each_limit_has_its_moment() {
    let cases: &[(&str, Vec<(u64, Record)>, u64, Step)] = &[
        ("nothing yet", vec![], 99, Step::Wait(s(100))),
        ("silent from the start", vec![], 100, Step::End(Termination::IdleStall)),
        ("silent after words", vec![(50, says())], 150, Step::End(Termination::IdleStall)),
        ("an answer comes in", vec![(50, says()), (140, piece())], 239, Step::Wait(s(240))),
        (
            "a ping is no answer",
            vec![(50, piece()), (140, Record::Ping)],
            150,
            Step::End(Termination::IdleStall),
        ),
        ("a tool runs", vec![(50, calls("a"))], 200, Step::Wait(s(350))),
        ("a heartbeat is no work", vec![(50, calls("a")), (340, beat())], 350, Step::End(Termination::Stale)),
        (
            "the tool ended",
            vec![(50, calls("a")), (60, answers("a"))],
            160,
            Step::End(Termination::IdleStall),
        ),
        ("a result, and it leaves", vec![(5, result())], 14, Step::Wait(s(15))),
        ("a result, and it stays", vec![(5, result())], 15, Step::End(Termination::Completed)),
        ("a background task is open", vec![(5, tasks(&["b"])), (6, result())], 299, Step::Wait(s(306))),
        (
            "nothing moves, and the answer is there",
            vec![(5, tasks(&["b"])), (6, result())],
            306,
            Step::End(Termination::LeftOpen),
        ),
        (
            "the wall clock, and the answer is there",
            vec![(5, tasks(&["b"])), (6, result()), (990, says()), (991, result())],
            1000,
            Step::End(Termination::LeftOpen),
        ),
        (
            "the wall clock just after the result",
            vec![(998, result())],
            1000,
            Step::End(Termination::Completed),
        ),
        (
            "the background task ended",
            vec![(5, tasks(&["b"])), (6, result()), (90, tasks(&[]))],
            100,
            Step::End(Termination::Completed),
        ),
        ("another turn", vec![(5, result()), (9, says())], 20, Step::Wait(s(109))),
        (
            "the wall clock",
            (0..=99).map(|i| (i * 10, says())).collect(),
            1000,
            Step::End(Termination::TimedOut),
        ),
    ];
    for (name, records, at, expected) in cases {
        assert_eq!(asked(records, *at), *expected, "{name}");
    }
}

#[test]
fn background_work_gets_as_long_as_the_policy_says() {
    let stays = [(5, tasks(&["b"])), (6, result()), (20, tasks(&["b", "c"]))];
    let asked = |patience: Option<u64>, at: u64| {
        let mut race = Race::new(Policy { background: patience.map(s), ..policy() });
        for (when, record) in stays.iter().filter(|(when, _)| *when <= at) {
            race.observe(s(*when), &Signal::Stdout(record));
        }
        race.step(s(at))
    };
    assert_eq!(asked(None, 299), Step::Wait(s(320)));
    assert_eq!(asked(Some(60), 65), Step::Wait(s(66)), "counted from the result, whatever the tasks do");
    assert_eq!(asked(Some(60), 66), Step::End(Termination::LeftOpen));
    assert_eq!(asked(Some(0), 6), Step::End(Termination::LeftOpen), "not at all");
}

#[test]
fn a_session_without_what_it_needs_ends_at_once() {
    let needs = Needs { server: Some("autoskillit".into()), command: Some("autoskillit:chore".into()) };
    let asked = |status: &str, command: &str| {
        let mut race = Race::new(Policy { needs: needs.clone(), ..policy() });
        let init = Record::Init(Init {
            mcp_servers: vec![("autoskillit".into(), status.into())],
            slash_commands: vec![command.into()],
            ..Init::default()
        });
        race.observe(s(1), &Signal::Stdout(&init));
        race.step(s(1))
    };
    assert_eq!(asked("connected", "autoskillit:chore"), Step::Wait(s(101)));
    assert_eq!(asked("pending", "autoskillit:chore"), Step::End(Termination::Unfit));
    assert_eq!(asked("connected", "compact"), Step::End(Termination::Unfit));
}

#[test]
fn one_failed_login_is_no_verdict_and_two_are() {
    let retry = |attempt| {
        Record::ApiRetry(ApiRetry { attempt, error: "authentication_failed".into(), ..ApiRetry::default() })
    };
    assert_eq!(asked(&[(1, retry(1))], 1), Step::Wait(s(101)));
    assert_eq!(asked(&[(1, retry(1)), (2, retry(2))], 2), Step::End(Termination::Unauthenticated));
}

#[test]
fn signs_of_life_hold_off_stale_but_not_idle() {
    let mut race = Race::new(policy());
    race.observe(s(1), &Signal::Stdout(&calls("a")));
    race.observe(s(290), &Signal::Alive);
    assert_eq!(race.step(s(310)), Step::Wait(s(590)));
    race.observe(s(310), &Signal::Stdout(&answers("a")));
    race.observe(s(409), &Signal::Transcript);
    assert_eq!(race.step(s(410)), Step::End(Termination::IdleStall));
}

#[test]
fn exit_and_end_of_stdout_are_two_facts() {
    let mut race = Race::new(policy());
    race.observe(s(3), &exit(0));
    assert_eq!(race.step(s(3)), Step::Wait(s(5)));
    race.observe(s(4), &Signal::Eof);
    assert_eq!(race.step(s(4)), Step::Over(Termination::NaturalExit));
    assert!(!race.stdout_held());

    let mut held = Race::new(policy());
    held.observe(s(3), &exit(0));
    assert_eq!(held.step(s(5)), Step::Over(Termination::NaturalExit));
    assert!(held.stdout_held());
}

#[test]
fn an_ending_keeps_its_reason_until_the_exit() {
    let mut race = Race::new(policy());
    race.observe(s(3), &Signal::Cancel);
    assert_eq!(race.step(s(3)), Step::End(Termination::Cancelled));
    assert_eq!(race.step(s(4)), Step::Wait(s(11)), "told once");
    race.observe(s(5), &exit(1));
    race.observe(s(5), &Signal::Eof);
    assert_eq!(race.step(s(5)), Step::Over(Termination::Cancelled));
}

#[test]
fn an_exit_beats_a_limit_of_the_same_moment() {
    let mut race = Race::new(policy());
    race.observe(s(1000), &exit(0));
    race.observe(s(1000), &Signal::Eof);
    assert_eq!(race.step(s(1000)), Step::Over(Termination::NaturalExit));
}

/// The reference's table of endings: what is known when the decision is due, and how it ends. Its channels are ours: A is a result on
/// stdout, B is the transcript, which here is a sign of life and never a reason to end.
#[test]
fn the_table_of_endings() {
    struct Row {
        exited: bool,
        idle: bool,
        answered: bool,
        transcript: Option<u64>,
        ends: Option<Termination>,
    }
    use Termination as T;
    let row = |exited, idle, answered, transcript, ends| Row { exited, idle, answered, transcript, ends };
    let rows = [
        // The exit decides, whatever else is known.
        row(true, false, false, None, Some(T::NaturalExit)),
        row(true, true, false, None, Some(T::NaturalExit)),
        row(true, false, true, None, Some(T::NaturalExit)),
        row(true, true, true, Some(0), Some(T::NaturalExit)),
        row(true, false, false, Some(0), Some(T::NaturalExit)),
        // Silence with no tool at work.
        row(false, true, false, None, Some(T::IdleStall)),
        row(false, true, false, Some(90), Some(T::IdleStall)),
        // An answer, and a client that does not leave.
        row(false, false, true, None, Some(T::Completed)),
        row(false, false, true, Some(0), Some(T::Completed)),
        row(false, true, true, None, Some(T::Completed)),
        // Nothing is due yet.
        row(false, false, false, None, None),
        row(false, false, false, Some(20), None),
    ];
    for (number, row) in rows.iter().enumerate() {
        let mut race = Race::new(policy());
        race.observe(s(1), &Signal::Stdout(&says()));
        if row.answered {
            race.observe(s(2), &Signal::Stdout(&result()));
        }
        if let Some(at) = row.transcript {
            race.observe(s(at), &Signal::Transcript);
        }
        let at = if row.idle { 150 } else { 50 };
        if row.exited {
            race.observe(s(at), &exit(0));
            race.observe(s(at), &Signal::Eof);
        }
        let step = race.step(s(at));
        let ends = match step {
            Step::End(why) | Step::Over(why) => Some(why),
            Step::Wait(_) => None,
        };
        assert_eq!(ends, row.ends, "row {number}: {step:?}");
    }
}

/// Everything that can be known at one moment, in every order, comes to the same end.
#[test]
fn the_order_of_what_is_seen_at_one_moment_does_not_matter() {
    let (answer, done) = (result(), answers("a"));
    let signals = [
        Signal::Stdout(&answer),
        Signal::Stdout(&done),
        Signal::Transcript,
        Signal::Alive,
        exit(0),
        Signal::Eof,
    ];
    let mut orders = vec![vec![]];
    for at in 0..signals.len() {
        orders = orders
            .into_iter()
            .flat_map(|order: Vec<usize>| {
                (0..=order.len()).map(move |place| {
                    let mut order = order.clone();
                    order.insert(place, at);
                    order
                })
            })
            .collect();
    }
    assert_eq!(orders.len(), 720);
    for order in orders {
        let mut race = Race::new(policy());
        race.observe(s(1), &Signal::Stdout(&calls("a")));
        for at in &order {
            race.observe(s(5), &signals[*at]);
        }
        assert_eq!(race.step(s(5)), Step::Over(Termination::NaturalExit), "{order:?}: and without a wait");
        assert_eq!(race.exit(), Some(Exit { code: Some(0), signal: None }));
    }
}

#[test]
fn a_session_that_goes_nowhere_is_ended_and_an_answer_stands() {
    let mut race = Race::new(policy());
    race.observe(s(1), &Signal::Stdout(&calls("a")));
    race.observe(s(2), &Signal::Repeats);
    assert_eq!(race.step(s(2)), Step::End(Termination::NoProgress));
    race.observe(s(3), &exit(143));
    race.observe(s(3), &Signal::Eof);
    assert_eq!(race.step(s(3)), Step::Over(Termination::NoProgress));

    let mut race = Race::new(policy());
    race.observe(s(1), &Signal::Stdout(&result()));
    race.observe(s(1), &Signal::Repeats);
    assert!(matches!(race.step(s(1)), Step::Wait(_)), "it has answered meanwhile");
}

fn any_record() -> impl Strategy<Value = Record> {
    prop_oneof![
        Just(says()),
        Just(calls("a")),
        Just(answers("a")),
        Just(result()),
        Just(tasks(&["b"])),
        Just(tasks(&[])),
        Just(beat()),
    ]
}

proptest! {
    #[test]
    fn every_session_ends_by_its_wall_clock_and_its_ladder(records in proptest::collection::vec((0u64..1200, any_record()), 0..40)) {
        let mut records = records;
        records.sort_by_key(|(at, _)| *at);
        let mut race = Race::new(policy());
        for (at, record) in &records {
            race.observe(s(*at), &Signal::Stdout(record));
            race.step(s(*at));
        }
        race.step(s(1200));
        prop_assert!(matches!(race.step(s(1208)), Step::Over(_)));
    }

    #[test]
    fn a_wait_is_always_in_the_future(records in proptest::collection::vec((0u64..1200, any_record()), 0..40)) {
        let mut records = records;
        records.sort_by_key(|(at, _)| *at);
        let mut race = Race::new(policy());
        for (at, record) in &records {
            race.observe(s(*at), &Signal::Stdout(record));
            if let Step::Wait(until) = race.step(s(*at)) {
                prop_assert!(until > s(*at));
            }
        }
    }
}

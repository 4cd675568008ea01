use proptest::prelude::*;

use super::*;
use crate::execution::record::{Assistant, User};

const MOST: u32 = 12;

/// A call of `tool` and its result.
#[derive(Debug, Clone)]
struct Step {
    tool: &'static str,
    target: &'static str,
    content: u64,
    failed: bool,
    parent: Option<&'static str>,
}

fn call(tool: &'static str, target: &'static str, content: u64) -> Step {
    Step { tool, target, content, failed: false, parent: None }
}

fn fails(tool: &'static str) -> Step {
    Step { failed: true, ..call(tool, "x", 1) }
}

fn records(number: usize, step: &Step) -> [Record; 2] {
    let id = format!("t{number}");
    let input = step.target.bytes().map(u64::from).sum();
    let call = ToolUse { id: id.clone(), name: step.tool.into(), target: step.target.into(), input };
    let assistant = Assistant {
        parent: step.parent.map(str::to_owned),
        blocks: vec![Block::ToolUse(call)],
        ..Assistant::default()
    };
    let result = ToolResult { id, is_error: step.failed, content: step.content };
    [Record::Assistant(assistant), Record::User(User { results: vec![result] })]
}

/// After how many steps it was told, and after how many it was enough.
fn noticed(steps: &[Step]) -> (Option<usize>, Option<usize>) {
    let mut repeats = Repeats::new(Some(MOST));
    let (mut told, mut enough) = (None, None);
    for (number, step) in steps.iter().enumerate() {
        for record in records(number, step) {
            match repeats.observe(&record) {
                Some(Sign::Told(_)) => told = told.or(Some(number + 1)),
                Some(Sign::Enough(_)) => enough = enough.or(Some(number + 1)),
                None => {}
            }
        }
    }
    (told, enough)
}

/// The steps of one round, `times` over.
fn round(steps: &[Step], times: usize) -> Vec<Step> {
    std::iter::repeat_n(steps, times).flatten().cloned().collect()
}

#[test]
fn what_is_repetition_and_what_is_not() {
    let cat = || call("Bash", "cat x", 1);
    let cases: Vec<(&str, Vec<Step>, (Option<usize>, Option<usize>))> = vec![
        ("a command", round(&[cat()], 20), (Some(5), Some(12))),
        ("not often enough", round(&[cat()], 11), (Some(5), None)),
        ("a file read", round(&[call("Read", "x", 1)], 12), (Some(5), Some(12))),
        ("an edit that fails", round(&[fails("Edit")], 12), (Some(5), Some(12))),
        ("a server's tool that fails", round(&[fails("mcp__s__get")], 12), (Some(5), Some(12))),
        ("round and round", round(&[cat(), call("Read", "y", 1), fails("Edit")], 12), (Some(15), Some(36))),
        (
            "subagents do the same side by side",
            {
                let of = |parent| Step { parent: Some(parent), ..cat() };
                round(&[of("a"), of("b"), of("c"), of("d")], 4)
            },
            (None, None),
        ),
        ("other results", (0..30).map(|content| call("Bash", "make", content)).collect(), (None, None)),
        (
            "other calls",
            round(&["1", "2", "3", "4", "5", "6"].map(|target| call("Read", target, 1)), 20),
            (None, None),
        ),
        ("an edit in between", round(&[cat(), call("Edit", "x", 1)], 20), (None, None)),
        ("a server's tool that works", round(&[call("mcp__browser__press", "Down", 1)], 20), (None, None)),
        ("sleep", round(&[call("Bash", "sleep 30; gh run view 1", 1)], 20), (None, None)),
        ("sleep on a later line", round(&[call("Bash", "set -e\nsleep 30", 1)], 20), (None, None)),
        ("watch", round(&[call("Bash", "gh run watch 1", 1)], 20), (None, None)),
        ("tail", round(&[call("Bash", "timeout 9 /usr/bin/tail -f log", 1)], 20), (None, None)),
        ("tail of a file", round(&[call("Bash", "tail -n 5 log", 1)], 12), (Some(5), Some(12))),
        ("a wait is not news either", round(&[cat(), call("Bash", "sleep 1", 1)], 12), (Some(9), Some(23))),
        ("the client's lists", round(&[call("TodoWrite", "x", 1)], 20), (None, None)),
        ("background output", round(&[call("TaskOutput", "b1", 1)], 20), (None, None)),
        ("a server that waits", round(&[call("mcp__ci__waitForRun", "1", 1)], 20), (None, None)),
        ("one that says so and fails", round(&[fails("mcp__ci__wait_for_run")], 20), (None, None)),
    ];
    for (name, steps, expected) in cases {
        assert_eq!(noticed(&steps), expected, "{name}");
    }
}

#[test]
fn news_makes_everything_begin_anew() {
    let steps =
        [round(&[call("Read", "x", 1)], 11), vec![call("Read", "y", 1)], round(&[call("Read", "x", 1)], 11)];
    assert_eq!(noticed(&steps.concat()).1, None);

    let between = [
        Record::BackgroundTasks { open: Vec::new() },
        Record::Result(Box::default()),
        Record::Init(crate::execution::record::Init::default()),
    ];
    for between in between {
        let mut repeats = Repeats::new(Some(MOST));
        let mut signs = Vec::new();
        for number in 0..22 {
            if number == 11 {
                assert_eq!(repeats.observe(&between), None);
            }
            for record in records(number, &call("Read", "x", 1)) {
                signs.extend(repeats.observe(&record));
            }
        }
        assert!(signs.iter().all(|sign| matches!(sign, Sign::Told(_))), "{between:?}: {signs:?}");
    }
}

#[test]
fn while_something_runs_in_the_background_it_is_waited_for() {
    let mut repeats = Repeats::new(Some(MOST));
    repeats.observe(&Record::BackgroundTasks { open: vec!["b1".into()] });
    for number in 0..40 {
        for record in records(number, &call("Read", "/tmp/b1.output", 1)) {
            assert_eq!(repeats.observe(&record), None);
        }
    }
}

#[test]
fn it_is_told_which_call() {
    let mut repeats = Repeats::new(Some(3));
    let mut signs = Vec::new();
    for number in 0..3 {
        for record in records(number, &call("Bash", "cat x\ncat y", 1)) {
            signs.extend(repeats.observe(&record));
        }
    }
    let told = |times| Repeated { tool: "Bash".into(), target: "cat x".into(), times };
    assert_eq!(signs, [Sign::Told(told(2)), Sign::Enough(told(3))]);
    assert_eq!(told(3).told(), "Bash `cat x`, 3 times with the same result");
    assert_eq!(
        Repeated { tool: "LS".into(), target: String::new(), times: 5 }.told(),
        "LS, 5 times with the same result"
    );
}

fn any_step() -> impl Strategy<Value = Step> {
    let tools = prop::sample::select(vec!["Bash", "Read", "Edit", "mcp__s__get", "TodoWrite"]);
    let targets = prop::sample::select(vec!["a", "b", "sleep 1"]);
    (tools, targets, 0u64..2, any::<bool>())
        .prop_map(|(tool, target, content, failed)| Step { failed, ..call(tool, target, content) })
}

proptest! {
    #[test]
    fn nothing_is_noticed_before_it_was_done_often_enough(steps in prop::collection::vec(any_step(), 0..80)) {
        let same = |one: &Step, other: &Step| {
            (one.tool, one.target, one.content, one.failed) == (other.tool, other.target, other.content, other.failed)
        };
        let (told, enough) = noticed(&steps);
        let often = |end: usize| steps[..end].iter().map(|step| steps[..end].iter().filter(|other| same(step, other)).count()).max();
        if let Some(told) = told {
            prop_assert!(often(told) >= Some(5));
        }
        if let Some(enough) = enough {
            prop_assert!(often(enough) >= Some(MOST as usize) && told.is_some_and(|told| told < enough));
        }
    }

    #[test]
    fn whatever_came_before_the_same_call_is_noticed_in_the_end(steps in prop::collection::vec(any_step(), 0..40)) {
        let mut steps = steps;
        let before = steps.len();
        steps.extend(round(&[call("Read", "z", 9)], MOST as usize));
        prop_assert_eq!(noticed(&steps[before..]), (Some(5), Some(12)));
        prop_assert!(noticed(&steps).1.is_some());
    }

    #[test]
    fn switched_off_it_notices_nothing(steps in prop::collection::vec(any_step(), 0..60)) {
        let mut repeats = Repeats::new(None);
        for (number, step) in steps.iter().enumerate() {
            for record in records(number, step) {
                prop_assert_eq!(repeats.observe(&record), None);
            }
        }
        prop_assert!(repeats.open.is_empty(), "and keeps nothing");
    }
}

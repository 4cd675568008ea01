//! Runs whose process is killed, by nobody's leave and at every moment: what is taken up comes to the end of a run that nothing
//! happened to. First with commands, at every write of the journal and at both sides of every command; then with the real client.

#![expect(clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use autoskillit::engine::event::{Entry, Event, Next};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use support::api::{Conversation, Reply, ScriptedApi, Usage};
use support::client::require_client;
use support::driver::{drives, obeys};
use support::kitchen::{CHORE, Cooked, Kitchen};

/// Within this nothing of a run is left, whatever happened to it.
const GONE: Duration = Duration::from_secs(8);

/// A loop of steps, parallel items with a loop in each, and steps that run on every exit.
const FEAST: &str = "
name: feast
language: 1
description: Cooks a feast.
steps:
  taste: {tool: run_cmd, with: {argv: [sh, cook.sh, taste], idempotent: true}, max_visits: 3, on_success: all, on_failure: season}
  season: {tool: run_cmd, with: {argv: [sh, cook.sh, season], idempotent: true}, on_success: taste}
  all:
    for_each: [soup, roast]
    as: dish
    mode: parallel
    collect: {cooked: '${{ context.cooked }}'}
    capture: {cooked: '${{ result.cooked }}'}
    on_success: served
    steps:
      peel:
        tool: run_cmd
        with: {argv: [sh, cook.sh, 'peel-${{ item.dish }}'], idempotent: true}
        capture: {cooked: '${{ result.stdout }}'}
        on_success: each
      each:
        for_each: [1, 2]
        as: pot
        on_success: done
        steps:
          boil: {tool: run_cmd, with: {argv: [sh, cook.sh, 'boil-${{ item.dish }}-${{ item.pot }}'], idempotent: true}, on_success: done}
  served: {stop: {status: succeeded, message: 'Cooked ${{ context.cooked }}.'}}
finally:
  tidy: {tool: run_cmd, with: {argv: [sh, cook.sh, 'tidy-${{ run.status }}'], idempotent: true}, on_success: sweep}
  sweep: {tool: run_cmd, with: {argv: [sh, cook.sh, sweep], idempotent: true}, on_success: done}
";

/// Does a thing that can be done twice, and kills the program that asked for it where it is told to.
const COOK: &str = r#"
echo "$1" >> begun
strike() {
    [ "$(cat strike 2>/dev/null)" = "$1" ] || return
    rm strike
    until [ -s cook.pid ]; do sleep 0.01; done
    kill -9 "$(cat cook.pid)"
    exec sleep 1000
}
strike "before $1"
mkdir -p made
echo done > "made/$1"
echo "$1"
strike "after $1"
[ "$1" != taste ] || [ -e made/season ]
"#;

/// The commands of a feast, as they are told to cook.
const COMMANDS: [&str; 10] = [
    "taste",
    "season",
    "peel-soup",
    "peel-roast",
    "boil-soup-1",
    "boil-soup-2",
    "boil-roast-1",
    "boil-roast-2",
    "tidy-succeeded",
    "sweep",
];

fn feast() -> Kitchen {
    Kitchen::new().recipe("feast", FEAST).file("cook.sh", COOK)
}

/// What a run came to, whatever the order of what ran side by side: completed tries with what followed from them, and the end.
fn came_to(journal: &[Entry]) -> (Vec<Value>, Value) {
    let mut done: Vec<Value> = journal
        .iter()
        .filter(|entry| matches!(entry.event, Event::StepEnded { .. } | Event::ItemEnded { .. }))
        .map(|entry| {
            let mut entry = serde_json::to_value(entry).expect("an entry is JSON");
            let fields = entry.as_object_mut().expect("an entry has fields");
            for changes in ["seq", "at", "elapsed_ms"] {
                fields.remove(changes);
            }
            if let Some(result) = fields.get_mut("result").and_then(Value::as_object_mut) {
                result
                    .retain(|name, _| ["exit_code", "stdout", "count", "failures"].contains(&name.as_str()));
            }
            entry
        })
        .collect();
    done.sort_by_key(Value::to_string);
    let end = match journal.last().map(|entry| &entry.event) {
        Some(Event::RunEnded(end)) => json!(end),
        other => panic!("a run that is over has an end, not {other:?}"),
    };
    (done, end)
}

/// What the commands made.
fn made(kitchen: &Kitchen) -> BTreeMap<String, String> {
    let files = kitchen.below("made").into_iter().filter(|path| path.is_file());
    files
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("a file of ours"))
        })
        .collect()
}

/// Goes on with a feast whose process is gone, and checks that it comes to `whole`.
#[track_caller]
fn assert_comes_to(kitchen: &Kitchen, whole: &Kitchen, when: &str) {
    kitchen.assert_nothing_left(GONE);
    if !matches!(kitchen.journal().last().map(|entry| &entry.event), Some(Event::RunEnded(_))) {
        kitchen.run(["cook", "--resume"]).expect_code(0);
    }
    let journal = kitchen.journal();
    assert_eq!(came_to(&journal), came_to(&whole.journal()), "killed {when}");
    assert_eq!(made(kitchen), made(whole), "killed {when}");
    let count = |wanted: fn(&Event) -> bool| journal.iter().filter(|entry| wanted(&entry.event)).count();
    assert_eq!(count(|event| matches!(event, Event::FinallyStarted { .. })), 1, "killed {when}");
    assert_eq!(count(|event| matches!(event, Event::RunEnded(_))), 1, "killed {when}");
    let mut begun: BTreeMap<String, usize> = BTreeMap::new();
    for line in kitchen.read("begun").unwrap_or_default().lines() {
        *begun.entry(line.to_owned()).or_default() += 1;
    }
    let mut started: BTreeMap<String, usize> = BTreeMap::new();
    for entry in &journal {
        if let Event::StepStarted { params, .. } = &entry.event {
            *started.entry(params["argv"][2].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
    }
    assert_eq!(begun.keys().collect::<Vec<_>>(), started.keys().collect::<Vec<_>>(), "killed {when}");
    for (command, times) in begun {
        // A visit more than the one that was cut off is a visit too many.
        let most = if command == "taste" { 3 } else { 2 };
        assert!(
            times <= started[&command] && started[&command] <= most,
            "{command} ran {times} times, killed {when}"
        );
    }
    kitchen.assert_nothing_left_now();
}

#[test]
fn killed_on_either_side_of_any_command_a_run_comes_to_the_same_end() {
    let whole = feast();
    whole.run(["cook", "feast"]).expect_code(0);
    for moment in
        COMMANDS.iter().flat_map(|command| ["before", "after"].map(|side| format!("{side} {command}")))
    {
        let kitchen = feast().file("strike", &format!("{moment}\n"));
        let cooking = kitchen.start(["cook", "feast"]);
        std::fs::write(kitchen.path("cook.pid"), cooking.id().to_string()).expect("it can be written");
        cooking.finish().expect_code(137);
        assert_comes_to(&kitchen, &whole, &moment);
    }
}

#[test]
fn killed_at_any_line_of_its_journal_a_run_comes_to_the_same_end() {
    let whole = feast();
    let lines = whole.run(["cook", "feast"]).expect_code(0).journal.len();
    let mut cut_off = 0;
    for line in 1..lines {
        let kitchen = feast();
        let killed = kitchen.start(["cook", "feast"]).kill_at_line(line);
        assert!([0, 137].contains(&killed.code()), "{}", killed.stderr);
        cut_off +=
            usize::from(!matches!(killed.journal.last().map(|entry| &entry.event), Some(Event::RunEnded(_))));
        assert_comes_to(&kitchen, &whole, &format!("at line {line}"));
    }
    assert!(cut_off * 4 >= lines * 3, "only {cut_off} of {lines} were killed before their end");
}

/// Sessions side by side, of which one fails and one runs out of context; a question; a session that costs more than is left.
const PARTS: &str = "
name: parts
language: 1
description: Parts are built side by side.
limits: {budget_usd: 1}
steps:
  parts:
    for_each: [sound, faulty, long]
    as: part
    mode: parallel
    max_parallel: 3
    on_item_failure: continue
    collect: {said: '${{ context.said }}'}
    capture: {said: '${{ result.said }}', failures: '${{ result.failures }}'}
    on_success: look
    steps:
      build:
        skill: chore
        args: ['${{ item.part }}']
        retry: {max: 1, on: [resume]}
        capture: {said: '${{ result.summary }}'}
        on_success: done
        on_failure: escalate
  look:
    tool: run_cmd
    with: {argv: [echo, '${{ context.said }}', '${{ context.failures[0].item }}']}
    on_success: ask
  ask: {action: confirm, message: 'Polish it?', on_success: polish, on_failure: dropped}
  polish: {skill: chore, args: [polish], on_success: served}
  dropped: {stop: {status: failed, message: Dropped.}}
  served: {stop: {status: succeeded, message: Served.}}
finally:
  tidy: {tool: run_cmd, with: {cmd: echo tidied >> tidied}, on_success: done}
";

/// A worker: the part `long` has no room on its first try, and on its second it works until it is killed.
fn builds() -> impl Fn(&Conversation) -> Reply + Send + Sync {
    let tries = AtomicUsize::new(0);
    move |conversation| {
        let asked = conversation.user_text();
        let works_on = |part: &str| asked.contains(&format!("Do the chore: {part}"));
        // Of a dollar: most of it for one part, and more than the rest for what follows.
        let usage = Usage { input: 1000, output: 30_000, ..Usage::default() };
        let built = |part: &str| match conversation.last_tool_results().is_empty() {
            true => Reply::structured_output(json!({"summary": format!("{part} is built")})).usage(usage),
            false => Reply::text("Done."),
        };
        if works_on("sound") {
            return built("sound");
        }
        if works_on("polish") {
            return built("everything");
        }
        if works_on("faulty") {
            return Reply::text("I would rather not.");
        }
        assert!(works_on("long"), "nothing else is asked for: {asked}");
        if conversation.contains("You were cut off") {
            let done = conversation.contains("long is built");
            return if done {
                Reply::text("Done.")
            } else {
                Reply::structured_output(json!({"summary": "long is built"}))
            };
        }
        match (conversation.assistant_turns(), tries.fetch_add(1, Ordering::SeqCst)) {
            (0, 0) => Reply::prompt_too_long(),
            (0, _) => Reply::bash("setsid sleep 1000 & sleep 1000"),
            _ => Reply::text("It did not stay at work."),
        }
    }
}

/// Kills the run while the part `long` is at work and the others are over, and goes on with it to its end, driven like this.
fn assert_parts_come_to_their_end(client: &Path, driver: &[&str]) -> Vec<String> {
    let kitchen = Kitchen::new().client(client).skill("chore", CHORE).recipe("parts", PARTS);
    let works = builds();
    let api =
        ScriptedApi::start(
            move |conversation| {
                if drives(conversation) { obeys(conversation) } else { works(conversation) }
            },
        );
    let mut cooking = kitchen.start_cooking(&api, ["parts"].iter().chain(driver));
    cooking.wait_for_journal("the end of a part", |event| ended(event, "parts[0].build"));
    cooking.wait_for_journal("the end of another", |event| ended(event, "parts[1].build"));
    cooking.wait_for_processes("sleep 1000", 2);
    cooking.signal(Signal::SIGKILL);
    cooking.finish().expect_code(137);
    kitchen.assert_nothing_left(GONE);
    assert_eq!(kitchen.read("tidied"), None, "a run that was killed has no end");

    // Nobody is there to ask.
    let asked = kitchen.cook(&api, ["--resume"]).expect_code(130);
    let starts = |cooked: &Cooked<'_>, step: &str| {
        let starts =
            |entry: &&Entry| matches!(&entry.event, Event::StepStarted { step: at, .. } if at == step);
        cooked.journal.iter().filter(starts).count()
    };
    assert_eq!(starts(&asked, "parts[0].build"), 1, "what is done is not done again");
    assert_eq!(starts(&asked, "parts[1].build"), 1, "neither is what has failed");
    assert_eq!(starts(&asked, "parts[2].build"), 3, "two tries, of which the second went on");
    let long: Vec<String> =
        asked.story().into_iter().filter(|line| line.starts_with("parts[2].build")).collect();
    assert_eq!(
        long,
        [
            "parts[2].build#1 context_exhausted -> again",
            "parts[2].build#1.2 cut off",
            "parts[2].build#1.2 continues its session",
            "parts[2].build#1.2 success -> succeeded",
        ]
    );
    assert_eq!(asked.ended("look", 1)["result"]["stdout"], r#"["sound is built","long is built"] faulty"#);
    assert_eq!(kitchen.read("tidied").as_deref(), Some("tidied\n"), "the run stopped, and can go on");

    let cooked = kitchen.cook(&api, ["--resume", "--answer", "ask=yes"]).expect_code(3);
    assert_eq!(starts(&cooked, "polish"), 1);
    assert_eq!(kitchen.read("tidied").as_deref(), Some("tidied\ntidied\n"), "once at each end");
    kitchen.assert_nothing_left(GONE);
    cooked.story()
}

fn ended(event: &Event, label: &str) -> bool {
    matches!(event, Event::StepEnded { step, next, .. } if step == label && *next != Next::Retry)
}

#[test]
fn real_client_killed_among_parallel_sessions_comes_to_the_right_end() {
    let Some(client) = require_client() else { return };
    let story = assert_parts_come_to_their_end(&client, &[]);
    assert_eq!(story.last().map(String::as_str), Some(END), "{story:#?}");
}

const END: &str = "exhausted: the session spent the last [cost] of the run's budget and is not done";

#[test]
fn real_client_that_drives_comes_to_the_same_end() {
    let Some(client) = require_client() else { return };
    let story = assert_parts_come_to_their_end(&client, &["--orchestrator", "claude"]);
    assert_eq!(story.last().map(String::as_str), Some(END), "{story:#?}");
    let drivers = story.iter().filter(|line| line.starts_with("orchestrator") && line.ends_with("begins"));
    assert_eq!(drivers.count(), 3, "one for each process: {story:#?}");
}

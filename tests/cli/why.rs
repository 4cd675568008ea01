//! `runs why` and `runs sessions`: what is said of the usual verdicts.

use std::process::Stdio;

use insta::assert_snapshot;
use regex::Regex;

use crate::binary::{Kitchen, Screen, journal, runs, until};

/// Each step ends in its own way and leads to the next.
const TASTING: &str = "\
name: tasting
description: Everything goes wrong, one after the other.
steps:
  good: {skill: look-around, args: [''], on_success: made_good, on_failure: denied}
  made_good: {skill: look-around, args: [''], on_success: denied, on_failure: denied}
  denied: {skill: look-around, args: [''], on_success: missing, on_failure: missing}
  missing: {skill: look-around, args: [''], on_success: full, on_failure: full}
  full: {skill: look-around, args: [''], on_success: slow, on_failure: slow}
  slow:
    tool: run_skill
    with: {skill_command: /autoskillit:look-around, timeout: 1}
    on_success: command
    on_failure: command
  command:
    tool: run_cmd
    with: {cmd: 'setsid sleep 300 </dev/null >/dev/null 2>&1 & echo pot is empty >&2; exit 4'}
    on_success: late
    on_failure: late
  late: {tool: run_cmd, with: {argv: [sleep, '300'], timeout: 1}, on_success: tests, on_failure: tests}
  tests: {tool: test_check, with: {command: 'echo 2 failed, 3 passed; exit 1'}, on_success: skipped, on_failure: skipped}
  skipped: {tool: run_cmd, with: {argv: ['true']}, skip_when_false: 1 == 2, on_success: limited}
  limited: {skill: look-around, args: [''], on_success: burnt, on_failure: burnt}
  burnt: {stop: {status: failed, message: Nothing was eaten.}}
";

const SCENARIO: &str = "\
version: 1
scenario: tasting
recipe: tasting
description: Everything goes wrong.
sessions:
  - step: good
    acts: [{ tool: Read, target: README.md }]
    answer: { summary: A soup., test_command: make check, evidence: README.md }
    usage: { input: 1200, output: 300, cost_usd: 0.02 }
  - step: made_good
    acts:
      - { tool: Bash, target: rm -rf pot, denied: true }
      - { tool: Bash, target: ls pot }
    answer: { summary: A soup., test_command: make check, evidence: README.md }
  - step: denied
    acts: [{ tool: Bash, target: make soup, denied: true }]
    answer: { summary: A soup., test_command: make check, evidence: README.md }
  - step: missing
    text: The soup is served.
  - step: full
    error: { terminal_reason: prompt_too_long, status: 400, message: 'Prompt is too long' }
  - step: limited
    error: { api_error: rate_limit, status: 429, message: 'Too many soups' }
  - step: slow
    acts: [{ tool: Bash, target: simmer }, { hang: true }]
    text: never
";

const LOOK: &str = "\
name: look
description: A session looks.
steps:
  look: {skill: look-around, args: [''], on_success: served}
  served: {stop: {status: succeeded, message: Served.}}
";

/// Only the parts that change from run to run are named.
fn shown(kitchen: &Kitchen, screen: &Screen) -> String {
    let text = kitchen.filtered(&screen.out);
    let filters = [
        (r"pid \d+, \S+ \S+ old|pid \d+, *\S+ old", "pid [pid], [age] old"),
        (r"used +\[span\]", "used [span]"),
    ];
    filters.iter().fold(text, |text, (pattern, name)| {
        Regex::new(pattern).unwrap().replace_all(&text, *name).into_owned()
    })
}

#[test]
fn the_usual_verdicts() {
    let kitchen = Kitchen::repository();
    kitchen.recipe("tasting", TASTING);
    kitchen.write("tasting.scenario.yaml", SCENARIO);
    // Nobody is to wait for a service that is played.
    kitchen.write(".autoskillit/config.yaml", "run_skill: { service_patience: 0 }\n");
    kitchen.run(["cook", "tasting", "--rehearse", "tasting.scenario.yaml", "--pace", "0"]).exits(1);
    let stage = kitchen.stage();
    let ask = |args: &[&str]| kitchen.screen(kitchen.command(args).current_dir(&stage));
    assert_snapshot!("why_everything", shown(&kitchen, &ask(&["runs", "why"]).exits(0)));
    assert_snapshot!("why_skipped", shown(&kitchen, &ask(&["runs", "why", "skipped"]).exits(0)));
    assert_snapshot!("why_no_such_step", ask(&["runs", "why", "2", "slwo"]).exits(2));
    assert_snapshot!("why_no_such_run", ask(&["runs", "why", "slwo"]).exits(2));
    assert_snapshot!("runs_sessions", shown(&kitchen, &ask(&["runs", "sessions"]).exits(0)));

    let why = &ask(&["runs", "why", "--json"]).exits(0).json()[0];
    let tries = why["tries"].as_array().unwrap();
    let one = |step: &str| tries.iter().find(|one| one["step"] == step).unwrap();
    assert_eq!((&why["schema_version"], &why["status"]), (&1.into(), &"failed".into()));
    assert_eq!(one("denied")["refused"][0]["target"], "make soup");
    assert_eq!(one("missing")["missing_outputs"], serde_json::json!(["summary", "test_command", "evidence"]));
    assert_eq!(one("command")["left"][0]["ended_by"], "SIGTERM");
    assert_eq!(one("good")["usage_by_model"]["rehearsal"]["output"], 300);
    let ended = journal(&runs(&stage)[0]);
    let ended = ended.iter().find(|entry| entry["event"] == "step_ended" && entry["step"] == "good").unwrap();
    assert_eq!(ended["result"]["usage_by_model"]["rehearsal"]["output"], 300);

    let sessions = &ask(&["runs", "sessions", "--json", "-n", "2"]).exits(0).json()[0]["sessions"];
    assert_eq!((sessions.as_array().unwrap().len(), &sessions[0]["step"]), (2, &"limited".into()));

    // A log that is gone is said to be, and the journal still tells what it knows.
    std::fs::remove_dir_all(runs(&stage)[0].join("sessions")).unwrap();
    assert_snapshot!("why_without_log", shown(&kitchen, &ask(&["runs", "why", "denied"]).exits(0)));
}

#[test]
fn before_the_first_run() {
    let kitchen = Kitchen::repository();
    let screen = kitchen.run(["runs", "why"]).exits(2);
    assert_snapshot!("why_no_runs", screen);
    let screen = kitchen.run(["runs", "sessions"]).exits(0);
    assert!(screen.err.contains("no sessions yet"), "{screen}");
}

/// What `autoskillit` did not live to write is found out, by who asks and by who goes on.
#[test]
fn a_run_that_was_killed() {
    let kitchen = Kitchen::repository();
    kitchen.recipe("look", LOOK);
    kitchen.write(
        "hang.yaml",
        "version: 1\nscenario: hang\ndescription: d\nsessions:\n  - step: look\n    acts: [{ tool: Read, target: pot }, { hang: true }]\n    text: never\n",
    );
    let mut child = kitchen
        .command(["cook", "look", "--rehearse", "hang.yaml", "--pace", "0"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let session = until("the session at work", || {
        let stage = kitchen.stages().first()?.clone();
        let run = std::fs::read_dir(stage.join(".autoskillit/runs")).ok()?.flatten().next()?.path();
        let session = std::fs::read_dir(run.join("sessions")).ok()?.flatten().next()?.path();
        let stream = std::fs::read_to_string(session.join("stream.ndjson")).ok()?;
        stream.contains("tool_result").then_some(session)
    });
    child.kill().unwrap();
    child.wait().unwrap();
    until("the warden's account", || session.join("warden.json").is_file().then_some(()));
    let stage = kitchen.stage();
    let ask = |args: &[&str]| kitchen.screen(kitchen.command(args).current_dir(&stage));
    assert_snapshot!("why_killed", shown(&kitchen, &ask(&["runs", "why"]).exits(0)));
    let before = std::fs::read_to_string(session.join("summary.json")).unwrap();
    assert!(before.contains(r#""status": "running""#), "who asks writes nothing");

    // It hangs again, and this time it is stopped; what was cut off has its end by then.
    let mut child = kitchen
        .command(["cook", "--resume", "--pace", "0"])
        .current_dir(&stage)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the log's end", || {
        let text = std::fs::read_to_string(session.join("summary.json")).unwrap_or_default();
        let earlier = std::fs::read_to_string(session.join("summary.1.json")).unwrap_or_default();
        (text + &earlier).contains(r#""status": "crashed""#).then_some(())
    });
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(child.id().try_into().unwrap()),
        nix::sys::signal::Signal::SIGINT,
    )
    .unwrap();
    child.wait().unwrap();
}

//! Rehearsals: the whole product without the client, in a scratch copy, and away from what is the user's.

use std::process::Stdio;

use insta::assert_snapshot;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::binary::{Kitchen, assert_same, completed, journal, runs, until};

/// A recipe with a session, and no scenario of its own.
const SOUP: &str = "\
name: soup
description: A session cooks soup.
allow: {dead-output: the journal is looked at}
steps:
  look:
    skill: look-around
    args: ['']
    capture: {summary: '${{ result.summary }}'}
    on_success: write
  write:
    tool: run_cmd
    with: {cmd: echo done > README.md && git commit --quiet --all --message soup}
    on_success: served
  served: {stop: {status: succeeded, message: Served.}}
";

#[test]
fn from_an_empty_folder() {
    let kitchen = Kitchen::empty();
    let before = kitchen.tree();
    assert_snapshot!(
        "rehearsal_fix_tests",
        kitchen.run(["cook", "fix-tests", "--rehearse", "--pace", "0"]).exits(0)
    );
    let stage = kitchen.stage();
    let passes = kitchen
        .quiet_env(std::process::Command::new("sh").args(["tests/run.sh"]).current_dir(&stage))
        .output();
    assert!(passes.unwrap().status.success(), "the project is mended");
    assert_same(&before, &kitchen.tree());
    let kitchen = Kitchen::empty();
    assert_snapshot!("rehearsal_hello", kitchen.run(["cook", "hello", "--rehearse", "--pace", "0"]).exits(0));
}

#[test]
fn by_the_name_of_a_scenario() {
    let kitchen = Kitchen::empty();
    let screen = kitchen.run(["cook", "--rehearse", "hello", "--pace", "0"]).exits(0);
    assert!(screen.err.starts_with("hello — "), "{screen}");
    // A value behind an option whose own value is optional is still an ingredient.
    let screen = kitchen.run(["cook", "fix-tests", "--pace", "0", "--rehearse", "max_repairs=1"]).exits(3);
    assert_snapshot!("rehearsal_exhausted", screen);
}

#[test]
fn as_json() {
    let kitchen = Kitchen::empty();
    let screen = kitchen.run(["cook", "fix-tests", "--rehearse", "--pace", "0", "--json"]).exits(0);
    assert_eq!(screen.err, "");
    let lines = screen.json();
    assert!(lines.iter().all(|line| line["schema_version"] == 1));
    let end = lines.last().unwrap();
    assert_eq!((&end["event"], &end["status"]), (&"end".into(), &"succeeded".into()));
    assert_eq!(end["changes"][0]["path"], "src/slug.sh");
    let entries: Vec<_> = lines.iter().filter(|line| line.get("seq").is_some()).cloned().collect();
    assert_eq!(
        entries,
        journal(&runs(&kitchen.stage())[0]),
        "the stream is the journal, and what passes in between"
    );
}

/// Without a scenario, answers are made up; the user's repository stays as it is, byte for byte.
#[test]
fn of_a_project_recipe() {
    let kitchen = Kitchen::repository();
    kitchen.git(["remote", "add", "origin", "https://example.invalid/soup.git"]);
    kitchen.recipe("soup", SOUP);
    let before = kitchen.tree();
    assert_snapshot!(
        "rehearsal_made_up",
        kitchen.run(["cook", "soup", "--rehearse", "--pace", "0"]).exits(0)
    );
    assert_same(&before, &kitchen.tree());
    let stage = kitchen.stage();
    assert_eq!(std::fs::read_to_string(stage.join("README.md")).unwrap(), "done\n");
    let remotes =
        kitchen.quiet_env(std::process::Command::new("git").arg("-C").arg(&stage).arg("remote")).output();
    assert_eq!(remotes.unwrap().stdout, b"");
}

#[test]
fn a_stopped_rehearsal_is_finished_later() {
    let kitchen = Kitchen::empty();
    let child = kitchen
        .command(["cook", "fix-tests", "--rehearse", "--pace", "5"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let run = session_begun(&kitchen);
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    let screen = kitchen.finish(child).exits(130);
    assert!(screen.err.contains("--resume"), "{screen}");
    let ending = screen.err.split_once("\n\n").map_or("", |(_, rest)| rest);
    assert_snapshot!("rehearsal_stopped", kitchen.filtered(ending));
    resumes(&kitchen, &run);
}

#[test]
fn a_killed_rehearsal_is_finished_later() {
    let kitchen = Kitchen::empty();
    let mut child = kitchen
        .command(["cook", "fix-tests", "--rehearse", "--pace", "5"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let run = session_begun(&kitchen);
    child.kill().unwrap();
    child.wait().unwrap();
    for way in [&["--orchestrator", "claude"][..], &["--interactive"]] {
        let mut command = kitchen.command(["cook", "--resume"].iter().chain(way));
        let screen = kitchen.screen(command.current_dir(kitchen.stage())).exits(2);
        assert!(screen.err.contains("a rehearsal has no model that could drive it"), "{way:?}: {screen}");
    }
    resumes(&kitchen, &run);
}

/// The variables ask for a rehearsal as the flag does.
#[test]
fn a_replay_is_no_conversation() {
    let kitchen = Kitchen::empty();
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/hello");
    let mut command = kitchen.command(["cook", "hello", "--interactive"]);
    let screen =
        kitchen.refuses(command.envs([("REPLAY_SCENARIO", "1"), ("REPLAY_SCENARIO_DIR", scenario)])).exits(2);
    assert!(screen.err.contains("a rehearsal has no model that could drive it"), "{screen}");
    assert!(kitchen.stages().is_empty(), "nothing is left behind");
}

/// Waits until the first session of the rehearsal has said something.
fn session_begun(kitchen: &Kitchen) -> std::path::PathBuf {
    until("the first words of the first session", || {
        let run = kitchen.stages().first().and_then(|stage| {
            let entries = std::fs::read_dir(stage.join(".autoskillit/runs")).ok()?;
            entries.flatten().map(|entry| entry.path()).find(|run| run.join("sessions").is_dir())
        })?;
        let mut sessions = std::fs::read_dir(run.join("sessions")).ok()?.flatten();
        let stream = std::fs::read_to_string(sessions.next()?.path().join("stream.ndjson")).ok()?;
        stream.contains(r#""type":"assistant""#).then_some(run)
    })
}

/// Goes on in the scratch repository: no completed step runs twice.
fn resumes(kitchen: &Kitchen, run: &std::path::Path) {
    let before = completed(&journal(run));
    assert_eq!(before, ["test.1.1"]);
    let stage = kitchen.stage();
    let mut command = kitchen.command(["cook", "--resume", "--pace", "0"]);
    kitchen.screen(command.current_dir(&stage)).exits(0);
    let all = completed(&journal(run));
    let mut once = all.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), all.len(), "{all:?}");
    assert_eq!(all, ["test.1.1", "repair.1.1", "test.2.1", "repair.2.1", "test.3.1"]);
}

//! Recording with the real client: what was recorded is played to the same story, the same files, the same end.

#![expect(clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use support::api::{Gate, Reply, Script, ScriptedApi};
use support::client::require_client;
use support::kitchen::{CHORE, Kitchen, holds, story};

const GONE: Duration = Duration::from_secs(10);

fn edits(kitchen: &Kitchen) -> Script {
    let path = kitchen.path("sum.sh");
    let edit = json!({"file_path": path, "old_string": "$1 - $2", "new_string": "$1 + $2"});
    Script::new()
        .turn(Reply::tool("Read", json!({"file_path": path})))
        .turn(Reply::tool("Edit", edit))
        .turn(Reply::bash("mkdir -p new && printf 'x\\n' > new/tool.sh && chmod +x new/tool.sh"))
        .turn(Reply::structured_output(json!({"verdict": "repaired", "summary": "It adds."})))
        .then_always(Reply::text("Done."))
}

/// The files below a folder that are the project's, with their texts.
fn tree(top: &Path) -> BTreeMap<String, String> {
    let files = walkdir::WalkDir::new(top).into_iter().flatten().filter(|entry| entry.file_type().is_file());
    files
        .filter_map(|entry| {
            use std::os::unix::fs::PermissionsExt;
            let name = entry.path().strip_prefix(top).ok()?.to_str()?.to_owned();
            let ours = [".git/", ".autoskillit/runs/", ".autoskillit/temp/", ".autoskillit/.gitignore"];
            let run = entry.metadata().ok()?.permissions().mode() & 0o100 != 0;
            let text = format!("{run} {}", std::fs::read_to_string(entry.path()).ok()?);
            (!ours.iter().any(|own| name.starts_with(own))).then_some((name, text))
        })
        .collect()
}

/// A rehearsal's scratch repository and its journal in short.
struct Played {
    code: i32,
    stage: PathBuf,
    story: Vec<String>,
    stderr: String,
}

/// Rehearses with a folder for temporary files of its own, in which the stage is found again.
fn rehearse(kitchen: &Kitchen, temp: &Path, args: &[&str]) -> Played {
    std::fs::create_dir_all(temp).expect("it can be made");
    let mut command = Command::new(env!("CARGO_BIN_EXE_autoskillit"));
    command.env_clear().envs(support::client::scratch_env(&kitchen.home())).env("TMPDIR", temp);
    command.args(args).current_dir(kitchen.repository()).stdin(Stdio::null());
    let output = command.output().expect("the binary runs");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let stages = std::fs::read_dir(temp).expect("it is there").flatten();
    let stage = stages
        .map(|entry| entry.path().join("repository"))
        .find(|stage| stage.is_dir())
        .unwrap_or_else(|| panic!("no stage: {stderr}"));
    let runs = std::fs::read_dir(stage.join(".autoskillit/runs")).into_iter().flatten().flatten();
    let text = runs
        .filter_map(|run| std::fs::read_to_string(run.path().join("journal.ndjson")).ok())
        .next()
        .unwrap_or_else(|| panic!("no journal: {stderr}"));
    let journal: Vec<_> = text.lines().map(|line| serde_json::from_str(line).expect("an entry")).collect();
    let story = story(&journal).iter().map(|line| kitchen.tidy(line)).collect();
    Played { code: output.status.code().unwrap_or(-1), stage, story, stderr }
}

#[test]
fn a_recorded_run_is_played_to_the_same_end() {
    let Some(client) = require_client() else { return };
    let kitchen = Kitchen::broken(&client);
    let api = ScriptedApi::play(edits(&kitchen));
    // What is not committed belongs to the run as well.
    kitchen.run(["recipes", "list"]);
    let kitchen = kitchen.file("notes.txt", "not committed\n");
    let recording = kitchen.home().join("recording");
    let dir = recording.to_str().expect("a name");
    let cooked = kitchen.cook(&api, ["fix-tests", "--allow-dirty", "--record", dir]).expect_code(0);
    assert!(cooked.stderr.contains("recorded 1 session"), "{}", cooked.stderr);

    let played = rehearse(
        &kitchen,
        &kitchen.home().join("t"),
        &["cook", "fix-tests", "--rehearse", dir, "--pace", "0"],
    );
    assert_eq!((played.code, &played.story), (0, &cooked.story()), "{}", played.stderr);
    assert_eq!(tree(&played.stage), tree(&kitchen.repository()));

    // The variables ask for the same.
    let scenario = std::fs::read_to_string(recording.join("scenario.yaml")).expect("it is there");
    assert!(
        scenario.contains("commit:") && scenario.contains("stream: sessions/repair.1.1.ndjson"),
        "{scenario}"
    );
    let temp = kitchen.home().join("t").display().to_string();
    let kitchen = kitchen.env("REPLAY_SCENARIO", "1").env("REPLAY_SCENARIO_DIR", dir).env("TMPDIR", &temp);
    let replayed = kitchen.run(["cook", "fix-tests", "--pace", "0"]).expect_code(0);
    assert!(replayed.stderr.contains("REPLAY_SCENARIO is set"), "{}", replayed.stderr);
    let kitchen = kitchen.env("REPLAY_SCENARIO_DIR", "/nowhere");
    let refused = kitchen.run(["cook", "fix-tests"]).expect_code(2);
    assert!(refused.stderr.contains("/nowhere"), "{}", refused.stderr);
    kitchen.assert_nothing_left(GONE);
}

/// Commits and branches of a session are played as well: later steps see the same history.
#[test]
fn commits_are_recorded_and_made_again() {
    let Some(client) = require_client() else { return };
    let recipe = "name: chores\ndescription: One chore.\nsteps:\n  chore:\n    skill: chore\n    on_success: look\n  look:\n    tool: run_cmd\n    with: {cmd: 'git log --format=%B && git status --short && git branch'}\n    on_success: done\n";
    let kitchen = Kitchen::new().client(&client).skill("chore", CHORE).recipe("chores", recipe);
    kitchen.run(["recipes", "list"]);
    let api = ScriptedApi::play(
        Script::new()
            .turn(Reply::bash("git checkout -q -b soup && echo 1 > a && echo 2 > b"))
            .turn(Reply::bash(
                "git add a && git -c user.name=x -c user.email=x@y commit -q -m 'add a' -m 'With salt.'",
            ))
            .turn(Reply::structured_output(json!({"summary": "Committed."})))
            .then_always(Reply::text("Done.")),
    );
    let recording = kitchen.home().join("recording");
    let dir = recording.to_str().expect("a name");
    let cooked = kitchen.cook(&api, ["chores", "--allow-dirty", "--record", dir]).expect_code(0);
    let played =
        rehearse(&kitchen, &kitchen.home().join("t"), &["cook", "chores", "--rehearse", dir, "--pace", "0"]);
    assert_eq!((played.code, &played.story), (0, &cooked.story()), "{}", played.stderr);
    let seen = |top: &Path| {
        let git = |args: &[&str]| {
            let git = Command::new("git").arg("-C").arg(top).args(args).output().expect("git runs");
            String::from_utf8(git.stdout).expect("text")
        };
        (
            git(&["log", "--format=%B%T"]),
            git(&["status", "--short", "--", ":!.autoskillit"]),
            git(&["branch"]),
        )
    };
    let (log, dirty, branches) = seen(&kitchen.repository());
    assert!(log.starts_with("add a\n\nWith salt.\n"), "{log}");
    assert_eq!((dirty.as_str(), branches.as_str()), ("?? b\n", "  main\n* soup\n"));
    assert_eq!(seen(&played.stage), (log, dirty, branches));
}

/// What `cook` is killed with: nothing of the recording is lost but the moment, and the rest plays.
#[test]
fn a_recording_survives_sigkill_at_any_moment() {
    let Some(client) = require_client() else { return };
    for turns in 0..3 {
        let kitchen = Kitchen::broken(&client);
        let (path, gate) = (kitchen.path("sum.sh"), Gate::new());
        let held = gate.clone();
        let api = ScriptedApi::start(move |conversation| match conversation.assistant_turns() {
            at if at == turns => Reply::text("held").behind(&held),
            0 => Reply::tool("Write", json!({"file_path": path, "content": "echo $(($1 + $2))\n"})),
            _ => Reply::bash("printf 'x\\n' > new.sh"),
        });
        let recording = kitchen.home().join("recording");
        let dir = recording.to_str().expect("a name").to_owned();
        let cooking = kitchen.start_cooking(&api, ["fix-tests", "--record", &dir]);
        api.wait_for_conversations(turns + 1, Duration::from_secs(30));
        // The last tool result and what it changed are on the tape when the model is asked again, or a moment later.
        let tape = recording.join("sessions/repair.1.1.ndjson");
        let results =
            |text: &str| text.matches("\"tool_result\"").count().min(text.matches("\"write\":{").count());
        let deadline = std::time::Instant::now() + GONE;
        while results(&std::fs::read_to_string(&tape).unwrap_or_default()) < turns {
            assert!(std::time::Instant::now() < deadline, "the tape stays behind after {turns} turns");
            std::thread::yield_now();
        }
        cooking.signal(Signal::SIGKILL);
        cooking.finish().expect_code(137);
        gate.open();
        kitchen.assert_nothing_left(GONE);

        let played = rehearse(
            &kitchen,
            &kitchen.home().join("t"),
            &["cook", "fix-tests", "--rehearse", &dir, "--pace", "0"],
        );
        assert_eq!(played.code, 1, "{}", played.stderr);
        assert_eq!(played.story[..2], ["started fix-tests", "test#1 tests fail -> repair"]);
        let text = |name: &str| std::fs::read_to_string(played.stage.join(name)).unwrap_or_default();
        assert_eq!(text("sum.sh").contains('+'), turns > 0, "{turns}: {:?}", played.story);
        assert_eq!(text("new.sh") == "x\n", turns > 1, "{turns}: {:?}", played.story);
    }
}

/// Secrets in the environment, the settings, the prompt, the stream, standard error, names and texts of files.
#[test]
fn no_secret_is_recorded() {
    let Some(client) = require_client() else { return };
    const SECRETS: [&str; 4] = [
        "environment#secret\"1",
        "settings-secret-2222",
        "ghp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "token-of-config-3",
    ];
    let kitchen = Kitchen::broken(&client)
        .env("STOVE_API_KEY", SECRETS[0])
        .env("AUTOSKILLIT_GITHUB__TOKEN", SECRETS[3])
        .home_file(".claude/settings.json", &json!({"env": {"OVEN_TOKEN": SECRETS[1]}}).to_string());
    let kitchen = kitchen.file("half.txt", &format!("a {} b\n", SECRETS[2]));
    kitchen.run(["recipes", "list"]);
    let kitchen = kitchen.file("dirty.txt", &SECRETS.join("\n"));
    let all = SECRETS.join(" ");
    let write = json!({"file_path": kitchen.path("w.txt"), "content": &all});
    let named = json!({"file_path": kitchen.path(SECRETS[1]), "content": "x"});
    let key = json!({"command": "printenv; cat half.txt", "description": SECRETS[2], SECRETS[3]: all});
    let answer = json!({"verdict": "blocked", "summary": all});
    let script = Script::new()
        .turn(Reply::tool("Write", write))
        .turn(Reply::tool("Write", named))
        .turn(Reply::tool("Bash", key))
        .turn(Reply::text(all.clone()).and_tool("StructuredOutput", answer))
        .then_always(Reply::text("Done."));
    let api = ScriptedApi::play(script);
    let recording = kitchen.repository().join("recording");
    let cooked = kitchen.cook(&api, ["fix-tests", "--allow-dirty", "--record", "recording"]);
    assert!(cooked.story().len() > 2, "{}", cooked.stderr);
    let mut texts = 0;
    for entry in walkdir::WalkDir::new(&recording).into_iter().flatten().filter(|e| e.file_type().is_file()) {
        texts += 1;
        for secret in SECRETS {
            let escaped = json!(secret).to_string();
            for spelling in [secret, escaped.trim_matches('"')] {
                assert!(!holds(entry.path(), spelling), "{} holds {secret}", entry.path().display());
            }
        }
        assert!(!holds(entry.path(), &kitchen.home().display().to_string()), "{}", entry.path().display());
    }
    assert!(texts >= 3, "{texts} files");
    let tape = recording.join("sessions/repair.1.1.ndjson");
    assert!(holds(&tape, "[redacted]") && holds(&tape, "w.txt"));
    // A recording within the repository is no change to it.
    assert!(!kitchen.changes().contains("recording"), "{}", kitchen.changes());
}

#[test]
fn a_folder_that_is_not_empty_is_refused() {
    let kitchen = Kitchen::new().file("full/f", "");
    let refused = kitchen.run(["cook", "hello", "--record", "full"]).expect_code(2);
    assert!(refused.stderr.contains("not empty"), "{}", refused.stderr);
    let kitchen = kitchen.env("RECORD_SCENARIO", "1");
    let refused = kitchen.run(["cook", "hello"]).expect_code(2);
    assert!(refused.stderr.contains("RECORD_SCENARIO_DIR"), "{}", refused.stderr);
    assert_eq!(kitchen.run_dir(), None, "nothing has begun");
}

/// A session that was ended by the wall clock is ended by it again; the tape's last event is the exit.
#[test]
fn a_session_that_was_ended_is_ended_again() {
    let Some(client) = require_client() else { return };
    let kitchen = Kitchen::new().client(&client).recipe(
        "slow",
        "name: slow\ndescription: Waits.\nsteps:\n  look:\n    skill: look-around\n    args: ['']\n    with: {timeout: 2}\n    on_success: done\n    on_failure: failed\n  failed: {stop: {status: failed, message: No.}}\n",
    );
    let api = ScriptedApi::start(|_| Reply::hang());
    let recording = kitchen.home().join("recording");
    let dir = recording.to_str().expect("a name");
    let cooked = kitchen.cook(&api, ["slow", "--record", dir]).expect_code(1);
    assert_eq!(cooked.story()[1], "look#1 timeout -> failed");
    let tape = std::fs::read_to_string(recording.join("sessions/look.1.1.ndjson")).expect("it is there");
    let last: Value = serde_json::from_str(tape.lines().last().expect("a line")).expect("JSON");
    assert!(last.get("exit").is_some(), "{last}");
    let played =
        rehearse(&kitchen, &kitchen.home().join("t"), &["cook", "slow", "--rehearse", dir, "--pace", "0"]);
    assert_eq!(played.story, cooked.story(), "{}", played.stderr);
}

/// Sessions of a loop have tapes of their own, for each item and each time round.
#[test]
fn sessions_in_a_loop_are_recorded_one_by_one() {
    let Some(client) = require_client() else { return };
    let recipe = "name: parts
language: 1
description: Two parts, twice.
steps:
  parts:
    for_each: [a, b]
    mode: parallel
    on_success: again
    steps:
      chore: {skill: chore, args: ['${{ item.item }}'], on_success: done}
  again: {tool: run_cmd, with: {argv: ['true']}, max_visits: 1, on_exceeded: done, on_success: parts}
";
    let kitchen = Kitchen::new().client(&client).skill("chore", CHORE).recipe("parts", recipe);
    let api = ScriptedApi::start(|conversation| match conversation.last_tool_results().is_empty() {
        true => Reply::structured_output(json!({"summary": conversation.user_text()})),
        false => Reply::text("Done."),
    });
    let recording = kitchen.home().join("recording");
    let dir = recording.to_str().expect("a name");
    let cooked = kitchen.cook(&api, ["parts", "--record", dir]).expect_code(0);
    let tapes = std::fs::read_dir(recording.join("sessions")).expect("there are tapes").count();
    assert_eq!(tapes, 4, "{}", cooked.stderr);
    let played =
        rehearse(&kitchen, &kitchen.home().join("t"), &["cook", "parts", "--rehearse", dir, "--pace", "0"]);
    let sorted = |mut story: Vec<String>| {
        story.sort();
        story
    };
    assert_eq!(sorted(played.story), sorted(cooked.story()), "{}", played.stderr);
}

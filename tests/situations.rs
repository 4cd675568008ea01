//! Every situation that a session can come into, with the real client: its verdict, its reason to retry, and that nothing is left.

#![expect(clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use autoskillit::core::ids;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use support::api::{Conversation, Reply, ScriptedApi, Usage};
use support::client::require_client;
use support::kitchen::{Cooked, Cooking, Kitchen};

const GONE: Duration = Duration::from_secs(8);

const CHORE: &str = "\
---
name: chore
description: Does a chore.
outputs:
  verdict: {description: How it went., choices: [done, blocked]}
writes: WRITES
---
Do the chore: $ARGUMENTS
";

const RECIPE: &str = "\
name: chores
description: One chore.
steps:
  chore:
    skill: chore
    on_success: done
";

/// A project with one chore; `writes` is what its skill says of files.
fn chores(client: &Path, writes: &str) -> Kitchen {
    Kitchen::new()
        .client(client)
        .skill("chore", &CHORE.replace("WRITES", writes))
        .recipe("chores", RECIPE)
        .env("CLAUDE_CODE_MAX_RETRIES", "1")
        .env("AUTOSKILLIT_RUN_SKILL__SERVICE_PATIENCE", "0")
}

fn done() -> Reply {
    Reply::structured_output(json!({ "verdict": "done" }))
}

/// What a session came to: label, whether and why another try may help.
fn judged(cooked: &Cooked<'_>) -> (String, String) {
    let result = &cooked.ended("chore", 1)["result"];
    let text = |name: &str| result[name].as_str().unwrap_or_default().to_owned();
    assert!(
        !(result["success"] == true && result["needs_retry"] == true),
        "success and retry never go together: {result}"
    );
    (text("subtype"), text("retry_reason"))
}

/// Cooks with a model that always answers so, and compares the verdict.
#[track_caller]
fn assert_verdict(
    name: &str,
    reply: impl Fn(&Conversation) -> Reply + Send + Sync + 'static,
    expected: (&str, &str),
) {
    let Some(client) = require_client() else { return };
    let kitchen = chores(&client, "conditional");
    let api = ScriptedApi::start(reply);
    let cooked = kitchen.cook(&api, ["chores"]);
    let (label, reason) = judged(&cooked);
    assert_eq!((label.as_str(), reason.as_str()), expected, "{name}: {}", cooked.stderr);
    assert_eq!(cooked.code() == 0, expected.0 == "success", "{name}");
    assert_log_is_whole(&kitchen, &label);
    kitchen.assert_nothing_left(GONE);
}

/// The log of the session says how it ended, and its stream ends with a line.
#[track_caller]
fn assert_log_is_whole(kitchen: &Kitchen, label: &str) {
    let file = |name: &str| {
        let found = kitchen.below(".autoskillit/runs").into_iter().find(|path| path.ends_with(name));
        let path = found.unwrap_or_else(|| panic!("there is no {name}"));
        std::fs::read_to_string(path).expect("it can be read")
    };
    let summary: Value = serde_json::from_str(&file("summary.json")).expect("JSON");
    assert_eq!((&summary["status"], &summary["log_trouble"]), (&json!("ended"), &Value::Null));
    assert_eq!(summary["verdict"]["subtype"], label);
    assert!(summary["termination"].is_string() && summary["exit"].is_object(), "{summary}");
    assert!(file("stream.ndjson").ends_with('\n'));
    assert!(file("events.ndjson").contains("\"judged\""));
}

#[test]
fn real_client_situations_of_the_model_service() {
    let cases: [(&str, Reply, (&str, &str)); 8] = [
        ("prompt too long", Reply::prompt_too_long(), ("context_exhausted", "resume")),
        ("refusal", Reply::refusal("I would rather not."), ("refused", "none")),
        ("output limit", Reply::max_tokens("and so on and on"), ("context_exhausted", "resume")),
        ("401", Reply::unauthorized(), ("authentication_failed", "none")),
        ("429", Reply::error(429, "rate_limit_error", "slow down"), ("rate_limited", "none")),
        ("529", Reply::overloaded(), ("service_unavailable", "none")),
        ("500", Reply::error(500, "api_error", "something broke"), ("service_unavailable", "none")),
        (
            "a model that is not there",
            Reply::error(404, "not_found_error", "model: nonsense"),
            ("unknown_model", "none"),
        ),
    ];
    for (name, reply, expected) in cases {
        assert_verdict(name, move |_| reply.clone(), expected);
    }
}

#[test]
fn real_client_a_connection_that_is_always_cut_is_the_services_fault() {
    assert_verdict("cut", |_| Reply::cut(), ("service_unavailable", "none"));
}

#[test]
fn real_client_a_slow_answer_is_waited_for() {
    assert_verdict(
        "slow",
        |conversation| match conversation.assistant_turns() {
            0 => done().delayed(Duration::from_secs(3)),
            _ => Reply::text("Done."),
        },
        ("success", "none"),
    );
}

/// A project whose chore declares no outputs.
fn talks(client: &Path) -> Kitchen {
    let skill = "---\nname: chore\ndescription: Talks.\nwrites: never\n---\nTalk about $ARGUMENTS\n";
    Kitchen::new().client(client).skill("chore", skill).recipe("chores", RECIPE)
}

fn all_done() -> Value {
    json!({ "all_work_done": true, "summary": "Talked." })
}

#[test]
fn real_client_that_only_begins_is_not_done() {
    let Some(client) = require_client() else { return };
    let cases = [
        (
            "words alone",
            Reply::text("I will now read the code, then write the feature."),
            "contract_violation",
        ),
        (
            "its own word",
            Reply::structured_output(json!({ "all_work_done": false, "summary": "The code is read." })),
            "early_stop",
        ),
        ("all of it", Reply::structured_output(all_done()), "success"),
    ];
    for (name, reply, label) in cases {
        let api = ScriptedApi::start(move |conversation| {
            if conversation.last_tool_results().is_empty() { reply.clone() } else { Reply::text("Done.") }
        });
        let kitchen = talks(&client);
        let cooked = kitchen.cook(&api, ["chores"]);
        assert_eq!(judged(&cooked).0, label, "{name}");
        assert_eq!(cooked.code() == 0, label == "success", "{name}");
    }
}

#[test]
fn real_client_an_empty_answer_is_none() {
    let Some(client) = require_client() else { return };
    let api = ScriptedApi::start(|_| Reply::empty());
    let kitchen = talks(&client);
    let cooked = kitchen.cook(&api, ["chores"]).expect_code(1);
    assert_eq!(judged(&cooked), ("empty_result".to_owned(), "empty_output".to_owned()));
    kitchen.assert_nothing_left(GONE);
}

#[test]
fn real_client_an_answer_of_ten_megabytes_is_read() {
    let Some(client) = require_client() else { return };
    let api = ScriptedApi::start(|conversation| match conversation.assistant_turns() {
        0 => Reply::text("soup ".repeat(2 << 20)).and_tool("StructuredOutput", all_done()),
        _ => Reply::text("Done."),
    });
    let kitchen = talks(&client);
    let cooked = kitchen.cook(&api, ["chores"]).expect_code(0);
    assert_eq!(judged(&cooked).0, "success");
    kitchen.assert_nothing_left(GONE);
}

#[test]
fn real_client_whose_command_ignores_every_polite_signal_leaves_nothing() {
    let Some(client) = require_client() else { return };
    let kitchen = chores(&client, "conditional").env("AUTOSKILLIT_RUN_SKILL__TIMEOUT", "4");
    let stubborn = "(trap '' TERM INT HUP; echo deaf > deaf; while :; do sleep 0.1; done) & wait";
    let api = ScriptedApi::start(move |_| Reply::bash(stubborn));
    let cooked = kitchen.cook(&api, ["chores"]).expect_code(1);
    assert_eq!(judged(&cooked), ("timeout".to_owned(), "none".to_owned()));
    assert_eq!(kitchen.read("deaf").as_deref(), Some("deaf\n"), "it was at work");
    kitchen.assert_nothing_left(GONE);
}

#[test]
fn real_client_that_does_the_same_again_and_again_is_told_and_then_ended() {
    let Some(client) = require_client() else { return };
    let kitchen = chores(&client, "conditional").env("AUTOSKILLIT_RUN_SKILL__REPEATS", "6");
    // What it says that the command is for differs, and the command does not.
    let api = ScriptedApi::start(|conversation| {
        let description = format!("Try {}", conversation.assistant_turns());
        Reply::tool("Bash", json!({ "command": "cat notes", "description": description }))
    });
    let cooked = kitchen.cook(&api, ["chores"]).expect_code(1);
    assert_eq!(judged(&cooked), ("no_progress".to_owned(), "stale".to_owned()));
    let screen = cooked.screen();
    assert!(screen.contains("repeats") && screen.contains("`cat notes`, 2 times"), "{screen}");
    let why = kitchen.run(["runs", "why"]).expect_code(0).stdout;
    assert!(why.contains("Bash `cat notes`, 6 times with the same result"), "{why}");
    assert!(why.contains("run_skill.repeats"), "{why}");
    assert_log_is_whole(&kitchen, "no_progress");
    kitchen.assert_nothing_left(GONE);
}

#[test]
fn real_client_whose_same_command_changes_files_each_time_goes_on() {
    let Some(client) = require_client() else { return };
    let kitchen = chores(&client, "conditional").env("AUTOSKILLIT_RUN_SKILL__REPEATS", "6");
    let api = ScriptedApi::start(|conversation| match conversation.assistant_turns() {
        0..16 => Reply::bash("echo more >> steps"),
        16 => done(),
        _ => Reply::text("Done."),
    });
    let cooked = kitchen.cook(&api, ["chores"]).expect_code(0);
    assert_eq!(judged(&cooked).0, "success");
    assert!(cooked.screen().contains("2 times with the same result"), "{}", cooked.screen());
    assert_eq!(kitchen.read("steps").map(|text| text.lines().count()), Some(16));
}

/// Silence that makes a session stalled, in these tests.
const IDLE: Duration = Duration::from_secs(3);

/// Cooks one chore whose answer is `reply`, with a short patience for silence.
fn cooked_with_little_patience(reply: Reply) -> Option<(String, String)> {
    let client = require_client()?;
    let kitchen = chores(&client, "conditional")
        .env("AUTOSKILLIT_RUN_SKILL__IDLE_OUTPUT_TIMEOUT", &IDLE.as_secs().to_string());
    let api = ScriptedApi::start(move |conversation| match conversation.assistant_turns() {
        0 => reply.clone(),
        _ => Reply::text("Done."),
    });
    let judged = judged(&kitchen.cook(&api, ["chores"]));
    kitchen.assert_nothing_left(GONE);
    Some(judged)
}

#[test]
fn real_client_an_answer_that_comes_in_slowly_is_no_silence() {
    // Eight pieces: it takes far longer than the patience, no pause in it does.
    let Some((label, _)) = cooked_with_little_patience(done().trickled(IDLE / 3)) else { return };
    assert_eq!(label, "success");
}

#[test]
fn real_client_an_answer_that_hangs_is_silence_though_the_service_pings() {
    let hangs = Reply::text("I will think about it.").pings_midway(IDLE / 6);
    let Some((label, reason)) = cooked_with_little_patience(hangs) else { return };
    assert_eq!((label.as_str(), reason.as_str()), ("idle_stall", "stale"));
}

/// The model talks and never gives the answer that the schema asks for, until it is asked a second time.
fn forgets(
    then: impl Fn() -> Reply + Send + Sync + 'static,
) -> impl Fn(&Conversation) -> Reply + Send + Sync + 'static {
    move |conversation| {
        if conversation.user_text().contains("your answer is not complete") {
            if conversation.contains("\"verdict\"") { Reply::text("Done.") } else { then() }
        } else {
            Reply::text("I am done, believe me.")
        }
    }
}

#[test]
fn real_client_a_forgotten_answer_is_asked_for_once_more() {
    assert_verdict("given when asked", forgets(done), ("success", "none"));
    assert_verdict("said in words", forgets(|| Reply::text("Sure.\nverdict = done")), ("success", "none"));
    assert_verdict(
        "never given",
        forgets(|| Reply::text("But I am done!")),
        ("contract_violation", "contract_recovery"),
    );
}

#[test]
fn real_client_an_answer_in_words_counts_without_asking() {
    let Some(client) = require_client() else { return };
    let kitchen = chores(&client, "conditional");
    let api = ScriptedApi::start(|_| Reply::text("All swept.\n\nverdict = blocked"));
    let cooked = kitchen.cook(&api, ["chores"]).expect_code(0);
    assert_eq!(cooked.ended("chore", 1)["result"]["verdict"], "blocked");
    assert!(
        !api.conversations().iter().any(|it| it.user_text().contains("not complete")),
        "nobody had to ask"
    );
}

/// What a session used: tokens and dollars, and the same by model.
fn used(cooked: &Cooked<'_>) -> (Value, Value) {
    let ended = cooked.ended("chore", 1);
    (ended["usage"].clone(), ended["result"]["usage_by_model"].clone())
}

#[test]
fn real_client_a_service_that_comes_back_is_waited_for_in_the_same_session() {
    let Some(client) = require_client() else { return };
    let usage = Usage { input: 1000, output: 1000, ..Usage::default() };
    // So many requests fail after the first answer: the client's own two tries, and then ours, which continue the session.
    let cook = |failures: usize| {
        let kitchen = chores(&client, "conditional")
            .env("AUTOSKILLIT_RUN_SKILL__SERVICE_PATIENCE", "60")
            .env("AUTOSKILLIT_RUN_SKILL__SERVICE_BACKOFF", "1");
        let asked = AtomicUsize::new(0);
        let api = ScriptedApi::start(move |conversation| {
            if conversation.is_side_request() {
                return Reply::text("Chore");
            }
            match asked.fetch_add(1, Ordering::SeqCst) {
                0 => Reply::bash("echo swept > floor.txt").usage(usage),
                count if count <= failures => Reply::overloaded(),
                _ if conversation.contains("\"verdict\"") => Reply::text("Done.").usage(usage),
                _ => done().usage(usage),
            }
        });
        (kitchen, api)
    };
    let (kitchen, api) = cook(0);
    let smooth = used(&kitchen.cook(&api, ["chores"]).expect_code(0));
    let (kitchen, api) = cook(5);
    let cooked = kitchen.cook(&api, ["chores"]).expect_code(0);
    assert_eq!(cooked.story()[1], "chore#1 success -> succeeded");
    assert_eq!(cooked.sessions().len(), 1, "one session, one visit, one try");
    assert!(cooked.stderr.contains("another try in 1 s"), "{}", cooked.stderr);
    let last = api.conversations().pop().expect("it was asked");
    assert!(last.contains("echo swept > floor.txt"), "it goes on where it was: {}", last.body());
    assert_eq!(used(&cooked), smooth, "a failure costs nothing, and nothing is counted twice");
    kitchen.assert_nothing_left(GONE);
}

#[test]
fn real_client_a_refused_call_stays_refused_when_background_work_brings_another_turn() {
    let Some(client) = require_client() else { return };
    let kitchen = chores(&client, "conditional")
        .config("session: {permissions: dont_ask, allowed_tools: ['Bash(sleep:*)']}\n");
    let sleeps = json!({ "command": "sleep 1", "run_in_background": true, "description": "sleeps" });
    let api = ScriptedApi::start(move |conversation| match conversation.assistant_turns() {
        0 => Reply::tool("Bash", sleeps.clone()),
        1 => Reply::bash("touch floor.txt"),
        2 => done(),
        _ => Reply::text("Done."),
    });
    let cooked = kitchen.cook(&api, ["chores"]);
    assert_eq!(judged(&cooked).0, "permission_denied", "{}", cooked.stderr);
    assert_eq!(kitchen.read("floor.txt"), None);
}

#[test]
fn real_client_a_wait_for_another_sessions_renewal_of_the_login_is_told_and_can_be_stopped() {
    let Some(client) = require_client() else { return };
    let login = json!({ "claudeAiOauth": {
        "accessToken": "t", "refreshToken": "r", "expiresAt": 1_000, "scopes": ["user:inference"],
    } });
    let kitchen = chores(&client, "conditional")
        .home_file(".claude/.credentials.json", &login.to_string())
        .config("quota_guard: {enabled: false}\n")
        .env("ANTHROPIC_API_KEY", "");
    let config_dir = kitchen.home().join(".claude");
    let name = format!("login-{}.lock", &ids::fingerprint(&config_dir.to_string_lossy())[..16]);
    let cache = kitchen.home().join(".cache/autoskillit");
    std::fs::create_dir_all(&cache).expect("a home is writable");
    let turn = std::fs::File::create(cache.join(name)).expect("a home is writable");
    turn.lock().expect("nobody else has it");
    let api = ScriptedApi::start(|_| done());
    let mut cooking = kitchen.start_cooking(&api, ["chores"]);
    cooking.wait_for_screen("another session renews the login");
    cooking.signal(Signal::SIGINT);
    let cooked = cooking.finish().expect_code(130);
    assert_eq!(cooked.story()[1..], ["chore#1 cut off", "stopped, resumable: stopped by the user"]);
    assert!(cooked.took < Duration::from_secs(30), "it waited for the turn's own bound: {:?}", cooked.took);
    drop(turn);
}

/// A model that starts background work and answers at once.
fn leaves_work(command: &str) -> impl Fn(&Conversation) -> Reply + Send + Sync + 'static {
    let command = command.to_owned();
    move |conversation| match conversation.assistant_turns() {
        0 => Reply::tool(
            "Bash",
            json!({ "command": command, "run_in_background": true, "description": "sweeps" }),
        ),
        1 => done(),
        _ => Reply::text("Done."),
    }
}

#[test]
fn real_client_background_work_is_waited_for_refused_or_ended() {
    let Some(client) = require_client() else { return };
    let cook = |policy: &str, command: &str| {
        let kitchen = chores(&client, "conditional").env("AUTOSKILLIT_RUN_SKILL__BACKGROUND", policy);
        let api = ScriptedApi::start(leaves_work(command));
        let cooked = kitchen.cook(&api, ["chores"]);
        let behind = api.conversations().iter().any(|it| it.contains("running in background"));
        let seen = (judged(&cooked).0, kitchen.read("floor.txt").is_some(), behind);
        kitchen.assert_nothing_left(GONE);
        seen
    };
    let takes_a_while = "sleep 3; echo swept > floor.txt";
    assert_eq!(cook("wait", takes_a_while), ("success".into(), true, true));
    assert_eq!(cook("end", "sleep 1000; echo swept > floor.txt"), ("early_stop".into(), false, true));
    // The tool has no such parameter then: the call is refused, and this model does not care.
    assert_eq!(cook("refuse", takes_a_while), ("success".into(), false, false));
}

#[test]
fn real_client_writes_are_what_changed_on_disk() {
    let Some(client) = require_client() else { return };
    let cook = |writes: &str, command: &'static str| {
        let kitchen = chores(&client, writes);
        let api = ScriptedApi::start(move |conversation| match conversation.assistant_turns() {
            0 => Reply::bash(command),
            1 => done(),
            _ => Reply::text("Done."),
        });
        let cooked = kitchen.cook(&api, ["chores"]);
        let result = cooked.ended("chore", 1)["result"].clone();
        (judged(&cooked), result["changed"].clone(), result["because"].to_string())
    };
    let (verdict, changed, _) = cook("always", "echo swept > floor.txt");
    assert_eq!((verdict.0.as_str(), changed), ("success", json!(["floor.txt"])));
    let (verdict, ..) = cook("always", "echo I did a lot; echo and this > /dev/null");
    assert_eq!(verdict, ("zero_writes".into(), "zero_writes".into()));
    let (verdict, _, because) = cook("never", "echo swept > floor.txt");
    assert_eq!(verdict.0, "success", "it is told, not punished");
    assert!(because.contains("its skill says that it only reads, and it changed floor.txt"), "{because}");
}

#[test]
fn real_client_a_write_outside_of_the_working_directory_is_told_with_its_path() {
    let Some(client) = require_client() else { return };
    let kitchen = chores(&client, "conditional");
    let stray = kitchen.home().join("stray.txt").display().to_string();
    let target = stray.clone();
    let api = ScriptedApi::start(move |conversation| match conversation.assistant_turns() {
        0 => Reply::tool("Write", json!({ "file_path": target, "content": "where am I" })),
        1 => done(),
        _ => Reply::text("Done."),
    });
    let cooked = kitchen.cook(&api, ["chores"]).expect_code(0);
    let result = &cooked.ended("chore", 1)["result"];
    assert_eq!(result["write_path_warnings"], json!([stray]));
    assert_eq!(
        std::fs::read_to_string(&stray).ok().as_deref(),
        Some("where am I"),
        "it is told and not taken back"
    );
}

#[test]
fn real_client_a_hook_that_denies_is_a_refused_call() {
    let Some(client) = require_client() else { return };
    let deny = json!({ "hookSpecificOutput": { "hookEventName": "PreToolUse", "permissionDecision": "deny", "permissionDecisionReason": "not today" } });
    let settings = json!({ "hooks": { "PreToolUse": [{ "matcher": "Bash", "hooks": [{ "type": "command", "command": format!("echo '{deny}'") }] }] } });
    let kitchen = chores(&client, "conditional").file(".claude/settings.json", &settings.to_string());
    let api = ScriptedApi::start(|conversation| match conversation.assistant_turns() {
        0 => Reply::bash("echo swept > floor.txt"),
        1 => done(),
        _ => Reply::text("Done."),
    });
    let cooked = kitchen.cook(&api, ["chores"]).expect_code(1);
    assert_eq!(kitchen.read("floor.txt"), None);
    assert_eq!(judged(&cooked).0, "permission_denied", "{}", cooked.stderr);
}

/// Kills the client of the session, which is at work with two commands.
fn kill_at_work(cooking: &mut Cooking<'_>, how: &str) {
    cooking.wait_for_processes("sleep 1000", 2);
    let is_client = |line: &str| line.contains(how) && !line.contains("autoskillit warden");
    let pid = cooking.wait_for_process(is_client);
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("the client runs");
    cooking.wait_for_end_of(pid);
}

const AT_WORK: &str = "setsid sleep 1000 & sleep 1000";

#[test]
fn real_client_that_is_killed_at_work_is_taken_up_where_it_was() {
    let Some(client) = require_client() else { return };
    let kitchen = chores(&client, "conditional");
    let api = ScriptedApi::start(|conversation| {
        match (conversation.user_text().contains("cut off"), conversation.last_tool_results().is_empty()) {
            (false, _) => Reply::bash(AT_WORK),
            (true, true) => done(),
            (true, false) => Reply::text("Done."),
        }
    });
    let mut cooking = kitchen.start_cooking(&api, ["chores"]);
    kill_at_work(&mut cooking, "--session-id");
    let cooked = cooking.finish().expect_code(0);
    assert!(cooked.stderr.contains("it is taken up where it was"), "{}", cooked.stderr);
    assert_eq!(judged(&cooked).0, "success");
    kitchen.assert_nothing_left_now();
}

#[test]
fn real_client_that_is_killed_again_and_again_leaves_nothing() {
    let Some(client) = require_client() else { return };
    let kitchen = chores(&client, "conditional");
    let api = ScriptedApi::start(|_| Reply::bash(AT_WORK));
    let mut cooking = kitchen.start_cooking(&api, ["chores"]);
    kill_at_work(&mut cooking, "--session-id");
    kill_at_work(&mut cooking, "--resume");
    let cooked = cooking.finish().expect_code(1);
    assert_eq!(judged(&cooked).0, "killed", "{}", cooked.stderr);
    kitchen.assert_nothing_left_now();
}

#[test]
fn real_client_a_hook_that_stops_the_work_is_obeyed() {
    let Some(client) = require_client() else { return };
    let stop = json!({ "continue": false, "stopReason": "the gate is shut" });
    // A session that answers by a tool has no end of a turn that a `Stop` hook could hear of.
    for (event, kitchen) in [("PostToolUse", chores(&client, "conditional")), ("Stop", talks(&client))] {
        let hook = json!({ "hooks": [{ "type": "command", "command": format!("echo '{stop}'") }] });
        let settings = json!({ "hooks": { event: [hook] } });
        let kitchen = kitchen.file(".claude/settings.json", &settings.to_string());
        let api = ScriptedApi::start(|conversation| match conversation.assistant_turns() {
            0 => Reply::bash("true"),
            _ => Reply::text("Done."),
        });
        let cooked = kitchen.cook(&api, ["chores"]).expect_code(1);
        assert_eq!(judged(&cooked), ("stopped_by_hook".to_owned(), "none".to_owned()), "{event}");
    }
}

#[test]
fn real_client_whose_working_directory_is_removed_is_no_hang() {
    let Some(client) = require_client() else { return };
    let kitchen = chores(&client, "conditional").recipe(
        "chores",
        "name: chores\ndescription: x\nsteps:\n  room: {tool: run_cmd, with: {argv: [git, worktree, add, --quiet, --detach, ../room]}, on_success: chore}\n  chore:\n    skill: chore\n    with: {cwd: ../room}\n    on_success: done\n",
    );
    let room = kitchen.repository().with_file_name("room");
    let gone = room.display().to_string();
    let api = ScriptedApi::start(move |conversation| match conversation.assistant_turns() {
        0 => Reply::bash(&format!("cd / && mv '{gone}' '{gone}-elsewhere'")),
        1 => done(),
        _ => Reply::text("Done."),
    });
    let cooked = kitchen.cook(&api, ["chores"]);
    assert!(!room.exists(), "{}\n{:#?}", cooked.stderr, cooked.ended("chore", 1));
    // Whatever the client makes of it, there is a verdict, and the log is whole.
    let (label, _) = judged(&cooked);
    assert!(!label.is_empty(), "{}", cooked.stderr);
    let verdict = kitchen.below(".autoskillit/runs").into_iter().find(|path| path.ends_with("verdict.json"));
    let verdict: Value = serde_json::from_str(
        &std::fs::read_to_string(verdict.expect("a session has a verdict")).expect("it can be read"),
    )
    .expect("JSON");
    assert_eq!(verdict["verdict"]["subtype"], label.as_str());
    kitchen.assert_nothing_left(GONE);
}

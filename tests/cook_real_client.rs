//! `cook` with the real client on a real repository, the model scripted: what a user gets, and what is left behind.

#![expect(clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use autoskillit::engine::event::Event;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use support::api::{Conversation, Reply, Script, ScriptedApi};
use support::client::require_client;
use support::kitchen::{CHORE, Cooking, Kitchen, holds, repairs};

/// Within this nothing of a run is left, whatever happened to it.
const GONE: Duration = Duration::from_secs(8);

/// A project with one skill, `chore`, and the recipe `chores`, whose only session runs it with these keys.
fn chores(client: &Path, keys: &str) -> Kitchen {
    Kitchen::new().client(client).skill("chore", CHORE).recipe("chores", &chores_recipe(keys))
}

fn chores_recipe(keys: &str) -> String {
    let keys: String = keys.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "name: chores\ndescription: One chore.\nsteps:\n  chore:\n    skill: chore\n{keys}    on_success: done\n"
    )
}

/// A session that does its chore and says so.
fn chore_done() -> Reply {
    Reply::structured_output(json!({"summary": "the chore is done"}))
}

/// A model that runs a command and then says that the chore is done.
fn runs(command: &str) -> Script {
    Script::new().turn(Reply::bash(command)).turn(chore_done()).then_always(Reply::text("Done."))
}

fn broken_rounds() -> impl Fn(&Conversation) -> Reply + Send + Sync {
    |conversation| match conversation.assistant_turns() {
        0 => Reply::bash("echo '# looked at it' >> sum.sh"),
        1 => Reply::structured_output(json!({"verdict": "repaired", "summary": "It should work now."})),
        _ => Reply::text("Done."),
    }
}

#[test]
fn real_client_hello_tells_what_the_repository_is_and_changes_nothing() {
    let Some(client) = require_client() else { return };
    let kitchen = Kitchen::new().client(&client);
    let answer =
        json!({"summary": "A kitchen, and nothing else.", "test_command": "", "evidence": "README.md"});
    let api = ScriptedApi::play(
        Script::new()
            .turn(Reply::bash("git ls-files"))
            .turn(Reply::tool("Read", json!({"file_path": kitchen.path("README.md")})))
            .turn(Reply::structured_output(answer))
            .then_always(Reply::text("Done.")),
    );
    let cooked = kitchen.cook(&api, ["hello", "focus=the stove; really"]).expect_code(0);

    assert_eq!(
        cooked.story(),
        [
            "started hello",
            "look#1 success -> check",
            "check#1 ok -> told",
            "succeeded: A kitchen, and nothing else. Tests: none found. Evidence: README.md."
        ]
    );
    assert_eq!(cooked.stdout, "");
    assert!(cooked.screen().contains("succeeded  A kitchen, and nothing else."), "{}", cooked.screen());
    assert_eq!(kitchen.changes(), "");
    let asked = &api.conversations()[0];
    assert_eq!(asked.session_id(), cooked.sessions().pop());
    assert!(
        asked.user_text().contains("Focus, if one was given: 'the stove; really'"),
        "{}",
        asked.user_text()
    );
    kitchen.assert_nothing_left(GONE);
}

#[test]
fn real_client_hello_does_not_believe_invented_evidence() {
    let Some(client) = require_client() else { return };
    let kitchen = Kitchen::new().client(&client);
    let answer = json!({"summary": "A ship.", "test_command": "", "evidence": "src/hull.rs"});
    // It insists when it is asked once more.
    let api = ScriptedApi::start(move |conversation| match conversation.last_tool_results().is_empty() {
        true => Reply::structured_output(answer.clone()),
        false => Reply::text("Done."),
    });
    let cooked = kitchen.cook(&api, ["hello"]).expect_code(1);
    assert_eq!(cooked.story()[1..2], ["look#1 contract_violation -> unclear"]);
    assert!(
        cooked.screen().contains("`evidence` names src/hull.rs, which is not there"),
        "{}",
        cooked.screen()
    );
    // It was asked once more, and told why.
    let asked = api.conversations().into_iter().any(|asked| asked.user_text().contains("names src/hull.rs"));
    assert!(asked);
}

#[test]
fn real_client_repairs_the_tests_with_an_edit() {
    let Some(client) = require_client() else { return };
    let kitchen = Kitchen::broken(&client);
    let api = ScriptedApi::play(repairs(&kitchen));
    let cooked = kitchen.cook(&api, ["fix-tests"]).expect_code(0);

    assert_eq!(
        cooked.story(),
        [
            "started fix-tests",
            "test#1 tests fail -> repair",
            "repair#1 success -> test",
            "test#2 tests pass -> green",
            "succeeded: The tests pass: exit code 0."
        ]
    );
    assert_eq!(kitchen.read("sum.sh").as_deref(), Some("echo $(($1 + $2))\n"));
    assert_eq!(kitchen.changes(), " M sum.sh\n");
    insta::assert_snapshot!(cooked.screen());
    // The log of the failing run, which the session is sent to, holds what failed.
    let asked = api.conversations()[0].user_text();
    let log = asked.split_whitespace().find(|word| word.ends_with("output.log"));
    let log = log.unwrap_or_else(|| panic!("no log is named in {asked}"));
    assert!(holds(log.as_ref(), "2 + 3 should be 5"), "{log}");
    kitchen.assert_nothing_left(GONE);
}

#[test]
fn real_client_repairs_on_the_second_visit() {
    let Some(client) = require_client() else { return };
    let kitchen = Kitchen::broken(&client);
    let first = broken_rounds();
    let second = repairs(&kitchen);
    let api = ScriptedApi::start(move |conversation| {
        let again = conversation.system_text().contains("(visit 2)");
        if again { second.answer(conversation) } else { first(conversation) }
    });
    let cooked = kitchen.cook(&api, ["fix-tests"]).expect_code(0);

    assert_eq!(
        cooked.story()[1..],
        [
            "test#1 tests fail -> repair",
            "repair#1 success -> test",
            "test#2 tests fail -> repair",
            "repair#2 success -> test",
            "test#3 tests pass -> green",
            "succeeded: The tests pass: exit code 0."
        ]
    );
    let sessions = cooked.sessions();
    assert_eq!(sessions.len(), 2);
    assert_ne!(sessions[0], sessions[1], "each visit is a session of its own");
}

#[test]
fn real_client_that_never_repairs_is_exhausted() {
    let Some(client) = require_client() else { return };
    let kitchen = Kitchen::broken(&client);
    let api = ScriptedApi::start(broken_rounds());
    let cooked = kitchen.cook(&api, ["fix-tests", "max_repairs=2"]).expect_code(3);

    let story = cooked.story();
    assert_eq!(
        story[1..7],
        [
            "test#1 tests fail -> repair",
            "repair#1 success -> test",
            "test#2 tests fail -> repair",
            "repair#2 success -> test",
            "test#3 tests fail -> repair",
            "repair exceeded its 2 -> gave_up",
        ]
    );
    assert!(
        story[7].starts_with(
            "exhausted: The tests still fail, and no repair is left (max_repairs = 2): exit code 1"
        ),
        "{story:#?}"
    );
}

#[test]
fn real_client_that_says_blocked_fails_the_run() {
    let Some(client) = require_client() else { return };
    let kitchen = Kitchen::broken(&client);
    let answer = json!({"verdict": "blocked", "summary": "It needs a database."});
    let api = ScriptedApi::play(
        Script::new().turn(Reply::structured_output(answer)).then_always(Reply::text("Done.")),
    );
    let cooked = kitchen.cook(&api, ["fix-tests"]).expect_code(1);
    assert_eq!(
        cooked.story()[2..],
        [
            "repair#1 success -> blocked",
            "failed: The session says that this cannot be repaired here: It needs a database."
        ]
    );
}

/// Cooks one chore that is to end by its wall clock.
#[track_caller]
fn assert_timed_out(kitchen: &Kitchen, api: &ScriptedApi) {
    let cooked = kitchen.cook(api, ["chores"]).expect_code(1);
    assert_eq!(
        cooked.story()[1..],
        ["chore#1 timeout -> failed", "failed, resumable: `chore` failed: the wall clock ended it"]
    );
    let elapsed = cooked.ended("chore", 1)["elapsed_ms"].as_u64().expect("a number");
    assert!((3000..9000).contains(&elapsed), "{elapsed} ms");
    kitchen.assert_nothing_left(GONE);
}

#[test]
fn real_client_whose_model_never_answers_is_ended_by_the_wall_clock() {
    let Some(client) = require_client() else { return };
    let kitchen = chores(&client, "with:\n  timeout: 3");
    assert_timed_out(&kitchen, &ScriptedApi::start(|_| Reply::hang()));
}

#[test]
fn real_client_whose_command_never_ends_is_ended_by_the_wall_clock() {
    let Some(client) = require_client() else { return };
    let kitchen = chores(&client, "with:\n  timeout: 3");
    assert_timed_out(&kitchen, &ScriptedApi::play(runs(STAYS)));
}

#[test]
fn real_client_whose_bash_is_denied_is_not_done() {
    let Some(client) = require_client() else { return };
    let kitchen = chores(&client, "").config("session:\n  permissions: dont_ask\n");
    let api = ScriptedApi::play(runs("touch done.txt"));
    let cooked = kitchen.cook(&api, ["chores"]).expect_code(1);

    assert_eq!(cooked.story()[1], "chore#1 permission_denied -> failed");
    let result = &cooked.ended("chore", 1)["result"];
    assert_eq!(result["permission_denials"][0]["tool"], "Bash");
    assert_eq!(result["cli_subtype"], "success", "the client itself calls that a success");
    assert_eq!(kitchen.read("done.txt"), None);
}

/// A command that starts children in every way that outlives its shell, and stays itself.
const STAYS: &str = "setsid sleep 1000 & nohup sleep 1000 >/dev/null 2>&1 & sleep 1000";

#[test]
fn the_kitchen_sees_every_process_of_its_own() {
    let kitchen = Kitchen::new();
    kitchen.assert_nothing_left_now();
    let mut sleeper =
        Command::new("sleep").arg("1000").env("HOME", kitchen.home()).spawn().expect("it starts");
    // A process that has just become another program carries no environment for a moment.
    let deadline = Instant::now() + GONE;
    let seen = loop {
        let seen: Vec<_> = kitchen.processes().into_iter().map(|(_, command)| command).collect();
        if !seen.is_empty() || Instant::now() > deadline {
            break seen;
        }
        std::thread::yield_now();
    };
    assert_eq!(seen, ["sleep 1000"]);
    sleeper.kill().expect("it runs");
    sleeper.wait().expect("it is ours");
    kitchen.assert_nothing_left_now();
}

#[test]
fn a_command_cut_off_by_sigkill_leaves_nothing_and_runs_again() {
    let kitchen = Kitchen::new().recipe(
        "waits",
        &format!(
            "name: waits\ndescription: Waits.\nsteps:\n  wait:\n    tool: run_cmd\n    max_visits: 1\n    with:\n      idempotent: true\n      cmd: {}\n    on_success: done\n",
            json!(format!("test -e free || {{ {STAYS}; }}"))
        ),
    );
    let mut cooking = kitchen.start(["cook", "waits"]);
    cooking.wait_for_processes("sleep 1000", 3);
    cooking.signal(Signal::SIGKILL);
    cooking.finish().expect_code(137);
    kitchen.assert_nothing_left(GONE);
    let kitchen = kitchen.file("free", "");
    let cooked = kitchen.run(["cook", "--resume"]).expect_code(0);
    assert_eq!(
        cooked.story(),
        [
            "started waits",
            "wait#1 cut off",
            "resumed at wait",
            "wait#1 ok -> succeeded",
            "succeeded: on_success"
        ]
    );
}

/// A run with a completed step, `note`, before the session that is going to be cut off.
fn noted_chores(client: &Path) -> Kitchen {
    chores(client, "").recipe(
        "noted",
        r"
name: noted
description: A note, then a chore.
steps:
  note:
    tool: run_cmd
    with:
      cmd: echo noted >> notes.txt
    on_success: chore
  chore:
    skill: chore
    args: [sweep]
    on_success: done
",
    )
}

/// Goes on with the run of [`noted_chores`] after its session was cut off, and checks that nothing happens twice.
fn assert_resumes(kitchen: &Kitchen, cut_off: &[&str]) {
    let session = kitchen.journal().iter().find_map(|entry| match &entry.event {
        Event::StepStarted { session, .. } => session.clone(),
        _ => None,
    });
    let api = ScriptedApi::start(|conversation| {
        assert!(conversation.contains("You were cut off"), "a continued session is told so");
        if conversation.contains("the chore is done") { Reply::text("Done.") } else { chore_done() }
    });
    let cooked = kitchen.cook(&api, ["--resume"]).expect_code(0);
    let mut story = vec!["started noted", "note#1 ok -> chore", "chore#1 cut off"];
    story.extend(cut_off);
    story.extend([
        "resumed at chore",
        "chore#1 continues its session",
        "chore#1 success -> succeeded",
        "succeeded: on_success",
    ]);
    assert_eq!(cooked.story(), story);
    let asked = &api.conversations()[0];
    assert_eq!(asked.session_id(), session, "it is the same session");
    assert!(asked.contains("setsid sleep 1000"), "it remembers what it did");
    assert_eq!(kitchen.read("notes.txt").as_deref(), Some("noted\n"), "a completed step does not run again");
    kitchen.assert_nothing_left(GONE);
}

#[test]
fn real_client_after_sigkill_nothing_is_left_and_the_session_goes_on() {
    let Some(client) = require_client() else { return };
    let kitchen = noted_chores(&client);
    {
        let api = ScriptedApi::play(runs(STAYS));
        let mut cooking = kitchen.start_cooking(&api, ["noted"]);
        cooking.wait_for_processes("sleep 1000", 3);
        cooking.signal(Signal::SIGKILL);
        let cooked = cooking.finish().expect_code(137);
        assert_eq!(cooked.story(), ["started noted", "note#1 ok -> chore", "chore#1 cut off"]);
        kitchen.assert_nothing_left(GONE);
    }
    assert_resumes(&kitchen, &[]);
}

/// Cuts the session of a chore off after it ran `command`.
fn cut_off_after(client: &Path, command: &str) -> Kitchen {
    let kitchen = noted_chores(client);
    let api = ScriptedApi::play(runs(&format!("{command}; {STAYS}")));
    let mut cooking = kitchen.start_cooking(&api, ["noted"]);
    cooking.wait_for_processes("sleep 1000", 3);
    cooking.signal(Signal::SIGKILL);
    cooking.finish().expect_code(137);
    kitchen.assert_nothing_left(GONE);
    kitchen
}

/// The same, and takes its transcript away.
fn forgotten(client: &Path, command: &str) -> Kitchen {
    let kitchen = cut_off_after(client, command);
    std::fs::remove_dir_all(kitchen.home().join(".claude/projects")).expect("the client keeps transcripts");
    kitchen
}

#[test]
fn real_client_a_session_that_could_go_on_begins_anew_when_a_person_says_so() {
    let Some(client) = require_client() else { return };
    let kitchen = cut_off_after(&client, "echo half > work");
    let api = ScriptedApi::start(|conversation| {
        assert!(!conversation.contains("You were cut off"), "it is a fresh session");
        if conversation.contains("the chore is done") { Reply::text("Done.") } else { chore_done() }
    });
    let cooked = kitchen.cook(&api, ["--resume", "--rerun"]).expect_code(0);
    assert_eq!(
        cooked.story()[3..],
        ["resumed at chore", "chore#1 success -> succeeded", "succeeded: on_success"]
    );
}

#[test]
fn real_client_without_its_transcript_a_session_that_changed_nothing_begins_anew() {
    let Some(client) = require_client() else { return };
    let kitchen = forgotten(&client, "true");
    let api = ScriptedApi::start(|conversation| {
        assert!(!conversation.contains("You were cut off"), "it is a fresh session");
        if conversation.contains("the chore is done") { Reply::text("Done.") } else { chore_done() }
    });
    let cooked = kitchen.cook(&api, ["--resume"]).expect_code(0);
    assert_eq!(
        cooked.story()[3..],
        ["resumed at chore", "chore#1 success -> succeeded", "succeeded: on_success"]
    );
    assert!(cooked.stderr.contains("nothing changed since it began"), "{}", cooked.stderr);
}

#[test]
fn real_client_without_its_transcript_a_session_that_changed_something_is_asked_about() {
    let Some(client) = require_client() else { return };
    let kitchen = forgotten(&client, "echo half > work");
    let before = kitchen.journal();
    let refused = kitchen.run(["cook", "--resume"]).expect_code(130);
    assert_eq!(kitchen.journal(), before, "the run stays as it is");
    insta::assert_snapshot!(kitchen.tidy(&refused.stderr));
    let api = ScriptedApi::start(|conversation| {
        if conversation.contains("the chore is done") { Reply::text("Done.") } else { chore_done() }
    });
    let cooked = kitchen.cook(&api, ["--resume", "--rerun"]).expect_code(0);
    assert_eq!(
        cooked.story()[3..],
        ["resumed at chore", "chore#1 success -> succeeded", "succeeded: on_success"]
    );
}

#[test]
fn real_client_after_ctrl_c_nothing_is_left_and_the_session_goes_on() {
    let Some(client) = require_client() else { return };
    let kitchen = noted_chores(&client);
    {
        let api = ScriptedApi::play(runs(STAYS));
        let mut cooking = kitchen.start_cooking(&api, ["noted"]);
        cooking.wait_for_processes("sleep 1000", 3);
        cooking.signal(Signal::SIGINT);
        let cooked = cooking.finish().expect_code(130);
        // What it started is gone before the program says that it stopped.
        kitchen.assert_nothing_left_now();
        assert_eq!(cooked.story()[2..], ["chore#1 cut off", "stopped, resumable: stopped by the user"]);
        let used = |event: &Event| matches!(event, Event::StepCutOff { usage, .. } if usage.turns == 1 && usage.output > 0);
        assert!(cooked.journal.iter().any(|entry| used(&entry.event)), "what it used counts");
        let run = kitchen.run_dir().expect("there is a run");
        let run = run.file_name().expect("it has a name").to_string_lossy();
        let resume = format!("autoskillit cook --resume {run}");
        assert!(cooked.stderr.contains(&resume), "{}", cooked.stderr);
    }
    assert_resumes(&kitchen, &["stopped, resumable: stopped by the user"]);
}

/// Stops a run whose model has not answered yet, at the moment that `wait` waits for, and checks that it can be taken up.
fn assert_stopped_early_resumes(client: &Path, wait: impl FnOnce(&mut Cooking<'_>, &ScriptedApi)) {
    let kitchen = chores(client, "");
    {
        let api = ScriptedApi::start(|_| Reply::hang());
        let mut cooking = kitchen.start_cooking(&api, ["chores"]);
        wait(&mut cooking, &api);
        cooking.signal(Signal::SIGINT);
        cooking.finish().expect_code(130);
        kitchen.assert_nothing_left_now();
    }
    let api = ScriptedApi::start(|conversation| {
        if conversation.contains("the chore is done") { Reply::text("Done.") } else { chore_done() }
    });
    let cooked = kitchen.cook(&api, ["--resume"]).expect_code(0);
    assert_eq!(cooked.story().last().map(String::as_str), Some("succeeded: on_success"));
    let asked = &api.conversations()[0];
    assert!(asked.user_text().contains("Do the chore"), "it knows its task: {}", asked.user_text());
}

#[test]
fn real_client_stopped_while_it_starts_can_be_taken_up() {
    let Some(client) = require_client() else { return };
    assert_stopped_early_resumes(&client, |cooking, _| {
        cooking.wait_for_journal("the chore", |event| matches!(event, Event::StepStarted { .. }));
    });
}

#[test]
fn real_client_stopped_before_its_first_answer_can_be_taken_up() {
    let Some(client) = require_client() else { return };
    assert_stopped_early_resumes(&client, |_, api| {
        api.wait_for_conversations(1, Duration::from_secs(30));
    });
}

#[test]
fn real_client_a_second_ctrl_c_does_not_wait() {
    let Some(client) = require_client() else { return };
    let kitchen = noted_chores(&client);
    let api = ScriptedApi::play(runs(STAYS));
    let mut cooking = kitchen.start_cooking(&api, ["noted"]);
    cooking.wait_for_processes("sleep 1000", 3);
    let began = std::time::Instant::now();
    cooking.signal(Signal::SIGINT);
    cooking.signal(Signal::SIGINT);
    let cooked = cooking.finish().expect_code(130);
    let took = began.elapsed();
    kitchen.assert_nothing_left_now();
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(cooked.story()[2..], ["chore#1 cut off", "stopped, resumable: stopped by the user"]);
}

#[test]
fn real_client_a_rejected_login_fails_fast_and_says_what_to_do() {
    let Some(client) = require_client() else { return };
    let kitchen = chores(&client, "");
    let api = ScriptedApi::start(|_| Reply::unauthorized());
    let cooked = kitchen.cook(&api, ["chores"]).expect_code(1);
    assert_eq!(cooked.story()[1], "chore#1 authentication_failed -> failed");
    assert!(cooked.took < Duration::from_secs(15), "{:?}", cooked.took);
    assert_eq!(cooked.ended("chore", 1)["fault"], "service");
    insta::assert_snapshot!(cooked.screen());
}

/// Cooks a chore with a model service that always answers so; the run can be resumed, and then the same visit completes.
#[track_caller]
fn assert_service_trouble(client: &Path, reply: Reply, label: &str) {
    let kitchen = chores(client, "max_visits: 1")
        .env("CLAUDE_CODE_MAX_RETRIES", "1")
        .env("AUTOSKILLIT_RUN_SKILL__SERVICE_PATIENCE", "0");
    {
        let api = ScriptedApi::start(move |_| reply.clone());
        let cooked = kitchen.cook(&api, ["chores"]).expect_code(1);
        let story = cooked.story();
        assert_eq!(story[1], format!("chore#1 {label} -> failed"));
        assert!(story[2].starts_with("failed, resumable: "), "{story:#?}");
    }
    let api = ScriptedApi::play(Script::new().turn(chore_done()).then_always(Reply::text("Done.")));
    let cooked = kitchen.cook(&api, ["--resume"]).expect_code(0);
    assert_eq!(cooked.story().last().map(String::as_str), Some("succeeded: on_success"));
}

#[test]
fn real_client_a_rate_limit_can_be_resumed() {
    let Some(client) = require_client() else { return };
    assert_service_trouble(&client, Reply::error(429, "rate_limit_error", "slow down"), "rate_limited");
}

#[test]
fn real_client_an_overloaded_service_can_be_resumed() {
    let Some(client) = require_client() else { return };
    assert_service_trouble(&client, Reply::overloaded(), "service_unavailable");
}

#[test]
fn real_client_a_full_context_is_said() {
    let Some(client) = require_client() else { return };
    let kitchen = chores(&client, "");
    let api = ScriptedApi::start(|_| Reply::prompt_too_long());
    let cooked = kitchen.cook(&api, ["chores"]).expect_code(1);
    assert_eq!(cooked.story()[1], "chore#1 context_exhausted -> failed");
    assert_eq!(cooked.ended("chore", 1)["result"]["retry_reason"], "resume");
}

#[test]
fn real_client_without_its_declared_outputs_breaks_its_contract() {
    let Some(client) = require_client() else { return };
    let kitchen = chores(&client, "");
    let api = ScriptedApi::start(|_| Reply::text("I am done, believe me."));
    let cooked = kitchen.cook(&api, ["chores"]).expect_code(1);
    assert_eq!(cooked.story()[1], "chore#1 contract_violation -> failed");
}

#[test]
fn real_client_gets_arguments_as_text_and_commands_get_values_as_values() {
    let Some(client) = require_client() else { return };
    let nasty = r#"it's "quoted"; touch x1 $(touch x2) `touch x3` | & \ *"#;
    let kitchen = chores(&client, "").recipe(
        "nasty",
        r#"
name: nasty
description: Values stay values.
allow: { dead-output: the journal is looked at }
ingredients:
  value:
    description: Anything.
    required: true
steps:
  argv:
    tool: run_cmd
    with:
      argv: [printf, "%s", "${{ inputs.value }}"]
    capture: { argv: "${{ result.stdout }}" }
    on_success: env
  env:
    tool: run_cmd
    with:
      cmd: printf %s "$VALUE"
      env: { VALUE: "${{ inputs.value }}" }
    capture: { env: "${{ result.stdout }}" }
    on_success: quoted
  quoted:
    tool: run_cmd
    with:
      cmd: printf %s ${{ inputs.value | sh }}
    capture: { quoted: "${{ result.stdout }}" }
    on_success: chore
  chore:
    skill: chore
    args: ["${{ inputs.value }}", second]
    on_success: done
"#,
    );
    let api = ScriptedApi::play(Script::new().turn(chore_done()).then_always(Reply::text("Done.")));
    let cooked = kitchen.cook(&api, ["nasty", &format!("value={nasty}")]).expect_code(0);
    for step in ["argv", "env", "quoted"] {
        assert_eq!(cooked.ended(step, 1)["captures"][step], nasty);
    }
    let asked = api.conversations()[0].user_text();
    let quoted = nasty.replace('\'', r"'\''");
    assert!(asked.contains(&format!("Do the chore: '{quoted}' second")), "{asked}");
    assert_eq!(kitchen.changes(), "", "no shell ran a part of the value");
}

#[test]
fn real_client_reads_the_projects_settings_and_of_the_users_what_it_needs() {
    let Some(client) = require_client() else { return };
    let hook =
        |name: &str| json!([{"hooks": [{"type": "command", "command": format!("touch $HOME/{name}")}]}]);
    let settings = json!({
        "env": {"FROM_USER_SETTINGS": "carried over"},
        "hooks": {"SessionStart": hook("hooked-start"), "PreToolUse": hook("hooked-tool"), "Stop": hook("hooked-stop")},
    });
    let kitchen = chores(&client, "")
        .file("CLAUDE.md", "House rule: wash the pans first.\n")
        .home_file(".claude/settings.json", &settings.to_string())
        .home_file(".claude/CLAUDE.md", "A rule of the user's own.\n")
        .env("CLAUDECODE", "enclosing")
        .env("CLAUDE_CODE_SSE_PORT", "enclosing")
        .env("CLAUDE_CODE_SESSION_ID", "enclosing")
        .env("MY_VARIABLE", "mine");
    let api = ScriptedApi::play(runs("env > seen.txt"));
    kitchen.cook(&api, ["chores"]).expect_code(0);

    let asked = &api.conversations()[0];
    assert!(asked.contains("wash the pans first"), "the project's CLAUDE.md is read");
    let seen = kitchen.read("seen.txt").expect("the session ran its command");
    let has = |line: &str| seen.lines().any(|seen| seen == line);
    assert!(has("FROM_USER_SETTINGS=carried over"), "{seen}");
    assert!(has("MY_VARIABLE=mine"), "{seen}");
    assert!(!seen.contains("enclosing"), "{seen}");
    for hooked in ["hooked-start", "hooked-tool", "hooked-stop"] {
        assert!(!kitchen.home().join(hooked).exists(), "a hook of the user's settings ran: {hooked}");
    }
}

#[test]
fn real_client_takes_a_prompt_that_no_command_line_holds() {
    let Some(client) = require_client() else { return };
    let kitchen = chores(&client, "").recipe(
        "long",
        r#"
name: long
description: A long task.
ingredients:
  one: { description: A part., required: true }
  two: { description: A part., required: true }
  three: { description: A part., required: true }
steps:
  chore:
    skill: chore
    args: ["${{ inputs.one }}", "${{ inputs.two }}", "${{ inputs.three }}"]
    on_success: done
"#,
    );
    let api = ScriptedApi::play(Script::new().turn(chore_done()).then_always(Reply::text("Done.")));
    let part = |name: &str| format!("{name}={} end-of-{name}", "stir ".repeat(20_000));
    kitchen.cook(&api, ["long".to_owned(), part("one"), part("two"), part("three")]).expect_code(0);
    let asked = api.conversations()[0].user_text();
    assert!(asked.len() > 300_000, "{}", asked.len());
    assert!(asked.contains("end-of-one") && asked.contains("end-of-three"));
}

#[test]
fn real_client_that_leaves_a_process_behind_is_told_on() {
    let Some(client) = require_client() else { return };
    let kitchen = chores(&client, "");
    let api = ScriptedApi::play(runs("setsid sleep 1000 >/dev/null 2>&1 & echo started"));
    let cooked = kitchen.cook(&api, ["chores"]).expect_code(0);
    kitchen.assert_nothing_left_now();
    let ended = cooked.ended("chore", 1);
    assert_eq!(ended["summary"], "the chore is done (1 process it left running ended)");
    assert!(cooked.screen().contains("1 process it left running ended"), "{}", cooked.screen());
}

#[test]
fn real_client_run_as_json_is_json_to_the_end() {
    let Some(client) = require_client() else { return };
    let kitchen = Kitchen::broken(&client);
    let api = ScriptedApi::play(repairs(&kitchen));
    let cooked = kitchen.cook(&api, ["fix-tests", "--json"]).expect_code(0);
    let lines: Vec<Value> = cooked
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    assert_eq!(cooked.stderr, "");
    assert!(lines.iter().all(|line| line["schema_version"] == 1));
    let entries: Vec<Value> = lines.iter().filter(|line| line["seq"].is_u64()).cloned().collect();
    let journal: Vec<Value> =
        cooked.journal.iter().map(|entry| serde_json::to_value(entry).expect("an entry is JSON")).collect();
    assert_eq!(entries, journal, "the journal's lines come as they are");
    let doing = |tool: &str| lines.iter().any(|line| line["live"] == "doing" && line["tool"] == tool);
    assert!(doing("Read") && doing("Edit"), "{lines:#?}");
    let end = lines.last().expect("there are lines");
    assert_eq!(end["event"], "end");
    assert_eq!(end["status"], "succeeded");
    assert_eq!(end["changes"], json!([{"path": "sum.sh", "kind": "M", "added": 1, "deleted": 1}]));
}

#[test]
fn real_client_secrets_are_in_no_file_of_the_run_and_on_no_screen() {
    let Some(client) = require_client() else { return };
    // No token shape: only the variable's name tells that it is secret.
    let secret = "plain words 4711 \"quoted\" \\ slashed";
    let of_settings = "words of the settings 4712";
    let settings = json!({"env": {"PROVIDER_AUTH_TOKEN": of_settings}}).to_string();
    let kitchen = chores(&client, "").env("MY_API_KEY", secret).home_file(".claude/settings.json", &settings);
    let kitchen = kitchen.recipe(
        "loud",
        r#"
name: loud
description: Says what it knows.
ingredients:
  task: { description: What to do., required: true }
steps:
  tell:
    tool: run_cmd
    with:
      # More than one buffer of it, which no chunk of a pipe may cut a secret out of.
      cmd: yes "$MY_API_KEY" | head -n 5000; echo "$MY_API_KEY" >&2
    capture: { told: "${{ result.stdout }}" }
    on_success: chore
  chore:
    skill: chore
    args: ["${{ inputs.task }}"]
    capture: { summary: "${{ result.summary }}" }
    on_success: told
  told:
    stop:
      status: succeeded
      message: "${{ context.summary }} ${{ context.told }}"
"#,
    );
    let api =
        ScriptedApi::play(
            Script::new()
                .turn(Reply::text(format!("The key is {secret}.")).and_tool(
                    "Bash",
                    json!({"command": format!("env; : '{secret}'"), "description": secret}),
                ))
                .turn(Reply::structured_output(json!({"summary": format!("It was {secret}.")})))
                .then_always(Reply::text(format!("Done with {secret}."))),
        );
    let refused = kitchen.cook(&api, ["loud".to_owned(), format!("task=use {secret}")]).expect_code(2);
    assert!(refused.stderr.contains("`task` holds a secret"), "{}", refused.stderr);
    let cooked = kitchen.cook(&api, ["loud", "task=use it", "--json"]).expect_code(0);
    let asked = api.conversations();
    let knows = |secret| asked.iter().any(|asked| asked.contains(secret));
    assert!(knows(secret) && knows(of_settings), "the session itself sees its environment");
    // However a text is written down and cut, these parts of a secret stay.
    for part in ["plain words", "words 4711", "slashed", of_settings] {
        let telling: Vec<PathBuf> =
            kitchen.below(".autoskillit/runs").into_iter().filter(|path| holds(path, part)).collect();
        assert_eq!(telling, Vec::<PathBuf>::new(), "{part}");
        assert!(!cooked.stdout.contains(part), "{part}: {}", cooked.stdout);
        assert!(!cooked.stderr.contains(part), "{part}: {}", cooked.stderr);
    }
}

#[test]
fn real_client_runs_are_private() {
    let Some(client) = require_client() else { return };
    let settings = json!({"env": {"FROM_USER_SETTINGS": "carried over"}});
    let kitchen = Kitchen::broken(&client).home_file(".claude/settings.json", &settings.to_string());
    let api = ScriptedApi::play(repairs(&kitchen));
    kitchen.cook(&api, ["fix-tests"]).expect_code(0);
    let open: Vec<String> = kitchen
        .below(".autoskillit/runs")
        .into_iter()
        .filter_map(|path| {
            let facts = path.symlink_metadata().expect("it is there");
            let mode = facts.permissions().mode() & 0o777;
            let private = if facts.is_dir() { 0o700 } else { 0o600 };
            (mode != private).then(|| format!("{mode:o} {}", kitchen.tidy(&path.display().to_string())))
        })
        .collect();
    assert_eq!(open, Vec::<String>::new());
}

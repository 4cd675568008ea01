//! The account's limits and the money of a run, with the real client: what waits, what ends, and what is never looked at.

#![expect(clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::OnceLock;

use autoskillit::engine::event::Event;
use jiff::{SignedDuration, Timestamp};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use serde_json::{Value, json};

use support::api::{Reply, Script, ScriptedApi, Usage};
use support::client::require_client;
use support::kitchen::{CHORE, Kitchen, until};

/// A project with one skill and a recipe of these lines.
fn kitchen(recipe: &str) -> Kitchen {
    let recipe = format!("name: chores\ndescription: One chore.\n{recipe}");
    Kitchen::new().skill("chore", CHORE).recipe("chores", &recipe)
}

const ONE: &str = "steps:\n  chore:\n    skill: chore\n    on_success: done\n";

/// The same with an account that is logged in, and these settings of the guard.
fn with_plan(client: &Path, settings: &str) -> Kitchen {
    let login = json!({"claudeAiOauth": {
        "accessToken": "t", "refreshToken": "r", "expiresAt": 9_999_999_999_999_u64,
        "scopes": ["user:inference", "user:profile"], "subscriptionType": "max",
    }});
    kitchen(ONE)
        .client(client)
        .home_file(".claude/.credentials.json", &login.to_string())
        .config(&format!("quota_guard:\n  buffer_seconds: 0\n{settings}"))
        .env("ANTHROPIC_API_KEY", "")
}

fn five_hour(utilization: f64, reset_in: i64) -> Value {
    let reset = Timestamp::now() + SignedDuration::from_secs(reset_in);
    json!({"five_hour": {"utilization": utilization, "resets_at": reset.to_string()}})
}

fn chore_done() -> Script {
    let answer = Reply::structured_output(json!({"summary": "the chore is done"}));
    Script::new().turn(answer).then_always(Reply::text("Done."))
}

const DONE: [&str; 2] = ["started chores", "chore#1 success -> succeeded"];

#[test]
fn real_client_waits_for_the_plan_before_it_starts() {
    let Some(client) = require_client() else { return };
    let kitchen = with_plan(&client, "");
    let api = ScriptedApi::play(chore_done());
    // What is committed before the first run takes time that the reset does not give.
    kitchen.run(["recipes", "list"]).expect_code(0);
    api.plan([five_hour(95.0, 3), five_hour(4.0, 18_000)]);
    let cooked = kitchen.cook(&api, ["chores"]).expect_code(0);
    assert_eq!(cooked.story()[..2], DONE);
    assert_eq!(api.plan_requests(), 2);
    let screen = cooked.screen();
    assert!(
        screen.contains("waiting: the account's `five_hour` limit is used to 95 %, sessions wait from 85 %"),
        "{screen}"
    );

    // In the morning it can be seen why the night was long.
    let waits: Vec<_> = cooked
        .journal
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Waiting { step, why, until } => Some((step.as_deref(), why.clone(), *until)),
            _ => None,
        })
        .collect();
    let [(Some("chore"), why, until)] = &waits[..] else { panic!("one wait of the step: {waits:?}") };
    assert!(*until <= Timestamp::now() && why.contains("`five_hour`"), "{waits:?}");
    for command in [["runs", "show"], ["runs", "why"]] {
        let shown = kitchen.run(command).expect_code(0);
        assert!(shown.stdout.contains("the account's `five_hour` limit is used to 95 %"), "{}", shown.stdout);
    }

    // What was said holds for the next run, and machines are told the same.
    let shown = kitchen.start_with(&api, ["quota-status", "--json"]).finish().expect_code(0);
    let shown: Value = serde_json::from_str(&shown.stdout).expect("one line of JSON");
    assert_eq!(
        (&shown["state"], &shown["source"], &shown["binding"]),
        (&json!("known"), &json!("cache"), &json!("five_hour"))
    );
    assert_eq!((&shown["windows"][0]["utilization"], &shown["waits_until"]), (&json!(4.0), &Value::Null));
    assert_eq!(api.plan_requests(), 2);
}

#[test]
fn real_client_a_wait_is_stopped_and_the_run_goes_on_later() {
    let Some(client) = require_client() else { return };
    let kitchen = with_plan(&client, "");
    let api = ScriptedApi::play(chore_done());
    api.plan([five_hour(95.0, 3600)]);
    let mut cooking = kitchen.start_cooking(&api, ["chores", "--json"]);
    cooking.wait_for_journal("the wait", |event| matches!(event, Event::Waiting { .. }));
    cooking.signal(Signal::SIGINT);
    let cooked = cooking.finish().expect_code(130);
    assert_eq!(
        cooked.story(),
        ["started chores", "chore#1 cut off", "stopped, resumable: stopped by the user"]
    );
    let lines =
        cooked.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    let waits: Vec<Value> = lines.filter(|line| line["live"] == "waiting").collect();
    let [wait] = &waits[..] else { panic!("one wait is told: {waits:?}") };
    let why = wait["why"].as_str().expect("a text");
    assert!(why.contains(": goes on at ") && why.contains(" (in 59m 5"), "{why}");
    assert!(api.conversations().is_empty());

    api.plan([five_hour(1.0, 3600)]);
    let resumed = kitchen.cook(&api, ["--resume"]).expect_code(0);
    assert!(resumed.story().iter().any(|line| line == DONE[1]), "{:?}", resumed.story());
}

#[test]
fn real_client_does_not_wait_longer_than_it_may() {
    let Some(client) = require_client() else { return };
    let kitchen = with_plan(&client, "  max_wait: 10m\n");
    let api = ScriptedApi::play(chore_done());
    api.plan([five_hour(95.0, 3600)]);
    let cooked = kitchen.cook(&api, ["chores"]).expect_code(3);
    let screen = cooked.screen();
    assert!(screen.contains("exhausted") && screen.contains("quota_guard.max_wait"), "{screen}");
    assert!(api.conversations().is_empty());
    let kitchen = kitchen.env("AUTOSKILLIT_QUOTA_GUARD__ENABLED", "false");
    kitchen.cook(&api, ["--resume"]).expect_code(0);
}

#[test]
fn real_client_what_is_not_known_is_said_once_and_holds_nothing_up() {
    let Some(client) = require_client() else { return };
    let recipe = "steps:\n  one:\n    skill: chore\n    on_success: two\n  two:\n    skill: chore\n    on_success: done\n";
    let kitchen =
        with_plan(&client, "").recipe("chores", &format!("name: chores\ndescription: Two.\n{recipe}"));
    let answer = || Reply::structured_output(json!({"summary": "the chore is done"}));
    let api = ScriptedApi::start(move |conversation| match conversation.assistant_turns() {
        0 => answer(),
        _ => Reply::text("Done."),
    });
    api.plan([Value::String("what plan?".into())]);
    let cooked = kitchen.cook(&api, ["chores"]).expect_code(0);
    assert_eq!(
        cooked.screen().matches("it is not known how much of the plan is used").count(),
        1,
        "{}",
        cooked.screen()
    );
    assert_eq!(api.plan_requests(), 2);
}

#[test]
fn switched_off_it_reads_nothing_and_asks_nobody() {
    // Whoever opens one of these waits for somebody at the other end.
    let kitchen = kitchen(ONE).file(".keep", "");
    let pipe = |path: &str| {
        let path = kitchen.home().join(path);
        std::fs::create_dir_all(path.parent().expect("it is in a folder")).expect("the home is writable");
        nix::unistd::mkfifo(&path, Mode::S_IRWXU).expect("a pipe can be made");
        path
    };
    let credentials = pipe(".claude/.credentials.json");
    pipe(".cache/autoskillit/quota.json");
    let status = |args: &[&str]| {
        let shown = kitchen.run([&["quota-status", "--json"], args].concat()).expect_code(0);
        serde_json::from_str::<Value>(&shown.stdout).expect("one line of JSON")["state"].clone()
    };
    assert_eq!(status(&["--config", "quota_guard.enabled=false"]), "off");
    std::fs::write(kitchen.repository().join(".autoskillit/config.yaml"), "quota_guard: {enabled: false}\n")
        .expect("it is writable");
    assert_eq!(status(&[]), "off");
    assert_eq!(status(&["--config", "quota_guard.enabled=no"]), "off");

    // With the guard the pipe is opened: what was seen above is not an accident.
    let on = kitchen.start(["quota-status", "--config", "quota_guard.enabled=true"]);
    let reads = || {
        std::fs::OpenOptions::new().write(true).custom_flags(nix::libc::O_NONBLOCK).open(&credentials).is_ok()
    };
    until("a look at the login", reads);
    drop(on);
}

#[test]
fn real_client_switched_off_a_full_plan_is_nothing_to_it() {
    let Some(client) = require_client() else { return };
    for off in ["file", "variable", "flag"] {
        let settings = if off == "file" { "  enabled: false\n" } else { "" };
        let mut kitchen = with_plan(&client, settings);
        let mut args = vec!["chores"];
        match off {
            "variable" => kitchen = kitchen.env("AUTOSKILLIT_QUOTA_GUARD__ENABLED", "0"),
            "flag" => args.extend(["--config", "quota_guard.enabled=off"]),
            _ => {}
        }
        let api = ScriptedApi::play(chore_done());
        api.plan([five_hour(100.0, 3600)]);
        let cooked = kitchen.cook(&api, args).expect_code(0);
        assert_eq!((api.plan_requests(), cooked.screen().contains("waiting")), (0, false), "{off}");
        assert!(!kitchen.home().join(".cache/autoskillit/quota.json").exists(), "{off}");
    }
}

/// A model that goes on and on, for some dollars a turn.
fn spends() -> ScriptedApi {
    let usage = Usage { input: 1000, output: 100_000, ..Usage::default() };
    ScriptedApi::start(move |_| Reply::bash("true").usage(usage))
}

#[test]
fn real_client_spends_no_more_than_is_left_of_the_runs_budget() {
    let Some(client) = require_client() else { return };
    let recipe = "limits: {budget_usd: 0.05}\nsteps:\n  chore:\n    skill: chore\n    retries: 3\n    on_success: done\n    on_failure: done\n";
    let kitchen = kitchen(recipe).client(&client);
    let api = spends();
    let cooked = kitchen.cook(&api, ["chores"]).expect_code(3);
    let story = cooked.story();
    assert_eq!(story.len(), 3, "{story:?}");
    assert!(story[1].starts_with("chore#1 budget_exhausted -> "), "{story:?}");
    assert_eq!(story[2], "exhausted: the session spent the last [cost] of the run's budget and is not done");
    let refused = kitchen.cook(&api, ["--resume"]).expect_code(2);
    assert!(refused.screen().contains("there is no run to resume"), "{}", refused.screen());
}

#[test]
fn real_client_a_steps_own_budget_is_its_failure() {
    let Some(client) = require_client() else { return };
    let recipe = "limits: {budget_usd: 1000}\nsteps:\n  chore:\n    skill: chore\n    with: {budget_usd: '0.05'}\n    on_success: done\n    on_failure: told\n  told: {action: stop, message: too dear}\n";
    let kitchen = kitchen(recipe).client(&client);
    let cooked = kitchen.cook(&spends(), ["chores"]).expect_code(0);
    assert_eq!(cooked.story(), ["started chores", "chore#1 budget_exhausted -> told", "succeeded: too dear"]);

    let alone = "steps:\n  chore:\n    skill: chore\n    with: {budget_usd: '0.05'}\n    on_success: done\n";
    let kitchen = self::kitchen(alone).client(&client);
    let cooked = kitchen.cook(&spends(), ["chores"]).expect_code(3);
    assert_eq!(cooked.story()[2], "exhausted, resumable: `chore` spent its budget and is not done");
}

/// Today's file of what sessions cost, with this already spent.
fn spent_today(kitchen: &Kitchen, usd: f64) -> std::path::PathBuf {
    let now = jiff::Zoned::now();
    let dir = kitchen.home().join(".local/state/autoskillit/spend");
    std::fs::create_dir_all(&dir).expect("the home is writable");
    let file = dir.join(format!("{}.ndjson", now.date()));
    let line = json!({"schema_version": 1, "at": now.timestamp(), "run": "/x", "step": "s", "session": "y", "usd": usd});
    // The last line was cut short.
    std::fs::write(&file, format!("{line}\n{{\"schema_ver")).expect("it is writable");
    file
}

#[test]
fn real_client_a_day_that_is_spent_ends_the_run_until_the_next() {
    let Some(client) = require_client() else { return };
    let kitchen =
        kitchen(ONE).client(&client).config("quota_guard: {enabled: false}\nlimits: {daily_usd: 5}\n");
    let file = spent_today(&kitchen, 5.5);
    let api = ScriptedApi::play(chore_done());
    let cooked = kitchen.cook(&api, ["chores"]).expect_code(3);
    let screen = cooked.screen();
    assert!(
        screen.contains("today         [cost] spent of the [cost] of `limits.daily_usd`"),
        "the header: {screen}"
    );
    assert!(
        screen.contains("are spent for today ([cost]): it can go on from ") && screen.contains("(in "),
        "{screen}"
    );
    let story = cooked.story();
    assert!(
        story[1].starts_with("chore#1 daily limit -> ") && story[2].starts_with("exhausted, resumable: "),
        "{story:?}"
    );
    assert!(api.conversations().is_empty());
    let shown = kitchen.run(["quota-status", "--json"]).expect_code(0);
    let shown: Value = serde_json::from_str(&shown.stdout).expect("one line of JSON");
    assert_eq!((&shown["day"]["spent_usd"], &shown["day"]["limit_usd"]), (&json!(5.5), &json!(5.0)));

    // The next day nothing is spent yet.
    std::fs::remove_file(&file).expect("it is there");
    let resumed = kitchen.cook(&api, ["--resume"]).expect_code(0);
    assert!(
        resumed.story().iter().any(|line| line.ends_with("success -> succeeded")),
        "{:?}",
        resumed.story()
    );
    let kept = std::fs::read_to_string(&file).expect("what it cost is kept");
    let [line] = &kept.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>()[..] else {
        panic!("{kept}")
    };
    let line: Value = serde_json::from_str(line).expect("JSON");
    assert!(line["usd"].as_f64().is_some_and(|usd| usd > 0.0) && line["step"] == "chore", "{line}");
}

#[test]
fn real_client_a_session_spends_no_more_than_is_left_of_the_day() {
    let Some(client) = require_client() else { return };
    let kitchen = kitchen(&format!("limits: {{budget_usd: 1000}}\n{ONE}"))
        .client(&client)
        .config("quota_guard: {enabled: false}\nlimits: {daily_usd: 5}\n");
    spent_today(&kitchen, 4.95);
    let cooked = kitchen.cook(&spends(), ["chores"]).expect_code(3);
    let story = cooked.story();
    assert!(story[1].starts_with("chore#1 budget_exhausted -> "), "{story:?}");
    assert!(story[2].starts_with("exhausted, resumable: the session spent the last "), "{story:?}");
    assert!(story[2].contains("of the day (`limits.daily_usd`)"), "{story:?}");
    let session = &cooked.sessions()[0];
    let spec = kitchen.run_dir().expect("a run").join("sessions").join(session).join("spec.json");
    let spec: Value = serde_json::from_str(&std::fs::read_to_string(spec).expect("its spec")).expect("JSON");
    let budget = spec["budget_usd"].as_f64().expect("a budget");
    assert!((budget - 0.05).abs() < 1e-9, "{budget}");
}

#[test]
fn real_client_a_limit_that_nothing_is_reckoned_against_is_none() {
    let Some(client) = require_client() else { return };
    let kitchen = kitchen(ONE)
        .client(&client)
        .home_file(".local/state/autoskillit/spend", "in the way")
        .config("quota_guard: {enabled: false}\n");
    let api = ScriptedApi::play(chore_done());
    let cooked = kitchen.cook(&api, ["chores", "--config", "limits.daily_usd=5"]).expect_code(4);
    assert!(cooked.screen().contains("what was spent today cannot be kept"), "{}", cooked.screen());
    assert!(api.conversations().is_empty());
    // Without a limit it is no reason to stop the work.
    kitchen.cook(&api, ["--resume"]).expect_code(0);
}

#[test]
fn real_client_a_run_ends_when_it_used_its_share_of_a_window() {
    let Some(client) = require_client() else { return };
    let two = "limits: {quota_share: 10}\nsteps:\n  one:\n    skill: chore\n    on_success: two\n  two:\n    skill: chore\n    on_success: done\n";
    let kitchen = with_plan(&client, "").recipe("chores", &format!("name: chores\ndescription: Two.\n{two}"));
    let answer = || Reply::structured_output(json!({"summary": "the chore is done"}));
    let api = ScriptedApi::start(move |conversation| match conversation.assistant_turns() {
        0 => answer(),
        _ => Reply::text("Done."),
    });
    // Before the first session: for the guard, and for where the share begins. Before the second one: the guard still knows.
    api.plan([five_hour(40.0, 9000), five_hour(40.0, 9000), five_hour(51.5, 9000)]);
    let cooked = kitchen.cook(&api, ["chores"]).expect_code(3);
    let story = cooked.story();
    assert_eq!(story[1], "one#1 success -> two", "{story:?}");
    assert!(story[2].starts_with("two#1 quota share -> "), "{story:?}");
    assert!(
        story[3].contains("11.5 % of the account's `five_hour` limit were used, and its share is 10 %"),
        "{story:?}"
    );
    assert!(story[3].starts_with("exhausted, resumable: "), "{story:?}");
    // In the same window it ends again, in the next one it goes on.
    kitchen.cook(&api, ["--resume"]).expect_code(3);
    api.plan([five_hour(20.0, 18_000)]);
    kitchen.cook(&api, ["--resume"]).expect_code(0);
}

#[test]
fn real_client_a_share_of_no_plan_is_said_once_and_holds_nothing_up() {
    let Some(client) = require_client() else { return };
    let two = "limits: {quota_share: 10}\nsteps:\n  one:\n    skill: chore\n    on_success: two\n  two:\n    skill: chore\n    on_success: done\n";
    let kitchen = kitchen(two).client(&client);
    let api = ScriptedApi::start(|conversation| match conversation.assistant_turns() {
        0 => Reply::structured_output(json!({"summary": "done"})),
        _ => Reply::text("Done."),
    });
    let cooked = kitchen.cook(&api, ["chores"]).expect_code(0);
    let said = "the run's share of the plan is not watched: sessions log in with ANTHROPIC_API_KEY";
    assert_eq!(cooked.screen().matches(said).count(), 1, "{}", cooked.screen());
}

#[test]
fn real_client_a_refusal_with_a_reset_is_waited_for() {
    let Some(client) = require_client() else { return };
    let kitchen = with_plan(&client, "");
    // The limit is told from the first request on, and resets a little later.
    let reset = OnceLock::new();
    let api = ScriptedApi::start(move |conversation| match conversation.assistant_turns() {
        _ if Timestamp::now().as_second() < *reset.get_or_init(|| Timestamp::now().as_second() + 3) => {
            Reply::error(429, "rate_limit_error", "the limit is reached")
                .header("anthropic-ratelimit-unified-status", "rejected")
                .header("anthropic-ratelimit-unified-representative-claim", "five_hour")
                .header(
                    "anthropic-ratelimit-unified-reset",
                    reset.get().copied().unwrap_or_default().to_string(),
                )
                .header("x-should-retry", "false")
        }
        0 => Reply::structured_output(json!({"summary": "the chore is done"})),
        _ => Reply::text("Done."),
    });
    let mut cooking = kitchen.start_cooking(&api, ["chores"]);
    cooking.wait_for_screen("another try at");
    let known = std::fs::read_to_string(kitchen.home().join(".cache/autoskillit/quota.json"));
    let known: Value = serde_json::from_str(&known.expect("it is kept")).expect("JSON");
    assert_eq!(known["refused"]["window"], "five_hour", "the sessions of other runs know of it meanwhile");
    let cooked = cooking.finish().expect_code(0);
    let screen = cooked.screen();
    assert_eq!(cooked.story()[..2], DONE);
    assert!(screen.contains("waiting: the account's limit is reached: another try at "), "{screen}");
}

#[test]
fn real_client_a_later_session_has_what_an_earlier_one_left() {
    let Some(client) = require_client() else { return };
    let recipe = "limits: {budget_usd: 1000}\nsteps:\n  one:\n    skill: chore\n    on_success: two\n  two:\n    skill: chore\n    on_success: done\n";
    let kitchen = kitchen(recipe).client(&client);
    let api = ScriptedApi::start(|conversation| match conversation.assistant_turns() {
        0 => Reply::structured_output(json!({"summary": "done"}))
            .usage(Usage { output: 100_000, ..Usage::default() }),
        _ => Reply::text("Done."),
    });
    let cooked = kitchen.cook(&api, ["chores"]).expect_code(0);
    let budget = |session: &String| {
        let dir = kitchen.run_dir().expect("a run").join("sessions").join(session);
        let spec = std::fs::read_to_string(dir.join("spec.json")).expect("the session has its spec");
        let spec: Value = serde_json::from_str(&spec).expect("it is JSON");
        spec["budget_usd"].as_f64().expect("a budget")
    };
    let budgets: Vec<f64> = cooked.sessions().iter().map(budget).collect();
    let spent = cooked.ended("one", 1)["usage"]["cost_usd"].as_f64().expect("a cost");
    assert!(spent > 0.1, "{spent}");
    assert_eq!(budgets.len(), 2);
    assert!(
        (budgets[0] - 1000.0).abs() < 1e-9 && (budgets[1] - (1000.0 - spent)).abs() < 1e-9,
        "{budgets:?} {spent}"
    );
}

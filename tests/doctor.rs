//! `doctor` with the real client, and with one that hangs.

#![expect(clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use autoskillit::execution::client::login::{Login, PROVIDERS, Places, Stored, login, state_file};
use autoskillit::execution::client::version::{CAPABILITIES, TESTED};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use support::client::{Scratch, require_client, scratch_env};
use support::kitchen::Kitchen;

/// Within this nothing is left, whatever happened to `doctor`.
const GONE: Duration = Duration::from_secs(8);

/// A client that hangs, with two children of which one leaves its group.
const HANGS: &str = "#!/bin/sh\nsleep 1000 &\nsetsid sleep 1000 &\nexec sleep 1000\n";

fn doctor(kitchen: &Kitchen) -> Vec<Value> {
    let report = kitchen.run(["doctor", "--json"]).stdout;
    let report: Value = serde_json::from_str(&report).expect("it is JSON");
    report["checks"].as_array().expect("it lists checks").clone()
}

fn check<'a>(checks: &'a [Value], id: &str) -> &'a Value {
    checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("no {id} in {checks:#?}"))
}

#[test]
fn real_client_is_known_and_not_changed() {
    let Some(client) = require_client() else { return };
    let kitchen = Kitchen::new().client(&client).env("ANTHROPIC_API_KEY", "sk-ant-scripted");
    let checks = doctor(&kitchen);
    let said = |id| (&check(&checks, id)["status"], check(&checks, id)["message"].as_str().expect("a text"));
    assert_eq!(said("client.version"), (&json!("ok"), &*format!("{TESTED}, which this was tested with")));
    let all = format!("all {} things that sessions count on", CAPABILITIES.len());
    assert_eq!(said("client.capabilities"), (&json!("ok"), &*all));
    assert_eq!(said("client.login"), (&json!("ok"), "with ANTHROPIC_API_KEY"));
    // Not even a start of the client leaves a trace.
    let home = std::fs::read_dir(kitchen.home()).expect("it is there").count();
    assert_eq!(home, 0);
    kitchen.assert_nothing_left_now();
}

/// What is said about the login is what the client itself says.
#[test]
fn real_client_agrees_about_the_login() {
    let Some(client) = require_client() else { return };
    let stored = |access: &str, scopes: &[&str]| {
        json!({"claudeAiOauth": {
            "accessToken": access, "refreshToken": "r", "expiresAt": 9_999_999_999_999_u64, "scopes": scopes,
        }})
        .to_string()
    };
    let good = stored("a", &["user:inference", "user:profile"]);
    let key = r#"{"primaryApiKey":"sk-ant-api03-x"}"#;
    let helper = r#"{"apiKeyHelper":"echo x"}"#;
    let none: &[(&str, &str)] = &[];
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str, &'a str, &'a str);
    let (empty, narrow) = (stored("", &["user:inference"]), stored("a", &["user:profile"]));
    // Variables, `.credentials.json`, `.claude.json`, `settings.json`, the client's name for the method.
    let cases: &[Case<'_>] = &[
        (none, "", "", "", "none"),
        (none, &good, "", "", "claude.ai"),
        (none, &empty, "", "", "none"),
        (none, &narrow, "", "", "none"),
        (none, "nonsense", "", "", "none"),
        (none, "", key, "", "api_key"),
        (none, "", "", helper, "api_key_helper"),
        (&[("ANTHROPIC_API_KEY", "x")], &good, "", "", "api_key"),
        (&[("ANTHROPIC_API_KEY", "")], &good, "", "", "claude.ai"),
        (&[("ANTHROPIC_AUTH_TOKEN", "x"), ("ANTHROPIC_API_KEY", "y")], "", "", "", "oauth_token"),
        (&[("CLAUDE_CODE_OAUTH_TOKEN", "x")], &good, "", "", "oauth_token"),
        (&[("CLAUDE_CODE_OAUTH_TOKEN", "x"), ("ANTHROPIC_API_KEY", "y")], "", "", "", "api_key"),
        (&[("CLAUDE_CODE_USE_BEDROCK", "0")], "", "", "", "none"),
        (&[("CLAUDE_CODE_USE_BEDROCK", "yes"), ("ANTHROPIC_API_KEY", "y")], "", "", "", "third_party"),
    ];
    for (env, credentials, state, settings, method) in cases {
        assert_agrees(&client, env, [credentials, state, settings], method);
    }
    for (name, _) in PROVIDERS {
        assert_agrees(&client, &[(name, "1")], ["", "", ""], "third_party");
    }
}

fn assert_agrees(client: &Path, env: &[(&str, &str)], files: [&str; 3], method: &str) {
    let scratch = Scratch::new();
    let names = [".claude/.credentials.json", ".claude.json", ".claude/settings.json"];
    for (name, text) in names.iter().zip(files).filter(|(_, text)| !text.is_empty()) {
        scratch.write(&format!("home/{name}"), text);
    }
    let home = scratch.home();
    let env: Vec<(String, String)> =
        env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let places = Places {
        env: &env,
        helper: (!files[2].is_empty()).then(|| home.join(names[2])),
        credentials: Stored::read(&home.join(names[0])),
        state: Stored::read(&state_file(None, &home)),
        keychain: false,
    };
    let ours = login(&places, jiff::Timestamp::now());
    let told = Command::new(client)
        .args(["auth", "status", "--json"])
        .env_clear()
        .envs(scratch_env(&home))
        .envs(env.iter().cloned())
        .current_dir(scratch.project())
        .stdin(Stdio::null())
        .output()
        .expect("the client starts");
    let told: Value = serde_json::from_slice(&told.stdout).expect("the client tells JSON");
    let case = format!("{env:?} {files:?}: {ours:?}, {told}");
    assert_eq!(told["authMethod"], method, "{case}");
    let as_theirs = match ours {
        Login::Provider(_) => "third_party",
        Login::Variable("ANTHROPIC_API_KEY") | Login::AccountKey => "api_key",
        Login::Variable(_) => "oauth_token",
        Login::Helper(_) => "api_key_helper",
        Login::Account | Login::AccountUntil(_) => "claude.ai",
        Login::Expired(_) | Login::Damaged(_) | Login::Unseen | Login::None => "none",
    };
    assert_eq!(as_theirs, method, "{case}");
}

fn hanging() -> Kitchen {
    let kitchen = Kitchen::new();
    let program = kitchen.home().join("claude-that-hangs");
    std::fs::write(&program, HANGS).expect("the home is writable");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).expect("the home is ours");
    kitchen.client(&program)
}

#[test]
fn a_client_that_hangs_costs_its_own_line_only() {
    let kitchen = hanging();
    let began = Instant::now();
    let checks = doctor(&kitchen);
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    assert_eq!(check(&checks, "client.version")["status"], "warning");
    assert_eq!(check(&checks, "git.identity")["status"], "ok");
    kitchen.assert_nothing_left_now();
}

#[test]
fn doctor_killed_leaves_nothing() {
    let kitchen = hanging();
    let mut examining = kitchen.start(["doctor"]);
    examining.wait_for_processes("sleep 1000", 3);
    examining.signal(Signal::SIGKILL);
    examining.finish().expect_code(137);
    kitchen.assert_nothing_left(GONE);
}

/// What a person waits for; the figure is printed.
#[test]
fn real_client_doctor_is_quick() {
    let Some(client) = require_client() else { return };
    let kitchen = Kitchen::new().client(&client).env("ANTHROPIC_API_KEY", "sk-ant-scripted");
    let mut times: Vec<Duration> = (0..9)
        .map(|_| {
            let began = Instant::now();
            doctor(&kitchen);
            began.elapsed()
        })
        .collect();
    times.sort();
    println!("doctor: median {:?}, {:?} to {:?}", times[4], times[0], times[8]);
    assert!(times[4] < Duration::from_secs(1), "{times:?}");
}

//! What is put off until the first answer is out, and what is told of it.

use std::time::{Duration, SystemTime};

use autoskillit::config::schema::file_text;
use autoskillit::core::ids::fingerprint;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::line::Line;
use super::support::kitchen::Kitchen;

const FAILS: &str = "\
name: fails
description: Fails.
steps:
  try:
    tool: run_cmd
    with: {cmd: 'echo no luck >&2; exit 7'}
    on_success: done
";

const WAITS: &str = "\
name: waits
description: Waits.
steps:
  wait:
    tool: run_cmd
    with: {cmd: 'touch begun; sleep 1000'}
    on_success: done
";

fn report(kitchen: &Kitchen, clear: bool) -> Value {
    let mut line = Line::connect(kitchen.server(None));
    line.good("open_kitchen", json!({}));
    let report = line.good("get_pipeline_report", json!({ "clear": clear }));
    line.close();
    line.finish();
    report
}

#[test]
fn what_failed_in_the_last_day_is_told_until_it_is_cleared() {
    let kitchen = Kitchen::new().recipe("fails", FAILS);
    kitchen.run(["cook", "fails"]).expect_code(1);
    let told = report(&kitchen, false);
    let failure = &told["failures"][0];
    let seen =
        ["step", "subtype", "exit_code", "needs_retry", "retry_reason"].map(|key| failure[key].clone());
    assert_eq!(told["total_failures"], 1, "{told}");
    assert_eq!(json!(seen), json!(["try", "exit code 7", 7, false, "none"]));
    assert!(failure["stderr"].as_str().is_some_and(|text| text.contains("no luck")), "{told}");
    assert_eq!(told.get("warning"), None, "{told}");

    assert_eq!(report(&kitchen, true)["total_failures"], 1);
    assert_eq!(
        report(&kitchen, false)["total_failures"],
        0,
        "cleared ones do not come back with the next server"
    );

    // What failed long ago is no news.
    kitchen.run(["cook", "fails"]).expect_code(1);
    let journal = kitchen.run_dir().expect("it ran").join("journal.ndjson");
    let long_ago = SystemTime::now() - Duration::from_secs(25 * 3600);
    std::fs::File::options().write(true).open(&journal).expect("ours").set_modified(long_ago).expect("ours");
    assert_eq!(report(&kitchen, false)["total_failures"], 0);
}

/// A failure is told in the same words while its run goes on and when its journal is read by the next server.
#[test]
fn what_fails_in_a_run_of_this_server_says_what_was_done() {
    let kitchen = Kitchen::new().recipe("fails", FAILS);
    let mut line = Line::connect(kitchen.server(None));
    line.good("open_kitchen", json!({ "name": "fails" }));
    line.good("run_cmd", json!({ "step_name": "try" }));
    let live = line.good("get_pipeline_report", json!({}));
    line.close();
    line.finish();
    assert!(
        live["failures"][0]["skill_command"].as_str().is_some_and(|told| told.contains("exit 7")),
        "{live}"
    );
    assert_eq!(report(&kitchen, false)["failures"], live["failures"]);
}

#[test]
fn a_run_that_was_cut_off_is_told_to_whoever_opens_the_kitchen() {
    let kitchen = Kitchen::new().recipe("waits", WAITS);
    let mut cooking = kitchen.start(["cook", "waits"]);
    cooking.wait_for_file("begun");
    let id = kitchen.run_dir().expect("it runs");
    let id = id.file_name().expect("a run has a name").to_string_lossy().into_owned();
    // While somebody drives it, it is not cut off.
    assert_eq!(report(&kitchen, false)["total_failures"], 0);
    cooking.signal(Signal::SIGKILL);
    cooking.finish();

    let mut line = Line::connect(kitchen.server(None));
    // The report waits for the work that was put off; what it found is then told at every opening.
    line.good("open_kitchen", json!({}));
    let told = line.good("get_pipeline_report", json!({}));
    assert_eq!(
        (&told["failures"][0]["subtype"], &told["failures"][0]["retry_reason"]),
        (&json!("crashed"), &json!("resume"))
    );
    line.good("close_kitchen", json!({}));
    let opened = line.good("open_kitchen", json!({}));
    let attention = opened["attention"][0].as_str().unwrap_or_default().to_owned();
    assert!(
        attention.contains(&format!("autoskillit cook --resume {id}")) && attention.contains("`wait`"),
        "{opened}"
    );
    // Nobody knows how far its command came: that is for a person to say.
    let (refused, _) = line.call("open_kitchen", json!({ "resume": id }));
    let hints = refused["hints"].to_string();
    assert!(refused["error"].as_str().is_some_and(|why| why.starts_with("`wait` was cut off")), "{refused}");
    assert!(hints.contains("cut_off `rerun`") && hints.contains("cut_off `skip`"), "{refused}");
    let resumed = line.good("open_kitchen", json!({ "resume": id, "cut_off": "rerun" }));
    assert_eq!(resumed["next"]["step_name"], "wait", "{resumed}");
    assert_eq!(resumed.get("attention"), None, "it goes on, so there is nothing to tell: {resumed}");
    let status = line.good("kitchen_status", json!({}));
    assert_eq!(status["warnings"], json!([]), "{status}");
}

/// A command that is told is one that works where the person is.
#[test]
fn how_a_run_goes_on_is_told_for_the_folder_of_the_server() {
    let kitchen = Kitchen::new().recipe("fails", FAILS);
    let top = kitchen.repository().display().to_string();
    let mut command = kitchen.server(None);
    command.args(["-C", &top]).current_dir(kitchen.home());
    let mut line = Line::connect(command);
    line.good("open_kitchen", json!({ "name": "fails" }));
    let closed = line.good("close_kitchen", json!({}));
    let id = closed["run"]["run_id"].as_str().expect("a run has an id");
    assert_eq!(closed["run"]["resume"], format!("autoskillit -C {top} cook --resume {id}"), "{closed}");
}

#[test]
fn what_settings_say_of_the_repository_is_told() {
    let set = "github: {default_repo: kitchen/soup}\nbranching: {default_base_branch: trunk}\n";
    for (config, told) in [("", json!([null, null])), (set, json!(["kitchen/soup", "trunk"]))] {
        let kitchen = Kitchen::new().config(config);
        let mut line = Line::connect(kitchen.server(None));
        line.good("open_kitchen", json!({}));
        let status = line.good("kitchen_status", json!({}));
        assert_eq!(
            json!([status.get("github_default_repo"), status.get("default_base_branch")]),
            told,
            "{status}"
        );
    }
}

#[test]
fn a_part_that_fails_is_told_and_keeps_nothing_from_being_ready() {
    let kitchen = Kitchen::new().recipe("fails", FAILS);
    kitchen.run(["cook", "fails"]).expect_code(1);
    let journal = kitchen.run_dir().expect("it ran").join("journal.ndjson");
    std::fs::write(&journal, "{}\n{}\n").expect("ours");
    let told = report(&kitchen, false);
    let failure = &told["failures"][0];
    assert_eq!(
        (&failure["subtype"], &failure["skill_command"]),
        (&json!("background_exception"), &json!("crash recovery and audit reload")),
        "{told}"
    );
    assert!(failure["stderr"].as_str().is_some_and(|text| text.contains("journal.ndjson:1")), "{told}");
    assert_eq!(told.get("warning"), None, "it did not wait in vain: {told}");
}

#[test]
fn old_leavings_go_and_what_is_ours_is_healed_and_what_is_the_users_is_told() {
    let kitchen = Kitchen::new()
        .file(".autoskillit/recipes/fails.yaml", FAILS)
        .file(".autoskillit/.secrets.yaml", "github:\n  token: abcdefghijklmnop\n");
    let mut line = Line::connect(kitchen.server(None));
    line.good("open_kitchen", json!({}));
    line.close();
    line.finish();
    let kitchens = kitchen.repository().join(".autoskillit/temp/kitchens");
    let old = std::fs::read_dir(&kitchens).expect("a kitchen was open").flatten().next().expect("one").path();
    let long_ago = SystemTime::now() - Duration::from_secs(4 * 24 * 3600);
    std::fs::File::options()
        .write(true)
        .open(old.join("lock"))
        .expect("ours")
        .set_modified(long_ago)
        .expect("ours");
    std::fs::remove_file(kitchen.repository().join(".autoskillit/.gitignore")).expect("it was written");

    report(&kitchen, false);
    assert!(!old.exists(), "what was closed long ago is cleared away");
    assert!(
        kitchen.read(".autoskillit/.gitignore").is_some_and(|text| text.contains("/.secrets.yaml")),
        "it is there again"
    );

    std::fs::write(kitchen.repository().join(".autoskillit/.gitignore"), "/runs/\n/temp/\n").expect("ours");
    let schema = kitchen.repository().join(".autoskillit/config.schema.json");
    std::fs::write(&schema, older_schema()).expect("ours");
    let mut line = Line::connect(kitchen.server(None));
    line.good("open_kitchen", json!({}));
    line.good("get_pipeline_report", json!({}));
    let status = line.good("kitchen_status", json!({}));
    let warnings = status["warnings"].to_string();
    assert!(warnings.contains(".secrets.yaml holds secrets and git would commit it"), "{status}");
    assert!(warnings.contains("`autoskillit init` renews it"), "{status}");
    assert_eq!(
        std::fs::read_to_string(&schema).ok(),
        Some(older_schema()),
        "it is in the repository: only told"
    );
    assert_eq!(
        kitchen.read(".autoskillit/.gitignore").as_deref(),
        Some("/runs/\n/temp/\n"),
        "what a user wrote stays"
    );
}

#[test]
fn outside_of_a_repository_the_server_serves_and_says_what_is_missing() {
    let kitchen = Kitchen::new();
    let mut command = kitchen.server(None);
    command.current_dir(kitchen.home());
    let mut line = Line::connect(command);
    let (refused, is_error) = line.call("open_kitchen", json!({}));
    assert!(
        is_error
            && refused["error"].as_str().is_some_and(|error| error.contains("is not in a git repository")),
        "{refused}"
    );
    assert_eq!(line.tools(), ["open_kitchen", "close_kitchen"]);
}

/// The schema file as another version would have written it.
fn older_schema() -> String {
    let now: Value = serde_json::from_str(&file_text()).expect("it is JSON");
    let mark = now["$comment"].as_str().expect("it is marked");
    let (mark, _) = mark.rsplit_once(' ').expect("the mark ends with a fingerprint");
    let bare = json!({ "type": "object" });
    let fingerprint = fingerprint(&format!("{bare:#}"));
    json!({ "$comment": format!("{mark} {fingerprint}"), "type": "object" }).to_string()
}

/// The log of a session whose program went away is completed, whether or not anybody goes on with its run.
#[test]
fn a_session_log_without_an_end_gets_one() {
    let kitchen = Kitchen::new();
    let folder = kitchen.repository().join(".autoskillit");
    let session = folder.join("runs/r1/sessions/s1");
    let gone = json!({ "pid": 1, "start_ticks": 1, "boot_id": "another life of the machine" });
    let summary = json!({
        "schema_version": 1, "status": "running", "session_id": "s1", "continues": false, "run_id": "r1", "place": null,
        "cwd": "/", "client": "claude", "client_version": null, "model": null, "transcript": null, "prompt": "",
        "started_at": "2026-01-02T03:04:05Z", "ended_at": null, "elapsed_ms": null, "owner": gone, "process": gone,
        "limits": { "wall_clock_ms": 1, "stale_ms": null, "idle_ms": null }, "termination": null, "exit": null,
        "verdict": null, "refused": [], "made_good": [], "background": [], "open_calls": [], "missing_outputs": [],
        "left": [], "stdout_held": false, "dropped_lines": 0, "records": 0, "tool_calls": 0, "usage": {},
        "usage_by_model": {}, "peaks": { "rss_kb": null, "cpu_ms": null, "processes": 0, "threads": null, "fds": null,
        "oom_score": null }, "samples": 0, "anomalies": [], "log_trouble": null,
    });
    let began = json!({
        "schema_version": 1, "dir": "runs/r1/sessions/s1", "session_id": "s1", "status": "running",
        "started_at": "2026-01-02T03:04:05Z",
    });
    std::fs::create_dir_all(&session).expect("ours");
    std::fs::create_dir_all(folder.join("temp/sessions")).expect("ours");
    std::fs::write(session.join("summary.json"), summary.to_string()).expect("ours");
    std::fs::write(folder.join("temp/sessions/2026-01-02.ndjson"), format!("{began}\n")).expect("ours");
    report(&kitchen, false);
    let completed = std::fs::read_to_string(session.join("summary.json")).expect("it is there");
    let completed: Value = serde_json::from_str(&completed).expect("it is whole");
    assert_eq!(completed["status"], "crashed", "{completed}");
    let index = std::fs::read_to_string(folder.join("temp/sessions/2026-01-02.ndjson")).expect("it is there");
    assert!(index.lines().count() == 2 && index.contains("crashed"), "{index}");
}

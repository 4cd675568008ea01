//! What is told of folders as they may be found.

use std::path::Path;

use serde_json::{Value, json};

use super::{Why, why};
use crate::app::runs;
use crate::core::files;
use crate::core::paths::KitchenDir;

struct Kitchen {
    root: tempfile::TempDir,
    dir: KitchenDir,
}

impl Kitchen {
    /// A run with these events after its start.
    fn with(events: &[Value]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let dir = KitchenDir::of(root.path());
        files::create_private_dir(dir.run("r1").root()).unwrap();
        let started = json!({
            "event": "run_started", "run_id": "r1", "recipe": "soup", "description": "", "recipe_hash": "",
            "source": "project", "orchestrator": "engine", "permissions": "bypass", "repository": "/", "branch": null,
            "commit": null, "dirty": false, "inputs": {}, "rehearsal": null, "autoskillit_version": "0",
        });
        let mut text = String::new();
        for (at, event) in std::iter::once(&started).chain(events).enumerate() {
            let mut line = json!({ "schema_version": 1, "seq": at + 1, "at": "2026-01-02T03:04:05Z" });
            line.as_object_mut().unwrap().extend(event.as_object().unwrap().clone());
            text += &format!("{line}\n");
        }
        std::fs::write(dir.run("r1").journal(), text).unwrap();
        Self { root, dir }
    }

    fn why(&self, step: Option<&str>) -> Why {
        let entries = runs::entries(&self.dir.run("r1")).unwrap();
        why(self.root.path(), "r1", &entries, step).unwrap()
    }

    fn session(&self, summary: &Value) -> std::path::PathBuf {
        let dir = self.dir.run("r1").session("s1");
        files::create_private_dir(&dir).unwrap();
        std::fs::write(dir.join("summary.json"), summary.to_string()).unwrap();
        dir
    }
}

fn began(attempt: u32, continues: bool) -> Value {
    json!({
        "event": "step_started", "step": "repair", "visit": 1, "attempt": attempt, "tool": "run_skill",
        "what": "/autoskillit:repair", "params": {}, "session": "s1", "continues": continues,
    })
}

fn ended(attempt: u32, label: &str, next: &Value) -> Value {
    json!({
        "event": "step_ended", "step": "repair", "visit": 1, "attempt": attempt, "ok": label == "success", "label": label,
        "summary": "one line", "result": { "because": ["a fact", "another"] }, "captures": {}, "elapsed_ms": 1500,
        "usage": null, "next": next, "why": "retries: 1", "fault": null,
    })
}

fn item(event: &str, item: u32) -> Value {
    let status = if event == "item_ended" { json!("stopped") } else { Value::Null };
    json!({ "event": event, "step": "parts", "item": item, "what": "", "status": status, "reason": "", "collected": {} })
}

fn in_item(event: Value, item: u32) -> Value {
    let mut event = event;
    event["step"] = json!(format!("parts[{item}].repair"));
    event
}

#[test]
fn steps_of_loops_are_told_by_item_and_by_name() {
    let begun = [0, 1, 2].map(|number| in_item(began(1, false), number));
    let looped = json!({
        "event": "loop_started", "step": "parts", "visit": 1, "attempt": 1, "what": "3 items", "items": [1, 2, 3],
        "width": 3, "first": "repair",
    });
    let mut events = vec![looped, item("item_started", 0), item("item_started", 1), item("item_started", 2)];
    events.extend(begun);
    events.push(in_item(ended(1, "success", &json!({ "end": "succeeded" })), 1));
    events.push(item("item_ended", 2));
    let kitchen = Kitchen::with(&events);
    let labels = |step: Option<&str>| -> Vec<String> {
        let tries = kitchen.why(step).tries;
        tries.iter().map(|one| format!("{} {}", one.step.as_deref().unwrap_or_default(), one.label)).collect()
    };
    let all = ["parts[0].repair cut off", "parts[1].repair success", "parts[2].repair cut off"];
    assert_eq!(labels(None), all);
    assert_eq!(labels(Some("repair")), all);
    assert_eq!(labels(Some("parts[1].repair")), all[1..2]);
    // Another process goes on with what nobody gave up, and is at work.
    events.push(json!({ "event": "run_resumed", "step": "parts[0].repair", "note": "" }));
    events.push(in_item(began(1, true), 0));
    let kitchen = Kitchen::with(&events);
    let lock = std::fs::File::create(kitchen.dir.run("r1").root().join("lock")).unwrap();
    lock.lock().unwrap();
    let tries = kitchen.why(None).tries;
    let labels: Vec<&str> = tries.iter().map(|one| one.label.as_str()).collect();
    assert_eq!(labels, ["cut off", "success", "cut off", "running"]);
}

fn summary(attempt: u32, changes: &Value) -> Value {
    let mut summary = json!({
        "schema_version": 1, "status": "ended", "session_id": "s1", "continues": false, "run_id": "r1",
        "place": { "step": "repair", "visit": 1, "attempt": attempt }, "cwd": "/", "client": "claude",
        "client_version": "2.1.330", "model": null, "transcript": null, "prompt": "", "started_at": "2026-01-02T03:04:05Z",
        "ended_at": null, "elapsed_ms": null,
        "owner": { "pid": 1, "start_ticks": 1, "boot_id": "another life" }, "process": { "pid": 2, "start_ticks": 1, "boot_id": "another life" },
        "limits": { "wall_clock_ms": 5_400_000, "stale_ms": 1_200_000, "idle_ms": 90_000 }, "termination": "natural_exit",
        "exit": { "code": 0, "signal": null }, "verdict": null, "refused": [], "made_good": [], "background": [],
        "open_calls": [], "missing_outputs": [], "left": [], "stdout_held": false, "dropped_lines": 0, "records": 0,
        "tool_calls": 0, "usage": {}, "usage_by_model": {}, "peaks": { "rss_kb": null, "cpu_ms": null, "processes": 0,
        "threads": null, "fds": null, "oom_score": null }, "samples": 0, "anomalies": [], "log_trouble": null,
    });
    summary.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    summary
}

#[test]
fn each_ending_says_what_decided() {
    let cases = [
        ("natural_exit", json!({ "code": 0, "signal": null }), "the client left by itself; exit code 0"),
        ("natural_exit", json!({ "code": null, "signal": 9 }), "the client left by itself; ended by SIGKILL"),
        ("natural_exit", json!(null), "the client left by itself"),
        (
            "completed",
            json!({ "code": 143, "signal": null }),
            "its last result was there and it did not leave, so it was ended; exit code 143",
        ),
        ("idle_stall", json!(null), "its stream was silent for 1m30s while no tool ran, so it was ended"),
        ("stale", json!(null), "nothing moved on any channel for 20m, so it was ended"),
        ("timed_out", json!(null), "its wall clock of 1h30m was over, so it was ended"),
        ("cancelled", json!(null), "the run was being stopped, so it was ended"),
    ];
    for (termination, exit, expected) in cases {
        let kitchen = Kitchen::with(&[began(1, false), ended(1, "killed", &json!({ "step": "next" }))]);
        kitchen.session(&summary(1, &json!({ "termination": termination, "exit": exit })));
        assert_eq!(kitchen.why(None).tries[0].ended.as_deref(), Some(expected));
    }
}

#[test]
fn a_continued_session_is_told_try_by_try() {
    let kitchen = Kitchen::with(&[
        began(1, false),
        json!({ "event": "run_resumed", "step": "repair", "note": "" }),
        began(2, true),
        ended(2, "stale", &json!("retry")),
        began(3, false),
    ]);
    let dir = kitchen.session(&summary(2, &json!({ "termination": "stale" })));
    let first = summary(1, &json!({ "status": "running", "termination": null, "exit": null }));
    std::fs::write(dir.join("summary.1.json"), first.to_string()).unwrap();
    let tries = kitchen.why(Some("repair")).tries;
    let told: Vec<_> = tries.iter().map(|one| (one.attempt, one.label.as_str(), one.because.len())).collect();
    assert_eq!(told, [(1, "cut off", 1), (2, "stale", 2), (3, "cut off", 0)]);
    assert_eq!(tries[1].then.as_deref(), Some("tried again (retries: 1)"));
    assert_eq!(tries[2].log_note.as_deref(), Some("it has no summary of this try"));
}

#[test]
fn a_log_that_is_gone_or_strange_costs_only_what_it_says() {
    let events = [began(1, false), ended(1, "killed", &json!({ "end": "failed" }))];
    let kitchen = Kitchen::with(&events);
    let gone = kitchen.why(None);
    assert_eq!(gone.tries[0].log_note.as_deref(), Some("it is not there any more"));
    let dir = kitchen.session(&json!({ "schema_version": 99 }));
    let strange = kitchen.why(None);
    assert_eq!(strange.tries[0].log_note.as_deref(), Some("it has no summary of this try"));
    for told in [&gone.tries[0], &strange.tries[0]] {
        assert_eq!(told.because, ["a fact", "another"]);
        assert_eq!(told.needed.as_deref(), Some("a client that lives until its result"));
        assert_eq!(told.log.as_deref(), Some(Path::new(&dir)));
    }
}

#[test]
fn sessions_that_drive_and_spent_visits_are_told() {
    let kitchen = Kitchen::with(&[
        json!({ "event": "orchestrator_started", "session": "s1", "number": 1 }),
        json!({ "event": "step_exceeded", "step": "repair", "visits": 3, "next": { "end": "exhausted" } }),
        json!({
            "event": "orchestrator_ended", "session": "s1", "label": "idle_stall", "summary": "it fell silent",
            "usage": { "output": 7 },
        }),
    ]);
    kitchen.session(&summary(1, &json!({ "place": null, "termination": "idle_stall" })));
    let tries = kitchen.why(None).tries;
    assert_eq!(
        (tries[0].step.as_deref(), tries[0].ok, tries[0].because[0].as_str()),
        (None, Some(false), "it fell silent")
    );
    assert!(tries[0].ended.as_deref().is_some_and(|ended| ended.contains("silent for 1m30s")));
    assert_eq!(
        (tries[1].label.as_str(), tries[1].because[0].as_str()),
        ("exceeded", "its 3 visit(s) were spent, so it was not entered again")
    );
}

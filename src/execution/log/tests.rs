use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::anomaly::{Kind, find};
use super::event::{Event, QUIET_MS, Timed};
use super::recover::{recover, recover_run};
use super::summary::{Peaks, Status, Summary};
use super::{SessionLog, files as names, index};
use crate::config::Permissions;
use crate::core::files;
use crate::core::paths::KitchenDir;
use crate::core::redact::Redactor;
use crate::execution::client::{Client, SessionSpec};
use crate::execution::process::{Identity, ProcessSample, Sample, next_look, sample};
use crate::execution::race::{Policy, Termination};
use crate::execution::session::Session;
use crate::execution::warden::WardenProgram;
use crate::skills::Writes;

fn client() -> ProcessSample {
    ProcessSample {
        pid: 7,
        parent: 1,
        name: "claude".into(),
        state: 'S',
        rss_kb: Some(200 << 10),
        cpu_ms: Some(100),
        io_bytes: Some(4096),
        threads: Some(9),
        fds: Some(20),
        oom_score: Some(10),
    }
}

/// Looks at one process, 20 s apart.
fn looks(processes: impl IntoIterator<Item = ProcessSample>) -> Vec<Sample> {
    let looks = processes.into_iter().enumerate();
    looks
        .map(|(at, process)| Sample {
            at_ms: 20_000 * (at as u64 + 1),
            fd_limit: Some(100),
            processes: vec![process],
        })
        .collect()
}

fn at(at_ms: u64, event: Event) -> Timed {
    Timed { schema_version: 1, at_ms, at: Timestamp::UNIX_EPOCH, event }
}

fn retry(at_ms: u64) -> Timed {
    at(at_ms, Event::Retry { attempt: 1, delay_ms: 500, status: Some(529), error: "overloaded".into() })
}

/// What is found: kind, first, last, count.
fn found(samples: &[Sample], events: &[Timed]) -> Vec<(Kind, u64, u64, u32)> {
    let all = find(samples, events).into_iter();
    all.map(|anomaly| (anomaly.kind, anomaly.first_ms, anomaly.last_ms, anomaly.count)).collect()
}

#[test]
fn each_odd_thing_is_found_once_with_its_times() {
    let oom = |scores: &[Option<i64>]| {
        looks(scores.iter().map(|score| ProcessSample { oom_score: *score, ..client() }))
    };
    let rss =
        |sizes: &[u64]| looks(sizes.iter().map(|mb| ProcessSample { rss_kb: Some(mb << 10), ..client() }));
    let states = |states: &str| looks(states.chars().map(|state| ProcessSample { state, ..client() }));
    let cpu =
        |seconds: &[u64]| looks(seconds.iter().map(|s| ProcessSample { cpu_ms: Some(s * 1000), ..client() }));
    let fds = |counts: &[u64]| looks(counts.iter().map(|fds| ProcessSample { fds: Some(*fds), ..client() }));
    type Expected = Vec<(Kind, u64, u64, u32)>;
    let cases: Vec<(&str, Vec<Sample>, Expected)> = vec![
        ("nothing", looks([client(), client()]), vec![]),
        (
            "memory runs out",
            oom(&[Some(100), Some(900), Some(905)]),
            vec![(Kind::OomCritical, 40_000, 60_000, 2), (Kind::OomSpike, 40_000, 40_000, 1)],
        ),
        ("what could not be read is no rise", oom(&[None, Some(700), None, Some(700)]), vec![]),
        ("a peak that passed", rss(&[200, 1000, 210]), vec![(Kind::MemoryGrowth, 40_000, 40_000, 1)]),
        ("a small program that doubles", rss(&[20, 90]), vec![]),
        ("a slow growth", rss(&[600, 900, 1190]), vec![]),
        ("files", fds(&[80, 81, 95]), vec![(Kind::DescriptorsHigh, 40_000, 60_000, 2)]),
        ("a device, once", states("SDSDS"), vec![]),
        ("a device, for long", states("SDDDS"), vec![(Kind::StuckInKernel, 60_000, 80_000, 2)]),
        ("a zombie for a while", states("ZZS"), vec![]),
        ("a zombie that stays", states("ZZZZ"), vec![(Kind::Zombie, 60_000, 80_000, 2)]),
        ("busy for a minute", cpu(&[0, 20, 40, 60]), vec![(Kind::Spinning, 80_000, 80_000, 1)]),
        ("busy, with a rest", cpu(&[0, 20, 40, 41, 61, 81]), vec![]),
    ];
    for (name, samples, expected) in cases {
        assert_eq!(found(&samples, &[]), expected, "{name}");
    }
}

#[test]
fn the_course_of_a_session_can_be_odd() {
    let turn = |ms| {
        at(ms, Event::Turn { version: String::new(), model: String::new(), permission_mode: String::new() })
    };
    let spawned = |ms| at(ms, Event::Spawned { process: Identity::this() });
    let quiet = |ms, for_ms| at(ms, Event::Quiet { for_ms });
    assert_eq!(found(&[], &[spawned(10), turn(2_000), retry(3_000), retry(4_000)]), []);
    assert_eq!(
        found(&[], &[spawned(10), turn(20_010), retry(30_000), retry(40_000), retry(50_000), turn(900_000)]),
        [(Kind::SlowStart, 20_010, 20_010, 1), (Kind::ServiceTrouble, 30_000, 50_000, 3)]
    );
    assert_eq!(found(&[], &[quiet(50_000, QUIET_MS)]), []);
    assert_eq!(found(&[], &[quiet(400_000, 350_000)]), [(Kind::Silence, 400_000, 400_000, 1)]);
}

#[test]
fn a_build_of_the_session_may_be_busy() {
    let mut samples = looks([client(), client(), client(), client(), client()]);
    for (number, sample) in samples.iter_mut().enumerate() {
        let build = ProcessSample {
            pid: 8,
            parent: 7,
            name: "cc1".into(),
            cpu_ms: Some(number as u64 * 40_000),
            ..client()
        };
        sample.processes.push(build);
    }
    assert_eq!(found(&samples, &[]), []);
    assert_eq!(Peaks::of(&samples).processes, 2);
    assert_eq!(Peaks::of(&samples).rss_kb, Some(400 << 10));
}

proptest! {
    #[test]
    fn no_odd_thing_is_told_more_than_once_for_each_process(
        rows in proptest::collection::vec((0u32..3, "[SDZR]", proptest::option::of(0u64..3_000_000),
            proptest::option::of(-1i64..1200), 0u64..200), 0..60)
    ) {
        let samples: Vec<Sample> = rows
            .iter()
            .enumerate()
            .map(|(number, (pid, state, rss, oom, fds))| Sample {
                at_ms: number as u64 * 1000,
                fd_limit: Some(100),
                processes: vec![ProcessSample {
                    pid: *pid,
                    state: state.chars().next().unwrap_or('S'),
                    rss_kb: *rss,
                    oom_score: *oom,
                    fds: Some(*fds),
                    cpu_ms: Some(number as u64 * 1000),
                    ..ProcessSample::default()
                }],
            })
            .collect();
        let all = find(&samples, &[]);
        prop_assert!(all.len() <= 7 * 3);
        prop_assert!(all.iter().all(|anomaly| anomaly.first_ms <= anomaly.last_ms && anomaly.count > 0));
    }

    #[test]
    fn looks_become_rarer_and_never_stop(seconds in 0u64..1_000_000) {
        let elapsed = Duration::from_secs(seconds);
        let pause = next_look(elapsed) - elapsed;
        prop_assert!(pause >= Duration::from_secs(1));
        prop_assert!(pause <= Duration::from_secs(60).max(elapsed / 120));
    }
}

#[test]
fn a_day_of_looks_is_a_small_file() {
    let (mut elapsed, mut count) = (Duration::ZERO, 0);
    while elapsed < Duration::from_secs(24 * 3600) {
        elapsed = next_look(elapsed);
        count += 1;
    }
    assert!(count < 500, "{count}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_look_sees_this_process_and_its_child() {
    let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let seen = sample(Duration::from_millis(5), std::process::id());
    let identity = Identity::of(child.id());
    assert!(identity.runs());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!identity.runs(), "it is gone");
    let other_life = Identity { boot_id: Some("another".into()), ..Identity::this() };
    assert!(Identity::this().runs() && !other_life.runs());
    let another = Identity { start_ticks: Some(1), ..Identity::this() };
    assert!(!another.runs(), "its id was given to another");

    assert_eq!((seen.at_ms, seen.processes[0].pid), (5, std::process::id()));
    assert!(seen.fd_limit.is_some());
    let this = &seen.processes[0];
    assert!(this.rss_kb.unwrap() > 1000 && this.threads.unwrap() > 1 && this.fds.unwrap() > 2, "{this:?}");
    assert!(seen.processes.iter().any(|process| process.pid == child.id()), "{seen:?}");
}

fn kitchen() -> (tempfile::TempDir, KitchenDir) {
    let root = tempfile::tempdir().unwrap();
    let kitchen = KitchenDir::of(root.path());
    (root, kitchen)
}

fn summary(owner: Identity) -> Summary {
    let value = json!({
        "schema_version": 1, "status": "running", "session_id": "s1", "continues": false, "run_id": "r1",
        "place": { "step": "repair", "visit": 1, "attempt": 1 }, "cwd": "/", "client": "claude",
        "client_version": null, "model": null, "transcript": null, "prompt": "", "started_at": "2026-01-02T03:04:05Z",
        "ended_at": null, "elapsed_ms": null, "owner": owner, "process": null,
        "limits": { "wall_clock_ms": 1, "stale_ms": null, "idle_ms": null }, "termination": null, "exit": null,
        "verdict": null, "refused": [], "made_good": [], "background": [], "open_calls": [], "missing_outputs": [],
        "left": [], "stdout_held": false, "dropped_lines": 0, "records": 0, "tool_calls": 0,
        "usage": {}, "usage_by_model": {}, "peaks": { "rss_kb": null, "cpu_ms": null, "processes": 0,
        "threads": null, "fds": null, "oom_score": null }, "samples": 0, "anomalies": [], "log_trouble": null,
    });
    serde_json::from_value(value).unwrap()
}

fn gone() -> Identity {
    Identity { boot_id: Some("another life".into()), ..Identity::this() }
}

fn folder(kitchen: &KitchenDir, session: &str) -> PathBuf {
    let dir = kitchen.run("r1").session(session);
    files::create_private_dir(&dir).unwrap();
    dir
}

fn begun(kitchen: &KitchenDir, dir: &Path, summary: &Summary) {
    summary.write(dir, &Redactor::new([])).unwrap();
    index::append(kitchen, &index::Line::of(kitchen, dir, summary).unwrap()).unwrap();
}

#[test]
fn the_index_tells_what_all_parts_of_a_continued_session_used() {
    let (_root, kitchen) = kitchen();
    let dir = kitchen.run("r1").session("s");
    let mut part = summary(gone());
    let mut add = |status, started_at: &str, turns| {
        part.status = status;
        part.started_at = started_at.parse().unwrap();
        part.elapsed_ms = Some(turns * 100);
        part.usage = crate::core::usage::Usage { turns, cost_usd: 0.25, ..Default::default() };
        index::append(&kitchen, &index::Line::of(&kitchen, &dir, &part).unwrap()).unwrap();
    };
    for (began, turns) in [("2026-01-02T10:00:00Z", 3), ("2026-01-03T10:00:00Z", 4)] {
        add(Status::Running, began, 0);
        add(Status::Ended, began, turns);
    }
    let lines = index::read(&kitchen);
    assert_eq!((lines.len(), lines[0].usage.turns, lines[0].usage.cost_usd), (1, 7, 0.5));
    assert_eq!(lines[0].elapsed_ms, Some(700));
}

#[tokio::test(start_paused = true)]
async fn silence_before_the_end_is_told_too() {
    let root = tempfile::tempdir().unwrap();
    let spec = SessionSpec {
        session_id: "s".into(),
        continues: false,
        prompt: "look".into(),
        system: String::new(),
        replaces_system: false,
        cwd: root.path().to_owned(),
        plugin_dir: None,
        model: None,
        schema: None,
        permissions: Permissions::Bypass,
        allowed_tools: Vec::new(),
        tools: None,
        mcp_config: None,
        setting_sources: Vec::new(),
        settings: None,
        budget_usd: None,
    };
    let mut log = SessionLog::start(&Session {
        spec: &spec,
        client: &Client { program: "claude".into(), leading: Vec::new(), player: false },
        warden: &WardenProgram::at("/nowhere"),
        env: &[],
        policy: &Policy::default(),
        outputs: &[],
        writes: Writes::Conditional,
        ledger: None,
        temp: None,
        transcript: None,
        place: None,
        dir: root.path(),
        redactor: &Redactor::new([]),
        tape: None,
    });
    tokio::time::advance(Duration::from_secs(600)).await;
    log.event(Event::Decided { termination: Termination::IdleStall });
    log.event(Event::EndOfStream);
    let events = std::fs::read_to_string(root.path().join(names::EVENTS)).unwrap();
    let told: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = told.iter().map(|line| (line["event"].as_str().unwrap(), &line["for_ms"])).collect();
    let none = Value::Null;
    assert_eq!(
        told,
        [("began", &none), ("quiet", &json!(600_000)), ("decided", &none), ("end_of_stream", &none)]
    );
}

#[test]
fn the_index_keeps_what_many_write_at_once_and_skips_what_it_cannot_read() {
    let (_root, kitchen) = kitchen();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let kitchen = &kitchen;
            scope.spawn(move || {
                for number in 0..50 {
                    let mut line = summary(gone());
                    line.status = Status::Ended;
                    let dir = kitchen.run("r1").session(&format!("{writer}-{number}"));
                    index::append(kitchen, &index::Line::of(kitchen, &dir, &line).unwrap()).unwrap();
                }
            });
        }
    });
    let day = kitchen.session_index().join("2026-01-02.ndjson");
    let mut text = std::fs::read(&day).unwrap();
    text.splice(0..0, *b"not json\n\xff\xfe\n{\"schema_version\":2}\n");
    text.extend(b"{\"torn");
    std::fs::write(&day, text).unwrap();
    assert_eq!(index::read(&kitchen).len(), 400);

    // Nothing is left of that day, and it is neither today nor yesterday.
    index::tidy(&kitchen, "2026-01-03T00:00:00Z".parse().unwrap());
    assert!(day.exists());
    index::tidy(&kitchen, "2026-01-04T00:00:00Z".parse().unwrap());
    assert!(!day.exists());
}

#[test]
fn a_session_whose_program_went_away_is_completed_once() {
    let (_root, kitchen) = kitchen();
    let orphan = folder(&kitchen, "s1");
    begun(&kitchen, &orphan, &summary(gone()));
    let lines = [
        json!({ "type": "system", "subtype": "init", "claude_code_version": "2.1.330", "model": "opus" }),
        json!({ "type": "assistant", "message": { "id": "m1", "model": "opus", "usage": { "output_tokens": 5 },
            "content": [{ "type": "tool_use", "id": "t1", "name": "Bash", "input": { "command": "make" } }] } }),
        json!({ "type": "system", "subtype": "background_tasks_changed", "tasks": [{ "task_id": "b1" }] }),
    ];
    let stream: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(orphan.join(names::STREAM), stream + "{\"type\":\"assi").unwrap();
    let account = json!({
        "schema_version": 1, "tag": "s1", "pid": 9, "spawn_error": null, "exit": { "code": null, "signal": 15 }, "rungs": [],
        "left": [{ "pid": 11, "command": "sleep 99", "age_ms": 5, "found_by": "tag", "ended_by": "SIGKILL" }],
        "unlisted": 0, "parent_gone": true,
        "times": { "began": 0, "spawned_ms": null, "asked_ms": null, "exited_ms": null, "ended_ms": 0 },
    });
    std::fs::write(orphan.join(names::WARDEN), account.to_string()).unwrap();
    let alive = folder(&kitchen, "s2");
    begun(&kitchen, &alive, &summary(Identity::this()));
    let ending = folder(&kitchen, "s3");
    begun(&kitchen, &ending, &Summary { process: Some(Identity::this()), ..summary(gone()) });
    let broken = folder(&kitchen, "s4");
    std::fs::write(broken.join(names::SUMMARY), "{").unwrap();

    assert!(recover(&kitchen, &Redactor::new([]), |_| true).unwrap().is_empty(), "somebody drives the run");
    assert_eq!(recover(&kitchen, &Redactor::new([]), |_| false).unwrap(), std::slice::from_ref(&orphan));
    let found = Summary::read(&orphan).unwrap();
    assert_eq!((found.status, found.verdict.clone()), (Status::Crashed, None));
    assert_eq!(found.exit.and_then(|exit| exit.signal), Some(15));
    assert_eq!(found.left[0].command, "sleep 99");
    assert_eq!((found.usage.output, found.usage_by_model["opus"].output), (5, 5));
    assert_eq!((found.background, found.open_calls[0].target.as_str()), (vec!["b1".to_owned()], "make"));
    assert!(found.ended_at.is_some());
    assert_eq!(Summary::read(&alive).unwrap().status, Status::Running);
    assert_eq!(Summary::read(&ending).unwrap().status, Status::Running, "its warden is still at it");
    let status = |id: &str| {
        let lines = index::read(&kitchen);
        lines.iter().find(|line| line.dir.ends_with(id)).map(|line| line.status)
    };
    assert_eq!((status("s1"), status("s2")), (Some(Status::Crashed), Some(Status::Running)));
    assert!(
        recover(&kitchen, &Redactor::new([]), |_| false).unwrap().is_empty(),
        "the second time there is nothing to do"
    );
}

#[test]
fn before_a_resume_the_sessions_of_the_run_are_completed_without_the_index() {
    let (_root, kitchen) = kitchen();
    let orphan = folder(&kitchen, "s1");
    summary(gone()).write(&orphan, &Redactor::new([])).unwrap();
    assert_eq!(recover_run(&kitchen.run("r1"), &Redactor::new([])).unwrap(), std::slice::from_ref(&orphan));
    assert_eq!(Summary::read(&orphan).unwrap().status, Status::Crashed);
    assert_eq!(index::read(&kitchen).len(), 1);
}

#[test]
fn a_summary_of_another_version_is_not_read() {
    let (_root, kitchen) = kitchen();
    let dir = folder(&kitchen, "s1");
    let mut value = serde_json::to_value(summary(gone())).unwrap();
    value["schema_version"] = Value::from(2);
    std::fs::write(dir.join(names::SUMMARY), value.to_string()).unwrap();
    let error = Summary::read(&dir).unwrap_err().to_string();
    assert_eq!(error, "the summary is of version 2, not 1");
}

//! Sessions whose client misbehaves, from start to verdict: small shell programs in the client's place.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use autoskillit::core::redact::Redactor;
use autoskillit::core::stop::Stop;
use autoskillit::execution::client::Client;
use autoskillit::execution::race::{Policy, Termination};
use autoskillit::execution::session::{Ended, Session, run};
use autoskillit::execution::transcript::TranscriptWatch;
use autoskillit::execution::warden::{EndedBy, WardenProgram};
use autoskillit::skills::Writes;

#[path = "support/spec.rs"]
mod spec;
use spec::spec;

const INIT: &str = r#"{"type":"system","subtype":"init","session_id":"s","model":"m"}"#;
const RESULT: &str =
    r#"{"type":"result","subtype":"success","is_error":false,"terminal_reason":"completed","result":"done"}"#;

/// Runs a shell text in the client's place; `$INIT` and `$RESULT` are records.
async fn cook(script: &str, policy: Policy) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("client");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let spec = spec("cook the soup", folder.path());
    let mut env: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    env.extend([("INIT", INIT), ("RESULT", RESULT)].map(|(name, value)| (name.into(), value.into())));
    let (_wish, stop) = tokio::sync::watch::channel(Stop::No);
    let session = Session {
        spec: &spec,
        client: &Client { program, leading: Vec::new(), player: false },
        warden: &WardenProgram::at(env!("CARGO_BIN_EXE_autoskillit")),
        env: &env,
        policy: &policy,
        outputs: &[],
        writes: Writes::Conditional,
        ledger: None,
        temp: None,
        place: None,
        tape: None,
        transcript: None,
        dir: folder.path(),
        redactor: &Redactor::new([]),
    };
    run(session, &|_| {}, stop).await
}

/// More than the 128 inotify instances that a user has on most Linux systems.
const MANY: usize = 150;

/// The watchers of the system that this process has.
#[cfg(target_os = "linux")]
fn watchers() -> usize {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    entries
        .filter(|entry| {
            std::fs::read_link(entry.path()).is_ok_and(|to| to.as_os_str() == "anon_inode:inotify")
        })
        .count()
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn all_sessions_hear_their_transcripts_through_one_watcher() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<_> =
        (0..MANY).map(|number| folder.path().join(format!("checkout-{}/{number}", number % 3))).collect();
    let mut watches: Vec<_> = files.iter().map(|file| TranscriptWatch::start(file.clone())).collect();
    for _ in 0..2 {
        for (file, watch) in files.iter().zip(&mut watches) {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(file)
                .unwrap()
                .write_all(b"{}\n")
                .unwrap();
            tokio::time::timeout(Duration::from_secs(20), watch.grown()).await.expect("growth is told");
        }
        assert_eq!(watchers(), 1);
    }
    drop(watches);
    let began = Instant::now();
    while watchers() > 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "the watcher goes with the last session");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn succeeds(ended: &Ended) {
    assert!(ended.verdict.success && ended.termination == Termination::NaturalExit, "{ended:?}");
    assert_eq!(ended.verdict.result, "done");
}

#[tokio::test]
async fn a_client_that_ignores_signals_is_killed_and_its_result_counts() {
    let script = r#"trap '' INT TERM; echo "$INIT"; echo "$RESULT"; while :; do sleep 331; done"#;
    let policy = Policy { leave: Duration::from_millis(100), ..Policy::default() };
    let ended = cook(script, policy).await;
    assert_eq!(ended.termination, Termination::Completed, "{ended:?}");
    assert!(ended.verdict.success, "{ended:?}");
    assert_eq!(ended.exit.and_then(|exit| exit.signal), Some(9));
}

#[tokio::test]
async fn a_grandchild_that_holds_stdout_is_ended_and_named() {
    let began = Instant::now();
    let ended = cook(r#"echo "$INIT"; setsid sleep 332 & echo "$RESULT""#, Policy::default()).await;
    succeeds(&ended);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let [left] = &ended.left[..] else { panic!("{:?}", ended.left) };
    assert!(left.command.contains("sleep 332") && left.ended_by == EndedBy::Terminate, "{left:?}");
}

#[tokio::test]
async fn a_line_of_ten_megabytes_is_read() {
    let script = r#"echo "$INIT"
        printf '{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t","content":"'
        head -c 10000000 /dev/zero | tr '\0' x; echo '"}]}}'; echo "$RESULT""#;
    let ended = cook(script, Policy::default()).await;
    succeeds(&ended);
    assert_eq!(ended.dropped_lines, 0);
}

#[tokio::test]
async fn invalid_utf8_costs_no_record() {
    let script =
        r#"printf '\377\376\n'; echo "$INIT"; printf '%s\n' "$RESULT" | LC_ALL=C sed 's/done/d\xffne/'"#;
    let ended = cook(script, Policy::default()).await;
    assert!(ended.verdict.success, "{ended:?}");
    assert_eq!(ended.verdict.result, "d\u{fffd}ne");
}

#[tokio::test]
async fn a_last_line_without_its_end_is_read_when_whole_and_no_success_when_cut() {
    succeeds(&cook(r#"echo "$INIT"; printf %s "$RESULT""#, Policy::default()).await);
    let ended = cook(r#"echo "$INIT"; printf %.60s "$RESULT""#, Policy::default()).await;
    assert_eq!((ended.verdict.success, ended.verdict.subtype.as_str()), (false, "unparseable"), "{ended:?}");
}

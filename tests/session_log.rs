//! The log of a session, written by real sessions under real wardens: the player's, and shells that do what a client may do.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use autoskillit::core::files::create_private_dir;
use autoskillit::core::paths::KitchenDir;
use autoskillit::core::redact::Redactor;
use autoskillit::core::stop::Stop;
use autoskillit::execution::client::{Client, SessionSpec};
use autoskillit::execution::facts::Update;
use autoskillit::execution::log::summary::{Status, Summary};
use autoskillit::execution::log::{Place, index};
use autoskillit::execution::player;
use autoskillit::execution::race::{Policy, Termination};
use autoskillit::execution::session::{self, Ended, Glimpse, Session};
use autoskillit::execution::verdict::Declared;
use autoskillit::execution::warden::WardenProgram;
use autoskillit::skills::Writes;
use serde_json::Value;

#[path = "support/spec.rs"]
mod spec;
use spec::spec;

const SECRET: &str = "correct-horse-battery";

struct Kitchen {
    root: tempfile::TempDir,
    spec: SessionSpec,
    policy: Policy,
}

impl Kitchen {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let prompt = format!("/autoskillit:look-around\nthe password is {SECRET}");
        let spec = spec(&prompt, &root.path().canonicalize().unwrap());
        Self { root, spec, policy: Policy::default() }
    }

    fn kitchen(&self) -> KitchenDir {
        KitchenDir::of(self.root.path())
    }

    fn dir(&self) -> PathBuf {
        let dir = self.kitchen().run("r1").session(&self.spec.session_id);
        create_private_dir(&dir).unwrap();
        dir
    }

    /// Plays the first session of a scenario.
    fn plays(&self, scenario: &str) -> Client {
        let path = self.root.path().join("scenario.yaml");
        fs::write(
            &path,
            format!("version: 1\nscenario: s\ndescription: d\nsessions:\n  - step: repair\n{scenario}"),
        )
        .unwrap();
        let leading =
            [player::MODE, "--scenario", path.to_str().unwrap(), "--step", "repair", "--pace", "0", "--"];
        Client {
            program: env!("CARGO_BIN_EXE_autoskillit").into(),
            leading: leading.map(str::to_owned).to_vec(),
            player: true,
        }
    }

    /// Runs a session; it is stopped when it does or says something, if `stop` says so.
    fn run(&self, client: &Client, dir: &Path, stop: bool) -> Ended {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let redactor = Redactor::new([("A_PASSWORD".to_owned(), SECRET.to_owned())]);
        let env: Vec<(OsString, OsString)> = vec![("PATH".into(), std::env::var_os("PATH").unwrap())];
        let (wish, stopping) = tokio::sync::watch::channel(Stop::No);
        let wish = Mutex::new(wish);
        // The client's words and the warden's report that it runs come on two ways.
        let seen = Mutex::new((false, false));
        let watch = |glimpse: Glimpse| {
            let mut seen = seen.lock().unwrap();
            seen.0 |= matches!(glimpse, Glimpse::Spawned);
            seen.1 |= matches!(glimpse, Glimpse::Update(Update::Saying(_)));
            if stop && *seen == (true, true) {
                wish.lock().unwrap().send_replace(Stop::Gently);
            }
        };
        let place = Place { step: "repair".to_owned(), visit: 2, attempt: 1 };
        let required = [Declared::required("summary")];
        let session = Session {
            spec: &self.spec,
            client,
            warden: &WardenProgram::at(env!("CARGO_BIN_EXE_autoskillit")),
            env: &env,
            policy: &self.policy,
            outputs: &required,
            writes: Writes::Never,
            ledger: None,
            temp: None,
            transcript: None,
            place: Some(&place),
            dir,
            redactor: &redactor,
            tape: None,
        };
        runtime.block_on(session::run(session, &watch, stopping))
    }
}

fn shell(script: &str) -> Client {
    Client { program: "/bin/sh".into(), leading: vec!["-c".to_owned(), script.to_owned()], player: false }
}

fn rows(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn course(dir: &Path) -> Vec<String> {
    let rows = rows(&dir.join("events.ndjson"));
    assert!(rows.is_sorted_by_key(|row| row["at_ms"].as_u64().unwrap()));
    rows.iter().map(|row| row["event"].as_str().unwrap().to_owned()).collect()
}

const DONE: &str = "    acts: [{ say: looking }]\n    text: All is well.\n    usage: { input: 10, output: 5, cost_usd: 0.5 }\n";

#[test]
fn a_whole_log_tells_who_when_and_why() {
    let kitchen = Kitchen::new();
    let dir = kitchen.dir();
    let ended = kitchen.run(&kitchen.plays(DONE), &dir, false);
    assert_eq!(ended.verdict.subtype, "contract_violation", "a text is no declared output");
    let mut course = course(&dir);
    assert_eq!(course.first().unwrap(), "began");
    assert_eq!(course[6..], ["swept", "judged"]);
    // Three ways lead here, the socket of the warden and two pipes, and none waits for another.
    course.sort();
    let mut all = ["began", "end_of_stream", "exited", "judged", "result", "spawned", "swept", "turn"];
    all.sort_unstable();
    assert_eq!(course, all);

    let summary = Summary::read(&dir).unwrap();
    assert_eq!(summary.status, Status::Ended);
    assert_eq!(summary.run_id.as_deref(), Some("r1"));
    assert_eq!(summary.place, Some(Place { step: "repair".to_owned(), visit: 2, attempt: 1 }));
    assert_eq!(summary.prompt, "/autoskillit:look-around");
    assert_eq!(summary.missing_outputs, ["summary"]);
    assert_eq!(summary.termination, Some(Termination::NaturalExit));
    assert!(summary.process.is_some() && summary.ended_at.is_some() && summary.elapsed_ms.is_some());
    assert_eq!(summary.usage, ended.verdict.usage);
    assert_eq!(summary.usage_by_model, ended.verdict.usage_by_model);
    assert_eq!(summary.log_trouble, None);

    let lines = index::read(&kitchen.kitchen());
    assert_eq!((lines.len(), lines[0].status, lines[0].success), (1, Status::Ended, Some(false)));
    assert_eq!(kitchen.kitchen().root().join(&lines[0].dir), dir);

    for file in walkdir::WalkDir::new(kitchen.kitchen().root()) {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o077;
        assert_eq!(mode, 0, "{} is for others too", file.path().display());
        if file.file_type().is_file() {
            let text = String::from_utf8_lossy(&fs::read(file.path()).unwrap()).into_owned();
            assert!(!text.contains(SECRET), "{} holds a secret", file.path().display());
        }
    }
    assert!(fs::read_to_string(dir.join("prompt.md")).unwrap().ends_with("the password is [redacted]"));
}

#[test]
fn a_session_that_is_ended_is_looked_at_before() {
    let kitchen = Kitchen::new();
    let dir = kitchen.dir();
    let client = kitchen.plays("    acts: [{ say: looking }, { hang: true }]\n    text: never\n");
    let ended = kitchen.run(&client, &dir, true);
    assert_eq!(ended.termination, Termination::Cancelled);
    let course = course(&dir);
    let decided = course.iter().position(|event| event == "decided").unwrap();
    assert_eq!(course[decided - 1], "stop_wished");
    let summary = Summary::read(&dir).unwrap();
    if cfg!(target_os = "linux") {
        let samples = rows(&dir.join("samples.ndjson"));
        assert_eq!(samples.len(), summary.samples);
        let client = &samples[0]["processes"][0];
        assert_eq!(client["pid"], summary.process.unwrap().pid);
        assert!(client["rss_kb"].as_u64().unwrap() > 100, "{client}");
        assert!(summary.peaks.rss_kb.unwrap() > 100);
    }
}

#[test]
fn what_a_client_leaves_behind_and_breaks_is_in_the_log() {
    let kitchen = Kitchen::new();
    let dir = kitchen.dir();
    let script = r#"
printf '%s\n' '{"type":"assistant","message":{"id":"m1","content":[{"type":"tool_use","id":"t1","name":"Bash","input":{"command":"make"}}]}}'
printf '%s\n' '{"type":"system","subtype":"background_tasks_changed","tasks":[{"task_id":"b1"}]}'
setsid sleep 300 </dev/null >/dev/null 2>&1 &
echo 'out of soup' >&2
exit 3"#;
    let ended = kitchen.run(&shell(script), &dir, false);
    assert!(!ended.verdict.success);
    let summary = Summary::read(&dir).unwrap();
    assert_eq!(summary.exit.and_then(|exit| exit.code), Some(3));
    assert_eq!(summary.background, ["b1"]);
    assert_eq!(summary.open_calls[0].target, "make");
    assert_eq!(summary.left.len(), 1, "{:?}", summary.left);
    assert!(summary.left[0].command.contains("sleep 300"));
    assert_eq!(fs::read_to_string(dir.join("stderr.log")).unwrap(), "out of soup\n");
}

#[test]
fn a_continued_session_keeps_the_log_of_its_beginning() {
    let mut kitchen = Kitchen::new();
    let dir = kitchen.dir();
    let client = kitchen.plays(DONE);
    kitchen.run(&client, &dir, false);
    kitchen.spec.continues = true;
    kitchen.spec.prompt = "go on".to_owned();
    kitchen.run(&client, &dir, false);
    let all = Summary::all(&dir);
    let prompts: Vec<&str> = all.iter().map(|summary| summary.prompt.as_str()).collect();
    assert_eq!(prompts, ["/autoskillit:look-around", "go on"]);
    for name in ["spec.1.json", "prompt.1.md", "stream.1.ndjson", "events.1.ndjson", "verdict.1.json"] {
        assert!(dir.join(name).is_file(), "{name}");
    }
    assert_eq!(course(&dir).len(), 8, "the events are those of the continuation");
}

/// Nothing can be written there, not even by root.
#[cfg(target_os = "linux")]
#[test]
fn a_log_that_cannot_be_written_changes_no_verdict() {
    let kitchen = Kitchen::new();
    let nowhere = Path::new("/proc/self/task");
    let answers = [
        kitchen.plays(DONE),
        kitchen.plays("    error: { terminal_reason: prompt_too_long, message: 'too long' }\n"),
        shell("echo broken; exit 3"),
        Client { program: "/nonexistent".into(), leading: Vec::new(), player: false },
    ];
    for client in answers {
        let dir = kitchen.dir();
        let logged = kitchen.run(&client, &dir, false);
        let unlogged = kitchen.run(&client, nowhere, false);
        assert_eq!(unlogged.verdict, logged.verdict);
        assert_eq!((unlogged.termination, unlogged.exit), (logged.termination, logged.exit));
        assert!(!nowhere.join("summary.json").exists());
    }
}

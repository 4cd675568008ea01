//! The player as a process: what it says is read like the client's stream, and judged like it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use autoskillit::execution::facts::Facts;
use autoskillit::execution::player;
use autoskillit::execution::race::Exit;
use autoskillit::execution::record::{Record, parse};
use autoskillit::execution::scenario::Scenario;
use autoskillit::execution::verdict::{Declared, Evidence, SkillResult, judge};
use autoskillit::skills::SkillStore;
use serde_json::{Value, json};

const ID: &str = "6b1ee7ab-54b6-4b0c-9c35-8d5c1c9d2a11";

fn command(scenario: &str, step: &str, visit: u32, cwd: &Path, client: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_autoskillit"));
    command
        .args([player::MODE, "--scenario", scenario, "--step", step, "--visit", &visit.to_string()])
        .args(["--pace", "0", "--", "-p", "--output-format", "stream-json", "--session-id", ID])
        .args(client)
        .current_dir(cwd)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A session that was played to its end.
struct Played {
    facts: Facts,
    verdict: SkillResult,
    records: Vec<Value>,
}

fn play(scenario: &str, step: &str, visit: u32, cwd: &Path, schema: Option<&Value>) -> Played {
    let schema = schema.map(Value::to_string);
    let client: Vec<&str> = schema.iter().flat_map(|schema| ["--json-schema", schema]).collect();
    let mut child = command(scenario, step, visit, cwd, &client).spawn().unwrap();
    // A player that ends at once may be gone before it is told anything.
    let _ = child.stdin.take().unwrap().write_all(b"/autoskillit:something");
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let (mut facts, mut records) = (Facts::default(), Vec::new());
    for line in output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let record = parse(line).unwrap();
        assert!(!matches!(record, Record::Other { .. }), "unknown record: {record:?}");
        facts.observe(&record);
        records.push(serde_json::from_slice::<Value>(line).unwrap());
    }
    let required: Vec<String> = match schema.map(|schema| serde_json::from_str::<Value>(&schema).unwrap()) {
        Some(schema) => serde_json::from_value(schema["required"].clone()).unwrap_or_default(),
        None => Vec::new(),
    };
    let verdict = judge(&Evidence {
        exit: Some(Exit { code: output.status.code(), signal: None }),
        stderr: &stderr,
        declared: &required.iter().map(|name| Declared::required(name)).collect::<Vec<_>>(),
        session_id: ID,
        ..Evidence::of(&facts)
    });
    Played { facts, verdict, records }
}

fn skill_schema(name: &str) -> Value {
    SkillStore::default().find(name).unwrap().contract.schema().unwrap()
}

/// Plays the one session of a scenario with these lines of YAML, in a folder with a file `f`.
fn play_lines(lines: &str, schema: Option<&Value>) -> (tempfile::TempDir, Played) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("work")).unwrap();
    fs::write(dir.path().join("work/f"), "one two\n").unwrap();
    let file = dir.path().join("s.yaml");
    fs::write(&file, format!("version: 1\nscenario: s\nsessions:\n  - step: x\n{lines}")).unwrap();
    let played = play(file.to_str().unwrap(), "x", 1, &dir.path().join("work"), schema);
    (dir, played)
}

fn tests_pass(project: &Path) -> bool {
    let status = Command::new("sh").arg("tests/run.sh").current_dir(project).stdout(Stdio::null()).status();
    status.unwrap().success()
}

#[test]
fn fix_tests_ends_green_after_two_sessions() {
    let dir = tempfile::tempdir().unwrap();
    Scenario::find("fix-tests").unwrap().write_project(dir.path()).unwrap();
    let schema = skill_schema("repair-tests");
    for (visit, green) in [(1, false), (2, true)] {
        let Played { facts, verdict, .. } = play("fix-tests", "repair", visit, dir.path(), Some(&schema));
        assert_eq!((verdict.subtype.as_str(), verdict.success), ("success", true), "{:?}", verdict.because);
        assert_eq!(verdict.outputs["verdict"], "repaired");
        assert_eq!(tests_pass(dir.path()), green, "visit {visit}");
        let init = facts.init.as_ref().unwrap();
        assert_eq!((init.session_id.as_str(), init.version.as_str()), (ID, player::VERSION));
        let result = facts.result.as_ref().unwrap();
        assert_eq!((facts.open_calls(), facts.usage().turns), (0, result.turns));
        // The messages share out what the result sums up.
        let mut so_far = facts.clone();
        so_far.result = None;
        assert_eq!(so_far.usage(), facts.usage());
        // A session that is played again finds its edits done.
        let again = play("fix-tests", "repair", visit, dir.path(), Some(&schema));
        assert!(again.verdict.success, "{:?}", again.verdict.because);
    }
}

#[test]
fn hello_answers() {
    let dir = tempfile::tempdir().unwrap();
    Scenario::find("hello").unwrap().write_project(dir.path()).unwrap();
    let played = play("hello", "look", 1, dir.path(), Some(&skill_schema("look-around")));
    assert!(played.verdict.success, "{:?}", played.verdict.because);
    assert_eq!(played.verdict.outputs["evidence"], "README.md");
}

#[test]
fn the_stream_has_the_shape_of_the_clients() {
    let acts = "    acts:
      - think: true
      - say: Now.
      - { edit: f, replace: two, with: three }
      - { tool: Bash, target: git push, denied: true }
      - { tool: Bash, target: git status }
    answer: { done: true }
    usage: { input: 100, output: 10, cache_read: 1000, cost_usd: 0.25 }
";
    let schema = json!({ "type": "object", "properties": { "done": { "type": "boolean" } } });
    let (dir, played) = play_lines(acts, Some(&schema));
    assert_eq!(fs::read_to_string(dir.path().join("work/f")).unwrap(), "one three\n");
    assert!(played.verdict.success, "the refused call was made good: {:?}", played.verdict.because);
    let lines: Vec<String> = played.records.iter().map(Value::to_string).collect();
    let top = dir.path().canonicalize().unwrap();
    insta::with_settings!({filters => vec![
        (regex_of(&top).as_str(), "[dir]"),
        (r#""uuid":"[0-9a-f-]{36}""#, r#""uuid":"[uuid]""#),
        (r#""duration_ms":\d+"#, r#""duration_ms":0"#),
    ]}, { insta::assert_snapshot!(lines.join("\n")) });
}

fn regex_of(path: &Path) -> String {
    path.to_string_lossy().replace('.', "\\.")
}

#[test]
fn without_a_script_the_answer_is_made_up_to_fit() {
    let dir = tempfile::tempdir().unwrap();
    let store = SkillStore::default();
    for (scenario, visit) in [("made-up", 1), ("fix-tests", 9)] {
        for name in store.names() {
            let Played { facts, verdict, .. } =
                play(scenario, "any", visit, dir.path(), Some(&skill_schema(&name)));
            assert!(verdict.success, "{name}: {:?}", verdict.because);
            assert!(facts.last_text.contains("made up"), "{}", facts.last_text);
        }
        let verdict = play(scenario, "any", visit, dir.path(), None).verdict;
        assert!(verdict.success && verdict.result.contains("made up"), "{verdict:?}");
    }
}

#[test]
fn errors_get_their_verdicts() {
    for (lines, subtype) in [
        (
            "error: { terminal_reason: prompt_too_long, status: 400, message: Prompt is too long }",
            "context_exhausted",
        ),
        ("error: { api_error: max_output_tokens, message: too long }", "context_exhausted"),
        ("error: { message: refused by the model }", "api_error"),
        ("error: { api_error: rate_limit, status: 429, message: slow down }", "rate_limited"),
        ("error: { api_error: overloaded, status: 529, message: later }", "service_unavailable"),
        ("error: { api_error: authentication_failed, status: 401, message: who? }", "authentication_failed"),
        ("error: { terminal_reason: budget_exhausted, message: spent }", "budget_exhausted"),
        ("error: { terminal_reason: aborted_tools, message: '' }", "interrupted"),
        ("text: ''", "empty_result"),
        ("text: done\n    acts: [{ tool: Bash, target: make, denied: true }]", "permission_denied"),
        ("text: done\n    acts: [{ tool: Bash, target: make, fails: true }]", "success"),
    ] {
        let (_dir, played) = play_lines(&format!("    {lines}\n"), None);
        assert_eq!(played.verdict.subtype, subtype, "{lines}: {:?}", played.verdict.because);
        let failed = played.facts.result.as_ref().unwrap().is_error;
        assert_eq!(played.verdict.exit_code, i32::from(failed), "{lines}");
    }
}

#[test]
fn an_answer_that_does_not_fit_is_an_error_and_a_text_is_none() {
    let schema = skill_schema("repair-tests");
    let (_dir, played) = play_lines("    answer: { verdict: perhaps, summary: x }\n", Some(&schema));
    assert_eq!(played.verdict.subtype, "error_during_execution");
    assert!(played.verdict.because[0].contains("`verdict` is none of"), "{:?}", played.verdict.because);
    let (_dir, played) = play_lines("    text: done\n", Some(&schema));
    assert_eq!(played.verdict.subtype, "contract_violation");
}

#[test]
fn an_edit_that_fails_ends_the_session_and_nothing_outside_is_touched() {
    for (act, told) in [
        ("{ edit: f, replace: four, with: five }", "not in f"),
        ("{ edit: none, replace: a, with: b }", "cannot read none"),
        ("{ edit: f, replace: o, with: u }", "2 times in f"),
        ("{ write: f/g, content: x }", "cannot write f/g"),
    ] {
        let lines = format!("    acts: [{act}, {{ write: late, content: x }}]\n    text: done\n");
        let (dir, played) = play_lines(&lines, None);
        assert_eq!(
            (played.verdict.subtype.as_str(), played.verdict.exit_code),
            ("error_during_execution", 1)
        );
        assert!(played.verdict.because[0].contains(told), "{act}: {:?}", played.verdict.because);
        assert_eq!(played.facts.calls.values().last().unwrap().ok, Some(false), "{act}");
        assert!(!dir.path().join("work/late").exists());
        assert_eq!(fs::read_to_string(dir.path().join("work/f")).unwrap(), "one two\n");
    }
    let (dir, played) = play_lines("    acts: [{ write: ../out, content: x }]\n    text: done\n", None);
    assert_eq!(played.verdict.subtype, "not_started");
    assert!(
        played.verdict.stderr.contains("leads out of the working directory"),
        "{}",
        played.verdict.stderr
    );
    assert!(!dir.path().join("out").exists());
}

#[test]
fn it_hangs_when_told_and_ends_by_a_signal() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("s.yaml");
    let acts =
        "version: 1\nscenario: s\nsessions:\n  - { step: x, acts: [say: hm, hang: true], text: never }\n";
    fs::write(&file, acts).unwrap();
    let mut child = command(file.to_str().unwrap(), "x", 1, dir.path(), &[]).spawn().unwrap();
    drop(child.stdin.take());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(matches!(parse(lines.next().unwrap().unwrap().as_bytes()), Some(Record::Init(_))));
    assert!(matches!(parse(lines.next().unwrap().unwrap().as_bytes()), Some(Record::Assistant(_))));
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), None);
    assert!(lines.next().is_none());
}

#[test]
fn a_listener_that_leaves_ends_it_quietly() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = command("hello", "look", 1, dir.path(), &[]).spawn().unwrap();
    // It waits for its prompt, so nobody listens when it speaks.
    drop(child.stdout.take());
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(1), &b""[..]));
}

#[test]
fn a_wrong_command_line_is_said_on_stderr_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = command("fix-test", "repair", 1, dir.path(), &[]).spawn().unwrap();
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert_eq!(stderr, "player: there is no scenario `fix-test`\n");
}

/// A tape plays its lines, its files, its pauses at the pace asked for, and ends as the client did.
#[test]
fn a_tape_is_played_at_its_pace_and_to_its_exit() {
    let dir = tempfile::tempdir().unwrap();
    let work = dir.path().join("work");
    fs::create_dir(&work).unwrap();
    fs::write(work.join("gone"), "").unwrap();
    fs::write(
        dir.path().join("s.yaml"),
        "version: 1\nscenario: s\nsessions:\n  - {step: x, stream: t.ndjson}\n",
    )
    .unwrap();
    let tape = |end: &str| {
        let lines = [
            r#"{"version":1}"#,
            r#"{"at":0,"record":{"type":"result","session_id":"{autoskillit:session}"}}"#,
            r#"{"at":4000,"write":{"path":"new/f","content":"in {autoskillit:cwd}\n","executable":true}}"#,
            r#"{"at":4000,"delete":"gone"}"#,
            r#"{"at":4000,"stderr":"a word"}"#,
            end,
        ];
        fs::write(dir.path().join("t.ndjson"), lines.join("\n") + "\n").unwrap();
    };
    let play = |pace: &str| {
        let mut command = command(dir.path().join("s.yaml").to_str().unwrap(), "x", 1, &work, &[]);
        let args: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        let at = args.iter().position(|arg| arg == "--pace").unwrap();
        let mut again = Command::new(command.get_program());
        again.args(&args[..=at]).arg(pace).args(&args[at + 2..]).current_dir(&work);
        command = again;
        let began = std::time::Instant::now();
        (command.stdin(Stdio::null()).output().unwrap(), began.elapsed())
    };
    tape(r#"{"at":4000,"exit":{"code":3,"signal":null}}"#);
    let (output, took) = play("0.1");
    assert!(took.as_millis() >= 400 && took.as_millis() < 4000, "{took:?}");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("{{\"type\":\"result\",\"session_id\":\"{ID}\"}}\n")
    );
    assert_eq!(
        (output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()),
        (Some(3), "a word")
    );
    let real = work.canonicalize().unwrap();
    assert_eq!(fs::read_to_string(work.join("new/f")).unwrap(), format!("in {}\n", real.display()));
    assert!(!work.join("gone").exists());

    tape(r#"{"at":4000,"exit":{"code":null,"signal":9}}"#);
    let (output, _) = play("0");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&output.status), Some(9));
    // Cut off: no exit is on the tape, and a path that leads out is refused.
    tape(r#"{"at":4000,"exit""#);
    fs::write(
        dir.path().join("t.ndjson"),
        fs::read_to_string(dir.path().join("t.ndjson")).unwrap().trim_end(),
    )
    .unwrap();
    let (output, _) = play("0");
    assert!(String::from_utf8(output.stderr).unwrap().contains("cut off here"));
    tape(r#"{"at":4000,"write":{"path":"../out","content":""}}"#);
    let (output, _) = play("0");
    assert_eq!(output.status.code(), Some(1));
    assert!(!dir.path().join("out").exists());
}

//! Real streams of the pinned client, each of another situation: seeds of the fuzz targets, and samples of what a verdict has to
//! get right. `cargo test --test streams -- --ignored` records them anew.

#![expect(clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use autoskillit::core::redact::Redactor;
use autoskillit::execution::facts::Facts;
use autoskillit::execution::race::Exit;
use autoskillit::execution::record::parse;
use autoskillit::execution::verdict::{Evidence, judge};
use regex::Regex;
use serde_json::json;
use support::api::{Reply, Script, ScriptedApi};
use support::client::{Outcome, RealClient, Scratch, require_client};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/streams")
}

/// What the verdict on each stream is, and whether it is a success.
const VERDICTS: &[(&str, &str, bool)] = &[
    ("background-task", "success", true),
    ("edits", "success", true),
    ("permission-denied", "permission_denied", false),
    ("prompt-too-long", "context_exhausted", false),
    ("rate-limit", "rate_limited", false),
    ("structured-output", "success", true),
];

#[test]
fn the_corpus_is_judged_for_what_it_is() {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(corpus()).expect("the corpus is there").flatten() {
        let name = entry.path().file_stem().expect("a stream has a name").to_string_lossy().into_owned();
        let bytes = std::fs::read(entry.path()).expect("a stream can be read");
        assert!(bytes.len() < 32 << 10, "{name}: a seed is small, not {} bytes", bytes.len());
        let mut facts = Facts::default();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            facts.observe(&parse(line).unwrap_or_else(|| panic!("{name}: not a record")));
        }
        let failed = facts.result.as_ref().is_some_and(|result| result.is_error);
        let verdict = judge(&Evidence {
            exit: Some(Exit { code: Some(i32::from(failed)), signal: None }),
            session_id: SESSION,
            ..Evidence::of(&facts)
        });
        assert_eq!(verdict.session_id, SESSION, "{name}");
        found.insert(name, (verdict.subtype, verdict.success));
    }
    let expected = VERDICTS.iter().map(|&(name, label, ok)| (name.to_owned(), (label.to_owned(), ok)));
    assert_eq!(found, expected.collect());
}

const SESSION: &str = "00000000-0000-4000-8000-000000000001";

/// The stream without what belongs to the machine and the moment of its recording.
fn tidy(outcome: &Outcome) -> String {
    let redactor = Redactor::new([("ANTHROPIC_API_KEY".to_owned(), "sk-ant-scripted".to_owned())]);
    let (home, project) = (outcome.scratch.home(), outcome.scratch.project());
    let dashed = |path: &Path| path.to_string_lossy().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let mut text: String = outcome.records.iter().map(|record| format!("{record}\n")).collect();
    for (path, name) in [(&project, "/home/cook/project"), (&home, "/home/cook")] {
        text = text.replace(&*path.to_string_lossy(), name).replace(&dashed(path), &dashed(Path::new(name)));
    }
    let uuid = Regex::new("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").expect("a pattern");
    let mut seen = Vec::new();
    let text = uuid.replace_all(&text, |found: &regex::Captures<'_>| {
        let known = seen.iter().position(|id| id == &found[0]).unwrap_or_else(|| {
            seen.push(found[0].to_owned());
            seen.len() - 1
        });
        // The session's id is the one given on the command line.
        if &found[0] == SESSION { SESSION.to_owned() } else { format!("00000000-0000-4000-9000-{known:012}") }
    });
    let of_the_moment = [
        (r"cc-socks/\d+", "cc-socks/1000"),
        (r"claude-\d+/", "claude-1000/"),
        (r"20\d\d-\d\d-\d\dT[\d:.]+Z", "2026-01-01T00:00:00.000Z"),
    ];
    let text = of_the_moment.iter().fold(text.into_owned(), |text, (pattern, same)| {
        Regex::new(pattern).expect("a pattern").replace_all(&text, *same).into_owned()
    });
    redactor.clean(&text).into_owned()
}

/// Records every situation with the pinned client.
#[test]
#[ignore = "writes the corpus anew"]
fn the_corpus_can_be_recorded() {
    let client = require_client().expect("the corpus is recorded with the pinned client");
    let note = |name: &str, outcome: &Outcome| {
        std::fs::write(corpus().join(format!("{name}.ndjson")), tidy(outcome))
            .expect("the corpus is writable");
    };
    let run = |api: &ScriptedApi, more: &[&str], prompt: &str| {
        let scratch = Scratch::new();
        scratch.write("project/sum.sh", "echo $(($1 - $2))\n");
        let mut real = RealClient::within(scratch, client.clone(), api).arg("--session-id").arg(SESSION);
        for argument in more {
            real = real.arg(argument);
        }
        real.run(prompt)
    };
    let edit = json!({"file_path": "sum.sh", "old_string": "$1 - $2", "new_string": "$1 + $2"});
    let edits = Script::new()
        .turn(Reply::tool("Read", json!({"file_path": "sum.sh"})))
        .turn(Reply::tool("Edit", edit))
        .turn(Reply::bash("sh sum.sh 2 3"))
        .then_always(Reply::text("The sum adds now."));
    note("edits", &run(&ScriptedApi::play(edits), &[], "mend the sum"));

    let answer = json!({"verdict": "repaired", "summary": "It adds."});
    let schema = json!({"type": "object", "properties": {
        "verdict": {"type": "string"}, "summary": {"type": "string"}}, "required": ["verdict"]});
    let script = Script::new().turn(Reply::structured_output(answer)).then_always(Reply::text("Done."));
    let more = ["--json-schema", &schema.to_string()];
    note("structured-output", &run(&ScriptedApi::play(script), &more, "answer"));

    note("prompt-too-long", &run(&ScriptedApi::start(|_| Reply::prompt_too_long()), &[], "too much"));

    let waits = json!({"command": "sleep 1; echo slept", "description": "sleeps", "run_in_background": true});
    let script = Script::new().turn(Reply::tool("Bash", waits)).then_always(Reply::text("It is done."));
    note("background-task", &run(&ScriptedApi::play(script), &[], "sleep in the background"));

    // The same stream as without permissions: the mode is the project's.
    let script = Script::new().turn(Reply::bash("touch done")).then_always(Reply::text("All is done."));
    let api = ScriptedApi::play(script);
    let refused = RealClient::without_permissions(client.clone(), &api).arg("--session-id").arg(SESSION);
    note("permission-denied", &refused.run("do it"));

    let api = ScriptedApi::start(|_| Reply::error(429, "rate_limit_error", "slow down"));
    let limited = RealClient::new(client.clone(), &api)
        .env("CLAUDE_CODE_MAX_RETRIES", "2")
        .arg("--session-id")
        .arg(SESSION);
    note("rate-limit", &limited.run("hello"));
}

//! A served kitchen records the sessions that it runs, and answers from a recording.

use serde_json::{Value, json};

use crate::line::Line;
use crate::support::api::{Reply, ScriptedApi};
use crate::support::client::require_client;
use crate::support::kitchen::{CHORE, Kitchen};

fn sweep(line: &mut Line, label: &str) -> Value {
    line.good("run_skill", json!({ "skill": "chore", "args": ["sweep"], "step_name": label }))
}

#[test]
fn what_a_served_kitchen_records_is_what_it_answers_later() {
    let Some(client) = require_client() else { return };
    let kitchen = Kitchen::new().client(&client).skill("chore", CHORE);
    let recording = kitchen.home().join("recording");
    let kitchen =
        kitchen.env("RECORD_SCENARIO", "1").env("RECORD_SCENARIO_DIR", recording.to_str().expect("a name"));
    let api = ScriptedApi::start(|conversation| match conversation.assistant_turns() {
        0 => Reply::bash("echo swept >> floor.txt"),
        _ if conversation.contains("Structured output provided") => Reply::text("Done."),
        _ => Reply::structured_output(json!({ "summary": "the floor is swept" })),
    });
    let mut line = Line::connect(kitchen.server(Some(&api)));
    assert!(line.good("open_kitchen", json!({}))["recording"].is_string());
    line.good("run_cmd", json!({ "argv": ["true"], "step_name": "floor" }));
    let (first, second) = (sweep(&mut line, "floor"), sweep(&mut line, "floor"));
    assert_eq!(first["summary"], "the floor is swept");
    // Another opening has a recording of its own.
    line.good("close_kitchen", json!({}));
    let again = line.good("open_kitchen", json!({}));
    assert!(again["recording"].as_str().is_some_and(|dir| dir.ends_with("opening-2")), "{again}");
    drop(line);
    assert_eq!(kitchen.read("floor.txt").as_deref(), Some("swept\nswept\n"));

    // Replay wins. It plays in a copy, without a client or a model.
    let kitchen =
        kitchen.env("REPLAY_SCENARIO", "1").env("REPLAY_SCENARIO_DIR", recording.to_str().expect("a name"));
    let mut line = Line::connect(kitchen.server(None));
    let opened = line.good("open_kitchen", json!({}));
    let stage = std::path::PathBuf::from(opened["rehearsal"]["repository"].as_str().expect("a path"));
    line.good("run_cmd", json!({ "argv": ["true"], "step_name": "floor" }));
    for recorded in [&first, &second] {
        let played = sweep(&mut line, "floor");
        for part in ["success", "verdict", "summary", "result"] {
            assert_eq!(played[part], recorded[part], "{part}");
        }
    }
    assert_eq!(std::fs::read_to_string(stage.join("floor.txt")).ok().as_deref(), Some("swept\nswept\n"));
    assert_eq!(kitchen.read("floor.txt").as_deref(), Some("swept\nswept\n"), "the user's own is left alone");
    // What was not recorded is not made up.
    let (told, is_error) =
        line.call("run_skill", json!({ "skill": "chore", "args": [""], "step_name": "roof" }));
    assert!(is_error || told["success"] == false, "{told}");
    assert!(told.to_string().contains("no session for the step `roof`"), "{told}");
    drop(line);
    std::fs::remove_dir_all(stage.parent().expect("a folder of its own")).expect("it is ours");

    let kitchen = kitchen.env("REPLAY_SCENARIO_DIR", "nowhere");
    let mut line = Line::connect(kitchen.server(None));
    let (told, is_error) = line.call("open_kitchen", json!({}));
    assert!(is_error && told.to_string().contains("nowhere"), "{told}");
}

/// Its client drove it; away from that client there is no model that could, so the engine goes on.
#[test]
fn a_rehearsal_that_a_client_drove_is_finished_by_the_engine() {
    let kitchen = Kitchen::new();
    let temp = kitchen.home().join("t");
    std::fs::create_dir(&temp).expect("a home takes a folder");
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/hello");
    let kitchen = kitchen
        .env("TMPDIR", temp.to_str().expect("a name"))
        .env("REPLAY_SCENARIO", "1")
        .env("REPLAY_SCENARIO_DIR", scenario);
    let mut line = Line::connect(kitchen.server(None));
    let opened = line.good("open_kitchen", json!({ "name": "hello" }));
    let stage = opened["rehearsal"]["repository"].as_str().expect("a path").to_owned();
    line.close();
    line.finish();
    let kitchen = kitchen.env("REPLAY_SCENARIO", "0");
    let cooked = kitchen.run(["-C", &stage, "cook", "--resume", "--pace", "0"]).expect_code(0);
    let header = cooked.stderr.lines().find(|line| line.trim_start().starts_with("orchestrator"));
    assert_eq!(
        header.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).as_deref(),
        Some("orchestrator engine: no model drives a rehearsal"),
        "{}",
        cooked.stderr
    );
}

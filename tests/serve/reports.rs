//! What was used, how long it took, how much was answered: told by the kitchen, by steps, and by `runs tokens`.

use serde_json::{Value, json};

use crate::line::{Line, meta, told};
use crate::support::api::{Reply, ScriptedApi};
use crate::support::client::require_client;
use crate::support::kitchen::{CHORE, Kitchen};

/// Two commands, and steps that tell of them.
const TELLS: &str = "\
name: tells
description: Tells what it took.
allow: {dead-output: what it tells is looked at}
steps:
  boil: {tool: run_cmd, with: {argv: ['true']}, on_success: fry}
  fry: {tool: run_cmd, with: {argv: ['false']}, on_success: done, on_failure: times}
  times: {tool: get_timing_summary, with: {format: table, clear: true}, on_success: again}
  again: {tool: get_timing_summary, on_success: fails}
  fails: {tool: get_pipeline_report, on_success: files}
  files: {tool: write_telemetry_files, with: {output_dir: '.autoskillit/temp/report'}, on_success: done, on_failure: bad}
  done: {stop: {status: succeeded, message: Told.}}
  bad: {stop: {status: failed, message: Not told.}}
";

/// Has a session, and tells what it used.
const SWEEPS: &str = "\
name: sweeps
description: Sweeps.
allow: {dead-output: what it tells is looked at}
steps:
  sweep: {skill: chore, args: [floor], on_success: tokens, on_failure: bad}
  tokens: {tool: get_token_summary, with: {format: table}, on_success: done}
  done: {stop: {status: succeeded, message: Swept.}}
  bad: {stop: {status: failed, message: Not swept.}}
";

fn api() -> ScriptedApi {
    ScriptedApi::start(|conversation| match conversation.assistant_turns() {
        0 => Reply::structured_output(json!({ "summary": "the floor is swept" })),
        _ => Reply::text("Done."),
    })
}

fn steps(told: &Value) -> Vec<&str> {
    let steps = told["steps"].as_array().expect("steps are a list");
    steps.iter().map(|step| step["step_name"].as_str().expect("a step has a name")).collect()
}

#[test]
fn steps_tell_what_their_run_took_and_what_failed() {
    let kitchen = Kitchen::new().recipe("tells", TELLS);
    let cooked = kitchen.run(["cook", "tells"]).expect_code(0);
    let times = cooked.ended("times", 1)["result"].clone();
    assert_eq!(steps(&times), ["boil", "fry"]);
    assert!(
        times["text"].as_str().is_some_and(|text| text.starts_with("## Step Timing Summary\n")),
        "{times}"
    );
    assert_eq!(steps(&cooked.ended("again", 1)["result"]), Vec::<&str>::new(), "what was to be forgotten is");
    let fails = cooked.ended("fails", 1)["result"].clone();
    assert_eq!(
        (&fails["total_failures"], &fails["failures"][0]["step"], &fails["failures"][0]["skill_command"]),
        (&json!(1), &json!("fry"), &json!("false"))
    );
    let file = |name: &str| kitchen.read(&format!(".autoskillit/temp/report/{name}")).expect("it is written");
    assert!(file("token_summary.md").starts_with("## Token Usage Summary\n"));
    assert!(file("timing_summary.md").contains("| again | "), "{}", file("timing_summary.md"));
    assert!(file("mcp_response_metrics.json").contains("\"steps\": []"));
    assert!(
        cooked.ended("files", 1)["result"]["token_summary_path"]
            .as_str()
            .is_some_and(|path| path.ends_with(".md"))
    );
}

#[test]
fn a_run_and_those_who_look_at_it_later_tell_the_same_tokens() {
    let Some(client) = require_client() else { return };
    let kitchen = Kitchen::new().client(&client).skill("chore", CHORE).recipe("sweeps", SWEEPS);
    let api = api();
    let cooked = kitchen.cook(&api, ["sweeps"]).expect_code(0);
    let step = cooked.ended("tokens", 1)["result"].clone();
    assert_eq!(steps(&step), ["sweep"]);
    let row = &step["steps"][0];
    assert!(row["output_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{step}");
    assert_eq!(
        (&row["invocation_count"], &step["total"]["output_tokens"]),
        (&json!(1), &row["output_tokens"])
    );
    assert!(step["text"].as_str().is_some_and(|text| text.contains("## Model Usage Breakdown")), "{step}");

    let later: Value = serde_json::from_str(&kitchen.run(["runs", "tokens", "--json"]).expect_code(0).stdout)
        .expect("it is JSON");
    assert_eq!(
        (&later["steps"][0]["output"], &later["steps"][0]["count"]),
        (&row["output_tokens"], &json!(1)),
        "{later}"
    );
    let markdown = kitchen.run(["runs", "tokens", "--markdown"]).expect_code(0).stdout;
    assert!(
        markdown.contains("| Step | uncached | output | cache_read | cache_write | count | time |\n")
            && markdown.contains("\n| sweep | "),
        "{markdown}"
    );

    // The kitchen of another server knows nothing of it unless it is asked for that run.
    let mut line = Line::connect(kitchen.server(Some(&api)));
    line.good("open_kitchen", json!({}));
    assert_eq!(steps(&line.good("get_token_summary", json!({}))), Vec::<&str>::new());
    let run = kitchen.run_dir().expect("it ran");
    let run = run.file_name().expect("a run has a name").to_string_lossy().into_owned();
    let asked = line.good("get_token_summary", json!({ "order_id": run }));
    assert_eq!((&asked["steps"], &asked["total"]), (&step["steps"], &step["total"]));

    // What is done in it outside of a run it tells until that is to be forgotten.
    line.good("run_skill", json!({ "skill": "chore", "args": ["floor"], "step_name": "clean-3" }));
    let told = line.good("get_token_summary", json!({ "clear": true }));
    assert_eq!(steps(&told), ["clean"]);
    assert!(told["mcp_responses"]["total"]["total_invocations"].as_u64().is_some_and(|count| count >= 4));
    assert_eq!(steps(&line.good("get_token_summary", json!({}))), Vec::<&str>::new());
    assert_eq!(steps(&line.good("get_timing_summary", json!({}))), ["clean"], "only tokens were forgotten");
}

#[test]
fn the_kitchen_tells_of_the_run_that_it_drives() {
    let kitchen = Kitchen::new().recipe("tells", TELLS);
    let mut line = Line::connect(kitchen.server(None));
    line.good("open_kitchen", json!({ "name": "tells" }));
    line.good("run_cmd", json!({ "step_name": "boil" }));
    // Without a step it is no step of the run.
    assert_eq!(steps(&line.good("get_timing_summary", json!({}))), ["boil"]);
    line.good("run_cmd", json!({ "step_name": "fry" }));
    let times = line.good("get_timing_summary", json!({ "step_name": "times" }));
    assert_eq!(times["next"]["step_name"], "again", "{times}");
    let (refused, is_error) = line.call("get_timing_summary", json!({ "format": "tabel" }));
    assert!(is_error && refused["error"].as_str().is_some_and(|why| why.contains("`table`")), "{refused}");
    let (refused, is_error) = line.call("get_token_summary", json!({ "order_id": "nowhere" }));
    assert!(is_error, "{refused}");
    let looks = line.good("get_quota_events", json!({ "n": 3 }));
    assert_eq!((&looks["events"], &looks["total_count"]), (&json!([]), &json!(0)));
}

/// Whether the server said that an answer is long before it gave it.
fn said(line: &mut Line) -> Option<Value> {
    let said = std::mem::take(&mut line.written);
    let message = said.iter().filter_map(|text| serde_json::from_str::<Value>(text).ok());
    message.into_iter().find(|message| message["method"] == "notifications/message")
}

#[test]
fn a_client_hears_of_long_answers_as_far_as_it_wants_to() {
    let kitchen = Kitchen::new().config("mcp_response: {alert_threshold_tokens: 300}\n");
    let long = json!({ "argv": ["head", "-c", "4000", "/dev/zero"] });
    let mut line = Line::connect(kitchen.server(None));
    line.good("open_kitchen", json!({}));
    line.written.clear();
    line.good("run_cmd", json!({ "argv": ["true"] }));
    assert_eq!(said(&mut line), None, "a short answer is no news");
    line.good("run_cmd", long.clone());
    let heard = said(&mut line).expect("it says so");
    assert_eq!(
        (&heard["params"]["level"], &heard["params"]["logger"]),
        (&json!("info"), &json!("autoskillit.server.response_size"))
    );
    assert!(
        heard["params"]["data"]["msg"].as_str().is_some_and(|text| text.contains("`run_cmd`")),
        "{heard}"
    );
    line.request("logging/setLevel", json!({ "level": "warning" }));
    line.good("run_cmd", long.clone());
    assert_eq!(said(&mut line), None, "it wants warnings only");

    // A client of 2026-07-28 says with each call what it wants.
    let mut line = Line::start(kitchen.server(None));
    let mut call = |tool: &str, arguments: Value, level: Option<&str>| {
        let mut meta = meta();
        if let Some(level) = level {
            meta["io.modelcontextprotocol/logLevel"] = json!(level);
        }
        let answer =
            line.request("tools/call", json!({ "name": tool, "arguments": arguments, "_meta": meta }));
        assert!(!told(&answer).1, "{answer}");
        said(&mut line)
    };
    assert_eq!(call("open_kitchen", json!({}), None), None);
    assert_eq!(call("run_cmd", long.clone(), None), None);
    assert!(call("run_cmd", long, Some("info")).is_some());
}

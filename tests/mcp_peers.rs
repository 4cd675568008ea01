//! `autoskillit serve` and the clients of others: the official SDKs for TypeScript and Python and the official Inspector, in every
//! generation of the protocol that they speak.

#![expect(clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use std::time::Duration;

use autoskillit::catalog;
use serde_json::{Value, json};

use support::kitchen::Kitchen;
use support::peers::{self, Inspector, require_node, require_python};

/// The generation that begins with `initialize`, and the version that all of these agree on.
const INITIALIZE: (&str, &str) = ("initialize", "2025-11-25");
/// The generation that begins with `server/discover`.
const DISCOVER: (&str, &str) = ("2026-07-28", "2026-07-28");

/// Within this a server that its client left is gone.
const GONE: Duration = Duration::from_secs(3);

const CLOSED: [&str; 2] = ["open_kitchen", "close_kitchen"];

/// A call, and what must be in its answer.
struct Exchange {
    tool: &'static str,
    arguments: Value,
    changes: bool,
    is_error: bool,
    told: Value,
}

fn exchange(tool: &'static str, arguments: Value, told: Value) -> Exchange {
    Exchange { tool, arguments, changes: false, is_error: false, told }
}

/// Into a kitchen, around it, and out again.
fn visit(kitchen: &Kitchen) -> Vec<Exchange> {
    let refused = json!({ "success": false, "error_code": "gate_error" });
    let fails = json!({ "argv": ["sh", "-c", "echo burnt >&2; exit 3"] });
    vec![
        Exchange { is_error: true, ..exchange("run_cmd", json!({ "cmd": "touch never" }), refused) },
        Exchange {
            changes: true,
            ..exchange("open_kitchen", json!({}), json!({ "success": true, "kitchen": "open", "count": 2 }))
        },
        exchange(
            "run_cmd",
            json!({ "argv": ["printf", "%s|", "a b", "$HOME; ü"], "timeout": "20s" }),
            json!({ "success": true, "exit_code": 0, "stdout": "a b|$HOME; ü|", "stderr": "" }),
        ),
        exchange(
            "run_cmd",
            fails,
            json!({ "success": false, "exit_code": 3, "stdout": "", "stderr": "burnt", "timed_out": false }),
        ),
        exchange("load_recipe", json!({ "name": "hello" }), json!({ "name": "hello", "valid": true })),
        exchange(
            "kitchen_status",
            json!({}),
            json!({
                "tools_enabled": true,
                "package_version": env!("CARGO_PKG_VERSION"),
                "repository": kitchen.repository(),
                "warnings": [],
            }),
        ),
        Exchange {
            changes: true,
            ..exchange("close_kitchen", json!({}), json!({ "success": true, "kitchen": "closed" }))
        },
    ]
}

fn calls(visit: &[Exchange]) -> Value {
    let call =
        |call: &Exchange| json!({ "tool": call.tool, "arguments": call.arguments, "changes": call.changes });
    visit.iter().map(call).collect()
}

/// The answers of a visit, each cut down to what must be in it.
#[track_caller]
fn assert_answers(answers: &[Value], visit: &[Exchange]) {
    assert_eq!(answers.len(), visit.len(), "{answers:#?}");
    for (answer, exchange) in answers.iter().zip(visit) {
        let told: serde_json::Map<_, _> = exchange
            .told
            .as_object()
            .expect("a mapping is expected")
            .iter()
            .map(|(key, _)| (key.clone(), answer["value"][key].clone()))
            .collect();
        let tools = match (exchange.changes, exchange.tool) {
            (false, _) => Value::Null,
            (true, "open_kitchen") => catalog::all().map(|tool| tool.name).collect(),
            (true, _) => json!(CLOSED),
        };
        assert_eq!(
            (&answer["tool"], &answer["is_error"], &Value::Object(told), &answer["tools"]),
            (&json!(exchange.tool), &json!(exchange.is_error), &exchange.told, &tools),
            "{answer:#}"
        );
    }
}

/// What an SDK saw of a whole visit.
#[track_caller]
fn assert_seen(kitchen: &Kitchen, seen: &Value, version: &str, visit: &[Exchange]) {
    let met = ["protocol", "server", "tools", "unexpected"].map(|key| seen[key].clone());
    let server = json!({ "name": "autoskillit", "version": env!("CARGO_PKG_VERSION") });
    assert_eq!(json!(met), json!([version, server, CLOSED, 0]));
    assert!(seen["instructions"].as_str().is_some_and(|text| text.contains("`open_kitchen`")), "{seen:#}");
    assert_answers(seen["answers"].as_array().expect("answers are a list"), visit);
    assert_eq!(kitchen.read("never"), None, "a closed kitchen runs nothing");
    kitchen.assert_nothing_left(GONE);
}

fn typescript(package: &str, (generation, version): (&str, &str)) {
    let Some(modules) = require_node() else { return };
    let kitchen = Kitchen::new();
    let visit = visit(&kitchen);
    let seen = peers::typescript(&kitchen, &modules, package, generation, &calls(&visit));
    assert_seen(&kitchen, &seen, version, &visit);
}

#[test]
fn the_first_typescript_sdk() {
    typescript("@modelcontextprotocol/sdk", INITIALIZE);
}

#[test]
fn the_typescript_sdk_as_it_began() {
    typescript("@modelcontextprotocol/client", INITIALIZE);
}

#[test]
fn the_typescript_sdk_of_today() {
    typescript("@modelcontextprotocol/client", DISCOVER);
}

fn python((generation, version): (&str, &str)) {
    let Some(python) = require_python() else { return };
    let kitchen = Kitchen::new();
    let visit = visit(&kitchen);
    let seen = peers::python(&kitchen, &python, generation, &calls(&visit));
    assert_seen(&kitchen, &seen, version, &visit);
}

#[test]
fn the_python_sdk_as_it_began() {
    python(INITIALIZE);
}

#[test]
fn the_python_sdk_of_today() {
    python(DISCOVER);
}

/// One server per command: it lists what is there at the start, opens the kitchen, and is told what is wrong.
#[test]
fn the_inspector_asks_single_questions() {
    let Some(modules) = require_node() else { return };
    let kitchen = Kitchen::new();
    for era in ["legacy", "modern"] {
        let ask = |args: &[&str]| peers::inspect(&kitchen, &modules, era, args);
        // `--strict` ends with 6 where a schema would not do for every client.
        let (code, listed) = ask(&["--method", "tools/list", "--strict"]);
        assert_eq!((code, peers::names(&listed["result"]["tools"])), (Some(0), json!(CLOSED)), "{era}");

        let (code, opened) = ask(&["--method", "tools/call", "--tool-name", "open_kitchen"]);
        let told = peers::value(&opened["result"]);
        assert_eq!((code, &told["kitchen"], &told["count"]), (Some(0), &json!("open"), &json!(2)), "{era}");

        let (code, refused) =
            ask(&["--method", "tools/call", "--tool-name", "open_kitchen", "--tool-arg", "name=no-such"]);
        let told = peers::value(&refused["result"]);
        assert_eq!((code, &told["error"]), (Some(5), &json!("there is no recipe `no-such`")), "{era}");
        kitchen.assert_nothing_left(GONE);
    }
}

fn inspector((era, version): (&str, &str)) {
    let Some(modules) = require_node() else { return };
    let kitchen = Kitchen::new();
    // It asks for no tool that is not listed, so the call that is refused is not for it.
    let visit = visit(&kitchen).split_off(1);
    {
        let inspector = Inspector::connect(&kitchen, modules, era);
        let shown = inspector.says(&["connections/show"]);
        assert_eq!(shown["protocolVersion"], version, "{shown:#}");
        assert_eq!(inspector.tools(), json!(CLOSED));
        assert_answers(&inspector.answers(&calls(&visit)), &visit);
    }
    kitchen.assert_nothing_left(GONE);
}

#[test]
fn the_inspector_keeps_a_connection_as_it_began() {
    inspector(("legacy", INITIALIZE.1));
}

#[test]
fn the_inspector_keeps_a_connection_of_today() {
    inspector(("modern", DISCOVER.1));
}

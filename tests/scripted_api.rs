//! tmp
mod support;
use support::api::{Conversation, Reply, ScriptedApi};
use support::client::{RealClient, require_client};
use serde_json::json;

#[test]
fn explore() {
    let Some(client) = require_client() else { return };
    let api = ScriptedApi::start(|c: &Conversation| match c.assistant_turns() {
        0 => Reply::thinking("hm").and_text("two").and_tool("Bash", json!({"command":"echo a > a"})).and_tool("Bash", json!({"command":"echo b"})),
        _ => Reply::text("fin"),
    });
    let o = RealClient::new(client, &api).run("hello");
    let _ = std::fs::write("/tmp/api-explore.json", serde_json::to_string_pretty(&json!({"requests": api.requests().iter().map(|r| json!({"m": r.method, "p": r.path, "h": r.headers, "b": r.body})).collect::<Vec<_>>(), "records": o.records, "stderr": o.stderr})).unwrap());
    println!("{:?}", o.status);
}

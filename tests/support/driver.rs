//! A scripted model that drives a run: it does what it is told.

use serde_json::{Value, json};

use super::api::{Conversation, Reply};

/// What the names of our tools begin with in the client.
pub const PREFIX: &str = "mcp__autoskillit__";

/// Whether it is the session that drives.
pub fn drives(conversation: &Conversation) -> bool {
    conversation.has_tool(&format!("{PREFIX}kitchen_status"))
}

/// What the orchestrator was told last: the answer of its last call, or its prompt.
pub fn told(conversation: &Conversation) -> Value {
    let prompt = conversation.user_text();
    let text = conversation.last_tool_results().pop().map_or(prompt, |result| result.text);
    let (from, to) = (text.find('{').expect("JSON"), text.rfind('}').expect("JSON"));
    serde_json::from_str(&text[from..=to]).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// An orchestrator that does what it is told.
pub fn obeys(conversation: &Conversation) -> Reply {
    let told = told(conversation);
    let next = &told["next"];
    match next["do"].as_str() {
        Some("call") => {
            let tool = format!("{PREFIX}{}", next["tool"].as_str().expect("a call has a tool"));
            Reply::tool(tool, json!({"step_name": next["step_name"]}))
        }
        Some("wait") => Reply::tool(format!("{PREFIX}kitchen_status"), json!({})),
        Some("over") => Reply::text(format!("The run ended: {}", next["end"]["reason"])),
        _ => panic!("nothing to do in {told}"),
    }
}

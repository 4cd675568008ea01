//! A request to the Messages API, read the way a scripted model needs it.

use serde_json::Value;

/// One request: the conversation so far, as the client tells it.
#[derive(Clone, Debug)]
pub struct Conversation {
    body: Value,
    headers: Vec<(String, String)>,
}

/// What a tool answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolResult {
    /// The call this answers.
    pub tool_use_id: String,
    /// Its text blocks, joined by line ends.
    pub text: String,
    /// Whether the client calls it an error.
    pub is_error: bool,
}

impl Conversation {
    pub(super) fn new(body: Value, headers: Vec<(String, String)>) -> Self {
        Self { body, headers }
    }

    /// The request as it came.
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// A request header; names are lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether this is a request beside the conversation, such as the one for a title: it offers no
    /// tools. A client told to have no tools (`--tools ""`) looks the same.
    pub fn is_side_request(&self) -> bool {
        self.tools().is_empty()
    }

    /// The model the client asks for.
    pub fn model(&self) -> &str {
        self.body["model"].as_str().unwrap_or_default()
    }

    /// Whether the client wants the answer as a stream of events.
    pub fn wants_stream(&self) -> bool {
        self.body["stream"].as_bool().unwrap_or(false)
    }

    /// Names of the tools the model may call.
    pub fn tools(&self) -> Vec<&str> {
        items(&self.body["tools"]).iter().filter_map(|tool| tool["name"].as_str()).collect()
    }

    /// Whether the model may call this tool.
    pub fn has_tool(&self, name: &str) -> bool {
        self.tools().contains(&name)
    }

    /// The messages, oldest first.
    pub fn messages(&self) -> &[Value] {
        items(&self.body["messages"])
    }

    /// All text blocks of user messages, joined by line ends.
    pub fn user_text(&self) -> String {
        self.text_of("user")
    }

    /// The system prompt, and system messages inside the conversation, joined by line ends.
    pub fn system_text(&self) -> String {
        joined([text_blocks(&self.body["system"]), self.text_of("system")])
    }

    fn text_of(&self, role: &str) -> String {
        joined(self.messages().iter().filter(|m| m["role"] == role).map(|m| text_blocks(&m["content"])))
    }

    /// How many times the model has answered.
    pub fn assistant_turns(&self) -> usize {
        self.messages().iter().filter(|m| m["role"] == "assistant").count()
    }

    /// Results of the model's last tool calls; other messages may stand between or after them.
    pub fn last_tool_results(&self) -> Vec<ToolResult> {
        let messages = self.messages();
        let start = messages.iter().rposition(|m| m["role"] == "assistant").map_or(0, |last| last + 1);
        messages[start..]
            .iter()
            .flat_map(|m| items(&m["content"]))
            .filter(|block| block["type"] == "tool_result")
            .map(|block| ToolResult {
                tool_use_id: block["tool_use_id"].as_str().unwrap_or_default().to_owned(),
                text: text_blocks(&block["content"]),
                is_error: block["is_error"].as_bool().unwrap_or(false),
            })
            .collect()
    }

    /// The client's session, from its header or from the request's metadata.
    pub fn session_id(&self) -> Option<String> {
        if let Some(id) = self.header("x-claude-code-session-id") {
            return Some(id.to_owned());
        }
        let user = self.body["metadata"]["user_id"].as_str()?;
        let fields: Value = serde_json::from_str(user).ok()?;
        fields["session_id"].as_str().map(str::to_owned)
    }

    /// Whether the text stands anywhere in the system prompt or the messages, tool calls and results included.
    pub fn contains(&self, text: &str) -> bool {
        has_text(&self.body["system"], text) || has_text(&self.body["messages"], text)
    }

    /// The subagent that asks, unless it is the session itself.
    pub fn agent_id(&self) -> Option<&str> {
        self.header("x-claude-code-agent-id")
    }

    /// Tells conversations apart: sessions from each other, and subagents from their session.
    pub(super) fn identity(&self) -> String {
        format!("{}/{}", self.session_id().unwrap_or_default(), self.agent_id().unwrap_or_default())
    }
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn joined(texts: impl IntoIterator<Item = String>) -> String {
    texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The text of a content field, which is a string or a list of blocks.
fn text_blocks(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        blocks => joined(items(blocks).iter().filter_map(|block| block["text"].as_str()).map(str::to_owned)),
    }
}

fn has_text(value: &Value, text: &str) -> bool {
    match value {
        Value::String(string) => string.contains(text),
        Value::Array(values) => values.iter().any(|value| has_text(value, text)),
        Value::Object(fields) => fields.values().any(|value| has_text(value, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

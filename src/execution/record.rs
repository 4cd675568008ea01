//! One line of the client's stream (or transcript) as a typed record.
//!
//! Reading is lenient: a field of an unexpected type is as good as absent, an unknown record is [`Record::Other`]. The
//! common records take a borrowed fast path that skips what nobody asks for (file contents, tool output).

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::core::usage::Usage;

/// A record of the stream; only what decisions or people need of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// `system/init`: a turn begins. Comes again when a background task starts another turn.
    Init(Init),
    /// One content block of an assistant message.
    Assistant(Assistant),
    /// What tools answered.
    User(User),
    /// A heartbeat of a running tool: the client lives; says nothing about the work.
    ToolProgress {
        /// The tool.
        tool: String,
    },
    /// `system/api_retry`.
    ApiRetry(ApiRetry),
    /// `system/background_tasks_changed`: the tasks that are open now.
    BackgroundTasks {
        /// Their ids; empty means quiescent.
        open: Vec<String>,
    },
    /// `rate_limit_event`.
    RateLimit {
        /// Unix seconds when the limit resets.
        resets_at: Option<i64>,
        /// The limit's status (`allowed`, `allowed_warning`, `rejected`).
        status: String,
    },
    /// `result`: a turn is over.
    Result(Box<ResultRecord>),
    /// Anything else.
    Other {
        /// `type`.
        kind: String,
        /// `subtype`, or empty.
        subtype: String,
    },
}

/// Facts of `system/init`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Init {
    /// The session's id.
    pub session_id: String,
    /// The model that answers.
    pub model: String,
    /// The client's version.
    pub version: String,
    /// The permission mode in force.
    pub permission_mode: String,
    /// MCP servers: name and status.
    pub mcp_servers: Vec<(String, String)>,
    /// Skills and commands that can be invoked.
    pub slash_commands: Vec<String>,
}

/// One content block of an assistant message, with the message's facts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Assistant {
    /// Shared by all blocks of a message: count `usage` once per id.
    pub message_id: String,
    /// The model.
    pub model: String,
    /// The tool call that a subagent's message belongs to.
    pub parent: Option<String>,
    /// Tokens of the whole message.
    pub usage: Option<Usage>,
    /// The blocks, usually one.
    pub blocks: Vec<Block>,
}

/// A content block.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// Text.
    Text(String),
    /// Thinking; its text is not kept.
    Thinking,
    /// A tool call.
    ToolUse(ToolUse),
}

/// A tool call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolUse {
    /// Its id.
    pub id: String,
    /// The tool.
    pub name: String,
    /// What it works on, for people: path, command, pattern, URL.
    pub target: String,
}

/// Tool results of one user record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct User {
    /// The results in it.
    pub results: Vec<ToolResult>,
}

/// One tool result.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolResult {
    /// The call it answers.
    pub id: String,
    /// Whether the tool failed or was refused.
    pub is_error: bool,
}

/// A failed model call that the client tries again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ApiRetry {
    /// Which try, from 1.
    pub attempt: u64,
    /// Milliseconds until the next.
    pub delay_ms: u64,
    /// HTTP status, when there was an answer.
    pub status: Option<u64>,
    /// The client's class: `rate_limit`, `authentication_failed`, ….
    pub error: String,
}

/// The `result` record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResultRecord {
    /// `success`, `error_during_execution`, `error_max_budget_usd`, …: a label, not a verdict.
    pub subtype: String,
    /// Whether the client calls it an error.
    pub is_error: bool,
    /// Why the turn ended: `completed`, `prompt_too_long`, `api_error`, `budget_exhausted`, `aborted_tools`, ….
    pub terminal_reason: String,
    /// HTTP status of a failed model call.
    pub api_error_status: Option<u64>,
    /// The client's class of it.
    pub api_error: String,
    /// The final text.
    pub text: String,
    /// The answer that fits the given schema.
    pub structured_output: Option<Value>,
    /// The session's id.
    pub session_id: String,
    /// Messages of errors.
    pub errors: Vec<String>,
    /// Turns so far.
    pub turns: u64,
    /// Dollars so far.
    pub cost_usd: f64,
    /// Tokens of the session so far.
    pub usage: Option<Usage>,
    /// Refused tool calls: tool name and what it was to work on.
    pub denials: Vec<Denial>,
}

/// A refused tool call.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, Deserialize)]
pub struct Denial {
    /// The call.
    pub id: String,
    /// The tool.
    pub tool: String,
    /// What it was to work on.
    pub target: String,
}

/// Parses one line. `None` when it is not a JSON object.
#[must_use]
pub fn parse(line: &[u8]) -> Option<Record> {
    let text = std::str::from_utf8(line).ok()?;
    match fast(text) {
        Some(record) => Some(record),
        None => match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(object)) => Some(from_object(&object)),
            _ => None,
        },
    }
}

/// [`parse`] for a line that may hold invalid UTF-8: the bad bytes become replacement characters.
#[must_use]
pub fn parse_lossy(line: &[u8]) -> Option<Record> {
    parse(line).or_else(|| match String::from_utf8_lossy(line) {
        Cow::Owned(text) => parse(text.as_bytes()),
        Cow::Borrowed(_) => None,
    })
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    parent_tool_use_id: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct AssistantMessage<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    model: Option<Cow<'a, str>>,
    #[serde(default)]
    usage: Option<WireUsage>,
    #[serde(borrow)]
    content: Vec<WireBlock<'a>>,
}

#[derive(Deserialize, Clone, Copy)]
struct WireUsage {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
    #[serde(default)]
    cache_read_input_tokens: u64,
    #[serde(default)]
    cache_creation_input_tokens: u64,
}

impl From<WireUsage> for Usage {
    fn from(wire: WireUsage) -> Self {
        Self {
            input: wire.input_tokens,
            output: wire.output_tokens,
            cache_read: wire.cache_read_input_tokens,
            cache_write: wire.cache_creation_input_tokens,
            ..Self::default()
        }
    }
}

#[derive(Deserialize)]
struct WireBlock<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_use_id: Option<Cow<'a, str>>,
    #[serde(default)]
    is_error: Option<bool>,
}

#[derive(Deserialize)]
struct UserMessage<'a> {
    #[serde(borrow)]
    content: Vec<WireBlock<'a>>,
}

/// The keys of tool inputs that say what a call works on, the most telling first.
#[derive(Deserialize, Default)]
struct WireInput<'a> {
    #[serde(borrow, default)]
    file_path: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    notebook_path: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    command: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pattern: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    path: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    url: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    query: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    skill: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    description: Option<Cow<'a, str>>,
}

impl WireInput<'_> {
    fn target(self) -> String {
        [
            self.file_path,
            self.notebook_path,
            self.command,
            self.pattern,
            self.path,
            self.url,
            self.query,
            self.skill,
            self.description,
        ]
        .into_iter()
        .flatten()
        .next()
        .map(Cow::into_owned)
        .unwrap_or_default()
    }
}

/// `None` when the line does not have the usual shape; then the lenient path reads it.
fn fast(text: &str) -> Option<Record> {
    let head: Head<'_> = serde_json::from_str(text).ok()?;
    match (&*head.kind, head.message) {
        ("assistant", Some(message)) => {
            let message: AssistantMessage<'_> = serde_json::from_str(message.get()).ok()?;
            Some(Record::Assistant(Assistant {
                message_id: message.id.into_owned(),
                model: message.model.map(Cow::into_owned).unwrap_or_default(),
                parent: head.parent_tool_use_id.map(Cow::into_owned),
                usage: message.usage.map(Usage::from),
                blocks: message.content.into_iter().filter_map(block).collect(),
            }))
        }
        ("user", Some(message)) => {
            let message: UserMessage<'_> = serde_json::from_str(message.get()).ok()?;
            let results = message
                .content
                .into_iter()
                .filter(|block| block.kind == "tool_result")
                .map(|block| ToolResult {
                    id: block.tool_use_id.map(Cow::into_owned).unwrap_or_default(),
                    is_error: block.is_error.unwrap_or(false),
                })
                .collect();
            Some(Record::User(User { results }))
        }
        _ => None,
    }
}

fn block(wire: WireBlock<'_>) -> Option<Block> {
    match &*wire.kind {
        "text" => Some(Block::Text(wire.text?.into_owned())),
        "thinking" | "redacted_thinking" => Some(Block::Thinking),
        "tool_use" => {
            let input = wire.input.and_then(|raw| serde_json::from_str::<WireInput<'_>>(raw.get()).ok());
            Some(Block::ToolUse(ToolUse {
                id: wire.id.map(Cow::into_owned).unwrap_or_default(),
                name: wire.name.map(Cow::into_owned).unwrap_or_default(),
                target: input.unwrap_or_default().target(),
            }))
        }
        _ => None,
    }
}

fn from_object(object: &Map<String, Value>) -> Record {
    let kind = text(object, "type");
    let subtype = text(object, "subtype");
    match (kind.as_str(), subtype.as_str()) {
        ("system", "init") => Record::Init(init(object)),
        ("system", "api_retry") => Record::ApiRetry(ApiRetry {
            attempt: number(object, "attempt").unwrap_or_default(),
            delay_ms: object.get("retry_delay_ms").and_then(Value::as_f64).map_or(0, |ms| ms as u64),
            status: number(object, "error_status"),
            error: text(object, "error"),
        }),
        ("system", "background_tasks_changed") => Record::BackgroundTasks {
            open: list(object, "tasks")
                .iter()
                .map(|task| match task {
                    Value::Object(task) => [text(task, "task_id"), text(task, "id")]
                        .into_iter()
                        .find(|id| !id.is_empty())
                        .unwrap_or_default(),
                    other => other.as_str().unwrap_or_default().to_owned(),
                })
                .collect(),
        },
        ("rate_limit_event", _) => {
            let info = object.get("rate_limit_info").and_then(Value::as_object).unwrap_or(object);
            Record::RateLimit {
                resets_at: info.get("resetsAt").and_then(Value::as_i64),
                status: text(info, "status"),
            }
        }
        ("tool_progress", _) => Record::ToolProgress { tool: text(object, "tool_name") },
        ("result", _) => Record::Result(Box::new(result(object))),
        ("assistant", _) => Record::Assistant(assistant(object)),
        ("user", _) => Record::User(User { results: content(object).filter_map(tool_result).collect() }),
        _ => Record::Other { kind, subtype },
    }
}

fn init(object: &Map<String, Value>) -> Init {
    Init {
        session_id: text(object, "session_id"),
        model: text(object, "model"),
        version: text(object, "claude_code_version"),
        permission_mode: text(object, "permissionMode"),
        mcp_servers: list(object, "mcp_servers")
            .iter()
            .filter_map(Value::as_object)
            .map(|server| (text(server, "name"), text(server, "status")))
            .collect(),
        slash_commands: list(object, "slash_commands")
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect(),
    }
}

fn assistant(object: &Map<String, Value>) -> Assistant {
    let empty = Map::new();
    let message = object.get("message").and_then(Value::as_object).unwrap_or(&empty);
    let mut blocks: Vec<Block> = content(object)
        .filter_map(|value| serde_json::to_string(value).ok())
        .filter_map(|value| serde_json::from_str::<WireBlock<'_>>(&value).ok().and_then(block))
        .collect();
    if let Some(text) = message.get("content").and_then(Value::as_str) {
        blocks.push(Block::Text(text.to_owned()));
    }
    Assistant {
        message_id: text(message, "id"),
        model: text(message, "model"),
        parent: object.get("parent_tool_use_id").and_then(Value::as_str).map(str::to_owned),
        usage: message.get("usage").and_then(Value::as_object).map(usage),
        blocks,
    }
}

fn tool_result(value: &Value) -> Option<ToolResult> {
    let block = value.as_object()?;
    (text(block, "type") == "tool_result").then(|| ToolResult {
        id: text(block, "tool_use_id"),
        is_error: block.get("is_error").and_then(Value::as_bool).unwrap_or(false),
    })
}

fn result(object: &Map<String, Value>) -> ResultRecord {
    let structured = object.get("structured_output").filter(|value| !value.is_null()).cloned();
    ResultRecord {
        subtype: text(object, "subtype"),
        is_error: object.get("is_error").and_then(Value::as_bool).unwrap_or(false),
        terminal_reason: text(object, "terminal_reason"),
        api_error_status: number(object, "api_error_status"),
        api_error: text(object, "api_error"),
        text: match object.get("result") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(blocks)) => blocks
                .iter()
                .filter_map(|block| block.get("text").and_then(Value::as_str))
                .collect::<Vec<_>>()
                .join("\n"),
            _ => String::new(),
        },
        structured_output: structured,
        session_id: text(object, "session_id"),
        errors: match object.get("errors") {
            Some(Value::Array(errors)) => errors
                .iter()
                .filter(|error| !error.is_null())
                .map(|error| error.as_str().map_or_else(|| error.to_string(), str::to_owned))
                .collect(),
            Some(Value::String(error)) => vec![error.clone()],
            _ => Vec::new(),
        },
        turns: number(object, "num_turns").unwrap_or_default(),
        cost_usd: object.get("total_cost_usd").and_then(Value::as_f64).unwrap_or_default(),
        usage: object.get("usage").and_then(Value::as_object).map(usage),
        denials: list(object, "permission_denials")
            .iter()
            .filter_map(Value::as_object)
            .map(|denial| Denial {
                id: text(denial, "tool_use_id"),
                tool: text(denial, "tool_name"),
                target: denial
                    .get("tool_input")
                    .and_then(|input| serde_json::to_string(input).ok())
                    .and_then(|input| {
                        serde_json::from_str::<WireInput<'_>>(&input).ok().map(WireInput::target)
                    })
                    .unwrap_or_default(),
            })
            .collect(),
    }
}

fn usage(object: &Map<String, Value>) -> Usage {
    Usage {
        input: number(object, "input_tokens").unwrap_or_default(),
        output: number(object, "output_tokens").unwrap_or_default(),
        cache_read: number(object, "cache_read_input_tokens").unwrap_or_default(),
        cache_write: number(object, "cache_creation_input_tokens").unwrap_or_default(),
        ..Usage::default()
    }
}

fn content(object: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    object
        .get("message")
        .and_then(|message| message.get("content"))
        .or_else(|| object.get("content"))
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn text(object: &Map<String, Value>, key: &str) -> String {
    object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn number(object: &Map<String, Value>, key: &str) -> Option<u64> {
    object.get(key).and_then(Value::as_u64)
}

fn list<'a>(object: &'a Map<String, Value>, key: &str) -> &'a [Value] {
    object.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assistant_record_gives_message_usage_and_target() {
        let line = br#"{"type":"assistant","message":{"id":"m1","model":"sonnet","role":"assistant","content":[{"type":"tool_use","id":"t1","name":"Write","input":{"content":"a \"quoted\" text","file_path":"src/x.rs"}}],"usage":{"input_tokens":3,"output_tokens":5,"cache_read_input_tokens":7,"service_tier":"x"}},"parent_tool_use_id":null,"session_id":"s"}"#;
        assert_eq!(
            parse(line),
            Some(Record::Assistant(Assistant {
                message_id: "m1".into(),
                model: "sonnet".into(),
                parent: None,
                usage: Some(Usage { input: 3, output: 5, cache_read: 7, ..Usage::default() }),
                blocks: vec![Block::ToolUse(ToolUse {
                    id: "t1".into(),
                    name: "Write".into(),
                    target: "src/x.rs".into()
                })],
            }))
        );
    }

    #[test]
    fn fields_of_odd_types_are_as_good_as_absent() {
        let line = br#"{"type":"assistant","message":{"id":"m1","content":[{"type":"text","text":null},{"type":"text","text":"yes"},7],"usage":{"input_tokens":null}}}"#;
        let Some(Record::Assistant(assistant)) = parse(line) else { panic!("not read") };
        assert_eq!(assistant.blocks, vec![Block::Text("yes".into())]);
        assert_eq!(assistant.usage, Some(Usage::default()));

        let Some(Record::Result(result)) =
            parse(br#"{"type":"result","subtype":null,"is_error":"no","result":null,"errors":[null,"x",1],"usage":7}"#)
        else {
            panic!("not read")
        };
        assert_eq!(result.errors, vec!["x", "1"]);
        assert_eq!(*result, ResultRecord { errors: result.errors.clone(), ..ResultRecord::default() });
    }

    #[test]
    fn what_is_not_an_object_is_nothing() {
        for line in [&b""[..], b"[]", b"null", b"{\"type\":", b"plain words", b"\xff"] {
            assert_eq!(parse(line), None, "{line:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = parse_lossy(&bytes);
        }

        #[test]
        fn any_result_like_object_is_read(subtype in ".*", error in proptest::bool::ANY, text in ".*") {
            let line = serde_json::json!({"type": "result", "subtype": subtype, "is_error": error, "result": text});
            let Some(Record::Result(record)) = parse(line.to_string().as_bytes()) else { panic!("not read") };
            proptest::prop_assert_eq!((record.subtype, record.is_error, record.text), (subtype, error, text));
        }
    }
}

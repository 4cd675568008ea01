//! One line of the client's stream (or transcript) as a typed record.
//!
//! Reading is lenient: a field of an unexpected type is as good as absent, an unknown record is [`Record::Other`]. The
//! common records take a fast path that skips what nobody asks for (file contents, tool output).

mod fast;
mod lenient;
mod mark;

use std::borrow::Cow;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

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
    /// `stream_event`: a piece of an answer while it comes in. The whole comes as [`Record::Assistant`].
    Piece(Piece),
    /// The `ping` among the pieces: the connection stands, nothing moves.
    Ping,
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
        /// Which limit (`five_hour`, `seven_day`, …), or empty.
        window: String,
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
    /// What tells its input from another; the call's own words of what it is for do not count. Good within one process only.
    pub input: u64,
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
    /// What tells its content from another. Good within one process only.
    pub content: u64,
}

/// A piece of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Piece {
    /// The message's id.
    pub message_id: String,
    /// Output tokens of the message so far; only its last piece says it.
    pub output: Option<u64>,
}

impl Record {
    /// Whether it only says that something is under way. Such records say nothing that stays, and there are very many of them.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Piece(_) | Self::Ping)
    }
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
    /// Whether the model refused the request for its safety.
    pub refused: bool,
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
    /// Dollars so far. A continued session's begin where it was left.
    pub cost_usd: f64,
    /// Tokens of this turn.
    pub usage: Option<Usage>,
    /// Tokens and dollars so far by model. A continued session's begin where it was left.
    pub models: IndexMap<String, Usage>,
    /// The same since the last result, or since the client started; `None` from clients that do not say it.
    pub models_since: Option<IndexMap<String, Usage>>,
    /// Tool calls that were refused in this turn.
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
    fast::read(text).or_else(|| match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(object)) => Some(lenient::read(&object)),
        _ => None,
    })
}

/// [`parse`] for a line that may hold invalid UTF-8: the bad bytes become replacement characters.
#[must_use]
pub fn parse_lossy(line: &[u8]) -> Option<Record> {
    parse(line).or_else(|| match String::from_utf8_lossy(line) {
        Cow::Owned(text) => parse(text.as_bytes()),
        Cow::Borrowed(_) => None,
    })
}

/// The keys of tool inputs that say what a call works on, the most telling first.
const TELLING: [&str; 9] =
    ["file_path", "notebook_path", "command", "pattern", "path", "url", "query", "skill", "description"];

#[cfg(test)]
mod tests {
    use super::*;

    /// The same without the marks of inputs.
    fn unmarked(mut record: Record) -> Record {
        if let Record::Assistant(assistant) = &mut record {
            for block in &mut assistant.blocks {
                if let Block::ToolUse(call) = block {
                    call.input = 0;
                }
            }
        }
        record
    }

    /// The mark of the call with this input, and of a result with this content.
    fn marks(input: &str, content: &str) -> (u64, u64) {
        let call = format!(
            r#"{{"type":"assistant","message":{{"content":[{{"type":"tool_use","id":"t1","name":"X","input":{input}}}]}}}}"#
        );
        let result = format!(
            r#"{{"type":"user","message":{{"content":[{{"type":"tool_result","tool_use_id":"t1","content":{content}}}]}}}}"#
        );
        match (parse(call.as_bytes()), parse(result.as_bytes())) {
            (Some(Record::Assistant(assistant)), Some(Record::User(user))) => {
                let [Block::ToolUse(call)] = &assistant.blocks[..] else { panic!("no call: {call}") };
                (call.input, user.results[0].content)
            }
            other => panic!("not read: {other:?}"),
        }
    }

    #[test]
    fn calls_and_results_are_told_from_others_by_what_they_hold() {
        let same = [
            (r#"{"command":"ls","timeout":5}"#, r#"{ "timeout": 5, "command": "ls" }"#),
            (r#"{"command":"ls","description":"Lists"}"#, r#"{"command":"ls","description":"Looks again"}"#),
            ("null", "null"),
        ];
        for (one, other) in same {
            assert_eq!(marks(one, "1").0, marks(other, "1").0, "{one}");
        }
        let inputs = [
            "{}",
            r#"{"command":"ls"}"#,
            r#"{"command":"ls "}"#,
            r#"{"path":"ls"}"#,
            r#"{"description":"a"}"#,
            r#"{"description":"b"}"#,
        ];
        let contents =
            [r#""a""#, r#""b""#, r#"[{"type":"text","text":"a"}]"#, r#"[{"type":"text","text":"b"}]"#, "[]"];
        for (at, one) in inputs.iter().enumerate() {
            assert!(inputs[..at].iter().all(|other| marks(one, "1").0 != marks(other, "1").0), "{one}");
        }
        for (at, one) in contents.iter().enumerate() {
            assert!(contents[..at].iter().all(|other| marks("{}", one).1 != marks("{}", other).1), "{one}");
        }
    }

    #[test]
    fn an_assistant_record_gives_message_usage_and_target() {
        let line = br#"{"type":"assistant","message":{"id":"m1","model":"sonnet","role":"assistant","content":[{"type":"tool_use","id":"t1","name":"Write","input":{"content":"a \"quoted\" text","file_path":"src/x.rs"}}],"usage":{"input_tokens":3,"output_tokens":5,"cache_read_input_tokens":7,"service_tier":"x"}},"parent_tool_use_id":null,"session_id":"s"}"#;
        assert_eq!(
            parse(line).map(unmarked),
            Some(Record::Assistant(Assistant {
                message_id: "m1".into(),
                model: "sonnet".into(),
                parent: None,
                usage: Some(Usage { input: 3, output: 5, cache_read: 7, ..Usage::default() }),
                blocks: vec![Block::ToolUse(ToolUse {
                    id: "t1".into(),
                    name: "Write".into(),
                    target: "src/x.rs".into(),
                    input: 0,
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
    fn a_call_with_an_odd_input_is_still_a_call() {
        let targets = [
            (r#"{"content":"x","path":3,"command":"ls \"a\"","file_path":null}"#, "ls \"a\""),
            (r#"{"description":"d","url":"u","nested":{"path":"p"}}"#, "u"),
            ("{}", ""),
            ("null", ""),
            ("\"text\"", ""),
            ("[1]", ""),
        ];
        for (input, target) in targets {
            let line = format!(
                r#"{{"type":"assistant","message":{{"id":"m1","content":[{{"type":"tool_use","id":"t1","name":"X","input":{input}}}]}}}}"#
            );
            let Some(Record::Assistant(assistant)) = parse(line.as_bytes()).map(unmarked) else {
                panic!("not read")
            };
            let call = ToolUse { id: "t1".into(), name: "X".into(), target: target.into(), input: 0 };
            assert_eq!(assistant.blocks, [Block::ToolUse(call)], "{input}");
        }
    }

    #[test]
    fn both_ways_of_reading_agree() {
        let lines = [
            r#"{"type":"assistant","message":{"id":"m1","model":"sonnet","content":[{"type":"text","text":"a\nb"},{"type":"thinking","thinking":"x"},{"type":"image"}],"usage":{"output_tokens":5}},"parent_tool_use_id":"t0"}"#,
            r#"{"type":"assistant","message":{"content":[{"type":"tool_use","id":"t1","name":"Read","input":{"limit":3,"pattern":"p","file_path":"f"}}]}}"#,
            r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t1","content":"x","is_error":true},{"type":"text","text":"y"},{"type":"tool_result"}]},"tool_use_result":{"stdout":"x"}}"#,
            r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"é\n\""},{"n":[1,-2,0.5,true,null]}]}]}}"#,
            r#"{"type":"assistant","message":{"content":[{"type":"tool_use","id":"t1","name":"X","input":{"b":{"c":[1,"é\t"]},"a":null,"description":"d"}},{"type":"tool_use","id":"t2","name":"Y"}]}}"#,
            r#"{"type":"tool_progress","tool_name":"Bash","elapsed_time_seconds":30}"#,
            r#"{"type":"tool_progress"}"#,
            r#"{"type":"stream_event","event":{"type":"ping"},"parent_tool_use_id":null}"#,
            r#"{"type":"stream_event","event":{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}},"api_message_id":"m1"}"#,
            r#"{"type":"stream_event","event":{"type":"message_start","message":{"usage":{"output_tokens":1}}}}"#,
            r#"{"type":"stream_event","event":{"type":"message_delta","delta":{},"usage":{"output_tokens":9}},"api_message_id":"m1"}"#,
        ];
        for line in lines {
            let Ok(Value::Object(object)) = serde_json::from_str(line) else { panic!("no object: {line}") };
            assert_eq!(fast::read(line), Some(lenient::read(&object)), "{line}");
        }
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

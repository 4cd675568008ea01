//! Any record, from a tree of JSON: nothing in it has to be as expected.

use indexmap::IndexMap;
use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::mark::{InputMark, Mark};
use super::{
    ApiRetry, Assistant, Block, Denial, Init, Piece, Record, ResultRecord, TELLING, ToolResult, ToolUse, User,
};
use crate::core::usage::Usage;

/// Reads any object.
pub(super) fn read(object: &Map<String, Value>) -> Record {
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
                window: text(info, "rateLimitType"),
            }
        }
        ("tool_progress", _) => Record::ToolProgress { tool: text(object, "tool_name") },
        ("stream_event", _) => piece(object),
        ("result", _) => Record::Result(Box::new(result(object))),
        ("assistant", _) => Record::Assistant(assistant(object)),
        ("user", _) => Record::User(User { results: content(object).filter_map(tool_result).collect() }),
        _ => Record::Other { kind, subtype },
    }
}

fn piece(object: &Map<String, Value>) -> Record {
    let Some(event) = object.get("event").and_then(Value::as_object) else {
        return Record::Piece(Piece::default());
    };
    let kind = text(event, "type");
    if kind == "ping" {
        return Record::Ping;
    }
    let usage = event.get("usage").and_then(Value::as_object).filter(|_| kind == "message_delta");
    let output = usage.map(|usage| number(usage, "output_tokens").unwrap_or_default());
    Record::Piece(Piece { message_id: text(object, "api_message_id"), output })
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
    let mut blocks: Vec<Block> = content(object).filter_map(Value::as_object).filter_map(block).collect();
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

fn block(block: &Map<String, Value>) -> Option<Block> {
    match text(block, "type").as_str() {
        "text" => block.get("text").and_then(Value::as_str).map(|text| Block::Text(text.to_owned())),
        "thinking" | "redacted_thinking" => Some(Block::Thinking),
        "tool_use" => Some(Block::ToolUse(ToolUse {
            id: text(block, "id"),
            name: text(block, "name"),
            target: target(block.get("input")),
            input: input(block.get("input")),
        })),
        _ => None,
    }
}

fn target(input: Option<&Value>) -> String {
    let told = |input: &Value| TELLING.iter().find_map(|key| input.get(key)?.as_str().map(str::to_owned));
    input.and_then(told).unwrap_or_default()
}

fn tool_result(value: &Value) -> Option<ToolResult> {
    let block = value.as_object()?;
    (text(block, "type") == "tool_result").then(|| ToolResult {
        id: text(block, "tool_use_id"),
        is_error: block.get("is_error").and_then(Value::as_bool).unwrap_or(false),
        content: block.get("content").filter(|content| !content.is_null()).map(mark).unwrap_or_default(),
    })
}

fn mark(value: &Value) -> u64 {
    Mark::deserialize(value).unwrap_or_default().0
}

fn input(input: Option<&Value>) -> u64 {
    match input {
        None | Some(Value::Null) => 0,
        Some(Value::Object(entries)) => {
            let mut whole = InputMark::default();
            entries.iter().for_each(|(key, value)| whole.take(key, Mark(mark(value))));
            whole.mark()
        }
        Some(other) => mark(other),
    }
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
        refused: text(object, "stop_reason") == "refusal"
            || number(object, "safety_stops").is_some_and(|stops| stops > 0),
        turns: number(object, "num_turns").unwrap_or_default(),
        cost_usd: object.get("total_cost_usd").and_then(Value::as_f64).unwrap_or_default(),
        usage: object.get("usage").and_then(Value::as_object).map(usage),
        models: object.get("modelUsage").and_then(Value::as_object).map(models).unwrap_or_default(),
        models_since: object.get("model_usage_since_last_result").and_then(Value::as_object).map(models),
        denials: list(object, "permission_denials")
            .iter()
            .filter_map(Value::as_object)
            .map(|denial| Denial {
                id: text(denial, "tool_use_id"),
                tool: text(denial, "tool_name"),
                target: target(denial.get("tool_input")),
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

/// What each model used, as `modelUsage` says it: the same numbers under other names.
fn models(models: &Map<String, Value>) -> IndexMap<String, Usage> {
    let each = models.iter().filter_map(|(model, said)| Some((model, said.as_object()?)));
    let usage = |said: &Map<String, Value>| Usage {
        input: number(said, "inputTokens").unwrap_or_default(),
        output: number(said, "outputTokens").unwrap_or_default(),
        cache_read: number(said, "cacheReadInputTokens").unwrap_or_default(),
        cache_write: number(said, "cacheCreationInputTokens").unwrap_or_default(),
        cost_usd: said.get("costUSD").and_then(Value::as_f64).unwrap_or_default(),
        ..Usage::default()
    };
    each.map(|(model, said)| (model.clone(), usage(said))).collect()
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

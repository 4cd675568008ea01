//! The records that make up nearly all of a stream, in one pass over the text. What nobody asks for is skipped in place.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::mark::{InputMark, Key, Mark};
use super::{Assistant, Block, Piece, Record, TELLING, ToolResult, ToolUse, User};
use crate::core::usage::Usage;

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    #[serde(default)]
    parent_tool_use_id: Option<String>,
    #[serde(default)]
    tool_name: Option<String>,
    #[serde(borrow, default)]
    event: Option<Event<'a>>,
    #[serde(default)]
    api_message_id: Option<String>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(default)]
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    usage: Option<Tokens>,
    #[serde(borrow)]
    content: Vec<Content<'a>>,
}

#[derive(Deserialize)]
struct Tokens {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
    #[serde(default)]
    cache_read_input_tokens: u64,
    #[serde(default)]
    cache_creation_input_tokens: u64,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    input: Option<Input>,
    #[serde(default)]
    tool_use_id: Option<String>,
    #[serde(default)]
    is_error: Option<bool>,
    #[serde(default)]
    content: Option<Mark>,
}

/// `None` when the line is another record or does not have the usual shape.
pub(super) fn read(text: &str) -> Option<Record> {
    let line: Line<'_> = serde_json::from_str(text).ok()?;
    if line.kind == "stream_event" {
        let event = line.event?;
        return Some(match &*event.kind {
            "ping" => Record::Ping,
            kind => Record::Piece(Piece {
                message_id: line.api_message_id.unwrap_or_default(),
                output: event.usage.filter(|_| kind == "message_delta").map(|usage| usage.output_tokens),
            }),
        });
    }
    match (&*line.kind, line.message) {
        ("assistant", Some(message)) => Some(Record::Assistant(Assistant {
            message_id: message.id.unwrap_or_default(),
            model: message.model.unwrap_or_default(),
            parent: line.parent_tool_use_id,
            usage: message.usage.map(Usage::from),
            blocks: message.content.into_iter().filter_map(block).collect(),
        })),
        ("user", Some(message)) => {
            let results = message.content.into_iter().filter(|content| content.kind == "tool_result");
            let results = results.map(|content| ToolResult {
                id: content.tool_use_id.unwrap_or_default(),
                is_error: content.is_error.unwrap_or(false),
                content: content.content.unwrap_or_default().0,
            });
            Some(Record::User(User { results: results.collect() }))
        }
        ("tool_progress", _) => Some(Record::ToolProgress { tool: line.tool_name.unwrap_or_default() }),
        _ => None,
    }
}

fn block(content: Content<'_>) -> Option<Block> {
    match &*content.kind {
        "text" => content.text.map(Block::Text),
        "thinking" | "redacted_thinking" => Some(Block::Thinking),
        "tool_use" => {
            let Input { target, mark } = content.input.unwrap_or_default();
            Some(Block::ToolUse(ToolUse {
                id: content.id.unwrap_or_default(),
                name: content.name.unwrap_or_default(),
                target,
                input: mark,
            }))
        }
        _ => None,
    }
}

impl From<Tokens> for Usage {
    fn from(tokens: Tokens) -> Self {
        Self {
            input: tokens.input_tokens,
            output: tokens.output_tokens,
            cache_read: tokens.cache_read_input_tokens,
            cache_write: tokens.cache_creation_input_tokens,
            ..Self::default()
        }
    }
}

/// What a call works on, and what tells it from another, out of its input.
#[derive(Default)]
struct Input {
    target: String,
    mark: u64,
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Input;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the input of a tool")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Input, A::Error> {
                let (mut best, mut target) = (TELLING.len(), String::new());
                let mut mark = InputMark::default();
                while let Some(Key(key)) = map.next_key::<Key<'_>>()? {
                    // The more telling a key, the lower.
                    let rank = TELLING.iter().position(|telling| *telling == key).unwrap_or(TELLING.len());
                    if rank >= best {
                        mark.take(&key, map.next_value()?);
                    } else if let Some(text) = map.next_value::<Option<String>>()? {
                        mark.take(&key, Mark::of_text(&text));
                        (best, target) = (rank, text);
                    } else {
                        mark.take(&key, Mark::of_null());
                    }
                }
                Ok(Input { target, mark: mark.mark() })
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

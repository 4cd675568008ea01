//! The records that make up nearly all of a stream, in one pass over the text. What nobody asks for is skipped in place.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

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
        "tool_use" => Some(Block::ToolUse(ToolUse {
            id: content.id.unwrap_or_default(),
            name: content.name.unwrap_or_default(),
            target: content.input.unwrap_or_default().target,
        })),
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

/// What a call works on, out of its input.
#[derive(Default)]
struct Input {
    target: String,
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
                while let Some(Rank(rank)) = map.next_key()? {
                    if rank >= best {
                        map.next_value::<IgnoredAny>()?;
                    } else if let Some(text) = map.next_value::<Option<String>>()? {
                        (best, target) = (rank, text);
                    }
                }
                Ok(Input { target })
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

/// How telling a key is; below all others when it tells nothing.
struct Rank(usize);

impl<'de> Deserialize<'de> for Rank {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Key;
        impl Visitor<'_> for Key {
            type Value = Rank;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E>(self, key: &str) -> Result<Rank, E> {
                Ok(Rank(TELLING.iter().position(|telling| *telling == key).unwrap_or(TELLING.len())))
            }
        }
        deserializer.deserialize_identifier(Key)
    }
}

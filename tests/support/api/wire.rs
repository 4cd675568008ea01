//! Answers as bytes: the event stream and the plain JSON of the Messages API.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use serde_json::{Value, json};
use tokio::time::{Interval, interval};

use super::reply::{Block, Ending, Message, Point, Usage};

/// Names a message and its tool calls.
pub(super) struct Ids<'a> {
    pub(super) number: u64,
    pub(super) model: &'a str,
}

impl Ids<'_> {
    fn message(&self) -> String {
        format!("msg_scripted_{:04}", self.number)
    }

    fn tool(&self, index: usize) -> String {
        format!("toolu_scripted_{:04}_{index}", self.number)
    }
}

/// The message as one JSON object.
pub(super) fn plain(message: &Message, ids: &Ids<'_>) -> Value {
    let content: Vec<Value> = message
        .blocks
        .iter()
        .enumerate()
        .map(|(index, block)| match block {
            Block::Text(text) => json!({"type": "text", "text": text}),
            Block::Thinking(text) => json!({"type": "thinking", "thinking": text, "signature": SIGNATURE}),
            Block::ToolUse { id, name, input } => {
                let id = id.clone().unwrap_or_else(|| ids.tool(index));
                json!({"type": "tool_use", "id": id, "name": name, "input": input})
            }
        })
        .collect();
    json!({
        "id": ids.message(), "type": "message", "role": "assistant", "model": ids.model,
        "content": content, "stop_reason": stop_reason(message), "stop_sequence": null,
        "usage": usage(message.usage, message.usage.output),
    })
}

/// The message as server-sent events.
pub(super) fn events(message: &Message, ids: &Ids<'_>) -> Vec<String> {
    let mut opening = plain(message, ids);
    opening["content"] = json!([]);
    opening["stop_reason"] = Value::Null;
    opening["usage"] = usage(message.usage, 1);
    let mut events = vec![event("message_start", json!({"message": opening})), event("ping", json!({}))];
    for (index, block) in message.blocks.iter().enumerate() {
        let (start, deltas) = parts(block, index, ids);
        events.push(event("content_block_start", json!({"index": index, "content_block": start})));
        for delta in deltas {
            events.push(event("content_block_delta", json!({"index": index, "delta": delta})));
        }
        events.push(event("content_block_stop", json!({"index": index})));
    }
    events.push(event(
        "message_delta",
        json!({
            "delta": {"stop_reason": stop_reason(message), "stop_sequence": null},
            "usage": usage(message.usage, message.usage.output),
        }),
    ));
    events.push(event("message_stop", json!({})));
    events
}

/// An error in the API's shape.
pub(super) fn error(kind: &str, message: &str, request: u64) -> Value {
    json!({
        "type": "error", "error": {"type": kind, "message": message},
        "request_id": format!("req_scripted_{request:04}"),
    })
}

/// What a thinking block is signed with; the client hands it back unread.
const SIGNATURE: &str = "c2NyaXB0ZWQ=";

fn parts(block: &Block, index: usize, ids: &Ids<'_>) -> (Value, Vec<Value>) {
    match block {
        Block::Text(text) => (
            json!({"type": "text", "text": ""}),
            halves(text).map(|half| json!({"type": "text_delta", "text": half})).to_vec(),
        ),
        Block::Thinking(text) => {
            let mut deltas =
                halves(text).map(|half| json!({"type": "thinking_delta", "thinking": half})).to_vec();
            deltas.push(json!({"type": "signature_delta", "signature": SIGNATURE}));
            (json!({"type": "thinking", "thinking": "", "signature": ""}), deltas)
        }
        Block::ToolUse { id, name, input } => {
            let id = id.clone().unwrap_or_else(|| ids.tool(index));
            let input = input.to_string();
            (
                json!({"type": "tool_use", "id": id, "name": name, "input": {}}),
                halves(&input).map(|half| json!({"type": "input_json_delta", "partial_json": half})).to_vec(),
            )
        }
    }
}

/// Two parts, so that a reader has to put deltas together.
fn halves(text: &str) -> [&str; 2] {
    let (first, second) = text.split_at(text.floor_char_boundary(text.len() / 2));
    [first, second]
}

fn event(name: &str, mut data: Value) -> String {
    data["type"] = json!(name);
    format!("event: {name}\ndata: {data}\n\n")
}

fn stop_reason(message: &Message) -> &str {
    let calls_tool = message.blocks.iter().any(|block| matches!(block, Block::ToolUse { .. }));
    match &message.stop_reason {
        Some(reason) => reason,
        None if calls_tool => "tool_use",
        None => "end_turn",
    }
}

fn usage(usage: Usage, output: u64) -> Value {
    json!({
        "input_tokens": usage.input, "output_tokens": output,
        "cache_read_input_tokens": usage.cache_read, "cache_creation_input_tokens": usage.cache_creation,
    })
}

/// The body of an answer, with its planned ending.
pub(super) struct Delivery {
    bytes: Option<Bytes>,
    then: Then,
}

enum Then {
    End,
    CutBehind(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// One round without data first, in which the server flushes what it has.
    FlushAndCut,
    Cut,
    Stall,
    Paced {
        parts: VecDeque<String>,
        tick: Interval,
        then_pings: bool,
    },
}

impl Delivery {
    /// A body that arrives whole.
    pub(super) fn whole(text: String) -> Self {
        Self::new(text, Then::End)
    }

    /// A body of several parts that ends as planned.
    pub(super) fn planned(parts: Vec<String>, ending: &Ending, request: u64) -> Self {
        match ending {
            Ending::Complete => Self::whole(parts.concat()),
            Ending::Cut(point) => Self::new(up_to(*point, &parts), Then::FlushAndCut),
            Ending::CutBehind { blocks, gate } => {
                let mut open = *blocks;
                let sent = parts.into_iter().take_while(|part| {
                    let goes = open > 0;
                    open -= usize::from(goes && part.starts_with("event: content_block_stop"));
                    goes
                });
                Self::new(sent.collect(), Then::CutBehind(Box::pin(gate.clone().passed())))
            }
            Ending::Stall(point) => Self::new(up_to(*point, &parts), Then::Stall),
            Ending::Trickle(pause) => Self::paced(parts.into(), *pause, false),
            Ending::Pings(pace) => Self::paced([up_to(Point::Midway, &parts)].into(), *pace, true),
            Ending::ErrorEvent { kind, message } => {
                let error = event("error", error(kind, message, request));
                Self::whole(up_to(Point::Midway, &parts) + &error)
            }
        }
    }

    fn paced(parts: VecDeque<String>, pause: Duration, then_pings: bool) -> Self {
        Self::new(String::new(), Then::Paced { parts, tick: interval(pause), then_pings })
    }

    fn new(text: String, then: Then) -> Self {
        Self { bytes: Some(Bytes::from(text)).filter(|bytes| !bytes.is_empty()), then }
    }
}

fn up_to(point: Point, parts: &[String]) -> String {
    let mut text = parts.concat();
    let bytes = match point {
        Point::Bytes(count) => count,
        Point::Midway => match parts.iter().position(|part| part.starts_with("event: content_block_delta")) {
            Some(first) => parts[..=first].iter().map(String::len).sum(),
            None => text.len() / 2,
        },
    };
    text.truncate(text.floor_char_boundary(bytes));
    text
}

/// The connection was closed on purpose.
#[derive(Debug, thiserror::Error)]
#[error("the script cuts the connection here")]
pub(super) struct CutHere;

impl Body for Delivery {
    type Data = Bytes;
    type Error = CutHere;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutHere>>> {
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match &mut self.then {
            Then::End => Poll::Ready(None),
            Then::CutBehind(gate) => gate.as_mut().poll(context).map(|()| Some(Err(CutHere))),
            Then::FlushAndCut => {
                self.then = Then::Cut;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Then::Cut => Poll::Ready(Some(Err(CutHere))),
            Then::Stall => Poll::Pending,
            Then::Paced { parts, tick, then_pings } => {
                if parts.is_empty() && !*then_pings {
                    return Poll::Ready(None);
                }
                tick.poll_tick(context).map(|_| {
                    let part = parts.pop_front().unwrap_or_else(|| event("ping", json!({})));
                    Some(Ok(Frame::data(Bytes::from(part))))
                })
            }
        }
    }
    fn size_hint(&self) -> SizeHint {
        match (&self.then, &self.bytes) {
            (Then::End, bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            _ => SizeHint::default(),
        }
    }
}

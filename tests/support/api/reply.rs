//! What the scripted model answers: content, how it is delivered, and how the delivery ends.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

/// One answer of the scripted Messages API. Built from a constructor, refined by the methods:
/// `Reply::text("on it").and_tool("Bash", json!({"command": "ls"})).delayed(Duration::from_secs(1))`.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(super) content: Content,
    pub(super) headers: Vec<(String, String)>,
    pub(super) delay: Duration,
    pub(super) gate: Option<Gate>,
    pub(super) ending: Ending,
}

/// The substance of an answer.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// A message of the model, streamed or plain as the request asks.
    Message(Message),
    /// An error answer in the API's error shape.
    Error { status: u16, kind: String, message: String },
    /// No answer at all: only the ending matters.
    Nothing,
}

/// A message of the model.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) blocks: Vec<Block>,
    pub(super) stop_reason: Option<String>,
    pub(super) usage: Usage,
}

/// One content block.
#[derive(Clone, Debug)]
pub(super) enum Block {
    Text(String),
    Thinking(String),
    ToolUse { id: Option<String>, name: String, input: Value },
}

/// How far an answer gets.
#[derive(Clone, Debug)]
pub(super) enum Ending {
    /// The whole answer arrives.
    Complete,
    /// The connection closes at this point.
    Cut(Point),
    /// The connection closes after this many whole blocks, once the gate is open.
    CutBehind { blocks: usize, gate: Gate },
    /// Nothing more comes after this point until the server stops.
    Stall(Point),
    /// The whole answer arrives, an event of its stream at a time with this pause before each.
    Trickle(Duration),
    /// Inside the first content block the answer stops, and pings come at this pace until the client leaves.
    Pings(Duration),
    /// The stream reports an error inside the first content block, as an overloaded service does.
    ErrorEvent { kind: String, message: String },
}

/// A place in the body of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Point {
    /// After this many bytes.
    Bytes(usize),
    /// Inside the first content block.
    Midway,
}

/// Token numbers of one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Tokens read afresh.
    pub input: u64,
    /// Tokens produced.
    pub output: u64,
    /// Tokens read from the prompt cache.
    pub cache_read: u64,
    /// Tokens written to the prompt cache.
    pub cache_creation: u64,
}

impl Default for Usage {
    fn default() -> Self {
        Self { input: 100, output: 20, cache_read: 0, cache_creation: 0 }
    }
}

/// Holds answers back until the test opens it, so that a test decides the order of events.
#[derive(Clone, Debug)]
pub struct Gate(watch::Sender<bool>);

impl Default for Gate {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets every answer behind it through, now and later.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    pub(super) async fn passed(self) {
        // The sender lives in self, so waiting can only end by opening.
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

impl Reply {
    fn of(content: Content) -> Self {
        Self { content, headers: Vec::new(), delay: Duration::ZERO, gate: None, ending: Ending::Complete }
    }

    fn message(blocks: Vec<Block>, stop_reason: Option<&str>) -> Self {
        Self::of(Content::Message(Message {
            blocks,
            stop_reason: stop_reason.map(str::to_owned),
            usage: Usage::default(),
        }))
    }

    /// A message without content.
    pub fn empty() -> Self {
        Self::message(Vec::new(), None)
    }

    /// A text answer that ends the turn.
    pub fn text(text: impl Into<String>) -> Self {
        Self::empty().and_text(text)
    }

    /// A tool call.
    pub fn tool(name: impl Into<String>, input: Value) -> Self {
        Self::empty().and_tool(name, input)
    }

    /// A call of `Bash`.
    pub fn bash(command: &str) -> Self {
        Self::tool("Bash", serde_json::json!({ "command": command, "description": "Scripted command" }))
    }

    /// A call of the tool that `--json-schema` offers.
    pub fn structured_output(output: Value) -> Self {
        Self::tool("StructuredOutput", output)
    }

    /// A message that opens with a thinking block; follow it with `and_text` or `and_tool`.
    pub fn thinking(thought: impl Into<String>) -> Self {
        Self::message(vec![Block::Thinking(thought.into())], None)
    }

    /// A refusal.
    pub fn refusal(text: impl Into<String>) -> Self {
        Self::message(vec![Block::Text(text.into())], Some("refusal"))
    }

    /// A text cut short by the output limit.
    pub fn max_tokens(text: impl Into<String>) -> Self {
        Self::message(vec![Block::Text(text.into())], Some("max_tokens"))
    }

    /// An error answer, such as `Reply::error(429, "rate_limit_error", "slow down")`.
    pub fn error(status: u16, kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self::of(Content::Error { status, kind: kind.into(), message: message.into() })
    }

    /// The answer to a rejected key.
    pub fn unauthorized() -> Self {
        Self::error(401, "authentication_error", "invalid x-api-key")
    }

    /// The answer to a conversation beyond the model's context window.
    pub fn prompt_too_long() -> Self {
        Self::error(400, "invalid_request_error", "prompt is too long: 250000 tokens > 200000 maximum")
    }

    /// The answer of an overloaded service.
    pub fn overloaded() -> Self {
        Self::error(529, "overloaded_error", "Overloaded")
    }

    /// Closes the connection instead of answering.
    pub fn cut() -> Self {
        Self { ending: Ending::Cut(Point::Bytes(0)), ..Self::of(Content::Nothing) }
    }

    /// Accepts the request and never answers.
    pub fn hang() -> Self {
        Self { ending: Ending::Stall(Point::Bytes(0)), ..Self::of(Content::Nothing) }
    }

    /// Adds a text block.
    pub fn and_text(self, text: impl Into<String>) -> Self {
        self.and(Block::Text(text.into()))
    }

    /// Adds a tool call; its id is made up.
    pub fn and_tool(self, name: impl Into<String>, input: Value) -> Self {
        self.and(Block::ToolUse { id: None, name: name.into(), input })
    }

    /// Adds a tool call with a chosen id.
    pub fn and_tool_as(self, id: impl Into<String>, name: impl Into<String>, input: Value) -> Self {
        self.and(Block::ToolUse { id: Some(id.into()), name: name.into(), input })
    }

    fn and(mut self, block: Block) -> Self {
        self.expect_message("content").blocks.push(block);
        self
    }

    /// Reports these token numbers.
    pub fn usage(mut self, usage: Usage) -> Self {
        self.expect_message("usage").usage = usage;
        self
    }

    /// Reports this stop reason instead of the one that follows from the content.
    pub fn stop_reason(mut self, reason: impl Into<String>) -> Self {
        self.expect_message("a stop reason").stop_reason = Some(reason.into());
        self
    }

    fn expect_message(&mut self, what: &str) -> &mut Message {
        match &mut self.content {
            Content::Message(message) => message,
            other => panic!("only a message can carry {what}, this reply is {other:?}"),
        }
    }

    /// Adds a response header, such as `retry-after`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Answers only after this time.
    pub fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Answers only once the gate is open.
    pub fn behind(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    /// Closes the connection after this many bytes of the body.
    pub fn cut_after(self, bytes: usize) -> Self {
        self.ending(Ending::Cut(Point::Bytes(bytes)))
    }

    /// Streams this many content blocks whole and closes the connection once the gate is open. The
    /// client treats a whole block differently once it has shown it, so open the gate after that.
    pub fn cut_after_blocks(self, blocks: usize, gate: &Gate) -> Self {
        self.ending(Ending::CutBehind { blocks, gate: gate.clone() })
    }

    /// Closes the connection inside the first content block.
    pub fn cut_midway(self) -> Self {
        self.ending(Ending::Cut(Point::Midway))
    }

    /// Goes silent inside the first content block.
    pub fn stall_midway(self) -> Self {
        self.ending(Ending::Stall(Point::Midway))
    }

    /// Streams one event at a time, with this pause before each.
    pub fn trickled(self, pause: Duration) -> Self {
        self.ending(Ending::Trickle(pause))
    }

    /// Stops inside the first content block and sends nothing but pings from then on, at this pace.
    pub fn pings_midway(self, pace: Duration) -> Self {
        self.ending(Ending::Pings(pace))
    }

    /// Reports an error inside the first content block, such as `overloaded_error`.
    pub fn fail_midway(self, kind: impl Into<String>, message: impl Into<String>) -> Self {
        self.ending(Ending::ErrorEvent { kind: kind.into(), message: message.into() })
    }

    fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }
}

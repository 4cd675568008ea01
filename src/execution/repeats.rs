//! A session that makes the same call with the same result again and again goes nowhere. This is what notices it: a pure fold over the
//! records of its stream.
//!
//! A call repeats an earlier one when tool, input and result are the same and nothing new came in between: no other call, no other
//! result, no change by a tool. A few calls that come round and round are repetition too. Waiting is not: calls that only wait or ask
//! how something stands, the client's own lists of tasks, and everything while a background task is open.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::record::{Block, Record, ToolResult, ToolUse};
use crate::core::text::first_line;

mod watcher;

pub(super) use watcher::Watcher;

/// How many calls may come round and round and still be noticed.
const ROUND: usize = 4;

/// How much of what a call works on is told, in characters.
const TARGET: usize = 200;

/// What is done twice may be chance.
const LEAST: u32 = 3;

/// A call that was repeated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeated {
    /// The tool.
    pub tool: String,
    /// What it works on.
    pub target: String,
    /// How often it was made with the same result.
    pub times: u32,
}

impl Repeated {
    /// In words.
    #[must_use]
    pub fn told(&self) -> String {
        let Self { tool, target, times } = self;
        match target.as_str() {
            "" => format!("{tool}, {times} times with the same result"),
            target => format!("{tool} `{target}`, {times} times with the same result"),
        }
    }
}

/// What a repetition means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sign {
    /// It is worth telling.
    Told(Repeated),
    /// It was made as often as it may be.
    Enough(Repeated),
}

/// The fold.
#[derive(Debug)]
pub struct Repeats {
    /// How often the same may be done; `None`: as often as it likes.
    most: Option<u32>,
    /// Calls without a result, by their ids.
    open: HashMap<String, Made>,
    /// The last calls that differ from each other, the newest last, and how often each was repeated since something new came.
    round: VecDeque<(Seen, u32)>,
    /// Whether a background task is open.
    background: bool,
}

/// A call that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Made {
    /// The call of the subagent that makes it.
    parent: Option<String>,
    tool: String,
    input: u64,
    target: String,
    /// Whether it waits, or keeps the session's own house: then it says nothing.
    waits: bool,
}

/// A call and what it brought.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    made: Made,
    content: u64,
    failed: bool,
}

impl Repeats {
    /// For a session that may make the same call `most` times; `None` watches nothing.
    #[must_use]
    pub fn new(most: Option<u32>) -> Self {
        let most = most.map(|most| most.max(LEAST));
        Self { most, open: HashMap::new(), round: VecDeque::new(), background: false }
    }

    /// How often a call is made until it is told: before half of what it may.
    #[must_use]
    pub fn told_at(most: u32) -> u32 {
        (u64::from(most) * 5 / 12).max(2) as u32
    }

    /// Takes one record.
    pub fn observe(&mut self, record: &Record) -> Option<Sign> {
        self.most?;
        match record {
            Record::Assistant(assistant) => {
                for block in &assistant.blocks {
                    if let Block::ToolUse(call) = block {
                        self.open.insert(call.id.clone(), made(call, assistant.parent.as_ref()));
                    }
                }
                None
            }
            Record::User(user) => user.results.iter().filter_map(|result| self.result(result)).last(),
            Record::BackgroundTasks { open } => {
                self.background = !open.is_empty();
                self.changed();
                None
            }
            Record::Init(_) | Record::Result(_) => {
                self.changed();
                None
            }
            Record::ToolProgress { .. }
            | Record::Piece(_)
            | Record::Ping
            | Record::ApiRetry(_)
            | Record::RateLimit { .. }
            | Record::Other { .. } => None,
        }
    }

    /// Something changed: what was done before may be done again.
    pub fn changed(&mut self) {
        self.round.clear();
    }

    fn result(&mut self, result: &ToolResult) -> Option<Sign> {
        let made = self.open.remove(&result.id)?;
        if made.waits || self.background {
            return None;
        }
        if !result.is_error && !LOOKS.contains(&made.tool.as_str()) {
            // An edit changed something, and what the tools of a server do is not known.
            self.changed();
            return None;
        }
        let seen = Seen { made, content: result.content, failed: result.is_error };
        let Some((known, times)) = self.round.iter_mut().find(|(known, _)| *known == seen) else {
            // News: what came round before begins anew.
            self.round.iter_mut().for_each(|(_, times)| *times = 0);
            self.round.push_back((seen, 1));
            if self.round.len() > ROUND {
                self.round.pop_front();
            }
            return None;
        };
        *times += 1;
        let (most, times) = (self.most?, *times);
        let told = Repeated { tool: known.made.tool.clone(), target: known.made.target.clone(), times };
        if times >= most {
            return Some(Sign::Enough(told));
        }
        (times == Self::told_at(most)).then_some(Sign::Told(told))
    }
}

fn made(call: &ToolUse, parent: Option<&String>) -> Made {
    Made {
        parent: parent.cloned(),
        tool: call.name.clone(),
        input: call.input,
        target: first_line(&call.target).chars().take(TARGET).collect(),
        waits: waits(&call.name, &call.target),
    }
}

/// Tools of the client that only look. A command may do anything; where its effect shows neither in its output nor on the disk, it is
/// taken for none.
const LOOKS: [&str; 14] = [
    "Bash",
    "PowerShell",
    "Read",
    "NotebookRead",
    "Grep",
    "Glob",
    "LS",
    "LSP",
    "WebFetch",
    "WebSearch",
    "ToolSearch",
    "Skill",
    "Task",
    "Agent",
];

/// Tools of the client that wait, and those that keep its own lists.
const WAITS: [&str; 16] = [
    "BashOutput",
    "TaskOutput",
    "AgentOutput",
    "KillShell",
    "TaskStop",
    "Monitor",
    "Sleep",
    "ScheduleWakeup",
    "ReadNotifications",
    "TodoWrite",
    "TodoRead",
    "TaskCreate",
    "TaskGet",
    "TaskList",
    "TaskUpdate",
    "SendMessage",
];

/// Whether a call waits for something, or keeps the client's lists.
fn waits(tool: &str, target: &str) -> bool {
    if WAITS.contains(&tool) {
        return true;
    }
    match tool {
        "Bash" | "PowerShell" => command_waits(target),
        // Tools of a server are called `mcp__server__tool`.
        _ => tool.rsplit_once("__").is_some_and(|(_, name)| words(name).any(|word| is_wait(&word))),
    }
}

/// Whether a command waits for something, or follows it.
fn command_waits(command: &str) -> bool {
    let mut before = "";
    let words =
        command.split(|c: char| c.is_whitespace() || ";&|()".contains(c)).filter(|word| !word.is_empty());
    for word in words {
        let follows =
            before == "tail" && word.starts_with('-') && !word.starts_with("--") && word.contains(['f', 'F']);
        before = word.rsplit('/').next().unwrap_or(word);
        if follows || is_wait(before) || matches!(before, "inotifywait" | "--watch" | "--wait" | "--follow") {
            return true;
        }
    }
    false
}

fn is_wait(word: &str) -> bool {
    matches!(word, "wait" | "sleep" | "watch" | "poll" | "Start-Sleep")
}

/// The words of a name such as `wait_for_ci` or `waitForCi`, in small letters.
fn words(name: &str) -> impl Iterator<Item = String> + use<> {
    let mut spaced = String::new();
    for c in name.chars() {
        if c.is_uppercase() {
            spaced.push(' ');
        }
        spaced.extend(c.to_lowercase());
    }
    let words: Vec<String> = spaced
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    words.into_iter()
}

#[cfg(test)]
mod tests;

//! The tape of a recorded session: what it said and did, event by event, each with its time. One JSON line per event, so that a
//! tape that was cut off holds everything up to there. `recorder` writes tapes, the player plays them.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::client;

/// The version of the format that is written and read.
pub const VERSION: u64 = 1;

/// The first line of a tape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The format's version.
    pub version: u64,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Milliseconds since the session's start.
    pub at: u64,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A record of the stream.
    Record(Value),
    /// A line of the stream that is no JSON.
    Line(String),
    /// A piece of standard error.
    Stderr(String),
    /// A file that is new or changed.
    Write(Written),
    /// A file that is gone.
    Delete(String),
    /// A file that changed and is not on the tape.
    Omitted {
        /// The file.
        path: String,
        /// Why it is not there.
        why: String,
    },
    /// A commit was made, or another one was checked out.
    Commit(Committed),
    /// The session was being ended from outside, for this reason.
    Ending(String),
    /// The client was gone; the last event.
    Exit {
        /// Its exit code.
        code: Option<i32>,
        /// The signal that ended it.
        signal: Option<i32>,
    },
}

/// A whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// Relative to the working directory.
    pub path: String,
    /// Its text.
    pub content: String,
    /// Whether it can be run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executable: bool,
}

/// What is checked out after a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed {
    /// The branch; `None` when detached.
    pub branch: Option<String>,
    /// The commit's message; `None` when only the branch is another.
    pub message: Option<String>,
    /// Files that differ from the commit, relative to the top of the checkout.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dirty: Vec<String>,
}

/// Reads a tape. A last line without a line break was torn and never happened.
///
/// # Errors
/// What is wrong, with its line.
pub fn read(text: &str) -> Result<Vec<Event>, String> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut lines = whole.lines().enumerate().filter(|(_, line)| !line.is_empty());
    let Some((_, head)) = lines.next() else { return Ok(Vec::new()) };
    let head: Head = serde_json::from_str(head).map_err(|error| format!("line 1: {error}"))?;
    if head.version != VERSION {
        return Err(format!("the tape is version {}; this program reads version {VERSION}", head.version));
    }
    lines
        .map(|(at, line)| serde_json::from_str(line).map_err(|error| format!("line {}: {error}", at + 1)))
        .collect()
}

/// What stands on a tape in place of what differs from machine to machine: places and the session's id.
#[derive(Debug, Clone)]
pub struct Places(Vec<(String, &'static str)>);

impl Places {
    /// Of a session that works in `cwd`.
    #[must_use]
    pub fn new(cwd: &Path, home: Option<&Path>, session: &str) -> Self {
        let mut places = vec![
            (session.to_owned(), "{autoskillit:session}"),
            (cwd.to_string_lossy().into_owned(), "{autoskillit:cwd}"),
            (client::dashed(cwd), "{autoskillit:cwd-name}"),
        ];
        places.extend(home.map(|home| (home.to_string_lossy().into_owned(), "{autoskillit:home}")));
        // A place of one letter is in every text.
        places.retain(|(place, _)| place.len() > 1);
        Self(places)
    }

    /// `text` as it goes onto the tape.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (place, mark)| text.replace(place, mark))
    }

    /// `text` of a tape as it is played here.
    #[must_use]
    pub fn show(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (place, mark)| text.replace(mark, place))
    }
}

/// Changes every text of `value`, keys included.
pub fn map_texts(value: &mut Value, change: &dyn Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| map_texts(item, change)),
        Value::Object(entries) => {
            for (key, mut value) in std::mem::take(entries) {
                map_texts(&mut value, change);
                // Names of our own and the client's forms are such words; a secret that is one breaks no form.
                let plain = key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
                entries.insert(if plain { key } else { change(&key) }, value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_last_line_never_happened() {
        let event = Event { at: 3, what: What::Record(serde_json::json!({"type": "x", "n": 1})) };
        let line = serde_json::to_string(&event).unwrap();
        let text = format!("{{\"version\":1}}\n{line}\n{line}");
        assert_eq!(read(&text), Ok(vec![event.clone()]));
        for end in 0..text.len() {
            assert!(read(&text[..end]).is_ok(), "cut at {end}");
        }
        assert_eq!(
            read("{\"version\":2}\n").unwrap_err(),
            "the tape is version 2; this program reads version 1"
        );
        assert!(read(&format!("{{\"version\":1}}\nx\n{line}\n")).unwrap_err().starts_with("line 2: "));
    }

    #[test]
    fn places_go_and_come_back_elsewhere() {
        let there = Places::new(Path::new("/home/a/soup.git"), Some(Path::new("/home/a")), "id-1");
        let here = Places::new(Path::new("/tmp/x"), Some(Path::new("/root")), "id-2");
        let text = "id-1 in /home/a/soup.git/f and /home/a/.claude/projects/-home-a-soup-git/id-1.jsonl";
        let hidden = there.hide(text);
        assert!(
            !hidden.contains("/home") && !hidden.contains("soup") && !hidden.contains("id-1"),
            "{hidden}"
        );
        assert_eq!(here.show(&hidden), "id-2 in /tmp/x/f and /root/.claude/projects/-tmp-x/id-2.jsonl");
        assert_eq!(there.show(&hidden), text);
    }
}

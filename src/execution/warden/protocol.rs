//! The words between us and a warden: one JSON object per line, both ways over one socket.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ladder::{Ladder, Rung};

/// What a warden is to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// The name of the session, unique; every process of it carries it in [`TAG_VARIABLE`](super::TAG_VARIABLE).
    pub tag: String,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Where it runs.
    pub cwd: PathBuf,
    /// What it reads on standard input, of any size; `None` is an empty input.
    pub stdin: Option<String>,
    /// Where the [`Account`](super::Account) is written when all is over.
    pub report: Option<PathBuf>,
    /// How patiently it is ended.
    pub ladder: Ladder,
}

/// The first line that a warden reads.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Sent {
    /// What it is to run.
    pub charge: Charge,
    /// How many files the client may have open; `None` as many as the warden.
    pub files: Option<u64>,
}

/// What we tell a warden. The end of the socket is an order too: end the session, nobody listens any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum Order {
    /// End the session by its ladder.
    End,
    /// End the session with SIGKILL at once.
    Kill,
}

/// What a warden tells us, in this order: `Spawned` or `SpawnFailed`, `Exited`, `Ended`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "snake_case")]
pub enum Report {
    /// The client runs.
    Spawned {
        /// Its process id.
        pid: u32,
    },
    /// The client could not be started; `Ended` follows.
    SpawnFailed {
        /// Why, in words.
        error: String,
        /// Why, to decide on.
        kind: SpawnFailure,
    },
    /// The client process is gone. Its pipes may still be held by what it left.
    Exited(Exit),
    /// The warden's last word: nothing of the session is left but what `left` says with [`EndedBy::Nothing`].
    Ended {
        /// The signals it took, in order; empty when the client ended by itself.
        rungs: Vec<Rung>,
        /// What the client left behind.
        left: Vec<Leftover>,
        /// How many more there were than `left` lists.
        unlisted: u32,
        /// Whether the other side of the socket was gone by then. It is the cause of the end when `rungs` is not empty and
        /// no order was given.
        parent_gone: bool,
    },
    /// Never sent: the warden itself was killed, and what is listed was found and ended from here.
    Lost {
        /// The processes of the session, the client among them, which were still there.
        left: Vec<Leftover>,
        /// How many more there were than `left` lists.
        unlisted: u32,
    },
}

/// How the client process ended: exactly one of the two is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Its exit code.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
}

/// Why a client could not be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpawnFailure {
    /// No such program, or no such working directory.
    NotFound,
    /// The program may not be run, or the working directory not be entered.
    Permission,
    /// Anything else, such as too many processes or too long arguments.
    Other,
}

/// A process that outlived the client, or that had to be killed along with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// Its process id.
    pub pid: u32,
    /// Its command line, shortened to 200 characters.
    pub command: String,
    /// How long ago it was started when it was found, in milliseconds.
    pub age_ms: u64,
    /// What shows that it belongs to the session.
    pub found_by: FoundBy,
    /// What brought it down.
    pub ended_by: EndedBy,
}

/// What shows that a process belongs to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    /// It descends from the warden.
    Parentage,
    /// It, or a process it descends from, carries the tag in its environment.
    Tag,
}

/// What brought a leftover down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndedBy {
    /// It followed the request to end.
    #[serde(rename = "SIGTERM")]
    Terminate,
    /// It was killed.
    #[serde(rename = "SIGKILL")]
    Kill,
    /// It is still there: stuck in the kernel, or not ours to signal.
    #[serde(rename = "nothing")]
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_on_the_wire_as_documented() {
        let ended = Report::Ended {
            rungs: vec![Rung::Interrupt, Rung::Terminate],
            left: vec![Leftover {
                pid: 7,
                command: "sleep 9".into(),
                age_ms: 12,
                found_by: FoundBy::Tag,
                ended_by: EndedBy::Kill,
            }],
            unlisted: 0,
            parent_gone: false,
        };
        let text = serde_json::to_string(&ended).unwrap();
        assert_eq!(
            text,
            r#"{"report":"ended","rungs":["interrupt","terminate"],"left":[{"pid":7,"command":"sleep 9","age_ms":12,"found_by":"tag","ended_by":"SIGKILL"}],"unlisted":0,"parent_gone":false}"#
        );
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), ended);

        let exited = Report::Exited(Exit { code: None, signal: Some(9) });
        assert_eq!(serde_json::to_string(&exited).unwrap(), r#"{"report":"exited","code":null,"signal":9}"#);
        assert_eq!(serde_json::to_string(&Order::End).unwrap(), r#"{"order":"end"}"#);
    }
}

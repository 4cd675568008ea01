//! What happens in a session, with its time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::execution::process::Identity;
use crate::execution::race::{Exit, Termination};
use crate::execution::record::Record;
use crate::execution::repeats::Repeated;

/// Version of `events.ndjson`.
pub const VERSION: u32 = 1;

/// Silence of the stream, in milliseconds, that is noted when it ends.
pub const QUIET_MS: u64 = 30_000;

/// One line of `events.ndjson`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timed {
    /// [`VERSION`].
    pub schema_version: u32,
    /// Milliseconds since the session began; a continued session begins anew.
    pub at_ms: u64,
    /// The time of day, UTC.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The warden is being started.
    Began {
        /// The program that runs the session.
        owner: Identity,
        /// Whether the session existed before.
        continues: bool,
    },
    /// The client runs.
    Spawned {
        /// Its process.
        process: Identity,
    },
    /// The client, or its warden, could not be started.
    NotStarted {
        /// Why.
        error: String,
    },
    /// A turn begins.
    Turn {
        /// The client's version.
        version: String,
        /// The model.
        model: String,
        /// The permission mode in force.
        permission_mode: String,
    },
    /// A failed model call will be tried again.
    Retry {
        /// Which try it was, from 1.
        attempt: u64,
        /// Milliseconds until the next.
        delay_ms: u64,
        /// HTTP status, when there was an answer.
        status: Option<u64>,
        /// The client's class of it.
        error: String,
    },
    /// A limit of the login.
    RateLimit {
        /// The client's word for it.
        status: String,
        /// When it ends, in Unix seconds.
        resets_at: Option<i64>,
    },
    /// The background tasks that are open changed.
    Background {
        /// Those that are.
        open: Vec<String>,
    },
    /// The stream was silent for [`QUIET_MS`] or longer, until now.
    Quiet {
        /// For how long, in milliseconds.
        for_ms: u64,
    },
    /// The same call was made again and again with the same result.
    Repeats(Repeated),
    /// A turn is over.
    Result {
        /// The client's label.
        subtype: String,
        /// Whether it calls it an error.
        is_error: bool,
        /// Why the turn ended.
        terminal_reason: String,
    },
    /// Somebody wants the session to end.
    StopWished {
        /// Whether at once.
        now: bool,
    },
    /// The session is being ended.
    Decided {
        /// Why.
        termination: Termination,
    },
    /// The client process is gone.
    Exited {
        /// How.
        exit: Exit,
    },
    /// The stream is at its end.
    EndOfStream,
    /// Nothing of the session runs any more.
    Swept {
        /// Processes that had to be ended.
        left: usize,
    },
    /// The verdict.
    Judged {
        /// Why the session ended.
        termination: Termination,
        /// The verdict's label.
        subtype: String,
        /// Whether it is success.
        success: bool,
    },
}

impl Event {
    /// What a record of the stream means for the log; most mean nothing.
    #[must_use]
    pub fn of(record: &Record) -> Option<Self> {
        Some(match record {
            Record::Init(init) => Self::Turn {
                version: init.version.clone(),
                model: init.model.clone(),
                permission_mode: init.permission_mode.clone(),
            },
            Record::ApiRetry(retry) => Self::Retry {
                attempt: retry.attempt,
                delay_ms: retry.delay_ms,
                status: retry.status,
                error: retry.error.clone(),
            },
            Record::RateLimit { status, resets_at, .. } => {
                Self::RateLimit { status: status.clone(), resets_at: *resets_at }
            }
            Record::BackgroundTasks { open } => Self::Background { open: open.clone() },
            Record::Result(result) => Self::Result {
                subtype: result.subtype.clone(),
                is_error: result.is_error,
                terminal_reason: result.terminal_reason.clone(),
            },
            _ => return None,
        })
    }
}

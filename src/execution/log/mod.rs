//! The log of a session: what it was told, what its client said, what happened when, how its processes fared, and how all of
//! that was judged. It is for people and for `runs why`; no decision is taken from it, so a log that cannot be written is given
//! up after one warning and changes nothing.
//!
//! - `writer`: the files of one session, written as it goes
//! - [`event`]: what happens, with its time
//! - [`anomaly`]: what is odd about that; pure
//! - [`summary`]: the file that holds the rest together
//! - [`index`]: all sessions of a repository, a line when one begins and one when it ends
//! - [`recover`]: the logs of sessions whose program went away

pub mod anomaly;
pub mod event;
pub mod index;
pub mod recover;
pub mod summary;
mod writer;

#[cfg(test)]
mod tests;

pub(super) use writer::SessionLog;

/// Which try of which step a session is; nothing for one that drives a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Place {
    /// The step.
    pub step: String,
    /// Which visit of the step, from 1.
    pub visit: u32,
    /// Which try within the visit, from 1.
    pub attempt: u32,
}

/// Names of the files in a session's folder.
pub mod files {
    /// The summary.
    pub const SUMMARY: &str = "summary.json";
    /// What the session was told.
    pub const SPEC: &str = "spec.json";
    /// The user's login and provider settings, only while it runs, and only where the client does not read the user's own.
    pub const SETTINGS: &str = "settings.json";
    /// How the checkout looked before it began.
    pub const BEGAN: &str = "began.json";
    /// Its prompt.
    pub const PROMPT: &str = "prompt.md";
    /// The client's stream.
    pub const STREAM: &str = "stream.ndjson";
    /// The client's standard error.
    pub const STDERR: &str = "stderr.log";
    /// What happened when.
    pub const EVENTS: &str = "events.ndjson";
    /// What its processes took.
    pub const SAMPLES: &str = "samples.ndjson";
    /// The whole verdict.
    pub const VERDICT: &str = "verdict.json";
    /// The warden's account.
    pub const WARDEN: &str = "warden.json";
}

//! The warden: a small process between us and a session, so that nothing of the session outlives it.
//!
//! A client started directly leaves processes behind: tool commands run in process sessions of their own, `nohup` and
//! `setsid` children outlive even a clean exit, and nobody is there to act once we are killed. So every session runs
//! under this binary in warden mode. The warden is the parent of the client and, on Linux, the reaper of all its
//! descendants; it holds a socket to us, and the end of that socket means the end of the session, for whatever reason
//! it closed.
//!
//! What enters: a [`Charge`] (what to run and how patiently to end it), then [`Order`]s. What leaves: the client's own
//! output on two pipes that the warden holds no end of, and [`Report`]s: that it started, that it ended, what it left
//! behind. The last of them is always [`Report::Ended`] or [`Report::Lost`]. When nobody listens any more, the
//! [`Account`] file says the same.
//!
//! - `protocol`, `account`: the words between the two, and the file
//! - `ladder`: when which signal is due; pure
//! - `processes`: the table of processes
//! - `sweep`: finding and ending what a session left; used by the warden, and by us for a warden that was killed
//! - `run`, `client`: the warden process and the start of what it runs; no threads, no async runtime, as
//!   it stays resident for as long as the session
//! - `spawn`: our side, on tokio
//! - `descriptors`: how many files may be open, here and there

mod account;
mod client;
mod descriptors;
mod ladder;
mod processes;
mod protocol;
mod run;
mod spawn;
mod sweep;

pub use account::{Account, Climb, Times};
pub use ladder::{Ladder, Move, Rung};
pub use protocol::{Charge, EndedBy, Exit, FoundBy, Leftover, Order, Report, SpawnFailure};
pub use run::main;
pub use spawn::{Control, Reports, Warded, WardenProgram, spawn};
pub use sweep::{Swept, sweep};

/// The first argument that makes this binary a warden.
pub const MODE: &str = "warden";

/// The environment variable that marks every process of a session; its value is [`Charge::tag`].
pub const TAG_VARIABLE: &str = "AUTOSKILLIT_SESSION_TAG";

//! Processes and sessions. A spec comes in, a verdict goes out.
//!
//! The pure cores: [`record`] (one line of the stream), [`facts`] (their fold), [`repeats`] (what goes nowhere), [`race`] (when is it over,
//! and why), [`verdict`] (what was achieved). The shells around them: [`warden`] (the process that never leaves anything behind), [`session`],
//! [`command`], [`probe`]. What a session leaves to be looked at is its [`log`]; what it
//! cost is in [`spend`]. In a rehearsal the [`player`] takes the client's place and does
//! what a [`scenario`] says; the [`recorder`] makes a scenario of a real run, with a [`tape`] for each session.

pub mod client;
pub mod command;
pub mod environment;
pub mod facts;
pub mod lines;
pub mod liveness;
pub mod log;
pub mod named;
pub mod pieces;
pub mod player;
pub mod probe;
pub mod process;
pub mod quota;
pub mod race;
pub mod record;
pub mod recorder;
pub mod repeats;
pub mod scenario;
pub mod session;
pub mod spend;
pub mod tail;
pub mod tape;
pub mod terminal;
pub mod transcript;
pub mod verdict;
pub mod warden;

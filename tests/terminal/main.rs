//! The screen of a person: the binary in a real pseudo-terminal, and what is on it at the end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::allow_attributes,
    reason = "a test stops at what should not be"
)]

#[path = "../support/binary.rs"]
mod binary;
#[path = "../support/checkup.rs"]
mod checkup;
#[path = "../support/mod.rs"]
mod support;

mod conversation; // the client of `cook --interactive`
mod first_runs; // cook on machines of all kinds
mod doctor; // what is wrong here
mod live; // the lines of a run as it goes
mod pty;
mod questions; // pickers, prompts, confirmations
mod setup; // init: questions, answers, second thoughts
mod stopping; // Ctrl-C

//! `autoskillit serve`: a client connects, sees tools, calls them and goes, in every way that a client can.

#![expect(clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "../support/mod.rs"]
mod support;

mod claude; // the real client
mod deferred; // what is put off until the first answer is out
mod ending; // how a server ends
#[cfg(target_os = "linux")]
mod first_answer; // what happens before the first answer: nothing
mod line; // a client that speaks line by line
mod peer; // rmcp's client, in both generations of the protocol
mod recorded; // sessions that are recorded, and played again
mod reports; // what was used, told by the kitchen, by steps, and later
mod start; // a home that does not answer, and what is written where

//! Processes and sessions.

pub mod client;
pub mod environment;
pub mod facts;
pub mod lines;
pub mod race;
pub mod record;
pub mod transcript;
pub mod verdict;

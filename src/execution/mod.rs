//! Processes and sessions.

pub mod facts;
pub mod lines;
pub mod race;
pub mod record;
pub mod verdict;

//! From plan to run.
pub mod event;

//! The account's limits: before a session starts, it waits while the plan that it is paid with is nearly used up.
//!
//! The pure cores: [`window`] (which window binds, and what follows), [`account`] (is there anything to guard), [`share`] (what a run
//! used of it). The shells: [`source`] (the one request), [`cache`] (what it said, for all runs), [`wait`] (the wait itself), [`events`]
//! (what looks came to, for people), [`guard`] (all of it, for one session). What
//! cannot be found out never holds a session up.

pub mod account;
pub mod cache;
pub mod events;
pub mod guard;
pub mod share;
pub mod source;
pub mod wait;
pub mod window;

//! git: the checkout that a run works in.

pub mod detect;
pub mod git;

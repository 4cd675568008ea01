//! git: the checkout that a run works in. Questions about it come in; facts about commits, changes and the project go out.

pub mod detect;
pub mod git;
pub mod ledger;
pub mod mark;

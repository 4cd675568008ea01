//! Skills: what a session is asked to do. A name comes in; a [`Skill`] (body and contract) goes out, and from it the plugin
//! folder that the client is given for one session.

mod contract;
mod frontmatter;
mod inspect;
mod plugin;
mod store;
#[cfg(test)]
mod tests;

pub use contract::{Contract, Edits, Input, Output, Patterns, Writes};
pub use inspect::{Inspected, Place};
pub use plugin::{PLUGIN, write_plugin};
pub use store::{Skill, SkillError, SkillStore};

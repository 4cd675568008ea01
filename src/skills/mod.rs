//! Skills: what a session is asked to do. A name comes in; a [`Skill`] (body and contract) goes out, and from it the plugin
//! folder that the client is given for one session.

mod contract;
mod plugin;
mod store;

pub use contract::{Contract, ContractError, Output, Writes};
pub use plugin::{PLUGIN, write_plugin};
pub use store::{Skill, SkillError, SkillStore};

//! Layered settings. Files, variables and flags enter; one typed value leaves, with the origin of each of its parts, or
//! everything that is wrong with them, each with its place and a mend.
//!
//! [`table`] is the one list of settings: types, defaults, the page of the documentation and the JSON Schema come from it.

pub mod edit;
pub mod file;
pub mod kind;
pub mod layer;
mod load;
pub mod names;
pub mod pairs;
pub mod schema;
mod settings;
pub mod table;

#[cfg(test)]
mod tests;

pub use layer::{Entry, Layer, Origin};
pub use load::{ConfigError, Faults, Loaded, SettingsFile, Sources, load};
pub use settings::{
    BackgroundWork, BranchingSettings, ClientSettings, CommandLine, EnvMode, EnvPolicy, GithubSettings,
    LimitsSettings, LogLevel, LoggingSettings, McpResponseSettings, ModelSettings, Permissions,
    QuotaGuardSettings, RunSkillSettings, Secret, SessionLogSettings, SessionSettings, Settings,
    TestCheckSettings, limit,
};

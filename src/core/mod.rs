//! What every room stands on: values, files and paths with no opinion about recipes or sessions.

pub mod files;
pub mod ids;
pub mod kind;
pub mod paths;
pub mod redact;
pub mod stop;
pub mod text;
pub mod threads;
pub mod time;
pub mod usage;
pub mod yaml;

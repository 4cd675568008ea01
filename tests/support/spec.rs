//! A session as tests start it: nothing but its words and its place.

#![allow(clippy::allow_attributes, unreachable_pub, reason = "each test binary includes this file")]

use std::path::Path;

use autoskillit::config::Permissions;
use autoskillit::core::ids;
use autoskillit::execution::client::SessionSpec;

/// A fresh session that is told `prompt` in the folder `cwd`.
pub fn spec(prompt: &str, cwd: &Path) -> SessionSpec {
    SessionSpec {
        session_id: ids::session_id(),
        continues: false,
        prompt: prompt.to_owned(),
        system: String::new(),
        replaces_system: false,
        cwd: cwd.to_owned(),
        plugin_dir: None,
        model: None,
        schema: None,
        permissions: Permissions::Bypass,
        allowed_tools: Vec::new(),
        tools: None,
        mcp_config: None,
        setting_sources: Vec::new(),
        settings: None,
        budget_usd: None,
    }
}

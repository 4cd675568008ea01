//! The plugin folder of one session: the client loads it for that session only and finds the skill under our name.

use std::io;
use std::path::Path;

use serde_json::json;

use super::store::Skill;
use crate::core::files;

/// The plugin's name: skills are invoked as `/autoskillit:<skill>`.
pub const PLUGIN: &str = "autoskillit";

/// What stands in a skill for the folder that sessions pass files in.
const TEMP: &str = "{{AUTOSKILLIT_TEMP}}";

/// Writes the plugin with one skill into `dir`; `temp` is the folder that sessions pass files in. Of the contract only what the client knows is handed on.
///
/// # Errors
/// What the file system says.
pub fn write_plugin(dir: &Path, skill: &Skill, temp: &str) -> io::Result<()> {
    let manifest = json!({
        "name": PLUGIN,
        "version": env!("CARGO_PKG_VERSION"),
        "description": "The skill of this autoskillit session",
    });
    let skill_dir = dir.join("skills").join(&skill.contract.name);
    files::create_private_dir(&dir.join(".claude-plugin"))?;
    files::create_private_dir(&skill_dir)?;
    files::write_json(&dir.join(".claude-plugin/plugin.json"), &manifest)?;
    let front = json!({ "name": skill.contract.name, "description": skill.contract.description });
    let front = serde_yaml::to_string(&front).map_err(io::Error::other)?;
    let body = skill.body.replace(TEMP, temp);
    files::write_atomic(&skill_dir.join("SKILL.md"), format!("---\n{front}---\n\n{body}").as_bytes())
}

//! The text of a new settings file.

use super::plan::Known;
use crate::config::edit::render;
use crate::config::schema::EDITOR_LINE;
use crate::config::table::{self, Default};

const HEAD: &str = "\
# The settings of autoskillit for this repository, for everybody who works on it: commit this file.
# `autoskillit config show --origin` says which value counts and why; `autoskillit config set KEY VALUE`
# changes one line and keeps the rest.
";

/// Settings that a new file can state, with what they are for and whether the line stays there, commented, without a value.
const STATED: &[(&str, &str, bool)] = &[
    ("test_check.command", "Says whether the work is good.", true),
    ("github.default_repo", "Whose issues and pull requests are meant.", false),
    ("branching.default_base_branch", "Where work starts from and goes back to.", false),
];

/// Settings that people change first.
const SAMPLES: &[&str] = &["session.permissions", "model.default", "run_skill.timeout"];

/// The settings file of a repository about which this is known.
#[must_use]
pub(super) fn config(known: &[Known]) -> String {
    let mut text = format!("{EDITOR_LINE}\n{HEAD}");
    let mut samples = Vec::new();
    for (name, about, stays) in STATED {
        let (section, key) = name.rsplit_once('.').unwrap_or(("", name));
        match known.iter().find(|known| known.key.name == *name) {
            Some(known) => {
                let why = known.source.to_string();
                let why = if why.is_empty() { why } else { format!(" ({why})") };
                let about = about.trim_end_matches('.');
                text += &format!("\n{section}:\n  # {about}{why}.\n  {key}: {}\n", render(&known.value));
            }
            None if *stays => {
                let example = table::find(name).map_or("", |key| key.example);
                text += &format!(
                    "\n{section}:\n  # {about} None was found: take the `# ` away and put yours in.\n  # {key}: {example}\n"
                );
            }
            None => samples.push(*name),
        }
    }
    text += "\n# What people change first; to use a line, take the `# ` before it away:\n";
    for name in samples.iter().chain(SAMPLES) {
        let Some(setting) = table::find(name) else { continue };
        let (section, key) = name.rsplit_once('.').unwrap_or(("", name));
        let default = match setting.default {
            Default::Nothing(_) => String::new(),
            Default::Seconds(seconds) => format!(" Without it: {seconds} seconds."),
            Default::Count(count) => format!(" Without it: {count}."),
            other => format!(" Without it: {}.", render(&other.value())),
        };
        text +=
            &format!("#\n# # {}{default}\n# {section}:\n#   {key}: {}\n", setting.summary, setting.example);
    }
    text
}

//! The text of a recipe as value and marks.

use serde_yaml::Value as Yaml;

use super::diagnostic::Problem;
use crate::core::yaml::{self, FileKind};

pub use crate::core::yaml::{Document, MAX_SIZE};

const RECIPE: FileKind = FileKind {
    name: "a recipe",
    example: "it starts with `name:`, `description:` and `steps:`",
    may_be_empty: false,
};

/// Bytes of a file as text.
///
/// # Errors
/// When they are too many or no UTF-8.
pub fn decode(bytes: Vec<u8>) -> Result<String, Problem> {
    yaml::decode(bytes, RECIPE)
}

/// The text of a file; see [`yaml::load`].
///
/// # Errors
/// As there.
pub fn load(path: &std::path::Path) -> std::io::Result<String> {
    yaml::load(path, RECIPE)
}

/// What AutoSkillit 0.9 replaces with the folder for passing files, before it reads the YAML.
pub const TEMP: &str = "{{AUTOSKILLIT_TEMP}}";

/// The same number of bytes, so that places stay, in characters that a plain scalar may start with.
const TOKEN: &str = "__AUTOSKILLIT_TEMP__";

/// The folder for files that steps pass to each other when no settings name another.
pub const DEFAULT_TEMP: &str = ".autoskillit/temp";

/// Parses a text without settings.
///
/// # Errors
/// As [`read_in`].
pub fn read(text: &str) -> Result<Document, Vec<Problem>> {
    read_in(text, DEFAULT_TEMP)
}

/// Parses a text; [`TEMP`] in it becomes `temp`.
///
/// # Errors
/// Everything that keeps it from being one mapping with distinct keys.
pub fn read_in(text: &str, temp: &str) -> Result<Document, Vec<Problem>> {
    if !text.contains(TEMP) {
        return yaml::read(text, RECIPE);
    }
    if let Some(start) = text.find(TOKEN) {
        let message = format!("`{TOKEN}` cannot stand beside `{TEMP}`");
        return Err(vec![Problem::error("reserved-word", message, start..start + TOKEN.len(), "here")]);
    }
    let mut document = yaml::read(&text.replace(TEMP, TOKEN), RECIPE)?;
    fill(&mut document.value, temp);
    text.strip_prefix('\u{feff}').unwrap_or(text).clone_into(&mut document.text);
    Ok(document)
}

/// Puts the folder into every text. Keys keep the token: the marks know them by it.
fn fill(value: &mut Yaml, temp: &str) {
    match value {
        Yaml::String(text) if text.contains(TOKEN) => *text = text.replace(TOKEN, temp),
        Yaml::Sequence(items) => items.iter_mut().for_each(|item| fill(item, temp)),
        Yaml::Mapping(entries) => entries.values_mut().for_each(|value| fill(value, temp)),
        Yaml::Tagged(tagged) => fill(&mut tagged.value, temp),
        _ => {}
    }
}

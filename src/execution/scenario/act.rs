//! One thing that a session of a rehearsal does.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_yaml::{Mapping, Value as Yaml};

use super::place;

/// One act. In YAML it is a mapping with exactly one of the keys `say`, `think`, `tool`, `edit`, `write`, `delete`, `wait` and
/// `hang`, and what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Says something.
    Say(String),
    /// Thinks.
    Think,
    /// Calls a tool; it is only shown.
    Tool(ToolCall),
    /// Replaces a part of a file.
    Edit(Edit),
    /// Writes a whole file.
    Write(WriteFile),
    /// Deletes a file.
    Delete(RelativePath),
    /// Does nothing for a time.
    Wait(Seconds),
    /// Does nothing for ever.
    Hang,
}

/// A call of a tool that is only shown.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// The tool: `Bash`, `Read`, `Grep`, ….
    pub tool: String,
    /// The command, file or pattern.
    #[serde(default)]
    pub target: String,
    /// How long it runs.
    #[serde(default)]
    pub takes: Option<Seconds>,
    /// Whether it ends with an error.
    #[serde(default)]
    pub fails: bool,
    /// Whether it is refused.
    #[serde(default)]
    pub denied: bool,
}

/// A replacement in a file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The file.
    #[serde(rename = "edit")]
    pub path: RelativePath,
    /// What must stand in it exactly once.
    pub replace: String,
    /// What takes its place.
    pub with: String,
}

/// A whole file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriteFile {
    /// The file; its folders are made.
    #[serde(rename = "write")]
    pub path: RelativePath,
    /// Its text.
    pub content: String,
}

const KINDS: &[&str] = &["say", "think", "tool", "edit", "write", "delete", "wait", "hang"];

impl TryFrom<Mapping> for Act {
    type Error = String;

    fn try_from(fields: Mapping) -> Result<Self, String> {
        let kinds: Vec<&str> = KINDS.iter().copied().filter(|kind| fields.contains_key(*kind)).collect();
        let &[kind] = kinds.as_slice() else {
            return Err(format!("an act has exactly one of the keys {}", KINDS.join(", ")));
        };
        match kind {
            "say" => alone(kind, fields).map(Self::Say),
            "think" => flag(kind, fields).map(|()| Self::Think),
            "tool" => read(kind, Yaml::Mapping(fields)).map(Self::Tool),
            "edit" => {
                let edit: Edit = read(kind, Yaml::Mapping(fields))?;
                let missing = "`replace` names the text to replace; use `write` for a whole file";
                if edit.replace.is_empty() { Err(missing.to_owned()) } else { Ok(Self::Edit(edit)) }
            }
            "write" => read(kind, Yaml::Mapping(fields)).map(Self::Write),
            "delete" => alone(kind, fields).map(Self::Delete),
            "wait" => alone(kind, fields).map(Self::Wait),
            _ => flag(kind, fields).map(|()| Self::Hang),
        }
    }
}

impl<'de> Deserialize<'de> for Act {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        place::checked::<Mapping, _, _>(deserializer, "an act")
    }
}

/// The value of an act that is one key.
fn alone<T: DeserializeOwned>(kind: &str, mut fields: Mapping) -> Result<T, String> {
    let value = fields.remove(kind).unwrap_or_default();
    match fields.keys().next() {
        Some(key) => {
            Err(format!("`{kind}` stands alone: it has no `{}`", key.as_str().unwrap_or("other key")))
        }
        None => read(kind, value),
    }
}

fn flag(kind: &str, fields: Mapping) -> Result<(), String> {
    match alone(kind, fields)? {
        true => Ok(()),
        false => Err(format!("`{kind}: false` does nothing; leave it out")),
    }
}

fn read<T: DeserializeOwned>(kind: &str, value: Yaml) -> Result<T, String> {
    serde_yaml::from_value(value).map_err(|error| format!("`{kind}`: {error}"))
}

/// A path that stays below the folder it is taken from, as far as its text says; symbolic links are another matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelativePath(PathBuf);

impl RelativePath {
    /// The path.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

impl TryFrom<String> for RelativePath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let path = PathBuf::from(&text);
        if text.is_empty() || text.ends_with('/') || text.contains('\0') {
            return Err(format!("{text:?} is not the path of a file"));
        }
        if !path.components().all(|component| matches!(component, Component::Normal(_))) {
            return Err(format!("the path `{text}` is not relative, or leads out of the working directory"));
        }
        // A hook or a filter written there would run at the next git command.
        let is_git = |component: Component<'_>| component.as_os_str().eq_ignore_ascii_case(".git");
        if path.components().any(is_git) {
            return Err(format!("the path `{text}` leads into git's own folder"));
        }
        Ok(Self(path))
    }
}

impl<'de> Deserialize<'de> for RelativePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        place::checked::<String, _, _>(deserializer, "a path")
    }
}

/// A time in seconds, at most a day.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub struct Seconds(Duration);

impl Seconds {
    /// The time.
    #[must_use]
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl TryFrom<f64> for Seconds {
    type Error = String;

    fn try_from(seconds: f64) -> Result<Self, String> {
        if (0.0..=86_400.0).contains(&seconds) {
            Ok(Self(Duration::from_secs_f64(seconds)))
        } else {
            Err(format!("{seconds} is no time: give seconds from 0 to 86400"))
        }
    }
}

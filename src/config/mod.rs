//! Settings: defaults, then the user's `config.yaml`, then the project's. Unknown keys are errors.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_yaml::Value;

use crate::core::text::did_you_mean;

/// All settings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The client program.
    pub client: ClientSettings,
    /// Sessions: what they may do and see.
    pub session: SessionSettings,
    /// Limits of sessions.
    pub run_skill: RunSkillSettings,
    /// Test runs.
    pub test_check: TestCheckSettings,
}

/// `client`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientSettings {
    /// Name on PATH, or path.
    pub program: String,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self { program: "claude".to_owned() }
    }
}

/// `session`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionSettings {
    /// What sessions may do.
    pub permissions: Permissions,
    /// What runs without a question where not everything may.
    pub allowed_tools: Vec<String>,
    /// The environment.
    pub env: EnvPolicy,
    /// Which of its settings files the client reads.
    pub setting_sources: Vec<String>,
    /// The model when a step names none; `None` leaves it to the client.
    pub model: Option<String>,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            permissions: Permissions::default(),
            allowed_tools: Vec::new(),
            env: EnvPolicy::default(),
            setting_sources: ["project", "local"].map(str::to_owned).into(),
            model: None,
        }
    }
}

/// What sessions may do (`session.permissions`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permissions {
    /// Everything, without asking: unattended work needs it.
    #[default]
    Bypass,
    /// What `session.allowed_tools` lists; the rest is refused.
    DontAsk,
    /// Edits in the working directory and what is listed; the rest is refused.
    AcceptEdits,
}

impl Permissions {
    /// The value in settings and journals.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::DontAsk => "dont_ask",
            Self::AcceptEdits => "accept_edits",
        }
    }
}

/// What a session inherits (`session.env.mode`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvMode {
    /// Everything but the variables of the documented deny-list.
    #[default]
    Inherit,
    /// Only the variables of the documented minimum.
    Minimal,
}

/// How a session's environment is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnvPolicy {
    /// What is inherited.
    pub mode: EnvMode,
    /// Names (or beginnings with `*`) that pass in any case.
    pub pass: Vec<String>,
    /// Names (or beginnings with `*`) that are dropped in addition.
    pub drop: Vec<String>,
}

/// `run_skill`. Seconds; defaults as in the reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunSkillSettings {
    /// Wall clock of a session.
    pub timeout: u64,
    /// Silence on all channels, with no sign of life, before a session counts as stale; 0 never.
    pub stale_threshold: u64,
    /// Silence of the stream while no tool runs before a session counts as stalled; 0 never.
    pub idle_output_timeout: u64,
}

impl Default for RunSkillSettings {
    fn default() -> Self {
        Self { timeout: 7200, stale_threshold: 1200, idle_output_timeout: 600 }
    }
}

/// `test_check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TestCheckSettings {
    /// The test command, for a shell; detected when it is not given.
    pub command: Option<String>,
    /// Wall clock of a test run, in seconds.
    pub timeout: u64,
}

impl Default for TestCheckSettings {
    fn default() -> Self {
        Self { command: None, timeout: 600 }
    }
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{}{}: {message}", path.display(), line.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line and column, from 1, when known.
        line: Option<(usize, usize)>,
        /// What is wrong.
        message: String,
    },
}

/// Loads the settings from `files`, each over the ones before; a file that is not there says nothing.
///
/// # Errors
/// When a file cannot be read or is not what it should be.
pub fn load(files: &[PathBuf]) -> Result<Settings, ConfigError> {
    let mut merged = Value::Mapping(serde_yaml::Mapping::new());
    for path in files {
        if let Some(value) = read(path)? {
            merge(&mut merged, value);
        }
    }
    serde_yaml::from_value(merged).map_err(|error| malformed(Path::new("settings"), &error))
}

fn read(path: &Path) -> Result<Option<Value>, ConfigError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(ConfigError::Unreadable { path: path.to_owned(), source }),
    };
    // Read as settings first: only then does an error know its line.
    let empty = text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    if empty {
        return Ok(None);
    }
    serde_yaml::from_str::<Settings>(&text).map_err(|error| malformed(path, &error))?;
    serde_yaml::from_str(&text).map(Some).map_err(|error| malformed(path, &error))
}

fn malformed(path: &Path, error: &serde_yaml::Error) -> ConfigError {
    let text = error.to_string();
    let message = plain_words(text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message));
    let line = error.location().map(|at| (at.line(), at.column()));
    ConfigError::Malformed { path: path.to_owned(), line, message }
}

/// The parser speaks of its own types; people wrote YAML.
fn plain_words(message: &str) -> String {
    let mut message = message.to_owned();
    for (theirs, ours) in [
        ("unknown field", "unknown key"),
        ("unknown variant", "unknown value"),
        ("invalid type: ", "this is a "),
        ("invalid value: ", "this is a "),
        ("sequence", "list"),
        ("a map,", "a mapping,"),
        ("a boolean", "yes or no"),
        ("a unit value", "an empty value"),
        ("integer `", "number `"),
        ("floating point `", "number `"),
        ("expected u64", "a whole number of 0 or more is expected"),
        ("expected a string", "a text is expected"),
        ("expected a list", "a list is expected"),
    ] {
        message = message.replace(theirs, ours);
    }
    if let Some(at) = message.find("expected struct ") {
        message.truncate(at);
        message.push_str("a mapping is expected");
    }
    // `name`, expected one of `a`, `b`
    let mut names = message.split('`').skip(1).step_by(2);
    let near = names.next().and_then(|name| did_you_mean(name, names));
    match near {
        Some(near) if message.starts_with("unknown") || message.contains(": unknown") => {
            format!("{message}; did you mean `{near}`?")
        }
        _ => message,
    }
}

/// Mappings are merged key by key; anything else is replaced.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Mapping(into), Value::Mapping(from)) => {
            for (key, value) in from {
                match into.get_mut(&key) {
                    Some(there) => merge(there, value),
                    None => {
                        into.insert(key, value);
                    }
                }
            }
        }
        (into, from) => *into = from,
    }
}

/// Seconds as a duration; 0 is never.
#[must_use]
pub fn limit(seconds: u64) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_wins_over_the_user_key_by_key() {
        let dir = tempfile::tempdir().unwrap();
        let (user, project) = (dir.path().join("u.yaml"), dir.path().join("p.yaml"));
        std::fs::write(&user, "session:\n  model: opus\n  permissions: dont_ask\n").unwrap();
        std::fs::write(&project, "# project\nsession:\n  permissions: accept_edits\n").unwrap();
        let settings = load(&[user, dir.path().join("absent.yaml"), project]).unwrap();
        assert_eq!(settings.session.model.as_deref(), Some("opus"));
        assert_eq!(settings.session.permissions, Permissions::AcceptEdits);
        assert_eq!(settings.run_skill, RunSkillSettings::default());
    }

    #[test]
    fn errors_name_file_line_and_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.yaml");
        std::fs::write(&path, "session:\n  permision: bypass\n").unwrap();
        let text = load(std::slice::from_ref(&path)).unwrap_err().to_string();
        assert!(text.starts_with(&format!("{}:2:3: ", path.display())), "{text}");
        assert!(text.contains("permision") && text.contains("permissions"), "{text}");
    }
}

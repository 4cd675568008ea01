//! Whether a run is recorded or played from a recording: by flags, or by the variables `RECORD_SCENARIO` and `REPLAY_SCENARIO` with
//! theirs.

use std::path::PathBuf;

use super::error::AppError;
use crate::execution::recorder::RecorderError;
use crate::execution::scenario::Scenario;

/// What the variables ask for.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// Sessions are played from this scenario.
    Replay(String),
    /// Sessions are recorded.
    Record {
        /// Into this folder, which is new or empty.
        dir: PathBuf,
        /// Under this recipe's name instead of the cooked one's.
        recipe: Option<String>,
    },
}

/// Reads the variables. Replay wins over record. Whether a folder can be recorded into is for the recorder to say.
///
/// # Errors
/// When one asks for something and names no folder, or none with a scenario to replay.
pub fn asked(var: impl Fn(&str) -> Option<String>) -> Result<Option<Asked>, AppError> {
    let set = |name: &str| var(name).filter(|value| !value.is_empty());
    let wanted =
        |name: &str| set(name).is_some_and(|value| !matches!(value.as_str(), "0" | "false" | "no" | "off"));
    if wanted("REPLAY_SCENARIO") {
        let Some(dir) = set("REPLAY_SCENARIO_DIR") else { return Err(no_folder("REPLAY")) };
        // A path without a slash would be taken for the name of a bundled scenario.
        let path = PathBuf::from(&dir);
        let path = if path.is_absolute() { path } else { PathBuf::from(".").join(path) };
        let scenario = path.to_string_lossy().into_owned();
        Scenario::find(&scenario).map_err(|error| {
            AppError::from(error).hint("REPLAY_SCENARIO_DIR names the folder of a scenario; unset REPLAY_SCENARIO to work in earnest")
        })?;
        return Ok(Some(Asked::Replay(scenario)));
    }
    if wanted("RECORD_SCENARIO") {
        let Some(dir) = set("RECORD_SCENARIO_DIR").map(PathBuf::from) else {
            return Err(no_folder("RECORD"));
        };
        return Ok(Some(Asked::Record { dir, recipe: set("RECORD_SCENARIO_RECIPE") }));
    }
    Ok(None)
}

fn no_folder(what: &str) -> AppError {
    AppError::usage(format!("{what}_SCENARIO is set, and {what}_SCENARIO_DIR names no folder"))
        .hint(format!("set {what}_SCENARIO_DIR, or unset {what}_SCENARIO"))
}

impl From<RecorderError> for AppError {
    fn from(error: RecorderError) -> Self {
        match error {
            RecorderError::NotEmpty(_) => {
                Self::usage(error.to_string()).hint("name a new folder, or an empty one")
            }
            RecorderError::Unwritable { .. } => Self::environment(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(set: &[(&str, &str)]) -> Result<Option<Asked>, AppError> {
        asked(|name| set.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn nothing_is_asked_for_unless_it_is() {
        for set in [
            &[][..],
            &[("RECORD_SCENARIO", "")],
            &[("REPLAY_SCENARIO", "0")],
            &[("RECORD_SCENARIO_DIR", "/x")],
        ] {
            assert_eq!(ask(set).unwrap(), None, "{set:?}");
        }
    }

    #[test]
    fn replay_wins_and_a_wrong_folder_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
        let (new, full, scenario) = (at("new"), at("."), at("scenario.yaml"));
        let record =
            ask(&[("RECORD_SCENARIO", "1"), ("RECORD_SCENARIO_DIR", &new), ("RECORD_SCENARIO_RECIPE", "r")]);
        assert_eq!(
            record.unwrap(),
            Some(Asked::Record { dir: new.clone().into(), recipe: Some("r".to_owned()) })
        );
        let replay = |dir: &str| {
            ask(&[
                ("REPLAY_SCENARIO", "1"),
                ("REPLAY_SCENARIO_DIR", dir),
                ("RECORD_SCENARIO", "1"),
                ("RECORD_SCENARIO_DIR", &new),
            ])
        };
        assert!(replay(&full).unwrap_err().message.contains("scenario.yaml"));
        assert!(replay("").unwrap_err().message.contains("REPLAY_SCENARIO_DIR"));
        std::fs::write(&scenario, "version: 1\nscenario: s\nsessions: []\n").unwrap();
        assert_eq!(replay(&full).unwrap(), Some(Asked::Replay(full.clone())));
        assert!(ask(&[("RECORD_SCENARIO", "1")]).unwrap_err().message.contains("RECORD_SCENARIO_DIR"));
    }
}

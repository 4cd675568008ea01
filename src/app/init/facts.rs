//! What is there before a setup.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::plan::{CONFIG, IGNORE, MCP, SCHEMA};
use crate::app::error::AppError;
use crate::core::paths::{KITCHEN_DIR, KitchenDir};
use crate::workspace::detect::{self, Project};
use crate::workspace::git::Checkout;

/// A repository before its setup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its top.
    pub top: PathBuf,
    /// The folder below the top that the command was run for; empty at the top itself.
    pub below: PathBuf,
    /// What it says about itself.
    pub project: Project,
    /// The files that a setup writes, as they are.
    pub there: There,
    /// Whether git keeps the settings file out of commits.
    pub ignored: bool,
}

/// The texts of the files that a setup writes; `None` where there is no file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct There {
    /// The settings.
    pub config: Option<String>,
    /// Their schema.
    pub schema: Option<String>,
    /// What keeps the leavings of runs out of the repository.
    pub ignore: Option<String>,
    /// The MCP servers that the project shares.
    pub mcp: Option<String>,
}

/// Looks at the repository that `dir` is in.
///
/// # Errors
/// When there is none, or one of the files cannot be read.
pub fn look(dir: &Path) -> Result<Facts, AppError> {
    let checkout = Checkout::discover(dir)?;
    let top = checkout.top().to_owned();
    let folder = KitchenDir::of(&top).root().to_owned();
    if fs::symlink_metadata(&folder).is_ok() && !folder.is_dir() {
        return Err(AppError::environment(format!("{} is no folder", folder.display())).hint(format!(
            "autoskillit keeps its settings in a folder `{KITCHEN_DIR}`: move this out of the way"
        )));
    }
    let text = |name: &str| read(&top.join(name));
    let there =
        There { config: text(CONFIG)?, schema: text(SCHEMA)?, ignore: text(IGNORE)?, mcp: text(MCP)? };
    let below = dir
        .canonicalize()
        .ok()
        .and_then(|dir| Some(dir.strip_prefix(top.canonicalize().ok()?).ok()?.to_owned()));
    Ok(Facts {
        below: below.unwrap_or_default(),
        project: detect::look(&checkout),
        ignored: checkout.ignores(&top.join(CONFIG)),
        there,
        top,
    })
}

/// The text of a file; `None` when there is none.
pub(super) fn read(path: &Path) -> Result<Option<String>, AppError> {
    let cannot = |why: String| AppError::environment(format!("cannot read {}: {why}", path.display()));
    match fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
            AppError::usage(format!("{} is not UTF-8: byte {at} in line {line}", path.display()))
                .hint("save it as UTF-8")
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::symlink_metadata(path) {
            Ok(_) => Err(cannot("it is a link to something that is not there".to_owned())
                .hint("make what it points to, or remove the link")),
            Err(_) => Ok(None),
        },
        Err(error) => Err(cannot(error.to_string())),
    }
}

//! Settings of the place where a command runs: found, shown, changed.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::AppError;
use crate::config::edit::{self, EditError};
use crate::config::table::{self, KEYS, Key};
use crate::config::{Faults, Layer, SettingsFile, Sources, pairs};
use crate::core::files::{self, PRIVATE};
use crate::core::paths::{KitchenDir, user_config};
use crate::core::text::did_you_mean;
use crate::workspace::git::Checkout;

/// The variables of this process that are text.
#[must_use]
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Everything that says something about settings in the repository at `top`, or in none.
#[must_use]
pub fn sources(top: Option<&Path>, flags: &[String]) -> Sources {
    Sources {
        user: user_config(),
        project: top.map(|top| KitchenDir::of(top).root().to_owned()),
        environment: environment(),
        flags: flags.to_owned(),
    }
}

/// [`sources`] as seen from a folder, which need not be in a repository.
#[must_use]
pub fn sources_at(dir: &Path, flags: &[String]) -> Sources {
    sources(Checkout::discover(dir).ok().as_ref().map(Checkout::top), flags)
}

/// The setting of this name.
///
/// # Errors
/// When there is none.
pub fn key(name: &str) -> Result<&'static Key, AppError> {
    if let Some(key) = table::find(name) {
        return Ok(key);
    }
    if table::is_unused(name) {
        return Err(AppError::usage(format!("`{name}` is not used by this version")));
    }
    let error = AppError::usage(format!("there is no setting `{name}`"));
    let below: Vec<&str> =
        KEYS.iter().map(|key| key.name).filter(|key| key.starts_with(&format!("{name}."))).collect();
    Err(match did_you_mean(name, KEYS.iter().map(|key| key.name)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None if !below.is_empty() => error.hint(format!("it is a section; it has: {}", below.join(", "))),
        None => error.hint("`autoskillit config show` lists all settings"),
    })
}

/// A value that was written.
#[derive(Debug)]
pub struct Written {
    /// The file.
    pub file: SettingsFile,
    /// A stronger layer that says something else, so that the value has no effect here.
    pub overruled: Option<String>,
    /// Whether a secret was written where git does not ignore it.
    pub exposed: bool,
}

/// Sets `key` to what `given` says, in the user's files or the repository's; secrets go into the private file.
///
/// # Errors
/// When the value is not of the key's type, there is no such file, or it cannot be changed.
pub fn set(sources: &Sources, key: &'static Key, given: &str, user: bool) -> Result<Written, AppError> {
    let value = pairs::parse(key, given).map_err(|misfit| {
        let error =
            AppError::usage(format!("`{}` must be {}, not {}", key.name, misfit.expected, misfit.found));
        error.hint(misfit.help.unwrap_or_else(|| format!("for example `{}`", key.example)))
    })?;
    let layer = match (user, key.secret) {
        (true, false) => Layer::User,
        (true, true) => Layer::UserSecrets,
        (false, false) => Layer::Project,
        (false, true) => Layer::ProjectSecrets,
    };
    let Some(file) = sources.files().into_iter().find(|file| file.layer == layer) else {
        return Err(match user {
            true => AppError::environment("there is no home folder for your settings"),
            false => {
                AppError::usage("this is not in a git repository, so there are no settings of a project")
                    .hint("to set it for yourself, everywhere: add --user")
            }
        });
    };
    let cannot = |error: &std::io::Error| {
        AppError::environment(format!("cannot write {}: {error}", file.path.display()))
    };
    // A settings file may be a link into a collection of such files, which stays one.
    let path = fs::canonicalize(&file.path).unwrap_or_else(|_| file.path.clone());
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => {
            return Err(AppError::environment(format!("cannot read {}: {error}", file.path.display())));
        }
    };
    let edited = edit::set(&file.path.display().to_string(), &text, layer, key, &value)?;
    make_room(&path, sources, user).map_err(|error| cannot(&error))?;
    let mode = if key.secret { Some(PRIVATE) } else { None };
    files::replace(&path, edited.as_bytes(), mode).map_err(|error| cannot(&error))?;
    let exposed = layer == Layer::ProjectSecrets
        && file
            .path
            .parent()
            .and_then(|dir| Checkout::discover(dir).ok())
            .is_some_and(|it| !it.ignores(&file.path));
    Ok(Written { overruled: overruled(sources, key, layer), exposed, file })
}

fn make_room(path: &Path, sources: &Sources, user: bool) -> std::io::Result<()> {
    match sources.project.as_ref().and_then(|project| project.parent()) {
        // The folder's ignore file keeps secrets out of the repository.
        Some(top) if !user => KitchenDir::of(top).ensure(),
        _ => fs::create_dir_all(path.parent().map_or_else(PathBuf::new, Path::to_owned)),
    }
}

/// The origin of the value that counts, when it is not the one of `layer`.
fn overruled(sources: &Sources, key: &Key, layer: Layer) -> Option<String> {
    let loaded = crate::config::load(sources).ok()?;
    let entry = loaded.entries.into_iter().find(|entry| entry.key.name == key.name)?;
    (entry.origin.layer > layer).then(|| entry.origin.to_string())
}

impl From<EditError> for AppError {
    fn from(error: EditError) -> Self {
        let app = Self::usage(error.to_string());
        match error {
            EditError::Faulty(problems) => {
                Self { diagnostic: Some(Faults(vec![problems]).into_diagnostic()), ..app }
            }
            EditError::Entangled { line, .. } => app.hint(format!("write it into the file yourself: {line}")),
        }
    }
}

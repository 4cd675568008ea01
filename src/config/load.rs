//! From the places where settings stand to settings.

use std::fmt;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

use super::file::{self, SETTINGS};
use super::layer::{Entry, Layer, merge};
use super::pairs;
use super::settings::Settings;
use crate::core::yaml::decode;
use crate::core::yaml::diagnostic::{Problem, Problems, Severity};

/// A file of settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsFile {
    /// Its layer.
    pub layer: Layer,
    /// Where it is, or would be.
    pub path: PathBuf,
}

/// Everything that says something about settings.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The user's folder of settings.
    pub user: Option<PathBuf>,
    /// The product's folder in the repository.
    pub project: Option<PathBuf>,
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// The values of `--config`.
    pub flags: Vec<String>,
}

impl Sources {
    /// The files, the weakest first.
    #[must_use]
    pub fn files(&self) -> Vec<SettingsFile> {
        let pair = |dir: &Option<PathBuf>, open: Layer, secret: Layer| {
            let files = dir.as_ref().map(|dir| {
                [(open, "config.yaml"), (secret, ".secrets.yaml")]
                    .map(|(layer, name)| SettingsFile { layer, path: dir.join(name) })
            });
            files.into_iter().flatten()
        };
        pair(&self.user, Layer::User, Layer::UserSecrets)
            .chain(pair(&self.project, Layer::Project, Layer::ProjectSecrets))
            .collect()
    }
}

/// Settings, and how they came about.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Each of them with its origin, in the order of the table.
    pub entries: Vec<Entry>,
    /// What is odd about them, by file.
    pub warnings: Vec<Problems>,
}

/// Why settings cannot be used.
#[derive(Debug)]
pub enum ConfigError {
    /// A file cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something in them is wrong.
    Invalid(Faults),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, source } => write!(f, "cannot read {}: {source}", path.display()),
            Self::Invalid(faults) => faults.fmt(f),
        }
    }
}

impl std::error::Error for ConfigError {}

/// The problems of all places where settings stand, by place.
#[derive(Debug, Clone)]
pub struct Faults(pub Vec<Problems>);

impl Faults {
    /// The form for people. Problems of several places stand side by side, each with its own text.
    #[must_use]
    pub fn into_diagnostic(mut self) -> Box<dyn Diagnostic + Send + Sync> {
        if self.0.len() == 1 {
            return Box::new(self.0.remove(0));
        }
        let placed = self.0.iter().flat_map(|problems| {
            let text = NamedSource::new(problems.file(), problems.text().to_owned());
            problems.list().iter().map(move |problem| Placed { problem: problem.clone(), text: text.clone() })
        });
        Box::new(SideBySide { headline: self.to_string(), placed: placed.collect() })
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors: usize = self.0.iter().map(Problems::errors).sum();
        match self.0.as_slice() {
            [only] => only.fmt(f),
            _ => write!(f, "{errors} error{} in settings", if errors == 1 { "" } else { "s" }),
        }
    }
}

/// Problems of several texts.
#[derive(Debug, thiserror::Error)]
#[error("{headline}")]
struct SideBySide {
    headline: String,
    placed: Vec<Placed>,
}

impl Diagnostic for SideBySide {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.placed.iter().map(|placed| placed as &dyn Diagnostic)))
    }
}

/// A problem with its text.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
struct Placed {
    problem: Problem,
    text: NamedSource<String>,
}

impl Diagnostic for Placed {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Diagnostic::code(&self.problem)
    }

    fn severity(&self) -> Option<miette::Severity> {
        Diagnostic::severity(&self.problem)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Diagnostic::help(&self.problem)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Diagnostic::labels(&self.problem)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.text)
    }
}

/// Loads the settings. A file that is not there says nothing.
///
/// # Errors
/// Every problem of every place, warnings included, when one of them is an error; a file that cannot be read.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    let (mut said, mut problems) = (Vec::new(), Vec::new());
    for file in sources.files() {
        let Some(text) = read(&file.path)? else { continue };
        let name = file.path.display().to_string();
        match text {
            Ok(text) => {
                let layer = file::read(&name, &text, file.layer);
                said.extend(layer.entries);
                problems.push(layer.problems);
            }
            Err(problem) => problems.push(Problems::new(&name, "", vec![problem])),
        }
        problems.extend(open_to_others(&file));
    }
    for layer in [pairs::environment(sources.environment.iter().cloned()), pairs::flags(&sources.flags)] {
        said.extend(layer.entries);
        problems.push(layer.problems);
    }
    problems.retain(|problems| !problems.is_empty());
    if problems.iter().any(|problems| problems.errors() > 0) {
        return Err(ConfigError::Invalid(Faults(problems)));
    }
    let entries = merge(said);
    Ok(Loaded { settings: Settings::of(&entries), entries, warnings: problems })
}

/// The text of a file; `None` when there is none.
pub(super) fn read(path: &Path) -> Result<Option<Result<String, Problem>>, ConfigError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(decode(bytes, SETTINGS))),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(source) => Err(ConfigError::Unreadable { path: path.to_owned(), source }),
    }
}

/// A warning when others can read a file of secrets.
fn open_to_others(file: &SettingsFile) -> Option<Problems> {
    let mode = std::fs::metadata(&file.path).ok()?.permissions().mode() & 0o777;
    if !file.layer.holds_secrets() || mode & 0o077 == 0 {
        return None;
    }
    let name = file.path.display().to_string();
    let message = format!("other users can read the secrets in {name} (mode {mode:04o})");
    let problem = Problem { severity: Severity::Warning, ..Problem::whole("open-secrets", message) };
    Some(Problems::new(&name, "", vec![problem.help(format!("chmod 600 {name}"))]))
}

//! Where scenarios are found: ours inside the binary, the user's in files. A scenario is a folder with a `scenario.yaml` and,
//! beside it, the sample project that it works in.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use include_dir::{Dir, DirEntry, include_dir};
use indexmap::IndexMap;

use super::{RelativePath, Scenario};
use crate::core::text::did_you_mean;

static BUILTIN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/scenarios");

/// The file of a scenario's folder.
const FILE: &str = "scenario.yaml";

/// Largest file of a scenario, in bytes.
const MAX_SIZE: u64 = 1 << 20;

/// The reserved name of the scenario without sessions: every answer is made up.
pub const MADE_UP: &str = "made-up";

/// Where a scenario comes from.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// A folder inside the binary.
    Builtin(&'static Dir<'static>),
    /// A file.
    File(PathBuf),
    /// Nowhere: all is made up.
    MadeUp,
}

/// Why a scenario cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// No such scenario.
    #[error("there is no scenario `{name}`")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The nearest known one.
        near: Option<String>,
        /// Every known one.
        available: Vec<String>,
    },
    /// Its file or a file of its project cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Its text is faulty.
    #[error("{file}, line {line}: {message}")]
    Malformed {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// A tape of it is faulty.
    #[error("{file}: {message}")]
    Tape {
        /// The tape.
        file: String,
        /// What is wrong.
        message: String,
    },
    /// Its project cannot be laid out.
    #[error("cannot write {}: {source}", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl ScenarioError {
    /// What to do about it, where there is something to say.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unknown { near: Some(near), .. } => Some(format!("did you mean `{near}`?")),
            Self::Unknown { available, .. } => {
                let names: Vec<String> = available.iter().map(|name| format!("`{name}`")).collect();
                Some(format!("scenarios: {}; or name a file, such as `./my.yaml`", names.join(", ")))
            }
            Self::Unreadable { .. }
            | Self::Malformed { .. }
            | Self::Tape { .. }
            | Self::Unwritable { .. } => None,
        }
    }
}

impl Scenario {
    /// The scenario of a name, or of a file: what ends in `.yaml` or `.yml` or holds a `/`, and a folder with a `scenario.yaml`.
    ///
    /// # Errors
    /// When there is none, or it is faulty.
    pub fn find(name: &str) -> Result<Self, ScenarioError> {
        if name == MADE_UP {
            return Ok(Self::made_up());
        }
        if name.contains('/') || name.ends_with(".yaml") || name.ends_with(".yml") {
            return Self::load(Path::new(name));
        }
        let Some(dir) = BUILTIN.get_dir(name) else {
            let available = Self::names();
            let near = did_you_mean(name, available.iter().map(String::as_str)).map(str::to_owned);
            return Err(ScenarioError::Unknown { name: name.to_owned(), near, available });
        };
        let text = dir.get_file(dir.path().join(FILE)).and_then(|file| file.contents_utf8());
        let file = format!("scenarios/{name}/{FILE} (bundled)");
        Self::parse(text.unwrap_or_default(), &file, Origin::Builtin(dir))
    }

    /// The bundled scenario for a recipe, else the one that makes everything up.
    #[must_use]
    pub fn for_recipe(recipe: &str) -> Self {
        let bundled = Self::names().into_iter().filter_map(|name| Self::find(&name).ok());
        bundled
            .into_iter()
            .find(|scenario| scenario.recipe.as_deref() == Some(recipe))
            .unwrap_or_else(Self::made_up)
    }

    /// The names of the bundled scenarios and of the made-up one, sorted.
    #[must_use]
    pub fn names() -> Vec<String> {
        let bundled = BUILTIN.dirs().filter_map(|dir| dir.path().file_name()?.to_str());
        let mut names: Vec<String> = bundled.chain([MADE_UP]).map(str::to_owned).collect();
        names.sort();
        names
    }

    /// What the player finds this scenario by from any folder: its name, or the absolute path of its file.
    #[must_use]
    pub fn reference(&self) -> String {
        match &self.origin {
            Origin::Builtin(dir) => dir.path().to_string_lossy().into_owned(),
            Origin::File(path) => path.to_string_lossy().into_owned(),
            Origin::MadeUp => MADE_UP.to_owned(),
        }
    }

    /// Whether it has a sample project of its own.
    #[must_use]
    pub fn has_project(&self) -> bool {
        self.project.is_some()
    }

    /// Lays its sample project out in `dir`, which need not exist. Without a project it does nothing.
    ///
    /// # Errors
    /// When the project cannot be read or `dir` cannot be written.
    pub fn write_project(&self, dir: &Path) -> Result<(), ScenarioError> {
        let Some(project) = &self.project else { return Ok(()) };
        match &self.origin {
            Origin::Builtin(folder) => {
                let path = folder.path().join(project.as_path());
                let found = folder.get_dir(&path).ok_or_else(|| {
                    let source = io::Error::from(io::ErrorKind::NotFound);
                    ScenarioError::Unreadable { path: path.clone(), source }
                })?;
                lay_out(found, &path, dir)
            }
            Origin::File(file) => copy(&file.with_file_name("").join(project.as_path()), dir),
            Origin::MadeUp => Ok(()),
        }
    }

    /// The text of a file of the scenario, and what to call it.
    pub(super) fn beside(&self, name: &RelativePath) -> Result<(String, String), ScenarioError> {
        let unreadable = |path: PathBuf, source| ScenarioError::Unreadable { path, source };
        match &self.origin {
            Origin::File(file) => {
                let path = file.with_file_name("").join(name.as_path());
                match fs::read(&path) {
                    // A tape that was cut off may end within a character.
                    Ok(bytes) => {
                        Ok((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()))
                    }
                    Err(error) => Err(unreadable(path, error)),
                }
            }
            Origin::Builtin(folder) => {
                let path = folder.path().join(name.as_path());
                let text = folder.get_file(&path).and_then(|file| file.contents_utf8());
                let text = text.ok_or_else(|| unreadable(path.clone(), io::ErrorKind::NotFound.into()))?;
                Ok((path.display().to_string(), text.to_owned()))
            }
            Origin::MadeUp => Err(unreadable(name.as_path().to_owned(), io::ErrorKind::NotFound.into())),
        }
    }

    fn made_up() -> Self {
        Self {
            name: MADE_UP.to_owned(),
            recipe: None,
            description: "No scenario: every answer is made up to fit what the skill declares.".to_owned(),
            inputs: IndexMap::new(),
            sessions: Vec::new(),
            recorded: None,
            project: None,
            origin: Origin::MadeUp,
        }
    }

    fn load(path: &Path) -> Result<Self, ScenarioError> {
        let unreadable = |path: &Path, source| ScenarioError::Unreadable { path: path.to_owned(), source };
        let path = path.canonicalize().map_err(|error| unreadable(path, error))?;
        let path = if path.is_dir() { path.join(FILE) } else { path };
        let facts = fs::metadata(&path).map_err(|error| unreadable(&path, error))?;
        if !facts.is_file() || facts.len() > MAX_SIZE {
            let why = format!("a scenario is a file of at most {MAX_SIZE} bytes");
            return Err(unreadable(&path, io::Error::other(why)));
        }
        let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
        let file = path.display().to_string();
        Self::parse(&text, &file, Origin::File(path))
    }
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> ScenarioError {
    let path = path.to_owned();
    move |source| ScenarioError::Unwritable { path, source }
}

fn lay_out(folder: &Dir<'_>, root: &Path, dir: &Path) -> Result<(), ScenarioError> {
    fs::create_dir_all(dir).map_err(unwritable(dir))?;
    for entry in folder.entries() {
        match entry {
            DirEntry::Dir(folder) => lay_out(folder, folder.path(), &dir.join(below(folder.path(), root)))?,
            DirEntry::File(file) => {
                let path = dir.join(below(file.path(), root));
                fs::write(&path, file.contents()).map_err(unwritable(&path))?;
            }
        }
    }
    Ok(())
}

fn below<'a>(path: &'a Path, root: &Path) -> &'a Path {
    path.strip_prefix(root).unwrap_or(path)
}

fn copy(from: &Path, to: &Path) -> Result<(), ScenarioError> {
    let unreadable = |path: &Path, source| ScenarioError::Unreadable { path: path.to_owned(), source };
    let entries = fs::read_dir(from).map_err(|error| unreadable(from, error))?;
    fs::create_dir_all(to).map_err(unwritable(to))?;
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(from, error))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(|error| unreadable(&path, error))?;
        if entry.file_name() == ".git" {
            // The copy becomes a repository of its own.
        } else if kind.is_dir() {
            copy(&path, &target)?;
        } else if kind.is_file() {
            fs::copy(&path, &target).map_err(unwritable(&target))?;
        } else {
            let why = io::Error::other("a sample project holds files and folders only");
            return Err(unreadable(&path, why));
        }
    }
    Ok(())
}

//! Where recipes are found: the project, the user's directory, the binary.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use serde::Serialize;

use super::check::{Policy, SkillLookup};
use super::compose::{PartLookup, PartText};
use super::diagnostic::{Problems, Severity};
use super::load::{Loaded, Origin, Setting, check_name, compile_all, compile_in};
use super::lower::lower;
use super::model::{Recipe, RecipeSource};
use super::{builtin, suggest, yaml};

/// The places to look in.
#[derive(Debug, Clone, Default)]
pub struct LibraryPaths {
    /// `.autoskillit/recipes/` of the repository.
    pub project: Option<PathBuf>,
    /// `recipes/` in the user's configuration directory.
    pub user: Option<PathBuf>,
    /// The top of the repository: files in it are shown relative to it.
    pub top: Option<PathBuf>,
    /// Name and text of the recipes inside the binary.
    pub builtin: &'static [(&'static str, &'static str)],
}

/// All recipes that a name can mean.
#[derive(Debug, Clone)]
pub struct Library {
    paths: LibraryPaths,
    policy: Policy,
    env: Vec<String>,
}

/// One recipe of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The name of its file, which is what people type.
    pub name: String,
    /// One sentence; empty when the file is faulty.
    pub description: String,
    /// Where it was found.
    pub source: RecipeSource,
    /// Its file.
    pub path: Option<PathBuf>,
    /// The source of the recipe of the same name that is used instead.
    pub shadowed_by: Option<RecipeSource>,
    /// Why it cannot be read.
    pub error: Option<String>,
}

/// Why a recipe cannot be had.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum LoadError {
    /// No source has this name.
    #[error("there is no recipe `{name}`")]
    #[diagnostic(code("unknown-recipe"))]
    NotFound {
        /// What was asked for.
        name: String,
        /// Every name there is.
        available: Vec<String>,
        /// Did-you-mean, or the list.
        #[help]
        help: String,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {message}", path.display())]
    #[diagnostic(code("unreadable"))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        message: String,
        /// How to mend it.
        #[help]
        help: Option<String>,
    },
    /// The text is faulty.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Invalid(Box<Problems>),
}

/// A file or a built-in text.
#[derive(Debug, Clone)]
struct Found {
    name: String,
    source: RecipeSource,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    File(PathBuf),
    Text(&'static str),
    /// A directory that cannot be listed.
    Broken(PathBuf, String),
}

impl Library {
    /// A library over these places; nothing is read yet.
    #[must_use]
    pub fn new(paths: LibraryPaths) -> Self {
        Self { paths, policy: Policy::default(), env: Vec::new() }
    }

    /// The same with what settings say about rules.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// The same with the variables of the environment that settings let recipes read.
    #[must_use]
    pub fn with_env(self, env: Vec<String>) -> Self {
        Self { env, ..self }
    }

    /// The variables of the environment that settings let recipes read.
    #[must_use]
    pub fn env(&self) -> &[String] {
        &self.env
    }

    /// What settings say about rules.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Every recipe, the used ones before those they shadow. A faulty file is listed with its error.
    #[must_use]
    pub fn list(&self) -> Vec<Listed> {
        let mut used: HashMap<String, RecipeSource> = HashMap::new();
        self.found()
            .into_iter()
            .map(|found| {
                let shadowed_by = used.get(&found.name).copied();
                if !matches!(found.place, Place::Broken(..)) {
                    used.entry(found.name.clone()).or_insert(found.source);
                }
                describe(found, shadowed_by)
            })
            .collect()
    }

    /// The names of all recipes, sorted; reads no file.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .found()
            .into_iter()
            .filter(|found| !matches!(found.place, Place::Broken(..)))
            .map(|found| found.name)
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// The recipe called `name`, or that of a file: what ends in `.yaml` or `.yml` or holds a `/`.
    ///
    /// # Errors
    /// When there is none, its file cannot be read, or its text is faulty.
    pub fn load(&self, name: &str, skills: &dyn SkillLookup) -> Result<Loaded, LoadError> {
        let (origin, text) = self.source(name)?;
        let setting =
            Setting { parts: Some(self), policy: &self.policy, env: &self.env, ..Setting::of(skills) };
        compile_in(&text, &origin, &setting).map_err(|problems| LoadError::Invalid(Box::new(problems)))
    }

    /// Everything that is wrong with a recipe and its sub-recipes, by file, its own first.
    ///
    /// # Errors
    /// When there is no such recipe, or its file cannot be read.
    pub fn check(&self, name: &str, skills: &dyn SkillLookup) -> Result<Vec<Problems>, LoadError> {
        let (origin, text) = self.source(name)?;
        let (_, own, parts) = compile_all(
            &text,
            &origin,
            &Setting { parts: Some(self), policy: &self.policy, env: &self.env, ..Setting::of(skills) },
        );
        Ok(std::iter::once(own).chain(parts).collect())
    }

    /// What is wrong with the form of a recipe: keys, types, expressions, routes. What its parts mean together is not looked at.
    ///
    /// # Errors
    /// When there is no such recipe, or its file cannot be read.
    pub fn structure(&self, name: &str) -> Result<Problems, LoadError> {
        let (origin, text) = self.source(name)?;
        let (text, problems) = match yaml::read(&text) {
            Ok(document) => {
                let lowered = lower(&document);
                let mut problems = lowered.problems;
                problems.extend(check_name(&lowered.recipe, &document.marks, &origin.stem));
                (document.text, problems)
            }
            Err(problems) => (text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned(), problems),
        };
        Ok(Problems::new(&origin.file, &text, problems))
    }

    /// The text of a recipe and where it comes from.
    ///
    /// # Errors
    /// When there is no such recipe, or its file cannot be read.
    pub fn source(&self, name: &str) -> Result<(Origin, String), LoadError> {
        let found = match is_path(name) {
            true => named_file(name),
            false => self
                .found()
                .into_iter()
                .find(|found| found.name == name && !matches!(found.place, Place::Broken(..)))
                .ok_or_else(|| self.not_found(name))?,
        };
        let (file, path, text) = match found.place {
            Place::Text(text) => (format!("<builtin>/{}.yaml", found.name), None, text.to_owned()),
            Place::File(path) => {
                let text = read(&path)?;
                (self.shown(&path), Some(path), text)
            }
            Place::Broken(path, message) => return Err(LoadError::Unreadable { path, message, help: None }),
        };
        Ok((Origin { file, stem: found.name, source: found.source, path }, text))
    }

    /// A file as people are shown it: relative to the top of the repository when it lies in it.
    fn shown(&self, path: &Path) -> String {
        self.paths
            .top
            .as_ref()
            .and_then(|top| path.strip_prefix(top).ok())
            .unwrap_or(path)
            .display()
            .to_string()
    }

    fn not_found(&self, name: &str) -> LoadError {
        let available = self.names();
        let help = match suggest::closest(name, available.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if available.is_empty() => {
                "there are no recipes; name a file, such as `./my.yaml`".to_owned()
            }
            None => format!("recipes: {}", suggest::quoted_list(&available)),
        };
        LoadError::NotFound { name: name.to_owned(), available, help }
    }

    fn found(&self) -> Vec<Found> {
        let mut all = Vec::new();
        for (directory, source) in
            [(&self.paths.project, RecipeSource::Project), (&self.paths.user, RecipeSource::User)]
        {
            if let Some(directory) = directory {
                all.extend(in_directory(directory, source));
            }
        }
        all.extend(self.paths.builtin.iter().map(|(name, text)| Found {
            name: (*name).to_owned(),
            source: RecipeSource::Builtin,
            place: Place::Text(text),
        }));
        all
    }
}

/// The folder of sub-recipes beside recipes.
const PARTS: &str = "sub-recipes";

impl PartLookup for Library {
    fn find(&self, name: &str) -> Result<Option<PartText>, String> {
        for directory in [&self.paths.project, &self.paths.user].into_iter().flatten() {
            for extension in ["yaml", "yml"] {
                let path = directory.join(PARTS).join(format!("{name}.{extension}"));
                if path.symlink_metadata().is_err() {
                    continue;
                }
                let text = read(&path).map_err(|error| error.to_string())?;
                let file = self.shown(&path);
                return Ok(Some(PartText { name: name.to_owned(), file, text }));
            }
        }
        let bundled = builtin::PARTS.iter().find(|(known, _)| *known == name);
        Ok(bundled.map(|(name, text)| PartText {
            name: (*name).to_owned(),
            file: format!("<builtin>/{PARTS}/{name}.yaml"),
            text: (*text).to_owned(),
        }))
    }

    fn names(&self) -> Vec<String> {
        let own = [&self.paths.project, &self.paths.user].into_iter().flatten();
        let files = own.flat_map(|directory| in_directory(&directory.join(PARTS), RecipeSource::Project));
        let files = files.filter(|found| matches!(found.place, Place::File(_))).map(|found| found.name);
        let bundled = builtin::PARTS.iter().map(|(name, _)| (*name).to_owned());
        let mut names: Vec<String> = files.chain(bundled).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// What the file of the tests of `NAME.yaml` is called: `NAME.tests.yaml`.
pub const TESTS: &str = ".tests.yaml";

impl Library {
    /// The tests of a recipe, as the file that people are shown and its text, when it has some.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn tests(&self, recipe: &Recipe) -> Result<Option<(String, String)>, LoadError> {
        let Some(path) = &recipe.path else {
            let bundled = builtin::TESTS.iter().find(|(name, _)| *name == recipe.name);
            return Ok(bundled
                .filter(|_| recipe.source == RecipeSource::Builtin)
                .map(|(name, text)| (format!("<builtin>/{name}{TESTS}"), (*text).to_owned())));
        };
        let tests = path.with_extension(TESTS.trim_start_matches('.'));
        match tests.symlink_metadata() {
            Ok(_) => Ok(Some((self.shown(&tests), read(&tests)?))),
            Err(_) => Ok(None),
        }
    }

    /// Whether there are tests beside the file of this recipe, which need not be a good one.
    #[must_use]
    pub fn has_tests(&self, name: &str) -> bool {
        let path = self.source(name).ok().and_then(|(origin, _)| origin.path);
        path.is_some_and(|path| path.with_extension(TESTS.trim_start_matches('.')).exists())
    }
}

fn is_tests(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(TESTS))
}

fn is_path(name: &str) -> bool {
    name.contains('/') || has_extension(Path::new(name))
}

fn has_extension(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

fn named_file(name: &str) -> Found {
    let path = PathBuf::from(name);
    Found { name: stem(&path), source: RecipeSource::Path, place: Place::File(path) }
}

fn in_directory(directory: &Path, source: RecipeSource) -> Vec<Found> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            let place = Place::Broken(directory.to_owned(), error.to_string());
            return vec![Found { name: directory.display().to_string(), source, place }];
        }
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| has_extension(path) && !is_tests(path))
        .collect();
    // `a.yaml` comes before `a.yml`, so it is the one that counts.
    files.sort();
    files.into_iter().map(|path| Found { name: stem(&path), source, place: Place::File(path) }).collect()
}

fn describe(found: Found, shadowed_by: Option<RecipeSource>) -> Listed {
    let (path, text) = match found.place {
        Place::Text(text) => (None, Ok(text.to_owned())),
        Place::File(path) => {
            let text = read(&path).map_err(|error| match error {
                LoadError::Unreadable { message, .. } => message,
                other => other.to_string(),
            });
            (Some(path), text)
        }
        Place::Broken(path, message) => (Some(path), Err(message)),
    };
    let (description, error) = match text.and_then(|text| summary(&text)) {
        Ok(description) => (description, None),
        Err(error) => (String::new(), Some(error)),
    };
    Listed { name: found.name, description, source: found.source, path, shadowed_by, error }
}

/// The description of a text, or its first error.
fn summary(text: &str) -> Result<String, String> {
    let (description, problems) = match yaml::read(text) {
        Ok(document) => {
            let lowered = lower(&document);
            (lowered.recipe.description, lowered.problems)
        }
        Err(problems) => (String::new(), problems),
    };
    let errors: Vec<String> = problems
        .into_iter()
        .filter(|problem| problem.severity == Severity::Error)
        .map(|problem| problem.message)
        .collect();
    match errors.as_slice() {
        [] => Ok(description),
        [only] => Err(only.clone()),
        [first, rest @ ..] => Err(format!("{first} (and {} more)", rest.len())),
    }
}

fn read(path: &Path) -> Result<String, LoadError> {
    let unreadable = |message: String, help: Option<&str>| LoadError::Unreadable {
        path: path.to_owned(),
        message,
        help: help.map(str::to_owned),
    };
    let facts = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => unreadable("there is no such file".to_owned(), None),
        _ => unreadable(error.to_string(), None),
    })?;
    if facts.is_dir() {
        return Err(unreadable("it is a directory".to_owned(), Some("name a file in it")));
    }
    if !facts.is_file() {
        return Err(unreadable("it is no regular file".to_owned(), None));
    }
    if facts.len() > yaml::MAX_SIZE as u64 {
        let message = format!("it has {} bytes; a recipe has at most {}", facts.len(), yaml::MAX_SIZE);
        return Err(unreadable(message, None));
    }
    let bytes = fs::read(path).map_err(|error| unreadable(error.to_string(), None))?;
    yaml::decode(bytes).map_err(|problem| LoadError::Unreadable {
        path: path.to_owned(),
        message: problem.message,
        help: problem.help,
    })
}

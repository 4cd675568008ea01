//! Where recipes are found: the project, the user's directory, the binary.

mod found;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use serde::Serialize;

use self::found::{Found, Place, describe, in_directory, is_path, named_file, read};
use super::check::{Policy, SkillLookup};
use super::compose::{PartLookup, PartText};
use super::diagnostic::Problems;
use super::load::{Loaded, Origin, Setting, check_name, compile_all, compile_in};
use super::lower::lower;
use super::model::{Recipe, RecipeKind, RecipeSource};
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
    temp: String,
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
    /// What kind of recipe it is.
    pub kind: RecipeKind,
    /// Whether its author still tries it out.
    pub experimental: bool,
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
    /// Two files of one folder give the same name.
    #[error("`{name}` is two recipes: {} and {}", first.display(), second.display())]
    #[diagnostic(code("duplicate-name"))]
    Ambiguous {
        /// The name.
        name: String,
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// How to mend it.
        #[help]
        help: &'static str,
    },
    /// The text is faulty.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Invalid(Box<Problems>),
}

impl Library {
    /// A library over these places; nothing is read yet.
    #[must_use]
    pub fn new(paths: LibraryPaths) -> Self {
        Self { paths, policy: Policy::default(), env: Vec::new(), temp: yaml::DEFAULT_TEMP.to_owned() }
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

    /// The same with the folder that steps pass files in (`workspace.temp_dir`).
    #[must_use]
    pub fn with_temp(self, temp: String) -> Self {
        Self { temp, ..self }
    }

    /// What a recipe of this library is compiled with.
    #[must_use]
    pub fn setting<'a>(&'a self, skills: &'a dyn SkillLookup) -> Setting<'a> {
        Setting {
            parts: Some(self),
            policy: &self.policy,
            env: &self.env,
            temp: &self.temp,
            ..Setting::of(skills)
        }
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
        compile_in(&text, &origin, &self.setting(skills))
            .map_err(|problems| LoadError::Invalid(Box::new(problems)))
    }

    /// Everything that is wrong with a recipe and its sub-recipes, by file, its own first.
    ///
    /// # Errors
    /// When there is no such recipe, or its file cannot be read.
    pub fn check(&self, name: &str, skills: &dyn SkillLookup) -> Result<Vec<Problems>, LoadError> {
        let (origin, text) = self.source(name)?;
        let (_, own, parts) = compile_all(&text, &origin, &self.setting(skills));
        Ok(std::iter::once(own).chain(parts).collect())
    }

    /// What is wrong with the form of a recipe: keys, types, expressions, routes. What its parts mean together is not looked at.
    ///
    /// # Errors
    /// When there is no such recipe, or its file cannot be read.
    pub fn structure(&self, name: &str) -> Result<Problems, LoadError> {
        let (origin, text) = self.source(name)?;
        let (text, problems) = match yaml::read_in(&text, &self.temp) {
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
            Place::Twice(first, second) => return Err(twice(&found.name, first, second)),
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

fn twice(name: &str, first: PathBuf, second: PathBuf) -> LoadError {
    LoadError::Ambiguous {
        name: name.to_owned(),
        first,
        second,
        help: "remove one of them, or give it a name of its own",
    }
}

/// The folder of sub-recipes beside recipes.
const PARTS: &str = "sub-recipes";

impl PartLookup for Library {
    fn find(&self, name: &str) -> Result<Option<PartText>, String> {
        for directory in [&self.paths.project, &self.paths.user].into_iter().flatten() {
            let file = |extension: &str| directory.join(PARTS).join(format!("{name}.{extension}"));
            let there = |path: &PathBuf| path.symlink_metadata().is_ok();
            let path = match (Some(file("yaml")).filter(there), Some(file("yml")).filter(there)) {
                (Some(first), Some(second)) => return Err(twice(name, first, second).to_string()),
                (Some(path), None) | (None, Some(path)) => path,
                (None, None) => continue,
            };
            let text = read(&path).map_err(|error| error.to_string())?;
            return Ok(Some(PartText { name: name.to_owned(), file: self.shown(&path), text }));
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

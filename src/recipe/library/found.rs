//! Files that may be recipes: which there are, what each says of itself.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Listed, LoadError, TESTS, twice};
use crate::recipe::diagnostic::Severity;
use crate::recipe::lower::lower;
use crate::recipe::model::{Recipe, RecipeKind, RecipeSource};
use crate::recipe::yaml;

/// A file or a built-in text.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) source: RecipeSource,
    pub(super) place: Place,
}

#[derive(Debug, Clone)]
pub(super) enum Place {
    File(PathBuf),
    Text(&'static str),
    /// Two files of one directory give this name.
    Twice(PathBuf, PathBuf),
    /// A directory that cannot be listed.
    Broken(PathBuf, String),
}

pub(super) fn is_path(name: &str) -> bool {
    name.contains('/') || has_extension(Path::new(name))
}

fn has_extension(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

pub(super) fn named_file(name: &str) -> Found {
    let path = PathBuf::from(name);
    Found { name: stem(&path), source: RecipeSource::Path, place: Place::File(path) }
}

/// Whether a file holds tests of a recipe.
fn is_tests(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(TESTS))
}

pub(super) fn in_directory(directory: &Path, source: RecipeSource) -> Vec<Found> {
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
    files.sort_by_key(|path| (stem(path), path.clone()));
    let mut all: Vec<Found> = Vec::new();
    for path in files {
        let name = stem(&path);
        match all.last_mut() {
            // Which of them is meant, nobody but their author knows.
            Some(Found { name: last, place, .. }) if *last == name => {
                if let Place::File(first) = place {
                    *place = Place::Twice(first.clone(), path);
                }
            }
            _ => all.push(Found { name, source, place: Place::File(path) }),
        }
    }
    all
}

pub(super) fn describe(found: Found, shadowed_by: Option<RecipeSource>) -> Listed {
    let (path, text) = match found.place {
        Place::Text(text) => (None, Ok(text.to_owned())),
        Place::File(path) => {
            let text = read(&path).map_err(|error| match error {
                LoadError::Unreadable { message, .. } => message,
                other => other.to_string(),
            });
            (Some(path), text)
        }
        Place::Twice(first, second) => {
            (Some(first.clone()), Err(twice(&found.name, first, second).to_string()))
        }
        Place::Broken(path, message) => (Some(path), Err(message)),
    };
    let (recipe, error) = match text.and_then(|text| summary(&text)) {
        Ok(recipe) => (Some(recipe), None),
        Err(error) => (None, Some(error)),
    };
    Listed {
        name: found.name,
        source: found.source,
        path,
        shadowed_by,
        error,
        kind: recipe.as_ref().map_or(RecipeKind::Standard, |recipe| recipe.kind),
        experimental: recipe.as_ref().is_some_and(|recipe| recipe.experimental),
        description: recipe.map(|recipe| recipe.description).unwrap_or_default(),
    }
}

/// What a text says of itself, or its first error.
fn summary(text: &str) -> Result<Recipe, String> {
    let (recipe, problems) = match yaml::read(text) {
        Ok(document) => {
            let lowered = lower(&document);
            (Some(lowered.recipe), lowered.problems)
        }
        Err(problems) => (None, problems),
    };
    let errors: Vec<String> = problems
        .into_iter()
        .filter(|problem| problem.severity == Severity::Error)
        .map(|problem| problem.message)
        .collect();
    match (errors.as_slice(), recipe) {
        ([], Some(recipe)) => Ok(recipe),
        ([], None) => Err("it is no recipe".to_owned()),
        ([only], _) => Err(only.clone()),
        ([first, rest @ ..], _) => Err(format!("{first} (and {} more)", rest.len())),
    }
}

pub(super) fn read(path: &Path) -> Result<String, LoadError> {
    yaml::load(path).map_err(|error| {
        let (message, help) = match error.kind() {
            io::ErrorKind::NotFound => ("there is no such file".to_owned(), None),
            io::ErrorKind::IsADirectory => (error.to_string(), Some("name a file in it".to_owned())),
            io::ErrorKind::InvalidData => match error.to_string().split_once("; ") {
                Some((message, help)) => (message.to_owned(), Some(help.to_owned())),
                None => (error.to_string(), None),
            },
            _ => (error.to_string(), None),
        };
        LoadError::Unreadable { path: path.to_owned(), message, help }
    })
}

//! What is kept beside recipes: contract cards, and the notes of migrations that apply. Findings for a check; cards, compared and
//! written.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::error::AppError;
use super::kitchen::Pantry;
use super::recipes::line;
use crate::core::files;
use crate::core::yaml::load;
use crate::migration;
use crate::recipe::card::{CARD, Card};
use crate::recipe::check::{Level, called_skill, rule};
use crate::recipe::marks;
use crate::recipe::model::{Dialect, Recipe};
use crate::recipe::yaml;
use crate::recipe::{AnySkill, LoadError, Problem, Problems, Severity};
use crate::skills::SkillError;

/// The folder of cards beside recipes.
const FOLDER: &str = "contracts";

/// Where the card of a recipe is; `None` for a bundled one, which needs none: its skills are in the same binary.
#[must_use]
pub fn card_path(recipe: &Path) -> Option<PathBuf> {
    let mut name = recipe.file_stem()?.to_owned();
    name.push(".yaml");
    Some(recipe.parent()?.join(FOLDER).join(name))
}

/// The problems of a recipe's file with what the records beside it say.
///
/// # Errors
/// When there is no such recipe, or its file cannot be read.
pub fn with_findings(pantry: &Pantry, name: &str, own: &Problems) -> Result<Problems, LoadError> {
    let (origin, text) = pantry.library.source(name)?;
    let mut found = own.list().to_vec();
    let Some(path) = &origin.path else { return Ok(own.clone()) };
    let loaded = pantry.library.load(name, &AnySkill).ok();
    let recipe = loaded.as_ref().map(|loaded| &loaded.recipe);
    let dialect = recipe.map_or(Dialect::Legacy, |recipe| recipe.dialect);
    let mut tell = |mut problem: Problem| {
        let allowed = |recipe: &Recipe| recipe.allow.iter().any(|allow| allow.rule == problem.code);
        let level = rule(problem.code).map(|rule| pantry.library.policy().levels.of(rule, dialect));
        problem.severity = match level {
            Some(Level::Error) => Severity::Error,
            Some(Level::Off) => return,
            _ => Severity::Warning,
        };
        if !recipe.is_some_and(allowed) {
            found.push(problem);
        }
    };
    if dialect == Dialect::Legacy {
        outdated(name, &text).into_iter().for_each(&mut tell);
    }
    if let Some(recipe) = recipe
        && let Some(card) = card_path(path)
    {
        stale(pantry, recipe, own.text(), &card).into_iter().for_each(&mut tell);
    }
    Ok(Problems::new(own.file(), own.text(), found))
}

/// Whether a migration would change something that the stated version should not have any more.
fn outdated(name: &str, text: &str) -> Option<Problem> {
    let document = yaml::read(text).ok()?;
    let version = document.value.get("autoskillit_version").and_then(serde_yaml::Value::as_str);
    let notes = migration::pending(&document);
    // A recipe that says on purpose that it is 0.9's stays so.
    let said = document.value.get("language").is_some();
    let applies = |note: &&migration::Note| {
        migration::is_older(version, note) && !(said && note.to.starts_with("language"))
    };
    let notes: Vec<_> = notes.into_iter().filter(applies).collect();
    let newest = notes.last()?;
    let what: Vec<&str> = notes.iter().map(|note| note.id).collect();
    let message = format!("it has forms from before {}: {}", newest.to, what.join(", "));
    let root = marks::Path::root();
    let at = match document.marks.has(&root.key("autoskillit_version")) {
        true => document.marks.at(&root.key("autoskillit_version")),
        false => document.marks.at(&root.key("name")),
    };
    let label = if version.is_some() { "the version that it is for" } else { "it states no version" };
    let problem = Problem::warning("outdated-recipe-version", message, at, label);
    Some(problem.help(format!("autoskillit migrate {name}")))
}

/// What a recipe's card says that is not so any more.
fn stale(pantry: &Pantry, recipe: &Recipe, text: &str, path: &Path) -> Vec<Problem> {
    let help =
        format!("see whether the recipe is right with it, then: autoskillit recipes lock {}", recipe.name);
    let kept = match kept(path) {
        Kept::Nothing => return Vec::new(),
        Kept::Card(card) => card,
        Kept::Unfit(why) => {
            let message = format!("the contract card {} cannot be used: {why}", path.display());
            let help = format!("remove it, then: autoskillit recipes lock {}", recipe.name);
            return vec![Problem::whole("stale-contract", message).help(help)];
        }
    };
    let now = card_of(pantry, recipe);
    let gone = |name: &str| matches!(pantry.skills.find(name), Err(SkillError::Unknown { .. }));
    let drift = kept.drift(&now, gone).into_iter();
    drift
        .map(|drift| {
            let step = recipe.steps.values().find(|step| {
                step.origin.is_none() && drift.skill.is_some() && called_skill(step) == drift.skill.as_deref()
            });
            let problem = match step.map(|step| line(text, step.line)) {
                Some(at) if !at.is_empty() => {
                    Problem::warning("stale-contract", drift.message, at, "this step runs it")
                }
                _ => Problem::whole("stale-contract", drift.message),
            };
            problem.help(help.clone())
        })
        .collect()
}

fn card_of(pantry: &Pantry, recipe: &Recipe) -> Card {
    Card::of(recipe, |name| pantry.skills.find(name).ok())
}

/// What stands where a card would.
enum Kept {
    Nothing,
    Card(Box<Card>),
    Unfit(String),
}

fn kept(path: &Path) -> Kept {
    match load(path, CARD) {
        Ok(text) => Card::read(&text).map_or_else(Kept::Unfit, |card| Kept::Card(Box::new(card))),
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.symlink_metadata().is_err() => {
            Kept::Nothing
        }
        Err(error) => Kept::Unfit(error.to_string()),
    }
}

/// What locking a recipe would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lock {
    /// Its card says what is so; or it runs no skills and needs none.
    Nothing,
    /// A card is to be written.
    Write {
        /// Where.
        path: PathBuf,
        /// The text that is there; empty when there is none.
        before: String,
        /// The text that would be.
        after: String,
    },
    /// Something else stands there.
    Refused {
        /// Where.
        path: PathBuf,
        /// Why it is left alone.
        why: String,
    },
}

/// Compares a recipe with its card.
///
/// # Errors
/// When there is no such recipe, it is faulty, or it is bundled.
pub fn lock(pantry: &Pantry, name: &str) -> Result<Lock, AppError> {
    let recipe = pantry.library.load(name, pantry)?.recipe;
    let Some(path) = recipe.path.as_deref().and_then(card_path) else {
        return Err(AppError::usage(format!("`{name}` is bundled: it needs no contract card"))
            .hint("a bundled recipe and its skills are in the same binary, so they change together"));
    };
    let now = card_of(pantry, &recipe);
    let before = match kept(&path) {
        Kept::Unfit(why) => return Ok(Lock::Refused { path, why }),
        Kept::Card(card) if card.says_the_same(&now) => return Ok(Lock::Nothing),
        Kept::Nothing if !now.has_skills() => return Ok(Lock::Nothing),
        Kept::Card(_) => load(&path, CARD).unwrap_or_default(),
        Kept::Nothing => String::new(),
    };
    Ok(Lock::Write { path, before, after: now.text() })
}

/// Writes a card.
///
/// # Errors
/// When it cannot be written; what was there stays.
pub fn write(path: &Path, before: &str, after: &str) -> Result<(), AppError> {
    let unfit = |error: io::Error| AppError::environment(format!("cannot write {}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(unfit)?;
    }
    match before.is_empty() {
        // Something may have come there since it was looked at.
        true => files::create(path, after.as_bytes()).map_err(unfit),
        false => files::replace(path, after.as_bytes(), None).map_err(unfit),
    }
}

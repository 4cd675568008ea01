//! `autoskillit migrate`: recipes of older versions, looked at, changed and written.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use super::error::AppError;
use super::kitchen::Pantry;
use crate::core::files;
use crate::core::paths::KitchenDir;
use crate::migration::failures::{Failure, Failures};
use crate::migration::{Applied, Left, migrate, stamped};
use crate::recipe::check::Policy;
use crate::recipe::load::{Setting, compile_all};
use crate::recipe::model::RecipeSource;
use crate::recipe::{LoadError, Origin, Problems};

/// What a migration of one recipe would do.
#[derive(Debug, Clone, Serialize)]
pub struct Planned {
    /// The recipe.
    pub name: String,
    /// Its file, as people are shown it.
    pub file: String,
    /// Its file.
    #[serde(skip)]
    pub path: PathBuf,
    /// The text as it is.
    #[serde(skip)]
    pub before: String,
    /// The text as it would be.
    #[serde(skip)]
    pub after: String,
    /// Whether there is something to write.
    pub pending: bool,
    /// What changes, and why.
    pub applied: Vec<Applied>,
    /// What only somebody who can judge can change.
    pub left: Vec<Left>,
    /// Errors that a check finds in the text as it is.
    pub errors_before: usize,
    /// Errors that it would find afterwards.
    pub errors_after: usize,
}

/// What became of a migration that was to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// There was nothing to write.
    Nothing,
    /// It is written; the old text is kept in this file.
    Kept(PathBuf),
    /// It is not written, for this reason.
    Refused(String),
}

/// The recipes that are meant when none is named: those of the repository.
#[must_use]
pub fn all(pantry: &Pantry) -> Vec<String> {
    let listed = pantry.library.list().into_iter();
    listed
        .filter(|listed| listed.source == RecipeSource::Project && listed.error.is_none())
        .map(|listed| listed.name)
        .collect()
}

/// Plans the migration of the recipe `name`.
///
/// # Errors
/// When there is none, it is bundled, or its text is no YAML.
pub fn plan(pantry: &Pantry, name: &str) -> Result<Planned, AppError> {
    let (origin, before) = pantry.library.source(name)?;
    let Some(path) = origin.path.clone() else {
        return Err(AppError::usage(format!("`{name}` is bundled: it is always of this version"))
            .hint("name one of your own recipes, or none for all of the repository"));
    };
    let migrated = migrate(&before).map_err(|problems| {
        AppError::from(LoadError::Invalid(Box::new(Problems::new(&origin.file, &before, problems))))
    })?;
    let errors = |text: &str| errors(pantry, &origin, text);
    let mut after = migrated.text;
    if !migrated.applied.is_empty()
        && migrated.left.is_empty()
        && let Some(stamped) = stamped(&after)
        && errors(&stamped) == 0
    {
        after = stamped;
    }
    Ok(Planned {
        name: origin.stem.clone(),
        file: origin.file.clone(),
        path,
        pending: before != after,
        applied: migrated.applied,
        left: migrated.left,
        errors_before: errors(&before),
        errors_after: errors(&after),
        before,
        after,
    })
}

fn errors(pantry: &Pantry, origin: &Origin, text: &str) -> usize {
    let setting = Setting { policy: Policy::none(), ..pantry.library.setting(pantry) };
    let (_, own, parts) = compile_all(text, origin, &setting);
    own.errors() + parts.iter().map(Problems::errors).sum::<usize>()
}

/// Writes a planned migration, after keeping the old text; prepares what is left for a session.
///
/// # Errors
/// When something cannot be written; the recipe is then as it was.
pub fn write(dir: &KitchenDir, planned: &Planned) -> Result<Written, AppError> {
    let folder = dir.temp().join("migrations");
    let unfit = |path: &std::path::Path, error: &std::io::Error| {
        AppError::environment(format!("cannot write {}: {error}", path.display()))
    };
    dir.ensure().and_then(|()| files::create_private_dir(&folder)).map_err(|error| unfit(&folder, &error))?;
    let failures = Failures::in_dir(&folder);
    let kept = |result: std::io::Result<()>| result.map_err(|error| unfit(&folder, &error));
    let task = Task::of(&folder, &planned.name);
    if planned.left.is_empty() {
        task.remove();
    } else {
        kept(task.write(planned))?;
    }
    if !planned.pending {
        kept(failures.clear(&planned.name))?;
        return Ok(Written::Nothing);
    }
    if planned.errors_after > planned.errors_before {
        let error =
            format!("it would have {} errors instead of {}", planned.errors_after, planned.errors_before);
        let failure = Failure { file: planned.file.clone(), time: Timestamp::now(), error: error.clone() };
        kept(failures.record(&planned.name, failure))?;
        return Ok(Written::Refused(error));
    }
    // Somebody may have saved the file since it was read.
    if std::fs::read_to_string(&planned.path).is_ok_and(|now| now != planned.before) {
        return Ok(Written::Refused("its file changed meanwhile: try again".to_owned()));
    }
    let backups = folder.join("backups");
    let time = Timestamp::now().strftime("%Y%m%d-%H%M%S-%f").to_string();
    let backup = backups.join(format!("{}.{time}.yaml", planned.name));
    files::create_private_dir(&backups)
        .and_then(|()| files::write_atomic(&backup, planned.before.as_bytes()))
        .map_err(|error| unfit(&backup, &error))?;
    files::replace(&planned.path, planned.after.as_bytes(), None)
        .map_err(|error| unfit(&planned.path, &error))?;
    kept(failures.clear(&planned.name))?;
    Ok(Written::Kept(backup))
}

/// What a session needs to finish a migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Task {
    /// What is left, where, and the rules.
    pub task: PathBuf,
    /// A recipe that has a session do it.
    pub recipe: PathBuf,
}

/// The task of what is left of a planned migration; `None` when nothing is.
#[must_use]
pub fn task(dir: &KitchenDir, planned: &Planned) -> Option<Task> {
    (!planned.left.is_empty()).then(|| Task::of(&dir.temp().join("migrations"), &planned.name))
}

impl Task {
    fn of(folder: &std::path::Path, name: &str) -> Self {
        Self {
            task: folder.join(format!("{name}.task.md")),
            recipe: folder.join(format!("finish-{name}.yaml")),
        }
    }

    fn write(&self, planned: &Planned) -> std::io::Result<()> {
        files::write_atomic(&self.task, task_text(planned).as_bytes())?;
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let text = include_str!("../../templates/finish.yaml")
            .replace("\"@name@\"", &quoted(&format!("finish-{}", planned.name)))
            .replace("\"@task@\"", &quoted(&self.task.to_string_lossy()))
            .replace("\"@recipe@\"", &quoted(&planned.path.to_string_lossy()));
        files::write_atomic(&self.recipe, text.as_bytes())
    }

    fn remove(&self) {
        let _ = std::fs::remove_file(&self.task);
        let _ = std::fs::remove_file(&self.recipe);
    }
}

/// What a session that finishes a migration is told.
fn task_text(planned: &Planned) -> String {
    let mut text = format!(
        "# Finish the migration of `{}`\n\nThe recipe {} was written for an older version. What code can change is changed. The \
         places below need somebody who understands what the recipe is for. Change them in that file so that every run does what \
         it did before, keep the comments, and change nothing else.\n\n## What is left\n\n",
        planned.name, planned.file
    );
    let lines: Vec<&str> = planned.after.lines().collect();
    for left in &planned.left {
        let line = lines.get(left.line.saturating_sub(1)).map(|line| line.trim()).unwrap_or_default();
        text.push_str(&format!("- line {}: {}\n\n      {line}\n\n", left.line, left.what));
    }
    if !planned.applied.is_empty() {
        text.push_str("## What is changed already\n\n");
        for applied in &planned.applied {
            text.push_str(&format!("- {} ({}): {}\n", applied.id, applied.to, applied.summary));
        }
        text.push('\n');
    }
    text.push_str(&format!(
        "## When it is done\n\n`autoskillit recipes check {0}` finds no error and `autoskillit migrate {0} --check` finds nothing left. \
         Then write `language: 1` below the recipe's name, and check once more.\n",
        planned.file
    ));
    text
}

//! The stage of a rehearsal: a scratch copy without remotes, in which sessions are played from a scenario.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::error::AppError;
use crate::core::paths::KitchenDir;
use crate::execution::player;
use crate::execution::scenario::{Recorded, Scenario, ScenarioError};
use crate::recipe::expr;
use crate::tools::Rehearsal;
use crate::workspace::git::{self, Checkout};

/// Beginning of the names of scratch folders.
const PREFIX: &str = "autoskillit-rehearsal-";

/// Scratch folders of earlier rehearsals are kept this long, so that their outcome can be looked at.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// Where a rehearsal plays. Dropped before it is kept, it leaves nothing behind.
#[derive(Debug)]
pub struct Stage {
    /// The scratch repository.
    pub dir: PathBuf,
    /// The scenario's recipe.
    pub recipe: Option<String>,
    /// The scenario's ingredients.
    pub inputs: Vec<(String, String)>,
    scenario: String,
    pace: f64,
    scratch: TempDir,
}

impl Stage {
    /// Sets the stage: the sample project of the scenario, or a scratch clone of the repository that `here` is in. Without a
    /// scenario's name it is the one of the recipe's name; where there is none, answers are made up.
    ///
    /// # Errors
    /// When there is no such scenario, or no scratch copy can be made.
    pub fn set(here: &Path, scenario: &str, recipe: Option<&str>, pace: f64) -> Result<Self, AppError> {
        let found = match (scenario, recipe) {
            ("", Some(recipe)) => Scenario::for_recipe(recipe),
            ("", None) => {
                let names = Scenario::names().join(", ");
                return Err(AppError::usage("which recipe is to be rehearsed?")
                    .hint(format!("autoskillit cook <recipe> --rehearse; there are scenarios: {names}")));
            }
            (name, _) => Scenario::find(name)?,
        };
        clear_old();
        let scratch = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir()
            .map_err(|error| AppError::environment(format!("cannot make a scratch folder: {error}")))?;
        let dir = scratch.path().join("repository");
        if found.has_project() {
            found.write_project(&dir)?;
            git::commit_all(&dir, "The sample project")?;
        } else {
            let checkout = Checkout::discover(here)?;
            git::scratch_clone(checkout.top(), &dir)?;
            match &found.recorded {
                Some(recorded) => begin_as_recorded(&found, recorded, &dir)?,
                None => bring_kitchen(&KitchenDir::of(checkout.top()), &KitchenDir::of(&dir))
                    .map_err(|error| AppError::environment(format!("cannot make a scratch copy: {error}")))?,
            }
        }
        Ok(Self {
            inputs: found.inputs.iter().map(|(name, value)| (name.clone(), expr::text(value))).collect(),
            scenario: found.reference(),
            recipe: found.recipe,
            pace,
            dir,
            scratch,
        })
    }

    /// Keeps it, so that people can look at what happened; a later rehearsal clears it away.
    pub fn keep(self) {
        let _ = self.scratch.keep();
    }

    /// How sessions are played on it.
    #[must_use]
    pub fn rehearsal(&self) -> Rehearsal {
        Rehearsal { scenario: self.scenario.clone(), pace: self.pace }
    }
}

/// Puts the scratch repository to where the recorded run started.
fn begin_as_recorded(scenario: &Scenario, recorded: &Recorded, dir: &Path) -> Result<(), AppError> {
    let start = scenario.tape(&recorded.start)?;
    if let Some(commit) = &recorded.commit {
        git::scratch_reset(dir, recorded.branch.as_deref(), commit).map_err(|_| {
            AppError::environment(format!(
                "the recording starts from commit {commit}, which this repository does not have"
            ))
            .hint("rehearse it in the repository that it was recorded in, or fetch that commit into a branch")
        })?;
    }
    player::lay_out(start, dir)
        .map_err(|why| AppError::environment(format!("cannot make a scratch copy: {why}")))
}

/// Recipes, skills and settings come along as they are, committed or not: who rehearses is often writing them.
fn bring_kitchen(from: &KitchenDir, to: &KitchenDir) -> io::Result<()> {
    for (from, to) in [(from.recipes(), to.recipes()), (from.skills(), to.skills())] {
        if from.is_dir() {
            copy(&from, &to)?;
        }
    }
    if from.config().is_file() {
        fs::create_dir_all(to.root())?;
        fs::copy(from.config(), to.config())?;
    }
    Ok(())
}

/// Copies a folder over another. Links to files are followed, links to folders may lead anywhere and are not.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&from, &to)?;
        } else if from.is_file() {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}

/// Removes the scratch folders of rehearsals that are long over. What cannot be removed stays.
fn clear_old() {
    for dir in old_stages() {
        let _ = fs::remove_dir_all(dir);
    }
}

/// The scratch folders of rehearsals that are long over.
#[must_use]
pub fn old_stages() -> Vec<PathBuf> {
    let entries = fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    let user = nix::unistd::geteuid().as_raw();
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    let old = named.map(|entry| entry.path()).filter(|path| {
        use std::os::unix::fs::MetadataExt;
        // Not followed: a link of that name is not ours.
        let Ok(facts) = path.symlink_metadata() else { return false };
        let age = facts.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        facts.is_dir() && facts.uid() == user && age.is_some_and(|age| age > KEPT)
    });
    old.collect()
}

impl From<ScenarioError> for AppError {
    fn from(error: ScenarioError) -> Self {
        let app = match error {
            ScenarioError::Unwritable { .. } => Self::environment(error.to_string()),
            _ => Self::usage(error.to_string()),
        };
        error.help().into_iter().fold(app, Self::hint)
    }
}

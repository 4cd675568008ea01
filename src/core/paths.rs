//! Where things are: the product's folder in a repository, one run's folder, the user's folders.

use std::io;
use std::path::{Path, PathBuf};

use super::files;

/// Name of the product's folder at the top of a repository.
pub const KITCHEN_DIR: &str = ".autoskillit";

/// What the folder's own `.gitignore` keeps out of the repository: what runs leave, and itself. Settings, recipes
/// and skills in the folder are the user's to commit.
const GITIGNORE: &str = "/runs/\n/temp/\n/.secrets.yaml\n/.gitignore\n";

/// The product's folder of one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KitchenDir {
    root: PathBuf,
}

impl KitchenDir {
    /// The folder of the repository whose top is `repository`. Nothing is created.
    #[must_use]
    pub fn of(repository: &Path) -> Self {
        Self { root: repository.join(KITCHEN_DIR) }
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Folder of the project's recipes.
    #[must_use]
    pub fn recipes(&self) -> PathBuf {
        self.root.join("recipes")
    }

    /// Folder of the project's skills.
    #[must_use]
    pub fn skills(&self) -> PathBuf {
        self.root.join("skills")
    }

    /// The project's settings.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.root.join("config.yaml")
    }

    /// Folder of all runs.
    #[must_use]
    pub fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }

    /// Folder of one run.
    #[must_use]
    pub fn run(&self, run_id: &str) -> RunDir {
        RunDir { root: self.runs().join(run_id) }
    }

    /// What keeps the folder's own files out of the repository.
    #[must_use]
    pub fn ignore_file(&self) -> PathBuf {
        self.root.join(".gitignore")
    }

    /// Creates the folder and its `.gitignore` when they are not there. An existing `.gitignore` is the user's.
    ///
    /// # Errors
    /// What the file system says.
    pub fn ensure(&self) -> io::Result<()> {
        std::fs::create_dir_all(&self.root)?;
        let ignore = self.ignore_file();
        if !ignore.exists() {
            files::write_atomic(&ignore, GITIGNORE.as_bytes())?;
        }
        Ok(())
    }
}

/// The folder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir {
    root: PathBuf,
}

impl RunDir {
    /// A run's folder at a known place.
    #[must_use]
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.root.join("journal.ndjson")
    }

    /// The text of the recipe as the run started with it.
    #[must_use]
    pub fn recipe(&self) -> PathBuf {
        self.root.join("recipe.yaml")
    }

    /// The lock that the process which drives the run holds.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Folder of one session.
    #[must_use]
    pub fn session(&self, session_id: &str) -> PathBuf {
        self.root.join("sessions").join(session_id)
    }

    /// Folder of the output of one try of a command step.
    #[must_use]
    pub fn command(&self, step: &str, visit: u32, attempt: u32) -> PathBuf {
        self.root.join("commands").join(format!("{step}.{visit}.{attempt}"))
    }
}

/// The user's configuration folder: `$XDG_CONFIG_HOME/autoskillit`, else `~/.config/autoskillit`. `None` without a home.
#[must_use]
pub fn user_config() -> Option<PathBuf> {
    let base =
        std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute()).or_else(
            || std::env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(".config")),
        )?;
    Some(base.join("autoskillit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ensure_keeps_what_the_user_wrote() {
        let dir = tempfile::tempdir().unwrap();
        let kitchen = KitchenDir::of(dir.path());
        kitchen.ensure().unwrap();
        let ignore = kitchen.root().join(".gitignore");
        assert_eq!(std::fs::read_to_string(&ignore).unwrap(), GITIGNORE);
        std::fs::write(&ignore, "mine\n").unwrap();
        kitchen.ensure().unwrap();
        assert_eq!(std::fs::read_to_string(&ignore).unwrap(), "mine\n");
    }
}

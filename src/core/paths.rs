//! Where things are: the product's folder in a repository, one run's folder, the user's folders.

use std::io;
use std::path::{Path, PathBuf};

use super::files;

/// Name of the product's folder at the top of a repository.
pub const KITCHEN_DIR: &str = ".autoskillit";

/// Whether a path below the top of a repository is the product's folder, or in it. A name that only begins so is the user's.
#[must_use]
pub fn is_ours(path: &str) -> bool {
    Path::new(path).starts_with(KITCHEN_DIR)
}

/// Name of the folder of all runs in it.
pub const RUNS: &str = "runs";

/// What the folder's own `.gitignore` keeps out of the repository: what runs leave, and itself. Settings, recipes
/// and skills in the folder are the user's to commit.
pub const GITIGNORE: &str = "/runs/\n/temp/\n/.secrets.yaml\n/.gitignore\n";

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

    /// The folder that `path` is in, by its name.
    #[must_use]
    pub fn around(path: &Path) -> Option<Self> {
        let root =
            path.ancestors().find(|folder| folder.file_name().is_some_and(|name| name == KITCHEN_DIR))?;
        Some(Self { root: root.to_owned() })
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

    /// Folder of what is only needed for a while.
    #[must_use]
    pub fn temp(&self) -> PathBuf {
        self.root.join("temp")
    }

    /// Folder of the calls that served kitchens make outside of runs, one folder each.
    #[must_use]
    pub fn kitchens(&self) -> PathBuf {
        self.temp().join("kitchens")
    }

    /// Folder of the index of all sessions.
    #[must_use]
    pub fn session_index(&self) -> PathBuf {
        self.temp().join("sessions")
    }

    /// The lock under which old session logs are removed.
    #[must_use]
    pub fn pruning(&self) -> PathBuf {
        self.temp().join("pruning.lock")
    }

    /// What clean-ups found out of runs that stay.
    #[must_use]
    pub fn pruned(&self) -> PathBuf {
        self.temp().join("pruned.json")
    }

    /// When the failures told so far were cleared, as a timestamp.
    #[must_use]
    pub fn report_cleared(&self) -> PathBuf {
        self.temp().join("report-cleared")
    }

    /// The lock under which what we generated in this folder is healed.
    #[must_use]
    pub fn healing(&self) -> PathBuf {
        self.temp().join("healing.lock")
    }

    /// The JSON Schema of the settings file, beside it.
    #[must_use]
    pub fn schema(&self) -> PathBuf {
        self.root.join("config.schema.json")
    }

    /// What keeps the leavings of runs out of the repository.
    #[must_use]
    pub fn gitignore(&self) -> PathBuf {
        self.root.join(".gitignore")
    }

    /// Folder of all runs.
    #[must_use]
    pub fn runs(&self) -> PathBuf {
        self.root.join(RUNS)
    }

    /// Folder of one run.
    #[must_use]
    pub fn run(&self, run_id: &str) -> RunDir {
        RunDir { root: self.runs().join(run_id) }
    }

    /// Creates the folder and its `.gitignore` when they are not there. An existing `.gitignore` is the user's.
    ///
    /// # Errors
    /// What the file system says.
    pub fn ensure(&self) -> io::Result<()> {
        std::fs::create_dir_all(&self.root)?;
        let ignore = self.gitignore();
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

    /// From where the run's use of the account's windows is reckoned.
    #[must_use]
    pub fn share(&self) -> PathBuf {
        self.root.join("quota-share.json")
    }

    /// Folder of all its sessions.
    #[must_use]
    pub fn sessions(&self) -> PathBuf {
        self.root.join("sessions")
    }

    /// Folder of one session.
    #[must_use]
    pub fn session(&self, session_id: &str) -> PathBuf {
        self.sessions().join(session_id)
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
    user_folder("XDG_CONFIG_HOME", ".config")
}

/// The user's folder of what can be made anew: `$XDG_CACHE_HOME/autoskillit`, else `~/.cache/autoskillit`. `None` without a home.
#[must_use]
pub fn user_cache() -> Option<PathBuf> {
    user_folder("XDG_CACHE_HOME", ".cache")
}

/// The user's folder of what is kept and is no setting: `$XDG_STATE_HOME/autoskillit`, else `~/.local/state/autoskillit`. `None` without a
/// home.
#[must_use]
pub fn user_state() -> Option<PathBuf> {
    user_folder("XDG_STATE_HOME", ".local/state")
}

fn user_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let set = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::home_dir().filter(|home| home.is_absolute());
    Some(set.or_else(|| Some(home()?.join(below_home)))?.join("autoskillit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ours_is_told_by_whole_names() {
        assert!(is_ours(".autoskillit") && is_ours(".autoskillit/") && is_ours(".autoskillit/runs/x"));
        assert!(!is_ours(".autoskillitrc") && !is_ours(".autoskillit.d/x") && !is_ours("a/.autoskillit"));
    }

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

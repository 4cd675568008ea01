//! Migrations that did not succeed, kept until they do: what a person or a check asks for later.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::core::files;

/// At most this many bytes of failures are looked at.
const MAX_SIZE: u64 = 1 << 20;

/// One failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The recipe's file.
    pub file: String,
    /// When.
    pub time: Timestamp,
    /// Why.
    pub error: String,
}

/// The failures of one repository, by recipe.
#[derive(Debug, Clone)]
pub struct Failures {
    path: PathBuf,
}

impl Failures {
    /// Kept in the folder `dir`.
    #[must_use]
    pub fn in_dir(dir: &Path) -> Self {
        Self { path: dir.join("failures.json") }
    }

    /// What is kept. A file that cannot be understood is put aside, and its new name given.
    ///
    /// # Errors
    /// What the file system says.
    pub fn list(&self) -> io::Result<(BTreeMap<String, Failure>, Option<PathBuf>)> {
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((BTreeMap::new(), None)),
            Err(error) => return Err(error),
        };
        match serde_json::from_str(&text) {
            Ok(all) => Ok((all, None)),
            Err(_) => {
                let aside = self.path.with_extension("json.broken");
                std::fs::rename(&self.path, &aside)?;
                Ok((BTreeMap::new(), Some(aside)))
            }
        }
    }

    /// What is kept, without changing anything.
    ///
    /// # Errors
    /// Why the file cannot be read, in a fragment.
    pub fn look(&self) -> Result<BTreeMap<String, Failure>, String> {
        match std::fs::metadata(&self.path) {
            Ok(facts) if facts.is_file() => {}
            // To open a pipe would take for ever.
            Ok(_) => return Err("it is no regular file".to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(error.to_string()),
        }
        let file = File::open(&self.path).map_err(|error| error.to_string())?;
        serde_json::from_reader(file.take(MAX_SIZE)).map_err(|error| error.to_string())
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps a failure of the recipe `name`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn record(&self, name: &str, failure: Failure) -> io::Result<()> {
        self.change(|all| {
            all.insert(name.to_owned(), failure);
            true
        })
    }

    /// Forgets the failure of the recipe `name`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn clear(&self, name: &str) -> io::Result<()> {
        match self.path.exists() {
            true => self.change(|all| all.remove(name).is_some()),
            false => Ok(()),
        }
    }

    /// Changes the file while no other process does, when `change` says that there is something to write.
    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Failure>) -> bool) -> io::Result<()> {
        if let Some(dir) = self.path.parent() {
            files::create_private_dir(dir)?;
        }
        let lock = File::create(self.path.with_extension("lock"))?;
        lock.lock()?;
        let (mut all, _) = self.list()?;
        if change(&mut all) {
            files::write_json(&self.path, &all)?;
        }
        Ok(())
    }
}

//! How a checkout looked at a moment, in a form that can be kept: whether anything changed since, also for another process and after
//! the repository was moved.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::git::Checkout;
use crate::core::paths::is_ours;

/// The looks of a checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Version of the format.
    pub schema_version: u32,
    /// The branch; `None` when detached.
    pub branch: Option<String>,
    /// The commit; `None` before the first one.
    pub commit: Option<String>,
    /// Every reference with its commit.
    pub references: BTreeMap<String, String>,
    /// Every path that differs from the commit, relative to the top: its size, and nanoseconds of Unix time when it was last written.
    pub files: BTreeMap<String, Option<(u64, u64)>>,
}

impl Mark {
    /// Version of the format that this program writes.
    pub const VERSION: u32 = 1;

    /// Looks at the checkout of `dir`; `None` when it is in none, or git does not say. Blocks: it asks git.
    #[must_use]
    pub fn of(dir: &Path) -> Option<Self> {
        let checkout = Checkout::discover(dir).ok()?;
        let references = checkout.references().ok()?;
        let reference = |line: &str| line.split_once(' ').map(|(id, name)| (name.to_owned(), id.to_owned()));
        let dirty = checkout.dirty().ok()?.into_iter().map(|dirty| dirty.path).filter(|path| !is_ours(path));
        let stamp = |path: &str| {
            let facts = checkout.top().join(path).symlink_metadata().ok()?;
            Some((facts.len(), facts.modified().ok().map_or(0, nanoseconds)))
        };
        Some(Self {
            schema_version: Self::VERSION,
            branch: checkout.branch(),
            commit: checkout.head(),
            references: references.lines().filter_map(reference).collect(),
            files: dirty.map(|path| (path.clone(), stamp(&path))).collect(),
        })
    }

    /// What is different from an earlier look, in words: paths, references, the branch. Empty when nothing is.
    #[must_use]
    pub fn changes(&self, earlier: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        if self.branch != earlier.branch {
            let name = self.branch.as_deref().unwrap_or("no branch");
            changes.push(format!("{name} is checked out"));
        }
        // A commit on a branch moves the branch, which is told.
        if self.commit != earlier.commit && self.branch.is_none() {
            changes.push("another commit is checked out".to_owned());
        }
        changes.extend(differing(&self.references, &earlier.references));
        changes.extend(differing(&self.files, &earlier.files));
        changes
    }
}

fn differing<T: PartialEq>(now: &BTreeMap<String, T>, before: &BTreeMap<String, T>) -> Vec<String> {
    let names: BTreeSet<&String> = now.keys().chain(before.keys()).collect();
    names.into_iter().filter(|name| now.get(*name) != before.get(*name)).cloned().collect()
}

fn nanoseconds(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::git::{commit_all, scratch_commit};

    #[test]
    fn whatever_changes_in_a_checkout_is_seen_and_a_move_is_no_change() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().join("top");
        std::fs::create_dir(&top).unwrap();
        std::fs::write(top.join("a"), "one\n").unwrap();
        commit_all(&top, "first").unwrap();
        std::fs::write(top.join("mine"), "not committed\n").unwrap();
        let before = Mark::of(&top).unwrap();
        let kept: Mark = serde_json::from_str(&serde_json::to_string(&before).unwrap()).unwrap();
        let moved = dir.path().join("moved");
        std::fs::rename(&top, &moved).unwrap();
        let changes = || Mark::of(&moved).unwrap().changes(&kept);
        assert_eq!(changes(), Vec::<String>::new());

        std::fs::create_dir_all(moved.join(".autoskillit/runs")).unwrap();
        std::fs::write(moved.join(".autoskillit/runs/journal"), "ours").unwrap();
        assert_eq!(changes(), Vec::<String>::new(), "what is ours is no work");
        std::fs::write(moved.join("a"), "two\n").unwrap();
        std::fs::remove_file(moved.join("mine")).unwrap();
        assert_eq!(changes(), ["a", "mine"]);
        std::fs::write(moved.join("a"), "one\n").unwrap();
        scratch_commit(&moved, Some("other"), Some("second"), &[]).unwrap();
        assert_eq!(changes()[..2], ["other is checked out", "refs/heads/other"]);
        assert_eq!(Mark::of(dir.path()), None);
    }
}

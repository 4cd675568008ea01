//! What changed on disk while something ran: the evidence that work was done, and the notice of work in the wrong place. Looking changes
//! nothing, and nothing is ever taken back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::git::Checkout;
use crate::core::paths::is_ours;

/// The most paths that are told of one place.
const TOLD: usize = 200;

/// What changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Paths of the checkout that the work was to be done in, relative to its top.
    pub inside: Vec<String>,
    /// Paths elsewhere, whole.
    pub outside: Vec<String>,
}

/// How the places looked before.
#[derive(Debug, Clone)]
pub struct Ledger {
    own: Place,
    other: Option<Place>,
}

/// One checkout at a moment.
#[derive(Debug, Clone)]
struct Place {
    checkout: Checkout,
    head: Option<String>,
    files: BTreeMap<String, Stamp>,
}

/// How a file looks: its size and when it was last written; `None` where there is none.
type Stamp = Option<(u64, Option<SystemTime>)>;

/// How a checkout looks at a moment, to be compared with another look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looks {
    head: Option<String>,
    files: BTreeMap<String, Stamp>,
}

impl Ledger {
    /// Looks at the checkout of `cwd`, and at the one of `repository` where that is another: work in a worktree or a clone has no
    /// business there. `None` when `cwd` is in no checkout. Blocks: it asks git.
    #[must_use]
    pub fn open(cwd: &Path, repository: &Path) -> Option<Self> {
        let own = Place::look(cwd)?;
        let other = (own.checkout.top() != repository).then(|| Place::look(repository)).flatten();
        let other = other.filter(|other| other.checkout.top() != own.checkout.top());
        Some(Self { own, other })
    }

    /// The top of the checkout that the work is done in.
    #[must_use]
    pub fn top(&self) -> &Path {
        self.own.checkout.top()
    }

    /// How the checkout that the work is done in looks now; `None` when git does not say it. Blocks: it asks git.
    #[must_use]
    pub fn looks(&self) -> Option<Looks> {
        let checkout = &self.own.checkout;
        let mut files = stamps(checkout)?;
        files.retain(|path, _| !is_ours(path));
        Some(Looks { head: checkout.head(), files })
    }

    /// What changed since; `None` when git does not say it of the checkout that the work was to be done in. Blocks: it asks git.
    #[must_use]
    pub fn changes(&self) -> Option<Changes> {
        let whole = |place: &Place, path: String| place.checkout.top().join(path).display().to_string();
        let other = self.other.iter();
        Some(Changes {
            inside: self.own.changed()?,
            outside: other
                .flat_map(|place| {
                    place.changed().unwrap_or_default().into_iter().map(|path| whole(place, path))
                })
                .collect(),
        })
    }
}

impl Place {
    fn look(dir: &Path) -> Option<Self> {
        let checkout = Checkout::discover(dir).ok()?;
        let head = checkout.head();
        let files = stamps(&checkout)?;
        Some(Self { checkout, head, files })
    }

    fn changed(&self) -> Option<Vec<String>> {
        let now = stamps(&self.checkout)?;
        // A file that git does not mention is as it is in the commit.
        let moved = |path: &&String| self.files.get(*path) != now.get(*path);
        let mut changed: BTreeSet<String> =
            self.files.keys().chain(now.keys()).filter(moved).cloned().collect();
        if let (Some(before), head) = (&self.head, self.checkout.head())
            && head.as_ref() != Some(before)
        {
            let commits = self.checkout.changed_since(before).unwrap_or_default();
            changed.extend(commits.into_iter().map(|file| file.path));
        }
        Some(changed.into_iter().filter(|path| !is_ours(path)).take(TOLD).collect())
    }
}

/// Every path that differs from the commit, and how it looks.
fn stamps(checkout: &Checkout) -> Option<BTreeMap<String, Stamp>> {
    let dirty = checkout.dirty().ok()?;
    let stamp = |path: &str| {
        let facts = checkout.top().join(path).symlink_metadata().ok()?;
        Some((facts.len(), facts.modified().ok()))
    };
    Some(dirty.into_iter().map(|file| (file.path.clone(), stamp(&file.path))).collect())
}

/// The paths among `written` that lie outside of `cwd`. Relative ones start there.
#[must_use]
pub fn outside<'a>(cwd: &Path, written: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for path in written {
        let plain = plain(&cwd.join(path));
        let told = plain.display().to_string();
        if !plain.starts_with(cwd) && !found.contains(&told) {
            found.push(told);
        }
    }
    found
}

/// A path without `.` and `..`, as far as that can be said without looking.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                plain.pop();
            }
            std::path::Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::paths::KITCHEN_DIR;
    use crate::workspace::git;

    fn repository() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        for name in ["same.txt", "edited.txt", "dirty.txt"] {
            std::fs::write(top.join(name), "before\n").unwrap();
        }
        git::commit_all(&top, "start").unwrap();
        std::fs::write(top.join("dirty.txt"), "of the user\n").unwrap();
        (dir, top)
    }

    #[test]
    fn edits_commits_and_new_files_are_seen_and_what_was_dirty_before_is_not() {
        let (_dir, top) = repository();
        let ledger = Ledger::open(&top, &top).unwrap();
        assert_eq!(ledger.changes().unwrap(), Changes::default());
        std::fs::write(top.join("edited.txt"), "after\n").unwrap();
        std::fs::create_dir(top.join("new")).unwrap();
        std::fs::write(top.join("new/file.txt"), "x").unwrap();
        std::fs::create_dir(top.join(KITCHEN_DIR)).unwrap();
        std::fs::write(top.join(KITCHEN_DIR).join("log"), "ours").unwrap();
        std::fs::write(top.join(".autoskillitrc"), "of the user").unwrap();
        assert_eq!(ledger.changes().unwrap().inside, [".autoskillitrc", "edited.txt", "new/file.txt"]);
        git::commit_all(&top, "done").unwrap();
        let after = ledger.changes().unwrap().inside;
        assert!(
            after.contains(&"edited.txt".to_owned()) && after.contains(&"new/file.txt".to_owned()),
            "{after:?}"
        );

        let ledger = Ledger::open(&top, &top).unwrap();
        std::fs::write(top.join("edited.txt"), "once more\n").unwrap();
        let between = Ledger::open(&top, &top).unwrap();
        std::fs::write(top.join("edited.txt"), "and again, longer\n").unwrap();
        assert_eq!(
            (ledger.changes().unwrap().inside, between.changes().unwrap().inside),
            (vec!["edited.txt".into()], vec!["edited.txt".into()])
        );
    }

    #[test]
    fn a_look_differs_when_something_changed_and_only_then() {
        let (_dir, top) = repository();
        let ledger = Ledger::open(&top, &top).unwrap();
        let mut looks = vec![ledger.looks().unwrap()];
        assert_eq!(ledger.looks().as_ref(), looks.last());
        std::fs::create_dir(top.join(KITCHEN_DIR)).unwrap();
        std::fs::write(top.join(KITCHEN_DIR).join("log"), "ours").unwrap();
        assert_eq!(ledger.looks().as_ref(), looks.last());
        for text in ["one\n", "three\n"] {
            std::fs::write(top.join("edited.txt"), text).unwrap();
            let now = ledger.looks().unwrap();
            assert!(!looks.contains(&now), "{text}");
            looks.push(now);
        }
        git::commit_all(&top, "done").unwrap();
        assert!(!looks.contains(&ledger.looks().unwrap()));
    }

    #[test]
    fn work_in_a_clone_that_touches_the_repository_is_told_with_whole_paths() {
        let (_dir, top) = repository();
        let room = tempfile::tempdir().unwrap();
        let clone = room.path().canonicalize().unwrap().join("clone");
        git::scratch_clone(&top, &clone).unwrap();
        let ledger = Ledger::open(&clone, &top).unwrap();
        std::fs::write(clone.join("edited.txt"), "after\n").unwrap();
        std::fs::write(top.join("same.txt"), "not here\n").unwrap();
        let changes = ledger.changes().unwrap();
        assert_eq!(changes.inside, ["edited.txt"]);
        assert_eq!(changes.outside, [top.join("same.txt").display().to_string()]);
        assert_eq!(
            std::fs::read_to_string(top.join("same.txt")).unwrap(),
            "not here\n",
            "nothing is taken back"
        );
    }

    #[test]
    fn a_checkout_that_is_gone_is_not_one_without_changes() {
        let (dir, top) = repository();
        let ledger = Ledger::open(&top, &top).unwrap();
        drop(dir);
        assert_eq!(ledger.changes(), None);
    }

    #[test]
    fn outside_of_any_checkout_nothing_is_known() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Ledger::open(dir.path(), dir.path()).is_none());
    }

    #[test]
    fn paths_that_lead_out_are_told_once() {
        let written = ["a.txt", "/repo/b.txt", "../other/c.txt", "/etc/hosts", "/etc/hosts", "sub/../../x"];
        assert_eq!(outside(Path::new("/repo"), written.into_iter()), ["/other/c.txt", "/etc/hosts", "/x"]);
    }
}

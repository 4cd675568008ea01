//! What changes in a session's working directory: looked at after each tool call, file by file.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::core::paths::{KITCHEN_DIR, is_ours};
use crate::execution::tape::{Committed, What, Written};
use crate::workspace::git::Checkout;

/// The largest file that goes onto a tape, in bytes.
const LARGEST: u64 = 1 << 20;

/// A working directory under observation.
#[derive(Debug)]
pub(super) struct Changes {
    dir: PathBuf,
    checkout: Option<Checkout>,
    known: BTreeMap<String, Mark>,
    stands: Stand,
}

/// The commit and the branch that are checked out.
type Stand = (Option<String>, Option<String>);

/// What tells a file from what it was; the time of the last change of status moves with every write.
type Mark = (u64, u64, i64, i64, u32);

impl Changes {
    /// Of `dir`, from how it is now.
    pub(super) fn since_now(dir: &Path) -> Self {
        let dir = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
        let checkout = Checkout::discover(&dir).ok();
        let mut changes = Self { checkout, dir, known: BTreeMap::new(), stands: (None, None) };
        changes.known = changes.marks();
        changes.stands = changes.stand();
        changes
    }

    /// What changed since the last look.
    pub(super) fn look(&mut self) -> Vec<What> {
        let now = self.marks();
        let before = std::mem::replace(&mut self.known, now);
        let gone = before.keys().filter(|path| !self.known.contains_key(*path));
        let mut found: Vec<What> = gone.map(|path| What::Delete(path.clone())).collect();
        let new = self.known.iter().filter(|(path, mark)| before.get(*path) != Some(mark));
        found.extend(new.map(|(path, _)| content(&self.dir, path)));
        // What it commits is on the disk before.
        found.extend(self.committed());
        found
    }

    /// The commit or the branch that is new since the last look.
    fn committed(&mut self) -> Option<What> {
        let now = self.stand();
        let (head, branch) = std::mem::replace(&mut self.stands, now.clone());
        let checkout = self.checkout.as_ref()?;
        if (&head, &branch) == (&now.0, &now.1) {
            return None;
        }
        let message = if head == now.0 { None } else { checkout.message() };
        let dirty = checkout.dirty().unwrap_or_default().into_iter().map(|file| file.path);
        let dirty = dirty.filter(|path| !is_ours(path)).collect();
        Some(What::Commit(Committed { branch: now.1, message, dirty }))
    }

    fn stand(&self) -> Stand {
        let checkout = self.checkout.as_ref();
        (checkout.and_then(Checkout::head), checkout.and_then(Checkout::branch))
    }

    /// The files of the project below the directory, and what skills hand each other beside it.
    fn marks(&self) -> BTreeMap<String, Mark> {
        let top = self
            .checkout
            .as_ref()
            .map(|checkout| checkout.top().canonicalize().unwrap_or_else(|_| checkout.top().to_owned()));
        let below = |name: &String| {
            let path = top.as_ref()?.join(name);
            Some(path.strip_prefix(&self.dir).ok()?.to_str()?.to_owned())
        };
        let files = self.checkout.as_ref().map(Checkout::files).unwrap_or_default();
        let mut names: Vec<String> = files.iter().filter_map(below).collect();
        walk(&self.dir, &Path::new(KITCHEN_DIR).join("temp"), &mut names);
        let ours = ["runs", "temp/kitchens", "temp/healing.lock", "temp/report-cleared"]
            .map(|name| format!("{KITCHEN_DIR}/{name}"));
        names.retain(|name| !ours.iter().any(|own| name.starts_with(own.as_str())));
        names
            .into_iter()
            .filter_map(|name| Some((mark(&self.dir.join(&name))?, name)))
            .map(|(m, n)| (n, m))
            .collect()
    }
}

fn mark(path: &Path) -> Option<Mark> {
    let facts = path.symlink_metadata().ok()?;
    (!facts.is_dir()).then(|| (facts.ino(), facts.len(), facts.ctime(), facts.ctime_nsec(), facts.mode()))
}

/// Adds the files below `dir`/`below`; links are not followed.
pub(super) fn walk(dir: &Path, below: &Path, names: &mut Vec<String>) {
    for entry in fs::read_dir(dir.join(below)).into_iter().flatten().flatten() {
        let name = below.join(entry.file_name());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(dir, &name, names),
            Ok(_) => names.extend(name.to_str().map(str::to_owned)),
            Err(_) => {}
        }
    }
}

/// A file as it goes onto a tape. What is no text is left out: nobody could tell whether it holds a secret.
pub(super) fn content(dir: &Path, name: &str) -> What {
    let omitted = |why: &str| What::Omitted { path: name.to_owned(), why: why.to_owned() };
    let path = dir.join(name);
    let facts = match path.symlink_metadata() {
        Ok(facts) if facts.is_file() && facts.len() <= LARGEST => facts,
        Ok(facts) if facts.is_file() => return omitted("it is larger than 1 MiB"),
        Ok(_) => return omitted("it is no plain file"),
        Err(_) => return What::Delete(name.to_owned()),
    };
    match fs::read(&path).map(String::from_utf8) {
        Ok(Ok(content)) if !content.contains('\0') => {
            let executable = facts.mode() & 0o100 != 0;
            What::Write(Written { path: name.to_owned(), content, executable })
        }
        Ok(_) => omitted("it is no text"),
        Err(_) => omitted("it cannot be read"),
    }
}

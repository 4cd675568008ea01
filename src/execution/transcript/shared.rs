//! One watcher for all transcripts of this process. The system gives a user only so many of them (128 on most Linux systems), and each
//! comes with a thread, so all sessions share one: it is made for the first that asks, and gone with the last.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc::Sender;

static SHARED: Mutex<Weak<Shared>> = Mutex::new(Weak::new());

/// How far above a file a folder may be whose news is heard while the ones in between are missing: the client makes the folder of a
/// checkout, and those above it are busy with other things.
const ABOVE: usize = 2;

/// Hears of one file; deaf when dropped.
#[derive(Debug)]
pub(super) struct Ear {
    shared: Arc<Shared>,
    folder: PathBuf,
    awaited: PathBuf,
    tell: Sender<()>,
}

impl Ear {
    /// Tells when something happens to `file`, or to the folder above it that is still missing. `None` when the system cannot say.
    pub(super) fn open(file: &Path, tell: &Sender<()>) -> Option<Self> {
        let (folder, awaited) = spot(file)?;
        let ear = Self {
            shared: Shared::the(),
            folder: folder.to_owned(),
            awaited: awaited.to_owned(),
            tell: tell.clone(),
        };
        // Heard before it is asked for: nothing that comes in between is lost.
        lock(&ear.shared.ears).entry(ear.awaited.clone()).or_default().push(tell.clone());
        ear.shared.watch(folder).then_some(ear)
    }

    /// Whether it would be opened at another folder now, because one came or went.
    pub(super) fn is_elsewhere(&self, file: &Path) -> bool {
        spot(file).is_none_or(|(folder, _)| folder != self.folder)
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        let mut ears = lock(&self.shared.ears);
        if let Some(all) = ears.get_mut(&self.awaited) {
            if let Some(own) = all.iter().position(|tell| tell.same_channel(&self.tell)) {
                all.swap_remove(own);
            }
            if all.is_empty() {
                ears.remove(&self.awaited);
            }
        }
        drop(ears);
        self.shared.leave(&self.folder);
    }
}

/// The folder that is there, and what in it is waited for.
fn spot(file: &Path) -> Option<(&Path, &Path)> {
    let pairs = file.ancestors().skip(1).zip(file.ancestors());
    pairs.take(ABOVE).find(|(folder, _)| folder.is_dir())
}

/// Who is to be told of what. The watcher's thread takes this lock, so nobody asks the watcher for anything while he holds it.
type Ears = Arc<Mutex<HashMap<PathBuf, Vec<Sender<()>>>>>;

/// What all ears share.
#[derive(Debug, Default)]
struct Shared {
    ears: Ears,
    watch: Mutex<Watch>,
}

/// The watcher, while the system gives one, and its folders.
#[derive(Debug, Default)]
struct Watch {
    watcher: Option<RecommendedWatcher>,
    folders: HashMap<PathBuf, Folder>,
}

/// How many ears a folder has, and whether the watcher hears of it.
#[derive(Debug, Default)]
struct Folder {
    ears: usize,
    watched: bool,
}

impl Shared {
    /// That of all who ask at this time.
    fn the() -> Arc<Self> {
        let mut shared = lock(&SHARED);
        shared.upgrade().unwrap_or_else(|| {
            let new = Arc::new(Self::default());
            *shared = Arc::downgrade(&new);
            new
        })
    }

    /// One more for this folder; whether it is watched. What is not watched is asked for again by whoever comes next.
    fn watch(&self, folder: &Path) -> bool {
        let mut watch = lock(&self.watch);
        let Watch { watcher, folders } = &mut *watch;
        if watcher.is_none() {
            let ears = Arc::clone(&self.ears);
            *watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
                if let Ok(event) = event {
                    spread(&ears, &event);
                }
            })
            .ok();
        }
        let of = folders.entry(folder.to_owned()).or_default();
        of.ears += 1;
        if !of.watched
            && let Some(watcher) = watcher
        {
            of.watched = watcher.watch(folder, RecursiveMode::NonRecursive).is_ok();
        }
        of.watched
    }

    /// One less for this folder.
    fn leave(&self, folder: &Path) {
        let mut watch = lock(&self.watch);
        let Watch { watcher, folders } = &mut *watch;
        let Some(of) = folders.get_mut(folder) else { return };
        of.ears -= 1;
        if of.ears == 0 {
            folders.remove(folder);
            if let Some(watcher) = watcher {
                // It may be gone.
                let _ = watcher.unwatch(folder);
            }
        }
    }
}

/// Tells those whom it concerns; a full queue means that the news is already waiting there.
fn spread(ears: &Ears, event: &Event) {
    let ears = lock(ears);
    let tell = |all: &Vec<Sender<()>>| {
        for tell in all {
            let _ = tell.try_send(());
        }
    };
    if event.need_rescan() {
        ears.values().for_each(tell);
    }
    for path in &event.paths {
        ears.get(path).into_iter().for_each(tell);
        if matches!(event.kind, EventKind::Remove(_)) {
            // A folder that goes takes its watch with it.
            ears.iter().filter(|(awaited, _)| awaited.parent() == Some(path)).for_each(|(_, all)| tell(all));
        }
    }
}

/// What is in there is whole after every statement, also when somebody panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use tokio::sync::mpsc::{Receiver, channel};

    use super::*;

    /// Nothing polls here: what is not notified never comes.
    async fn news(told: &mut Receiver<()>) {
        tokio::time::timeout(Duration::from_secs(20), told.recv()).await.expect("news in time").unwrap();
    }

    /// Waits for news that leave this spot.
    async fn moved(ear: &Ear, file: &Path, told: &mut Receiver<()>) {
        while !ear.is_elsewhere(file) {
            news(told).await;
        }
    }

    #[tokio::test]
    async fn folders_that_come_and_go_are_followed() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let (folder, file) = (root.join("checkout"), root.join("checkout/session.jsonl"));
        let (tell, mut told) = channel(1);

        let above = Ear::open(&file, &tell).expect("the folder above is watched");
        fs::create_dir(&folder).unwrap();
        moved(&above, &file, &mut told).await;

        let ear = Ear::open(&file, &tell).expect("the folder is watched");
        drop(above);
        fs::write(&file, "{}").unwrap();
        news(&mut told).await;
        assert!(!ear.is_elsewhere(&file));

        fs::remove_dir_all(&folder).unwrap();
        moved(&ear, &file, &mut told).await;
        assert!(Ear::open(&root.join("no/such/folder"), &tell).is_none(), "too far above");
    }

    #[tokio::test]
    async fn each_hears_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let (one, two) = (root.join("one"), root.join("two"));
        let ((tell_one, mut told_one), (tell_two, mut told_two)) = (channel(1), channel(1));
        let (first, second) = (Ear::open(&one, &tell_one), Ear::open(&two, &tell_two));
        assert!(first.is_some() && second.is_some());
        fs::write(&one, "{}").unwrap();
        news(&mut told_one).await;
        assert!(told_two.try_recv().is_err());
        // The folder is watched until the last of them goes.
        drop(first);
        fs::write(&two, "{}").unwrap();
        news(&mut told_two).await;
    }
}

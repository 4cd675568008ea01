//! Folders that are written to: whether they can be, and whether there is room. Nothing is written to find out.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};

use super::facts::Facts;
use super::remedy::Remedy;
use super::report::{Check, Group, Level, Topic};
use crate::app::rehearsal::old_stages;
use crate::core::threads::blocking;

pub(super) const REPOSITORY: Topic = Topic::new(Group::Folders, "folders.repository", "repository");
pub(super) const TEMP: Topic = Topic::new(Group::Folders, "folders.temp", "temporary");
pub(super) const SETTINGS: Topic = Topic::new(Group::Folders, "folders.settings", "your settings");
pub(super) const CLIENT: Topic = Topic::new(Group::Folders, "folders.client", "Claude Code");
pub(super) const SCRATCH: Topic = Topic::new(Group::Folders, "folders.scratch", "rehearsals");

/// Below this many bytes a disk counts as nearly full: a run with a few sessions leaves some megabytes of logs, and what its
/// commands build needs far more.
const LOW: u64 = 200_000_000;

/// Below this many new files too.
const FEW: u64 = 1000;

pub(super) async fn repository(facts: Arc<Facts>) -> Vec<Check> {
    let Some(kitchen) = facts.kitchen() else { return vec![] };
    // Sessions edit the checkout; runs keep their journals in our folder.
    let top = facts.top().map(Path::to_owned).unwrap_or_default();
    blocking(move || {
        let (top, ours) = (Room::of(&top), Room::of(kitchen.root()));
        let worst = if top.problem.is_some() { top } else { ours };
        vec![judge(REPOSITORY, Level::Error, "No run can keep its journal here.", &worst)]
    })
    .await
}

pub(super) async fn temp(_: Arc<Facts>) -> Vec<Check> {
    let means = "Rehearsals, sessions and most test commands need it.";
    blocking(move || vec![judge(TEMP, Level::Error, means, &Room::of(&std::env::temp_dir()))]).await
}

pub(super) async fn settings(facts: Arc<Facts>) -> Vec<Check> {
    let Some(dir) = facts.user_config() else {
        return vec![
            SETTINGS
                .warning("there is no home folder")
                .means("You can have no settings, recipes and skills of your own.")
                .mend("set HOME"),
        ];
    };
    let means = "`autoskillit config set --user` cannot work; cooking does.";
    blocking(move || vec![judge(SETTINGS, Level::Warning, means, &Room::of(&dir))]).await
}

pub(super) async fn client(facts: Arc<Facts>) -> Vec<Check> {
    let Some(dir) = facts.client_dir() else {
        return vec![
            CLIENT
                .warning("there is no home folder")
                .means("Sessions leave no transcripts: one that is cut off cannot be continued.")
                .mend("set HOME, or CLAUDE_CONFIG_DIR"),
        ];
    };
    let means = "Sessions run, but leave no transcripts: one that is cut off cannot be continued. A login cannot be renewed.";
    blocking(move || vec![judge(CLIENT, Level::Warning, means, &Room::of(&dir))]).await
}

pub(super) async fn scratch(_: Arc<Facts>) -> Vec<Check> {
    blocking(|| {
        let old = old_stages();
        let told = match old.len() {
            0 => return vec![],
            1 => "a scratch copy of a rehearsal is more than a day old".to_owned(),
            many => format!("{many} scratch copies of rehearsals are more than a day old"),
        };
        vec![SCRATCH.ok(format!("{told}; the next rehearsal clears it away")).remedy(Remedy::Scratch(old))]
    })
    .await
}

/// What the system says about writing to a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Room {
    path: PathBuf,
    /// Whether it is there; else it can be made where the nearest folder above it can be written to.
    is_there: bool,
    /// Why it cannot be written to.
    problem: Option<String>,
    /// Bytes and new files that there is room for, as far as the system counts them.
    free: Option<(u64, Option<u64>)>,
}

impl Room {
    fn of(path: &Path) -> Self {
        let mut room = Self { path: path.to_owned(), is_there: false, problem: None, free: None };
        for above in path.ancestors() {
            match std::fs::metadata(above) {
                Ok(facts) if facts.is_dir() => {
                    room.is_there = above == path;
                    let mode = AccessFlags::W_OK | AccessFlags::X_OK;
                    room.problem = access(above, mode).err().map(|error| error.desc().to_lowercase());
                    room.free = free(above);
                    return room;
                }
                Ok(_) => {
                    room.problem = Some(format!("{} is a file", above.display()));
                    return room;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound && above.is_symlink() => {
                    room.problem = Some(format!("{} is a link to nothing", above.display()));
                    return room;
                }
                // Something further up says why.
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
                Err(error) => {
                    room.problem = Some(error.to_string());
                    return room;
                }
            }
        }
        room.problem = Some("there is no such place".to_owned());
        room
    }
}

fn free(dir: &Path) -> Option<(u64, Option<u64>)> {
    /// The numbers differ in size between systems.
    fn wide(number: impl Into<u64>) -> u64 {
        number.into()
    }
    let facts = statvfs(dir).ok()?;
    let bytes = wide(facts.blocks_available()).saturating_mul(wide(facts.fragment_size()));
    // Systems that do not count files say 0 of 0.
    let files = (wide(facts.files()) > 0).then(|| wide(facts.files_available()));
    Some((bytes, files))
}

/// `level` and `means` are for a folder that cannot be written to.
fn judge(topic: Topic, level: Level, means: &str, room: &Room) -> Check {
    let path = room.path.display();
    if let Some(problem) = &room.problem {
        let told = format!("{path} cannot be written to: {problem}");
        let check = if level == Level::Error { topic.error(told) } else { topic.warning(told) };
        return check.means(means).mend("make it writable for you, or choose another place");
    }
    let state = if room.is_there { "" } else { " is not there yet and can be made" };
    let full = |what: String| {
        topic
            .warning(format!("{path}{state}: {what}"))
            .means("What writes there may fail in the middle of its work.")
            .mend("make room on its disk")
    };
    match room.free {
        Some((bytes, _)) if bytes < LOW => full(format!("only {} are free", size(bytes))),
        Some((_, Some(files))) if files < FEW => full(format!("there is room for only {files} new files")),
        Some((bytes, _)) => topic.ok(format!("{path}{state}, {} free", size(bytes))),
        None => topic.ok(format!("{path}{state}")),
    }
}

/// A number of bytes for people, rounded down.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{} {name}", bytes / unit),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(problem: Option<&str>, is_there: bool, free: Option<(u64, Option<u64>)>) -> Room {
        Room { path: "/x".into(), is_there, problem: problem.map(str::to_owned), free }
    }

    #[test]
    fn what_a_folder_is_good_for() {
        let much = Some((31_900_000_000, Some(1_000_000)));
        let cases = [
            (room(None, true, much), Level::Ok, "/x, 31 GB free"),
            (room(None, false, much), Level::Ok, "/x is not there yet and can be made, 31 GB free"),
            (room(None, true, None), Level::Ok, "/x"),
            (room(None, true, Some((LOW, None))), Level::Ok, "/x, 200 MB free"),
            (room(None, true, Some((LOW - 1, None))), Level::Warning, "/x: only 199 MB are free"),
            (room(None, true, Some((0, None))), Level::Warning, "/x: only 0 bytes are free"),
            (
                room(None, true, Some((LOW, Some(7)))),
                Level::Warning,
                "/x: there is room for only 7 new files",
            ),
            (
                room(Some("read-only file system"), true, much),
                Level::Error,
                "/x cannot be written to: read-only file system",
            ),
        ];
        for (room, level, message) in cases {
            let check = judge(TEMP, Level::Error, "", &room);
            assert_eq!((check.level, check.message.as_str()), (level, message));
        }
        assert_eq!(judge(CLIENT, Level::Warning, "", &room(Some("no"), true, None)).level, Level::Warning);
    }

    #[test]
    fn folders_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let there = Room::of(dir.path());
        assert!(there.is_there && there.problem.is_none() && there.free.is_some(), "{there:?}");
        let absent = Room::of(&dir.path().join("a/b"));
        assert!(!absent.is_there && absent.problem.is_none(), "{absent:?}");
        std::fs::write(dir.path().join("file"), "").unwrap();
        let below = Room::of(&dir.path().join("file/b")).problem;
        assert!(below.as_ref().is_some_and(|why| why.ends_with("file is a file")), "{below:?}");
        std::os::unix::fs::symlink("nowhere", dir.path().join("link")).unwrap();
        let below = Room::of(&dir.path().join("link")).problem;
        assert!(below.as_ref().is_some_and(|why| why.ends_with("is a link to nothing")), "{below:?}");
        assert!(std::fs::read_dir(dir.path()).unwrap().count() == 2, "nothing is written");
    }
}

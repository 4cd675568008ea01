//! The logs of sessions whose program went away before it could end them. The session itself was ended by its warden; what is left
//! is a summary that says `running` of a process that runs no more. It is completed from what the stream and the warden say.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::files as names;
use super::index;
use super::summary::{Status, Summary};
use super::writer::fill;
use crate::core::paths::{KitchenDir, RunDir};
use crate::core::redact::Redactor;
use crate::execution::facts::Facts;
use crate::execution::lines::Lines;
use crate::execution::record::parse_lossy;
use crate::execution::warden::Account;

/// How much of a stream is read, in bytes: the end of a log is not worth more than some seconds.
const STREAM: u64 = 256 << 20;

/// Completes the log of every session of a repository that nobody runs any more; gives their folders. A run that `is_driven`
/// is left to who drives it, which may be in a container whose processes cannot be seen from here.
///
/// # Errors
/// The first that could not be written, when all others are done.
pub fn recover(
    kitchen: &KitchenDir,
    redactor: &Redactor,
    is_driven: impl Fn(&RunDir) -> bool,
) -> std::io::Result<Vec<PathBuf>> {
    let running = index::read(kitchen).into_iter().filter(|line| line.status == Status::Running);
    let dirs = running.map(|line| kitchen.root().join(line.dir));
    let run_of = |dir: &Path| dir.parent()?.parent().map(|run| RunDir::at(run.to_owned()));
    let alone = dirs.filter(|dir| run_of(dir).is_some_and(|run| !is_driven(&run)));
    complete(kitchen, alone, redactor)
}

/// The same for the sessions of one run.
///
/// # Errors
/// As [`recover`].
pub fn recover_run(run: &RunDir, redactor: &Redactor) -> std::io::Result<Vec<PathBuf>> {
    let Some(kitchen) = KitchenDir::around(run.root()) else { return Ok(Vec::new()) };
    let sessions = fs::read_dir(run.sessions()).into_iter().flatten().flatten().map(|entry| entry.path());
    let running = |dir: &PathBuf| Summary::read(dir).is_ok_and(|summary| summary.status == Status::Running);
    complete(&kitchen, sessions.filter(running), redactor)
}

fn complete(
    kitchen: &KitchenDir,
    dirs: impl Iterator<Item = PathBuf>,
    redactor: &Redactor,
) -> std::io::Result<Vec<PathBuf>> {
    let (mut done, mut failed) = (Vec::new(), Ok(()));
    for dir in dirs {
        // What cannot be read is none of ours, or of another version.
        let Ok(mut summary) = Summary::read(&dir) else { continue };
        let mut written = Ok(());
        if summary.status == Status::Running {
            if !is_orphan(&dir, &summary) {
                continue;
            }
            crashed(&dir, &mut summary);
            // It may hold what logs the user in, and whoever should have removed it is gone.
            let _ = fs::remove_file(dir.join(names::SETTINGS));
            written = summary.write(&dir, redactor);
        }
        // One that ended, of which the index does not know, lost its last line.
        let known = index::Line::of(kitchen, &dir, &summary);
        let indexed = known.map_or(Ok(()), |line| index::append(kitchen, &line));
        match written.and(indexed) {
            Ok(()) => done.push(dir),
            Err(error) => failed = failed.and(Err(error)),
        }
    }
    failed.map(|()| done)
}

/// Whether a session that was never ended has nobody any more: neither the program that ran it, nor a warden that is still ending it.
#[must_use]
pub fn is_orphan(dir: &Path, summary: &Summary) -> bool {
    let being_ended = || {
        summary.process.as_ref().is_some_and(crate::execution::process::Identity::runs)
            && !dir.join(names::WARDEN).exists()
    };
    !summary.owner.runs() && !being_ended()
}

/// Completes a summary from what is there.
pub fn crashed(dir: &Path, summary: &mut Summary) {
    summary.status = Status::Crashed;
    let times = [names::STREAM, names::EVENTS, names::SAMPLES, names::STDERR, names::WARDEN];
    let last = times.iter().filter_map(|name| fs::metadata(dir.join(name)).ok()?.modified().ok()).max();
    let last = last.and_then(|at| Timestamp::try_from(at).ok()).unwrap_or(summary.started_at);
    summary.ended_at = Some(last);
    summary.elapsed_ms = u64::try_from(last.duration_since(summary.started_at).as_millis()).ok();
    if let Ok(account) = Account::read(&dir.join(names::WARDEN)) {
        summary.exit = account.exit;
        (summary.left, summary.unlisted) = (account.left, account.unlisted);
    }
    let (facts, dropped) = facts(&dir.join(names::STREAM));
    summary.dropped_lines = dropped;
    fill(summary, &facts, &rows(&dir.join(names::SAMPLES)), &rows(&dir.join(names::EVENTS)));
}

/// What a stream said, and how many of its lines were too long.
fn facts(stream: &Path) -> (Facts, u64) {
    let (mut facts, mut lines) = (Facts::default(), Lines::default());
    let mut take = |line: &[u8]| {
        if let Some(record) = parse_lossy(line) {
            facts.observe(&record);
        }
    };
    if let Ok(file) = fs::File::open(stream) {
        let mut file = file.take(STREAM);
        let mut buffer = vec![0; 64 << 10];
        while let Ok(count @ 1..) = file.read(&mut buffer) {
            lines.push(&buffer[..count], &mut take);
        }
        lines.finish(&mut take);
    }
    (facts, lines.dropped())
}

/// The lines of a file that can be read.
fn rows<T: DeserializeOwned>(path: &Path) -> Vec<T> {
    let text = fs::read(path).unwrap_or_default();
    text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

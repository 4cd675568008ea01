//! Clearing old session logs away: after a run's end, never while one is on its way. What a run that can be resumed left stays,
//! however old, and every run keeps its journal.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use super::lock::is_driven;
use crate::config::SessionLogSettings;
use crate::core::files;
use crate::core::paths::{KitchenDir, RunDir};
use crate::engine::journal;
use crate::engine::state::State;
use crate::execution::log::index;

/// How many runs are read to find out whether they are over: nobody waits for a clean-up, and the next run's end goes on with it.
const READ: usize = 100;
/// Whose word it is that a run stays.
const VERSION: &str = env!("CARGO_PKG_VERSION");

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The log of one session.
struct Log {
    run: String,
    dir: PathBuf,
    written: SystemTime,
}

/// Removes the logs that are too many or too old; gives how many. What cannot be removed stays for another time.
#[must_use]
pub fn prune(kitchen: &KitchenDir, keep: SessionLogSettings, now: SystemTime) -> usize {
    let mut logs = logs(kitchen);
    logs.sort_by_key(|log| log.written);
    let excess = if keep.keep_sessions == 0 { 0 } else { logs.len().saturating_sub(keep.keep_sessions) };
    let oldest = (keep.keep_days > 0)
        .then(|| now.checked_sub(DAY.saturating_mul(u32::try_from(keep.keep_days).unwrap_or(u32::MAX))));
    let is_old = |log: &Log| oldest.flatten().is_some_and(|oldest| log.written < oldest);
    if excess == 0 && !logs.first().is_some_and(is_old) {
        return 0;
    }
    // Whoever is at it does it for all.
    let lock =
        files::create_private_dir(&kitchen.temp()).and_then(|()| files::append_private(&kitchen.pruning()));
    let Ok(lock) = lock else { return 0 };
    if lock.try_lock().is_err() {
        return 0;
    }
    let mut runs = Runs::known(kitchen);
    let mut removed = 0;
    for log in &logs {
        if removed >= excess && !is_old(log) {
            break;
        }
        let Some(over) = runs.is_over(&log.run) else { break };
        if over && fs::remove_dir_all(&log.dir).is_ok() {
            removed += 1;
        }
    }
    runs.keep();
    if let Ok(now) = Timestamp::try_from(now) {
        index::tidy(kitchen, now);
    }
    removed
}

/// The logs of all runs. A link is nobody's log.
fn logs(kitchen: &KitchenDir) -> Vec<Log> {
    let runs = fs::read_dir(kitchen.runs()).into_iter().flatten().flatten();
    let mut logs = Vec::new();
    for run in runs {
        let Ok(id) = run.file_name().into_string() else { continue };
        if !run.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        for session in fs::read_dir(kitchen.run(&id).sessions()).into_iter().flatten().flatten() {
            let is_dir = session.file_type().is_ok_and(|kind| kind.is_dir());
            let written = session.metadata().and_then(|facts| facts.modified());
            if let (true, Ok(written)) = (is_dir, written) {
                logs.push(Log { run: id.clone(), dir: session.path(), written });
            }
        }
    }
    logs
}

/// How a journal looks: its size, and when it was last written, in nanoseconds since 1970.
type Stamp = (u64, u128);

/// Which runs are over. Those that are not are remembered with the stamp of their journal: they are read again when it has changed,
/// so that many that stay neither cost anything nor keep the ones behind them from being looked at.
struct Runs<'a> {
    kitchen: &'a KitchenDir,
    stay: HashMap<String, Stamp>,
    over: HashMap<String, bool>,
    read: usize,
}

impl<'a> Runs<'a> {
    /// What earlier clean-ups found out, if this version did: another one may read what it could not.
    fn known(kitchen: &'a KitchenDir) -> Self {
        let known = fs::read(kitchen.pruned()).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let stay = known.filter(|(version, _): &(String, _)| version == VERSION).map(|(_, stay)| stay);
        Self { kitchen, stay: stay.unwrap_or_default(), over: HashMap::new(), read: 0 }
    }

    /// Whether nobody can go on with a run; `None` when so many journals were read that it is enough for now.
    fn is_over(&mut self, id: &str) -> Option<bool> {
        if let Some(over) = self.over.get(id) {
            return Some(*over);
        }
        let run = self.kitchen.run(id);
        let stamp = stamp(&run);
        let known = stamp.is_some() && self.stay.get(id) == stamp.as_ref();
        if !known && self.read >= READ {
            return None;
        }
        let over = !known && {
            self.read += 1;
            // Of a run whose journal cannot be read nobody knows.
            let entries = journal::read(&run.journal()).unwrap_or_default();
            let state = State::fold(&entries, "");
            let over = state.end().is_some() && !state.resumable();
            match stamp.filter(|_| !over) {
                Some(stamp) => self.stay.insert(id.to_owned(), stamp),
                None => self.stay.remove(id),
            };
            over && !is_driven(&run.lock())
        };
        self.over.insert(id.to_owned(), over);
        Some(over)
    }

    /// Remembers it for the next clean-up. Lost, it is found out again.
    fn keep(mut self) {
        if self.read > 0 {
            self.stay.retain(|id, _| self.kitchen.run(id).root().is_dir());
            let _ = files::write_json_unsynced(&self.kitchen.pruned(), &(VERSION, self.stay));
        }
    }
}

fn stamp(run: &RunDir) -> Option<Stamp> {
    let facts = run.journal().metadata().ok()?;
    let written = facts.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some((facts.len(), written.as_nanos()))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use serde_json::{Map, json};

    use super::*;
    use crate::core::redact::Redactor;
    use crate::engine::event::{Event, RunEnded, RunStarted, RunStatus};
    use crate::engine::journal::Journal;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    struct Kitchen {
        _root: tempfile::TempDir,
        dir: KitchenDir,
        now: SystemTime,
    }

    impl Kitchen {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let dir = KitchenDir::of(root.path());
            dir.ensure().unwrap();
            Self { _root: root, dir, now: NOW + DAY * 1000 }
        }

        /// A run with sessions of this age in days; it is over, or can be resumed, or has no end.
        fn run(&self, id: &str, ages: &[u32], resumable: Option<bool>) {
            let run = self.dir.run(id);
            files::create_private_dir(run.root()).unwrap();
            let mut journal = Journal::create(&run.journal(), Redactor::new([])).unwrap();
            let mut write = |event| drop(journal.append(Timestamp::now(), event).unwrap());
            let started: RunStarted = serde_json::from_value(json!({
                "run_id": id, "recipe": "soup", "description": "", "recipe_hash": "", "source": "project",
                "orchestrator": "engine", "permissions": "bypass", "repository": "/", "branch": null, "commit": null,
                "dirty": false, "inputs": Map::new(), "rehearsal": null, "autoskillit_version": "0",
            }))
            .unwrap();
            write(Event::RunStarted(started));
            if let Some(resumable) = resumable {
                let end = RunEnded {
                    status: RunStatus::Failed,
                    reason: String::new(),
                    step: None,
                    resumable,
                    fault: None,
                };
                write(Event::RunEnded(end));
            }
            for age in ages {
                let dir = run.session(&format!("s{age}"));
                files::create_private_dir(&dir).unwrap();
                File::open(&dir).unwrap().set_modified(self.now - DAY * *age).unwrap();
            }
        }

        fn prune(&self, keep_sessions: usize, keep_days: u64) -> (usize, Vec<String>) {
            let removed = prune(&self.dir, SessionLogSettings { keep_sessions, keep_days }, self.now);
            let mut left: Vec<String> = logs(&self.dir)
                .into_iter()
                .map(|log| format!("{}/{}", log.run, log.dir.file_name().unwrap().to_string_lossy()))
                .collect();
            left.sort();
            (removed, left)
        }
    }

    #[test]
    fn the_oldest_of_runs_that_are_over_go_first() {
        let kitchen = Kitchen::new();
        kitchen.run("a", &[9, 8], Some(false));
        kitchen.run("b", &[7, 6], Some(true));
        kitchen.run("c", &[5], None);
        kitchen.run("d", &[4, 3], Some(false));
        let all = ["a/s8", "a/s9", "b/s6", "b/s7", "c/s5", "d/s3", "d/s4"].map(str::to_owned).to_vec();
        assert_eq!(kitchen.prune(0, 0), (0, all.clone()), "0 keeps all");
        assert_eq!(kitchen.prune(7, 9), (0, all), "as many and as old as may be");
        assert_eq!(kitchen.prune(6, 0).1, ["a/s8", "b/s6", "b/s7", "c/s5", "d/s3", "d/s4"]);
        assert_eq!(kitchen.prune(4, 0).1, ["b/s6", "b/s7", "c/s5", "d/s3"], "what can be resumed stays");
        assert_eq!(kitchen.prune(0, 3).1, ["b/s6", "b/s7", "c/s5", "d/s3"]);
        assert_eq!(kitchen.prune(1, 1), (1, ["b/s6", "b/s7", "c/s5"].map(str::to_owned).to_vec()));
        assert!(kitchen.dir.run("a").journal().is_file(), "a run keeps its journal");
    }

    #[test]
    fn runs_that_stay_do_not_keep_the_others_from_being_looked_at() {
        let kitchen = Kitchen::new();
        for number in 0..=READ {
            kitchen.run(&format!("a{number:03}"), &[9], Some(true));
        }
        kitchen.run("b", &[8], Some(false));
        assert_eq!(kitchen.prune(1, 0).0, 0, "one clean-up reads so many runs and no more");
        assert_eq!(kitchen.prune(1, 0).0, 1, "the next one goes on where it ended");
        // One that stayed is over now.
        let mut entries = journal::read(&kitchen.dir.run("b").journal()).unwrap();
        let end = entries.pop().unwrap().event;
        let path = kitchen.dir.run("a007").journal();
        let (mut journal, _) = Journal::reopen(&path, Redactor::new([])).unwrap();
        journal.append(Timestamp::now(), end).unwrap();
        let (removed, left) = kitchen.prune(1, 0);
        assert!(removed == 1 && !left.contains(&"a007/s9".to_owned()), "{left:?}");
    }

    #[test]
    fn a_run_that_is_driven_and_a_clean_up_at_work_are_left_alone() {
        let kitchen = Kitchen::new();
        kitchen.run("a", &[9], Some(false));
        let lock = files::append_private(&kitchen.dir.run("a").lock()).unwrap();
        lock.lock().unwrap();
        assert_eq!(kitchen.prune(0, 1).0, 0);
        drop(lock);
        files::create_private_dir(&kitchen.dir.temp()).unwrap();
        let busy = files::append_private(&kitchen.dir.pruning()).unwrap();
        busy.lock().unwrap();
        assert_eq!(kitchen.prune(0, 1).0, 0);
        drop(busy);
        assert_eq!(kitchen.prune(0, 1).0, 1);
    }
}

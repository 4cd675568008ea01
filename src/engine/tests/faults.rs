//! Journals that cannot be written: whatever a disk does at whichever write, a run that is taken up afterwards comes to the same
//! end as one that nothing happened to.

use std::collections::HashSet;
use std::io;
use std::sync::Mutex;

use jiff::Timestamp;
use serde_json::json;
use tokio::sync::watch;

use super::loops::{NESTED, came_to, spread, times};
use super::{drive, redactor};
use crate::core::stop::Stop;
use crate::engine::event::{Entry, Event, News, RunStatus};
use crate::engine::host::{Call, Outcome};
use crate::engine::journal::{self, Journal, JournalError, Paper};
use crate::engine::run::{CookError, Run, entry_step};
use crate::engine::state::State;
use crate::engine::testing::{recipe, started, told};
use crate::recipe::model::Recipe;

/// What a disk does at one write. From then on it takes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ill {
    /// Nothing of the line is written.
    Full,
    /// Half of the line is written, and can be cut away.
    Short,
    /// Half of the line is written, and stays.
    Stuck,
    /// The line is written, cannot be synced, and can be cut away.
    Unsynced,
    /// The line is written, cannot be synced, and stays.
    Kept,
    /// The line is said to be written and is not there when the next one cannot be written.
    Lost,
    /// The end of the line is written and its beginning is not, as when blocks reach the disk out of order.
    Reordered,
}

const ILLS: [Ill; 7] =
    [Ill::Full, Ill::Short, Ill::Stuck, Ill::Unsynced, Ill::Kept, Ill::Lost, Ill::Reordered];

/// A disk that falls ill at a write.
#[derive(Debug)]
struct Failing {
    paper: Box<dyn Paper>,
    ill: Ill,
    /// Writes that go well before that.
    well: usize,
    /// Whether it has fallen ill.
    is_ill: bool,
}

fn broken() -> io::Error {
    io::Error::from(io::ErrorKind::StorageFull)
}

impl Paper for Failing {
    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.is_ill {
            return Err(broken());
        }
        if self.well > 0 {
            self.well -= 1;
            return self.paper.add(bytes);
        }
        self.is_ill = true;
        let half = bytes.len() / 2;
        match self.ill {
            Ill::Full => Err(broken()),
            Ill::Short | Ill::Stuck => self.paper.add(&bytes[..half]).and(Err(broken())),
            Ill::Unsynced | Ill::Kept => self.paper.add(bytes),
            Ill::Lost => Ok(()),
            Ill::Reordered => {
                let mut holes = vec![0; half];
                holes.extend_from_slice(&bytes[half..]);
                self.paper.add(&holes).and(Err(broken()))
            }
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        match self.is_ill && self.ill != Ill::Lost {
            true => Err(broken()),
            false => self.paper.sync(),
        }
    }

    fn cut(&mut self, whole: u64) -> io::Result<()> {
        match self.is_ill && !matches!(self.ill, Ill::Short | Ill::Unsynced) {
            true => Err(broken()),
            false => self.paper.cut(whole),
        }
    }
}

/// Drives a fresh run on a disk that falls ill after `well` writes. Gives what a later process finds; `None` when the run never
/// started, or when it was over before.
fn until_ill(
    recipe: &Recipe,
    ill: Ill,
    well: usize,
    answer: impl Fn(&Call) -> Outcome + Send + Sync,
) -> Option<Vec<Entry>> {
    let shared = std::path::Path::new("/dev/shm");
    let dir = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() }.unwrap();
    let path = dir.path().join("journal.ndjson");
    let journal = Journal::create(&path, redactor()).unwrap();
    let journal = journal.on(|paper| Box::new(Failing { paper, ill, well, is_ill: false }));
    let host = told(answer);
    let (_wish, stop) = watch::channel(Stop::No);
    let news = Mutex::new(Vec::new());
    let watch = |item: &News| {
        if let News::Entry(entry) = item {
            news.lock().unwrap().push(entry.clone());
        }
    };
    let now = || Timestamp::UNIX_EPOCH;
    let state = State::default();
    let mut run = Run { recipe, host: &host, journal, state, watch: &watch, stop, now: &now };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let outcome = runtime.block_on(run.cook(Event::RunStarted(started(json!({ "n": 3 })))));
    let told = news.lock().unwrap().clone();
    assert_eq!(State::fold(&told, entry_step(recipe)), run.state, "the fold is the live state");
    match outcome {
        // Only a lost last line goes unnoticed: nothing was written after it.
        Ok(_) => assert_eq!(ill, Ill::Lost),
        Err(CookError::Journal(_)) => {}
    }
    let found = match journal::read(&path) {
        Err(JournalError::Empty { .. }) => {
            assert!(well == 0, "{ill:?}: what was written is there");
            return None;
        }
        other => other.unwrap(),
    };
    let kept = well + usize::from(ill == Ill::Kept);
    assert_eq!(found.len(), kept, "{ill:?} at write {well}");
    assert_eq!(found[..well], told[..well], "what is written is what was told");
    let (_, reopened) = Journal::reopen(&path, redactor()).unwrap();
    assert_eq!(reopened, found);
    assert_eq!(journal::read(&path).unwrap(), found, "what never happened is cut away");
    Some(found)
}

#[test]
fn a_disk_that_falls_ill_at_any_write_changes_no_end() {
    let recipe = recipe(NESTED);
    for table in [vec![0, 3, 2], vec![5, 0, 4, 1, 3, 2, 0]] {
        let answer = spread(table.clone());
        let (whole, end, _) = drive(&recipe, &[], answer.clone());
        assert_ne!(end.status, RunStatus::Crashed);
        let expected = came_to(&recipe, &whole, &end);
        for (ill, well) in ILLS.iter().flat_map(|ill| (0..whole.len()).map(move |well| (*ill, well))) {
            let Some(found) = until_ill(&recipe, ill, well, answer.clone()) else { continue };
            if State::fold(&found, entry_step(&recipe)).end().is_some() {
                assert_eq!((ill, well), (Ill::Kept, whole.len() - 1), "only the last line ends the run");
                continue;
            }
            let (resumed, end, _) = drive(&recipe, &found, answer.clone());
            assert_eq!(came_to(&recipe, &resumed, &end), expected, "{table:?}, {ill:?} at write {well}");
            assert_eq!(times(&resumed, |event| matches!(event, Event::FinallyStarted { .. })), 1);
            bounded(&resumed);
        }
    }
}

/// No step has more visits than it may, and none is begun again once it is over.
fn bounded(entries: &[Entry]) {
    let mut over = HashSet::new();
    for entry in entries {
        match &entry.event {
            Event::StepStarted { step, visit, attempt, .. } => {
                assert!(!step.ends_with(".work") || *visit <= 2, "{step} has visit {visit}");
                assert!(!over.contains(&(step.clone(), *visit, *attempt)), "{step} runs twice");
            }
            Event::StepEnded { step, visit, attempt, .. } => {
                assert!(over.insert((step.clone(), *visit, *attempt)), "{step} ends twice");
            }
            _ => {}
        }
    }
}

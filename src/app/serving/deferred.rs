//! What a server puts off until its first answer is out: finding runs that were cut off, telling what failed in the last day, clearing
//! away, and looking after the files that we generated. Each part fails by itself, into the audit; the event is set when all are over.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use crate::app::kitchen::{here, redactor, variables};
use crate::app::{lock, runs, settings};
use crate::config::{
    self,
    schema::{file_text, is_ours},
};
use crate::core::files;
use crate::core::paths::{KitchenDir, RunDir};
use crate::engine::event::Entry;
use crate::engine::journal;
use crate::engine::state::State;
use crate::engine::telemetry::Telemetry;
use crate::execution::log::index;
use crate::execution::log::recover::recover;
use crate::pipeline::audit::{Audit, Failure};
use crate::pipeline::readiness::Pending;
use crate::pipeline::supervisor::Supervisor;
use crate::workspace::git::{Checkout, GitError};

/// How far back failures are told, as AutoSkillit 0.9 does.
const TOLD: Duration = Duration::from_secs(24 * 3600);
/// How long the calls of a kitchen that is closed are kept, as long as AutoSkillit 0.9 keeps sessions' folders.
const KEPT: Duration = Duration::from_secs(3 * 24 * 3600);

/// Something that whoever opens the kitchen is told.
#[derive(Debug, Clone)]
pub(super) enum Finding {
    /// It holds until somebody mends it, which the next start sees.
    Said(String),
    /// A run was cut off; told until it goes on.
    CutOff {
        /// The run.
        run: RunDir,
        /// What is told.
        line: String,
    },
}

impl Finding {
    /// What is told, if it still holds. Blocks: it may read a journal.
    pub(super) fn told(&self) -> Option<String> {
        match self {
            Self::Said(line) => Some(line.clone()),
            Self::CutOff { run, line } => {
                let entries = journal::read(&run.journal()).ok()?;
                is_cut_off(run, &State::fold(&entries, "")).then(|| line.clone())
            }
        }
    }
}

pub(super) type Attention = Arc<Mutex<Vec<Finding>>>;

/// Begins all of it in the background.
pub(super) fn begin(
    dir: &Path,
    flags: &[String],
    supervisor: &Supervisor,
    audit: &Arc<Audit>,
    attention: &Attention,
    pending: Pending,
) {
    let (dir, flags) = (dir.to_owned(), flags.to_owned());
    let (audit, attention) = (Arc::clone(audit), Arc::clone(attention));
    // One thread after the other: four at once would only wait for the same disk.
    supervisor.spawn_blocking("start-up work", move || {
        let _pending = pending;
        let checkout = match Checkout::discover(&dir) {
            Ok(checkout) => checkout,
            Err(GitError::NotARepository(_) | GitError::Bare(_)) => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        let kitchen = KitchenDir::of(checkout.top());
        if !kitchen.root().is_dir() {
            return Ok(());
        }
        let part = |label: &str, done: Result<(), String>| {
            if let Err(error) = done {
                tracing::warn!(label, %error, "start-up work failed");
                audit.record(Failure::background(label, &error, Timestamp::now()));
            }
        };
        part("crash recovery and audit reload", reload(checkout.top(), &kitchen, &audit, &attention));
        part("session logs", sessions(checkout.top(), &flags, &kitchen));
        part("clean-up", clean_up(&kitchen));
        part("drift check", drift(&checkout, &kitchen, &attention));
        tracing::info!("start-up work is done");
        Ok(())
    });
}

fn tell(attention: &Attention, finding: Finding) {
    attention.lock().unwrap_or_else(PoisonError::into_inner).push(finding);
}

/// What failed in the runs of the last day, and which of them were cut off.
fn reload(top: &Path, kitchen: &KitchenDir, audit: &Audit, attention: &Attention) -> Result<(), String> {
    let now = Timestamp::now();
    let since = now - TOLD;
    let since = cleared(kitchen).map_or(since, |cleared| since.max(cleared));
    let mut unreadable = Vec::new();
    for id in runs::ids(kitchen) {
        let dir = kitchen.run(&id);
        if is_older(&dir.journal(), TOLD) {
            continue;
        }
        match journal::read(&dir.journal()) {
            Ok(entries) => {
                Telemetry::fold(&id, &entries)
                    .failures
                    .into_iter()
                    .filter(|failure| failure.timestamp > since)
                    .for_each(|failure| audit.record(failure));
                if let Some((failure, line)) = cut_off(top, &id, &dir, &entries) {
                    tell(attention, Finding::CutOff { run: dir, line });
                    if failure.timestamp > since {
                        audit.record(failure);
                    }
                }
            }
            Err(error) => unreadable.push(error.to_string()),
        }
    }
    if unreadable.is_empty() { Ok(()) } else { Err(unreadable.join("; ")) }
}

/// Whether a file was last changed longer ago than this, or is not there.
fn is_older(path: &Path, than: Duration) -> bool {
    let changed = fs::metadata(path).and_then(|facts| facts.modified());
    // A time in the future is not long ago.
    changed.map_or(true, |at| SystemTime::now().duration_since(at).is_ok_and(|age| age > than))
}

fn is_cut_off(run: &RunDir, state: &State) -> bool {
    state.end().is_none() && !lock::is_driven(&run.lock())
}

/// A run without an end that nobody drives, and what to do about it.
fn cut_off(top: &Path, id: &str, dir: &RunDir, entries: &[Entry]) -> Option<(Failure, String)> {
    let state = State::fold(entries, "");
    if !is_cut_off(dir, &state) {
        return None;
    }
    let recipe = state.started.as_ref().map(|started| started.recipe.clone()).unwrap_or_default();
    let step = state.step().unwrap_or_default().to_owned();
    let resume = here(top, "autoskillit", &format!("cook --resume {id}"));
    let line = format!("run {id} of `{recipe}` was cut off at `{step}`; it goes on with `{resume}`");
    let failure = Failure {
        timestamp: state.last_at?,
        run_id: id.to_owned(),
        step,
        skill_command: format!("cook {recipe}"),
        exit_code: None,
        subtype: "crashed".to_owned(),
        needs_retry: true,
        retry_reason: "resume".to_owned(),
        stderr: line.clone(),
    };
    Some((failure, line))
}

/// Completes the logs of sessions whose program went away.
fn sessions(top: &Path, flags: &[String], kitchen: &KitchenDir) -> Result<(), String> {
    // Faulty settings are told to whoever opens the kitchen.
    let loaded = config::load(&settings::sources(Some(top), flags)).ok();
    let redactor =
        redactor(variables(top), loaded.as_ref().and_then(|loaded| loaded.settings.github.token.as_ref()));
    let driven = |run: &RunDir| lock::is_driven(&run.lock());
    let found = recover(kitchen, &redactor, driven).map_err(|error| error.to_string())?;
    index::tidy(kitchen, Timestamp::now());
    if !found.is_empty() {
        tracing::info!(sessions = found.len(), "logs of sessions that were cut off are completed");
    }
    Ok(())
}

fn cleared(kitchen: &KitchenDir) -> Option<Timestamp> {
    fs::read_to_string(kitchen.report_cleared()).ok()?.trim().parse().ok()
}

/// Remembers that the failures until now were told and are to be forgotten.
pub(super) fn clear(kitchen: &KitchenDir) -> std::io::Result<()> {
    kitchen.ensure()?;
    files::create_private_dir(&kitchen.temp())?;
    files::write_atomic(&kitchen.report_cleared(), format!("{}\n", Timestamp::now()).as_bytes())
}

/// Removes the folders of kitchens that were closed long ago. One whose lock is held is in use, however old.
fn clean_up(kitchen: &KitchenDir) -> Result<(), String> {
    let mut failed = Vec::new();
    for entry in fs::read_dir(kitchen.kitchens()).into_iter().flatten().flatten() {
        let path = entry.path();
        let own = RunDir::at(path.clone());
        // One that is being opened at this moment has a folder and no lock yet.
        let opened = if own.lock().exists() { own.lock() } else { path.clone() };
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_folder || !is_older(&opened, KEPT) || lock::is_driven(&own.lock()) {
            continue;
        }
        if let Err(error) = fs::remove_dir_all(&path) {
            failed.push(format!("{}: {error}", path.display()));
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
}

/// Heals what we generated in the folder of the kitchen, and tells what is wrong with what is the user's.
fn drift(checkout: &Checkout, kitchen: &KitchenDir, attention: &Attention) -> Result<(), String> {
    let ignore = kitchen.gitignore();
    // Where we left something, it keeps that out of the repository; where we did not, it is not missed.
    if !ignore.exists() && (kitchen.runs().is_dir() || kitchen.temp().is_dir()) {
        let heal = || -> std::io::Result<()> {
            // Servers of parallel sessions start at once; one of them heals.
            files::create_private_dir(&kitchen.temp())?;
            let lock: File = files::append_private(&kitchen.healing())?;
            lock.lock()?;
            kitchen.ensure()
        };
        heal().map_err(|error| format!("{} cannot be written: {error}", ignore.display()))?;
        tracing::info!(path = %ignore.display(), "written anew");
    }
    // It is in the repository: renewed without being asked, it would show up among the changes of somebody's work.
    let schema = kitchen.schema();
    if fs::read_to_string(&schema).is_ok_and(|text| is_ours(&text) && text != file_text()) {
        let path = schema.display();
        let line = format!("{path} is of another version of autoskillit: `autoskillit init` renews it");
        tell(attention, Finding::Said(line));
    }
    let secrets: PathBuf = kitchen.root().join(".secrets.yaml");
    if secrets.exists() && !checkout.ignores(&secrets) {
        let line = format!(
            "{} holds secrets and git would commit it: add `/.secrets.yaml` to {}",
            secrets.display(),
            ignore.display()
        );
        tell(attention, Finding::Said(line));
    }
    Ok(())
}

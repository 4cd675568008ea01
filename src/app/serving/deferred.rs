//! What a server puts off until its first answer is out: finding runs that were cut off, telling what failed in the last day, clearing
//! away, and looking after the files that we generated. Each part fails by itself, into the audit; the event is set when all are over.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use crate::app::kitchen::variables;
use crate::app::runs;
use crate::config::schema::{file_text, is_ours};
use crate::core::files;
use crate::core::paths::{KitchenDir, RunDir};
use crate::core::redact::Redactor;
use crate::engine::event::{Entry, Event};
use crate::engine::journal;
use crate::engine::state::State;
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

type Attention = Arc<Mutex<Vec<String>>>;

/// Begins all of it in the background.
pub(super) fn begin(
    dir: &Path,
    supervisor: &Supervisor,
    audit: &Arc<Audit>,
    attention: &Attention,
    pending: Pending,
) {
    let dir = dir.to_owned();
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
        part("crash recovery and audit reload", reload(&kitchen, &audit, &attention));
        part("session logs", sessions(&checkout, &kitchen));
        part("clean-up", clean_up(&kitchen));
        part("drift check", drift(&checkout, &kitchen, &attention));
        tracing::info!("start-up work is done");
        Ok(())
    });
}

fn tell(attention: &Attention, line: String) {
    attention.lock().unwrap_or_else(PoisonError::into_inner).push(line);
}

/// What failed in the runs of the last day that nobody drives any more, and which of them were cut off.
fn reload(kitchen: &KitchenDir, audit: &Audit, attention: &Attention) -> Result<(), String> {
    let now = Timestamp::now();
    let since = now - TOLD;
    let since = cleared(kitchen).map_or(since, |cleared| since.max(cleared));
    let mut unreadable = Vec::new();
    for id in recent(kitchen) {
        let dir = kitchen.run(&id);
        match journal::read(&dir.journal()) {
            Ok(entries) => {
                failures(&id, &entries)
                    .into_iter()
                    .filter(|failure| failure.timestamp > since)
                    .for_each(|failure| audit.record(failure));
                if let Some((failure, line)) = cut_off(&id, &dir, &entries) {
                    tell(attention, line);
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

/// Ids of the runs whose journals changed within the time that is told, oldest first.
fn recent(kitchen: &KitchenDir) -> Vec<String> {
    let mut ids: Vec<String> = fs::read_dir(kitchen.runs())
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|id| !is_older(&kitchen.run(id).journal(), TOLD))
        .collect();
    ids.sort();
    ids
}

/// Whether a file was last changed longer ago than this, or is not there.
fn is_older(path: &Path, than: Duration) -> bool {
    let changed = fs::metadata(path).and_then(|facts| facts.modified());
    // A time in the future is not long ago.
    changed.map_or(true, |at| SystemTime::now().duration_since(at).is_ok_and(|age| age > than))
}

/// Every try of a step that failed.
pub(super) fn failures(id: &str, entries: &[Entry]) -> Vec<Failure> {
    let mut begun: HashMap<&str, &str> = HashMap::new();
    let mut found = Vec::new();
    for entry in entries {
        match &entry.event {
            Event::StepStarted { step, what, .. } => {
                begun.insert(step, what);
            }
            Event::StepEnded { step, ok: false, label, summary, result, .. } => {
                let text = |name: &str| result.get(name).and_then(serde_json::Value::as_str);
                found.push(Failure {
                    timestamp: entry.at,
                    run_id: id.to_owned(),
                    step: step.clone(),
                    skill_command: begun.get(step.as_str()).copied().unwrap_or_default().to_owned(),
                    exit_code: result.get("exit_code").and_then(serde_json::Value::as_i64),
                    subtype: label.clone(),
                    needs_retry: result
                        .get("needs_retry")
                        .and_then(serde_json::Value::as_bool)
                        .unwrap_or(false),
                    retry_reason: text("retry_reason").unwrap_or("none").to_owned(),
                    stderr: summary.clone(),
                });
            }
            _ => {}
        }
    }
    found
}

/// A run without an end that nobody drives, and what to do about it.
fn cut_off(id: &str, dir: &RunDir, entries: &[Entry]) -> Option<(Failure, String)> {
    let state = State::fold(entries, "");
    if state.end().is_some() || runs::is_driven(&dir.lock()) {
        return None;
    }
    let recipe = state.started.as_ref().map(|started| started.recipe.clone()).unwrap_or_default();
    let step = state.step().unwrap_or_default().to_owned();
    let line = format!(
        "run {id} of `{recipe}` was cut off at `{step}`; it goes on with `autoskillit cook --resume {id}`"
    );
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
fn sessions(checkout: &Checkout, kitchen: &KitchenDir) -> Result<(), String> {
    let redactor = Redactor::new(variables(checkout.top()));
    let driven = |run: &RunDir| runs::is_driven(&run.lock());
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
        if !is_folder || !is_older(&opened, KEPT) || runs::is_driven(&own.lock()) {
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
        tell(attention, format!("{path} is of another version of autoskillit: `autoskillit init` renews it"));
    }
    let secrets: PathBuf = kitchen.root().join(".secrets.yaml");
    if secrets.exists() && !checkout.ignores(&secrets) {
        tell(
            attention,
            format!(
                "{} holds secrets and git would commit it: add `/.secrets.yaml` to {}",
                secrets.display(),
                ignore.display()
            ),
        );
    }
    Ok(())
}

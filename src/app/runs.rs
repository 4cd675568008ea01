//! The runs of a repository: finding, reading and locking them.

use serde::Serialize;

use super::error::AppError;
use super::lock::{Owner, is_driven};
use crate::core::paths::{KitchenDir, RunDir};
use crate::core::usage::Usage;
use crate::engine::event::{Entry, RunStatus};
use crate::engine::journal::{self, JournalError};
use crate::engine::state::State;

/// One run as lists show it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RunInfo {
    /// Its id.
    pub run_id: String,
    /// Its recipe.
    pub recipe: String,
    /// How it ended; `None` while a process drives it.
    pub status: Option<RunStatus>,
    /// Why it ended.
    pub reason: Option<String>,
    /// The step it ended or stands at.
    pub step: Option<String>,
    /// When it started.
    pub started_at: Option<jiff::Timestamp>,
    /// Milliseconds that its processes took.
    pub elapsed_ms: u64,
    /// What its sessions used.
    pub usage: Usage,
    /// Number of its sessions.
    pub sessions: u32,
    /// Whether `cook --resume` can go on with it.
    pub resumable: bool,
    /// Who drives it, while a process does and says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Why its journal cannot be read; then the rest is empty.
    pub error: Option<String>,
}

/// The runs whose ids begin so, the newest first; one that cannot be read with its error. Each journal is read when its run is asked for.
pub fn newest(kitchen: &KitchenDir, beginning: &str) -> impl Iterator<Item = RunInfo> {
    let ids = ids(kitchen).into_iter().rev().filter(move |id| id.starts_with(beginning));
    ids.map(move |id| info(&kitchen.run(&id), &id))
}

/// The run that `name` means: an id, the beginning of exactly one id, or the last run when no name is given.
///
/// # Errors
/// When there is none, or several begin so.
pub fn find(kitchen: &KitchenDir, name: Option<&str>) -> Result<String, AppError> {
    let ids = ids(kitchen);
    match name {
        None => ids.last().cloned().ok_or_else(|| {
            AppError::usage("there are no runs in this repository")
                .hint("the first one: autoskillit cook <recipe>")
        }),
        Some(name) => {
            let exact = ids.iter().filter(|id| *id == name);
            let mut found: Vec<&String> = exact.collect();
            if found.is_empty() {
                // The tail of an id is what differs between runs of one day, and easier to type.
                found = ids.iter().filter(|id| id.starts_with(name) || id.ends_with(name)).collect();
            }
            match found.as_slice() {
                [one] => Ok((*one).clone()),
                [] => Err(AppError::unknown("run", name, &ids.into_iter().rev().take(5).collect::<Vec<_>>())),
                several => {
                    Err(AppError::usage(format!("`{name}` means {} runs", several.len())).hint(format!(
                        "there are: {}",
                        several.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ")
                    )))
                }
            }
        }
    }
}

/// The newest run that can be resumed.
///
/// # Errors
/// When there is none.
pub fn last_resumable(kitchen: &KitchenDir) -> Result<String, AppError> {
    newest(kitchen, "").find(|run| run.resumable).map(|run| run.run_id).ok_or_else(|| {
        AppError::usage("there is no run to resume in this repository").hint("see `autoskillit runs list`")
    })
}

/// The journal of a run.
///
/// # Errors
/// When it cannot be read.
pub fn entries(dir: &RunDir) -> Result<Vec<Entry>, AppError> {
    journal::read(&dir.journal()).map_err(AppError::from)
}

/// What is known of one run.
fn info(dir: &RunDir, id: &str) -> RunInfo {
    match journal::read(&dir.journal()) {
        Ok(entries) => RunInfo::of(dir, id, &entries),
        Err(error) => RunInfo { run_id: id.to_owned(), error: Some(error.to_string()), ..RunInfo::default() },
    }
}

impl RunInfo {
    /// What the journal of a run says.
    #[must_use]
    pub fn of(dir: &RunDir, id: &str, entries: &[Entry]) -> Self {
        let state = State::fold(entries, "");
        let driven = is_driven(&dir.lock());
        Self {
            run_id: id.to_owned(),
            recipe: state.started.as_ref().map(|started| started.recipe.clone()).unwrap_or_default(),
            status: match state.end() {
                Some(end) => Some(end.status),
                None if driven => None,
                None => Some(RunStatus::Crashed),
            },
            reason: state.end().map(|end| end.reason.clone()),
            step: state.step(),
            started_at: state.first_at,
            elapsed_ms: state.elapsed_ms(state.last_at),
            usage: state.usage,
            sessions: state.sessions,
            resumable: state.resumable() && !driven && !entries.iter().any(|entry| entry.event.is_foreign()),
            owner: driven.then(|| Owner::read(&dir.lock())).flatten(),
            error: None,
        }
    }
}

/// The ids of all runs, oldest first. What was prepared and never began has an empty journal: nothing of it happened, so it is no run.
#[must_use]
pub fn ids(kitchen: &KitchenDir) -> Vec<String> {
    let entries = std::fs::read_dir(kitchen.runs()).into_iter().flatten().flatten();
    let begun = |run: &RunDir| run.journal().metadata().is_ok_and(|facts| facts.is_file() && facts.len() > 0);
    let mut ids: Vec<String> = entries
        .filter(|entry| begun(&RunDir::at(entry.path())))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    ids.sort();
    ids
}

impl From<JournalError> for AppError {
    fn from(error: JournalError) -> Self {
        let app = Self::environment(error.to_string());
        match error {
            JournalError::Damaged { path, .. } => {
                app.hint(format!("what came before that line can be read in {}", path.display()))
            }
            JournalError::Newer { .. } => app.hint("update autoskillit"),
            JournalError::Foreign { version, .. } => {
                app.hint(format!("go on with the run with autoskillit {version}, or a newer one"))
            }
            JournalError::Empty { .. } => app.hint("cook the recipe again: nothing of that run happened"),
            JournalError::Io { .. } => app,
        }
    }
}

//! Where a run's repository is: the folder of a run lies in it and moves with it.

use std::path::{Path, PathBuf};

use crate::app::error::AppError;
use crate::app::kitchen::Kitchen;
use crate::core::paths::KitchenDir;
use crate::engine::event::{Event, RunStarted};
use crate::engine::state::State;
use crate::recipe::expr::text;

/// The entry that says that the repository is at another place than the run knows; nothing when it is not.
///
/// # Errors
/// When this is another repository.
pub(super) fn moved(kitchen: &Kitchen, started: &RunStarted) -> Result<Option<Event>, AppError> {
    let (from, to) = (&started.repository, kitchen.checkout.top());
    if real(from) == real(to) {
        return Ok(None);
    }
    // Before the first commit there is no history to tell repositories by: the run's own folder is in this one.
    if let Some(commit) = started.commit.as_deref().filter(|commit| !kitchen.checkout.has_commit(commit)) {
        let short = commit.get(..12).unwrap_or(commit);
        return Err(AppError::usage(format!(
            "run {} belongs to another repository: it began in {} at commit {short}, which is not in {}",
            started.run_id,
            from.display(),
            to.display()
        ))
        .hint("go on with it there, or cook the recipe here anew")
        .hint("if this is the repository without a part of its history: `git fetch --unshallow`"));
    }
    Ok(Some(Event::Moved { from: from.clone(), to: to.to_owned() }))
}

/// What a person should know about a move.
pub(super) fn told(from: &Path, to: &Path, state: &State, run_id: &str) -> Vec<String> {
    let (old, new) = (from.display(), to.display());
    let mut told = vec![format!("the repository was at {old} and is at {new} now: the run goes on here")];
    if KitchenDir::of(from).run(run_id).journal().is_file() {
        told.push(format!("the run is also still at {old}: go on with it in one place only"));
    }
    let names: Vec<String> = (state.main.context.iter())
        .filter(|(_, value)| text(value).contains(&*from.to_string_lossy()))
        .map(|(name, _)| format!("`context.{name}`"))
        .collect();
    if !names.is_empty() {
        told.push(format!("these variables still name places below {old}: {}", names.join(", ")));
    }
    told
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

//! What a run left behind, and what to do about it.

use super::cook::fault_hint;
use super::kitchen::Kitchen;
use super::runs;
use crate::core::paths::{RunDir, is_ours};
use crate::engine::event::{Aftermath, Change, RunEnded, RunStatus};
use crate::engine::state::State;
use crate::engine::telemetry::Telemetry;
use crate::pipeline::telemetry::tokens::Row;
use crate::recipe::model::Recipe;

/// Looks at the checkout after a run.
#[must_use]
pub fn of(kitchen: &Kitchen, recipe: &Recipe, state: &State, end: &RunEnded, run_dir: &RunDir) -> Aftermath {
    let started = state.started.as_ref();
    let commit = started.and_then(|started| started.commit.as_deref());
    let changes: Vec<Change> = changes(kitchen, commit);
    let dirty = started.is_some_and(|started| started.dirty);
    let moved = commit.is_some() && kitchen.checkout.head().as_deref() != commit;
    let rehearsal = started.is_some_and(|started| started.rehearsal.is_some());
    let undo = match (changes.is_empty(), dirty || rehearsal, moved, commit) {
        (true, ..) | (_, true, ..) => None,
        (_, _, true, Some(commit)) => Some(format!(
            "git stash push --include-untracked; git reset --keep {}",
            &commit[..commit.len().min(12)]
        )),
        _ => Some("git stash push --include-untracked".to_owned()),
    };
    let mut hints = Vec::new();
    if let Some(hint) = fault_hint(end.fault) {
        hints.push(hint.to_owned());
    }
    if dirty && !changes.is_empty() {
        hints.push("the checkout had changes of yours before the run: they are among these".to_owned());
    }
    match (end.status, rehearsal) {
        (RunStatus::Succeeded, true) => {
            if !changes.is_empty() {
                hints.push(format!("what changed: {}", kitchen.here("git", "diff")));
            }
            hints.push(format!("for real, in a repository of yours: autoskillit cook {}", recipe.name));
        }
        (RunStatus::Succeeded, false) if !changes.is_empty() => {
            hints.push(format!("review: {}", kitchen.here("git", "diff")));
        }
        _ => {}
    }
    if end.resumable {
        let id = run_dir.root().file_name().unwrap_or_default().to_string_lossy();
        hints.push(format!("go on: {}", kitchen.here("autoskillit", &format!("cook --resume {id}"))));
    }
    Aftermath {
        changes,
        undo,
        hints,
        usage: state.usage,
        usage_by_step: by_step(run_dir),
        elapsed_ms: state.elapsed_ms(state.last_at),
        run_dir: run_dir.root().to_owned(),
    }
}

/// What each step used; nothing when the journal cannot be read, which whoever reads it next is told.
fn by_step(run_dir: &RunDir) -> Vec<Row> {
    runs::entries(run_dir)
        .map(|entries| Telemetry::fold("", &entries).tokens.report(None))
        .unwrap_or_default()
}

fn changes(kitchen: &Kitchen, commit: Option<&str>) -> Vec<Change> {
    let found = match commit {
        Some(commit) => kitchen.checkout.changed_since(commit),
        None => kitchen.checkout.dirty().map(|dirty| {
            dirty
                .into_iter()
                .map(|dirty| crate::workspace::git::Changed {
                    path: dirty.path,
                    kind: dirty.kind,
                    lines: None,
                })
                .collect()
        }),
    };
    found
        .unwrap_or_default()
        .into_iter()
        .filter(|changed| !is_ours(&changed.path))
        .map(|changed| Change {
            path: changed.path,
            kind: changed.kind,
            added: changed.lines.map(|(added, _)| added),
            deleted: changed.lines.map(|(_, deleted)| deleted),
        })
        .collect()
}

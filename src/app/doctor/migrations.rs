//! Migrations of recipes that did not succeed.

use std::path::Path;
use std::sync::Arc;

use super::facts::Facts;
use super::report::{Check, Group, Topic};
use crate::core::threads::blocking;
use crate::migration::failures::Failures;

pub(super) const MIGRATIONS: Topic = Topic::new(Group::Repository, "migrations", "migrations");

/// Says nothing where nothing was ever migrated.
pub(super) async fn check(facts: Arc<Facts>) -> Vec<Check> {
    let (Some(kitchen), Some(top)) = (facts.kitchen(), facts.top().map(Path::to_owned)) else {
        return vec![];
    };
    blocking(move || {
        let folder = kitchen.temp().join("migrations");
        if folder.is_dir() { vec![judge(&Failures::in_dir(&folder), &top)] } else { vec![] }
    })
    .await
}

fn judge(failures: &Failures, top: &Path) -> Check {
    let kept = match failures.look() {
        Ok(kept) => kept,
        Err(error) => {
            return MIGRATIONS
                .warning(format!("{} cannot be read: {error}", failures.path().display()))
                .means("Which migrations failed is not known.")
                .mend("move it away, and look again: autoskillit migrate --check");
        }
    };
    // A recipe that is gone needs no migration.
    let failed: Vec<_> = kept.iter().filter(|(_, failure)| top.join(&failure.file).exists()).collect();
    if failed.is_empty() {
        return MIGRATIONS.ok("none failed");
    }
    let what = if failed.len() == 1 { "1 recipe is" } else { &format!("{} recipes are", failed.len()) };
    let check = MIGRATIONS
        .warning(format!("{what} not migrated: the last try failed"))
        .means("Each is as it was, in the form of an older version.")
        .mend("see what would change, and what is wrong with it: autoskillit migrate NAME, autoskillit recipes check NAME")
        .mend("mend that in the recipe, then: autoskillit migrate NAME --write");
    let details =
        failed.iter().map(|(name, failure)| format!("{name} ({}): {}", failure.file, failure.error));
    check.details(details)
}

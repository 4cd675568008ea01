//! Setting a repository up. What is there and what a person wishes come in; a plan of writes leaves, each with the text before and
//! after, and is carried out as a whole or not at all. Only [`look`] and [`apply`] touch the disk.

mod apply;
mod facts;
mod mcp;
mod plan;
mod template;

#[cfg(test)]
mod tests;

pub use self::apply::apply;
pub use self::facts::{Facts, There, look};
pub use self::plan::{Action, Known, Lacks, Plan, Planned, Source, Wishes, known, lacks, plan};

use super::kitchen::here;
use crate::core::paths::{KITCHEN_DIR, is_ours};

/// What a person may do next.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Step {
    /// The command, as it is typed from where the person is.
    pub command: String,
    /// What it is good for.
    pub about: &'static str,
}

/// What to do after a setup; `tested` says whether a test command is known, `shared` what a commit would bring to others.
#[must_use]
pub fn next(facts: &Facts, tested: bool, shared: &[&str]) -> Vec<Step> {
    let ours = |command: &str| here(&facts.top, "autoskillit", command);
    let step = |command: String, about| Step { command, about };
    let mut steps = Vec::new();
    if !tested {
        let command = ours("config set test_check.command 'make check'");
        steps.push(step(command, "say how the work is tested"));
    }
    steps.push(step(ours("doctor"), "see whether anything is missing"));
    steps.push(step(ours("cook hello"), "a session that only reads"));
    if tested {
        steps.push(step(ours("cook fix-tests"), "run the tests, mend what fails"));
    }
    if !shared.is_empty() {
        let command = here(&facts.top, "git", &format!("add {}", shared.join(" ")));
        steps.push(step(command, "then commit, for everybody here"));
    }
    steps
}

/// What of a plan's files is to be committed: the folder, and what is outside of it.
#[must_use]
pub fn to_share(plan: &Plan) -> Vec<&'static str> {
    let changed = || plan.files.iter().filter(|file| file.is_written());
    let folder = changed().any(|file| file.path == plan::CONFIG || file.path == plan::SCHEMA);
    let beside = changed().filter(|file| !is_ours(file.path)).map(|file| file.path);
    folder.then_some(KITCHEN_DIR).into_iter().chain(beside).collect()
}

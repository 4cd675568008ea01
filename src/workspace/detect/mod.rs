//! What a repository says about itself: its languages, how it is tested, which branch work starts from, where it is on GitHub.
//! Each is a pure conclusion with what it was drawn from; only [`look`] and [`branch_facts`] ask git and read files.

mod branch;
mod commands;
mod language;
mod remote;

pub use self::branch::{BaseBranch, BranchFacts, BranchReason, base_branch};
pub use self::commands::{Detected, test_command};
pub use self::language::{Language, languages};
pub use self::remote::{Hosted, hosted, without_password};

use super::git::Checkout;

/// What was found out about a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Project {
    /// Its languages, the one with the most files first.
    pub languages: Vec<Language>,
    /// How it is tested.
    pub test_command: Option<Detected>,
    /// The branch that work starts from.
    pub base_branch: Option<BaseBranch>,
    /// The remote that it is shared through, and what is there.
    pub remote: Option<(String, Hosted)>,
}

/// Looks at a checkout. Nothing is changed, and nothing is asked of the network.
#[must_use]
pub fn look(checkout: &Checkout) -> Project {
    let facts = branch_facts(checkout);
    let remote = facts.remote.clone();
    Project {
        languages: languages(checkout.files().iter().map(String::as_str)),
        test_command: test_command(checkout.top()),
        base_branch: base_branch(&facts),
        remote: remote.and_then(|name| {
            let hosted = hosted(&checkout.remote_url(&name)?);
            Some((name, hosted))
        }),
    }
}

/// What a checkout knows about branches.
#[must_use]
pub fn branch_facts(checkout: &Checkout) -> BranchFacts {
    let remote = checkout.remote();
    BranchFacts {
        remote_head: remote.as_deref().and_then(|remote| checkout.remote_head(remote)),
        usual: checkout.setting("init.defaultBranch"),
        there: checkout.branches(remote.as_deref()),
        current: checkout.branch(),
        remote,
    }
}

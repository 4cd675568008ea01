//! The branch that work starts from.

use serde::Serialize;

/// What git knows about branches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BranchFacts {
    /// The remote.
    pub remote: Option<String>,
    /// The branch that the remote has checked out.
    pub remote_head: Option<String>,
    /// What new repositories begin with (`init.defaultBranch`).
    pub usual: Option<String>,
    /// The branches that exist, here or at the remote.
    pub there: Vec<String>,
    /// The one that is checked out; it may have no commit yet.
    pub current: Option<String>,
}

/// Why a branch is taken for the one that work starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BranchReason {
    /// This remote has it checked out.
    RemoteHead(String),
    /// New repositories begin with it (`init.defaultBranch`), and it is there.
    InitDefault,
    /// Its name is the usual one, and it is there.
    UsualName,
    /// It is checked out, and nothing says more.
    Current,
}

/// A branch, and why it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BaseBranch {
    /// Its name.
    pub name: String,
    /// Why it is taken.
    pub because: BranchReason,
}

/// The branch that work starts from; `None` when nothing tells.
#[must_use]
pub fn base_branch(facts: &BranchFacts) -> Option<BaseBranch> {
    let there = |name: &&str| facts.there.iter().any(|branch| branch == name);
    let taken = |name: &str, because| Some(BaseBranch { name: name.to_owned(), because });
    // A remote may have renamed its branch since it was last asked.
    if let (Some(head), Some(remote)) = (facts.remote_head.as_deref().filter(there), &facts.remote) {
        return taken(head, BranchReason::RemoteHead(remote.clone()));
    }
    if let Some(usual) = facts.usual.as_deref().filter(there) {
        return taken(usual, BranchReason::InitDefault);
    }
    if let Some(usual) = ["main", "master"].into_iter().find(there) {
        return taken(usual, BranchReason::UsualName);
    }
    facts.current.as_deref().and_then(|current| taken(current, BranchReason::Current))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_telling_fact_decides() {
        let facts = |head: &str, usual: &str, there: &[&str], current: &str| {
            let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            BranchFacts {
                remote: some("origin"),
                remote_head: some(head),
                usual: some(usual),
                there: there.iter().map(|name| (*name).to_owned()).collect(),
                current: some(current),
            }
        };
        let remote = || BranchReason::RemoteHead("origin".to_owned());
        for (facts, expected) in [
            (facts("trunk", "main", &["trunk", "main"], "x"), Some(("trunk", remote()))),
            // The remote's branch is gone.
            (facts("old", "", &["main", "x"], "x"), Some(("main", BranchReason::UsualName))),
            (facts("", "dev", &["dev", "main"], "x"), Some(("dev", BranchReason::InitDefault))),
            (facts("", "dev", &["master", "x"], "x"), Some(("master", BranchReason::UsualName))),
            (facts("", "", &["main", "master"], "master"), Some(("main", BranchReason::UsualName))),
            (facts("", "main", &["x"], "x"), Some(("x", BranchReason::Current))),
            // No commit yet.
            (facts("", "main", &[], "main"), Some(("main", BranchReason::Current))),
            // Detached.
            (facts("", "", &["x"], ""), None),
        ] {
            let found = base_branch(&facts).map(|found| (found.name, found.because));
            assert_eq!(found, expected.map(|(name, because)| (name.to_owned(), because)), "{facts:?}");
        }
    }
}

//! Which tools may be called again when nobody knows how far a call came.

use super::ToolDecl;

/// Tools that look, wait, or put something into a state that it may have already.
const REPEATABLE: &[&str] = &[
    "test_check",
    "wait_for_ci",
    "get_ci_status",
    "wait_for_merge_queue",
    "check_repo_merge_state",
    "fetch_github_issue",
    "get_issue_title",
    "get_pr_reviews",
    "check_pr_mergeable",
    "set_commit_status",
    "reset_test_dir",
    "kitchen_status",
    "list_recipes",
    "load_recipe",
    "validate_recipe",
];

impl ToolDecl {
    /// Whether a call that was cut off may be made again without asking: done twice, it is as done once.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        self.tags.contains(&"read") || REPEATABLE.contains(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{all, tool, unbuilt};
    use super::*;

    #[test]
    fn every_name_is_that_of_a_tool_and_what_acts_is_not_repeated() {
        let known: Vec<&str> = all().chain(unbuilt()).map(|tool| tool.name).collect();
        for name in REPEATABLE {
            assert!(known.contains(name), "{name}");
        }
        for name in ["run_skill", "run_cmd", "merge_worktree", "push_to_remote", "claim_issue", "clone_repo"]
        {
            assert!(!tool(name).unwrap().is_repeatable(), "{name}");
        }
    }
}

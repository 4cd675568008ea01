//! Tools that recipes name and that steps cannot run yet. They are declared, so that such recipes load and are checked as a whole;
//! a run is refused before its first step.

mod ci;
mod clone;
mod github;
mod reports;
mod work;

use super::ToolDecl;

/// All of them, in the order of the documentation.
pub(super) fn tools() -> impl Iterator<Item = &'static ToolDecl> {
    [work::TOOLS, clone::TOOLS, github::TOOLS, ci::TOOLS, reports::TOOLS].into_iter().flatten()
}

//! The rules, one family a file.

mod bypass;
mod ci;
mod clone;
mod cmd;
mod dataflow;
mod graph;
mod inputs;
mod merge;
mod packs;
mod reachability;
mod skills;
mod tools;
mod verdict;
mod worktree;

use super::Subject;
use super::rule::{Family, Findings, Level, Rule};

/// Every family, in the order of the documentation.
pub(super) static FAMILIES: &[&Family] = &[
    &inputs::FAMILY,
    &tools::FAMILY,
    &skills::FAMILY,
    &verdict::FAMILY,
    &graph::FAMILY,
    &dataflow::FAMILY,
    &reachability::FAMILY,
    &worktree::FAMILY,
    &merge::FAMILY,
    &clone::FAMILY,
    &cmd::FAMILY,
    &bypass::FAMILY,
    &ci::FAMILY,
    &packs::FAMILY,
];

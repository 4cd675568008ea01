//! The rules, one family a file.

mod blocks;
mod bypass;
mod ci;
mod clone;
mod cmd;
mod contracts;
mod dataflow;
mod fixing;
mod graph;
mod handover;
mod inputs;
mod isolation;
mod merge;
mod packs;
mod reachability;
mod records;
mod skill_content;
mod skills;
mod tools;
mod types;
mod verdict;
mod worktree;

use super::Subject;
use super::rule::{Family, Findings, Level, Rule};

/// Every family, in the order of the documentation.
pub(super) static FAMILIES: &[&Family] = &[
    &inputs::FAMILY,
    &tools::FAMILY,
    &types::FAMILY,
    &skills::FAMILY,
    &verdict::FAMILY,
    &graph::FAMILY,
    &dataflow::FAMILY,
    &handover::FAMILY,
    &reachability::FAMILY,
    &worktree::FAMILY,
    &merge::FAMILY,
    &clone::FAMILY,
    &cmd::FAMILY,
    &bypass::FAMILY,
    &fixing::FAMILY,
    &ci::FAMILY,
    &isolation::FAMILY,
    &blocks::FAMILY,
    &packs::FAMILY,
    &contracts::FAMILY,
    &skill_content::FAMILY,
    &records::FAMILY,
];

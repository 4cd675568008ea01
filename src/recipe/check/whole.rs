//! A recipe with its sub-recipes put in, looked at as one: loops, values and ways that lead through a call.
//!
//! Each file was checked by itself before. What is found here belongs to the file of the step that it is about, and is left out
//! where that file's own check told it.

use std::collections::HashSet;
use std::ops::Range;

use super::place::Source;
use super::rule::Policy;
use super::{SkillLookup, Subject};
use crate::recipe::diagnostic::Problem;
use crate::recipe::marks::Marks;
use crate::recipe::model::Recipe;

/// Rules about ways from one step to another.
const WAYS: &[&str] = &[
    "unreachable-step",
    "unbounded-cycle",
    "capture-inversion-detection",
    "may-be-unset",
    "push-before-audit",
    "merge-base-unpublished",
    "clone-root-as-worktree",
    "merge-without-commit-guard",
    "rebase-then-push-requires-force",
    "stale-ref-after-merge",
    "ci-failure-missing-conflict-gate",
    "push-missing-explicit-remote-url",
    "wait-for-merge-queue-routing-conforms-to-expected-targets",
];

/// Rules that cannot be asked of a file whose calls are not put in: a sub-recipe may bound a loop that leads through it.
const ONLY_WHOLE: &[&str] = &["unbounded-cycle"];

/// What to ask of a file whose calls will be put in.
pub(in crate::recipe) fn before_parts(policy: &Policy) -> Policy {
    policy.without(ONLY_WHOLE)
}

/// One of the files that a recipe is made of.
#[derive(Debug, Clone, Copy)]
pub(in crate::recipe) struct File<'a> {
    pub(in crate::recipe) name: &'a str,
    pub(in crate::recipe) text: &'a str,
    pub(in crate::recipe) marks: &'a Marks,
}

/// Checks a recipe whose sub-recipes are put in. Gives problems with the number of their file in `files`, the recipe's own first.
pub(in crate::recipe) fn check_whole(
    recipe: &Recipe,
    files: &[File<'_>],
    skills: &dyn SkillLookup,
    policy: &Policy,
) -> Vec<(usize, Problem)> {
    let mut base = 0;
    let sources: Vec<Source<'_>> = files
        .iter()
        .enumerate()
        .map(|(index, file)| {
            let source = Source {
                file: if index == 0 { "" } else { file.name },
                text: file.text,
                marks: file.marks,
                base,
            };
            // One more, so that the end of a file is not the beginning of the next.
            base += file.text.len() + 1;
            source
        })
        .collect();
    let broken = HashSet::new();
    let mut subject = Subject::new(recipe, &sources, skills, &broken, policy);
    subject.follow_routes();
    let found = subject.ask(|rule| WAYS.contains(&rule.id));
    let mut problems: Vec<(usize, Problem)> = Vec::new();
    for problem in subject.told(found, false) {
        let Some((file, problem)) = in_file(problem, &sources) else { continue };
        if !problems.iter().any(|(other, known)| *other == file && same(known, &problem)) {
            problems.push((file, problem));
        }
    }
    problems
}

/// A problem with the places of the file that it is about.
fn in_file(mut problem: Problem, sources: &[Source<'_>]) -> Option<(usize, Problem)> {
    let file = |range: &Range<usize>| sources.iter().rposition(|source| source.base <= range.start);
    let own = problem.labels.first().and_then(|(range, _)| file(range))?;
    let base = sources[own].base;
    problem.labels.retain(|(range, _)| file(range) == Some(own));
    problem.labels.iter_mut().for_each(|(range, _)| *range = range.start - base..range.end - base);
    Some((own, problem))
}

/// Whether two problems say the same. Names of a sub-recipe are others in the whole, so that a part of a text may only be found as
/// all of it.
pub(in crate::recipe) fn same(one: &Problem, other: &Problem) -> bool {
    let (Some((one_at, _)), Some((other_at, _))) = (one.labels.first(), other.labels.first()) else {
        return false;
    };
    let inside =
        |inner: &Range<usize>, outer: &Range<usize>| outer.start <= inner.start && inner.end <= outer.end;
    one.code == other.code && (inside(one_at, other_at) || inside(other_at, one_at))
}

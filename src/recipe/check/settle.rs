//! What settings and `allow:` say about problems that no rule found. Errors of the text cannot be waved away, because what is wrong is
//! left out of the compiled recipe; warnings can, and settings can make errors of them.

use super::codes::{Known, known};
use super::rule::{Level, Policy};
use crate::recipe::diagnostic::{Problem, Severity};
use crate::recipe::marks::{Marks, Path};
use crate::recipe::model::{Allow, Recipe};
use crate::recipe::nodes::{Kind, Nodes};

/// Applies them to the problems of a file.
pub(in crate::recipe) fn settle(
    problems: &mut Vec<Problem>,
    recipe: &Recipe,
    marks: &Marks,
    policy: &Policy,
) {
    let is_code = |id: &str| matches!(known(id), Some(Known::Code(_)));
    problems.retain_mut(|problem| {
        let level = policy.levels.set_for(problem.code).filter(|_| is_code(problem.code));
        match (problem.severity, level) {
            (Severity::Warning, Some(Level::Error)) => problem.severity = Severity::Error,
            (Severity::Warning, Some(Level::Off)) => return false,
            _ => {}
        }
        true
    });
    for (place, allow) in allowed(recipe) {
        let Some(Known::Code(code)) = known(&allow.rule) else { continue };
        // An `allow:` cannot allow what is said about itself.
        let inside = match &place {
            Some(place) => marks.extent(place),
            None => Some(0..usize::MAX),
        };
        let Some(inside) = inside else { continue };
        let is_meant = |problem: &Problem| {
            problem.code == code.id
                && problem.labels.first().is_some_and(|(at, _)| inside.contains(&at.start))
        };
        let (before, certain) = (
            problems.len(),
            problems.iter().any(|problem| is_meant(problem) && problem.severity == Severity::Error),
        );
        problems.retain(|problem| !is_meant(problem) || problem.severity == Severity::Error);
        if problems.len() < before && !certain {
            continue;
        }
        let id = &allow.rule;
        let at = marks.key(&place.unwrap_or_else(Path::root).key("allow").key(id));
        let (message, label) = match certain {
            true => {
                (format!("`{id}` cannot be allowed: without it there is no recipe to run"), "has no effect")
            }
            false => (format!("`{id}` finds nothing here"), "allows nothing"),
        };
        let problem = Problem::warning("unused-allow", message, at, label);
        problems.push(problem.help("remove it".to_owned()));
    }
}

/// Every `allow:` of a file with the place of its step.
fn allowed(recipe: &Recipe) -> Vec<(Option<Path>, &Allow)> {
    let nodes = Nodes::of(recipe);
    let mut places: Vec<Path> = Vec::new();
    for (node, step) in nodes.values().enumerate() {
        let above = match nodes.kind(node) {
            Kind::Main => Path::root().key("steps"),
            Kind::Finally => Path::root().key("finally"),
            Kind::Body { owner } => places[owner].key("steps"),
        };
        places.push(above.key(&step.name));
    }
    let mut all: Vec<(Option<Path>, &Allow)> = recipe.allow.iter().map(|allow| (None, allow)).collect();
    for (step, place) in nodes.values().zip(places) {
        all.extend(step.allow.iter().map(|allow| (Some(place.clone()), allow)));
    }
    all
}

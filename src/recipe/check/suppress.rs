//! `allow:`: findings that an author accepts, with the reason.

use super::Subject;
use super::codes::{Known, known, names};
use super::rule::{BESIDE, Finding, Level};
use crate::recipe::diagnostic::Problem;
use crate::recipe::marks::Path;
use crate::recipe::model::Allow;
use crate::recipe::suggest;

/// Where an `allow` stands, and how far it reaches.
struct Allowed<'a> {
    allow: &'a Allow,
    /// The name that findings have.
    means: Option<&'static str>,
    /// The step that it stands at.
    step: Option<usize>,
    used: bool,
}

impl<'a> Allowed<'a> {
    fn of(allow: &'a Allow, step: Option<usize>) -> Self {
        Self { allow, means: known(&allow.rule).map(Known::id), step, used: false }
    }
}

impl Subject<'_> {
    /// The problems of what was found, without what the recipe allows. `complete` is whether every rule looked.
    pub(super) fn told(&self, found: Vec<Finding>, complete: bool) -> Vec<Problem> {
        let whole = self.recipe.allow.iter().map(|allow| Allowed::of(allow, None));
        let of_steps = self
            .nodes
            .values()
            .enumerate()
            .flat_map(|(node, step)| step.allow.iter().map(move |allow| Allowed::of(allow, Some(node))));
        let mut places: Vec<Allowed<'_>> = whole.chain(of_steps).collect();
        let mut problems: Vec<Problem> = Vec::new();
        for finding in found {
            let mut allowed = false;
            for place in places.iter_mut().filter(|place| place.means == Some(finding.rule)) {
                let here = place.step.is_none_or(|step| {
                    finding.step.is_some_and(|found| {
                        found == step || self.nodes.loops(found).any(|outer| outer == step)
                    })
                });
                if here {
                    (place.used, allowed) = (true, true);
                }
            }
            if !allowed {
                problems.push(finding.problem);
            }
        }
        for place in places {
            let id = place.allow.rule.as_str();
            let at = match place.step {
                Some(step) => self.key_at(&self.places[step].key("allow").key(id)),
                None => self.marks().key(&Path::root().key("allow").key(id)),
            };
            match known(id) {
                None => {
                    let help = suggest::closest(id, names()).map_or_else(
                        || "`allow:` takes names of rules, as findings show them".to_owned(),
                        |near| format!("did you mean `{near}`?"),
                    );
                    let message = format!("there is no rule `{id}`");
                    problems.push(Problem::error("unknown-rule", message, at, "unknown").help(help));
                }
                Some(_) if place.used || !complete => {}
                // It is not looked for, so it may be needed again.
                Some(Known::Rule(rule)) if self.policy.levels.of(rule, self.recipe.dialect) == Level::Off => {
                }
                // Where it is looked for, the recipe is compiled already.
                Some(Known::Rule(rule)) if BESIDE.contains(&rule.id) => {}
                // `settle` looks at the problems of the text.
                Some(Known::Code(_)) => {}
                Some(Known::Rule(rule)) if rule.run.is_none() => {
                    let message = format!("`{id}` cannot be allowed: without it there is no recipe to run");
                    let problem = Problem::warning("unused-allow", message, at, "has no effect");
                    problems.push(problem.help("remove it".to_owned()));
                }
                Some(Known::Rule(_)) => {
                    let message = format!("`{id}` finds nothing here");
                    let problem = Problem::warning("unused-allow", message, at, "allows nothing");
                    problems.push(problem.help("remove it".to_owned()));
                }
            }
        }
        problems
    }
}

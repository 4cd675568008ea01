//! `allow:`: findings that an author accepts, with the reason.

use super::Subject;
use super::rule::{Finding, rule, rules};
use crate::recipe::diagnostic::Problem;
use crate::recipe::marks::Path;
use crate::recipe::model::Allow;
use crate::recipe::suggest;

/// Where an `allow` stands, and how far it reaches.
struct Allowed<'a> {
    allow: &'a Allow,
    /// The step that it stands at.
    step: Option<usize>,
    used: bool,
}

impl Subject<'_> {
    /// The problems of what was found, without what the recipe allows. `complete` is whether every rule looked.
    pub(super) fn told(&self, found: Vec<Finding>, complete: bool) -> Vec<Problem> {
        let whole = self.recipe.allow.iter().map(|allow| Allowed { allow, step: None, used: false });
        let of_steps = self.nodes.values().enumerate().flat_map(|(node, step)| {
            step.allow.iter().map(move |allow| Allowed { allow, step: Some(node), used: false })
        });
        let mut places: Vec<Allowed<'_>> = whole.chain(of_steps).collect();
        let mut problems: Vec<Problem> = Vec::new();
        for finding in found {
            let mut allowed = false;
            for place in places.iter_mut().filter(|place| place.allow.rule == finding.rule) {
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
            match rule(id) {
                None => {
                    let help = suggest::closest(id, rules().map(|rule| rule.id)).map_or_else(
                        || "`allow:` takes names of rules, as findings show them".to_owned(),
                        |near| format!("did you mean `{near}`?"),
                    );
                    let message = format!("there is no rule `{id}`");
                    problems.push(Problem::error("unknown-rule", message, at, "unknown").help(help));
                }
                Some(_) if place.used || !complete => {}
                Some(rule) if rule.run.is_none() => {
                    let message = format!("`{id}` cannot be allowed: without it there is no recipe to run");
                    let problem = Problem::warning("unused-allow", message, at, "has no effect");
                    problems.push(problem.help("remove it".to_owned()));
                }
                Some(_) => {
                    let message = format!("`{id}` finds nothing here");
                    let problem = Problem::warning("unused-allow", message, at, "allows nothing");
                    problems.push(problem.help("remove it".to_owned()));
                }
            }
        }
        problems
    }
}

//! `allow:`: findings that an author accepts, with the reason.

use super::Subject;
use super::rule::{BESIDE, Finding, rule, rules};
use crate::recipe::diagnostic::Problem;
use crate::recipe::marks::Path;
use crate::recipe::model::Allow;
use crate::recipe::suggest;

/// Where an `allow` stands, and how far it reaches.
struct Place<'a> {
    allow: &'a Allow,
    step: Option<&'a str>,
    used: bool,
}

impl Subject<'_> {
    /// The problems of what was found, without what the recipe allows. `complete` is whether every rule looked.
    pub(super) fn told(&self, found: Vec<Finding>, complete: bool) -> Vec<Problem> {
        let whole = self.recipe.allow.iter().map(|allow| Place { allow, step: None, used: false });
        let of_steps = self.recipe.steps.values().flat_map(|step| {
            step.allow.iter().map(|allow| Place { allow, step: Some(&step.name), used: false })
        });
        let mut places: Vec<Place<'_>> = whole.chain(of_steps).collect();
        let mut problems: Vec<Problem> = Vec::new();
        for finding in found {
            let mut allowed = false;
            for place in places.iter_mut().filter(|place| place.allow.rule == finding.rule) {
                if place.step.is_none() || place.step == finding.step.as_deref() {
                    (place.used, allowed) = (true, true);
                }
            }
            if !allowed {
                problems.push(finding.problem);
            }
        }
        for place in places {
            let id = place.allow.rule.as_str();
            let base = place.step.map_or_else(Path::root, |step| self.step_path(step));
            let at = self.marks.key(&base.key("allow").key(id));
            match rule(id) {
                None => {
                    let help = suggest::closest(id, rules().map(|rule| rule.id)).map_or_else(
                        || "`allow:` takes names of rules, as findings show them".to_owned(),
                        |near| format!("did you mean `{near}`?"),
                    );
                    let message = format!("there is no rule `{id}`");
                    problems.push(Problem::error("unknown-rule", message, at, "unknown").help(help));
                }
                Some(rule) if place.used || !complete || BESIDE.contains(&rule.id) => {}
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

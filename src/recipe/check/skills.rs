//! Skills that steps run.

use super::Subject;
use crate::recipe::expr::Template;
use crate::recipe::model::{Arg, Step, StepKind};

/// The skill that a step names in its text.
pub(super) struct Named<'a> {
    /// Its name without prefix.
    pub(super) name: &'a str,
    /// The parameter that names it.
    pub(super) param: &'static str,
}

impl Subject<'_> {
    /// The skill of a `run_skill` step, when its name is not computed.
    pub(super) fn skill_of<'s>(&self, step: &'s Step) -> Option<Named<'s>> {
        named(step)
    }
}

/// The name of the skill that a step runs, when it is not computed.
#[must_use]
pub fn called_skill(step: &Step) -> Option<&str> {
    named(step).map(|named| named.name)
}

fn named(step: &Step) -> Option<Named<'_>> {
    let StepKind::Tool { tool, with } = &step.kind else { return None };
    if tool.name != "run_skill" {
        return None;
    }
    for param in ["skill", "skill_command"] {
        let text = match with.get(param) {
            Some(Arg::Literal(value)) => value.as_str()?,
            Some(Arg::Template(template)) if param == "skill_command" => Template::source(template),
            _ => continue,
        };
        let word = text.split_whitespace().next()?;
        // A value, or a word that a model replaces.
        if word.contains('{') || (param == "skill_command" && !word.starts_with('/')) {
            return None;
        }
        let name = word.trim_start_matches('/');
        return Some(Named { name: name.rsplit_once(':').map_or(name, |(_, name)| name), param });
    }
    None
}

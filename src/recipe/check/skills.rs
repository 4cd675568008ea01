//! Skills that steps run.

use super::Subject;
use crate::recipe::diagnostic::Problem;
use crate::recipe::expr::Template;
use crate::recipe::model::{Arg, Step, StepKind};
use crate::recipe::suggest;

/// The skill that a step names in its text.
pub(super) struct Named<'a> {
    /// Its name without prefix.
    pub(super) name: &'a str,
    /// The parameter that names it.
    param: &'static str,
}

impl Subject<'_> {
    /// The skill of a `run_skill` step, when its name is not computed.
    pub(super) fn skill_of<'s>(&self, step: &'s Step) -> Option<Named<'s>> {
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
            if word.contains("${{") || (param == "skill_command" && !word.starts_with('/')) {
                return None;
            }
            let name = word.trim_start_matches('/');
            return Some(Named { name: name.rsplit_once(':').map_or(name, |(_, name)| name), param });
        }
        None
    }

    pub(super) fn skills(&self, problems: &mut Vec<Problem>) {
        for step in self.recipe.steps.values() {
            let Some(skill) = self.skill_of(step) else { continue };
            if self.skills.exists(skill.name) {
                continue;
            }
            let names = self.skills.names();
            let help = suggest::help(skill.name, "skills", names.iter().map(String::as_str));
            let message = format!("there is no skill `{}`", skill.name);
            let at = self.marks.at(&self.arg_path(&step.name, skill.param));
            problems.push(Problem::error("unknown-skill", message, at, "unknown skill").help(help));
        }
    }
}

//! Values never become code: interpolations in shell texts are quoted, or marked on purpose.

use super::Subject;
use crate::catalog::ParamKind;
use crate::recipe::diagnostic::Problem;
use crate::recipe::model::{Arg, StepKind};

impl Subject<'_> {
    pub(super) fn shell(&self, problems: &mut Vec<Problem>) {
        for step in self.recipe.steps.values() {
            let StepKind::Tool { tool, with } = &step.kind else { continue };
            for (name, arg) in with {
                if tool.param(name).is_none_or(|param| param.kind != ParamKind::Shell) {
                    continue;
                }
                let Arg::Template(template) = arg else { continue };
                let path = self.arg_path(&step.name, name);
                for (expr, range) in template.interpolations().filter(|(expr, _)| !expr.is_shell_safe()) {
                    let at = self.within(&path, template, range);
                    let help = format!(
                        "write `${{{{ {} | sh }}}}`, or pass it through `argv:` or `env:`",
                        operand(expr.source())
                    );
                    let message = "a value would become part of a shell text without quotes";
                    problems.push(Problem::error("unquoted", message, at, "not quoted").help(help));
                }
            }
        }
    }
}

/// An expression as the operand of a filter.
fn operand(source: &str) -> String {
    // A filter binds more tightly than every operator.
    let is_chain = !source.contains(|other: char| "+-*/%~<>=".contains(other))
        && ![" and ", " or ", " if ", " in ", " is "].iter().any(|word| source.contains(word))
        && !source.starts_with("not ");
    if is_chain { source.to_owned() } else { format!("({source})") }
}

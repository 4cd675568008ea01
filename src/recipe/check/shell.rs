//! Values never become code: interpolations in shell texts are quoted, or marked on purpose.

use std::ops::Range;

use super::Subject;
use crate::catalog::ParamKind;
use crate::recipe::diagnostic::Problem;
use crate::recipe::expr::Expr;
use crate::recipe::model::{Arg, StepKind};
use crate::recipe::quoting::{Around, around};

impl Subject<'_> {
    pub(super) fn shell(&self, problems: &mut Vec<Problem>) {
        for step in self.nodes.values() {
            let StepKind::Tool { tool, with } = &step.kind else { continue };
            for (name, arg) in with {
                if tool.param(name).is_none_or(|param| param.kind != ParamKind::Shell) {
                    continue;
                }
                let Arg::Template(template) = arg else { continue };
                let path = self.arg_place(step, name);
                let places: Vec<_> = template.interpolations().map(|(_, range)| range.clone()).collect();
                let around = around(template.source(), &places);
                for ((expr, range), around) in template.interpolations().zip(around) {
                    let at = self.within(&path, template, range);
                    problems.extend(judge(expr, around, at));
                }
            }
        }
    }
}

fn judge(expr: &Expr, around: Option<Around>, at: Range<usize>) -> Option<Problem> {
    let other = "pass it through `argv:` or `env:`";
    if !expr.is_shell_safe() {
        let aside = match around {
            Some(Around::SingleQuotes | Around::DoubleQuotes) => " without the quotes around it",
            _ => "",
        };
        let help = format!("write `${{{{ {} | sh }}}}`{aside}, or {other}", operand(expr.source()));
        let message = "a value would become part of a shell text without quotes";
        return Some(Problem::error("unquoted", message, at, "not quoted").help(help));
    }
    let around = around.filter(|_| expr.is_quoted())?;
    let message = format!("`| sh` writes quotes, which have no effect in {}", around.noun());
    let help = match around {
        Around::SingleQuotes | Around::DoubleQuotes => format!("remove the quotes around it, or {other}"),
        Around::Backticks => format!("write `$(…)` instead of backticks, or {other}"),
        Around::HereDocument | Around::Arithmetic | Around::Unclear => {
            "pass it through `env:`, and read the variable".to_owned()
        }
        Around::Backslash => format!("remove the backslash before it, or {other}"),
        Around::Comment => "remove it from the comment".to_owned(),
    };
    Some(Problem::error("quoted-inside", message, at, &format!("in {}", around.noun())).help(help))
}

/// An expression as the operand of a filter.
fn operand(source: &str) -> String {
    // A filter binds more tightly than every operator.
    let is_chain = !source.contains(|other: char| "+-*/%~<>=".contains(other))
        && ![" and ", " or ", " if ", " in ", " is "].iter().any(|word| source.contains(word))
        && !source.starts_with("not ");
    if is_chain { source.to_owned() } else { format!("({source})") }
}

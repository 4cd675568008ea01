//! What an expression reads and whether it may stand in a shell text, from its syntax tree.

use std::ops::Range;

use minijinja::machinery::ast::{CallArg, Expr};
use minijinja::machinery::{Span, parse_expr};

use super::{ExprError, NAMESPACES, Reference, machine};
use crate::recipe::suggest;

/// What the tree of one expression says.
pub(super) struct Analysis {
    pub(super) paths: Vec<Path>,
    pub(super) references: Vec<Reference>,
    pub(super) shell: Shell,
    pub(super) test: super::test::Test,
}

/// What an expression writes into a shell text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shell {
    /// Something that may be code.
    Loose,
    /// What its author marked with `raw`.
    Raw,
    /// One quoted word, at least in one case.
    Quoted,
}

/// One chain of names, such as `result.report.verdict`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) segments: Vec<String>,
    /// Whether the expression copes with its absence somewhere.
    pub(super) guarded: bool,
}

/// Parses `source` and reads its tree.
pub(super) fn analyse(source: &str) -> Result<Analysis, ExprError> {
    let whole = 0..source.len();
    machine::check_size(source)?;
    if source.trim().is_empty() {
        return Err(ExprError { message: "the expression is empty".to_owned(), help: None, span: whole });
    }
    let tree = parse_expr(source).map_err(|error| machine::syntax_error(source, &error))?;
    let mut walk = Walk { found: Vec::new(), problem: None };
    walk.expr(&tree);
    if let Some(problem) = walk.problem {
        return Err(problem);
    }
    Ok(walk.finish(shell(&tree), super::test::of(&tree)))
}

fn shell(tree: &Expr<'_>) -> Shell {
    match tree {
        Expr::Filter(filter) if filter.name == "sh" => Shell::Quoted,
        Expr::Filter(filter) if filter.name == "raw" => Shell::Raw,
        Expr::IfExpr(choice) => {
            let one = shell(&choice.true_expr);
            let other = choice.false_expr.as_ref().map_or(Shell::Loose, shell);
            if one.min(other) == Shell::Loose { Shell::Loose } else { one.max(other) }
        }
        _ => Shell::Loose,
    }
}

struct Walk {
    found: Vec<(Path, Range<usize>)>,
    problem: Option<ExprError>,
}

impl Walk {
    fn finish(self, shell: Shell, test: super::test::Test) -> Analysis {
        let guards: Vec<Vec<String>> = self
            .found
            .iter()
            .filter(|(path, _)| path.guarded)
            .map(|(path, _)| path.segments.clone())
            .collect();
        let mut paths: Vec<Path> = Vec::new();
        let mut references = Vec::new();
        for (path, span) in self.found {
            let is_guarded = |segments: &[String]| guards.iter().any(|guard| guard == segments);
            references.push(Reference {
                namespace: path.segments[0].clone(),
                name: path.segments.get(1).cloned(),
                guarded: path.segments.len() > 1 && is_guarded(&path.segments[..2]),
                span,
            });
            // Every prefix counts: `context.a` may be guarded where `context.a.b` is not.
            for length in 1..=path.segments.len() {
                let segments = path.segments[..length].to_vec();
                if !paths.iter().any(|known| known.segments == segments) {
                    paths.push(Path { guarded: is_guarded(&segments), segments });
                }
            }
        }
        Analysis { paths, references, shell, test }
    }

    fn fail(&mut self, span: Span, message: String, help: Option<String>) {
        self.problem.get_or_insert(ExprError { message, help, span: range(span) });
    }

    fn expr(&mut self, expr: &Expr<'_>) {
        if self.chain(expr, false) {
            return;
        }
        match expr {
            Expr::Var(_) | Expr::Const(_) => {}
            Expr::Slice(slice) => {
                self.expr(&slice.expr);
                self.options([&slice.start, &slice.stop, &slice.step]);
            }
            Expr::UnaryOp(operation) => self.expr(&operation.expr),
            Expr::BinOp(operation) => {
                self.expr(&operation.left);
                self.expr(&operation.right);
            }
            Expr::Compare(comparison) => {
                self.expr(&comparison.expr);
                comparison.ops.iter().for_each(|next| self.expr(&next.expr));
            }
            Expr::IfExpr(choice) => {
                self.expr(&choice.test_expr);
                self.expr(&choice.true_expr);
                self.options([&choice.false_expr]);
            }
            Expr::Filter(filter) => {
                if let Err(near) = machine::check_filter(filter.name) {
                    let help = near.map(|near| format!("did you mean `{near}`?"));
                    self.fail(filter.span(), format!("there is no filter `{}`", filter.name), help);
                }
                let copes = matches!(filter.name, "default" | "d");
                if let Some(inner) = &filter.expr
                    && !(copes && self.chain(inner, true))
                {
                    self.expr(inner);
                }
                self.args(&filter.args);
            }
            Expr::Test(test) => {
                if let Err(near) = machine::check_test(test.name) {
                    let help = near.map(|near| format!("did you mean `{near}`?"));
                    self.fail(test.span(), format!("there is no test `is {}`", test.name), help);
                }
                let copes = matches!(test.name, "defined" | "undefined");
                if !(copes && self.chain(&test.expr, true)) {
                    self.expr(&test.expr);
                }
                self.args(&test.args);
            }
            Expr::GetAttr(access) => self.expr(&access.expr),
            Expr::GetItem(access) => {
                if let Expr::Var(variable) = &access.expr
                    && NAMESPACES.contains(&variable.id)
                {
                    let help = Some(format!("write `{}.name`", variable.id));
                    let message = format!("a name in `{}` must be written out", variable.id);
                    self.fail(access.span(), message, help);
                }
                self.expr(&access.expr);
                self.expr(&access.subscript_expr);
            }
            Expr::Call(call) => {
                match &call.expr {
                    Expr::Var(function) if machine::has_function(function.id) => {}
                    Expr::Var(function) => {
                        let help = suggest::help(function.id, "functions", ["range", "dict"]);
                        self.fail(call.span(), format!("there is no function `{}`", function.id), help);
                    }
                    _ => {
                        let help = Some("use a filter, such as `| trim`".to_owned());
                        self.fail(call.span(), "values have no methods".to_owned(), help);
                    }
                }
                self.args(&call.args);
            }
            Expr::List(list) => list.items.iter().for_each(|item| self.expr(item)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.expr(item)),
            Expr::Map(map) => map.keys.iter().chain(&map.values).for_each(|item| self.expr(item)),
        }
    }

    /// Records `expr` when it is a plain chain of names.
    fn chain(&mut self, expr: &Expr<'_>, guarded: bool) -> bool {
        let Some((segments, first)) = segments(expr) else { return false };
        // The span of an access leaves out the start of a longer chain.
        let span = range(first).start..range(expr.span()).end;
        self.found.push((Path { segments, guarded }, span));
        true
    }

    fn options<const N: usize>(&mut self, all: [&Option<Expr<'_>>; N]) {
        all.into_iter().flatten().for_each(|expr| self.expr(expr));
    }

    fn args(&mut self, args: &[CallArg<'_>]) {
        for arg in args {
            match arg {
                CallArg::Pos(expr)
                | CallArg::Kwarg(_, expr)
                | CallArg::PosSplat(expr)
                | CallArg::KwargSplat(expr) => self.expr(expr),
            }
        }
    }
}

pub(super) fn segments(expr: &Expr<'_>) -> Option<(Vec<String>, Span)> {
    let mut names = Vec::new();
    let mut rest = expr;
    loop {
        match rest {
            Expr::Var(variable) => {
                names.push(variable.id.to_owned());
                names.reverse();
                return Some((names, variable.span()));
            }
            Expr::GetAttr(access) => {
                names.push(access.name.to_owned());
                rest = &access.expr;
            }
            Expr::GetItem(access) => {
                let Expr::Const(key) = &access.subscript_expr else { return None };
                names.push(key.value.as_str()?.to_owned());
                rest = &access.expr;
            }
            _ => return None,
        }
    }
}

fn range(span: Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

//! Which type an expression has, and what in it is certainly wrong. What is not known is never wrong.

use std::ops::Range;

use minijinja::machinery::ast::{BinOpKind, CallArg, CompareOpKind, Expr, UnaryOpKind};
use minijinja::machinery::{Span, parse_expr};
use serde_json::Value;

use super::kinds::Type;
use super::{Mode, analyse, loose, value};
use crate::recipe::suggest;

/// Something that is wrong in every run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// What kind of mistake.
    pub kind: MisfitKind,
    /// What is wrong, as a sentence without a period.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
    /// Where, in bytes of the expression's source.
    pub span: Range<usize>,
}

/// Kinds of mistakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MisfitKind {
    /// A comparison that comes out the same in every run, because of the types of its sides.
    Comparison,
    /// A value that is none of those which are possible.
    Choice,
    /// An operator or filter that fails on every value that it can be given.
    Operand,
}

/// The type of a chain of names.
pub type Names<'a> = dyn Fn(&[String]) -> Type + 'a;

/// The type of an expression that was analysed before, and what is wrong in it.
pub(super) fn infer(source: &str, mode: Mode, names: &Names<'_>) -> (Type, Vec<Misfit>) {
    let mut infer = Infer { source, mode, names, found: Vec::new() };
    // It was parsed before, so this does not fail.
    let kind = parse_expr(source).map_or(Type::UNKNOWN, |tree| infer.expr(&tree));
    (kind, infer.found)
}

struct Infer<'a> {
    source: &'a str,
    mode: Mode,
    names: &'a Names<'a>,
    found: Vec<Misfit>,
}

/// Filters that give a text, whatever they are given.
const TEXTS: &[&str] =
    &["join", "lower", "raw", "replace", "sh", "string", "title", "tojson", "trim", "upper"];
/// Filters that give a number.
const NUMBERS: &[&str] = &["abs", "count", "float", "int", "length", "round", "sum"];
/// Filters that give `true` or `false`.
const BOOLS: &[&str] =
    &["bool", "flag", "is_above", "is_at_least", "is_at_most", "is_below", "is_same", "is_set"];
/// Filters that give a list.
const LISTS: &[&str] = &[
    "items",
    "lines",
    "list",
    "map",
    "reject",
    "rejectattr",
    "select",
    "selectattr",
    "sort",
    "split",
    "unique",
];

/// Filters that fail on these types.
pub(super) fn refuses(filter: &str) -> &'static [Type] {
    match filter {
        "abs" | "round" => &[Type::TEXT, Type::LIST, Type::MAP],
        "int" | "float" => &[Type::LIST, Type::MAP],
        "sum" | "unique" | "select" | "reject" | "min" | "max" => &[Type::NUMBER, Type::BOOL],
        "length" | "count" | "first" | "last" | "join" | "sort" | "map" => &[Type::NUMBER, Type::BOOL],
        "items" => &[Type::TEXT, Type::NUMBER, Type::BOOL, Type::LIST],
        _ => &[],
    }
}

impl Infer<'_> {
    fn tell(&mut self, kind: MisfitKind, span: Range<usize>, message: String, help: Option<String>) {
        self.found.push(Misfit { kind, message, help, span });
    }

    fn written(&self, tree: &Expr<'_>) -> String {
        self.source.get(span(tree)).unwrap_or("this").trim().to_owned()
    }

    fn expr(&mut self, tree: &Expr<'_>) -> Type {
        if let Some((segments, _)) = analyse::segments(tree) {
            return (self.names)(&segments);
        }
        match tree {
            Expr::Const(constant) => {
                value::to_json(&constant.value).map_or(Type::UNKNOWN, |it| Type::value(&it))
            }
            Expr::UnaryOp(operation) => {
                let inner = self.expr(&operation.expr);
                match operation.op {
                    UnaryOpKind::Not => Type::BOOL,
                    UnaryOpKind::Neg => {
                        self.numeric("-", &operation.expr, &inner);
                        Type::NUMBER
                    }
                }
            }
            Expr::BinOp(operation) => {
                self.binary(operation.op, &operation.left, &operation.right, span(tree))
            }
            Expr::Compare(comparison) => {
                let mut left = &comparison.expr;
                for next in &comparison.ops {
                    self.compare(left, next.op, &next.expr, span(tree));
                    left = &next.expr;
                }
                Type::BOOL
            }
            Expr::IfExpr(choice) => {
                self.expr(&choice.test_expr);
                let one = self.expr(&choice.true_expr);
                match &choice.false_expr {
                    Some(other) => one.or(self.expr(other)),
                    None => Type::UNKNOWN,
                }
            }
            Expr::Filter(filter) => self.filter(filter.name, filter.expr.as_ref(), &filter.args, span(tree)),
            Expr::Test(test) => {
                // `is defined` asks whether there is a value at all.
                self.expr(&test.expr);
                self.args(&test.args);
                Type::BOOL
            }
            Expr::List(list) => {
                list.items.iter().for_each(|item| drop(self.expr(item)));
                Type::LIST
            }
            Expr::Tuple(tuple) => {
                tuple.items.iter().for_each(|item| drop(self.expr(item)));
                Type::LIST
            }
            Expr::Map(map) => {
                map.keys.iter().chain(&map.values).for_each(|item| drop(self.expr(item)));
                Type::MAP
            }
            Expr::Call(call) => {
                self.args(&call.args);
                match &call.expr {
                    Expr::Var(function) if function.id == "range" => Type::LIST,
                    Expr::Var(function) if function.id == "dict" => Type::MAP,
                    _ => Type::UNKNOWN,
                }
            }
            Expr::GetAttr(access) => {
                self.expr(&access.expr);
                Type::UNKNOWN
            }
            Expr::GetItem(access) => {
                self.expr(&access.expr);
                self.expr(&access.subscript_expr);
                Type::UNKNOWN
            }
            Expr::Slice(slice) => {
                self.expr(&slice.expr);
                Type::UNKNOWN
            }
            Expr::Var(_) => Type::UNKNOWN,
        }
    }

    fn args(&mut self, args: &[CallArg<'_>]) -> Vec<Type> {
        args.iter()
            .map(|arg| match arg {
                CallArg::Pos(expr)
                | CallArg::Kwarg(_, expr)
                | CallArg::PosSplat(expr)
                | CallArg::KwargSplat(expr) => self.expr(expr),
            })
            .collect()
    }

    fn binary(&mut self, op: BinOpKind, left: &Expr<'_>, right: &Expr<'_>, at: Range<usize>) -> Type {
        let comparison = match op {
            BinOpKind::Eq => Some(CompareOpKind::Eq),
            BinOpKind::Ne => Some(CompareOpKind::Ne),
            BinOpKind::Lt => Some(CompareOpKind::Lt),
            BinOpKind::Lte => Some(CompareOpKind::Lte),
            BinOpKind::Gt => Some(CompareOpKind::Gt),
            BinOpKind::Gte => Some(CompareOpKind::Gte),
            BinOpKind::In => Some(CompareOpKind::In),
            _ => None,
        };
        if let Some(op) = comparison {
            self.compare(left, op, right, at);
            return Type::BOOL;
        }
        let (one, other) = (self.expr(left), self.expr(right));
        match op {
            BinOpKind::ScAnd | BinOpKind::ScOr => return one.or(other),
            _ => {}
        }
        // Null fails where a value would: what counts is the value that is meant.
        let (one, other) = (one.present(), other.present());
        match op {
            BinOpKind::Concat => Type::TEXT,
            BinOpKind::Add => {
                let plain = [&Type::NUMBER, &Type::TEXT, &Type::LIST];
                if one.is_only(&plain) && other.is_only(&plain) && one.excludes(&other) {
                    let help = match one.is_only(&[&Type::TEXT]) || other.is_only(&[&Type::TEXT]) {
                        true => {
                            Some("make a number of a text with `| int`, or join texts with `~`".to_owned())
                        }
                        false => None,
                    };
                    let message = format!("`+` cannot add {} and {}", one.noun(), other.noun());
                    self.tell(MisfitKind::Operand, at, message, help);
                }
                if one.is_only(&[&Type::NUMBER]) && other.is_only(&[&Type::NUMBER]) {
                    Type::NUMBER
                } else {
                    Type::UNKNOWN
                }
            }
            BinOpKind::Sub => self.arithmetic("-", [(left, one), (right, other)]),
            BinOpKind::Div => self.arithmetic("/", [(left, one), (right, other)]),
            BinOpKind::FloorDiv => self.arithmetic("//", [(left, one), (right, other)]),
            BinOpKind::Rem => self.arithmetic("%", [(left, one), (right, other)]),
            BinOpKind::Pow => self.arithmetic("**", [(left, one), (right, other)]),
            // A text times a number repeats it.
            _ => Type::UNKNOWN,
        }
    }

    fn arithmetic(&mut self, op: &str, sides: [(&Expr<'_>, Type); 2]) -> Type {
        for (tree, kind) in &sides {
            self.numeric(op, tree, kind);
        }
        Type::NUMBER
    }

    /// Tells an operand that is certainly no number.
    fn numeric(&mut self, op: &str, tree: &Expr<'_>, kind: &Type) {
        let kind = kind.clone().present();
        if kind.is_only(&[&Type::TEXT, &Type::LIST, &Type::MAP]) {
            let help = kind.is_only(&[&Type::TEXT]).then(|| {
                "make a number of it with `| int`, or give it a type where it is declared".to_owned()
            });
            let message = format!("`{op}` needs numbers, and `{}` is {}", self.written(tree), kind.noun());
            self.tell(MisfitKind::Operand, span(tree), message, help);
        }
    }

    fn filter(
        &mut self,
        name: &str,
        inner: Option<&Expr<'_>>,
        args: &[CallArg<'_>],
        at: Range<usize>,
    ) -> Type {
        let Some(tree) = inner else { return Type::UNKNOWN };
        let op = match name {
            "is_same" => Some(CompareOpKind::Eq),
            "is_below" => Some(CompareOpKind::Lt),
            "is_at_most" => Some(CompareOpKind::Lte),
            "is_above" => Some(CompareOpKind::Gt),
            "is_at_least" => Some(CompareOpKind::Gte),
            _ => None,
        };
        if let (Some(op), [CallArg::Pos(other)]) = (op, args) {
            let (one, two) = (self.expr(tree), self.expr(other));
            self.loosely(op, (tree, &one), (other, &two), at);
            return Type::BOOL;
        }
        let kind = self.expr(tree);
        let given = self.args(args);
        let refused: Vec<&Type> = refuses(name).iter().collect();
        if !refused.is_empty() && kind.clone().present().is_only(&refused) {
            let kind = kind.clone().present();
            let message =
                format!("`| {name}` does not work on {}, which `{}` is", kind.noun(), self.written(tree));
            self.tell(MisfitKind::Operand, at, message, None);
        }
        match name {
            "default" | "d" => match given.into_iter().next() {
                // With a second argument it also replaces what is empty.
                Some(other) => kind.present().or(other),
                None => kind.present().or(Type::TEXT),
            },
            "trim" if args.is_empty() && kind.choices().is_some() && !kind.may_be_null() => {
                kind.mapped(|text| text.trim().to_owned())
            }
            "lower" if kind.choices().is_some() && !kind.may_be_null() => kind.mapped(str::to_lowercase),
            "upper" if kind.choices().is_some() && !kind.may_be_null() => kind.mapped(str::to_uppercase),
            name if TEXTS.contains(&name) => Type::TEXT,
            name if NUMBERS.contains(&name) => Type::NUMBER,
            name if BOOLS.contains(&name) => Type::BOOL,
            name if LISTS.contains(&name) => Type::LIST,
            _ => Type::UNKNOWN,
        }
    }

    fn compare(&mut self, left: &Expr<'_>, op: CompareOpKind, right: &Expr<'_>, at: Range<usize>) {
        match op {
            CompareOpKind::In | CompareOpKind::NotIn => {
                let one = self.expr(left);
                let items: Vec<(Type, Range<usize>)> = match right {
                    Expr::List(list) => list.items.iter().map(|item| (self.expr(item), span(item))).collect(),
                    Expr::Tuple(tuple) => {
                        tuple.items.iter().map(|item| (self.expr(item), span(item))).collect()
                    }
                    Expr::Const(constant) => match value::to_json(&constant.value) {
                        Ok(Value::Array(items)) => {
                            items.iter().map(|item| (Type::value(item), span(right))).collect()
                        }
                        _ => Vec::new(),
                    },
                    other => {
                        self.expr(other);
                        Vec::new()
                    }
                };
                for (item, place) in items {
                    self.possible(left, &one, &item, place);
                }
            }
            CompareOpKind::Eq | CompareOpKind::Ne => {
                let (one, other) = (self.expr(left), self.expr(right));
                if one == Type::NULL || other == Type::NULL || self.numbers_of_bools(&one, &other) {
                    return;
                }
                if one.clone().present().excludes(&other.clone().present()) && one.excludes(&other) {
                    let holds = matches!(op, CompareOpKind::Ne);
                    let message = format!(
                        "this is always {holds}: `{}` is {}, and `{}` is {}",
                        self.written(left),
                        one.noun(),
                        self.written(right),
                        other.noun()
                    );
                    let help = mend((&self.written(left), &one), (&self.written(right), &other), holds);
                    self.tell(MisfitKind::Comparison, at, message, help);
                    return;
                }
                self.possible(left, &one, &other, span(right));
                self.possible(right, &other, &one, span(left));
            }
            _ => {
                let (one, other) = (self.expr(left).present(), self.expr(right).present());
                let plain = [&Type::NUMBER, &Type::TEXT, &Type::LIST, &Type::MAP];
                if one.is_only(&plain) && other.is_only(&plain) && one.excludes(&other) {
                    let message = format!(
                        "there is no order between {} (`{}`) and {} (`{}`)",
                        one.noun(),
                        self.written(left),
                        other.noun(),
                        self.written(right)
                    );
                    let help = "make a number of a text with `| int`, or give it a type where it is declared";
                    self.tell(MisfitKind::Comparison, at, message, Some(help.to_owned()));
                }
            }
        }
    }

    /// A comparison as AutoSkillit 0.9 means it, where numbers and booleans may be texts.
    fn loosely(
        &mut self,
        op: CompareOpKind,
        one: (&Expr<'_>, &Type),
        other: (&Expr<'_>, &Type),
        at: Range<usize>,
    ) {
        let unordered = one.1.is_only(&[&Type::BOOL, &Type::LIST, &Type::MAP]);
        let Some([literal]) = other.1.choices() else {
            if unordered && !matches!(op, CompareOpKind::Eq) {
                let message = format!("this never holds: {} has no order", one.1.noun());
                self.tell(MisfitKind::Comparison, at, message, None);
            }
            return;
        };
        let word = literal.trim();
        let number = word.parse::<f64>().is_ok();
        if matches!(op, CompareOpKind::Eq) {
            let is_bool = one.1.is_only(&[&Type::BOOL, &Type::NULL]) && *one.1 != Type::NULL;
            let is_number = one.1.is_only(&[&Type::NUMBER, &Type::NULL]) && *one.1 != Type::NULL;
            let word_of_bool = word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("false");
            if (is_bool && !word_of_bool && !word.is_empty()) || (is_number && !number && !word.is_empty()) {
                let message = format!(
                    "this never holds: `{}` is {}, not `{word}`",
                    self.written(one.0),
                    one.1.clone().present().noun()
                );
                self.tell(MisfitKind::Comparison, at, message, None);
            } else {
                self.possible(one.0, one.1, other.1, span(other.0));
            }
        } else if !number || unordered {
            let message =
                format!("this never holds: there is no order between {} and `{word}`", one.1.noun());
            self.tell(MisfitKind::Comparison, at, message, None);
        }
    }

    /// Tells a text that is written out and that `kind` cannot be.
    fn possible(&mut self, tree: &Expr<'_>, kind: &Type, other: &Type, at: Range<usize>) {
        let (Some(choices), Some([literal])) = (kind.choices(), other.choices()) else { return };
        // A text that is itself written out is no declaration.
        if matches!(tree, Expr::Const(_)) || literal.trim().is_empty() {
            return;
        }
        let same = |choice: &String| match self.mode {
            Mode::Strict => choice == literal,
            Mode::Legacy => loose::is_same(&Value::from(choice.as_str()), &Value::from(literal.as_str())),
        };
        if choices.iter().any(same) {
            return;
        }
        let known: Vec<&str> = choices.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
        let help = suggest::help(literal, "values", known.iter().copied());
        let message = format!("`{}` is never `{literal}`", self.written(tree));
        self.tell(MisfitKind::Choice, at, message, help);
    }

    /// `true == 1` holds in this language.
    fn numbers_of_bools(&self, one: &Type, other: &Type) -> bool {
        let both = [&Type::BOOL, &Type::NUMBER, &Type::NULL];
        one.is_only(&both) && other.is_only(&both)
    }
}

/// What to write instead of a comparison of different types.
fn mend(left: (&str, &Type), right: (&str, &Type), unequal: bool) -> Option<String> {
    let sides = [(left, right), (right, left)];
    sides.into_iter().find_map(|((name, kind), (written, other))| {
        let literal = other.choices().and_then(|all| all.first()).map(String::as_str);
        if kind.is_only(&[&Type::BOOL])
            && let Some(literal) = literal
        {
            return Some(match matches!(literal, "false" | "no") == unequal {
                true => format!("write `{name}`: a boolean is a condition by itself"),
                false => format!("write `not {name}`: a boolean is a condition by itself"),
            });
        }
        if !kind.is_only(&[&Type::NUMBER]) {
            return None;
        }
        match literal.map(|text| text.trim().parse::<f64>().is_ok()) {
            Some(true) => Some(format!("write `{}` without quotes", literal.unwrap_or_default().trim())),
            Some(false) => None,
            None if other.is_only(&[&Type::TEXT]) && name.parse::<f64>().is_ok() => {
                Some(format!("write `'{name}'`, or give `{written}` the type `int` where it is declared"))
            }
            None => None,
        }
    })
}

fn span(tree: &Expr<'_>) -> Range<usize> {
    let whole = |span: Span| span.start_offset as usize..span.end_offset as usize;
    match analyse::segments(tree) {
        // The span of an access leaves out the start of a longer chain.
        Some((_, first)) => whole(first).start..whole(tree.span()).end,
        None => match tree {
            // That of a filter leaves out what it is applied to.
            Expr::Filter(filter) => {
                let own = whole(tree.span());
                filter.expr.as_ref().map_or(own.start, |inner| span(inner).start.min(own.start))..own.end
            }
            _ => whole(tree.span()),
        },
    }
}

#[cfg(test)]
mod tests;

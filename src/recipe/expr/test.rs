//! What a predicate asks, as a tree that checks can read.

use minijinja::machinery::ast::{BinOpKind, CallArg, CompareOpKind, Expr, UnaryOpKind};
use serde_json::Value;

use super::loose;

/// A predicate.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Holds always.
    Always,
    /// Holds never.
    Never,
    /// Holds when the operand is neither empty nor false.
    Truth(Operand),
    /// A comparison.
    Compare(Operand, Op, Operand),
    /// The operand is one of these.
    In(Operand, Vec<Operand>),
    /// The opposite.
    Not(Box<Test>),
    /// All of them.
    And(Vec<Test>),
    /// One of them.
    Or(Vec<Test>),
    /// Something that cannot be told from its form.
    Opaque,
}

/// What a predicate compares.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A chain of names, and the filters that it goes through.
    Path {
        /// The names, the namespace first.
        segments: Vec<String>,
        /// The filters in order; `default` with its value in JSON, as in `default:""`.
        filters: Vec<String>,
    },
    /// A value that is written out.
    Literal(Value),
    /// Something else.
    Opaque,
}

/// How two operands are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// The same value of the same type.
    Equal,
    /// The same by the rules of AutoSkillit 0.9.
    Same,
    /// Less.
    Less,
    /// Less or equal.
    LessOrEqual,
    /// Greater.
    Greater,
    /// Greater or equal.
    GreaterOrEqual,
}

impl Operand {
    /// Whether it is this chain of names, through whatever filters.
    #[must_use]
    pub fn is_path(&self, path: &[&str]) -> bool {
        matches!(self, Self::Path { segments, .. } if segments == path)
    }
}

impl Test {
    /// The values that `path` is compared with for equality, wherever in the predicate.
    #[must_use]
    pub fn values_of(&self, path: &[&str]) -> Vec<&Value> {
        let mut values = Vec::new();
        self.visit(&mut |test| match test {
            Self::Compare(one, Op::Equal | Op::Same, other) => match (one, other) {
                (one, Operand::Literal(value)) if one.is_path(path) => values.push(value),
                (Operand::Literal(value), other) if other.is_path(path) => values.push(value),
                _ => {}
            },
            Self::In(one, all) if one.is_path(path) => {
                values.extend(all.iter().filter_map(|operand| match operand {
                    Operand::Literal(value) => Some(value),
                    _ => None,
                }));
            }
            _ => {}
        });
        values
    }

    /// Every chain of names in it.
    #[must_use]
    pub fn paths(&self) -> Vec<&[String]> {
        let mut operands: Vec<&Operand> = Vec::new();
        self.visit(&mut |test| match test {
            Self::Truth(one) => operands.push(one),
            Self::Compare(one, _, other) => operands.extend([one, other]),
            Self::In(one, all) => {
                operands.push(one);
                operands.extend(all);
            }
            _ => {}
        });
        operands
            .into_iter()
            .filter_map(|operand| match operand {
                Operand::Path { segments, .. } => Some(segments.as_slice()),
                _ => None,
            })
            .collect()
    }

    /// Whether it asks for `path`.
    #[must_use]
    pub fn asks(&self, path: &[&str]) -> bool {
        self.paths().into_iter().any(|own| own == path)
    }

    /// Whether all of it is told by its form.
    #[must_use]
    pub fn is_understood(&self) -> bool {
        let mut understood = true;
        self.visit(&mut |test| {
            understood &= match test {
                Self::Opaque => false,
                Self::Truth(one) => *one != Operand::Opaque,
                Self::Compare(one, _, other) => *one != Operand::Opaque && *other != Operand::Opaque,
                Self::In(one, all) => *one != Operand::Opaque && !all.contains(&Operand::Opaque),
                _ => true,
            };
        });
        understood
    }

    /// Whether it may hold when `path` is `value` and nothing else is known: false only when it cannot.
    #[must_use]
    pub fn can_hold(&self, path: &[&str], value: &Value) -> bool {
        self.outcome(path, value) != Some(false)
    }

    /// Whether it holds for certain when `path` is `value` and nothing else is known.
    #[must_use]
    pub fn must_hold(&self, path: &[&str], value: &Value) -> bool {
        self.outcome(path, value) == Some(true)
    }

    fn outcome(&self, path: &[&str], value: &Value) -> Option<bool> {
        let known = |operand: &Operand| match operand {
            Operand::Literal(literal) => Some(literal.clone()),
            Operand::Path { segments, filters } if segments == path => {
                filters.iter().try_fold(value.clone(), |value, filter| {
                    match filter.strip_prefix("default:") {
                        Some(default) if value.is_null() => serde_json::from_str(default).ok(),
                        Some(_) => Some(value),
                        None => (filter == "trim").then_some(value),
                    }
                })
            }
            _ => None,
        };
        match self {
            Self::Always => Some(true),
            Self::Never => Some(false),
            Self::Opaque => None,
            Self::Truth(operand) => known(operand).map(|value| loose::is_set(&value)),
            Self::Compare(one, op, other) => Some(compare(&known(one)?, *op, &known(other)?)),
            Self::In(one, all) => {
                let one = known(one)?;
                let all: Vec<Option<bool>> =
                    all.iter().map(|other| known(other).map(|other| one == other)).collect();
                any(all.into_iter())
            }
            Self::Not(test) => test.outcome(path, value).map(|holds| !holds),
            Self::Or(tests) => any(tests.iter().map(|test| test.outcome(path, value))),
            Self::And(tests) => any(tests.iter().map(|test| test.outcome(path, value).map(|holds| !holds)))
                .map(|fails| !fails),
        }
    }

    fn visit<'t>(&'t self, look: &mut impl FnMut(&'t Self)) {
        look(self);
        match self {
            Self::Not(test) => test.visit(look),
            Self::And(tests) | Self::Or(tests) => tests.iter().for_each(|test| test.visit(look)),
            _ => {}
        }
    }
}

/// Whether one of several holds: unknown when none does for certain and one may.
fn any(mut outcomes: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    outcomes
        .try_fold(Some(false), |so_far, outcome| match outcome {
            Some(true) => Err(Some(true)),
            Some(false) => Ok(so_far),
            None => Ok(None),
        })
        .unwrap_or_else(|certain| certain)
}

fn compare(one: &Value, op: Op, other: &Value) -> bool {
    match op {
        Op::Equal => {
            one == other || matches!((one.as_f64(), other.as_f64()), (Some(one), Some(other)) if one == other)
        }
        Op::Same => loose::is_same(one, other),
        Op::Less => loose::order(one, other).is_some_and(|order| order.is_lt()),
        Op::LessOrEqual => loose::order(one, other).is_some_and(|order| order.is_le()),
        Op::Greater => loose::order(one, other).is_some_and(|order| order.is_gt()),
        Op::GreaterOrEqual => loose::order(one, other).is_some_and(|order| order.is_ge()),
    }
}

/// The tree of an expression as a predicate.
pub(super) fn of(tree: &Expr<'_>) -> Test {
    match tree {
        Expr::Const(value) => match value.value.is_true() {
            true => Test::Always,
            false => Test::Never,
        },
        Expr::UnaryOp(operation) if matches!(operation.op, UnaryOpKind::Not) => {
            Test::Not(Box::new(of(&operation.expr)))
        }
        Expr::BinOp(operation) => match operation.op {
            BinOpKind::ScAnd => Test::And(flat(&operation.left, &operation.right, |test| match test {
                Test::And(tests) => tests,
                other => vec![other],
            })),
            BinOpKind::ScOr => Test::Or(flat(&operation.left, &operation.right, |test| match test {
                Test::Or(tests) => tests,
                other => vec![other],
            })),
            BinOpKind::Eq => binary(&operation.left, CompareOpKind::Eq, &operation.right),
            BinOpKind::Ne => binary(&operation.left, CompareOpKind::Ne, &operation.right),
            BinOpKind::Lt => binary(&operation.left, CompareOpKind::Lt, &operation.right),
            BinOpKind::Lte => binary(&operation.left, CompareOpKind::Lte, &operation.right),
            BinOpKind::Gt => binary(&operation.left, CompareOpKind::Gt, &operation.right),
            BinOpKind::Gte => binary(&operation.left, CompareOpKind::Gte, &operation.right),
            BinOpKind::In => binary(&operation.left, CompareOpKind::In, &operation.right),
            _ => Test::Opaque,
        },
        Expr::Compare(comparison) => {
            let mut left = &comparison.expr;
            let mut tests = Vec::new();
            for next in &comparison.ops {
                tests.push(binary(left, next.op, &next.expr));
                left = &next.expr;
            }
            if tests.len() == 1 { tests.remove(0) } else { Test::And(tests) }
        }
        Expr::Filter(filter) => {
            let Some(inner) = &filter.expr else { return Test::Opaque };
            let op = match (filter.name, filter.args.as_slice()) {
                ("is_set" | "flag" | "bool", []) => return Test::Truth(operand(inner)),
                ("is_same", [_]) => Op::Same,
                ("is_below", [_]) => Op::Less,
                ("is_at_most", [_]) => Op::LessOrEqual,
                ("is_above", [_]) => Op::Greater,
                ("is_at_least", [_]) => Op::GreaterOrEqual,
                _ => return truth(tree),
            };
            match filter.args.first() {
                Some(CallArg::Pos(other)) => Test::Compare(operand(inner), op, operand(other)),
                _ => Test::Opaque,
            }
        }
        // What is not set is null here, as nothing else is known of it.
        Expr::Test(asked) if asked.args.is_empty() => match asked.name {
            "none" | "undefined" => {
                Test::Compare(operand(&asked.expr), Op::Equal, Operand::Literal(Value::Null))
            }
            "defined" => Test::Not(Box::new(Test::Compare(
                operand(&asked.expr),
                Op::Equal,
                Operand::Literal(Value::Null),
            ))),
            _ => Test::Opaque,
        },
        _ => truth(tree),
    }
}

fn truth(tree: &Expr<'_>) -> Test {
    match operand(tree) {
        Operand::Opaque => Test::Opaque,
        operand => Test::Truth(operand),
    }
}

fn flat(left: &Expr<'_>, right: &Expr<'_>, open: impl Fn(Test) -> Vec<Test>) -> Vec<Test> {
    let mut tests = open(of(left));
    tests.extend(open(of(right)));
    tests
}

fn binary(left: &Expr<'_>, op: CompareOpKind, right: &Expr<'_>) -> Test {
    let compare = |op| Test::Compare(operand(left), op, operand(right));
    let within = || match right {
        Expr::List(list) => Test::In(operand(left), list.items.iter().map(operand).collect()),
        Expr::Tuple(tuple) => Test::In(operand(left), tuple.items.iter().map(operand).collect()),
        Expr::Const(constant) if constant.value.kind() == minijinja::value::ValueKind::Seq => {
            match operand(right) {
                Operand::Literal(Value::Array(items)) => {
                    Test::In(operand(left), items.into_iter().map(Operand::Literal).collect())
                }
                _ => Test::Opaque,
            }
        }
        _ => Test::Opaque,
    };
    match op {
        CompareOpKind::Eq => compare(Op::Equal),
        CompareOpKind::Ne => Test::Not(Box::new(compare(Op::Equal))),
        CompareOpKind::Lt => compare(Op::Less),
        CompareOpKind::Lte => compare(Op::LessOrEqual),
        CompareOpKind::Gt => compare(Op::Greater),
        CompareOpKind::Gte => compare(Op::GreaterOrEqual),
        CompareOpKind::In => within(),
        CompareOpKind::NotIn => Test::Not(Box::new(within())),
    }
}

fn operand(tree: &Expr<'_>) -> Operand {
    if let Some((segments, _)) = super::analyse::segments(tree) {
        return Operand::Path { segments, filters: Vec::new() };
    }
    match tree {
        Expr::Const(constant) => {
            super::value::to_json(&constant.value).map_or(Operand::Opaque, Operand::Literal)
        }
        Expr::Filter(filter) => {
            let name = match (filter.name, filter.args.as_slice()) {
                ("default", []) => "default:\"\"".to_owned(),
                (name, []) => name.to_owned(),
                ("default", [CallArg::Pos(Expr::Const(constant))]) => {
                    match super::value::to_json(&constant.value) {
                        Ok(value) => format!("default:{value}"),
                        Err(_) => return Operand::Opaque,
                    }
                }
                _ => return Operand::Opaque,
            };
            match filter.expr.as_ref().map(operand) {
                Some(Operand::Path { segments, mut filters }) => {
                    filters.push(name);
                    Operand::Path { segments, filters }
                }
                _ => Operand::Opaque,
            }
        }
        _ => Operand::Opaque,
    }
}

//! Types of expressions: what is told, what is not, and that both are true of evaluation.

use serde_json::json;

use super::super::{Expr, Scope};
use super::*;

fn names(segments: &[String]) -> Type {
    match segments.join(".").as_str() {
        "inputs.flag" => Type::BOOL,
        "inputs.count" => Type::NUMBER,
        "inputs.text" => Type::TEXT,
        "inputs.list" => Type::LIST,
        "inputs.map" => Type::MAP,
        "inputs.mode" => Type::TEXT.among(["fast".to_owned(), "slow".to_owned()]),
        "result.verdict" => Type::TEXT.among(["GO".to_owned(), "NO GO".to_owned()]).or(Type::NULL),
        _ => Type::UNKNOWN,
    }
}

fn found(source: &str, mode: Mode) -> Vec<String> {
    let expr = Expr::predicate(source, mode).unwrap();
    let told = expr.infer(&names).1.into_iter();
    told.map(|misfit| match misfit.help {
        Some(help) => format!("{:?}: {} ({help})", misfit.kind, misfit.message),
        None => format!("{:?}: {}", misfit.kind, misfit.message),
    })
    .collect()
}

#[test]
fn what_is_certainly_wrong_is_told() {
    let cases = [
        "inputs.flag == 'yes'",
        "inputs.flag != 'false'",
        "inputs.count == '3'",
        "inputs.text == 3",
        "inputs.mode == 'fats'",
        "inputs.mode | upper == 'fast'",
        "inputs.mode in ['fast', 'medium']",
        "result.verdict == 'MAYBE'",
        "inputs.text < 3",
        "3 >= inputs.list",
        "inputs.text - 1 > 0",
        "inputs.text + 1",
        "-inputs.text",
        "inputs.text | abs",
        "inputs.count | length",
        "not (inputs.flag == 'x')",
        "inputs.list == 'a' or inputs.flag",
    ];
    let told: Vec<String> = cases
        .iter()
        .map(|source| format!("{source}\n  {}", found(source, Mode::Strict).join("\n  ")))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
    let cases = [
        "${{ inputs.flag }} == maybe",
        "${{ inputs.count }} == many",
        "${{ result.verdict }} == STOP",
        "${{ inputs.count }} > many",
        "${{ inputs.flag }} > 3",
    ];
    let told: Vec<String> = cases
        .iter()
        .map(|source| format!("{source}\n  {}", found(source, Mode::Legacy).join("\n  ")))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn what_may_be_right_is_not() {
    for source in [
        "inputs.flag",
        "inputs.flag == true",
        "inputs.flag == 1",
        "inputs.count == 3.0",
        "inputs.text == 'x'",
        "inputs.text == none",
        "result.verdict == none or result.verdict == ''",
        "inputs.mode == 'slow'",
        "inputs.mode | upper == 'FAST'",
        "inputs.mode | replace('f', 'x') == 'xast'",
        "inputs.mode in context.anything",
        "inputs.text in ['a', 'b']",
        "context.x == 3 or context.x == '3'",
        "context.x | default('') == ''",
        "inputs.text | int > 3",
        "inputs.list | length > 0",
        "inputs.text * 3 == 'xxx'",
        "(inputs.count if inputs.flag else inputs.text) == 'x'",
        "inputs.map.deep == 3",
        "inputs.text ~ 3 == 'x3'",
        "inputs.count is string",
        "'fast' == 'slow'",
    ] {
        assert_eq!(found(source, Mode::Strict), Vec::<String>::new(), "{source}");
    }
    for source in [
        "${{ inputs.flag }} == True",
        "${{ inputs.count }} == 3",
        "${{ inputs.text }} == 3",
        "${{ inputs.text }} > 3",
        "${{ result.verdict }} == NO GO",
        "${{ result.verdict | trim }} ==  GO",
    ] {
        assert_eq!(found(source, Mode::Legacy), Vec::<String>::new(), "{source}");
    }
}

/// The claims about operators and filters are what evaluation does.
#[test]
fn what_is_refused_fails() {
    let scope: Scope = json!({ "inputs": {
        "flag": true, "count": 3, "text": "x", "list": ["x"], "map": {"a": 1}, "mode": "fast"
    }})
    .as_object()
    .unwrap()
    .clone();
    let fails = |source: &str| {
        let expr = Expr::parse(source).unwrap();
        assert!(expr.eval(&scope).is_err(), "{source} has a value: {:?}", expr.eval(&scope));
    };
    let all = [
        ("flag", Type::BOOL),
        ("count", Type::NUMBER),
        ("text", Type::TEXT),
        ("list", Type::LIST),
        ("map", Type::MAP),
    ];
    for filter in [
        "abs", "round", "int", "float", "sum", "unique", "select", "reject", "min", "max", "length", "first",
        "last", "join", "sort", "items",
    ] {
        for (name, _) in all.iter().filter(|(_, kind)| refuses(filter).contains(kind)) {
            // `int` of a text that is none fails as well, and is not refused.
            fails(&format!("inputs.{name} | {filter}"));
        }
    }
    fails("inputs.count | map('upper')");
    for op in ["-", "/", "//", "%", "**"] {
        for name in ["text", "list", "map"] {
            fails(&format!("inputs.{name} {op} 2"));
        }
    }
    for source in ["inputs.text + 1", "inputs.list + 1", "inputs.text + inputs.list", "-inputs.text"] {
        fails(source);
    }
}

#[test]
fn types_of_expressions() {
    for (source, expected) in [
        ("inputs.count", Type::NUMBER),
        ("inputs.count + 1", Type::NUMBER),
        ("inputs.text | length", Type::NUMBER),
        ("inputs.text ~ 'x'", Type::TEXT),
        ("inputs.flag and inputs.text", Type::BOOL.or(Type::TEXT)),
        ("inputs.text | lines", Type::LIST),
        ("{'a': 1}", Type::MAP),
        ("result.verdict | default('none')", Type::TEXT.among(["GO", "NO GO", "none"].map(str::to_owned))),
        ("context.x", Type::UNKNOWN),
        ("inputs.list | first", Type::UNKNOWN),
        ("inputs.text is defined", Type::BOOL),
    ] {
        assert_eq!(Expr::parse(source).unwrap().infer(&names).0, expected, "{source}");
    }
}

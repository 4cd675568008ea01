//! The one minijinja environment and what it is allowed to do.

use std::cmp::Ordering;
use std::sync::LazyLock;

use minijinja::machinery::tokenize;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, Expression, UndefinedBehavior, Value};

use super::{ExprError, loose, value};

/// A compiled expression.
pub(super) type Program = Expression<'static, 'static>;

/// Opens an interpolation.
pub(super) const OPEN: &str = "${{";
/// Closes an interpolation.
pub(super) const CLOSE: &str = "}}";

/// Longest expression in words and signs: its tree is walked recursively.
const MAX_TOKENS: usize = 500;

/// Steps of the virtual machine that one evaluation may take.
const FUEL: u64 = 50_000;

/// Filters people use, for suggestions.
const FILTERS: &[&str] = &[
    "abs",
    "bool",
    "default",
    "first",
    "flag",
    "float",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "raw",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "sh",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
];

/// Tests people use, for suggestions.
const TESTS: &[&str] = &[
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "even",
    "false",
    "in",
    "integer",
    "iterable",
    "mapping",
    "none",
    "number",
    "odd",
    "sequence",
    "startingwith",
    "string",
    "true",
    "undefined",
];

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_debug(true);
    // HTML escaping has no place here, and the two functions print or hold state.
    for filter in ["safe", "escape", "e"] {
        environment.remove_filter(filter);
    }
    for global in ["debug", "namespace"] {
        environment.remove_global(global);
    }
    environment.add_filter("sh", |value: &Value| {
        let text = printable(value)?;
        if text.contains('\0') {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                "a shell cannot take a text with a NUL byte",
            ));
        }
        Ok(crate::core::text::sh_quote(&text))
    });
    environment.add_filter("raw", printable);
    // minijinja's own writes `none` where there is nothing.
    environment.add_filter("trim", |value: &Value, characters: Option<String>| -> Result<String, Error> {
        let text = printable(value)?;
        Ok(match characters {
            Some(characters) => text.trim_matches(|other| characters.contains(other)).to_owned(),
            None => text.trim().to_owned(),
        })
    });
    // What predicates of AutoSkillit 0.9 are translated into; they are not for people, so no suggestion names them.
    type Compared = fn(&serde_json::Value, &serde_json::Value) -> bool;
    let compared: [(&str, Compared); 5] = [
        ("is_same", loose::is_same),
        ("is_below", |one, other| loose::order(one, other).is_some_and(Ordering::is_lt)),
        ("is_at_most", |one, other| loose::order(one, other).is_some_and(Ordering::is_le)),
        ("is_above", |one, other| loose::order(one, other).is_some_and(Ordering::is_gt)),
        ("is_at_least", |one, other| loose::order(one, other).is_some_and(Ordering::is_ge)),
    ];
    for (name, compare) in compared {
        environment.add_filter(name, move |one: &Value, other: &Value| -> Result<bool, Error> {
            Ok(compare(&json(one)?, &json(other)?))
        });
    }
    environment
        .add_filter("is_set", |value: &Value| -> Result<bool, Error> { Ok(loose::is_set(&json(value)?)) });
    environment.add_filter("flag", |value: &Value| -> Result<bool, Error> {
        let text = printable(value)?.trim().to_ascii_lowercase();
        Ok(!matches!(text.as_str(), "" | "false" | "no" | "off" | "0" | "none" | "null"))
    });
    environment
});

static SYNTAX: LazyLock<SyntaxConfig> = LazyLock::new(|| {
    // Blocks and comments are switched off by delimiters that neither shell nor JSON text contains.
    SyntaxConfig::builder()
        .variable_delimiters(OPEN, CLOSE)
        .block_delimiters("\u{1}{%", "%}\u{1}")
        .comment_delimiters("\u{1}{#", "#}\u{1}")
        .keep_trailing_newline(true)
        .build()
        .unwrap_or_default()
});

/// The delimiters of templates.
pub(super) fn syntax() -> SyntaxConfig {
    SYNTAX.clone()
}

fn printable(value: &Value) -> Result<String, Error> {
    json(value).map(|value| value::text(&value))
}

fn json(value: &Value) -> Result<serde_json::Value, Error> {
    value::to_json(value).map_err(|message| Error::new(ErrorKind::UndefinedError, message))
}

/// Compiles an expression that was analysed before.
pub(super) fn compile(source: &str) -> Result<Program, ExprError> {
    let environment: &'static Environment<'static> = &ENVIRONMENT;
    environment.compile_expression_owned(source.to_owned()).map_err(|error| syntax_error(source, &error))
}

/// Runs a compiled expression.
pub(super) fn eval(program: &Program, context: Value) -> Result<Value, String> {
    let value = program.eval(context).map_err(|error| message(&error))?;
    if value.is_undefined() {
        return Err("it has no value: an attribute or item is missing".to_owned());
    }
    Ok(value)
}

/// A parser error as ours.
pub(super) fn syntax_error(source: &str, error: &Error) -> ExprError {
    let span = error.range().filter(|span| span.end <= source.len()).unwrap_or(0..source.len());
    let help = source.contains(OPEN).then(|| "an expression stands without `${{` and `}}` here".to_owned());
    ExprError { message: message(error), help, span }
}

fn message(error: &Error) -> String {
    if error.kind() == ErrorKind::OutOfFuel {
        return "it takes too many steps".to_owned();
    }
    match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    }
}

/// Refuses an expression whose tree may be too deep.
pub(super) fn check_size(source: &str) -> Result<(), ExprError> {
    // An error of the tokenizer repeats for ever; the parser reports it with its place.
    let tokens = tokenize(source, true, SyntaxConfig::default()).take_while(Result::is_ok);
    if tokens.take(MAX_TOKENS + 1).count() <= MAX_TOKENS {
        return Ok(());
    }
    let message = format!("the expression has more than {MAX_TOKENS} words and signs");
    Err(ExprError { message, help: Some("split it over captures".to_owned()), span: 0..source.len() })
}

/// Whether the language has this filter, with a suggestion when not.
pub(super) fn check_filter(name: &str) -> Result<(), Option<&'static str>> {
    known("name is filter", name, FILTERS)
}

/// Whether the language has this test, with a suggestion when not.
pub(super) fn check_test(name: &str) -> Result<(), Option<&'static str>> {
    known("name is test", name, TESTS)
}

/// Whether the language has this function.
pub(super) fn has_function(name: &str) -> bool {
    ENVIRONMENT.globals().any(|(global, _)| global == name)
}

fn known(
    question: &'static str,
    name: &str,
    all: &'static [&'static str],
) -> Result<(), Option<&'static str>> {
    if all.contains(&name) {
        return Ok(());
    }
    let answer = ENVIRONMENT
        .compile_expression(question)
        .and_then(|question| question.eval(minijinja::context! { name }))
        .is_ok_and(|answer| answer.is_true());
    if answer { Ok(()) } else { Err(crate::recipe::suggest::closest(name, all.iter().copied())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suggested_filter_and_test_exists() {
        let truth = |question: &'static str, name: &str| {
            let question = ENVIRONMENT.compile_expression(question).unwrap();
            question.eval(minijinja::context! { name }).unwrap().is_true()
        };
        for name in FILTERS {
            assert!(truth("name is filter", name), "{name}");
        }
        for name in TESTS {
            assert!(truth("name is test", name), "{name}");
        }
    }
}

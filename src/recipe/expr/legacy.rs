//! Predicates of AutoSkillit 0.9 in our language: braces come off, bare words become texts, and comparisons become the filters
//! that compare as 0.9 means it.

use super::machine::{CLOSE, OPEN};
use super::{Expr, NAMESPACES};

/// Signs of comparison, and the filter for each; the longer ones first.
const SIGNS: &[(&str, &str)] = &[
    ("==", "is_same"),
    ("!=", "is_same"),
    (">=", "is_at_least"),
    ("<=", "is_at_most"),
    (">", "is_above"),
    ("<", "is_below"),
];

/// How deep parentheses and `not` are followed.
const DEPTH: usize = 16;

/// The predicate in our language; as it is when it has no form of 0.9's.
pub(super) fn predicate(text: &str) -> String {
    condition(text.trim(), DEPTH).unwrap_or_else(|| names(text.trim()))
}

fn condition(text: &str, depth: usize) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    for word in [" or ", " and "] {
        let parts = split(text, word);
        if parts.len() > 1 {
            let parts: Vec<_> =
                parts.into_iter().map(|part| condition(part, depth)).collect::<Option<_>>()?;
            return Some(parts.join(word));
        }
    }
    if let Some(rest) = text.strip_prefix("not ") {
        let rest = rest.trim();
        return Some(format!("not ({})", condition(enclosed(rest, "(", ")").unwrap_or(rest), depth)?));
    }
    if let Some(inner) = enclosed(text, "(", ")") {
        return Some(format!("({})", condition(inner, depth)?));
    }
    if let Some((left, sign, right)) = comparison(text) {
        let filter = SIGNS.iter().find(|(known, _)| *known == sign)?.1;
        let test = format!("{} | {filter}({})", operand(value(left, false)?), value(right, true)?);
        return Some(if sign == "!=" { format!("not ({test})") } else { test });
    }
    if let Some(inner) = enclosed(text, OPEN, CLOSE) {
        return condition(inner, depth);
    }
    if matches!(text, "true" | "false") || asks(text) {
        return Some(names(text));
    }
    Some(format!("{} | is_set", operand(value(text, false)?)))
}

/// Whether the outermost word of a text already asks something.
fn asks(text: &str) -> bool {
    [" is ", " in "].iter().any(|word| split(text, word).len() > 1)
        || split(text, "|").last().is_some_and(|last| {
            let name = last.trim().split('(').next().unwrap_or_default();
            matches!(name, "flag" | "bool" | "is_set") || SIGNS.iter().any(|(_, filter)| *filter == name)
        })
}

/// One side of a comparison. Bare words are a text where `words` says so.
fn value(text: &str, words: bool) -> Option<String> {
    let text = text.trim();
    if let Some(inner) = enclosed(text, OPEN, CLOSE) {
        return Some(names(inner));
    }
    let is_quoted = ['\'', '"'].iter().any(|quote| {
        text.len() > 1
            && text.starts_with(*quote)
            && text.ends_with(*quote)
            && text.matches(*quote).count() == 2
    });
    let is_path =
        NAMESPACES.iter().any(|name| text.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')));
    let is_number = text.parse::<f64>().is_ok() && !text.starts_with(char::is_alphabetic);
    if is_quoted || is_path || is_number {
        return Some(names(text));
    }
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "true" | "false" | "none" => return Some(lower),
        "null" => return Some("none".to_owned()),
        _ => {}
    }
    let is_words =
        !text.is_empty() && text.chars().all(|other| other.is_alphanumeric() || " _-./:@#+,".contains(other));
    if words && is_words {
        return Some(format!("'{text}'"));
    }
    // Something in the whole language, such as a call of `range`.
    (!text.contains(OPEN) && Expr::parse(text).is_ok()).then(|| text.to_owned())
}

/// Something as the operand of a filter, which binds more tightly than every operator.
fn operand(text: String) -> String {
    let is_chain = split(&text, " ")
        .iter()
        .all(|word| !matches!(*word, "+" | "-" | "*" | "/" | "%" | "~" | "//" | "**" | "if" | "is" | "in"));
    if is_chain { text } else { format!("({text})") }
}

/// The two sides of the first comparison outside of quotes and brackets.
fn comparison(text: &str) -> Option<(&str, &'static str, &str)> {
    let mut found = None;
    walk(text, |at, rest| {
        if found.is_none() {
            found = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)).map(|(sign, _)| (at, *sign));
        }
    });
    let (at, sign) = found?;
    Some((&text[..at], sign, &text[at + sign.len()..]))
}

/// What stands between `open` and `close` when they enclose all of `text`.
fn enclosed<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let inner = text.strip_prefix(open)?.strip_suffix(close)?;
    // The first opening must be closed by the last closing.
    let mut outside = 0;
    walk(text, |_, _| outside += 1);
    (outside == 0).then(|| inner.trim())
}

/// The parts of `text` between occurrences of `word` outside of quotes and brackets.
fn split<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let mut start = 0;
    walk(text, |at, rest| {
        if at >= start && rest.starts_with(word) {
            parts.push(text[start..at].trim());
            start = at + word.len();
        }
    });
    parts.push(text[start..].trim());
    parts
}

/// Calls `look` with each place outside of quotes and brackets, and the rest of the text there.
fn walk<'a>(text: &'a str, mut look: impl FnMut(usize, &'a str)) {
    let mut quote: Option<char> = None;
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) => {
                if character == open {
                    quote = None;
                }
            }
            (None, '\'' | '"') => quote = Some(character),
            // The sign before an interpolation belongs to it.
            (None, '$') if text[at..].starts_with(OPEN) => {}
            (None, '{' | '(' | '[') => depth += 1,
            (None, '}' | ')' | ']') => depth = depth.saturating_sub(1),
            (None, _) if depth == 0 => look(at, &text[at..]),
            (None, _) => {}
        }
    }
}

/// An expression in which names with hyphens, which 0.9 takes, are written as ours.
pub(super) fn names(text: &str) -> String {
    let text = text.trim();
    if !text.contains('-') {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut quote: Option<char> = None;
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        let fresh = !text[..at].ends_with(|other: char| other.is_alphanumeric() || other == '_');
        let namespace = NAMESPACES
            .iter()
            .find(|name| text[at..].strip_prefix(**name).is_some_and(|rest| rest.starts_with('.')));
        match (quote, namespace) {
            (None, Some(namespace)) if fresh => {
                out.push_str(namespace);
                at += namespace.len();
                while let Some(rest) = text[at..].strip_prefix('.') {
                    let name = name(rest);
                    if name.contains('-') {
                        out.push_str(&format!("['{name}']"));
                    } else {
                        out.push_str(&text[at..=at + name.len()]);
                    }
                    at += 1 + name.len();
                }
                continue;
            }
            (Some(open), _) if open == character => quote = None,
            (None, _) if matches!(character, '\'' | '"') => quote = Some(character),
            _ => {}
        }
        out.push(character);
        at += character.len_utf8();
    }
    out
}

/// A name that may have hyphens before letters.
fn name(text: &str) -> &str {
    let mut end = 0;
    for (at, character) in text.char_indices() {
        let inside = character.is_ascii_alphanumeric() || character == '_';
        let hyphen =
            character == '-' && text[at + 1..].starts_with(|next: char| next.is_ascii_alphabetic()) && at > 0;
        if !inside && !hyphen {
            break;
        }
        end = at + 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{Mode, Scope};
    use super::*;

    /// Each form, what it becomes, and whether it holds for a value, for another, and for nothing.
    #[test]
    fn each_form_of_the_old_language_is_translated() {
        let missing = json!({});
        for (form, ours, yes, no, when_missing) in [
            ("${{ result.v }} == GO", "result.v | is_same('GO')", json!("GO"), json!("NO GO"), false),
            ("${{ result.v }} == NO GO", "result.v | is_same('NO GO')", json!("NO GO "), json!("GO"), false),
            ("${{ result.v }} == 'GO'", "result.v | is_same('GO')", json!("GO"), json!("go"), false),
            ("${{ result.v }} == \"GO\"", "result.v | is_same(\"GO\")", json!("GO"), json!(""), false),
            (
                "${{ result.v | trim }} == clean",
                "result.v | trim | is_same('clean')",
                json!(" clean\n"),
                json!("x"),
                false,
            ),
            (
                "result.v == 'dirty_tree'",
                "result.v | is_same('dirty_tree')",
                json!("dirty_tree"),
                json!("x"),
                false,
            ),
            (
                "result.v == dirty_tree",
                "result.v | is_same('dirty_tree')",
                json!("dirty_tree"),
                json!("x"),
                false,
            ),
            ("${{ result.v }} == true", "result.v | is_same(true)", json!("True"), json!("false"), false),
            ("${{ result.v }} == false", "result.v | is_same(false)", json!(false), json!(true), false),
            ("${{ result.v }} == 1", "result.v | is_same(1)", json!("1.0"), json!("2"), false),
            ("${{ result.v }} == ''", "result.v | is_same('')", json!(null), json!("x"), true),
            ("${{ result.v }} != 'true'", "not (result.v | is_same('true'))", json!("x"), json!(true), true),
            ("result.v", "result.v | is_set", json!("x"), json!("false"), false),
            ("${{ result.v }}", "result.v | is_set", json!(["x"]), json!([]), false),
            ("not ${{ result.v }}", "not (result.v | is_set)", json!("no"), json!("x"), true),
            ("${{ result.v }} > 0", "result.v | is_above(0)", json!("2"), json!("many"), false),
            ("${{ result.v }} >= 2", "result.v | is_at_least(2)", json!(2), json!(1), false),
            ("${{ result.v }} < 2", "result.v | is_below(2)", json!("1.5"), json!(2), false),
            ("${{ result.v }} <= 2", "result.v | is_at_most(2)", json!(2), json!(3), false),
            ("${{ result.v == 'x' }}", "result.v | is_same('x')", json!("x"), json!("y"), false),
            (
                "${{ result.v }} == ${{ result.w }}",
                "result.v | is_same(result.w)",
                json!("w"),
                json!("y"),
                true,
            ),
            (
                "${{ result.v }} == true and ${{ result.w }} == w",
                "result.v | is_same(true) and result.w | is_same('w')",
                json!(true),
                json!(false),
                false,
            ),
            (
                "(${{ result.v }} == a or result.v == b) and result.w",
                "(result.v | is_same('a') or result.v | is_same('b')) and result.w | is_set",
                json!("b"),
                json!("c"),
                false,
            ),
            (
                "${{ result.my-key.v }} == x",
                "result['my-key'].v | is_same('x')",
                json!("x"),
                json!("y"),
                false,
            ),
            ("result.v in ['a', 'b']", "result.v in ['a', 'b']", json!("a"), json!("c"), false),
            ("result.v is none", "result.v is none", json!(null), json!("c"), true),
            ("result.v + 1 > 2", "(result.v + 1) | is_above(2)", json!(2), json!(1), false),
        ] {
            assert_eq!(predicate(form), ours, "{form}");
            assert_eq!(predicate(ours), ours, "{form} twice");
            let expr = Expr::predicate(form, Mode::Legacy).unwrap();
            assert_eq!((expr.written(), expr.source()), (form, ours));
            let holds = |value: &Value| {
                let result = match form.contains("my-key") {
                    true => json!({ "my-key": { "v": value }, "w": "w" }),
                    false => json!({ "v": value, "w": "w" }),
                };
                let scope: Scope = json!({ "result": result }).as_object().unwrap().clone();
                expr.is_true(&scope)
            };
            assert_eq!((holds(&yes), holds(&no)), (Ok(true), Ok(false)), "{form}");
            let nothing: Scope = json!({ "result": missing }).as_object().unwrap().clone();
            if !form.contains("+ 1") {
                assert_eq!(expr.is_true(&nothing), Ok(when_missing), "{form} without a value");
            }
        }
    }

    #[test]
    fn what_is_no_form_stays_as_it_is() {
        for text in
            ["", "${{", "a ${{ x }} b == c", "== x", "x ==", "((", "'", "not ", "é == ü", "${{ }} == x"]
        {
            // Whatever it is: an expression or an error, never a panic.
            let _ = Expr::predicate(text, Mode::Legacy);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_translated_without_harm(text in "[a-z$ {}().='<>!|\"é-]{0,40}", any in proptest::prelude::any::<String>()) {
            for text in [&text, &any] {
                let _ = Expr::predicate(text, Mode::Legacy);
            }
        }

        /// A comparison means what the rules say, however it is written.
        #[test]
        fn comparisons_agree_with_the_rules(value in "[a-zA-Z0-9. ]{0,6}", other in "[a-zA-Z][a-zA-Z0-9]{0,4}|[0-9]{1,3}|true|false|none") {
            let scope: Scope = json!({ "result": { "v": value } }).as_object().unwrap().clone();
            let expr = Expr::predicate(&format!("${{{{ result.v }}}} == {other}"), Mode::Legacy).unwrap();
            let right = match other.as_str() {
                "true" | "false" => Value::Bool(other == "true"),
                "none" => Value::Null,
                other => json!(other),
            };
            if !matches!(other.to_ascii_lowercase().as_str(), "true" | "false" | "none" | "null" | "not" | "and" | "or") || other == "true" {
                proptest::prop_assert_eq!(expr.is_true(&scope), Ok(super::super::loose::is_same(&json!(value), &right)));
            }
        }
    }
}

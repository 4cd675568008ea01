//! Skill commands with blanks: words such as `{slug}` that stand for what only a model can say. AutoSkillit 0.9 writes some of them in
//! capitals, as in `make-plan CURRENT_GROUP_FILE`.

use std::ops::Range;

use serde_json::Value;

use super::expr::{Expr, Part};
use super::model::{Arg, Dialect, Step, StepKind};

/// A part of a skill command.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Piece<'r> {
    /// Text that stays as it is.
    Text(&'r str),
    /// A value of the run.
    Value(&'r Expr),
    /// A word that a model replaces.
    Blank(&'r str),
}

/// The skill command of a step in pieces; nothing when it has none, or none with a blank in it.
#[must_use]
pub fn pieces(step: &Step, dialect: Dialect) -> Vec<Piece<'_>> {
    let pieces = match &step.kind {
        StepKind::Tool { with, .. } => command(with.get("skill_command"), dialect),
        _ => Vec::new(),
    };
    if pieces.iter().any(|piece| matches!(piece, Piece::Blank(_))) { pieces } else { Vec::new() }
}

/// The words in the command of a step that a model replaces, each once.
#[must_use]
pub fn blanks(step: &Step, dialect: Dialect) -> Vec<&str> {
    let mut words = Vec::new();
    for piece in pieces(step, dialect) {
        if let Piece::Blank(word) = piece
            && !words.contains(&word)
        {
            words.push(word);
        }
    }
    words
}

fn command(arg: Option<&Arg>, dialect: Dialect) -> Vec<Piece<'_>> {
    let parts: Vec<Part<'_>> = match arg {
        Some(Arg::Literal(Value::String(text))) => vec![Part::Text(text)],
        Some(Arg::Template(template)) => template.parts().collect(),
        _ => Vec::new(),
    };
    let mut pieces = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        match part {
            Part::Value(expr) => pieces.push(Piece::Value(expr)),
            Part::Text(text) => {
                let joined = Joined { before: at > 0, after: at + 1 < parts.len() };
                let mut from = 0;
                for range in find(text, dialect, joined) {
                    if from < range.start {
                        pieces.push(Piece::Text(&text[from..range.start]));
                    }
                    pieces.push(Piece::Blank(&text[range.clone()]));
                    from = range.end;
                }
                if from < text.len() {
                    pieces.push(Piece::Text(&text[from..]));
                }
            }
        }
    }
    pieces
}

/// Whether a value stands at once before or after a text.
#[derive(Clone, Copy)]
struct Joined {
    before: bool,
    after: bool,
}

fn find(text: &str, dialect: Dialect, joined: Joined) -> Vec<Range<usize>> {
    let mut found = in_braces(text);
    if dialect == Dialect::Legacy {
        found.extend(in_capitals(text, joined));
        found.sort_by_key(|range| range.start);
    }
    found
}

/// `{word}`, but not `{{word}}`.
fn in_braces(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(open) = text[from..].find('{').map(|at| from + at) {
        if text[open..].starts_with("{{") {
            from = open + 2;
            continue;
        }
        let Some(close) = text[open..].find('}').map(|at| open + at) else { break };
        let word = &text[open + 1..close];
        let doubled = text[..open].ends_with('{') || text[close..].starts_with("}}");
        if !word.is_empty()
            && !doubled
            && word.chars().all(|other| other.is_ascii_alphanumeric() || other == '_')
        {
            found.push(open..close + 1);
        }
        from = open + 1;
    }
    found
}

/// `CURRENT_PR`: a word of its own, in capitals, of at least two parts.
fn in_capitals(text: &str, joined: Joined) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for word in text.split(|other: char| other.is_whitespace() || matches!(other, '=' | ',' | '"' | '\'')) {
        let range = start..start + word.len();
        start = range.end + text[range.end..].chars().next().map_or(0, char::len_utf8);
        let capitals = word.starts_with(|first: char| first.is_ascii_uppercase())
            && word.split('_').count() > 1
            && word.split('_').all(|part| {
                !part.is_empty()
                    && part.chars().all(|other| other.is_ascii_uppercase() || other.is_ascii_digit())
            });
        let alone = !(joined.before && range.start == 0 || joined.after && range.end == text.len());
        if capitals && alone {
            found.push(range);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_words_in_braces_and_in_old_recipes_words_in_capitals() {
        let apart = Joined { before: false, after: false };
        for (text, current, legacy) in [
            (
                "/lens-{slug} {context_path}",
                vec!["{slug}", "{context_path}"],
                vec!["{slug}", "{context_path}"],
            ),
            ("/plan CURRENT_GROUP_FILE", vec![], vec!["CURRENT_GROUP_FILE"]),
            ("/plan file=CURRENT_PART_2, {n}", vec!["{n}"], vec!["CURRENT_PART_2", "{n}"]),
            (
                "/plan {{AUTOSKILLIT_TEMP}}/x {} {a b} {a-b} GO NO_ _GO /A_B A_b x_CURRENT_PR {open",
                vec![],
                vec![],
            ),
            ("/plan {{{x}}} é {x}é", vec!["{x}"], vec!["{x}"]),
        ] {
            let found = |dialect| {
                find(text, dialect, apart).into_iter().map(|range| &text[range]).collect::<Vec<_>>()
            };
            assert_eq!(found(Dialect::Current), current, "{text}");
            assert_eq!(found(Dialect::Legacy), legacy, "{text}");
        }
        let joined = Joined { before: true, after: true };
        let found: Vec<_> = find("A_B C_D E_F", Dialect::Legacy, joined).into_iter().collect();
        assert_eq!(found.len(), 1, "what a value goes on with is no word");
        assert_eq!(found[0], 4..7);
    }
}

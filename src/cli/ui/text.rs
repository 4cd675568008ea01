//! Text of others (models, commands, files) made fit for a terminal: harmless, on one line, measured in
//! columns and cut.

use std::borrow::Cow;
use std::path::Path;

use super::style::Look;

/// More than any terminal line holds; keeps a text of megabytes cheap.
const LONGEST: usize = 4_000;
/// Marks of no width that may sit on one character; more only smear the screen.
const MARKS: usize = 3;

/// Makes a text harmless and puts it on one line: escape sequences, control characters, invisible and
/// direction-changing characters go; whitespace of any kind becomes single spaces.
#[must_use]
pub fn one_line(text: &str, look: &Look) -> String {
    let mut line = String::with_capacity(text.len().min(LONGEST));
    let mut rest = text;
    let (mut gap, mut marks, mut length) = (false, 0, 0);
    while let Some(c) = rest.chars().next() {
        if c == '\u{1b}' {
            rest = after_escape(rest);
            continue;
        }
        rest = &rest[c.len_utf8()..];
        if c.is_whitespace() {
            gap = true;
            continue;
        }
        if is_unsafe(c) {
            continue;
        }
        marks = if char_width(c) == 0 { marks + 1 } else { 0 };
        if marks > MARKS {
            continue;
        }
        if length >= LONGEST {
            break;
        }
        if std::mem::take(&mut gap) && !line.is_empty() {
            line.push(' ');
        }
        line.push(if c.is_ascii() || look.wide_text { c } else { '?' });
        length += 1;
    }
    line
}

/// The same for a text whose lines matter: each line is cleaned, its indentation kept.
#[must_use]
pub fn lines(text: &str, look: &Look) -> String {
    let clean = text.lines().map(|line| {
        let indent = line.len() - line.trim_start_matches(' ').len();
        format!("{}{}", &line[..indent], one_line(line, look)).trim_end().to_owned()
    });
    clean.collect::<Vec<_>>().join("\n")
}

/// What is left after the escape sequence that `text` begins with.
fn after_escape(text: &str) -> &str {
    let body = &text[1..];
    let mut chars = body.chars();
    match chars.next() {
        // CSI: parameters, then one final character.
        Some('[') => {
            let sequence = &body[1..];
            let end = sequence.find(|c: char| !('\u{20}'..='\u{3f}').contains(&c));
            match end.map(|at| (at, sequence[at..].chars().next())) {
                Some((at, Some('\u{40}'..='\u{7e}'))) => &sequence[at + 1..],
                Some((at, _)) => &sequence[at..],
                None => "",
            }
        }
        // OSC, DCS, SOS, PM, APC: a string up to BEL or ST; without an end only the opening goes.
        Some(']' | 'P' | 'X' | '^' | '_') => {
            let string = &body[1..];
            match string.find(['\u{7}', '\u{9c}', '\u{1b}']) {
                Some(at) if string[at..].starts_with("\u{1b}\\") => &string[at + 2..],
                Some(at) if string[at..].starts_with('\u{1b}') => &string[at..],
                Some(at) => string[at..].trim_start_matches(['\u{7}', '\u{9c}']),
                None => string,
            }
        }
        // Others: intermediates, then one final character.
        Some('\u{20}'..='\u{2f}') => {
            let tail = body.trim_start_matches(|c| ('\u{20}'..='\u{2f}').contains(&c));
            tail.strip_prefix(|c| ('\u{30}'..='\u{7e}').contains(&c)).unwrap_or(tail)
        }
        Some('\u{30}'..='\u{7e}') => &body[1..],
        _ => body,
    }
}

/// Whether a character acts on the terminal or on its neighbours instead of showing itself.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Columns of one character.
fn char_width(c: char) -> usize {
    if matches!(c, ' '..='~') { 1 } else { console::measure_text_width(c.encode_utf8(&mut [0; 4])) }
}

/// Columns of a text without escape sequences. Counts each character for itself, as terminals do.
#[must_use]
pub fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// Cuts a text at its end so that it takes at most `columns`.
#[must_use]
pub fn cut<'a>(text: &'a str, columns: usize, look: &Look) -> Cow<'a, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mark = ellipsis(columns, look);
    let head = head(text, columns - mark.len().min(width(mark)));
    Cow::Owned(format!("{}{mark}", head.trim_end_matches([' ', '…'])))
}

/// Cuts a text in its middle: both ends of a path tell more than its beginning.
#[must_use]
pub fn middle<'a>(text: &'a str, columns: usize, look: &Look) -> Cow<'a, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mark = ellipsis(columns, look);
    let room = columns - width(mark);
    let tail = tail(text, room - room / 3);
    let head = head(text, room - width(tail));
    Cow::Owned(format!("{head}{mark}{tail}"))
}

/// The sign of a cut, as far as there is room for it.
fn ellipsis(columns: usize, look: &Look) -> &'static str {
    let mark = look.glyphs().ellipsis;
    match columns {
        0 => "",
        n if n > 2 * width(mark) || width(mark) == 1 => mark,
        _ => ".",
    }
}

/// The longest beginning that takes at most `columns`.
fn head(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += char_width(c);
        if used > columns {
            return &text[..at];
        }
    }
    text
}

/// The longest end that takes at most `columns`.
fn tail(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices().rev() {
        used += char_width(c);
        if used > columns {
            return &text[at + c.len_utf8()..];
        }
    }
    text
}

/// Breaks a text at spaces into lines of at most `columns`; longer words are broken hard.
#[must_use]
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    let mut lines = vec![];
    let mut line = String::new();
    for mut word in text.split_whitespace() {
        if !line.is_empty() && width(&line) + 1 + width(word) > columns {
            lines.push(std::mem::take(&mut line));
        }
        while width(word) > columns {
            let piece = head(word, columns);
            lines.push(piece.to_owned());
            word = &word[piece.len()..];
        }
        if !line.is_empty() && !word.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// A path as people name it: relative to the repository when it lies inside.
#[must_use]
pub fn path(path: &Path, repository: Option<&Path>, look: &Look) -> String {
    let inside = repository.and_then(|root| path.strip_prefix(root).ok());
    let shown = match inside {
        Some(inside) if inside.as_os_str().is_empty() => Path::new("."),
        Some(inside) => inside,
        None => path,
    };
    one_line(&shown.to_string_lossy(), look)
}

/// A text in which files of the repository are named relative to it.
#[must_use]
pub fn near<'a>(text: &'a str, repository: Option<&Path>) -> Cow<'a, str> {
    match repository.map(|top| format!("{}/", top.display())) {
        Some(top) if top.len() > 2 && text.contains(&top) => Cow::Owned(text.replace(&top, "")),
        _ => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clean(text: &str) -> String {
        one_line(text, &Look::plain(80))
    }

    #[test]
    fn a_text_cannot_drive_the_terminal() {
        let cases = [
            ("red \x1b[31mtext\x1b[0m", "red text"),
            ("clear\x1b[2J\x1b[H", "clear"),
            ("title\x1b]0;owned\x07!", "title!"),
            ("link \x1b]8;;http://x\x1b\\here\x1b]8;;\x1b\\", "link here"),
            ("open \x1b]0;no end", "open 0;no end"),
            ("dcs \x1bPq#1\x1b\\end", "dcs end"),
            ("charset \x1b(0lqk\x1b(B", "charset lqk"),
            ("reset \x1bc done", "reset done"),
            ("c1 \u{9b}31m \u{90}x\u{9c}", "c1 31m x"),
            ("cut \x1b", "cut"),
            ("cut \x1b[12", "cut"),
            ("broken \x1b[1\u{7}x", "broken x"),
            ("nested \x1b]0;a\x1b[31mb\x07c", "nested bc"),
            ("a\r\nb\tc\u{b}d\u{2028}e\u{85}f", "a b c d e f"),
            ("bell\x07 back\x08 del\x7f nul\0", "bell back del nul"),
            ("  many   spaces  ", "many spaces"),
            ("ab\u{202e}cd\u{2066}e\u{200f}f", "abcdef"),
            ("zero\u{200b}\u{feff}\u{ad}width", "zerowidth"),
        ];
        for (hostile, harmless) in cases {
            assert_eq!(clean(hostile), harmless, "{hostile:?}");
        }
    }

    #[test]
    fn marks_do_not_pile_up() {
        let smear = format!("a{}b", "\u{301}".repeat(500));
        assert_eq!(clean(&smear), "a\u{301}\u{301}\u{301}b");
    }

    #[test]
    fn ascii_terminals_get_ascii() {
        assert_eq!(one_line("naïve 日本", &Look::ascii(80)), "na?ve ??");
    }

    #[test]
    fn lines_keep_their_indentation() {
        assert_eq!(lines("a\n  b\x1b[2J\r\n\n c ", &Look::plain(80)), "a\n  b\n\n c");
    }

    #[test]
    fn cuts_count_columns() {
        let look = Look::plain(80);
        assert_eq!(cut("日本語テキスト", 7, &look), "日本語…");
        assert_eq!(cut("日本語テキスト", 6, &look), "日本…");
        assert_eq!(cut("hello", 5, &look), "hello");
        assert_eq!(cut("hello world", 7, &look), "hello…");
        assert_eq!(cut("hello world", 9, &Look::ascii(80)), "hello...");
        assert_eq!(cut("hello", 3, &Look::ascii(80)), "he.");
        assert_eq!(middle("src/very/deep/down/file.rs", 16, &look), "src/v…wn/file.rs");
    }

    #[test]
    fn words_wrap() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn paths_are_relative_inside() {
        let look = Look::plain(80);
        let root = Path::new("/srv/app");
        let said = |p: &str| path(Path::new(p), Some(root), &look);
        assert_eq!(
            [said("/srv/app/src/a.rs"), said("/srv/app"), said("/tmp/x")],
            ["src/a.rs", ".", "/tmp/x"]
        );
    }

    proptest! {
        #[test]
        fn a_cut_text_fits(text in any::<String>(), columns in 0usize..60, ascii in any::<bool>()) {
            let look = if ascii { Look::ascii(80) } else { Look::plain(80) };
            let line = one_line(&text, &look);
            prop_assert!(!line.chars().any(char::is_control));
            prop_assert!(width(&cut(&line, columns, &look)) <= columns);
            prop_assert!(width(&middle(&line, columns, &look)) <= columns);
            prop_assert!(console::measure_text_width(&cut(&line, columns, &look)) <= columns);
        }

        #[test]
        fn cleaning_twice_changes_nothing(text in any::<String>()) {
            let once = clean(&text);
            prop_assert_eq!(clean(&once), once);
        }

        #[test]
        fn escapes_leave_nothing_behind(parts in prop::collection::vec("(\u{1b}|\u{9b}|\\[|\\]|[0-9;?a-zA-Z]|\u{7}|\\\\| )", 0..40)) {
            prop_assert!(!clean(&parts.concat()).chars().any(char::is_control));
        }

        #[test]
        fn wrapped_lines_fit(text in any::<String>(), columns in 2usize..40) {
            let line = clean(&text);
            for piece in wrap(&line, columns) {
                prop_assert!(width(&piece) <= columns);
            }
        }
    }
}

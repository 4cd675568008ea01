//! Where a place in a shell text stands: a quoted word is only safe outside of other quotes.

use std::ops::Range;

/// What surrounds a place and takes the meaning from the quotes that `| sh` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::recipe) enum Around {
    SingleQuotes,
    DoubleQuotes,
    Backticks,
    HereDocument,
    Comment,
    Backslash,
    Arithmetic,
    Unclear,
}

impl Around {
    /// In words.
    pub(in crate::recipe) fn noun(self) -> &'static str {
        match self {
            Self::SingleQuotes => "single quotes",
            Self::DoubleQuotes => "double quotes",
            Self::Backticks => "backticks",
            Self::HereDocument => "a here-document",
            Self::Comment => "a comment",
            Self::Arithmetic => "arithmetic",
            Self::Unclear => "a text whose quotes are not clear",
            Self::Backslash => "a word that starts with a backslash",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Single,
    Double,
    Backtick,
    /// `$(`: quotes mean what they mean outside.
    Command,
    /// `$((` and `((`.
    Arithmetic,
    Paren,
    Brace,
}

/// What surrounds each of `places` (byte ranges in order) in the shell text `text`.
pub(in crate::recipe) fn around(text: &str, places: &[Range<usize>]) -> Vec<Option<Around>> {
    let mut scanner = Scanner {
        text,
        at: 0,
        fresh: true,
        levels: Vec::new(),
        documents: Vec::new(),
        places,
        found: Vec::new(),
    };
    scanner.run();
    scanner.found
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// Whether a word may start here, so that `#` opens a comment.
    fresh: bool,
    levels: Vec<Level>,
    /// Delimiters of here-documents whose bodies start on the next line; whether tabs are stripped.
    documents: Vec<(String, bool)>,
    places: &'a [Range<usize>],
    found: Vec<Option<Around>>,
}

impl Scanner<'_> {
    fn run(&mut self) {
        while self.at < self.text.len() {
            if self.place(None) {
                continue;
            }
            let rest = &self.text[self.at..];
            let Some(next) = rest.chars().next() else { break };
            let top = self.levels.last().copied();
            let mut step = next.len_utf8();
            match (top, next) {
                (Some(Level::Single), '\'') => self.pop(),
                (Some(Level::Single), _) => {}
                (_, '\\')
                    if self.places.get(self.found.len()).is_some_and(|place| place.start == self.at + 1) =>
                {
                    self.at += 1;
                    self.place(Some(Around::Backslash));
                    continue;
                }
                (_, '\\') => step += rest[step..].chars().next().map_or(0, char::len_utf8),
                (Some(Level::Double), '"') => self.pop(),
                (_, '"') => self.levels.push(Level::Double),
                (Some(Level::Backtick), '`') => self.pop(),
                (_, '`') => self.levels.push(Level::Backtick),
                (_, '$') if rest.starts_with("$((") => {
                    self.levels.push(Level::Arithmetic);
                    step = 3;
                }
                (_, '$') if rest.starts_with("$(") => {
                    self.levels.push(Level::Command);
                    step = 2;
                }
                (_, '$') if rest.starts_with("${") => {
                    self.levels.push(Level::Brace);
                    step = 2;
                }
                (_, '$') if rest.starts_with("$$") => step = 2,
                // Shells disagree on `$'…'`, so that what follows is not clear.
                (top, '$') if rest.starts_with("$'") && top != Some(Level::Double) => break,
                (Some(Level::Brace), '}') => self.pop(),
                (Some(Level::Double), _) => {}
                // In `"${x:-'}"` it is an ordinary character.
                (_, '\'') if self.surroundings() == Some(Around::DoubleQuotes) => {}
                (_, '\'') => self.levels.push(Level::Single),
                (_, '(') if rest.starts_with("((") => {
                    self.levels.push(Level::Arithmetic);
                    step = 2;
                }
                (_, '(') => self.levels.push(Level::Paren),
                (Some(Level::Arithmetic), ')') if rest.starts_with("))") => {
                    self.pop();
                    step = 2;
                }
                (Some(Level::Paren | Level::Command), ')') => self.pop(),
                (_, '#') if self.fresh && !self.levels.contains(&Level::Brace) => {
                    self.comment();
                    continue;
                }
                (_, '<') if rest.starts_with("<<<") => step = 3,
                (_, '<') if rest.starts_with("<<") => step = self.document(rest),
                (_, '\n') if !self.documents.is_empty() => {
                    self.at += 1;
                    self.bodies();
                    continue;
                }
                _ => {}
            }
            self.at += step;
            self.fresh = match &rest[..step] {
                "$(" => true,
                "\\\n" => self.fresh,
                taken => taken.len() == 1 && taken.contains([' ', '\t', '\n', ';', '&', '|', '(', ')']),
            };
        }
        self.found.resize(self.places.len(), Some(Around::Unclear));
    }

    /// Steps over the next place when it starts here.
    fn place(&mut self, known: Option<Around>) -> bool {
        let Some(place) = self.places.get(self.found.len()) else { return false };
        if place.start > self.at {
            return false;
        }
        self.at = place.end.max(self.at);
        self.fresh = false;
        let around = known.or_else(|| self.surroundings());
        self.found.push(around);
        true
    }

    fn surroundings(&self) -> Option<Around> {
        if self.levels.contains(&Level::Backtick) {
            return Some(Around::Backticks);
        }
        match self.levels.iter().rev().find(|level| !matches!(level, Level::Brace | Level::Paren)) {
            Some(Level::Single) => Some(Around::SingleQuotes),
            Some(Level::Double) => Some(Around::DoubleQuotes),
            Some(Level::Arithmetic) => Some(Around::Arithmetic),
            _ => None,
        }
    }

    fn pop(&mut self) {
        self.levels.pop();
    }

    fn comment(&mut self) {
        while self.at < self.text.len() && !self.text[self.at..].starts_with('\n') {
            if !self.place(Some(Around::Comment)) {
                self.at += self.text[self.at..].chars().next().map_or(1, char::len_utf8);
            }
        }
    }

    /// Notes a here-document and returns the length of its operator and delimiter.
    fn document(&mut self, rest: &str) -> usize {
        let tabs = rest.starts_with("<<-");
        let operator = if tabs { 3 } else { 2 };
        let blanks = rest[operator..].len() - rest[operator..].trim_start_matches([' ', '\t']).len();
        let start = operator + blanks;
        let length = rest[start..]
            .find(|other: char| other.is_whitespace() || ";&|()<>".contains(other))
            .unwrap_or(rest.len() - start);
        let word: String =
            rest[start..start + length].chars().filter(|other| !"'\"\\".contains(*other)).collect();
        let in_arithmetic = word.is_empty() || word.starts_with(|first: char| first.is_ascii_digit());
        if in_arithmetic {
            return operator;
        }
        self.documents.push((word, tabs));
        start + length
    }

    fn bodies(&mut self) {
        for (delimiter, tabs) in std::mem::take(&mut self.documents) {
            while self.at < self.text.len() {
                let rest = &self.text[self.at..];
                let line = rest.split('\n').next().unwrap_or_default();
                let shown = if tabs { line.trim_start_matches('\t') } else { line };
                let is_end = shown == delimiter;
                let end = (self.at + line.len() + 1).min(self.text.len());
                while self.places.get(self.found.len()).is_some_and(|place| place.start < end) && !is_end {
                    self.at = self.places[self.found.len()].start.max(self.at);
                    self.place(Some(Around::HereDocument));
                }
                self.at = self.at.max(end);
                self.fresh = true;
                if is_end {
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What surrounds each `@` of a text.
    fn marked(text: &str) -> Vec<Option<Around>> {
        let places: Vec<_> = text.match_indices('@').map(|(at, _)| at..at + 1).collect();
        around(text, &places)
    }

    #[test]
    fn surroundings_are_told() {
        use Around::*;
        for (text, expected) in [
            ("echo @ x@y", vec![None, None]),
            ("echo \"a @\" '@' @", vec![Some(DoubleQuotes), Some(SingleQuotes), None]),
            (r#"echo \"@ "\"@" @"#, vec![None, Some(DoubleQuotes), None]),
            ("x=\"$(cat @ \"@\")@\" @", vec![None, Some(DoubleQuotes), Some(DoubleQuotes), None]),
            ("`echo @` @", vec![Some(Backticks), None]),
            ("`echo $(cat @)`", vec![Some(Backticks)]),
            ("echo ${x:-@} \"${x:-@}\" @", vec![None, Some(DoubleQuotes), None]),
            ("ls # it's @\necho @ a#@", vec![Some(Comment), None, None]),
            ("cat <<EOF; ls @\nx '@\nEOF\necho @", vec![None, Some(HereDocument), None]),
            ("cat <<-'E' <<F\n\tE\n@\nF\necho @", vec![Some(HereDocument), None]),
            ("cat <<<@ \"@\"", vec![None, Some(DoubleQuotes)]),
            ("echo $((1 << 2)) @\n@", vec![None, None]),
            ("case x in a) echo @;; esac; (cd @)", vec![None, None]),
            ("echo 'é\" @' @", vec![Some(SingleQuotes), None]),
        ] {
            assert_eq!(marked(text), expected, "{text}");
        }
    }

    fn shell_text() -> impl Strategy<Value = (String, usize)> {
        let piece = || {
            prop::sample::select(vec![
                "echo ",
                "a",
                " ",
                "\n",
                "\"",
                "'",
                "\\",
                "$(",
                ")",
                "(",
                "`",
                "${x:-",
                "}",
                "# ",
                "$",
                "=",
                ";",
                "<<E\n",
                "E\n",
                "<<-'E' ",
                "cat ",
                "{ ",
                "| ",
                "&& ",
                "$((",
                "))",
                "\t",
                "case a in a) ",
                ";; esac",
            ])
        };
        (prop::collection::vec(piece(), 0..8), prop::collection::vec(piece(), 0..6)).prop_map(
            |(before, after)| {
                let before = before.concat();
                let at = before.len();
                (before + "@" + &after.concat(), at)
            },
        )
    }

    proptest! {
        /// A value quoted where the scanner sees nothing around it never runs in a real shell.
        #[test]
        fn a_real_shell_runs_no_quoted_value((text, at) in shell_text()) {
            let place = at..at + 1;
            if around(&text, std::slice::from_ref(&place)) != [None] {
                return Ok(());
            }
            let mark = tempfile::NamedTempFile::new().unwrap();
            let run = "echo hit >> \"$MARK\"";
            let value = format!("$({run})`{run}`\n{run}\n;{run};'\n{run}\n\"\n{run}\nE\n{run}\n)\n{run}\n");
            let quoted = crate::recipe::expr::sh_quote(&value);
            let shell = format!("{}{quoted}{}", &text[..at], &text[at + 1..]);
            std::process::Command::new("sh")
                .args(["-c", &shell])
                .env("MARK", mark.path())
                .stdin(std::process::Stdio::null())
                .output()
                .unwrap();
            prop_assert_eq!(std::fs::read_to_string(mark.path()).unwrap(), "", "{}", shell);
        }
    }
}

//! Errors with their source snippets, as text.

use std::fmt;

use console::AnsiCodeIterator;
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, Severity, SourceCode, ThemeCharacters,
    ThemeStyles,
};

use super::style::Look;
use super::text;

/// Renders a diagnostic for a stream of this look: its source snippets and mends. What only gathers others shows
/// those; its own headline is the caller's to print.
#[must_use]
pub fn render(diagnostic: &dyn Diagnostic, look: &Look) -> String {
    let parts: Vec<String> = diagnostic
        .related()
        .into_iter()
        .flatten()
        .map(|part| one(&Part { part, whole: diagnostic }, look))
        .collect();
    if parts.is_empty() { one(diagnostic, look) } else { parts.join("\n\n") }
}

/// One of several problems of a text, without its code: people read the message.
#[derive(Debug)]
struct Part<'a> {
    part: &'a dyn Diagnostic,
    whole: &'a dyn Diagnostic,
}

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.part, f)
    }
}

impl std::error::Error for Part<'_> {}

impl Diagnostic for Part<'_> {
    fn severity(&self) -> Option<Severity> {
        self.part.severity()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.part.help()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.part.labels()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.part.source_code().or_else(|| self.whole.source_code())
    }
}

fn one(diagnostic: &dyn Diagnostic, look: &Look) -> String {
    let theme = GraphicalTheme {
        characters: if look.unicode { ThemeCharacters::unicode() } else { ThemeCharacters::ascii() },
        styles: if look.color { ThemeStyles::ansi() } else { ThemeStyles::none() },
    };
    let handler =
        GraphicalReportHandler::new_themed(theme).with_width(look.width.clamp(20, 120)).with_links(false);
    let mut rendered = String::new();
    match handler.render_report(&mut rendered, diagnostic) {
        Ok(()) => harmless(&rendered, look),
        Err(_) => text::lines(&diagnostic.to_string(), look),
    }
}

/// Keeps colours and layout; everything else that could act on the terminal goes, because a snippet
/// shows a file as it is.
fn harmless(rendered: &str, look: &Look) -> String {
    let mut clean = String::with_capacity(rendered.len());
    for (piece, is_code) in AnsiCodeIterator::new(rendered) {
        if is_code {
            if look.color && piece.starts_with("\u{1b}[") && piece.ends_with('m') {
                clean.push_str(piece);
            }
            continue;
        }
        let shown = piece.chars().filter(|c| *c == '\n' || !text::is_unsafe(*c));
        clean.extend(shown.map(|c| if c.is_ascii() || look.wide_text { c } else { '?' }));
    }
    clean.truncate(clean.trim_end().len());
    clean
}

#[cfg(test)]
mod tests {
    use miette::{NamedSource, SourceSpan};

    use super::*;

    #[derive(Debug, thiserror::Error, miette::Diagnostic)]
    #[error("unknown key `retires`")]
    #[diagnostic(help("did you mean `retries`?"))]
    struct UnknownKey {
        #[source_code]
        code: NamedSource<String>,
        #[label("not a key of a step")]
        at: SourceSpan,
    }

    fn unknown_key() -> UnknownKey {
        let text = "steps:\n  test:\n    retires: 3  # caf\u{e9} \u{1b}]0;owned\u{7}\u{202e}\n";
        UnknownKey { code: NamedSource::new("fix.yaml", text.to_owned()), at: (19, 7).into() }
    }

    #[test]
    fn diagnostics_follow_the_look() {
        for (name, look) in [
            ("diagnostic_unicode", Look::plain(80)),
            ("diagnostic_ascii", Look::ascii(40)),
            ("diagnostic_color", Look::colored(80)),
        ] {
            insta::assert_snapshot!(name, render(&unknown_key(), &look));
        }
    }

    #[test]
    fn a_snippet_cannot_drive_the_terminal() {
        let shown = render(&unknown_key(), &Look::plain(80));
        assert!(shown.chars().all(|c| c == '\n' || !text::is_unsafe(c)), "{shown:?}");
    }
}

//! Errors with their source snippets, as text.

use console::AnsiCodeIterator;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, ThemeCharacters, ThemeStyles};

use super::printer::{Printer, Verbosity};
use super::style::Look;
use super::text;
use crate::core::yaml::diagnostic::Problems;

/// Renders a diagnostic for a stream of this look.
#[must_use]
pub fn render(diagnostic: &dyn Diagnostic, look: &Look) -> String {
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

/// Shows the warnings of several files, unless quiet.
pub fn warn(printer: &Printer, warnings: &[Problems]) {
    if printer.verbosity() == Verbosity::Quiet {
        return;
    }
    for problems in warnings {
        printer.lines(&render(problems, &printer.terminal().err));
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

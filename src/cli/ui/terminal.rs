//! What the three standard streams are and what may be written to them. Decided once, from the
//! environment and the command line.

use std::io::IsTerminal;

use console::Term;

use super::style::Look;

/// Columns of a log file, for what must be wrapped.
const LOG_WIDTH: usize = 100;
/// Columns of data that goes to another program: never cut.
const DATA_WIDTH: usize = 4_000;

/// `--color`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorChoice {
    /// Colour in a terminal that can show it.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The facts about the streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Somebody can type.
    pub stdin: bool,
    /// stdout is a terminal.
    pub stdout: bool,
    /// stderr is a terminal.
    pub stderr: bool,
    /// Lines cannot be redrawn (`TERM=dumb`, or a CI job).
    pub still: bool,
    /// How stdout may be written to.
    pub out: Look,
    /// How stderr may be written to.
    pub err: Look,
}

impl Terminal {
    /// Looks at this process.
    #[must_use]
    pub fn detect(color: ColorChoice) -> Self {
        let streams = [
            std::io::stdin().is_terminal(),
            std::io::stdout().is_terminal(),
            std::io::stderr().is_terminal(),
        ];
        let columns = [&Term::stdout(), &Term::stderr()]
            .map(|term| term.size_checked().map(|(_, columns)| usize::from(columns)));
        Self::decide(
            color,
            &|name| std::env::var_os(name).map(|v| v.to_string_lossy().into_owned()),
            streams,
            columns,
        )
    }

    /// The decision itself: `streams` says which of stdin, stdout and stderr are terminals, `columns`
    /// how wide the last two are.
    fn decide(
        color: ColorChoice,
        env: &dyn Fn(&str) -> Option<String>,
        streams: [bool; 3],
        columns: [Option<usize>; 2],
    ) -> Self {
        let set = |name| env(name).filter(|value| !value.is_empty());
        let dumb = set("TERM").as_deref() == Some("dumb");
        let utf8 = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        let look = |terminal: bool, columns: Option<usize>, otherwise: usize| {
            let wanted =
                terminal && !dumb && set("NO_COLOR").is_none() && set("CLICOLOR").as_deref() != Some("0");
            let forced = set("CLICOLOR_FORCE").is_some_and(|value| value != "0");
            Look {
                color: match color {
                    ColorChoice::Always => true,
                    ColorChoice::Never => false,
                    ColorChoice::Auto => wanted || forced,
                },
                unicode: utf8 && !(dumb && terminal),
                // A byte of a UTF-8 character can be a command to a terminal of another character set,
                // but never to a file.
                wide_text: utf8 || !terminal,
                width: if terminal { columns.unwrap_or(80).max(1) } else { otherwise },
            }
        };
        let [stdin, stdout, stderr] = streams;
        Self {
            stdin,
            stdout,
            stderr,
            still: dumb || set("CI").is_some_and(|value| value != "false" && value != "0"),
            out: look(stdout, columns[0], DATA_WIDTH),
            err: look(stderr, columns[1], LOG_WIDTH),
        }
    }

    /// Whether lines on stderr can be redrawn.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.stderr && !self.still
    }

    /// Whether a question can be asked and answered.
    #[must_use]
    pub fn can_ask(&self) -> bool {
        self.stdin && self.stderr && !self.still
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Vars = &'static [(&'static str, &'static str)];

    fn decide(color: ColorChoice, vars: &[(&str, &str)], streams: [bool; 3]) -> Terminal {
        let env = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Terminal::decide(color, &env, streams, [Some(90), Some(70)])
    }

    #[test]
    fn colour_follows_the_usual_variables() {
        let tty = [true; 3];
        let pipe = [false; 3];
        let cases: [(ColorChoice, Vars, _, bool); 12] = [
            (ColorChoice::Auto, &[], tty, true),
            (ColorChoice::Auto, &[], pipe, false),
            (ColorChoice::Auto, &[("NO_COLOR", "1")], tty, false),
            (ColorChoice::Auto, &[("NO_COLOR", "")], tty, true),
            (ColorChoice::Auto, &[("CLICOLOR", "0")], tty, false),
            (ColorChoice::Auto, &[("CLICOLOR", "1")], pipe, false),
            (ColorChoice::Auto, &[("CLICOLOR_FORCE", "1")], pipe, true),
            (ColorChoice::Auto, &[("CLICOLOR_FORCE", "0")], pipe, false),
            (ColorChoice::Auto, &[("TERM", "dumb")], tty, false),
            (ColorChoice::Always, &[("NO_COLOR", "1")], pipe, true),
            (ColorChoice::Never, &[("CLICOLOR_FORCE", "1")], tty, false),
            (ColorChoice::Always, &[("TERM", "dumb")], tty, true),
        ];
        for (choice, vars, streams, expected) in cases {
            assert_eq!(decide(choice, vars, streams).err.color, expected, "{choice:?} {vars:?} {streams:?}");
        }
    }

    #[test]
    fn the_character_set_follows_the_locale() {
        let cases: [(Vars, bool); 8] = [
            (&[], false),
            (&[("LANG", "C.UTF-8")], true),
            (&[("LANG", "de_DE.utf8")], true),
            (&[("LANG", "de_DE.ISO-8859-1")], false),
            (&[("LANG", "C.UTF-8"), ("LC_ALL", "C")], false),
            (&[("LANG", "C"), ("LC_CTYPE", "en_US.UTF-8")], true),
            (&[("LANG", "C.UTF-8"), ("LC_ALL", "")], true),
            (&[("LANG", "C.UTF-8"), ("TERM", "dumb")], false),
        ];
        for (vars, expected) in cases {
            assert_eq!(decide(ColorChoice::Auto, vars, [true; 3]).err.unicode, expected, "{vars:?}");
        }
    }

    #[test]
    fn questions_and_redrawing_need_a_terminal() {
        let said = |vars: &[(&str, &str)], streams| {
            let terminal = decide(ColorChoice::Auto, vars, streams);
            (terminal.is_live(), terminal.can_ask())
        };
        assert_eq!(said(&[], [true; 3]), (true, true));
        assert_eq!(said(&[], [false, true, true]), (true, false));
        assert_eq!(said(&[], [true, true, false]), (false, false));
        assert_eq!(said(&[("TERM", "dumb")], [true; 3]), (false, false));
        assert_eq!(said(&[("CI", "true")], [true; 3]), (false, false));
        assert_eq!(said(&[("CI", "false")], [true; 3]), (true, true));
    }

    #[test]
    fn data_for_another_program_is_not_cut() {
        let terminal = decide(ColorChoice::Auto, &[], [true, false, true]);
        assert_eq!((terminal.out.width, terminal.err.width), (DATA_WIDTH, 70));
    }
}

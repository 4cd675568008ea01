//! Questions in a terminal. Each gives `None` when the person would rather not answer.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use console::Term;
use dialoguer::theme::ColorfulTheme;
use dialoguer::{Confirm, FuzzySelect, Input, Select};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::termios::{FlushArg, tcflush};

use super::printer::Printer;
use super::style::{Look, Role};
use super::text;
use crate::app::error::{AppError, Kind};
use crate::core::time::words;

/// An answer, unless the person would rather not give one: then it is over before anything was written.
///
/// # Errors
/// When there is none, or the terminal cannot be read or written.
pub fn answered<T>(answer: io::Result<Option<T>>) -> Result<T, AppError> {
    match answer {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => {
            Err(AppError { kind: Kind::Stopped, ..AppError::usage("cancelled: nothing was written") })
        }
        Err(error) => Err(AppError::environment(format!("cannot ask in this terminal: {error}"))),
    }
}

/// A choice with its explanation.
#[derive(Debug, Clone)]
pub struct Choice {
    /// What is chosen.
    pub name: String,
    /// One sentence about it.
    pub description: String,
}

/// Asks questions on stderr and reads answers from stdin.
pub struct Prompts<'a> {
    printer: &'a Printer,
    look: Look,
    theme: ColorfulTheme,
}

impl<'a> Prompts<'a> {
    /// A way to ask, when somebody is there to answer.
    #[must_use]
    pub fn new(printer: &'a Printer) -> Option<Self> {
        let look = printer.terminal().err;
        printer.terminal().can_ask().then(|| Self { printer, look, theme: theme(&look) })
    }

    /// Asks for a line of text; just Enter takes the default. Ctrl-C cancels.
    ///
    /// # Errors
    /// When the terminal cannot be read or written.
    pub fn text(&self, question: &str, default: Option<&str>) -> io::Result<Option<String>> {
        let question = text::one_line(question, &self.look);
        self.ask(|term| {
            let mut input = Input::<String>::with_theme(&self.theme).with_prompt(question);
            if let Some(default) = default {
                input = input.default(default.to_owned());
            }
            input.interact_text_on(term).map(Some)
        })
    }

    /// Lets the person change a line of text; Enter takes what stands there, which may be nothing. Ctrl-C cancels.
    ///
    /// # Errors
    /// When the terminal cannot be read or written.
    pub fn edit(&self, question: &str, start: &str) -> io::Result<Option<String>> {
        let question = text::one_line(question, &self.look);
        let start = text::one_line(start, &self.look);
        self.ask(|term| {
            Input::<String>::with_theme(&self.theme)
                .with_prompt(question)
                .with_initial_text(start)
                .allow_empty(true)
                .interact_text_on(term)
                .map(Some)
        })
    }

    /// Asks yes or no; Enter takes the default. Esc and Ctrl-C cancel.
    ///
    /// # Errors
    /// When the terminal cannot be read or written.
    pub fn confirm(&self, question: &str, default: Option<bool>) -> io::Result<Option<bool>> {
        let question = text::one_line(question, &self.look);
        self.ask(|term| {
            let mut confirm = Confirm::with_theme(&self.theme).with_prompt(question);
            if let Some(default) = default {
                confirm = confirm.default(default);
            }
            confirm.interact_on_opt(term)
        })
    }

    /// Lets the person pick one of a few answers; the first stands under the cursor, or the default. Esc and Ctrl-C cancel.
    ///
    /// # Errors
    /// When the terminal cannot be read or written.
    pub fn choose(
        &self,
        question: &str,
        answers: &[String],
        default: Option<&str>,
    ) -> io::Result<Option<String>> {
        let question = text::one_line(question, &self.look);
        let first = answers.iter().position(|answer| Some(answer.as_str()) == default).unwrap_or(0);
        let picked = self.ask(|term| {
            Select::with_theme(&self.theme)
                .with_prompt(question)
                .items(answers)
                .default(first)
                .interact_on_opt(term)
        })?;
        Ok(picked.and_then(|index| answers.get(index).cloned()))
    }

    /// Says that a question waits for so long, and whether somebody pressed Enter by then.
    #[must_use]
    pub fn is_heard(&self, question: &str, default: &str, time: Duration) -> bool {
        let question = text::one_line(question, &self.look);
        let within = words(time);
        self.printer
            .lines(&format!("{question} (Enter within {within} to answer, else it is `{default}`)\n"));
        self.printer.suspend(|| line_within(time))
    }

    /// Lets the person search and pick; gives the index of the choice. Esc and Ctrl-C cancel.
    ///
    /// # Errors
    /// When the terminal cannot be read or written.
    pub fn select(&self, question: &str, choices: &[Choice]) -> io::Result<Option<usize>> {
        if choices.is_empty() {
            return Ok(None);
        }
        let items = items(choices, &self.look);
        let question = text::one_line(question, &self.look);
        self.ask(|term| {
            FuzzySelect::with_theme(&self.theme)
                .with_prompt(question)
                .items(items)
                .default(0)
                .report(false)
                .interact_on_opt(term)
        })
    }

    fn ask<T>(&self, prompt: impl FnOnce(&Term) -> dialoguer::Result<Option<T>>) -> io::Result<Option<T>> {
        self.printer.suspend(|| {
            let term = Term::stderr();
            let calm = Calm::new()?;
            let answer = prompt(&term);
            let cancelled = match &answer {
                Err(dialoguer::Error::IO(error)) => error.kind() == io::ErrorKind::Interrupted,
                _ => false,
            };
            term.show_cursor()?;
            if cancelled {
                term.write_line("")?;
            }
            calm.end(cancelled)?;
            match answer {
                Ok(answer) => Ok(answer),
                Err(dialoguer::Error::IO(error)) => match error.kind() {
                    // Interrupted is Ctrl-C; the end of input is a terminal that went away.
                    io::ErrorKind::Interrupted | io::ErrorKind::UnexpectedEof => Ok(None),
                    _ => Err(error),
                },
            }
        })
    }
}

/// Waits for a line, which is taken and means nothing. The terminal stays as it is: whoever ends the program meanwhile finds it so.
fn line_within(time: Duration) -> bool {
    let stdin = io::stdin();
    let until = Instant::now() + time;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let wait = PollTimeout::try_from(left.as_millis().min(60_000)).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)], wait) {
            Ok(0) if left.is_zero() => return false,
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return tcflush(stdin.as_fd(), FlushArg::TCIFLUSH).is_ok(),
            Err(_) => return false,
        }
    }
}

/// Holds back signals in this thread while a prompt reads keys: the reader takes every interrupted read
/// for Ctrl-C, and turns Ctrl-C into a SIGINT that would end the process with the cursor hidden.
struct Calm {
    before: SigSet,
}

impl Calm {
    fn new() -> io::Result<Self> {
        let held = SigSet::from_iter([Signal::SIGINT, Signal::SIGCHLD, Signal::SIGWINCH]);
        Ok(Self { before: held.thread_swap_mask(SigmaskHow::SIG_BLOCK)? })
    }

    /// Ends the calm; a Ctrl-C that was an answer to the prompt is used up.
    fn end(self, answered_by_interrupt: bool) -> io::Result<()> {
        if answered_by_interrupt {
            SigSet::from(Signal::SIGINT).wait()?;
        }
        Ok(())
    }
}

impl Drop for Calm {
    fn drop(&mut self) {
        let _ = self.before.thread_set_mask();
    }
}

/// Names in a column, then what fits of the descriptions.
fn items(choices: &[Choice], look: &Look) -> Vec<String> {
    let names: Vec<_> = choices.iter().map(|choice| text::one_line(&choice.name, look)).collect();
    let column = names.iter().map(|name| text::width(name)).max().unwrap_or(0).min(look.width / 2);
    let item = |(name, choice): (&String, &Choice)| {
        let gap = " ".repeat(column.saturating_sub(text::width(name)) + 2);
        let line = format!("{name}{gap}{}", text::one_line(&choice.description, look));
        text::cut(line.trim_end(), look.width.saturating_sub(4), look).into_owned()
    };
    names.iter().zip(choices).map(item).collect()
}

fn theme(look: &Look) -> ColorfulTheme {
    let glyphs = look.glyphs();
    let sign = |role, text: &str| console::style(look.paint(role, text)).for_stderr();
    let active = if look.unicode { "❯" } else { ">" };
    ColorfulTheme {
        prompt_prefix: sign(Role::Accent, "?"),
        prompt_suffix: sign(Role::Dim, if look.unicode { "›" } else { ">" }),
        success_prefix: sign(Role::Good, glyphs.good),
        success_suffix: sign(Role::Dim, glyphs.dot),
        error_prefix: sign(Role::Bad, glyphs.bad),
        active_item_prefix: sign(Role::Accent, active),
        ..ColorfulTheme::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ui::printer::Verbosity;
    use crate::cli::ui::printer::testing::captured;

    #[test]
    fn nobody_there_means_no_questions() {
        let (printer, _, _) = captured(Look::plain(80), Verbosity::Normal);
        assert!(Prompts::new(&printer).is_none());
    }

    #[test]
    fn choices_align_and_fit() {
        let choice =
            |name: &str, description: &str| Choice { name: name.into(), description: description.into() };
        let choices = [
            choice("hello", "Say hello"),
            choice("fix-tests", "Run the tests and repair what fails"),
            choice("x", ""),
        ];
        assert_eq!(
            items(&choices, &Look::plain(34)),
            ["hello      Say hello", "fix-tests  Run the tests and…", "x"]
        );
    }
}

//! The one place that writes. Data goes to stdout, everything else to stderr. Live lines and questions
//! drive the terminal themselves, but only as an overlay known here: while one is on the screen, what is
//! written appears above it.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::diagnostics;
use super::style::Role;
use super::terminal::{ColorChoice, Terminal};
use super::text;
use crate::recipe::Problems;

/// How much is said on stderr.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Warnings, errors and the end of a run.
    Quiet,
    /// What a person wants to know.
    #[default]
    Normal,
    /// Everything.
    Verbose,
}

/// Something that owns the bottom of the screen for a while.
pub(crate) trait Overlay: Send + Sync {
    /// Shows finished lines above it.
    fn above(&self, text: &str);
    /// Takes itself off the screen while `f` runs.
    fn suspend(&self, f: &mut dyn FnMut());
}

/// Writes to stdout and stderr. Clones write to the same streams.
#[derive(Clone)]
pub struct Printer {
    terminal: Terminal,
    verbosity: Verbosity,
    streams: Arc<Streams>,
}

struct Streams {
    out: Mutex<Box<dyn Write + Send>>,
    err: Mutex<Box<dyn Write + Send>>,
    overlay: Mutex<Option<Arc<dyn Overlay>>>,
    closed: AtomicBool,
    failure: Mutex<Option<io::Error>>,
}

impl Printer {
    /// A printer on the streams of this process. Prompts and diagnostics follow the same colour choice.
    #[must_use]
    pub fn new(color: ColorChoice, verbosity: Verbosity) -> Self {
        let terminal = Terminal::detect(color);
        console::set_colors_enabled(terminal.out.color);
        console::set_colors_enabled_stderr(terminal.err.color);
        Self::on(terminal, verbosity, Box::new(io::stdout()), Box::new(io::stderr()))
    }

    /// A printer on any streams.
    #[must_use]
    pub fn on(
        terminal: Terminal,
        verbosity: Verbosity,
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
    ) -> Self {
        let streams = Streams {
            out: Mutex::new(out),
            err: Mutex::new(err),
            overlay: Mutex::default(),
            closed: AtomicBool::new(false),
            failure: Mutex::default(),
        };
        Self { terminal, verbosity, streams: Arc::new(streams) }
    }

    /// What the streams are.
    #[must_use]
    pub fn terminal(&self) -> &Terminal {
        &self.terminal
    }

    /// A printer whose notes are data: what it says goes to stdout.
    #[must_use]
    pub fn to_stdout(&self) -> Self {
        let terminal = Terminal { stderr: self.terminal.stdout, err: self.terminal.out, ..self.terminal };
        Self::on(
            terminal,
            self.verbosity.max(Verbosity::Normal),
            Box::new(io::sink()),
            Box::new(io::stdout()),
        )
    }

    /// How much is said.
    #[must_use]
    pub fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// Writes data to stdout as it is, with a line end. Problems are kept for [`Printer::finish`].
    pub fn data(&self, text: &str) {
        match self.overlay() {
            Some(overlay) if self.terminal.stdout => {
                overlay.suspend(&mut || self.write_data(text));
            }
            _ => self.write_data(text),
        }
    }

    fn write_data(&self, text: &str) {
        if self.is_closed() {
            return;
        }
        let mut out = lock(&self.streams.out);
        let written =
            out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
        match written {
            Ok(()) => {}
            Err(error) => {
                // The reader may stop reading whenever it likes: that is no failure of ours.
                if error.kind() != io::ErrorKind::BrokenPipe {
                    lock(&self.streams.failure).get_or_insert(error);
                }
                self.streams.closed.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Whether stdout takes nothing any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.streams.closed.load(Ordering::Relaxed)
    }

    /// Says whether all data reached stdout. A reader that went away counts as satisfied.
    ///
    /// # Errors
    /// The first failure of stdout, such as a full disk.
    pub fn finish(&self) -> io::Result<()> {
        lock(&self.streams.failure).take().map_or(Ok(()), Err)
    }

    /// Says something useful, unless quiet.
    pub fn note(&self, message: &str) {
        if self.verbosity >= Verbosity::Normal {
            self.lines(&text::lines(message, &self.terminal.err));
        }
    }

    /// Says something that only a curious person wants to know.
    pub fn detail(&self, message: &str) {
        if self.verbosity >= Verbosity::Verbose {
            let look = &self.terminal.err;
            self.lines(&look.paint(Role::Dim, &text::lines(message, look)));
        }
    }

    /// Warns.
    pub fn warn(&self, message: &str) {
        self.labelled(Role::Warn, "warning", message, &[]);
    }

    /// Says what went wrong and, after a blank line, what to do about it.
    pub fn error(&self, message: &str, hints: &[String]) {
        self.labelled(Role::Bad, "error", message, hints);
    }

    /// Shows the problems of a file with their places, and a blank line after them.
    pub(crate) fn problems(&self, problems: &Problems) {
        let headline = problems.to_string();
        match problems.errors() {
            0 => self.warn(&headline),
            _ => self.error(&headline, &[]),
        }
        self.lines(&format!("\n{}\n", diagnostics::render(problems, &self.terminal.err)));
    }

    fn labelled(&self, role: Role, label: &str, message: &str, hints: &[String]) {
        let look = &self.terminal.err;
        let mut said = format!("{} {}", look.paint(role, &format!("{label}:")), text::lines(message, look));
        for (at, hint) in hints.iter().enumerate() {
            let gap = if at == 0 { "\n\n" } else { "\n" };
            said += &format!("{gap}{} {}", look.paint(Role::Accent, "hint:"), text::lines(hint, look));
        }
        self.lines(&said);
    }

    /// Writes finished lines to stderr: their text is already harmless and styled.
    pub(crate) fn lines(&self, text: &str) {
        match self.overlay() {
            Some(overlay) => overlay.above(text),
            None => {
                // Nobody is left to tell when stderr fails.
                let mut err = lock(&self.streams.err);
                let _ = err.write_all(format!("{text}\n").as_bytes()).and_then(|()| err.flush());
            }
        }
    }

    /// Runs `f` while no live lines are on the screen.
    pub(crate) fn suspend<T>(&self, f: impl FnOnce() -> T) -> T {
        let Some(overlay) = self.overlay() else { return f() };
        let mut f = Some(f);
        let mut answer = None;
        overlay.suspend(&mut || {
            if let Some(f) = f.take() {
                answer = Some(f());
            }
        });
        match (answer, f) {
            (Some(answer), _) => answer,
            (None, Some(f)) => f(),
            (None, None) => unreachable!("the function is taken only to fill the answer"),
        }
    }

    /// Says who owns the bottom of the screen.
    pub(crate) fn set_overlay(&self, overlay: Option<Arc<dyn Overlay>>) {
        *lock(&self.streams.overlay) = overlay;
    }

    fn overlay(&self) -> Option<Arc<dyn Overlay>> {
        lock(&self.streams.overlay).clone()
    }
}

/// Locks, also after a panic elsewhere: what is written then is still worth reading.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::cli::ui::style::Look;

    /// What was written to a stream.
    #[derive(Clone, Default)]
    pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Captured {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(lock(&self.0).clone()).unwrap()
        }
    }

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            lock(&self.0).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A printer that keeps what is written to stdout and stderr.
    pub(crate) fn captured(look: Look, verbosity: Verbosity) -> (Printer, Captured, Captured) {
        let terminal =
            Terminal { stdin: false, stdout: false, stderr: false, still: true, out: look, err: look };
        let (out, err) = (Captured::default(), Captured::default());
        (Printer::on(terminal, verbosity, Box::new(out.clone()), Box::new(err.clone())), out, err)
    }
}

#[cfg(test)]
mod tests {
    use super::testing::captured;
    use super::*;
    use crate::cli::ui::style::Look;

    fn speak(verbosity: Verbosity, look: Look) -> (String, String) {
        let (printer, out, err) = captured(look, verbosity);
        printer.data("data\u{1b}[1m");
        printer.note("note \u{1b}]0;x\u{7}y");
        printer.detail("detail");
        printer.warn("careful");
        printer
            .error("no recipe `fx`\n  in this place", &["did you mean `fix`?".into(), "run `list`".into()]);
        (out.text(), err.text())
    }

    #[test]
    fn each_kind_has_its_place() {
        let (out, err) = speak(Verbosity::Normal, Look::plain(80));
        assert_eq!(out, "data\u{1b}[1m\n");
        insta::assert_snapshot!(err, @r"
        note y
        warning: careful
        error: no recipe `fx`
          in this place

        hint: did you mean `fix`?
        hint: run `list`
        ");
    }

    #[test]
    fn verbosity_adds_and_takes_away() {
        assert!(!speak(Verbosity::Quiet, Look::plain(80)).1.contains("note"));
        assert!(speak(Verbosity::Verbose, Look::plain(80)).1.contains("detail"));
        assert!(speak(Verbosity::Normal, Look::colored(80)).1.contains("\u{1b}[33mwarning:\u{1b}[0m"));
    }

    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_goes_away_is_no_failure_but_a_full_disk_is() {
        for (kind, fine) in [(io::ErrorKind::BrokenPipe, true), (io::ErrorKind::StorageFull, false)] {
            let terminal = captured(Look::plain(80), Verbosity::Normal).0.terminal;
            let printer =
                Printer::on(terminal, Verbosity::Normal, Box::new(Failing(kind)), Box::new(io::sink()));
            printer.data("one");
            printer.data("two");
            assert!(printer.is_closed());
            assert_eq!(printer.finish().is_ok(), fine);
        }
    }
}

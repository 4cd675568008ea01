//! A program in a pseudo-terminal of its own, and the screen that it draws.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::pty::{Winsize, openpty};
use nix::sys::termios::{LocalFlags, tcgetattr};

use crate::binary::{Kitchen, until};

/// Rows of every terminal here; what scrolls out of them can still be read.
const ROWS: u16 = 40;

/// A program on a terminal.
pub(crate) struct Pty {
    child: Child,
    master: File,
    // Held open, so that the terminal's settings can be read after the program has gone.
    slave: OwnedFd,
    drawn: Arc<Mutex<Drawn>>,
    reader: Option<JoinHandle<()>>,
}

struct Drawn {
    parser: vt100::Parser,
    bytes: Vec<u8>,
}

impl Pty {
    /// Starts a command on a terminal with this many columns.
    pub(crate) fn spawn(command: &mut Command, columns: u16) -> Self {
        let pair = openpty(&size(columns), None).unwrap();
        for fd in [&pair.master, &pair.slave] {
            fcntl(fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).unwrap();
        }
        let stream = || Stdio::from(pair.slave.try_clone().unwrap());
        command.env("TERM", "xterm-256color").stdin(stream()).stdout(stream()).stderr(stream());
        let lead = || {
            nix::unistd::setsid()?;
            // SAFETY: an ioctl on the child's own stdin, which is the terminal; it takes no pointer.
            #[expect(unsafe_code, reason = "nothing safe makes a terminal the controlling one")]
            let done = unsafe { nix::libc::ioctl(0, nix::libc::TIOCSCTTY as _, 0) };
            nix::errno::Errno::result(done)?;
            Ok(())
        };
        // SAFETY: only system calls that are safe between fork and exec.
        #[expect(unsafe_code, reason = "a session of its own begins between fork and exec")]
        let child = unsafe { command.pre_exec(lead) }.spawn().unwrap();
        // The command keeps its copies of the terminal open until it is dropped or given others.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let master = File::from(pair.master);
        let drawn = Drawn { parser: vt100::Parser::new(ROWS, columns, 1000), bytes: Vec::new() };
        let drawn = Arc::new(Mutex::new(drawn));
        let reader = std::thread::spawn({
            let (mut master, drawn) = (master.try_clone().unwrap(), Arc::clone(&drawn));
            move || {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = master.read(&mut buffer) {
                    let mut drawn = drawn.lock().unwrap();
                    drawn.parser.process(&buffer[..count]);
                    drawn.bytes.extend(&buffer[..count]);
                }
            }
        });
        Self { child, master, slave: pair.slave, drawn, reader: Some(reader) }
    }

    /// Starts the binary.
    pub(crate) fn cook(kitchen: &Kitchen, args: &[&str], columns: u16) -> Self {
        Self::spawn(&mut kitchen.command(args), columns)
    }

    /// Types.
    pub(crate) fn types(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Takes a prefilled answer away, key by key: between two keys a prompt does not listen, and what arrives then is echoed.
    #[track_caller]
    pub(crate) fn erases(&mut self, question: &str, answer: &str) {
        for (end, _) in answer.char_indices().rev() {
            self.types("\u{7f}");
            self.asks_just(question, &answer[..end]);
        }
    }

    /// Answers, key by key.
    #[track_caller]
    pub(crate) fn writes(&mut self, question: &str, answer: &str) {
        for (at, letter) in answer.char_indices() {
            self.types(letter.encode_utf8(&mut [0; 4]));
            self.asks_just(question, &answer[..at + letter.len_utf8()]);
        }
    }

    /// Waits until the last line is this question with this answer, and the next key is listened to.
    #[track_caller]
    fn asks_just(&self, question: &str, answer: &str) {
        let line = format!("{question}{answer}");
        until(&line, || {
            self.text().lines().last().is_some_and(|last| last.trim_end() == line.trim_end()).then_some(())
        });
        self.asks(question.trim_end());
    }

    /// Makes the terminal wider or narrower; the program is told.
    pub(crate) fn resize(&self, columns: u16) {
        self.drawn.lock().unwrap().parser.screen_mut().set_size(ROWS, columns);
        let size = size(columns);
        // SAFETY: the ioctl reads one `Winsize`, which lives until it returns.
        #[expect(unsafe_code, reason = "nothing safe sets the size of a terminal")]
        let done =
            unsafe { nix::libc::ioctl(self.master.as_raw_fd(), nix::libc::TIOCSWINSZ, &raw const size) };
        nix::errno::Errno::result(done).unwrap();
    }

    /// Everything that can be read on the terminal, also what scrolled out of it.
    pub(crate) fn text(&self) -> String {
        let drawn = self.drawn.lock().unwrap();
        let mut screen = drawn.parser.screen().clone();
        let columns = screen.size().1;
        screen.set_scrollback(usize::MAX);
        let mut text = String::new();
        let mut line = |row: String, wrapped: bool| {
            // A row that the terminal broke goes on in the next one.
            text.push_str(if wrapped { &row } else { row.trim_end() });
            text.push_str(if wrapped { "" } else { "\n" });
        };
        for back in (1..=screen.scrollback()).rev() {
            screen.set_scrollback(back);
            line(screen.rows(0, columns).next().unwrap_or_default(), screen.row_wrapped(0));
        }
        screen.set_scrollback(0);
        for (at, row) in (0..ROWS).zip(screen.rows(0, columns)) {
            line(row, screen.row_wrapped(at));
        }
        text.trim_end().to_owned()
    }

    /// Every byte that was written.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.drawn.lock().unwrap().bytes.clone()
    }

    /// Waits until a text is on the terminal.
    #[track_caller]
    pub(crate) fn shows(&self, text: &str) {
        let mut last = String::new();
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            until(text, || {
                last = self.text();
                last.contains(text).then_some(())
            });
        }));
        assert!(found.is_ok(), "{text:?} is not on:\n{last}");
    }

    /// Waits until a question is on the terminal and its keys are listened to: what is typed before would be echoed.
    #[track_caller]
    pub(crate) fn asks(&self, question: &str) {
        self.shows(question);
        until("keys are listened to", || {
            let flags = tcgetattr(self.slave.as_fd()).unwrap().local_flags;
            (!flags.contains(LocalFlags::ECHO)).then_some(())
        });
    }

    /// Waits until the program has gone; its exit code.
    #[track_caller]
    pub(crate) fn ends(&mut self) -> i32 {
        let status = until("the program ends", || self.child.try_wait().unwrap());
        // What it wrote before is still on its way; nothing else writes to this terminal.
        let end = "\u{1b}]0;the end\u{7}";
        File::from(self.slave.try_clone().unwrap()).write_all(end.as_bytes()).unwrap();
        until("all output", || self.bytes().ends_with(end.as_bytes()).then_some(()));
        status.code().unwrap_or(-1)
    }

    /// Asserts that the terminal is as a shell wants it: lines are edited and echoed, the cursor is seen, on a new line.
    #[track_caller]
    pub(crate) fn is_tidy(&self) {
        let flags = tcgetattr(self.slave.as_fd()).unwrap().local_flags;
        assert!(flags.contains(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG), "{flags:?}");
        let drawn = self.drawn.lock().unwrap();
        let screen = drawn.parser.screen();
        assert!(!screen.hide_cursor(), "the cursor is hidden");
        assert!(!screen.alternate_screen(), "the other screen is on");
        assert_eq!(screen.cursor_position().1, 0, "the cursor stands behind text");
        assert_eq!((screen.fgcolor(), screen.bold()), (vt100::Color::Default, false));
    }

    /// The process.
    pub(crate) fn pid(&self) -> nix::unistd::Pid {
        nix::unistd::Pid::from_raw(self.child.id().try_into().unwrap())
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Its last holders gone, the terminal hangs up, and the reader ends.
        if let Ok(null) = File::open("/dev/null") {
            self.slave = null.into();
        }
        if let Some(reader) = self.reader.take().filter(|_| !std::thread::panicking()) {
            let _ = reader.join();
        }
    }
}

fn size(columns: u16) -> Winsize {
    Winsize { ws_row: ROWS, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

//! A run in a terminal: finished steps stay, running ones are redrawn at the bottom.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indicatif::style::ProgressTracker;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};

use crate::engine::event::{Event, News};

use super::super::ending::Ending;
use super::super::line::Line;
use super::super::printer::{Overlay, Printer, lock};
use super::super::style::{Look, Role};
use super::board::{Board, Clock};
use super::canvas::Canvas;
use super::{Screen, Setting, header, lines};

/// Between two frames.
const FRAME: Duration = Duration::from_millis(100);

/// Redraws the running steps and a status line; everything the printer writes appears above them.
pub struct LiveScreen {
    printer: Printer,
    stage: Arc<Stage>,
    open: bool,
    /// The last line that stays is the empty one after the header.
    gap: bool,
}

/// What the drawing thread reads.
struct Face {
    board: Board,
    clock: Clock,
    look: Look,
    frame: usize,
    hidden: bool,
}

/// The live lines as one indicatif bar of several lines, so that one thread draws them all at one width.
struct Stage {
    bar: ProgressBar,
    canvas: Canvas,
    face: Arc<Mutex<Face>>,
    /// Lines that wait while something else has the screen; `None` when nothing has.
    held: Mutex<Option<Vec<String>>>,
}

impl LiveScreen {
    /// A screen on a terminal; the printer's stderr should be the same.
    #[must_use]
    pub fn new(printer: Printer, setting: Setting, term: Arc<dyn TermLike>) -> Self {
        let screen = Self::with_clock(printer, setting, term, Clock::ticking());
        screen.stage.bar.enable_steady_tick(FRAME);
        screen
    }

    /// The same; without a steady tick it is drawn only when a line is added.
    pub(super) fn with_clock(
        printer: Printer,
        setting: Setting,
        term: Arc<dyn TermLike>,
        clock: Clock,
    ) -> Self {
        let look = printer.terminal().err;
        let face = Face { board: Board::new(setting), clock, look, frame: 0, hidden: false };
        let face = Arc::new(Mutex::new(face));
        let canvas = Canvas::new(term);
        let target = ProgressDrawTarget::term_like(Box::new(canvas.clone()));
        let bar = ProgressBar::with_draw_target(None, target);
        let drawing = Drawing { face: face.clone(), canvas: canvas.clone() };
        let style =
            ProgressStyle::with_template("{live}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        bar.set_style(style.with_key("live", drawing));
        let stage = Arc::new(Stage { bar, canvas, face, held: Mutex::default() });
        printer.set_overlay(Some(stage.clone()));
        Self { printer, stage, open: true, gap: false }
    }

    fn show(&self, lines: &[String]) {
        if !lines.is_empty() {
            self.stage.above(&lines.join("\n"));
        }
    }

    /// Takes the live lines off the screen for good.
    fn close(&mut self) {
        if std::mem::take(&mut self.open) {
            self.printer.set_overlay(None);
            self.stage.bar.finish_and_clear();
            // A terminal that went away needs no tidying.
            let _ = self.stage.canvas.settle();
            let _ = self.stage.canvas.flush();
        }
    }

    #[cfg(test)]
    pub(super) fn draw(&self) {
        self.stage.bar.tick();
    }

    #[cfg(test)]
    pub(super) fn printer(&self) -> &Printer {
        &self.printer
    }
}

impl Screen for LiveScreen {
    fn news(&mut self, news: &News) {
        let face = self.stage.face.clone();
        match news {
            News::Entry(entry) => {
                let mut face = lock(&face);
                face.clock.set(entry.at);
                face.board.entry(entry);
                let look = face.look.with_width(self.stage.canvas.size().0);
                let shown = match &entry.event {
                    Event::RunStarted(started) => {
                        let mut shown = header::lines(started, &face.board.setting, &look);
                        shown.push(String::new());
                        shown
                    }
                    event => {
                        let line = lines::settled(event, &face.board, &look);
                        line.iter().map(|line| line.render(&look)).collect()
                    }
                };
                drop(face);
                if let Some(last) = shown.last() {
                    self.gap = last.is_empty();
                }
                self.show(&shown);
            }
            News::Live(live) => {
                lock(&face).board.live(live);
            }
            News::End(ended, aftermath) => {
                self.close();
                let face = lock(&face);
                let look = face.look.with_width(self.stage.canvas.size().0);
                let started = face.board.started.as_ref();
                let ending = Ending {
                    ended,
                    aftermath,
                    run_id: started.map(|started| started.run_id.as_str()),
                    repository: started.map(|started| started.repository.as_path()),
                    sessions: face.board.sessions,
                };
                let gap = if self.gap { "" } else { "\n" };
                self.printer.lines(&format!("{gap}{}", ending.lines(&look).join("\n")));
            }
        }
    }
}

impl Drop for LiveScreen {
    fn drop(&mut self) {
        self.close();
    }
}

impl Stage {
    fn print(&self, text: &str) {
        self.bar.println(text);
        if text.ends_with('\n') {
            self.bar.println("");
        }
    }
}

impl Overlay for Stage {
    fn above(&self, text: &str) {
        // Held for the whole write, so that no line slips in between a question and its answer.
        let mut held = lock(&self.held);
        match held.as_mut() {
            Some(waiting) => waiting.push(text.to_owned()),
            None => self.print(text),
        }
    }

    fn suspend(&self, f: &mut dyn FnMut()) {
        let nested = {
            let mut held = lock(&self.held);
            let nested = held.is_some();
            if !nested {
                *held = Some(vec![]);
                lock(&self.face).hidden = true;
                self.bar.force_draw();
                let _ = self.canvas.settle();
            }
            nested
        };
        f();
        if !nested {
            let mut held = lock(&self.held);
            lock(&self.face).hidden = false;
            for text in held.take().unwrap_or_default() {
                self.print(&text);
            }
            self.bar.force_draw();
        }
    }
}

/// Draws the face for indicatif.
#[derive(Clone)]
struct Drawing {
    face: Arc<Mutex<Face>>,
    canvas: Canvas,
}

impl ProgressTracker for Drawing {
    fn clone_box(&self) -> Box<dyn ProgressTracker> {
        Box::new(self.clone())
    }

    fn tick(&mut self, _: &ProgressState, _: Instant) {
        lock(&self.face).frame += 1;
    }

    fn reset(&mut self, _: &ProgressState, _: Instant) {}

    fn write(&self, _: &ProgressState, output: &mut dyn fmt::Write) {
        let face = lock(&self.face);
        let (columns, rows) = self.canvas.size();
        let look = face.look.with_width(columns);
        let drawn: Vec<_> = face.lines(rows, &look).iter().map(|line| line.render(&look)).collect();
        // Writing into indicatif's buffer cannot fail.
        let _ = output.write_str(&drawn.join("\n"));
    }
}

impl Face {
    /// The live lines: as many steps as the terminal has rows for, a gap when there is room, the status.
    fn lines(&self, rows: usize, look: &Look) -> Vec<Line> {
        if self.hidden || !self.board.has_begun() {
            return vec![];
        }
        let now = self.clock.now();
        let running = &self.board.running;
        let room = rows.saturating_sub(2).max(1);
        let shown = if running.len() > room { room.saturating_sub(1) } else { running.len() };
        let steps = running[..shown].iter();
        let mut lines: Vec<Line> =
            steps.map(|step| lines::live(step, &self.board, now, self.frame, look)).collect();
        if running.len() > shown {
            let more = format!("  and {} more running", running.len() - shown);
            lines.push(Line::of(Role::Dim, more).cut(look.width, look));
        }
        if rows > lines.len() + 4 {
            lines.push(Line::default());
        }
        lines.push(lines::status(&self.board, now, look));
        lines
    }
}

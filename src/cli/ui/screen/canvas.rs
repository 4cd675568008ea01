//! Frames on a terminal. indicatif says which lines to draw; this writes each frame at once and knows how
//! many rows the last one takes now, also after the terminal was made narrower and wrapped it anew.

use std::io;
use std::sync::{Arc, Mutex};

use indicatif::TermLike;

use super::super::printer::lock;

/// A terminal that is drawn in frames. It relies on how indicatif draws one: erase the old lines, write
/// each line and its padding, flush.
#[derive(Debug, Clone)]
pub(super) struct Canvas {
    term: Arc<dyn TermLike>,
    frame: Arc<Mutex<Frame>>,
}

#[derive(Debug, Default)]
struct Frame {
    /// Columns of the lines that were drawn last.
    drawn: Vec<usize>,
    /// How many of the last lines are to be erased.
    erase: usize,
    /// The lines to draw.
    lines: Vec<String>,
    /// The next text is the padding of a line.
    padding: bool,
    /// The cursor stands behind text.
    behind_text: bool,
}

impl Canvas {
    pub(super) fn new(term: Arc<dyn TermLike>) -> Self {
        Self { term, frame: Arc::default() }
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> (usize, usize) {
        (usize::from(self.term.width()).max(1), usize::from(self.term.height()).max(1))
    }

    /// Puts the cursor at the beginning of a line, so that others can write.
    pub(super) fn settle(&self) -> io::Result<()> {
        if std::mem::take(&mut lock(&self.frame).behind_text) {
            self.term.write_str("\r\n")?;
            self.term.flush()?;
        }
        Ok(())
    }
}

impl TermLike for Canvas {
    fn width(&self) -> u16 {
        self.term.width().max(1)
    }

    fn height(&self) -> u16 {
        self.term.height().max(1)
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        lock(&self.frame).lines.push(text.to_owned());
        Ok(())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        let mut frame = lock(&self.frame);
        // The padding is dropped: it would be copied along, and wrap when the terminal gets narrower.
        if !frame.padding {
            frame.lines.push(text.to_owned());
        }
        frame.padding = !frame.padding;
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        lock(&self.frame).erase += 1;
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let mut frame = lock(&self.frame);
        let columns = usize::from(self.term.width()).max(1);
        let mut output = String::new();
        let erased = frame.drawn.len().saturating_sub(frame.erase);
        let rows: usize = frame.drawn[erased..].iter().map(|width| width.div_ceil(columns).max(1)).sum();
        if rows > 0 {
            output.push('\r');
            if rows > 1 {
                output.push_str(&format!("\u{1b}[{}A", rows - 1));
            }
            output.push_str("\u{1b}[J");
        } else if frame.behind_text && !frame.lines.is_empty() {
            output.push_str("\r\n");
        }
        output.push_str(&frame.lines.join("\r\n"));
        if rows > 0 || !frame.lines.is_empty() {
            frame.behind_text = !frame.lines.is_empty();
        }
        frame.drawn = frame.lines.iter().map(|line| console::measure_text_width(line)).collect();
        frame.lines.clear();
        frame.erase = 0;
        frame.padding = false;
        if output.is_empty() {
            return Ok(());
        }
        self.term.write_str(&output)?;
        self.term.flush()
    }
}

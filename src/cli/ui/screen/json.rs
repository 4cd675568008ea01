//! A run for programs: one JSON object per line on stdout.

use serde::Serialize;

use crate::engine::event::{Aftermath, Live, News, RunEnded};

use super::super::printer::Printer;
use super::Screen;

/// Version of the lines that are not journal lines.
const SCHEMA_VERSION: u32 = 1;

/// Writes the journal's lines as they are, live news, and one last line with the end and what is left.
pub struct JsonScreen {
    printer: Printer,
}

#[derive(Serialize)]
struct Passing<'a> {
    schema_version: u32,
    #[serde(flatten)]
    live: &'a Live,
}

#[derive(Serialize)]
struct End<'a> {
    schema_version: u32,
    event: &'static str,
    #[serde(flatten)]
    ended: &'a RunEnded,
    #[serde(flatten)]
    aftermath: &'a Aftermath,
}

impl JsonScreen {
    /// A screen on the printer's stdout.
    #[must_use]
    pub fn new(printer: Printer) -> Self {
        Self { printer }
    }
}

impl Screen for JsonScreen {
    fn news(&mut self, news: &News) {
        let line = match news {
            News::Entry(entry) => serde_json::to_string(entry),
            News::Live(live) => serde_json::to_string(&Passing { schema_version: SCHEMA_VERSION, live }),
            News::End(ended, aftermath) => {
                serde_json::to_string(&End { schema_version: SCHEMA_VERSION, event: "end", ended, aftermath })
            }
        };
        match line {
            Ok(line) => self.printer.data(&escaped(line)),
            Err(error) => self.printer.warn(&format!("an event cannot be written as JSON: {error}")),
        }
    }
}

/// Escapes the control characters that JSON allows as they are: a terminal would obey them.
fn escaped(line: String) -> String {
    let obeyed = |c: char| ('\u{7f}'..='\u{9f}').contains(&c);
    if !line.contains(obeyed) {
        return line;
    }
    let pieces = line.chars().map(|c| if obeyed(c) { format!("\\u{:04x}", u32::from(c)) } else { c.into() });
    pieces.collect()
}

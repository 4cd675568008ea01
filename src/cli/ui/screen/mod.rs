//! A run as it happens. News enters in order; a picture of the run leaves: redrawn lines in a terminal,
//! log lines elsewhere, or JSON for programs.

use std::sync::Arc;

use crate::engine::event::{Entry, News};
use crate::recipe::model::Orchestrator;

use super::printer::Printer;

mod board; // what is known of the run so far
mod canvas; // frames on a terminal
mod header; // the facts a run starts with
mod json;
mod lines; // steps and totals as lines
mod live;
mod plain;

pub use json::JsonScreen;
pub use live::LiveScreen;
pub use plain::PlainScreen;

/// Shows a run to somebody.
pub trait Screen: Send {
    /// Takes the next piece of news.
    fn news(&mut self, news: &News);
}

/// What is worth showing but not part of the news.
#[derive(Debug, Clone, Default)]
pub struct Setting {
    /// Who drives now, when that is known: a run that is resumed may have begun with another.
    pub orchestrator: Option<Orchestrator>,
    /// Why this orchestrator drives, in words; may be empty.
    pub orchestrator_why: String,
    /// Inputs that are not shown.
    pub hidden_inputs: Vec<String>,
    /// How the user's limit of a day stands, in words; empty without one.
    pub day: String,
    /// The names of the recipe's steps, so that columns do not move later.
    pub steps: Vec<String>,
}

/// How a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For a person: live in a terminal, else log lines.
    Human,
    /// For a program: NDJSON on stdout.
    Json,
}

/// Writes a run that is over, or its part so far, to stdout as log lines.
pub fn write(printer: &Printer, setting: Setting, entries: Vec<Entry>) {
    let mut screen = PlainScreen::new(printer.to_stdout(), setting, jiff::tz::TimeZone::system());
    for entry in entries {
        screen.news(&News::Entry(entry));
    }
}

/// The screen for this form and these streams.
#[must_use]
pub fn open(printer: &Printer, form: Form, setting: Setting) -> Box<dyn Screen> {
    let quiet = printer.verbosity() == super::printer::Verbosity::Quiet;
    match form {
        Form::Json => Box::new(JsonScreen::new(printer.clone())),
        Form::Human if printer.terminal().is_live() && !quiet => {
            let term = Arc::new(console::Term::buffered_stderr());
            Box::new(LiveScreen::new(printer.clone(), setting, term))
        }
        Form::Human => Box::new(PlainScreen::new(printer.clone(), setting, jiff::tz::TimeZone::system())),
    }
}

#[cfg(test)]
mod script; // made-up runs
#[cfg(test)]
mod tests;

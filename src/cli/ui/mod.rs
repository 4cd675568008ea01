//! What a person sees and is asked. Data and text enter, terminal lines leave; nothing here decides
//! what a run does. All writing goes through [`printer::Printer`], and all text that others wrote goes
//! through [`text`] first, so that it can be read but never drives the terminal.

pub mod checkup; // what doctor found
pub mod diagnostics; // errors with source snippets
pub mod diff; // two texts compared
pub mod ending; // the block at the end of a run
mod facts; // labelled rows
pub mod format; // numbers for people
pub mod glyphs; // the signs, with ASCII stand-ins
pub mod graph; // the steps of a recipe, drawn
pub mod line; // a line of styled parts that fits its width
pub mod printer; // the one place that writes
pub mod prompts; // questions in a terminal
pub mod quota; // how the account's limits stand
pub mod screen; // a run as it happens
pub mod setup; // what a setup found and did
pub mod style; // the colours, by meaning
pub mod table; // lists
pub mod terminal; // what the streams are and may show
pub mod text; // foreign text made harmless, measured and cut
pub mod tokens; // what a run used, as tables
pub mod why; // why a run went as it did

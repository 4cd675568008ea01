//! What is told, and asked, before a run goes on.

use super::ui::diff::hunks;
use super::ui::printer::{Printer, Verbosity};
use super::ui::prompts::{Choice as Offer, Prompts, answered};
use super::ui::screen::Form;
use super::ui::text;
use crate::app::cook::Ready;
use crate::app::error::{AppError, Kind};
use crate::app::resume::{Choice, Undecided};

/// So many lines of a recipe's changes are shown.
const SHOWN: usize = 60;

/// What the flags say about a step that was cut off.
pub(super) fn choice(rerun: bool, skip: bool) -> Option<Choice> {
    match (rerun, skip) {
        (true, _) => Some(Choice::Rerun),
        (_, true) => Some(Choice::Skip),
        _ => None,
    }
}

/// Asks what to do with a step that was cut off; where nobody can be asked, says how to decide.
pub(super) fn ask(printer: &Printer, form: Form, undecided: &Undecided) -> Result<Choice, AppError> {
    let prompts = if form == Form::Human { Prompts::new(printer) } else { None };
    let command = &undecided.command;
    let Some(prompts) = prompts else {
        let mut error = undecided.unasked().hint(format!("run it again: {command} --rerun"));
        match &undecided.skip {
            Ok(then) => error = error.hint(format!("take it as done and {then}: {command} --skip")),
            Err(why) => error = error.hint(format!("it cannot count as done: {why}")),
        }
        return Err(error.hint("until then the run stays as it is"));
    };
    printer.warn(&undecided.question());
    let offer =
        |name: &str, description: &str| Offer { name: name.to_owned(), description: description.to_owned() };
    let mut offers = vec![(offer("run it again", "from its beginning"), Some(Choice::Rerun))];
    if let Ok(then) = &undecided.skip {
        offers.push((offer("take it as done", then), Some(Choice::Skip)));
    }
    offers.push((offer("leave it", "the run stays as it is"), None));
    let names: Vec<Offer> = offers.iter().map(|(offer, _)| offer.clone()).collect();
    let index = answered(prompts.select(&format!("What about `{}`?", undecided.step), &names))?;
    match offers.get(index).and_then(|(_, choice)| *choice) {
        Some(choice) => Ok(choice),
        None => Err(AppError { kind: Kind::Stopped, ..AppError::usage("the run stays as it is") }),
    }
}

/// Tells what a person should know about a run that goes on, and what changed in its recipe.
pub(super) fn tell(printer: &Printer, form: Form, ready: &Ready) {
    if printer.verbosity() == Verbosity::Quiet {
        return;
    }
    for note in &ready.notes {
        printer.warn(note);
    }
    if ready.changed.is_empty() {
        return;
    }
    printer.warn(
        "the recipe changed since: the run goes on with what it keeps; --accept-recipe takes it as it is now",
    );
    if form != Form::Human {
        return;
    }
    let look = printer.terminal().err;
    for changed in &ready.changed {
        let mut lines = hunks(&changed.before, &changed.after, &look, true);
        let more = lines.len().saturating_sub(SHOWN);
        lines.truncate(SHOWN);
        if more > 0 {
            lines.push(format!("… {more} more lines"));
        }
        let name = text::one_line(&changed.file, &look);
        printer.lines(&format!("--- {name}, as the run keeps it\n+++ {name}, now\n{}\n", lines.join("\n")));
    }
}

//! What was used, how long it took, and how much was answered: three logs that are filled record by record, and the texts in which they
//! are told. A log knows runs and steps; it has no clock and reads nothing.

pub mod responses; // sizes of the answers of tools
pub mod tables; // the logs as Markdown and as short lines
pub mod timings; // how long steps took
pub mod tokens; // what the sessions of steps used

#[cfg(test)]
mod tests;

/// The run of what belongs to none: calls in a kitchen that is open for free use.
pub const NO_RUN: &str = "";

/// The step of what sessions that drive a run use. No step of a recipe is named so.
pub const DRIVING: &str = "(orchestrator)";

/// The step that a label means. Whoever drives may number its calls (`plan-30`), and they are the same step all the same; a label in
/// brackets or with a colon is left alone.
#[must_use]
pub fn canonical(label: &str) -> &str {
    let label = label.trim();
    if label.starts_with('(') || label.contains(':') {
        return label;
    }
    match label.rsplit_once('-') {
        Some((step, number))
            if !step.is_empty() && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            step
        }
        _ => label,
    }
}

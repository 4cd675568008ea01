//! What `doctor` found: a line for each thing that was looked at, by group; what it means and how to mend it below what is not
//! well.

use super::format;
use super::line::Line;
use super::printer::Verbosity;
use super::style::{Look, Role};
use super::text;
use crate::app::doctor::report::{Check, Level, Report};

/// Columns before the name: an indentation, the sign and a blank.
const SIGN: usize = 4;
/// Columns of the name with the gap after it.
const NAME: usize = 15;
/// Below this width what was found stands below its name.
const NARROW: usize = 50;

/// The lines of a report. When quiet, those of what is well are left out.
#[must_use]
pub fn lines(report: &Report, verbosity: Verbosity, look: &Look) -> Vec<String> {
    let is_shown =
        |check: &&Check| verbosity > Verbosity::Quiet || check.level > Level::Ok || check.fixed.is_some();
    let shown: Vec<&Check> = report.checks.iter().filter(is_shown).collect();
    let mut lines = Vec::new();
    for group in shown.chunk_by(|a, b| a.topic.group == b.topic.group) {
        lines.push(look.paint(Role::Strong, group[0].topic.group.title()));
        lines.extend(group.iter().flat_map(|check| of(check, verbosity, look)));
        lines.push(String::new());
    }
    if verbosity > Verbosity::Quiet {
        lines.push(summary(report, look));
    } else {
        // The blank line after the last group leads to nothing.
        lines.pop();
    }
    lines
}

fn of(check: &Check, verbosity: Verbosity, look: &Look) -> Vec<String> {
    let glyphs = look.glyphs();
    let (role, sign) = match (check.level, &check.fixed) {
        (Level::Ok, None) => (Role::Good, glyphs.good),
        (Level::Ok, Some(_)) => (Role::Good, glyphs.again),
        (Level::Warning, _) => (Role::Warn, glyphs.warn),
        (Level::Error, _) => (Role::Bad, glyphs.bad),
    };
    let column = if look.width < NARROW { SIGN } else { SIGN + NAME };
    let indent = " ".repeat(column);
    let room = look.width.saturating_sub(column);
    let wrapped = |said: &str| text::wrap(&text::one_line(said, look), room);
    let head = Line::of(Role::Plain, "  ").and(role, sign).and(Role::Plain, " ");
    let name = if check.level == Level::Ok { Role::Dim } else { Role::Strong };
    let mut message = wrapped(&check.message).into_iter();
    let mut lines = Vec::new();
    if column > SIGN {
        let first = message.next().unwrap_or_default();
        let line = head.and(name, format!("{:<NAME$}", check.topic.name)).and(Role::Plain, first);
        lines.push(line.render(look));
    } else {
        lines.push(head.and(name, check.topic.name).render(look));
    }
    lines.extend(message.map(|line| format!("{indent}{line}")));
    if let Some(fixed) = &check.fixed {
        let said = wrapped(&format!("fixed: {fixed}"));
        lines.extend(said.iter().map(|line| format!("{indent}{}", look.paint(Role::Good, line))));
    }
    if let Some(meaning) = &check.meaning {
        let said = wrapped(meaning);
        lines.extend(said.iter().map(|line| format!("{indent}{}", look.paint(Role::Dim, line))));
    }
    if check.level > Level::Ok || verbosity == Verbosity::Verbose {
        for detail in &check.details {
            let mut mark = glyphs.notice;
            for line in text::wrap(&text::one_line(detail, look), room.saturating_sub(2)) {
                lines.push(format!("{indent}{} {line}", look.paint(Role::Dim, mark)));
                mark = " ";
            }
        }
    }
    // Never broken: it is there to be copied.
    for mend in &check.mend {
        let label = look.paint(Role::Accent, "mend:");
        lines.push(format!("{indent}{label} {}", text::one_line(mend, look)));
    }
    lines
}

/// How many of each there are.
fn summary(report: &Report, look: &Look) -> String {
    let count = |level| report.count(level);
    let number = |number: usize, noun: &str| format::count(number as u64, noun);
    let mut line = Line::of(Role::Good, format!("{} ok", count(Level::Ok)));
    for (role, level, noun) in [(Role::Warn, Level::Warning, "warning"), (Role::Bad, Level::Error, "error")] {
        if count(level) > 0 {
            line = line.and(Role::Plain, ", ").and(role, number(count(level), noun));
        }
    }
    if report.fixed() > 0 {
        line = line.and(Role::Plain, format!("; {} fixed", report.fixed()));
    }
    line.render(look)
}

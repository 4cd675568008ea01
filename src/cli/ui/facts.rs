//! Labelled facts under each other: the rows of a run's header and of its end.

use super::line::Line;
use super::style::{Look, Role};
use super::text;

/// Columns before the facts.
const INDENT: usize = 2;
/// Columns of a label with the gap after it.
const LABEL: usize = 14;
/// Below this width labels stand above their facts.
const NARROW: usize = 44;

/// A fact, wrapped at words under its label, or behind it where there is little room.
#[must_use]
pub(super) fn prose(label: &str, role: Role, fact: &str, look: &Look) -> Vec<String> {
    let fact = text::one_line(fact, look);
    let room = look.width.saturating_sub(column(look));
    if column(look) > INDENT || label.is_empty() {
        return rows(label, text::wrap(&fact, room).into_iter().map(|line| Line::of(role, line)), look);
    }
    let label = format!("{label}: ");
    let lines =
        text::wrap(&format!("{label}{fact}"), room).into_iter().map(|line| match line.strip_prefix(&label) {
            Some(fact) => Line::of(Role::Dim, &label).and(role, fact),
            None if line == label.trim_end() => Line::of(Role::Dim, line),
            None => Line::of(role, line),
        });
    rows("", lines, look)
}

/// Something to copy: never broken, so that the terminal's own wrapping keeps it whole.
#[must_use]
pub(super) fn command(label: &str, role: Role, command: &str, look: &Look) -> Vec<String> {
    rows(label, [Line::of(role, text::one_line(command, look))], look)
}

/// Finished lines under a label.
#[must_use]
pub(super) fn rows(label: &str, lines: impl IntoIterator<Item = Line>, look: &Look) -> Vec<String> {
    let column = column(look);
    let mut rows = vec![];
    for (at, line) in lines.into_iter().enumerate() {
        let head = if column > INDENT {
            format!("{:INDENT$}{label:<1$}", "", LABEL, label = if at == 0 { label } else { "" })
        } else {
            if at == 0 && !label.is_empty() {
                rows.push(look.paint(Role::Dim, &text::cut(label, look.width, look)));
            }
            " ".repeat(INDENT)
        };
        rows.push(format!("{}{}", look.paint(Role::Dim, &head), line.render(look)).trim_end().to_owned());
    }
    rows
}

/// Where the facts begin.
#[must_use]
pub(super) fn column(look: &Look) -> usize {
    if look.width < NARROW { INDENT } else { INDENT + LABEL }
}

//! One terminal line made of styled parts. Parts know how much they matter, so that a narrow terminal
//! loses the least important first.

use super::style::{Look, Role};
use super::text;

/// A line of pieces, each with its meaning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    spans: Vec<(Role, String)>,
}

impl Line {
    /// A line of one piece.
    #[must_use]
    pub fn of(role: Role, text: impl Into<String>) -> Self {
        Self::default().and(role, text)
    }

    /// The same with one more piece.
    #[must_use]
    pub fn and(mut self, role: Role, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.spans.push((role, text));
        }
        self
    }

    /// Adds all pieces of another line.
    pub fn append(&mut self, other: Self) {
        self.spans.extend(other.spans);
    }

    /// Columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.spans.iter().map(|(_, text)| text::width(text)).sum()
    }

    /// Whether nothing is on it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The same in at most `columns`.
    #[must_use]
    pub fn cut(self, columns: usize, look: &Look) -> Self {
        if self.width() <= columns {
            return self;
        }
        let trimmed = self.without_padding();
        if trimmed.width() <= columns {
            return trimmed;
        }
        let mut left = columns;
        let mut short = Self::default();
        for (role, text) in trimmed.spans {
            let width = text::width(&text);
            if width < left {
                left -= width;
                short = short.and(role, text);
                continue;
            }
            // Only a text that is too long gets the sign of the cut, so one column is asked for on top.
            let piece = if width == left { format!("{text} .") } else { text };
            return short.and(role, text::cut(&piece, left, look).into_owned());
        }
        short
    }

    /// The same without spaces at its end.
    fn without_padding(mut self) -> Self {
        while let Some((_, text)) = self.spans.last_mut() {
            text.truncate(text.trim_end().len());
            if !text.is_empty() {
                break;
            }
            self.spans.pop();
        }
        self
    }

    /// The line as the terminal gets it.
    #[must_use]
    pub fn render(&self, look: &Look) -> String {
        self.spans.iter().map(|(role, text)| look.paint(*role, text)).collect()
    }
}

/// A part of a line that is fitted into a width.
#[derive(Debug, Clone)]
pub struct Part {
    line: Line,
    gap: &'static str,
    rank: u8,
    least: Option<usize>,
    fill: bool,
}

impl Part {
    /// A part that is shown whole or not at all; the highest rank goes first.
    #[must_use]
    pub fn new(rank: u8, line: Line) -> Self {
        Self { line, gap: "  ", rank, least: None, fill: false }
    }

    /// What separates it from the part before.
    #[must_use]
    pub fn after(self, gap: &'static str) -> Self {
        Self { gap, ..self }
    }

    /// It may be cut down to so many columns before anything is left out.
    #[must_use]
    pub fn shrinks_to(self, columns: usize) -> Self {
        Self { least: Some(columns), ..self }
    }

    /// It takes all the room that is left, so that what follows stands at the right edge.
    #[must_use]
    pub fn fills(self) -> Self {
        Self { fill: true, ..self }
    }

    fn least_width(&self) -> usize {
        let width = self.line.width();
        self.least.map_or(width, |least| least.min(width))
    }
}

/// Puts parts on one line of at most `columns`.
#[must_use]
pub fn fit(parts: impl IntoIterator<Item = Part>, columns: usize, look: &Look) -> Line {
    let mut parts: Vec<Part> = parts.into_iter().filter(|part| part.fill || !part.line.is_empty()).collect();
    let least = |parts: &[Part]| {
        let gaps: usize = parts.iter().skip(1).map(|part| text::width(part.gap)).sum();
        gaps + parts.iter().map(Part::least_width).sum::<usize>()
    };
    while parts.len() > 1 && least(&parts) > columns {
        let Some(at) = (0..parts.len()).max_by_key(|at| (parts[*at].rank, *at)) else { break };
        parts.remove(at);
    }
    let mut spare = columns.saturating_sub(least(&parts));
    let mut line = Line::default();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|at| parts[*at].rank);
    let mut rooms = vec![0; parts.len()];
    for at in order {
        let least = parts[at].least_width();
        let more = (parts[at].line.width() - least).min(spare);
        spare -= more;
        rooms[at] = least + more;
    }
    for (at, part) in parts.into_iter().enumerate() {
        let gap = if at == 0 { "" } else { part.gap };
        let piece = part.line.cut(rooms[at], look);
        let padding = if part.fill { rooms[at] - piece.width() + std::mem::take(&mut spare) } else { 0 };
        line = line.and(Role::Plain, gap);
        line.spans.extend(piece.spans);
        line = line.and(Role::Plain, " ".repeat(padding));
    }
    line.cut(columns, look)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts() -> Vec<Part> {
        vec![
            Part::new(0, Line::of(Role::Plain, "name")),
            Part::new(1, Line::of(Role::Plain, "a longer summary")).shrinks_to(6),
            Part::new(3, Line::of(Role::Plain, "12.3k")),
            Part::new(2, Line::of(Role::Plain, "3s")).after(" | "),
        ]
    }

    #[test]
    fn the_least_important_goes_first() {
        let look = Look::plain(80);
        let said: Vec<_> =
            [40, 30, 24, 17, 9, 3].map(|width| fit(parts(), width, &look).render(&look)).into();
        assert_eq!(
            said,
            [
                "name  a longer summary  12.3k | 3s",
                "name  a longer su…  12.3k | 3s",
                "name  a lon…  12.3k | 3s",
                "name  a lon… | 3s",
                "name",
                "na…"
            ]
        );
    }

    #[test]
    fn a_filling_part_pushes_the_rest_to_the_edge() {
        let look = Look::plain(80);
        let parts =
            [Part::new(0, Line::of(Role::Plain, "a")).fills(), Part::new(1, Line::of(Role::Dim, "z"))];
        assert_eq!(fit(parts, 10, &look).render(&look), "a        z");
    }

    #[test]
    fn cuts_keep_their_colours() {
        let look = Look::colored(80);
        let line = Line::of(Role::Good, "good").and(Role::Bad, "bad");
        assert_eq!(line.cut(6, &look).render(&look), "\u{1b}[32mgood\u{1b}[0m\u{1b}[31m\u{1b}[1mb…\u{1b}[0m");
    }

    proptest! {
        #[test]
        fn a_fitted_line_fits(
            texts in prop::collection::vec(("\\PC{0,20}", 0u8..5, prop::option::of(0usize..10), any::<bool>()), 0..7),
            columns in 0usize..60,
        ) {
            let look = Look::plain(80);
            let parts = texts.into_iter().map(|(text, rank, least, fill)| {
                let part = Part::new(rank, Line::of(Role::Plain, text::one_line(&text, &look)));
                let part = if fill { part.fills() } else { part };
                match least { Some(least) => part.shrinks_to(least), None => part }
            });
            prop_assert!(fit(parts, columns, &look).width() <= columns);
        }
    }
}

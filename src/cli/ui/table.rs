//! Lists as aligned columns without lines. The last column takes the room that is left and is cut to it.

use super::style::{Look, Role};
use super::text;

/// Between two columns.
const GAP: usize = 2;

/// Rows under a header.
#[derive(Debug, Clone)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<(Role, String)>>,
}

impl Table {
    /// An empty table with these columns.
    #[must_use]
    pub fn new(header: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { header: header.into_iter().map(Into::into).collect(), rows: vec![] }
    }

    /// Adds a row of plain cells; missing cells are empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        self.styled_row(cells.into_iter().map(|cell| (Role::Plain, cell.into())));
    }

    /// Adds a row whose cells have a meaning.
    pub fn styled_row(&mut self, cells: impl IntoIterator<Item = (Role, String)>) {
        self.rows.push(cells.into_iter().take(self.header.len()).collect());
    }

    /// Whether it has no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as text, without a line end after the last row.
    #[must_use]
    pub fn render(&self, look: &Look) -> String {
        let header: Vec<_> = self.header.iter().map(|name| (Role::Dim, name.clone())).collect();
        let rows: Vec<Vec<(Role, String)>> = std::iter::once(&header)
            .chain(&self.rows)
            .map(|row| row.iter().map(|(role, cell)| (*role, text::one_line(cell, look))).collect())
            .collect();
        let widths = self.widths(&rows, look.width);
        let lines = rows.iter().map(|row| {
            let mut line = String::new();
            let mut padding = 0;
            for ((role, cell), width) in row.iter().zip(&widths) {
                let shown = text::cut(cell, *width, look);
                if !shown.is_empty() {
                    line.push_str(&" ".repeat(padding));
                    line.push_str(&look.paint(*role, &shown));
                    padding = 0;
                }
                padding += width - text::width(&shown) + GAP;
            }
            line
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Columns as wide as their content; the widest shrink until the table fits.
    fn widths(&self, rows: &[Vec<(Role, String)>], room: usize) -> Vec<usize> {
        let content = |at: usize| {
            rows.iter().filter_map(|row| row.get(at)).map(|(_, cell)| text::width(cell)).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..self.header.len()).map(content).collect();
        let gaps = GAP * widths.len().saturating_sub(1);
        let last = widths.len().saturating_sub(1);
        let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(room);
        // The last column gives first, but not everything; then whichever is widest.
        if let Some(width) = widths.last_mut() {
            let given = excess.min(width.saturating_sub(16));
            *width -= given;
            excess -= given;
        }
        while excess > 0 {
            let Some(widest) = (0..widths.len()).max_by_key(|at| (widths[*at], *at == last)) else { break };
            if widths[widest] == 0 {
                break;
            }
            widths[widest] -= 1;
            excess -= 1;
        }
        widths
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn recipes() -> Table {
        let mut table = Table::new(["RECIPE", "SOURCE", "DESCRIPTION"]);
        table.row(["hello", "builtin", "Say hello: one skill, one check"]);
        table.row([
            "fix-tests",
            "builtin",
            "Run the tests; while they fail, a session repairs what is broken",
        ]);
        table.row(["料理", "project", "ein Rezept\nmit \u{1b}[31mFarbe"]);
        table.row(["bare"]);
        table
    }

    #[test]
    fn tables_align_and_fit() {
        for (name, look) in [
            ("table_80", Look::plain(80)),
            ("table_40", Look::plain(40)),
            ("table_20", Look::ascii(20)),
            ("table_color", Look::colored(60)),
        ] {
            insta::assert_snapshot!(name, recipes().render(&look));
        }
    }

    #[test]
    fn an_empty_table_is_its_header() {
        let table = Table::new(["RUN"]);
        assert!(table.is_empty());
        assert_eq!(table.render(&Look::plain(80)), "RUN");
        assert_eq!(Table::new(Vec::<String>::new()).render(&Look::plain(80)), "");
    }

    proptest! {
        #[test]
        fn rows_fit(rows in prop::collection::vec(prop::collection::vec("\\PC{0,30}", 0..5), 0..5), width in 6usize..60) {
            let mut table = Table::new(["A", "B", "C"]);
            for row in rows { table.row(row); }
            for line in table.render(&Look::plain(width)).lines() {
                prop_assert!(text::width(line) <= width);
            }
        }
    }
}

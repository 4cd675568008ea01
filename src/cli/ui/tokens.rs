//! What a run used, as tables: by step, and by model.

use std::time::Duration;

use super::format;
use super::line::Line;
use super::style::{Look, Role};
use super::table::Table;
use super::text;
use crate::core::usage::Usage;
use crate::pipeline::telemetry::tokens::{Row, total};

/// Steps that the end of a run names.
const NAMED: usize = 8;

/// The whole table of steps, with their sum.
#[must_use]
pub fn steps(rows: &[Row], look: &Look) -> String {
    let cells = |row: &Row, name: &str| {
        let mut cells = vec![name.to_owned()];
        cells.extend(counts(&row.usage));
        cells.push(row.count.to_string());
        cells.push(time(row.elapsed_ms));
        cells.push(format::dollars(row.usage.cost_usd).unwrap_or_default());
        cells
    };
    let header = ["STEP", "UNCACHED", "OUTPUT", "CACHE_RD", "CACHE_WR", "COUNT", "TIME", "COST"];
    let all = rows.iter().map(|row| cells(row, &row.step)).chain([cells(&total(rows), "total")]);
    table(&header, all.collect(), look)
}

/// The table of models; nothing when none is known.
#[must_use]
pub fn models(rows: &[Row], look: &Look) -> Option<String> {
    let models = total(rows).models;
    if models.is_empty() {
        return None;
    }
    let cells = |name: &str, usage: &Usage| {
        let mut cells = vec![name.to_owned()];
        cells.extend(counts(usage));
        cells.push(format::dollars(usage.cost_usd).unwrap_or_default());
        cells
    };
    let mut sum = Usage::default();
    models.values().for_each(|usage| sum += *usage);
    let all = models.iter().map(|(name, usage)| cells(name, usage)).chain([cells("total", &sum)]);
    let header = ["MODEL", "UNCACHED", "OUTPUT", "CACHE_RD", "CACHE_WR", "COST"];
    Some(table(&header, all.collect(), look))
}

/// The steps in a line each, for the end of a run; nothing where one step used everything.
#[must_use]
pub fn short(rows: &[Row], look: &Look) -> Vec<Line> {
    if rows.len() < 2 {
        return vec![];
    }
    let shown = if rows.len() == NAMED + 1 { rows.len() } else { rows.len().min(NAMED) };
    let cells: Vec<[String; 4]> = rows[..shown]
        .iter()
        .map(|row| {
            [
                text::one_line(&row.step, look),
                format::tokens(row.usage.tokens()),
                time(row.elapsed_ms),
                format::dollars(row.usage.cost_usd).unwrap_or_default(),
            ]
        })
        .collect();
    let width = |at: usize| cells.iter().map(|cells| text::width(&cells[at])).max().unwrap_or(0);
    let widths = [0, 1, 2, 3].map(width);
    let room = look.width.saturating_sub(super::facts::column(look) + widths[1..].iter().sum::<usize>() + 6);
    let named = widths[0].min(room.max(8));
    let mut lines: Vec<Line> = cells
        .iter()
        .map(|cells| {
            let name = text::middle(&cells[0], named, look).into_owned();
            let gap = " ".repeat(named.saturating_sub(text::width(&name)));
            let numbers = (1..4).map(|at| format!("  {}", right(&cells[at], widths[at])));
            Line::of(Role::Plain, format!("{name}{gap}"))
                .and(Role::Dim, numbers.collect::<String>().trim_end().to_owned())
        })
        .collect();
    if rows.len() > shown {
        let more = format!("and {} more: autoskillit runs tokens", rows.len() - shown);
        lines.push(Line::of(Role::Dim, more));
    }
    lines
}

fn counts(usage: &Usage) -> impl Iterator<Item = String> + use<> {
    [usage.input, usage.output, usage.cache_read, usage.cache_write].map(format::tokens).into_iter()
}

fn time(millis: u64) -> String {
    format::duration(Duration::from_millis(millis))
}

fn right(cell: &str, width: usize) -> String {
    format!("{}{cell}", " ".repeat(width.saturating_sub(text::width(cell))))
}

/// A table whose last row is a sum.
fn table(header: &[&str], rows: Vec<Vec<String>>, look: &Look) -> String {
    let mut table = Table::new(header.iter().copied());
    let last = rows.len().saturating_sub(1);
    for (number, row) in rows.into_iter().enumerate() {
        let role = if number == last { Role::Strong } else { Role::Plain };
        table.styled_row(row.into_iter().map(|cell| (role, cell)));
    }
    table.render(look)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::telemetry::tokens::ByModel;

    fn row(step: &str, scale: u64) -> Row {
        let usage = Usage {
            input: 320 * scale,
            output: 900 * scale,
            cache_read: 220_000 * scale,
            cache_write: 1_200 * scale,
            turns: scale,
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            cost_usd: 0.03 * scale as f64,
        };
        let models = ByModel::from([("claude-opus".to_owned(), usage)]);
        Row { step: step.to_owned(), usage, count: scale, elapsed_ms: 61_000 * scale, models }
    }

    #[test]
    fn tables_of_what_was_used() {
        let rows = [row("plan", 1), row("implement.build_the_feature", 12), row("(orchestrator)", 2)];
        for (name, look) in [("tokens_100", Look::plain(100)), ("tokens_60", Look::plain(60))] {
            let text = format!("{}\n\n{}", steps(&rows, &look), models(&rows, &look).unwrap());
            insta::assert_snapshot!(name, text);
        }
        let look = Look::plain(60);
        let many: Vec<Row> = (1..12).map(|n| row(&format!("step_{n}"), n)).collect();
        let lines = |rows: &[Row]| -> Vec<String> {
            short(rows, &look).iter().map(|line| line.render(&look)).collect()
        };
        insta::assert_snapshot!("tokens_short", lines(&rows).join("\n"));
        assert_eq!((lines(&many).len(), lines(&many[..9]).len(), lines(&many[..1]).len()), (9, 9, 0));
        assert!(lines(&rows).iter().all(|line| text::width(line) <= 44), "{:?}", lines(&rows));
        assert_eq!(models(&[], &look), None);
    }
}

//! The logs as texts: Markdown for pull requests, with the headers of AutoSkillit 0.9, and short lines for whoever reads them as tokens.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::responses::AnsweredTotal;
use super::timings::{self, Timing};
use super::tokens::{self, Row, UNKNOWN_MODEL};
use crate::core::usage::Usage;

/// The title of the table of tokens, by which it is found in the text of a pull request.
pub const TOKENS_TITLE: &str = "## Token Usage Summary";
/// The title of the table of times.
pub const TIMINGS_TITLE: &str = "## Step Timing Summary";

/// A count in at most one digit behind the point: `999`, `45.2k`, `1.0M`.
#[must_use]
pub fn humanize(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
    let in_units = |unit: f64| format!("{:.1}", count as f64 / unit);
    match count {
        0..1_000 => count.to_string(),
        _ => match in_units(1e3) {
            // What is rounded up to a thousand of a unit is one of the next.
            thousands if count < 1_000_000 && thousands != "1000.0" => format!("{thousands}k"),
            _ => format!("{}M", in_units(1e6)),
        },
    }
}

/// A time: `46s`, `8m 12s`, `1h 2m`. Seconds are rounded to the nearest below a minute, and cut off above.
#[must_use]
pub fn duration(millis: u64) -> String {
    let (whole, part) = (millis / 1000, millis % 1000);
    // A half goes to the even side.
    let up = part > 500 || part == 500 && whole % 2 == 1;
    let seconds = if whole < 60 { whole + u64::from(up) } else { whole };
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        _ => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Dollars: `$0.04`, `<$0.01`; `$0.00` for nothing.
#[must_use]
pub fn dollars(amount: f64) -> String {
    match amount {
        _ if amount > 0.0 && amount < 0.005 => "<$0.01".to_owned(),
        _ if amount.is_finite() && amount > 0.0 => format!("${amount:.2}"),
        _ => "$0.00".to_owned(),
    }
}

/// The tokens of steps as Markdown. Where models are known, a second table has them; what it costs is told where something does.
#[must_use]
pub fn tokens(rows: &[Row]) -> String {
    let all = tokens::total(rows);
    let mut text = format!(
        "{TOKENS_TITLE}\n\n\
         | Step | uncached | output | cache_read | cache_write | count | time |\n\
         |------|----------|--------|------------|-------------|-------|------|\n"
    );
    for row in rows {
        let (cells, time) = (counts(&row.usage), duration(row.elapsed_ms));
        let _ = writeln!(text, "| {} | {cells} | {} | {time} |", cell(&row.step), row.count);
    }
    let _ = writeln!(text, "| **Total** | {} | | {} |", counts(&all.usage), duration(all.elapsed_ms));
    if all.models.keys().any(|model| model != UNKNOWN_MODEL) {
        text.push_str(
            "\n## Model Usage Breakdown\n\n\
             | Model | uncached | output | cache_read | cache_write | cost |\n\
             |-------|----------|--------|------------|-------------|------|\n",
        );
        let mut sum = Usage::default();
        for (model, usage) in &all.models {
            sum += *usage;
            let _ = writeln!(text, "| {} | {} | {} |", cell(model), counts(usage), dollars(usage.cost_usd));
        }
        let _ = writeln!(text, "| **Total** | {} | {} |", counts(&sum), dollars(sum.cost_usd));
    } else if all.usage.cost_usd > 0.0 {
        let _ = writeln!(text, "\nCost: {}", dollars(all.usage.cost_usd));
    }
    text
}

/// The times of steps as Markdown.
#[must_use]
pub fn times(rows: &[Timing]) -> String {
    let mut text =
        format!("{TIMINGS_TITLE}\n\n| Step | Duration | Invocations |\n|------|----------|-------------|\n");
    for row in rows {
        let _ = writeln!(text, "| {} | {} | {} |", cell(&row.step), duration(row.total_ms), row.count);
    }
    let _ = writeln!(text, "| **Total** | {} | |", duration(timings::total_ms(rows)));
    text
}

/// The tokens of steps, and the answers of tools where there were some, in short lines.
#[must_use]
pub fn compact(rows: &[Row], answered: AnsweredTotal) -> String {
    let mut text = "## token_summary\n\n".to_owned();
    for row in rows {
        let Row { step, usage, count, elapsed_ms, .. } = row;
        let _ = writeln!(
            text,
            "{} x{count} [uc:{} out:{} cr:{} cw:{} t:{}.{}s]",
            one_line(step),
            humanize(usage.input),
            humanize(usage.output),
            humanize(usage.cache_read),
            humanize(usage.cache_write),
            (elapsed_ms + 50) / 1000,
            (elapsed_ms + 50) % 1000 / 100,
        );
    }
    let Usage { input, output, cache_read, cache_write, cost_usd, .. } = tokens::total(rows).usage;
    let _ = write!(
        text,
        "\ntotal_uncached: {}\ntotal_out: {}\ntotal_cache_read: {}\ntotal_cache_write: {}\n",
        humanize(input),
        humanize(output),
        humanize(cache_read),
        humanize(cache_write)
    );
    if cost_usd > 0.0 {
        let _ = writeln!(text, "total_cost: {}", dollars(cost_usd));
    }
    if answered.total_invocations > 0 {
        let tokens = humanize(answered.total_estimated_response_tokens);
        let _ =
            write!(text, "mcp_invocations: {}\nmcp_response_tokens: ~{tokens}\n", answered.total_invocations);
    }
    text
}

fn counts(usage: &Usage) -> String {
    [usage.input, usage.output, usage.cache_read, usage.cache_write].map(humanize).join(" | ")
}

/// A name in a table, where a bar would end the cell.
fn cell(name: &str) -> String {
    if name.is_empty() { "?".to_owned() } else { one_line(name).replace('|', "\\|") }
}

fn one_line(name: &str) -> Cow<'_, str> {
    match name.contains(char::is_control) {
        true => Cow::Owned(name.replace(char::is_control, " ")),
        false => Cow::Borrowed(name),
    }
}

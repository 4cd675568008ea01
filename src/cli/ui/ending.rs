//! The end of a run: how it ended, what it left in the checkout, what it cost, and what to do next.

use std::path::Path;
use std::time::Duration;

use crate::engine::event::{Aftermath, Change, RunEnded, RunStatus};

use super::facts;
use super::format;
use super::line::Line;
use super::style::{Look, Role};
use super::text;
use super::tokens;

/// Changed files that are named.
const FILES: usize = 12;

/// What the end of a run is told with.
#[derive(Debug, Clone, Copy)]
pub struct Ending<'a> {
    /// How it ended.
    pub ended: &'a RunEnded,
    /// What it left.
    pub aftermath: &'a Aftermath,
    /// Its id, for the command that resumes it.
    pub run_id: Option<&'a str>,
    /// The checkout, which paths are relative to.
    pub repository: Option<&'a Path>,
    /// Sessions it began.
    pub sessions: u64,
}

impl Ending<'_> {
    /// The lines of the block. What is to be copied is never cut or broken.
    #[must_use]
    pub fn lines(&self, look: &Look) -> Vec<String> {
        let mut lines = self.headline(look);
        let aftermath = self.aftermath;
        if !aftermath.changes.is_empty() {
            lines.push(String::new());
            lines.extend(facts::rows("changed", changes(&aftermath.changes, look), look));
            if let Some(undo) = &aftermath.undo {
                lines.extend(facts::command("undo", Role::Plain, undo, look));
            }
        }
        lines.push(String::new());
        lines.extend(facts::prose("total", Role::Plain, &self.total(look), look));
        lines.extend(facts::rows("by step", tokens::short(&aftermath.usage_by_step, look), look));
        if !aftermath.run_dir.as_os_str().is_empty() {
            let logs = text::path(&aftermath.run_dir, self.repository, look);
            lines.extend(facts::command("logs", Role::Plain, &logs, look));
        }
        let next = self.next();
        if !next.is_empty() {
            lines.push(String::new());
            for (at, hint) in next.iter().enumerate() {
                let label = if at == 0 { "next" } else { "" };
                lines.extend(facts::command(label, Role::Accent, hint, look));
            }
        }
        lines
    }

    /// The status in words, where, and why.
    fn headline(&self, look: &Look) -> Vec<String> {
        let (role, glyph, word) = status(self.ended.status, look);
        let mut reason = text::one_line(&text::near(&self.ended.reason, self.repository), look);
        if let Some(step) = self.ended.step.as_deref().filter(|_| self.ended.status != RunStatus::Succeeded) {
            let place = format!("at step {}", text::one_line(step, look));
            reason = if reason.is_empty() { place } else { format!("{place}: {reason}") };
        }
        let head = format!("{glyph} {word}");
        // The reason is wrapped under itself, or under the status where there is little room.
        let indent = text::width(&head) + 2;
        let indent = if look.width < indent + 24 { 2 } else { indent };
        let pieces =
            if reason.is_empty() { vec![] } else { text::wrap(&reason, look.width.saturating_sub(indent)) };
        let mut pieces = pieces.into_iter();
        let first = if indent > 2 { pieces.next() } else { None };
        let mut top = Line::of(role, head);
        if let Some(first) = first {
            top = top.and(Role::Plain, format!("  {first}"));
        }
        let rest = pieces.map(|piece| format!("{}{piece}", " ".repeat(indent)));
        std::iter::once(top.render(look)).chain(rest).collect()
    }

    fn total(&self, look: &Look) -> String {
        let usage = &self.aftermath.usage;
        let some = |number: u64, said: String| (number > 0).then_some(said);
        let facts = [
            Some(format::duration(Duration::from_millis(self.aftermath.elapsed_ms))),
            some(self.sessions, format::count(self.sessions, "session")),
            some(usage.turns, format::count(usage.turns, "turn")),
            some(usage.tokens(), format!("{} tokens", format::tokens(usage.tokens()))),
            format::dollars(usage.cost_usd),
        ];
        facts.into_iter().flatten().collect::<Vec<_>>().join(&format!(" {} ", look.glyphs().dot))
    }

    /// The hints, and the command that resumes the run when none of them says it.
    fn next(&self) -> Vec<String> {
        let mut next = self.aftermath.hints.clone();
        if self.ended.resumable && !next.iter().any(|hint| hint.contains("--resume")) {
            let id = self.run_id.map(|id| format!(" {id}")).unwrap_or_default();
            next.insert(0, format!("autoskillit cook --resume{id}"));
        }
        next
    }
}

/// A status as people see it: its meaning, its sign and its word.
#[must_use]
pub fn status(status: RunStatus, look: &Look) -> (Role, &'static str, &'static str) {
    let glyphs = look.glyphs();
    match status {
        RunStatus::Succeeded => (Role::Good, glyphs.good, "succeeded"),
        RunStatus::Failed => (Role::Bad, glyphs.bad, "failed"),
        RunStatus::Stopped => (Role::Warn, glyphs.stopped, "stopped"),
        RunStatus::Exhausted => (Role::Warn, glyphs.warn, "exhausted"),
        RunStatus::Crashed => (Role::Bad, glyphs.bad, "crashed"),
    }
}

/// Changed files with their counts in columns.
fn changes(changes: &[Change], look: &Look) -> Vec<Line> {
    // One more line for a single file would say less than its name.
    let shown = if changes.len() == FILES + 1 { FILES + 1 } else { changes.len().min(FILES) };
    let counts: Vec<(String, String)> = changes[..shown]
        .iter()
        .map(|change| {
            let said = |sign: &str, number: Option<u64>| {
                number.filter(|n| *n > 0).map(|n| format!("{sign}{n}")).unwrap_or_default()
            };
            (said("+", change.added), said(look.glyphs().minus, change.deleted))
        })
        .collect();
    let column = |widths: &mut dyn Iterator<Item = usize>| widths.max().unwrap_or(0);
    let added = column(&mut counts.iter().map(|(added, _)| text::width(added)));
    let deleted = column(&mut counts.iter().map(|(_, deleted)| text::width(deleted)));
    let room = look.width.saturating_sub(facts::column(look) + 2 + 2 + added + 1 + deleted).max(6);
    let names: Vec<String> = changes[..shown]
        .iter()
        .map(|change| text::middle(&text::one_line(&change.path, look), room, look).into_owned())
        .collect();
    let widest = column(&mut names.iter().map(|name| text::width(name)));
    let mut lines: Vec<Line> = changes
        .iter()
        .zip(names)
        .zip(counts)
        .map(|((change, name), (plus, minus))| {
            let role = match change.kind {
                'A' | '?' => Role::Good,
                'D' => Role::Bad,
                _ => Role::Warn,
            };
            let pad = |text: &str, to: usize| " ".repeat(to.saturating_sub(text::width(text)));
            Line::of(role, text::one_line(&change.kind.to_string(), look))
                .and(Role::Plain, format!(" {name}{}  {}", pad(&name, widest), pad(&plus, added)))
                .and(Role::Good, &plus)
                .and(Role::Plain, format!(" {}", pad(&minus, deleted)))
                .and(Role::Bad, &minus)
        })
        .collect();
    if changes.len() > shown {
        lines.push(Line::of(Role::Dim, format!("and {} more", changes.len() - shown)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::usage::Usage;
    use crate::pipeline::telemetry::tokens::Row;

    fn change(path: &str, kind: char, counts: Option<(u64, u64)>) -> Change {
        Change { path: path.into(), kind, added: counts.map(|c| c.0), deleted: counts.map(|c| c.1) }
    }

    fn by_step() -> Vec<Row> {
        let row = |step: &str, input, cost_usd, elapsed_ms| {
            let usage = Usage { input, cost_usd, ..Usage::default() };
            Row { step: step.to_owned(), usage, count: 1, elapsed_ms, ..Row::default() }
        };
        vec![row("plan", 2_800, 0.023, 45_000), row("repair_the_parser_and_its_tests", 10_000, 0.1, 120_000)]
    }

    fn show(status: RunStatus, files: usize, look: Look) -> String {
        let mut changes = vec![
            change("src/parser.rs", 'M', Some((12, 3))),
            change("tests/a-very-long-directory/with/more/below/precedence.rs", 'A', Some((140, 0))),
            change("src/日本語.rs", 'D', Some((0, 18))),
            change("docs/evil\u{1b}[2J\nname.png", '?', None),
        ];
        changes.extend((4..files).map(|n| change(&format!("gen/{n}.rs"), 'R', Some((n as u64, 0)))));
        changes.truncate(files);
        let ended = RunEnded {
            fault: None,
            status,
            reason:
                "two tests still fail after three rounds; the last session said the parser needs a rewrite"
                    .into(),
            step: Some("repair".into()),
            resumable: status != RunStatus::Succeeded,
        };
        let aftermath = Aftermath {
            changes,
            undo: Some("git restore --source=0123456 --worktree -- src tests docs".into()),
            hints: vec!["git diff".into()],
            usage: Usage { input: 12_000, output: 800, turns: 9, cost_usd: 0.123, ..Usage::default() },
            usage_by_step: if files > 3 { by_step() } else { vec![] },
            elapsed_ms: 189_000,
            run_dir: "/home/ada/app/.autoskillit/runs/r1".into(),
        };
        let repository = Some(Path::new("/home/ada/app"));
        let ending =
            Ending { ended: &ended, aftermath: &aftermath, run_id: Some("r1"), repository, sessions: 3 };
        ending.lines(&look).join("\n")
    }

    #[test]
    fn endings() {
        for (name, status, files, look) in [
            ("ending_succeeded_100", RunStatus::Succeeded, 3, Look::plain(100)),
            ("ending_failed_60", RunStatus::Failed, 17, Look::plain(60)),
            ("ending_stopped_30", RunStatus::Stopped, 4, Look::plain(30)),
            ("ending_exhausted_ascii_60", RunStatus::Exhausted, 4, Look::ascii(60)),
            ("ending_crashed_color_100", RunStatus::Crashed, 4, Look::colored(100)),
            ("ending_failed_ascii_30", RunStatus::Failed, 0, Look::ascii(30)),
            ("ending_succeeded_color_30", RunStatus::Succeeded, 13, Look::colored(30)),
        ] {
            insta::assert_snapshot!(name, show(status, files, look));
        }
    }
}

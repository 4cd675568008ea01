//! Steps and totals as lines that fit their width.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use crate::core::usage::Usage;
use crate::engine::event::{Event, Next, RunStatus};

use super::super::format;
use super::super::line::{Line, Part, fit};
use super::super::style::{Look, Role};
use super::super::text;
use super::board::{Activity, Board, Running, span};

/// Live lines grow no wider: the eye would lose the way to their right end.
const WIDEST: usize = 110;
/// Narrower lines are not aligned.
const NARROW: usize = 60;
/// Columns of a verdict; the summary has more to say.
const LABEL: usize = 28;
/// Columns of a time.
const TIME: usize = 7;

/// What an entry that is about the run itself tells.
pub(super) fn told_of_run(event: &Event) -> Option<String> {
    Some(match event {
        Event::Moved { from, to } => {
            format!("the repository was {} and is {} now", from.display(), to.display())
        }
        Event::RecipeAccepted(accepted) => {
            let short = |hash: &str| hash.chars().take(12).collect::<String>();
            let (was, now) = (short(&accepted.was), short(&accepted.now));
            format!("goes on with its recipe as it is now ({was} before, {now} now)")
        }
        Event::Unknown(unknown) => {
            format!("`{}`, which this version does not know", unknown.name)
        }
        _ => return None,
    })
}

/// A line that stays, for an event that deserves one.
pub(super) fn settled(event: &Event, board: &Board, look: &Look) -> Option<Line> {
    let glyphs = look.glyphs();
    let parts = match event {
        Event::StepEnded { step, visit, attempt, ok, label, summary, elapsed_ms, usage, next, .. } => {
            let (role, glyph) = match (ok, next) {
                (_, Next::Retry) => (Role::Warn, glyphs.again),
                (true, _) => (Role::Good, glyphs.good),
                (false, _) => (Role::Bad, glyphs.bad),
            };
            let (label, summary) = verdict(*ok, label, summary, look);
            let retry =
                if *next == Next::Retry { format!("try {}, will retry", attempt) } else { String::new() };
            let detour = board.detour(*ok, next);
            let detour = detour.map(|to| format!("{} {}", glyphs.arrow, text::one_line(to, look)));
            let time = format::duration(Duration::from_millis(*elapsed_ms));
            vec![
                sign(role, glyph),
                name(step, *visit, board, look),
                Part::new(5, Line::of(Role::Dim, format!("{time:>TIME$}"))).after(" "),
                Part::new(1, Line::of(role, text::cut(&label, LABEL, look))).shrinks_to(12),
                Part::new(4, Line::of(Role::Warn, retry)),
                Part::new(2, Line::of(Role::Plain, summary)).shrinks_to(10),
                Part::new(3, Line::of(Role::Dim, detour.unwrap_or_default())),
                Part::new(6, Line::of(Role::Dim, spent(&usage.unwrap_or_default(), look))),
            ]
        }
        Event::StepSkipped { step, why, .. } => {
            vec![
                sign(Role::Dim, glyphs.skipped),
                name(step, 1, board, look),
                told(Role::Dim, "skipped", look),
                told(Role::Dim, why, look),
            ]
        }
        Event::StepExceeded { step, visits, next } => {
            let visits = format!("all {} used", format::count(u64::from(*visits), "visit"));
            let detour = board.detour(false, next);
            let detour = detour.map(|to| format!("{} {}", glyphs.arrow, text::one_line(to, look)));
            vec![
                sign(Role::Warn, glyphs.warn),
                name(step, 1, board, look),
                told(Role::Warn, &visits, look),
                Part::new(3, Line::of(Role::Dim, detour.unwrap_or_default())),
            ]
        }
        Event::RouteChosen { step, next, why, .. } => {
            let to = match next {
                Next::Step(to) => format!("{} {}", glyphs.arrow, text::one_line(to, look)),
                _ => format!("{} the end", glyphs.arrow),
            };
            vec![
                sign(Role::Accent, glyphs.notice),
                name(step, 1, board, look),
                Part::new(1, Line::of(Role::Plain, to)).shrinks_to(8),
                Part::new(3, Line::of(Role::Dim, format!("chosen: {}", text::one_line(why, look))))
                    .shrinks_to(10),
            ]
        }
        Event::RunResumed { step, note, .. } => {
            let again = format!("resumed at {step}");
            vec![
                sign(Role::Accent, glyphs.again),
                told(Role::Strong, &again, look).after(" "),
                told(Role::Dim, note, look),
            ]
        }
        Event::Moved { .. } | Event::RecipeAccepted(_) | Event::Unknown(_) => {
            let text = told_of_run(event)?;
            vec![sign(Role::Accent, glyphs.notice), told(Role::Plain, &text, look).after(" ")]
        }
        Event::Notice { text } => {
            vec![sign(Role::Accent, glyphs.notice), told(Role::Plain, text, look).after(" ")]
        }
        Event::Waiting { step, why, .. } => {
            let step = step.as_deref().unwrap_or("orchestrator");
            vec![
                sign(Role::Warn, glyphs.notice),
                name(step, 1, board, look),
                Part::new(3, Line::of(Role::Dim, format!("waited: {}", text::one_line(why, look))))
                    .shrinks_to(10),
            ]
        }
        // The header says who drives; only what replaces it is news.
        Event::OrchestratorStarted { number, .. } if *number > 1 => {
            let text = format!("orchestrator session {number} takes over");
            vec![sign(Role::Accent, glyphs.again), told(Role::Plain, &text, look).after(" ")]
        }
        Event::OrchestratorEnded { label, summary, usage, .. } => {
            let good = label == "success";
            let (label, summary) = verdict(good, label, summary, look);
            vec![
                sign(if good { Role::Dim } else { Role::Warn }, glyphs.notice),
                Part::new(2, Line::of(Role::Dim, "orchestrator")).after(" "),
                Part::new(1, Line::of(Role::Warn, text::cut(&label, LABEL, look))).shrinks_to(12),
                Part::new(3, Line::of(Role::Dim, summary)).shrinks_to(10),
                Part::new(6, Line::of(Role::Dim, spent(usage, look))),
            ]
        }
        Event::LoopStarted(begun) => {
            vec![
                sign(Role::Accent, glyphs.again),
                name(&begun.step, begun.visit, board, look),
                told(Role::Plain, &begun.what, look),
            ]
        }
        Event::ItemStarted { step, item, what } => {
            let item = format!("{step}[{item}]");
            vec![
                sign(Role::Accent, glyphs.notice),
                name(&item, 1, board, look),
                told(Role::Dim, &board.near(what), look),
            ]
        }
        Event::ItemEnded { step, item, end } => {
            let item = format!("{step}[{item}]");
            let (role, glyph) = match end.status {
                RunStatus::Succeeded => (Role::Good, glyphs.good),
                RunStatus::Stopped => (Role::Warn, glyphs.skipped),
                _ => (Role::Bad, glyphs.bad),
            };
            let reason = if end.ok() { "item done" } else { end.reason.as_str() };
            vec![sign(role, glyph), name(&item, 1, board, look), told(Role::Dim, reason, look)]
        }
        Event::FinallyStarted { end, .. } => {
            let text = format!("finally, after: {}", end.reason);
            vec![sign(Role::Accent, glyphs.notice), told(Role::Plain, &text, look).after(" ")]
        }
        Event::OrchestratorStarted { .. }
        | Event::RunStarted(_)
        | Event::StepStarted { .. }
        | Event::StepCutOff { .. }
        | Event::RunEnded(_) => return None,
    };
    Some(fit(parts, look.width, look))
}

/// A verdict and what there is to say beside it, without saying anything twice: a sign already says success, and a
/// summary may begin with the verdict.
pub(super) fn verdict(ok: bool, label: &str, summary: &str, look: &Look) -> (String, String) {
    let (label, summary) = (text::one_line(label, look), text::one_line(summary, look));
    let rest = summary.strip_prefix(&label).map(|rest| rest.trim_start_matches([' ', ':', ',', ';', '-']));
    match rest {
        _ if ok && matches!(label.as_str(), "success" | "ok") => (String::new(), summary),
        Some(rest) if !label.is_empty() => (label, rest.to_owned()),
        _ => (label, summary),
    }
}

/// The line of a running step.
pub(super) fn live(running: &Running, board: &Board, now: Timestamp, frame: usize, look: &Look) -> Line {
    let spinner = look.glyphs().spinner;
    let time = format::clock(span(running.since, now));
    let attempt = if running.attempt > 1 { format!("try {}", running.attempt) } else { String::new() };
    let turns =
        if running.usage.turns > 0 { format::count(running.usage.turns, "turn") } else { String::new() };
    let tokens = running.usage.tokens();
    let tokens = if tokens > 0 { format::tokens(tokens) } else { String::new() };
    let repository = board.started.as_ref().map(|started| started.repository.as_path());
    let columns = look.width.min(WIDEST);
    let parts = [
        sign(Role::Accent, spinner[frame % spinner.len()]),
        name(&running.step, running.visit, board, look),
        Part::new(2, Line::of(Role::Dim, format!("{time:>TIME$}"))).after(" "),
        Part::new(4, Line::of(Role::Warn, attempt)),
        Part::new(1, activity(&running.activity, repository, columns, look)).shrinks_to(10).fills(),
        Part::new(6, Line::of(Role::Dim, turns)),
        Part::new(5, Line::of(Role::Dim, format!("{tokens:>6}"))),
    ];
    fit(parts, columns, look)
}

/// What a step is doing, in one piece.
pub(super) fn activity(activity: &Activity, repository: Option<&Path>, columns: usize, look: &Look) -> Line {
    let clean = |text: &str| text::one_line(text, look);
    match activity {
        Activity::Begun(what) => Line::of(Role::Dim, clean(what)),
        Activity::Tool { tool, target } => {
            let target = target_of(target, repository, columns, look);
            Line::of(Role::Accent, clean(tool))
                .and(Role::Plain, if target.is_empty() { "" } else { " " })
                .and(Role::Plain, target)
        }
        Activity::Output(line) => Line::of(Role::Dim, clean(line)),
        Activity::Thinking => Line::of(Role::Dim, "thinking"),
        Activity::Saying(text) => Line::of(Role::Plain, clean(text)),
        Activity::Waiting(why) => Line::of(Role::Warn, format!("waiting: {}", clean(why))),
        Activity::Ending(why) => Line::of(Role::Warn, format!("ending: {}", clean(why))),
    }
}

/// A tool's target: paths relative to the repository and shortened in the middle, other things as they are.
fn target_of(target: &str, repository: Option<&Path>, columns: usize, look: &Look) -> String {
    let is_path = target.contains('/') && !target.contains(char::is_whitespace);
    if is_path {
        let path = text::path(Path::new(target), repository, look);
        text::middle(&path, (columns / 2).max(12), look).into_owned()
    } else {
        text::one_line(target, look)
    }
}

/// The line at the bottom: the run so far and how to stop it.
pub(super) fn status(board: &Board, now: Timestamp, look: &Look) -> Line {
    let usage = board.usage();
    let tokens = usage.tokens();
    let tokens = if tokens > 0 { format!("{} tokens", format::tokens(tokens)) } else { String::new() };
    let rehearsal = board.started.as_ref().is_some_and(|started| started.rehearsal.is_some());
    let gap = if look.unicode { " · " } else { " | " };
    let parts = [
        Part::new(0, Line::of(Role::Strong, format::clock(board.elapsed(now)))),
        Part::new(3, Line::of(Role::Warn, if rehearsal { "rehearsal" } else { "" })).after(gap),
        Part::new(2, Line::of(Role::Dim, tokens)).after(gap),
        Part::new(1, Line::of(Role::Dim, format::dollars(usage.cost_usd).unwrap_or_default())).after(gap),
        Part::new(4, Line::of(Role::Dim, "Ctrl-C stops gently")).after(gap),
    ];
    // Room for the `^C` that a terminal echoes here, so that it does not start a new line.
    let columns = look.width.min(WIDEST).saturating_sub(5);
    let line = fit(parts, columns, look);
    let mut indented = Line::of(Role::Plain, "  ");
    indented.append(line);
    indented.cut(look.width.saturating_sub(3), look)
}

/// Tokens and dollars, where there are any.
pub(super) fn spent(usage: &Usage, look: &Look) -> String {
    let tokens = usage.tokens();
    let tokens = (tokens > 0).then(|| format!("{} tokens", format::tokens(tokens)));
    let spent: Vec<_> = tokens.into_iter().chain(format::dollars(usage.cost_usd)).collect();
    spent.join(&format!(" {} ", look.glyphs().dot))
}

fn sign(role: Role, glyph: &str) -> Part {
    Part::new(0, Line::of(role, glyph))
}

/// A step's name with the number of its visit, in its column.
fn name(step: &str, visit: u32, board: &Board, look: &Look) -> Part {
    let column = board.name_width();
    let visit = if visit > 1 { format!(" #{visit}") } else { String::new() };
    let step = text::one_line(step, look);
    let room = column.saturating_sub(text::width(&visit));
    let step = text::cut(&step, room, look);
    let padding = room - text::width(&step);
    let least = column - padding;
    // Where there is little room, columns give way to text.
    let padding = if look.width < NARROW { 0 } else { padding };
    let line =
        Line::of(Role::Strong, step.as_ref()).and(Role::Dim, visit).and(Role::Plain, " ".repeat(padding));
    Part::new(0, line).after(" ").shrinks_to(least.min(12))
}

fn told(role: Role, what: &str, look: &Look) -> Part {
    Part::new(1, Line::of(role, text::one_line(what, look))).shrinks_to(8)
}

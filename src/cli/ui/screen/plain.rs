//! A run as log lines, for files, CI and terminals that cannot redraw.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::engine::event::{Event, Live, News, Next, RunStatus};

use super::super::ending::Ending;
use super::super::format;
use super::super::line::Line;
use super::super::printer::{Printer, Verbosity};
use super::super::style::{Look, Role};
use super::super::text;
use super::board::{Activity, Board, Clock};
use super::{Screen, Setting, header, lines};

/// A log line is bounded, not fitted: its reader is often another program.
const LONGEST: usize = 300;
/// Columns of a step's name.
const STEP: usize = 40;

/// Writes one line per event to stderr, live activity sparingly.
pub struct PlainScreen {
    printer: Printer,
    zone: TimeZone,
    board: Board,
    clock: Clock,
}

impl PlainScreen {
    /// A screen that tells times in this zone.
    #[must_use]
    pub fn new(printer: Printer, setting: Setting, zone: TimeZone) -> Self {
        Self { printer, zone, board: Board::new(setting), clock: Clock::ticking() }
    }

    #[cfg(test)]
    pub(super) fn with_still_clock(self) -> Self {
        Self { clock: Clock::still(), ..self }
    }

    fn look(&self) -> Look {
        self.printer.terminal().err
    }

    fn log(&self, step: &str, line: Line) {
        if self.printer.verbosity() == Verbosity::Quiet {
            return;
        }
        let look = self.look();
        let time = self.clock.now().to_zoned(self.zone.clone()).strftime("%H:%M:%S").to_string();
        let step = text::one_line(step, &look);
        let step = text::cut(&step, STEP, &look);
        let padding = self.board.name_width().saturating_sub(text::width(&step) + 3);
        let padding = format!("{:padding$}  ", "");
        let mut full = Line::of(Role::Dim, time)
            .and(Role::Plain, "  ")
            .and(Role::Strong, step.as_ref())
            .and(Role::Plain, padding);
        full.append(line);
        self.printer.lines(&full.cut(LONGEST, &look).render(&look));
    }

    fn event(&self, event: &Event) {
        let look = self.look();
        let clean = |text: &str| text::one_line(text, &look);
        let arrow = look.glyphs().arrow;
        let onwards = |ok: bool, next: &Next| match self.board.detour(ok, next) {
            Some(step) => format!(" {arrow} {}", clean(step)),
            None => String::new(),
        };
        match event {
            Event::RunStarted(started) => {
                if self.printer.verbosity() > Verbosity::Quiet {
                    self.printer
                        .lines(&(header::lines(started, &self.board.setting, &look).join("\n") + "\n"));
                }
            }
            Event::RunResumed { step, note, .. } => {
                let line = Line::of(Role::Accent, "resumed").and(Role::Plain, sentence(": ", &clean(note)));
                self.log(step, line);
            }
            Event::StepStarted { step, visit, attempt, what, continues, .. } => {
                let verb = if *continues { "continues" } else { "started" };
                let mut count = vec![];
                if *visit > 1 {
                    count.push(format!("visit {visit}"));
                }
                if *attempt > 1 {
                    count.push(format!("try {attempt}"));
                }
                let count = if count.is_empty() { String::new() } else { format!(" ({})", count.join(", ")) };
                let line = Line::of(Role::Plain, verb)
                    .and(Role::Warn, count)
                    .and(Role::Dim, sentence(": ", &clean(&self.board.near(what))));
                self.log(step, line);
            }
            Event::StepEnded { step, ok, label, summary, elapsed_ms, usage, next, .. } => {
                let (role, verb) = match (ok, next) {
                    (_, Next::Retry) => (Role::Warn, "will retry"),
                    (true, _) => (Role::Good, "ok"),
                    (false, _) => (Role::Bad, "failed"),
                };
                let (label, summary) = lines::verdict(*ok, label, summary, &look);
                // The tests' verdict says itself whether it is a good one.
                let verb = if label.starts_with("tests ") { "" } else { verb };
                let told = [verb, &label, &summary].into_iter().filter(|said| !said.is_empty());
                let told = told.collect::<Vec<_>>().join(": ");
                let time = format::duration(Duration::from_millis(*elapsed_ms));
                let spent = lines::spent(&usage.unwrap_or_default(), &look);
                let spent = if spent.is_empty() { String::new() } else { format!(", {spent}") };
                let (verb, told) = told.split_once(": ").unwrap_or((&told, ""));
                let line = Line::of(role, verb)
                    .and(Role::Plain, sentence(": ", told))
                    .cut(LONGEST - 80, &look)
                    .and(Role::Dim, format!(" ({time}{spent}){}", onwards(*ok, next)));
                self.log(step, line);
            }
            Event::StepSkipped { step, why, .. } => {
                self.log(step, Line::of(Role::Dim, format!("skipped{}", sentence(": ", &clean(why)))));
            }
            Event::StepExceeded { step, visits, next } => {
                let visits = format!("all {} used", format::count(u64::from(*visits), "visit"));
                self.log(step, Line::of(Role::Warn, visits).and(Role::Dim, onwards(false, next)));
            }
            Event::RouteChosen { step, next, why, .. } => {
                let to = if let Next::Step(to) = next { clean(to) } else { "the end".to_owned() };
                let line = Line::of(Role::Accent, format!("{arrow} {to}"))
                    .and(Role::Dim, sentence(", chosen: ", &clean(why)))
                    .cut(LONGEST, &look);
                self.log(step, line);
            }
            Event::OrchestratorStarted { number, .. } => {
                if *number > 1 {
                    self.log("", Line::of(Role::Accent, format!("orchestrator session {number} takes over")));
                }
            }
            Event::OrchestratorEnded { label, summary, usage, .. } => {
                let (label, summary) = lines::verdict(label == "success", label, summary, &look);
                let told: Vec<_> = [label, summary].into_iter().filter(|said| !said.is_empty()).collect();
                let spent = lines::spent(usage, &look);
                let spent = if spent.is_empty() { String::new() } else { format!(" ({spent})") };
                let line = Line::of(Role::Dim, "orchestrator left")
                    .and(Role::Plain, sentence(": ", &told.join(": ")))
                    .cut(LONGEST - 80, &look)
                    .and(Role::Dim, spent);
                self.log("", line);
            }
            Event::Waiting { step, why, .. } => {
                let step = step.as_deref().unwrap_or_default();
                self.log(step, Line::of(Role::Warn, format!("waiting: {}", clean(why))));
            }
            Event::LoopStarted(begun) => {
                let line = Line::of(Role::Plain, "loop").and(Role::Dim, sentence(": ", &clean(&begun.what)));
                self.log(&begun.step, line);
            }
            Event::ItemStarted { step, item, what } => {
                let what = clean(&self.board.near(what));
                let line = Line::of(Role::Plain, "item").and(Role::Dim, sentence(": ", &what));
                self.log(&format!("{step}[{item}]"), line);
            }
            Event::ItemEnded { step, item, end } => {
                let (role, verb) = match end.status {
                    RunStatus::Succeeded => (Role::Good, "item done"),
                    RunStatus::Stopped => (Role::Warn, "item given up"),
                    _ => (Role::Bad, "item failed"),
                };
                let reason = if end.ok() { "" } else { end.reason.as_str() };
                let line = Line::of(role, verb).and(Role::Plain, sentence(": ", &clean(reason)));
                self.log(&format!("{step}[{item}]"), line);
            }
            Event::FinallyStarted { end, .. } => {
                let line = Line::of(Role::Plain, "finally")
                    .and(Role::Dim, sentence(", after: ", &clean(&end.reason)));
                self.log("", line);
            }
            Event::Notice { text } => self.log("", Line::of(Role::Plain, clean(text))),
            Event::Moved { .. } | Event::RecipeAccepted(_) | Event::Unknown(_) => {
                if let Some(told) = lines::told_of_run(event) {
                    self.log("", Line::of(Role::Accent, clean(&told)));
                }
            }
            Event::StepCutOff { .. } | Event::RunEnded(_) => {}
        }
    }

    /// Activity that is worth a line: another tool, waiting and ending; the rest when verbose.
    fn live(&mut self, live: &Live) {
        let (Live::Spawned { step, .. }
        | Live::Doing { step, .. }
        | Live::Saying { step, .. }
        | Live::Used { step, .. }
        | Live::Waiting { step, .. }
        | Live::Ending { step, .. }) = live;
        let tool_before = self.tool_of(step);
        if !self.board.live(live) {
            return;
        }
        let all = self.printer.verbosity() == Verbosity::Verbose;
        let worth = match live {
            Live::Doing { tool, .. } if tool == "output" => all,
            Live::Doing { tool, .. } => all || tool_before.as_ref() != Some(tool),
            Live::Saying { text, .. } => all && !text.trim().is_empty(),
            // The journal tells those whose end is known.
            Live::Waiting { until: Some(_), .. } => false,
            Live::Waiting { .. } | Live::Ending { .. } => true,
            Live::Spawned { .. } | Live::Used { .. } => false,
        };
        if worth && let Some(running) = self.board.running.iter().find(|running| running.step == *step) {
            let repository = self.board.started.as_ref().map(|started| started.repository.as_path());
            self.log(step, lines::activity(&running.activity, repository, LONGEST, &self.look()));
        }
    }

    fn tool_of(&self, step: &str) -> Option<String> {
        let running = self.board.running.iter().find(|running| running.step == step)?;
        match &running.activity {
            Activity::Tool { tool, .. } => Some(tool.clone()),
            _ => None,
        }
    }
}

impl Screen for PlainScreen {
    fn news(&mut self, news: &News) {
        match news {
            News::Entry(entry) => {
                self.clock.set(entry.at);
                self.board.entry(entry);
                self.event(&entry.event);
            }
            News::Live(live) => self.live(live),
            News::End(ended, aftermath) => {
                let started = self.board.started.as_ref();
                let ending = Ending {
                    ended,
                    aftermath,
                    run_id: started.map(|started| started.run_id.as_str()),
                    repository: started.map(|started| started.repository.as_path()),
                    sessions: self.board.sessions,
                };
                let gap = if self.printer.verbosity() == Verbosity::Quiet { "" } else { "\n" };
                self.printer.lines(&format!("{gap}{}", ending.lines(&self.look()).join("\n")));
            }
        }
    }
}

/// A text behind what separates it, or nothing.
fn sentence(separator: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{separator}{text}") }
}

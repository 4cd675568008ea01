use std::sync::Arc;

use indicatif::{InMemoryTerm, TermLike};
use jiff::tz::TimeZone;

use super::board::Clock;
use super::script::*;
use super::*;
use crate::cli::ui::printer::Verbosity;
use crate::cli::ui::printer::testing::captured;
use crate::cli::ui::style::Look;
use crate::cli::ui::text;
use crate::engine::event::{Aftermath, Live, Next, RunStatus};

fn plain(script: Script, verbosity: Verbosity, look: Look) -> String {
    let (printer, out, err) = captured(look, verbosity);
    let mut screen = PlainScreen::new(printer, setting(), TimeZone::UTC).with_still_clock();
    script.news.iter().for_each(|news| screen.news(news));
    assert_eq!(out.text(), "", "people read stderr");
    err.text()
}

#[test]
fn plain_screens() {
    let log = Look::plain(100);
    for (name, script, verbosity, look) in [
        ("plain_success", success(), Verbosity::Normal, log),
        ("plain_success_verbose", success(), Verbosity::Verbose, log),
        ("plain_success_quiet", success(), Verbosity::Quiet, log),
        ("plain_success_color", success(), Verbosity::Normal, Look::colored(100)),
        ("plain_rough", rough(), Verbosity::Normal, log),
        ("plain_rough_ascii", rough(), Verbosity::Normal, Look::ascii(100)),
        ("plain_stopped", stopped(), Verbosity::Normal, log),
        ("plain_hostile", hostile(), Verbosity::Verbose, log),
    ] {
        insta::assert_snapshot!(name, plain(script, verbosity, look));
    }
}

#[test]
fn a_log_line_is_one_line_without_commands() {
    let log = plain(hostile(), Verbosity::Verbose, Look::plain(100));
    for line in log.lines() {
        assert!(!line.chars().any(|c| c.is_control()), "{line:?}");
        assert!(text::width(line) <= 300);
    }
}

/// A live screen drawn into memory, still on.
fn live(
    script: Script,
    rows: u16,
    columns: u16,
    look: Look,
) -> (InMemoryTerm, LiveScreen, impl Fn() -> String) {
    let term = InMemoryTerm::new(rows, columns);
    let (printer, _, err) = captured(look.with_width(columns.into()), Verbosity::Normal);
    let clock = Clock::still();
    let mut screen = LiveScreen::with_clock(printer, setting(), Arc::new(term.clone()), clock);
    for news in &script.news {
        screen.news(news);
        screen.draw();
    }
    (term, screen, move || err.text())
}

#[test]
fn live_screens() {
    for (name, script, columns, look) in [
        ("live_repair_100", repair(), 100, Look::plain(0)),
        ("live_repair_40", repair(), 40, Look::plain(0)),
        ("live_repair_20", repair(), 20, Look::plain(0)),
        ("live_repair_ascii", repair(), 100, Look::ascii(0)),
        ("live_rough_100", rough(), 100, Look::plain(0)),
        ("live_rough_40", rough(), 40, Look::plain(0)),
        ("live_hostile_100", hostile(), 100, Look::plain(0)),
        ("live_hostile_40", hostile(), 40, Look::plain(0)),
    ] {
        insta::assert_snapshot!(name, live(script, 60, columns, look).0.contents());
    }
    let (term, _screen, _) = live(repair(), 60, 100, Look::colored(0));
    insta::assert_snapshot!("live_repair_color", String::from_utf8(term.contents_formatted()).unwrap());
}

#[test]
fn the_end_leaves_finished_steps_and_a_clean_line() {
    let (term, screen, err) = live(success(), 60, 100, Look::plain(0));
    insta::assert_snapshot!("live_success", format!("{}\n~~~ then on stderr ~~~{}", term.contents(), err()));
    drop(screen);
    let ended = term.contents();
    term.write_str("next").unwrap();
    assert_eq!(term.contents(), format!("{ended}\nnext"));
}

#[test]
fn a_dropped_screen_tidies_up() {
    let (term, screen, _) = live(repair(), 60, 100, Look::plain(0));
    assert!(term.contents().contains("Ctrl-C"));
    drop(screen);
    term.write_str("next").unwrap();
    let left = term.contents();
    assert!(!left.contains("Ctrl-C") && left.ends_with("\nnext"), "{left}");
}

#[test]
fn every_live_line_fits_at_any_width() {
    for columns in (1..=40_usize).chain((50..=130).step_by(20)) {
        for script in [repair(), rough(), hostile()] {
            let mut board = board::Board::new(setting());
            let mut clock = Clock::still();
            let look = Look::plain(columns);
            for news in &script.news {
                match news {
                    News::Entry(entry) => {
                        clock.set(entry.at);
                        board.entry(entry);
                        let line = lines::settled(&entry.event, &board, &look);
                        assert!(line.is_none_or(|line| line.width() <= columns));
                    }
                    News::Live(live) => {
                        board.live(live);
                    }
                    News::End(..) => {}
                }
                for running in &board.running {
                    assert!(lines::live(running, &board, clock.now(), 3, &look).width() <= columns);
                }
                assert!(lines::status(&board, clock.now(), &look).width() <= columns.saturating_sub(3));
            }
        }
    }
}

#[test]
fn a_question_has_the_screen_to_itself() {
    let (term, mut screen, _) = live(repair(), 60, 100, Look::plain(0));
    let printer = screen.printer().clone();
    let mut during = String::new();
    printer.suspend(|| {
        term.write_str("Go on? ").unwrap();
        printer.note("told meanwhile");
        screen.draw();
        during = term.contents();
        term.write_str("yes\r\n").unwrap();
    });
    assert!(during.ends_with("Go on?") && !during.contains("Ctrl-C"), "{during}");
    let after = term.contents();
    assert!(after.contains("Go on? yes\ntold meanwhile\n") && after.contains("Ctrl-C"), "{after}");
    screen.news(&News::End(ended(RunStatus::Succeeded, "", "done", false), Aftermath::default()));
}

#[test]
fn many_running_steps_leave_room_for_the_status() {
    let mut script = Script::default().start(|_| {});
    for n in 0..30 {
        script = script.begin(&format!("s{n}"), 1, 1, "/work");
    }
    let (term, _screen, _) = live(script, 8, 60, Look::plain(0));
    insta::assert_snapshot!(term.contents());
}

#[test]
fn a_narrowed_terminal_is_erased_as_it_wrapped() {
    let term = InMemoryTerm::new(10, 20);
    let canvas = canvas::Canvas::new(Arc::new(Wide(term.clone())));
    // Drawn when the terminal had 40 columns, so this takes two rows of 20.
    canvas.write_str(&"a".repeat(36)).unwrap();
    canvas.write_str("    ").unwrap();
    canvas.flush().unwrap();
    canvas.clear_line().unwrap();
    canvas.write_str("b").unwrap();
    canvas.write_str("").unwrap();
    canvas.flush().unwrap();
    assert_eq!(term.contents(), "b");
}

/// A terminal that never says how narrow it is.
#[derive(Debug)]
struct Wide(InMemoryTerm);

impl TermLike for Wide {
    fn width(&self) -> u16 {
        20
    }
    fn move_cursor_up(&self, n: usize) -> std::io::Result<()> {
        self.0.move_cursor_up(n)
    }
    fn move_cursor_down(&self, n: usize) -> std::io::Result<()> {
        self.0.move_cursor_down(n)
    }
    fn move_cursor_right(&self, n: usize) -> std::io::Result<()> {
        self.0.move_cursor_right(n)
    }
    fn move_cursor_left(&self, n: usize) -> std::io::Result<()> {
        self.0.move_cursor_left(n)
    }
    fn write_line(&self, s: &str) -> std::io::Result<()> {
        self.0.write_line(s)
    }
    fn write_str(&self, s: &str) -> std::io::Result<()> {
        self.0.write_str(s)
    }
    fn clear_line(&self) -> std::io::Result<()> {
        self.0.clear_line()
    }
    fn flush(&self) -> std::io::Result<()> {
        self.0.flush()
    }
}

#[test]
fn json_is_a_line_per_piece_of_news() {
    let (printer, out, err) = captured(Look::plain(80), Verbosity::Normal);
    let mut screen = JsonScreen::new(printer);
    success().news.iter().for_each(|news| screen.news(news));
    screen.news(&News::Live(Live::Saying { step: "x".into(), text: "\u{9b}31m\x1b[0m\n".into() }));
    let out = out.text();
    assert_eq!(err.text(), "");
    assert!(out.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    assert!(!out.contains(|c: char| c.is_control() && c != '\n'));
    insta::assert_snapshot!(out);
}

#[test]
fn a_retry_that_ends_the_run_says_so() {
    let script = Script::default()
        .start(|started| started.rehearsal = Some("broken-sample".into()))
        .begin("repair", 1, 1, "/repair")
        .at(3)
        .end("repair", 1, 1, false, "crashed", "", 3_000, Next::End(RunStatus::Crashed))
        .finish(ended(RunStatus::Crashed, "the disk is full", "repair", true), aftermath(0));
    insta::assert_snapshot!(plain(script, Verbosity::Normal, Look::plain(60)));
}

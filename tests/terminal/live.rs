//! The live lines of a run: they fit, they go away, and what stays can be read.

use insta::assert_snapshot;

use crate::binary::Kitchen;
use crate::pty::Pty;

const REHEARSAL: &[&str] = &["cook", "fix-tests", "--rehearse", "--pace", "0.3"];

/// Characters of the lines that are redrawn.
const SPINNER: &str = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";

#[track_caller]
fn nothing_live_is_left(text: &str) {
    assert!(!text.contains(|c| SPINNER.contains(c)), "{text}");
}

#[test]
fn wide_and_narrow() {
    for columns in [100, 40] {
        let kitchen = Kitchen::empty();
        let mut pty = Pty::cook(&kitchen, REHEARSAL, columns);
        pty.shows("repair");
        assert_eq!(pty.ends(), 0);
        pty.is_tidy();
        let text = pty.text();
        nothing_live_is_left(&text);
        assert_snapshot!(format!("rehearsal_{columns}"), kitchen.filtered(&text));
    }
}

/// While a step runs, a line says what it does, and the last line what the run took so far.
#[test]
fn what_happens_now() {
    let kitchen = Kitchen::empty();
    let pty = Pty::cook(&kitchen, &["cook", "fix-tests", "--rehearse", "--pace", "6"], 100);
    pty.shows("Bash sh tests/run.sh");
    pty.shows("1 turn");
    let text = pty.text();
    assert!(text.contains(|c| SPINNER.contains(c)), "{text}");
    let now: Vec<&str> = text.lines().skip_while(|line| !line.contains("Bash")).collect();
    let now: String = now.join("\n").chars().map(|c| if SPINNER.contains(c) { '*' } else { c }).collect();
    assert_snapshot!(kitchen.filtered(&now));
}

#[test]
fn a_terminal_that_changes_its_width() {
    for (before, after) in [(100, 60), (60, 100), (100, 24)] {
        let kitchen = Kitchen::empty();
        let mut pty = Pty::cook(&kitchen, &["cook", "fix-tests", "--rehearse", "--pace", "1"], before);
        pty.shows("Read tests/run.sh");
        pty.resize(after);
        assert_eq!(pty.ends(), 0);
        pty.is_tidy();
        let text = pty.text();
        nothing_live_is_left(&text);
        for once in ["succeeded", "#2", "#3"] {
            assert_eq!(text.matches(once).count(), if once == "#2" { 2 } else { 1 }, "{once} on:\n{text}");
        }
        assert!(!text.contains("Read tests"), "a live line is left on:\n{text}");
    }
}

#[test]
fn another_character_set() {
    let kitchen = Kitchen::empty();
    let mut pty = Pty::spawn(kitchen.command(REHEARSAL).env("LC_ALL", "C"), 100);
    assert_eq!(pty.ends(), 0);
    let bytes = pty.bytes();
    assert!(bytes.is_ascii(), "{}", String::from_utf8_lossy(&bytes));
    assert_snapshot!(kitchen.filtered(&pty.text()));
}

#[test]
fn without_colours() {
    let kitchen = Kitchen::empty();
    let mut pty = Pty::spawn(kitchen.command(REHEARSAL).env("NO_COLOR", "1"), 100);
    assert_eq!(pty.ends(), 0);
    let written = String::from_utf8(pty.bytes()).unwrap();
    let colour = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    assert!(!colour.is_match(&written), "{written:?}");
    let mut pty = Pty::cook(&kitchen, REHEARSAL, 100);
    assert_eq!(pty.ends(), 0);
    assert!(colour.is_match(&String::from_utf8(pty.bytes()).unwrap()));
}

/// A terminal that cannot redraw, and a CI job, get log lines.
#[test]
fn terminals_that_cannot_redraw() {
    let kitchen = Kitchen::empty();
    let mut pty = Pty::spawn(kitchen.command(REHEARSAL).env("CI", "true"), 100);
    assert_eq!(pty.ends(), 0);
    assert!(pty.text().contains("started: sh tests/run.sh"), "{}", pty.text());
}

//! Ctrl-C: the first asks gently, the second does not ask. The terminal is as it was.

use insta::assert_snapshot;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::binary::{Kitchen, journal, runs};
use crate::pty::Pty;

const CTRL_C: &str = "\u{3}";

const SLOW: &[&str] = &["cook", "fix-tests", "--rehearse", "--pace", "6"];

#[test]
fn the_first_asks_gently() {
    let kitchen = Kitchen::empty();
    let mut pty = Pty::cook(&kitchen, SLOW, 100);
    pty.shows("Bash sh tests/run.sh");
    pty.types(CTRL_C);
    assert_eq!(pty.ends(), 130);
    pty.is_tidy();
    assert_snapshot!(kitchen.filtered(&pty.text()));
    let stage = kitchen.stage();
    let end = journal(&runs(&stage)[0]).pop().unwrap();
    assert_eq!(
        (&end["event"], &end["status"], &end["resumable"]),
        (&"run_ended".into(), &"stopped".into(), &true.into())
    );
}

/// A command that hears neither Ctrl-C nor a polite request is gone after the second at the latest.
#[test]
fn the_second_does_not_ask() {
    let kitchen = Kitchen::with_recipe(
        "deaf",
        "name: deaf
description: Does not listen.
steps:
  cook:
    tool: run_cmd
    with: {cmd: 'trap \"\" INT TERM; echo $$ > pid; echo deaf; while :; do sleep 0.05; done'}
    on_success: done
",
    );
    let mut pty = Pty::cook(&kitchen, &["cook", "deaf"], 100);
    pty.shows("  deaf");
    pty.types(CTRL_C);
    pty.types(CTRL_C);
    assert_eq!(pty.ends(), 130);
    pty.is_tidy();
    let pid = Pid::from_raw(kitchen.read("pid").trim().parse().unwrap());
    assert_eq!(kill(pid, None), Err(Errno::ESRCH), "it still runs");
    assert_snapshot!(kitchen.filtered(&pty.text()));
}

/// Closing the window is a Ctrl-C that nobody sees.
#[test]
fn a_terminal_that_goes_away() {
    let kitchen = Kitchen::empty();
    let mut pty = Pty::cook(&kitchen, SLOW, 100);
    pty.shows("Bash sh tests/run.sh");
    kill(pty.pid(), Signal::SIGHUP).unwrap();
    assert_eq!(pty.ends(), 130);
    let end = journal(&runs(&kitchen.stage())[0]).pop().unwrap();
    assert_eq!(end["status"], "stopped");
}

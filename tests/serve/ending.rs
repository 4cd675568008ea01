//! A server ends when its client goes, in whatever way, within half a second, and leaves nothing behind.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;

use super::line::Line;
use super::support::kitchen::{Kitchen, story, until};

/// A client kills its server about this long after its first signal.
const PATIENCE: Duration = Duration::from_millis(450);
/// Within this wardens have ended what a server left.
const GONE: Duration = Duration::from_secs(8);

/// Children that outlive their shell in every way.
const STAYS: &str = "touch begun; setsid sleep 1000 & nohup sleep 1000 >/dev/null 2>&1 & sleep 1000";

fn ends(how: &str) {
    // Idle, in the middle of a call, and in the middle of a step of a run.
    for busy in ["idle", "call", "step"] {
        let kitchen = Kitchen::new().recipe(
            "waits",
            &format!(
                "name: waits\ndescription: Waits.\nsteps:\n  wait:\n    tool: run_cmd\n    with:\n      cmd: {}\n    on_success: done\n",
                json!(STAYS)
            ),
        );
        let mut line = Line::connect(kitchen.server(None));
        match busy {
            "call" => {
                line.good("open_kitchen", json!({}));
                line.ask("tools/call", json!({ "name": "run_cmd", "arguments": { "cmd": STAYS } }));
                until("the beginning of the command", || kitchen.read("begun").is_some());
            }
            "step" => {
                line.good("open_kitchen", json!({ "name": "waits" }));
                line.ask("tools/call", json!({ "name": "run_cmd", "arguments": { "step_name": "wait" } }));
                until("the beginning of the command", || kitchen.read("begun").is_some());
            }
            _ => {}
        }
        if how == "SIGKILL" {
            line.signal(Signal::SIGKILL);
        } else if how == "end of input" {
            line.close();
        } else {
            line.signal(how.parse().expect("a signal"));
        }
        let (status, took, log) = line.finish();
        if how == "SIGKILL" {
            assert_eq!(status.code(), None);
        } else {
            assert_eq!(status.code(), Some(0), "{how}, {busy}: {log}");
            assert!(took < PATIENCE, "{how}, {busy}: it took {took:?}\n{log}");
            if busy == "step" {
                let story = story(&kitchen.journal());
                assert!(
                    story.last().is_some_and(|end| end.starts_with("stopped, resumable")),
                    "{how}: {story:#?}"
                );
            }
        }
        kitchen.assert_nothing_left(GONE);
    }
}

#[test]
fn when_the_client_closes_the_pipe() {
    ends("end of input");
}

#[test]
fn at_sigterm() {
    ends("SIGTERM");
}

#[test]
fn at_sigint() {
    ends("SIGINT");
}

#[test]
fn at_sighup() {
    ends("SIGHUP");
}

#[test]
fn killed_in_the_middle_it_leaves_nothing_running_and_the_next_server_tells_of_the_run() {
    ends("SIGKILL");
}

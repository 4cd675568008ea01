//! `test_check`: do the tests pass?

use std::time::Duration;

use serde_json::json;

use super::args::Args;
use super::commands::{execute, label, last_line, left_behind, shell};
use super::test_summary::counts;
use super::{Toolkit, refused};
use crate::config::CommandLine;
use crate::core::stop::StopSignal;
use crate::core::text;
use crate::engine::event::Fault;
use crate::engine::host::{Call, Outcome, Watch};
use crate::execution::verdict::RetryReason;
use crate::workspace::detect;

pub(super) async fn run(kit: &Toolkit, call: &Call, watch: Watch<'_>, stop: StopSignal) -> Outcome {
    let args = Args::of(&call.params);
    let place = kit.path(args.text("worktree_path"));
    let command = (args.text("command").filter(|command| !command.trim().is_empty()))
        .map(CommandLine::Shell)
        .or_else(|| kit.settings.test_check.command.clone())
        .or_else(|| detect::test_command(&place).map(|detected| CommandLine::Shell(detected.command)));
    let Some(command) = command else {
        let why = "there is no test command: none is given, the settings have none, and the files of the repository name \
                   none; `autoskillit config set test_check.command 'make check'` sets one";
        return Outcome {
            label: "no test command".to_owned(),
            summary: why.to_owned(),
            fault: Some(Fault::Settings),
            ..refused(call.tool, why)
        };
    };
    let timeout = match args.seconds("timeout") {
        Ok(timeout) => timeout.unwrap_or(Duration::from_secs(kit.settings.test_check.timeout)),
        Err(error) => return refused(call.tool, &error),
    };
    let (command, argv) = match command {
        CommandLine::Shell(text) => (text.clone(), shell(&text)),
        CommandLine::Words(words) => (text::command_line(&words), words),
    };
    let end = match execute(kit, call, &argv, args.text("worktree_path"), &[], timeout, watch, stop).await {
        Ok(end) => end,
        Err(outcome) => return *outcome,
    };
    let counted = counts(&format!("{}\n{}", end.stdout, end.stderr));
    let clean = end.exit.is_some() && end.code() == 0 && !end.timed_out;
    let passed = clean && counted.failed == 0;
    let summary = match (&end.not_started, end.timed_out, counted.words()) {
        (Some(why), ..) => format!("the tests cannot be started: {why}"),
        (_, true, _) => format!("the tests took longer than their {} s", timeout.as_secs()),
        (_, _, Some(words)) => words,
        (_, _, None) if passed => "exit code 0".to_owned(),
        (_, _, None) => match last_line(if end.stderr.is_empty() { &end.stdout } else { &end.stderr }) {
            "" => format!("exit code {}", end.code()),
            line => format!("exit code {}: {line}", end.code()),
        },
    };
    Outcome {
        ok: passed,
        label: match (passed, clean) {
            (true, _) => "tests pass".to_owned(),
            (false, true) => "tests fail".to_owned(),
            (false, false) if end.timed_out || end.not_started.is_some() => label(&end, false),
            (false, false) => "tests fail".to_owned(),
        },
        result: json!({
            "passed": passed,
            "success": passed,
            "command": command,
            "exit_code": end.code(),
            "summary": summary,
            "stdout": end.stdout,
            "stderr": end.stderr,
            "log": end.log,
            "timed_out": end.timed_out,
        }),
        summary: summary + &left_behind(end.left.len(), end.unlisted),
        retry: RetryReason::None,
        fault: None,
        usage: None,
        cut_off: end.cut_off,
    }
}

//! `run_cmd`: a command or a shell text.

use std::time::Duration;

use serde_json::json;

use super::args::Args;
use super::{Toolkit, refused, unfit};
use crate::core::files;
use crate::core::stop::{Stop, StopSignal, more_urgent};
use crate::core::text::first_line;
use crate::engine::event::Live;
use crate::engine::host::{Call, Outcome, Watch};
use crate::execution::command::{self, Command, CommandEnd};
use crate::execution::environment;
use crate::execution::verdict::RetryReason;

/// Wall clock of a command that states none, as in AutoSkillit 0.9.
const TIMEOUT: Duration = Duration::from_secs(600);

pub(super) async fn run(kit: &Toolkit, call: &Call, watch: Watch<'_>, stop: StopSignal) -> Outcome {
    let args = Args::of(&call.params);
    let argv = match (args.texts("argv"), args.text("cmd")) {
        (Some(argv), None) if !argv.is_empty() => argv,
        (None, Some(cmd)) if !cmd.trim().is_empty() => shell(&cmd),
        _ => return refused(call.tool, "it takes either `argv` or `cmd`"),
    };
    let (env, timeout) = match (args.pairs("env"), args.seconds("timeout")) {
        (Ok(env), Ok(timeout)) => (env, timeout.unwrap_or(TIMEOUT)),
        (Err(error), _) | (_, Err(error)) => return refused(call.tool, &error),
    };
    let end = match execute(kit, call, &argv, args.text("cwd"), &env, timeout, watch, stop).await {
        Ok(end) => end,
        Err(outcome) => return *outcome,
    };
    let code = end.code();
    let ok = end.exit.is_some() && code == 0 && !end.timed_out;
    let said =
        [&end.stderr, &end.stdout].into_iter().map(|text| last_line(text)).find(|line| !line.is_empty());
    let summary = match (&end.not_started, end.timed_out, ok) {
        (Some(why), ..) => why.clone(),
        (None, true, _) => format!("ended by its wall clock of {} s", timeout.as_secs()),
        (None, false, true) => first_line(&end.stdout).to_owned(),
        (None, false, false) => match said {
            Some(line) => format!("exit code {code}: {line}"),
            None => format!("exit code {code}"),
        },
    };
    Outcome {
        ok,
        label: label(&end, ok),
        summary: summary + &left_behind(end.left.len(), end.unlisted),
        result: json!({
            "success": ok,
            "exit_code": code,
            "stdout": end.stdout,
            "stderr": end.stderr,
            "log": end.log,
            "timed_out": end.timed_out,
        }),
        retry: RetryReason::None,
        fault: None,
        usage: None,
        cut_off: end.cut_off,
    }
}

/// A shell text as program and arguments.
pub(super) fn shell(cmd: &str) -> Vec<String> {
    ["sh", "-c", cmd].map(str::to_owned).into()
}

/// What a summary says of processes that were left running.
pub(super) fn left_behind(listed: usize, unlisted: u32) -> String {
    match listed + unlisted as usize {
        0 => String::new(),
        1 => " (1 process it left running ended)".to_owned(),
        more => format!(" ({more} processes it left running ended)"),
    }
}

pub(super) fn label(end: &CommandEnd, ok: bool) -> String {
    match (ok, end.timed_out, &end.not_started) {
        (true, ..) => "ok".to_owned(),
        (_, true, _) => "timeout".to_owned(),
        (_, _, Some(_)) => "not started".to_owned(),
        _ => format!("exit code {}", end.code()),
    }
}

pub(super) fn last_line(text: &str) -> &str {
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
}

/// Runs a command of a step, its output told line by line.
#[expect(clippy::too_many_arguments, reason = "the parts of one command, shared by two tools")]
pub(super) async fn execute(
    kit: &Toolkit,
    call: &Call,
    argv: &[String],
    cwd: Option<String>,
    env: &[(String, String)],
    timeout: Duration,
    watch: Watch<'_>,
    stop: StopSignal,
) -> Result<CommandEnd, Box<Outcome>> {
    let cwd = kit.path(cwd);
    if !cwd.is_dir() {
        return Err(Box::new(refused(call.tool, &format!("{} is not a folder", cwd.display()))));
    }
    let dir = kit.run_dir.command(&call.step, call.visit, call.attempt);
    files::create_private_dir(&dir)
        .map_err(|error| Box::new(unfit(format!("cannot write {}: {error}", dir.display()))))?;
    let mut environment = environment::command(kit.env.iter().cloned());
    environment.retain(|(name, _)| env.iter().all(|(own, _)| name != own.as_str()));
    environment.extend(env.iter().map(|(name, value)| (name.into(), value.into())));
    let step = call.step.clone();
    let line = move |text: &str| {
        if !text.trim().is_empty() {
            watch(Live::Doing {
                step: step.clone(),
                tool: "output".to_owned(),
                target: text.trim().to_owned(),
            });
        }
    };
    let run = dir.parent().and_then(|commands| commands.parent()).and_then(|run| run.file_name());
    let tag = format!(
        "{}/{}.{}.{}",
        run.unwrap_or_default().to_string_lossy(),
        call.step,
        call.visit,
        call.attempt
    );
    let command = Command {
        argv,
        cwd: &cwd,
        env: &environment,
        timeout,
        warden: &kit.warden,
        tag: &tag,
        dir: &dir,
        redactor: &kit.redactor,
    };
    let mut stopping = stop.clone();
    let told = async {
        more_urgent(&mut stopping, Stop::No).await;
        watch(Live::Ending { step: call.step.clone(), why: "the run is being stopped".to_owned() });
        std::future::pending().await
    };
    tokio::select! {
        // First, so that it is said even where the command ends at once.
        biased;
        end = told => Ok(end),
        end = command::run(command, &line, stop) => Ok(end),
    }
}

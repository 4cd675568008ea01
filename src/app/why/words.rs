//! What a verdict means in words.

use std::path::Path;

use super::Try;
use crate::app::cook::fault_hint;
use crate::app::kitchen::here;
use crate::app::runs::RunInfo;
use crate::core::text::quoted_list;
use crate::engine::event::RunStatus;
use crate::execution::log::anomaly::Kind;
use crate::execution::log::summary::{Status, Summary};
use crate::execution::race::Termination;
use crate::execution::warden::Exit;

/// How a session came to its end: what decided it, and how its process went.
pub(super) fn ended(summary: &Summary) -> Option<String> {
    let limits = summary.limits;
    let decided = match summary.termination {
        None if summary.status == Status::Crashed => "its warden ended it".to_owned(),
        None => return None,
        Some(Termination::NaturalExit) if summary.process.is_none() => return None,
        Some(Termination::NaturalExit) => "the client left by itself".to_owned(),
        Some(Termination::Completed) => {
            "its last result was there and it did not leave, so it was ended".to_owned()
        }
        Some(Termination::LeftOpen) => {
            "its answer was there, background work was open for longer than it may, so it was ended"
                .to_owned()
        }
        Some(Termination::Unfit) => {
            "the client was ready, and what the session needs was not there, so it was ended".to_owned()
        }
        Some(Termination::IdleStall) => format!(
            "its stream was silent for {} while no tool ran, so it was ended",
            limits.idle_ms.map(span).unwrap_or_default()
        ),
        Some(Termination::Stale) => format!(
            "nothing moved on any channel for {}, so it was ended",
            limits.stale_ms.map(span).unwrap_or_default()
        ),
        Some(Termination::NoProgress) => {
            "it made the same call with the same result again and again, so it was ended".to_owned()
        }
        Some(Termination::TimedOut) => {
            format!("its wall clock of {} was over, so it was ended", span(limits.wall_clock_ms))
        }
        Some(Termination::Cancelled) => "the run was being stopped, so it was ended".to_owned(),
        Some(Termination::Unauthenticated) => {
            "the model service refused the login again and again, so it was ended".to_owned()
        }
    };
    Some(match summary.exit {
        Some(how) => format!("{decided}; {}", exit(how)),
        None => decided,
    })
}

/// How a process ended.
pub(super) fn exit(exit: Exit) -> String {
    match (exit.code, exit.signal) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => match nix::sys::signal::Signal::try_from(signal) {
            Ok(known) => format!("ended by {known}"),
            Err(_) => format!("ended by signal {signal}"),
        },
        (None, None) => "nobody saw how it ended".to_owned(),
    }
}

/// A time of a setting, exactly.
pub(super) fn span(ms: u64) -> String {
    let seconds = ms / 1000;
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let said: String =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if said.is_empty() { format!("{ms}ms") } else { said }
}

/// What would have made it a success.
pub(super) fn needed(one: &Try) -> Option<String> {
    let fixed = match (one.tool.as_deref(), one.label.as_str()) {
        (_, "running" | "skipped" | "exceeded") => return None,
        (_, "cut off" | "interrupted") => "to be let finish",
        (_, "not_started" | "not started") => "a program that starts",
        (Some("test_check"), "timeout") => "to be done in time: raise `test_check.timeout`",
        (Some("run_cmd"), "timeout") => "to be done in time: raise the step's `timeout`",
        (Some("test_check"), "no test command") => "a test command",
        (Some("test_check"), _) => "exit code 0 and no failed test",
        (Some("run_cmd"), _) => "exit code 0",
        (_, "timeout") => "to be done in time: raise `run_skill.timeout`, or give the step less to do",
        (_, "stale") => "a sign of life in time: raise `run_skill.stale_threshold` if the silence was work",
        (_, "idle_stall") => {
            "a word in time: raise `run_skill.idle_output_timeout` if the service is that slow"
        }
        (_, "no_progress") => {
            "a way forward: say more of what it is to do; raise `run_skill.repeats` if the calls were work"
        }
        (_, "early_stop") => {
            "to stay until its background tasks have ended: raise `run_skill.background_wait`, or let it have none"
        }
        (_, "zero_writes") => "a change on disk: its skill always makes one",
        (_, "path_contamination") => {
            "to work where it was put: its outputs name files of that checkout, or of a kitchen's folder"
        }
        (_, "drain_race") => "its result, which its transcript has and its stream did not bring",
        (_, "unknown_model") => "a model that the service knows",
        (_, "permission_denied") => {
            "to be allowed what was refused (`session.allowed_tools`, `session.permissions`), or to do without it"
        }
        (_, "contract_violation") => {
            let missing = match one.missing_outputs.as_slice() {
                [] => "what its skill declares".to_owned(),
                missing => quoted_list(missing),
            };
            return Some(format!("to give {missing} as declared outputs"));
        }
        (_, "empty_result") => "an answer",
        (_, "context_exhausted") => "to fit into the model's context: give the step less to do",
        (_, "budget_exhausted") => "a larger budget: raise the step's `budget_usd`",
        (_, "authentication_failed") => "a login that the model service takes",
        (_, "rate_limited" | "service_unavailable" | "api_error") => "a model service that answers",
        (_, "stopped_by_hook") => "hooks of the project that let it go on",
        (_, "refused") => "a request that the model takes, or another model",
        (_, "error_max_turns") => "more turns, or less to do",
        (_, "killed" | "unparseable") => "a client that lives until its result",
        (_, "error_during_execution") => "a client that ends without an error",
        _ => return None,
    };
    Some(fixed.to_owned())
}

/// What to do now: about the last try, if the run did not succeed.
pub(super) fn next(tries: &[Try], run: &RunInfo, top: &Path) -> Vec<String> {
    let mut next = Vec::new();
    if matches!(run.status, None | Some(RunStatus::Succeeded)) {
        return next;
    }
    let ours = |command: &str| here(top, "autoskillit", command);
    let failed = tries.iter().rev().find(|one| one.ok != Some(true));
    if let Some(one) = failed {
        let out_of_memory = one.anomalies.iter().any(|anomaly| matches!(anomaly.kind, Kind::OomCritical));
        next.extend(match one.label.as_str() {
            "authentication_failed" => Some(format!("look at the login: {}", ours("doctor"))),
            "killed" if out_of_memory => {
                Some("the machine ran out of memory: give it more, or run fewer sessions at once".to_owned())
            }
            "not_started" | "not started" => Some(format!("look at what is installed: {}", ours("doctor"))),
            _ => fault_hint(one.fault).map(str::to_owned),
        });
    }
    if run.resumable {
        next.push(format!("go on: {}", ours(&format!("cook --resume {}", run.run_id))));
    }
    next
}

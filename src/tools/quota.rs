//! The account's limits, around one session: it waits before it starts, and a refusal is remembered for those after it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use super::{Toolkit, limits};
use crate::core::stop::StopSignal;
use crate::core::threads::blocking;
use crate::engine::event::{Fault, Live};
use crate::engine::host::{Call, Outcome, Watch};
use crate::execution::facts::Limit;
use crate::execution::quota::guard::{Guard, Leave};
use crate::execution::quota::wait::{Waited, retry_at, told, wait_until};
use crate::execution::verdict::{RetryReason, SkillResult};

/// Hears why a session waits, and until when where that is known.
pub type Tell<'a> = &'a (dyn Fn(String, Option<Timestamp>) + Send + Sync);

/// Whether it was said that the windows are not known: once is enough for a process.
static SAID: AtomicBool = AtomicBool::new(false);

/// Whether a session may start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pass {
    /// It may.
    Free,
    /// It may, although it is not known how much is used; in words, the first time.
    Unknown(Option<String>),
    /// The run is to stop.
    Stopped,
    /// It may not; what that is a fault of, and why.
    Over(Fault, String),
}

/// The guard of the sessions of a run; a played session uses nothing of a plan.
fn guard(kit: &Toolkit) -> Option<Guard> {
    let plays = kit.rehearsal.is_some();
    Guard::of(&kit.settings, &kit.env, Some(&kit.repository)).filter(|_| !plays)
}

/// Waits until a session may start.
pub(super) async fn pass(kit: &Toolkit, tell: Tell<'_>, stop: &mut StopSignal) -> Pass {
    if let Err((fault, why)) = limits::within_day(kit).await {
        return Pass::Over(fault, why);
    }
    let guard = guard(kit);
    let passed = match &guard {
        Some(guard) => by_plan(guard, tell, stop).await,
        None => Pass::Free,
    };
    match passed {
        Pass::Free => match limits::within_share(kit, guard.as_ref()).await {
            Ok(None) => Pass::Free,
            Ok(why) => Pass::Unknown(why),
            Err((fault, why)) => Pass::Over(fault, why),
        },
        other => other,
    }
}

/// Waits for the account's plan.
async fn by_plan(guard: &Guard, tell: Tell<'_>, stop: &mut StopSignal) -> Pass {
    match guard.pass(&Timestamp::now, &|why, until| tell(why, Some(until)), stop).await {
        Leave::Start => Pass::Free,
        Leave::Unknown(why) => {
            let first = !SAID.swap(true, Ordering::Relaxed);
            Pass::Unknown(first.then(|| {
                let why = format!("it is not known how much of the plan is used, and it goes on: {why}");
                tracing::warn!("{why}");
                why
            }))
        }
        Leave::Stopped => Pass::Stopped,
        Leave::TooLong(why) => {
            Pass::Over(Fault::Quota, format!("{why}: later than `quota_guard.max_wait` allows"))
        }
    }
}

/// Waits until the session of a call may start. Gives the outcome of the call when it may not.
pub(super) async fn before(
    kit: &Toolkit,
    call: &Call,
    watch: Watch<'_>,
    stop: &mut StopSignal,
) -> Option<Outcome> {
    let tell = |why, until| watch(Live::Waiting { step: call.step.clone(), why, until });
    match pass(kit, &tell, stop).await {
        Pass::Free | Pass::Unknown(None) => None,
        Pass::Unknown(Some(target)) => {
            watch(Live::Doing { step: call.step.clone(), tool: "quota".to_owned(), target });
            None
        }
        Pass::Stopped => Some(Outcome { cut_off: true, ..ended("the run is to stop".to_owned()) }),
        Pass::Over(fault, why) => Some(Outcome { fault: Some(fault), label: label(fault), ..ended(why) }),
    }
}

/// The limit that ended a session. One that the client got past, with another model or for money, is none.
fn limit(verdict: &SkillResult) -> Option<&Limit> {
    verdict.refused.as_ref().filter(|_| verdict.subtype == "rate_limited")
}

/// Remembers the limit that ended a session.
pub(super) async fn after(kit: &Toolkit, verdict: &SkillResult) {
    let Some(limit) = limit(verdict).cloned() else { return };
    let Some(guard) = guard(kit) else { return };
    blocking(move || guard.refused(&limit.window, limit.resets_at, Timestamp::now())).await;
}

/// Waits for the reset that a session was told when the account's limits refused it. Gives how long that took; `None` when no reset
/// is known that is near enough to wait for, and nothing was done.
pub(super) async fn reset(
    kit: &Toolkit,
    verdict: &SkillResult,
    tell: Tell<'_>,
    stop: &mut StopSignal,
) -> Option<(Waited, Duration)> {
    let limit = limit(verdict)?;
    let guard = guard(kit)?;
    let until = retry_at(Some(limit.resets_at), guard.rules().buffer, guard.max_wait(), Timestamp::now())?;
    let tell = |_: Duration| {
        let at = told(until, Timestamp::now(), &TimeZone::system());
        tell(format!("the account's limit is reached: another try at {at}"), Some(until));
    };
    let began = tokio::time::Instant::now();
    let waited = wait_until(until, &Timestamp::now, &tell, stop).await;
    Some((waited, began.elapsed()))
}

fn label(fault: Fault) -> String {
    let label = match fault {
        Fault::Day => "daily limit",
        Fault::Share => "quota share",
        Fault::Environment => "cannot run",
        _ => "quota",
    };
    label.to_owned()
}

/// The outcome of a session that did not start.
fn ended(why: String) -> Outcome {
    Outcome {
        ok: false,
        label: "quota".to_owned(),
        result: json!({ "success": false, "error": why }),
        summary: why,
        retry: RetryReason::None,
        fault: None,
        usage: None,
        cut_off: false,
    }
}

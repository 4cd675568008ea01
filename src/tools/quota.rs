//! The account's limits, around one session: it waits before it starts, and a refusal is remembered for those after it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use super::Toolkit;
use crate::core::stop::StopSignal;
use crate::core::threads::blocking;
use crate::engine::event::{Fault, Live};
use crate::engine::host::{Call, Outcome, Watch};
use crate::execution::facts::Limit;
use crate::execution::quota::guard::{Guard, Leave};
use crate::execution::quota::wait::{Waited, retry_at, told, wait_until};
use crate::execution::verdict::{RetryReason, SkillResult};

/// Whether it was said that the windows are not known: once is enough for a process.
static SAID: AtomicBool = AtomicBool::new(false);

/// The guard of the sessions of a run; a played session uses nothing of a plan.
fn guard(kit: &Toolkit) -> Option<Guard> {
    let plays = kit.rehearsal.is_some();
    Guard::of(&kit.settings, &kit.env, Some(&kit.repository)).filter(|_| !plays)
}

/// Waits until a session may start. Gives the outcome of the call when it may not.
pub(super) async fn before(
    kit: &Toolkit,
    call: &Call,
    watch: Watch<'_>,
    stop: &mut StopSignal,
) -> Option<Outcome> {
    let guard = guard(kit)?;
    let tell = |why: String| watch(Live::Waiting { step: call.step.clone(), why });
    match guard.pass(&Timestamp::now, &tell, stop).await {
        Leave::Start => None,
        Leave::Unknown(why) => {
            if !SAID.swap(true, Ordering::Relaxed) {
                let target = format!("it is not known how much of the plan is used, and it goes on: {why}");
                tracing::warn!("{target}");
                watch(Live::Doing { step: call.step.clone(), tool: "quota".to_owned(), target });
            }
            None
        }
        Leave::Stopped => Some(Outcome { cut_off: true, ..ended("the run is to stop".to_owned()) }),
        Leave::TooLong(why) => Some(Outcome {
            fault: Some(Fault::Quota),
            ..ended(format!("{why}: later than `quota_guard.max_wait` allows"))
        }),
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
    call: &Call,
    verdict: &SkillResult,
    watch: Watch<'_>,
    stop: &mut StopSignal,
) -> Option<(Waited, Duration)> {
    let limit = limit(verdict)?;
    let guard = guard(kit)?;
    let until = retry_at(Some(limit.resets_at), guard.rules().buffer, guard.max_wait(), Timestamp::now())?;
    let tell = |_: Duration| {
        let until = told(until, Timestamp::now(), &TimeZone::system());
        let why = format!("the account's limit is reached: another try at {until}");
        watch(Live::Waiting { step: call.step.clone(), why });
    };
    let began = tokio::time::Instant::now();
    let waited = wait_until(until, &Timestamp::now, &tell, stop).await;
    Some((waited, began.elapsed()))
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

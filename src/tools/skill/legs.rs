//! One session, and the turns that it may take: a service that did not answer is waited for, and an answer without all of its declared outputs
//! is asked for once more. All of them are the same session: its id, its transcript, its limits.

use std::ffi::OsString;
use std::path::Path;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indexmap::IndexMap;
use tokio::time::Instant;

use super::{LEAST_BUDGET, Prepared, tell};
use crate::core::stop::{Stop, StopSignal, more_urgent};
use crate::core::text::first_line;
use crate::core::threads::blocking;
use crate::core::usage::Usage;
use crate::engine::event::Live;
use crate::engine::host::{Call, Watch};
use crate::execution::client::{SessionSpec, renewal};
use crate::execution::facts::Update;
use crate::execution::quota::wait::Waited;
use crate::execution::race::Policy;
use crate::execution::session::{self, Ended, Glimpse, Session};
use crate::execution::verdict::{RetryReason, SkillResult, missing};
use crate::tools::{Toolkit, prompt, quota};
use crate::workspace::ledger::Ledger;

/// How long the turn may take that only asks for an answer: no work is done in it.
const ANSWERING: Duration = Duration::from_secs(300);
/// How many resets of the account's limits a session waits for.
const RESETS: u32 = 3;
/// A wait for another session's renewal that is shorter is not told.
const UNSAID: Duration = Duration::from_secs(1);
/// The longest wait between two tries of a service that does not answer.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// What is to happen after a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Then {
    /// It is over.
    Over,
    /// These outputs are asked for.
    Ask(Vec<String>),
    /// The service is tried again after this time.
    Wait(Duration),
}

/// Which turns there were.
#[derive(Debug, Clone, Copy, Default)]
struct So {
    asked: bool,
    waits: u32,
    waited: Duration,
    /// How often a limit's reset was waited for.
    resets: u32,
    /// How long that took.
    idle: Duration,
}

/// How long a service that does not answer is waited for.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// All in all.
    whole: Duration,
    /// Before the second try; each further wait is twice as long.
    first: Duration,
}

/// What follows from a verdict. Only what says nothing about the work is tried again: the login is not waited for.
fn then(verdict: &SkillResult, missing: Vec<String>, so: So, patience: Patience, can_ask: bool) -> Then {
    let unanswered = matches!(verdict.subtype.as_str(), "rate_limited" | "service_unavailable");
    if verdict.infrastructure && unanswered {
        let wait = patience.first.saturating_mul(2u32.saturating_pow(so.waits)).min(LONGEST_WAIT);
        let left = patience.whole.saturating_sub(so.waited);
        return if left.is_zero() { Then::Over } else { Then::Wait(wait.min(left)) };
    }
    let incomplete = verdict.retry_reason == RetryReason::ContractRecovery && !missing.is_empty();
    if incomplete && can_ask && !so.asked { Then::Ask(missing) } else { Then::Over }
}

/// Runs the session to its end. A recording of it has all of its turns on one tape.
pub(super) async fn run(
    kit: &Toolkit,
    call: &Call,
    prepared: &Prepared,
    watch: Watch<'_>,
    stop: StopSignal,
) -> Ended {
    let ended = turns(kit, call, prepared, watch, stop).await;
    if let Some(tape) = &prepared.tape {
        tape.finish(ended.exit);
    }
    ended
}

async fn turns(
    kit: &Toolkit,
    call: &Call,
    prepared: &Prepared,
    watch: Watch<'_>,
    mut stop: StopSignal,
) -> Ended {
    let (cwd, repository) = (prepared.spec.cwd.clone(), kit.repository.clone());
    let ledger = blocking(move || Ledger::open(&cwd, &repository)).await;
    let turn = match &prepared.config_dir {
        Some(dir) if !prepared.client.player => {
            turn_to_renew(call, &prepared.env, dir, watch, &mut stop).await
        }
        _ => None,
    };
    let turn = Mutex::new(turn);
    let glimpse = |glimpse: Glimpse| {
        if matches!(glimpse, Glimpse::Update(Update::Doing(_) | Update::Saying(_))) {
            // The model has answered, so the login is good: the next session may start.
            drop(turn.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
        tell(call, watch, &prepared.spec.session_id, glimpse);
    };
    let settings = &kit.settings.run_skill;
    let patience = Patience {
        whole: Duration::from_secs(settings.service_patience),
        first: Duration::from_secs(settings.service_backoff),
    };
    let (mut spec, mut policy) = (prepared.spec.clone(), prepared.policy.clone());
    let (mut so, mut used, mut asked_for) = (So::default(), Usage::default(), Vec::new());
    let mut by_model: IndexMap<String, Usage> = IndexMap::new();
    let began = Instant::now();
    loop {
        let spent = used.cost_usd;
        spec.budget_usd = prepared.spec.budget_usd.map(|whole| (whole - spent).max(LEAST_BUDGET));
        let session = Session {
            spec: &spec,
            client: &prepared.client,
            warden: &kit.warden,
            env: &prepared.env,
            policy: &policy,
            outputs: &prepared.outputs,
            writes: prepared.writes,
            ledger: ledger.as_ref(),
            transcript: prepared.transcript.as_deref(),
            place: Some(&prepared.place),
            dir: &prepared.dir,
            redactor: &kit.redactor,
            tape: prepared.tape.as_ref(),
        };
        let mut ended = session::run(session, &glimpse, stop.clone()).await;
        // Before any wait: sessions of other runs are to know of it meanwhile.
        quota::after(kit, &ended.verdict).await;
        used += ended.verdict.usage;
        ended.verdict.usage = used;
        for (model, usage) in std::mem::take(&mut ended.verdict.usage_by_model) {
            *by_model.entry(model).or_default() += usage;
        }
        ended.verdict.usage_by_model.clone_from(&by_model);
        if !asked_for.is_empty() && ended.verdict.success {
            ended.verdict.because.push(format!("it was asked once more for {}", asked_for.join(", ")));
        }
        if *stop.borrow() != Stop::No {
            return ended;
        }
        let can_ask = !prepared.client.player && has_transcript(prepared);
        match then(&ended.verdict, missing(&prepared.outputs, &ended.verdict.outputs), so, patience, can_ask)
        {
            Then::Over => return ended,
            Then::Ask(missing) => {
                let found = ended.verdict.because.get(1..).unwrap_or_default();
                let Ok(prompt) = prompt::missing(&missing, found, &prepared.outputs) else { return ended };
                let why = format!("its answer lacks {}: it is asked once more", missing.join(", "));
                watch(Live::Waiting { step: call.step.clone(), why });
                spec = SessionSpec { continues: true, prompt, ..prepared.spec.clone() };
                policy = Policy { wall_clock: ANSWERING, ..prepared.policy.clone() };
                (so.asked, asked_for) = (true, missing);
            }
            Then::Wait(wait) => {
                let reset = match so.resets < RESETS {
                    true => quota::reset(kit, call, &ended.verdict, watch, &mut stop).await,
                    false => None,
                };
                so = match reset {
                    Some((Waited::Stopped, _)) => return ended,
                    // An account's limit says itself when another try makes sense; that is not the service's patience.
                    Some((Waited::Over, took)) => So { resets: so.resets + 1, idle: so.idle + took, ..so },
                    None => {
                        let why = ended.verdict.because.first();
                        let why = why.map(|why| first_line(why).to_owned()).unwrap_or_default();
                        let seconds = wait.as_secs_f64().ceil();
                        watch(Live::Waiting {
                            step: call.step.clone(),
                            why: format!("{why}; another try in {seconds} s"),
                        });
                        tokio::select! {
                            () = tokio::time::sleep(wait) => {}
                            _ = more_urgent(&mut stop, Stop::No) => return ended,
                        }
                        So { waits: so.waits + 1, waited: so.waited + wait, ..so }
                    }
                };
                if let Some(next) = again(prepared, &spec) {
                    spec = next;
                }
                // What a session takes counts, and what it waits does not.
                let taken = began.elapsed().saturating_sub(so.waited + so.idle);
                let left = prepared.policy.wall_clock.saturating_sub(taken);
                policy = Policy { wall_clock: left.max(Duration::from_secs(1)), ..policy };
            }
        }
    }
}

/// The turn of a session that may renew the login; none when the run is to stop, which the session then finds itself.
async fn turn_to_renew(
    call: &Call,
    env: &[(OsString, OsString)],
    config_dir: &Path,
    watch: Watch<'_>,
    stop: &mut StopSignal,
) -> Option<renewal::Turn> {
    let mut turn = pin!(renewal::turn(env, config_dir));
    let mut told = false;
    loop {
        tokio::select! {
            biased;
            turn = &mut turn => return Some(turn),
            _ = more_urgent(stop, Stop::No) => return None,
            () = tokio::time::sleep(UNSAID), if !told => {
                let why = "another session renews the login".to_owned();
                watch(Live::Waiting { step: call.step.clone(), why });
                told = true;
            }
        }
    }
}

/// The session once more: continued where it left a transcript, else from the beginning.
fn again(prepared: &Prepared, last: &SessionSpec) -> Option<SessionSpec> {
    if !has_transcript(prepared) {
        return None;
    }
    let prompt = prompt::continued().ok()?;
    Some(SessionSpec { continues: true, prompt, ..last.clone() })
}

fn has_transcript(prepared: &Prepared) -> bool {
    prepared.transcript.as_ref().is_some_and(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_waited_for_and_a_login_is_not() {
        let patience = Patience { whole: Duration::from_secs(100), first: Duration::from_secs(30) };
        let verdict = |subtype: &str| SkillResult {
            subtype: subtype.into(),
            infrastructure: true,
            ..SkillResult::default()
        };
        let after = |waits, waited| So { waits, waited: Duration::from_secs(waited), ..So::default() };
        let next = |subtype: &str, so| then(&verdict(subtype), vec![], so, patience, true);
        assert_eq!(next("rate_limited", after(0, 0)), Then::Wait(Duration::from_secs(30)));
        assert_eq!(next("service_unavailable", after(1, 30)), Then::Wait(Duration::from_secs(60)));
        assert_eq!(
            next("service_unavailable", after(2, 90)),
            Then::Wait(Duration::from_secs(10)),
            "as long as there is patience"
        );
        assert_eq!(next("service_unavailable", after(3, 100)), Then::Over);
        assert_eq!(next("authentication_failed", after(0, 0)), Then::Over);
        let none = Patience { whole: Duration::ZERO, ..patience };
        assert_eq!(then(&verdict("rate_limited"), vec![], after(0, 0), none, true), Then::Over);
        let endless = Patience { whole: Duration::MAX, first: Duration::from_secs(30) };
        assert_eq!(
            then(&verdict("rate_limited"), vec![], after(40, 0), endless, true),
            Then::Wait(LONGEST_WAIT)
        );
    }

    #[test]
    fn what_is_missing_is_asked_for_once_and_only_then() {
        let patience = Patience { whole: Duration::ZERO, first: Duration::ZERO };
        let lacks = SkillResult { retry_reason: RetryReason::ContractRecovery, ..SkillResult::default() };
        let missing = || vec!["verdict".to_owned()];
        let asked = So { asked: true, ..So::default() };
        assert_eq!(then(&lacks, missing(), So::default(), patience, true), Then::Ask(missing()));
        assert_eq!(then(&lacks, missing(), asked, patience, true), Then::Over);
        assert_eq!(then(&lacks, missing(), So::default(), patience, false), Then::Over);
        assert_eq!(then(&SkillResult::default(), missing(), So::default(), patience, true), Then::Over);
    }
}

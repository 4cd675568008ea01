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
use crate::execution::race::{Policy, Termination};
use crate::execution::record::Denial;
use crate::execution::session::{self, Ended, Glimpse, Session};
use crate::execution::verdict::{RetryReason, SkillResult, missing};
use crate::skills::Writes;
use crate::tools::patience::Patience;
use crate::tools::quota::Tell;
use crate::tools::{Toolkit, limits, prompt, quota};
use crate::workspace::ledger::Ledger;

/// How long the turn may take that only asks for an answer: no work is done in it.
const ANSWERING: Duration = Duration::from_secs(300);
/// A wait for another session's renewal that is shorter is not told.
const UNSAID: Duration = Duration::from_secs(1);
/// The outputs that are to be asked for once more; none when that makes no sense.
fn to_ask(verdict: &SkillResult, missing: Vec<String>, can_ask: bool) -> Option<Vec<String>> {
    let unanswered = matches!(verdict.retry_reason, RetryReason::ContractRecovery | RetryReason::EmptyOutput);
    let incomplete = unanswered && verdict.subtype != "unparseable" && !missing.is_empty();
    (incomplete && can_ask).then_some(missing)
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
    let tell_wait = |why, until| watch(Live::Waiting { step: call.step.clone(), why, until });
    let turn = match &prepared.config_dir {
        Some(dir) if !prepared.client.player => {
            turn_to_renew(&prepared.env, dir, &tell_wait, &mut stop).await
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
    let mut patience = Patience::of(kit);
    let (mut spec, mut policy) = (prepared.spec.clone(), prepared.policy.clone());
    let (mut used, mut asked_for) = (Usage::default(), Vec::new());
    let mut by_model: IndexMap<String, Usage> = IndexMap::new();
    let (mut earlier, mut taken_up) = (None, false);
    // What an earlier try, or a part before a cut, did is not seen anew on the disk.
    let whole = !prepared.spec.continues && call.attempt == 1;
    let began = Instant::now();
    loop {
        let spent = used.cost_usd;
        spec.budget_usd = prepared.spec.budget_usd.map(|whole| (whole - spent).max(LEAST_BUDGET));
        let temp = kit.repository.join(&kit.settings.workspace.temp_dir);
        let session = Session {
            spec: &spec,
            client: &prepared.client,
            warden: &kit.warden,
            env: &prepared.env,
            policy: &policy,
            outputs: &prepared.outputs,
            writes: match prepared.writes {
                Writes::Always if !whole => Writes::Conditional,
                writes => writes,
            },
            ledger: ledger.as_ref(),
            temp: Some(&temp),
            transcript: prepared.transcript.as_deref(),
            place: Some(&prepared.place),
            dir: &prepared.dir,
            redactor: &kit.redactor,
            tape: prepared.tape.as_ref(),
        };
        let before = used;
        let glimpse = |seen: Glimpse| {
            glimpse(match seen {
                // People see what all of its turns used.
                Glimpse::Used(mut usage) => {
                    usage += before;
                    Glimpse::Used(usage)
                }
                other => other,
            });
        };
        let mut ended = session::run(session, &glimpse, stop.clone()).await;
        // Before any wait: sessions of other runs are to know of it meanwhile.
        quota::after(kit, &ended.verdict).await;
        let cost = ended.verdict.usage.cost_usd;
        limits::cost(kit, Some(&call.step), &prepared.spec.session_id, cost).await;
        used += ended.verdict.usage;
        ended.verdict.usage = used;
        for (model, usage) in std::mem::take(&mut ended.verdict.usage_by_model) {
            *by_model.entry(model).or_default() += usage;
        }
        ended.verdict.usage_by_model.clone_from(&by_model);
        merge(&mut ended, earlier.take());
        if !asked_for.is_empty() && ended.verdict.success {
            ended.verdict.because.push(format!("it was asked once more for {}", asked_for.join(", ")));
        }
        if *stop.borrow() != Stop::No {
            return ended;
        }
        let can_ask = asked_for.is_empty() && !prepared.client.player && has_transcript(prepared);
        let missing = missing(&prepared.outputs, &ended.verdict.outputs);
        if let Some(missing) = to_ask(&ended.verdict, missing, can_ask) {
            let found = &ended.verdict.because;
            let Ok(prompt) = prompt::missing(found, &prepared.outputs) else { return ended };
            tell_wait(format!("its answer lacks {}: it is asked once more", missing.join(", ")), None);
            spec = SessionSpec { continues: true, prompt, ..prepared.spec.clone() };
            policy = Policy { wall_clock: ANSWERING, ..prepared.policy.clone() };
            asked_for = missing;
            earlier = Some(ended);
            continue;
        }
        let next = again(prepared, &spec);
        if is_lost(&ended) && !taken_up && next.is_some() {
            let why = ended.verdict.because.first().map(|why| first_line(why).to_owned());
            tell_wait(format!("{}: it is taken up where it was", why.unwrap_or_default()), None);
            (taken_up, earlier) = (true, Some(ended));
            spec = next.unwrap_or(spec);
            continue;
        }
        match patience.wait(kit, &ended.verdict, &tell_wait, &mut stop).await {
            None | Some(Waited::Stopped) => return ended,
            Some(Waited::Over) => {}
        }
        earlier = Some(ended);
        // The question after an incomplete answer is put again.
        if let (Some(next), true) = (next, asked_for.is_empty()) {
            spec = next;
        }
        // What a session takes counts, and what it waits does not.
        let taken = began.elapsed().saturating_sub(patience.spent());
        let left = prepared.policy.wall_clock.saturating_sub(taken);
        policy = Policy { wall_clock: left.max(Duration::from_secs(1)), ..policy };
    }
}

/// Whether the client went away in the middle of its work, without a word and not by our doing: killed by the system, most often.
fn is_lost(ended: &Ended) -> bool {
    let label = ended.verdict.subtype.as_str();
    ended.termination == Termination::NaturalExit
        && (matches!(label, "killed" | "drain_race")
            || label == "unparseable" && ended.verdict.retry_reason == RetryReason::EmptyOutput)
}

/// Takes over what was seen of the same session before it was continued.
fn merge(ended: &mut Ended, earlier: Option<Ended>) {
    let Some(earlier) = earlier else { return };
    let (now, then) = (&mut ended.verdict, earlier.verdict);
    let known = |denial: &Denial| now.permission_denials.iter().any(|known| known.id == denial.id);
    let mut denials: Vec<Denial> =
        then.permission_denials.into_iter().filter(|denial| !known(denial)).collect();
    if now.success && !denials.is_empty() {
        let told: Vec<&str> = denials.iter().map(|denial| denial.tool.as_str()).collect();
        now.because.push(format!("calls were refused before it was continued: {}", told.join(", ")));
    }
    denials.append(&mut now.permission_denials);
    now.permission_denials = denials;
    for path in then.write_path_warnings {
        if !now.write_path_warnings.contains(&path) {
            now.write_path_warnings.push(path);
        }
    }
    let mut left = earlier.left;
    left.append(&mut ended.left);
    ended.left = left;
    ended.unlisted = ended.unlisted.saturating_add(earlier.unlisted);
}

/// The turn of a session that may renew the login; none when the run is to stop, which the session then finds itself.
pub(in crate::tools) async fn turn_to_renew(
    env: &[(OsString, OsString)],
    config_dir: &Path,
    tell: Tell<'_>,
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
                tell("another session renews the login".to_owned(), None);
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
    fn what_was_seen_before_it_was_continued_is_kept() {
        let denial = |id: &str| Denial { id: id.into(), tool: "Bash".into(), target: "x".into() };
        let ended = |denials: &[&str], outside: &[&str], unlisted| Ended {
            verdict: SkillResult {
                success: true,
                permission_denials: denials.iter().map(|id| denial(id)).collect(),
                write_path_warnings: outside.iter().map(|&path| path.to_owned()).collect(),
                ..SkillResult::default()
            },
            termination: Termination::NaturalExit,
            exit: None,
            left: Vec::new(),
            unlisted,
            stdout_held: false,
            dropped_lines: 0,
            log_trouble: None,
        };
        let mut now = ended(&["b"], &["/y"], 1);
        merge(&mut now, Some(ended(&["a", "b"], &["/x", "/y"], 2)));
        let ids: Vec<&str> = now.verdict.permission_denials.iter().map(|one| one.id.as_str()).collect();
        assert_eq!((ids, now.unlisted), (vec!["a", "b"], 3));
        assert_eq!(now.verdict.write_path_warnings, ["/y", "/x"]);
        assert_eq!(now.verdict.because, ["calls were refused before it was continued: Bash"]);
        let mut alone = ended(&[], &[], 0);
        merge(&mut alone, None);
        assert!(alone.verdict.because.is_empty());
    }

    #[test]
    fn what_is_missing_is_asked_for_once_and_only_then() {
        let lacks = SkillResult { retry_reason: RetryReason::ContractRecovery, ..SkillResult::default() };
        let missing = || vec!["verdict".to_owned()];
        assert_eq!(to_ask(&lacks, missing(), true), Some(missing()));
        assert_eq!(to_ask(&lacks, missing(), false), None);
        assert_eq!(to_ask(&lacks, Vec::new(), true), None);
        assert_eq!(to_ask(&SkillResult::default(), missing(), true), None);
    }
}

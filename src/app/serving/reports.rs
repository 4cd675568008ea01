//! What was used, how long it took and what failed, as answers: of a run from its journal, of calls outside of a run from what is kept here.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::context::Context;
use super::given;
use super::opening::Open;
use super::told::Answer;
use crate::app::runs;
use crate::core::paths::KitchenDir;
use crate::core::threads::blocking;
use crate::engine::host::Outcome;
use crate::engine::telemetry::{Forgotten, Telemetry};
use crate::execution::verdict::RetryReason;
use crate::pipeline::audit::{Audit, Failure, Streaks, TRIES};
use crate::pipeline::telemetry::timings::TimingLog;
use crate::pipeline::telemetry::tokens::{ByModel, TokenLog, Used};
use crate::pipeline::telemetry::{NO_RUN, canonical};
use crate::tools::reports::{self, Format, Numbers};

/// What one life of a server used.
#[derive(Debug, Default)]
pub(super) struct Spent {
    free: Mutex<Free>,
    /// The runs that it drove, and what was asked to forget of them.
    runs: Mutex<IndexMap<String, Forgotten>>,
    streaks: Streaks,
}

/// Calls outside of a run.
#[derive(Debug, Default)]
struct Free {
    tokens: TokenLog,
    timings: TimingLog,
}

impl Spent {
    /// A run that the server drives from now on.
    pub(super) fn drives(&self, run: &str) {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).entry(run.to_owned()).or_default();
    }

    /// Takes a call outside of a run. A skill that failed too often in a row is not to be tried again: its outcome says so afterwards.
    pub(super) fn takes(
        &self,
        audit: &Audit,
        (step, what): (&str, &str),
        outcome: &mut Outcome,
        elapsed_ms: u64,
    ) {
        {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            free.timings.record(NO_RUN, step, elapsed_ms, true);
            if let Some(usage) = outcome.usage {
                let models = outcome.result.get("usage_by_model").cloned().unwrap_or_default();
                let models: ByModel = serde_json::from_value(models).unwrap_or_default();
                free.tokens.record(NO_RUN, step, Used { usage, models: &models, elapsed_ms, is_new: true });
            }
        }
        // Only sessions have a reason to be tried again.
        if outcome.retry == RetryReason::None {
            if !outcome.cut_off {
                self.streaks.over(what);
            }
        } else if self.streaks.failed(what) > TRIES {
            outcome.retry = RetryReason::BudgetExhausted;
            outcome.result["needs_retry"] = json!(false);
            outcome.result["retry_reason"] = json!(RetryReason::BudgetExhausted);
            let why = format!("it failed more than {TRIES} times in a row: do something else");
            outcome.summary = format!("{}; {why}", outcome.summary);
        }
        if !outcome.ok && !outcome.cut_off {
            audit.record(Failure {
                timestamp: jiff::Timestamp::now(),
                step: canonical(step).to_owned(),
                skill_command: what.to_owned(),
                subtype: outcome.label.clone(),
                stderr: outcome.summary.clone(),
                ..Failure::told(&outcome.result)
            });
        }
    }
}

/// Answers a call of one of the tools of reports but `get_pipeline_report`.
pub(super) async fn tell(
    context: &Arc<Context>,
    open: &Arc<Open>,
    tool: &'static str,
    given: Map<String, Value>,
) -> Answer {
    let (context, open) = (Arc::clone(context), Arc::clone(open));
    blocking(move || told(&context, &open, tool, &given)).await
}

fn told(context: &Context, open: &Open, tool: &str, given: &Map<String, Value>) -> Answer {
    let bad = |why: String| Answer::refused("bad_arguments", why);
    if tool == "get_quota_events" {
        return match reports::looks(given::text(given, "n").as_deref()) {
            Ok(at_most) => Answer::of(reports::quota_events(&open.kit, at_most)),
            Err(why) => bad(why),
        };
    }
    let kitchen = &open.kitchen.dir;
    let run = match given::text(given, "order_id").map(|name| runs::find(kitchen, Some(&name))).transpose() {
        Ok(run) => run,
        Err(error) => return Answer::failed(&error),
    };
    let format = match Format::of(given::text(given, "format").as_deref()) {
        Ok(format) => format,
        Err(why) => return bad(why),
    };
    let numbers = match context.spent.numbers(kitchen, run.as_deref()) {
        Ok(numbers) => Numbers { answers: context.responses.report(run.as_deref()), ..numbers },
        Err(why) => return Answer::refused("failed", why),
    };
    let answer = match tool {
        "get_token_summary" => reports::token_summary(&numbers, format),
        "get_timing_summary" => reports::timing_summary(&numbers, format),
        _ => {
            let dir: PathBuf = given::text(given, "output_dir").unwrap_or_default().into();
            match reports::write(&open.kitchen.checkout.top().join(dir), &numbers) {
                Ok(told) => told,
                Err(why) => return Answer::of(json!({ "success": false, "error": why })),
            }
        }
    };
    if given::is_set(given, "clear") {
        let forgets = match tool {
            "get_token_summary" => {
                context.responses.clear(run.as_deref());
                context.spent.forget(
                    kitchen,
                    run.as_deref(),
                    |free| free.tokens.clear(),
                    |all, seq| all.tokens = seq,
                )
            }
            "get_timing_summary" => context.spent.forget(
                kitchen,
                run.as_deref(),
                |free| free.timings.clear(),
                |all, seq| all.timings = seq,
            ),
            _ => Ok(()),
        };
        if let Err(why) = forgets {
            return Answer::refused("failed", why);
        }
    }
    Answer::of(answer)
}

impl Spent {
    /// The numbers of a run, or of all that happened since the server began.
    fn numbers(&self, kitchen: &KitchenDir, run: Option<&str>) -> Result<Numbers, String> {
        let (mut tokens, mut timings) = (TokenLog::default(), TimingLog::default());
        if run.is_none() {
            let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            tokens.merge(&free.tokens);
            timings.merge(&free.timings);
        }
        for (run, forgotten) in self.of(run) {
            let telemetry = read(kitchen, &run, forgotten)?;
            tokens.merge(&telemetry.tokens);
            timings.merge(&telemetry.timings);
        }
        Ok(Numbers { tokens: tokens.report(None), timings: timings.report(None), answers: Vec::new() })
    }

    /// The run that is meant, or all runs of this server, each with what was asked to forget of it.
    fn of(&self, run: Option<&str>) -> Vec<(String, Forgotten)> {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        match run {
            Some(run) => vec![(run.to_owned(), runs.get(run).copied().unwrap_or_default())],
            None => runs.iter().map(|(run, forgotten)| (run.clone(), *forgotten)).collect(),
        }
    }

    /// Forgets what is told of a run, or of everything: entries of journals that are there by now are not told any more.
    fn forget(
        &self,
        kitchen: &KitchenDir,
        run: Option<&str>,
        free: impl Fn(&mut Free),
        mark: impl Fn(&mut Forgotten, u64),
    ) -> Result<(), String> {
        if run.is_none() {
            free(&mut self.free.lock().unwrap_or_else(PoisonError::into_inner));
        }
        for (run, forgotten) in self.of(run) {
            let seq = read(kitchen, &run, forgotten)?.seq();
            let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
            mark(runs.entry(run).or_default(), seq);
        }
        Ok(())
    }
}

fn read(kitchen: &KitchenDir, run: &str, forgotten: Forgotten) -> Result<Telemetry, String> {
    reports::of_run(&kitchen.run(run), forgotten).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::usage::Usage;

    fn stale() -> Outcome {
        Outcome {
            ok: false,
            label: "stale".to_owned(),
            summary: "it hung".to_owned(),
            result: json!({ "needs_retry": true, "retry_reason": "stale", "exit_code": 1 }),
            retry: RetryReason::Stale,
            fault: None,
            usage: Some(Usage { output: 5, ..Usage::default() }),
            cut_off: false,
        }
    }

    #[test]
    fn a_skill_that_fails_again_and_again_is_not_to_be_tried_again() {
        let (spent, audit) = (Spent::default(), Audit::default());
        let call = |what: &str, mut outcome: Outcome| {
            spent.takes(&audit, ("plan-2", what), &mut outcome, 100);
            (outcome.result["needs_retry"] == true, outcome.result["retry_reason"].clone())
        };
        let long = "x".repeat(300);
        let (this, other) = (format!("{long}a"), format!("{long}b"));
        let tried = || call(&this, stale());
        for _ in 0..TRIES {
            assert_eq!(tried(), (true, json!("stale")));
        }
        assert_eq!(tried(), (false, json!("budget_exhausted")));
        assert_eq!(call(&other, stale()), (true, json!("stale")), "the whole command counts");
        // Whatever else it comes to ends the row; what was cut off is no end.
        call(&this, Outcome { retry: RetryReason::None, cut_off: true, ..stale() });
        assert_eq!(tried(), (false, json!("budget_exhausted")));
        call(&this, Outcome { ok: true, retry: RetryReason::None, ..stale() });
        assert_eq!(tried(), (true, json!("stale")));
        let told = audit.report();
        assert_eq!((told.len(), told[0].step.as_str(), told[0].exit_code), (7, "plan", Some(1)));
        let rows = spent.free.lock().unwrap().tokens.report(None);
        assert_eq!((rows[0].usage.output, rows[0].count), (45, 9));
    }
}

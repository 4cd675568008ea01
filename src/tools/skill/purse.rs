//! What a session may spend, whose money that is, and what it means that it is spent.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::engine::event::Fault;
use crate::engine::host::{Call, Outcome};
use crate::execution::quota::wait::told;
use crate::execution::spend::Day;
use crate::tools::args::Args;
use crate::tools::{refused, unfit};

/// What this try may spend of what its step says, in dollars: earlier tries of the same visit spent some of it.
pub(super) fn own_budget(call: &Call) -> Result<Option<f64>, Box<Outcome>> {
    let budget =
        Args::of(&call.params).number("budget_usd").map_err(|why| Box::new(refused(call.tool, &why)))?;
    let left = budget.map(|budget| budget - call.spent);
    match (budget, left) {
        (Some(budget), Some(left)) if call.spent > 0.0 && left < LEAST_BUDGET => {
            let why = format!("its earlier tries spent ${:.2} of its ${budget:.2}", call.spent);
            Err(Box::new(Outcome {
                label: BUDGET_EXHAUSTED.to_owned(),
                result: json!({ "success": false, "subtype": BUDGET_EXHAUSTED, "error": why }),
                summary: why,
                fault: None,
                ..unfit("")
            }))
        }
        _ => Ok(left),
    }
}

/// The verdict on a session that spent what it may spend.
const BUDGET_EXHAUSTED: &str = "budget_exhausted";

/// An outcome with what it means that the session's money was spent: when that was the rest of the run's or of the day's, the run ends.
pub(super) fn within_budget(call: &Call, purse: Purse, day: Option<&Day>, outcome: Outcome) -> Outcome {
    if outcome.label != BUDGET_EXHAUSTED {
        return outcome;
    }
    let summary = match (purse, call.budget_left, day) {
        (Purse::Run, Some(left), _) => {
            format!("the session spent the last ${left:.2} of the run's budget and is not done")
        }
        (Purse::Day, _, Some(day)) => day_is_spent(day),
        _ => return outcome,
    };
    Outcome { fault: purse.fault(), summary, ..outcome }
}

/// That a session spent the rest of the day, in words.
pub(in crate::tools) fn day_is_spent(day: &Day) -> String {
    let until = told(day.until, Timestamp::now(), &TimeZone::system());
    format!(
        "the session spent the last ${:.2} of the day (`limits.daily_usd`) and is not done: it can go on from {until}",
        day.left()
    )
}

/// Whose money is the least that is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tools) enum Purse {
    /// The step's, or nobody's.
    Step,
    /// The run's.
    Run,
    /// The day's.
    Day,
}

impl Purse {
    /// What it is a fault of when it is empty.
    pub(in crate::tools) fn fault(self) -> Option<Fault> {
        match self {
            Self::Step => None,
            Self::Run => Some(Fault::Budget),
            Self::Day => Some(Fault::Day),
        }
    }
}

/// What a session may spend, in dollars, and whose that is: the least of what is left of its step's, the run's and the day's.
pub(in crate::tools) fn budget(
    own: Option<f64>,
    run: Option<f64>,
    day: Option<&Day>,
) -> (Option<f64>, Purse) {
    let purses = [(run, Purse::Run), (day.map(Day::left), Purse::Day), (own, Purse::Step)];
    let left = purses.into_iter().filter_map(|(left, purse)| Some((left?, purse)));
    match left.reduce(|least, other| if other.0 < least.0 { other } else { least }) {
        Some((left, purse)) => (Some(left.max(LEAST_BUDGET)), purse),
        None => (None, Purse::Step),
    }
}

/// The least budget that the client takes for one, in dollars.
pub(super) const LEAST_BUDGET: f64 = 0.0001;

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_session_may_spend_what_its_step_says_and_no_more_than_is_left() {
        use Purse::{Day as OfDay, Run, Step};
        let cases = [
            (None, None, None, (None, Step)),
            (Some(0.5), None, None, (Some(0.5), Step)),
            (Some(0.5), Some(2.0), None, (Some(0.5), Step)),
            (Some(5.0), Some(2.0), None, (Some(2.0), Run)),
            (Some(2.0), Some(2.0), None, (Some(2.0), Run)),
            (None, Some(2.0), None, (Some(2.0), Run)),
            (None, Some(0.0), None, (Some(LEAST_BUDGET), Run)),
            (None, None, Some(3.0), (Some(3.0), OfDay)),
            (Some(4.0), Some(5.0), Some(3.0), (Some(3.0), OfDay)),
            (Some(3.0), Some(5.0), Some(3.0), (Some(3.0), OfDay)),
            (Some(4.0), Some(2.0), Some(3.0), (Some(2.0), Run)),
            (Some(1.0), Some(2.0), Some(3.0), (Some(1.0), Step)),
            (None, Some(2.0), Some(0.0), (Some(LEAST_BUDGET), OfDay)),
        ];
        for (own, run, left, expected) in cases {
            let day =
                left.map(|left| Day { spent_usd: 1.0, limit_usd: 1.0 + left, until: Timestamp::UNIX_EPOCH });
            assert_eq!(budget(own, run, day.as_ref()), expected, "{own:?} {run:?} {left:?}");
        }
    }

    #[test]
    fn tries_of_one_visit_share_the_steps_budget() {
        let call = |budget: Value, spent| Call {
            step: "s".into(),
            visit: 1,
            attempt: 2,
            tool: crate::catalog::tool("run_skill").unwrap(),
            params: json!({ "skill": "x", "budget_usd": budget }),
            session: None,
            budget_left: None,
            spent,
        };
        let own = |budget, spent| {
            own_budget(&call(budget, spent)).map_err(|outcome| (outcome.label, outcome.fault))
        };
        assert_eq!(own(json!(null), 3.0), Ok(None));
        assert_eq!(own(json!("2.5"), 0.0), Ok(Some(2.5)));
        assert_eq!(own(json!(2.5), 1.0), Ok(Some(1.5)));
        assert_eq!(own(json!(2.5), 2.5), Err(("budget_exhausted".into(), None)));
        assert_eq!(own(json!(2.5), 9.0), Err(("budget_exhausted".into(), None)));
        assert_eq!(own(json!("much"), 0.0), Err(("bad arguments".into(), Some(Fault::Recipe))));
    }
}

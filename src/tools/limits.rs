//! The limits that a user sets beside the account's own: what all runs may spend in a day, and how much of the account's windows one run
//! may use. Looked at before each session; what a session cost is written down after it.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::Toolkit;
use crate::core::paths::RunDir;
use crate::core::threads::blocking;
use crate::engine::event::Fault;
use crate::execution::quota::guard::{Guard, Reading, percent};
use crate::execution::quota::share::{Baseline, Share};
use crate::execution::quota::wait::told;
use crate::execution::quota::window::{Rules, Window};
use crate::execution::spend::{Cost, Costs, Day};

/// Why a session may not start, and what that is a fault of.
pub(super) type Over = (Fault, String);

/// How the day stands; `None` when it has no limit, and in a rehearsal, which costs nothing.
pub(super) async fn today(kit: &Toolkit) -> Result<Option<Day>, Over> {
    if kit.rehearsal.is_some() {
        return Ok(None);
    }
    let limits = kit.settings.limits;
    blocking(move || Day::of(limits, &Zoned::now())).await.map_err(|error| {
        let why =
            format!("what was spent today cannot be kept, and `limits.daily_usd` sets a limit: {error}");
        (Fault::Environment, why)
    })
}

/// Whether something is left of the day.
pub(super) async fn within_day(kit: &Toolkit) -> Result<(), Over> {
    match today(kit).await? {
        Some(day) if day.left() <= 0.0 => {
            Err((Fault::Day, spent(&day, Timestamp::now(), &TimeZone::system())))
        }
        _ => Ok(()),
    }
}

/// That the day's limit is reached, in words.
pub(super) fn spent(day: &Day, now: Timestamp, zone: &TimeZone) -> String {
    let until = told(day.until, now, zone);
    format!(
        "the ${:.2} of `limits.daily_usd` are spent for today (${:.2}): it can go on from {until}",
        day.limit_usd, day.spent_usd
    )
}

/// Writes down what a session, or a part of one, cost. Whoever cannot be told of it is no reason to stop the work.
pub(super) async fn cost(kit: &Toolkit, step: Option<&str>, session: &str, usd: f64) {
    let Some(costs) = Costs::of_user().filter(|_| kit.rehearsal.is_none() && usd > 0.0) else { return };
    let cost = Cost {
        run: kit.run_dir.root().to_owned(),
        step: step.map(str::to_owned),
        session: session.to_owned(),
        usd,
    };
    blocking(move || {
        if let Err(error) = costs.add(&Zoned::now(), cost) {
            tracing::warn!("cannot write down what a session cost, in {}: {error}", costs.dir().display());
        }
    })
    .await;
}

/// The share of the account's windows that a run may use.
#[derive(Debug)]
pub struct RunShare {
    /// Per cent.
    most: f64,
    /// Where it is kept from where the use is reckoned.
    path: PathBuf,
    looks: Mutex<Looks>,
}

/// What was looked at so far.
#[derive(Debug, Default)]
struct Looks {
    baseline: Option<Baseline>,
    /// Whether it was said that it is not watched: once is enough.
    said: bool,
}

impl RunShare {
    /// For a run that may use `most` per cent.
    #[must_use]
    pub fn new(most: f64, run: &RunDir) -> Self {
        Self { most, path: run.share(), looks: Mutex::default() }
    }

    /// Takes a look at the windows. The words of why the run may not go on, if so.
    fn look(&self, windows: &[Window], rules: &Rules, now: Timestamp) -> Result<(), String> {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        // Who has looked before was at work since.
        let at_work = looks.baseline.is_some();
        let baseline = looks.baseline.get_or_insert_with(|| Baseline::read(&self.path));
        let before = baseline.clone();
        let shares = baseline.take(windows, rules, at_work, now);
        if *baseline != before
            && let Err(error) = baseline.write(&self.path)
        {
            tracing::warn!("cannot write {}: {error}", self.path.display());
        }
        let most = shares.into_iter().reduce(|most, other| if other.used > most.used { other } else { most });
        match most {
            Some(share) if share.used >= self.most => Err(self.used(&share, now, &TimeZone::system())),
            _ => Ok(()),
        }
    }

    fn used(&self, share: &Share, now: Timestamp, zone: &TimeZone) -> String {
        let Share { window, used } = share;
        let (used, most) = (percent(*used), percent(self.most));
        let again = match window.resets_at {
            Some(at) => format!("it can go on when that is reset, {}", told(at, now, zone)),
            None => "it can go on when that is reset".to_owned(),
        };
        format!(
            "while the run was at work, {used} of the account's `{}` limit were used, and its share is {most}: {again}",
            window.name
        )
    }

    /// What is said, once, where the windows are not known.
    fn unwatched(&self, why: &str) -> Option<String> {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let first = !std::mem::replace(&mut looks.said, true);
        first.then(|| format!("the run's share of the plan is not watched: {why}"))
    }
}

/// Whether the run may go on using the account's windows; what is to be said when that is not known.
pub(super) async fn within_share(kit: &Toolkit, guard: Option<&Guard>) -> Result<Option<String>, Over> {
    let Some(share) = kit.share.as_ref().filter(|_| kit.rehearsal.is_none()) else { return Ok(None) };
    let Some(guard) = guard.cloned() else {
        return Ok(share.unwatched("`quota_guard.enabled` is false"));
    };
    let now = Timestamp::now();
    let rules = guard.rules().clone();
    // What is kept may be older than the session that was just over.
    match blocking(move || guard.read(now, true)).await {
        Ok(Reading::Windows { windows, silent: None, .. }) => {
            share.look(&windows, &rules, now).map(|()| None).map_err(|why| (Fault::Share, why))
        }
        Ok(Reading::Windows { silent: Some(why), .. } | Reading::Nothing(why)) => Ok(share.unwatched(&why)),
        Err(error) => Ok(share.unwatched(&error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_that_is_spent_says_when_it_goes_on() {
        let day = Day { spent_usd: 5.021, limit_usd: 5.0, until: at("2026-03-02T00:00:00Z") };
        assert_eq!(
            spent(&day, at("2026-03-01T21:00:00Z"), &TimeZone::UTC),
            "the $5.00 of `limits.daily_usd` are spent for today ($5.02): it can go on from 2026-03-02 00:00 (in 3h 00m)"
        );
    }

    #[test]
    fn a_run_that_used_its_share_says_of_what_and_until_when() {
        let dir = tempfile::tempdir().unwrap();
        let rules = Rules::of(&crate::config::Settings::default().quota_guard);
        let share = || RunShare::new(10.0, &RunDir::at(dir.path().to_owned()));
        let now = at("2026-03-01T21:00:00Z");
        let window = |name: &str, utilization| Window {
            name: name.into(),
            utilization,
            resets_at: Some(at("2026-03-01T22:30:00Z")),
        };
        let run = share();
        let look = |run: &RunShare, five, seven| {
            run.look(&[window("five_hour", five), window("seven_day", seven)], &rules, now)
        };
        assert_eq!(look(&run, 40.0, 50.0), Ok(()));
        assert_eq!(look(&run, 49.9, 51.0), Ok(()));
        let why = look(&run, 50.0, 52.0).unwrap_err();
        assert!(
            why.contains("10 % of the account's `five_hour` limit") && why.contains("(in 1h 30m)"),
            "{why}"
        );
        // Another process that goes on with the run knows of it.
        assert!(look(&share(), 50.0, 52.0).is_err());
        assert!(run.unwatched("x").is_some() && run.unwatched("x").is_none());
    }
}

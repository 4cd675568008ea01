//! How long a model service that does not answer is waited for, and an account's limit.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Toolkit;
use super::quota::{self, Tell};
use crate::core::stop::{Stop, StopSignal, more_urgent};
use crate::core::text::first_line;
use crate::execution::quota::wait::Waited;
use crate::execution::verdict::SkillResult;

/// How many resets of the account's limits are waited for in a row.
const RESETS: u32 = 3;
/// The longest wait between two tries of a service that does not answer.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// How long a service is waited for, and how long it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// All in all.
    whole: Duration,
    /// Before the second try; each further wait is twice as long.
    first: Duration,
    waits: u32,
    waited: Duration,
    /// How often a limit's reset was waited for.
    resets: u32,
    /// How long that took.
    idle: Duration,
}

impl Patience {
    /// As the settings have it.
    #[must_use]
    pub fn of(kit: &Toolkit) -> Self {
        let settings = &kit.settings.run_skill;
        Self::new(
            Duration::from_secs(settings.service_patience),
            Duration::from_secs(settings.service_backoff),
        )
    }

    fn new(whole: Duration, first: Duration) -> Self {
        Self { whole, first, waits: 0, waited: Duration::ZERO, resets: 0, idle: Duration::ZERO }
    }

    /// How long was waited so far.
    #[must_use]
    pub fn spent(&self) -> Duration {
        self.waited + self.idle
    }

    /// How long to wait before another try; `None` when there is nothing to wait for, or no patience left. Only what says nothing about
    /// the work is tried again: the login is not waited for.
    fn next(&self, verdict: &SkillResult) -> Option<Duration> {
        let unanswered = matches!(verdict.subtype.as_str(), "rate_limited" | "service_unavailable");
        let wait = self.first.saturating_mul(2u32.saturating_pow(self.waits)).min(LONGEST_WAIT);
        let left = self.whole.saturating_sub(self.waited);
        (verdict.infrastructure && unanswered && !left.is_zero()).then(|| wait.min(left))
    }

    /// Waits for the service, or for the reset that it stated. `None` when another try makes no sense.
    pub(super) async fn wait(
        &mut self,
        kit: &Toolkit,
        verdict: &SkillResult,
        tell: Tell<'_>,
        stop: &mut StopSignal,
    ) -> Option<Waited> {
        let wait = self.next(verdict)?;
        if self.resets < RESETS
            && let Some((waited, took)) = quota::reset(kit, verdict, tell, stop).await
        {
            // An account's limit says itself when another try makes sense; that is not the service's patience.
            self.resets += 1;
            self.idle += took;
            return Some(waited);
        }
        let why = verdict.because.first().map(|why| first_line(why)).unwrap_or_default();
        let seconds = wait.as_secs_f64().ceil();
        let until =
            SignedDuration::try_from(wait).ok().and_then(|wait| Timestamp::now().checked_add(wait).ok());
        tell(format!("{why}; another try in {seconds} s"), until);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = more_urgent(stop, Stop::No) => return Some(Waited::Stopped),
        }
        self.waits += 1;
        self.waited += wait;
        Some(Waited::Over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_waited_for_and_a_login_is_not() {
        let seconds = Duration::from_secs;
        let verdict = |subtype: &str| SkillResult {
            subtype: subtype.into(),
            infrastructure: true,
            ..SkillResult::default()
        };
        let patience = Patience::new(seconds(100), seconds(30));
        let next = |subtype: &str, waits, waited| {
            Patience { waits, waited: seconds(waited), ..patience }.next(&verdict(subtype))
        };
        assert_eq!(next("rate_limited", 0, 0), Some(seconds(30)));
        assert_eq!(next("service_unavailable", 1, 30), Some(seconds(60)));
        assert_eq!(next("service_unavailable", 2, 90), Some(seconds(10)), "as long as there is patience");
        assert_eq!(next("service_unavailable", 3, 100), None);
        assert_eq!(next("authentication_failed", 0, 0), None);
        let none = Patience::new(Duration::ZERO, seconds(30));
        assert_eq!(none.next(&verdict("rate_limited")), None);
        let endless = Patience { waits: 40, ..Patience::new(Duration::MAX, seconds(30)) };
        assert_eq!(endless.next(&verdict("rate_limited")), Some(LONGEST_WAIT));
        let work = SkillResult { subtype: "rate_limited".into(), ..SkillResult::default() };
        assert_eq!(patience.next(&work), None, "what is no fault of the service");
    }
}

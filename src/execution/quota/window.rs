//! Windows of an account's plan, and which of them binds. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::QuotaGuardSettings;

/// The least wait for a window that does not say when it resets.
const UNKNOWN: Duration = Duration::from_secs(60);

/// A window: a share of the plan that is given anew when it resets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// The service's name for it: `five_hour`, `seven_day`, `seven_day_opus`, ….
    pub name: String,
    /// How much of it is used, in per cent.
    pub utilization: f64,
    /// When it is given anew; `None` when the service does not say.
    pub resets_at: Option<Timestamp>,
}

/// Kinds of windows, which have a threshold each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Of hours.
    Short,
    /// Of days.
    Long,
}

/// What the settings say of windows.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// The threshold of windows of hours; `None`: they do not count.
    pub short: Option<f64>,
    /// The threshold of windows of days; `None`: they do not count.
    pub long: Option<f64>,
    /// Parts of the names of windows of days, in small letters.
    pub patterns: Vec<String>,
    /// How long after its reset a window still counts.
    pub buffer: Duration,
}

/// The window that decides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Binding {
    /// The window.
    pub window: Window,
    /// Its kind.
    pub class: Class,
    /// The use from which sessions wait, in per cent.
    pub threshold: f64,
    /// Whether they do.
    pub blocks: bool,
}

impl Rules {
    /// The rules of these settings.
    #[must_use]
    pub fn of(settings: &QuotaGuardSettings) -> Self {
        Self {
            short: settings.short_window_enabled.then_some(settings.short_window_threshold),
            long: settings.long_window_enabled.then_some(settings.long_window_threshold),
            patterns: settings.long_window_patterns.iter().map(|pattern| pattern.to_lowercase()).collect(),
            buffer: Duration::from_secs(settings.buffer_seconds),
        }
    }

    /// The kind of a window.
    #[must_use]
    pub fn class(&self, name: &str) -> Class {
        let name = name.to_lowercase();
        if self.patterns.iter().any(|pattern| name.contains(pattern.as_str())) {
            Class::Long
        } else {
            Class::Short
        }
    }

    /// The threshold of a window; `None` when it does not count.
    #[must_use]
    pub fn threshold(&self, name: &str) -> Option<f64> {
        match self.class(name) {
            Class::Short => self.short,
            Class::Long => self.long,
        }
    }

    /// From when on a window that resets at this time is free again.
    #[must_use]
    pub fn free_at(&self, resets_at: Timestamp) -> Timestamp {
        let buffer = SignedDuration::try_from(self.buffer).unwrap_or_default();
        resets_at.checked_add(buffer).unwrap_or(resets_at)
    }

    /// The window that decides at `now`: of those at their threshold or above, the one that is given anew last; without such, the one that is
    /// used most. A window whose reset is over, with the buffer, is free whatever was said of it. `None` when no window counts.
    #[must_use]
    pub fn binding(&self, windows: &[Window], now: Timestamp) -> Option<Binding> {
        let counting = windows.iter().filter_map(|window| {
            let threshold = self.threshold(&window.name)?;
            let reset = window.resets_at.is_some_and(|at| self.free_at(at) <= now);
            let utilization = if reset { 0.0 } else { window.utilization };
            let blocks = !reset && utilization >= threshold;
            let window = Window { utilization, ..window.clone() };
            Some(Binding { class: self.class(&window.name), window, threshold, blocks })
        });
        counting.reduce(|best, other| if weighs_more(&other, &best) { other } else { best })
    }

    /// Until when a session waits for this window; `None` when it need not.
    #[must_use]
    pub fn wait(&self, binding: Option<&Binding>, now: Timestamp) -> Option<Timestamp> {
        let binding = binding.filter(|binding| binding.blocks)?;
        Some(match binding.window.resets_at {
            Some(at) => self.free_at(at),
            None => {
                let least = SignedDuration::try_from(self.buffer.max(UNKNOWN)).unwrap_or_default();
                now.checked_add(least).unwrap_or(now)
            }
        })
    }
}

fn weighs_more(one: &Binding, other: &Binding) -> bool {
    match (one.blocks, other.blocks) {
        (true, true) => one.window.resets_at > other.window.resets_at,
        (false, false) => one.window.utilization > other.window.utilization,
        (blocks, _) => blocks,
    }
}

/// The windows in an answer of the service. What has no figure, and what states no reset (money that is spent beside the plan), is none.
#[must_use]
pub fn read(answer: &Value) -> Vec<Window> {
    let entries = answer.as_object().into_iter().flatten();
    entries
        .filter_map(|(name, window)| {
            let resets_at = window.get("resets_at")?;
            Some(Window {
                name: name.clone(),
                utilization: window.get("utilization")?.as_f64()?,
                resets_at: resets_at.as_str().and_then(|at| at.parse().ok()),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    fn rules() -> Rules {
        Rules::of(&crate::config::Settings::default().quota_guard)
    }

    fn window(name: &str, utilization: f64, resets: Option<i64>) -> Window {
        Window { name: name.into(), utilization, resets_at: resets.map(at) }
    }

    /// Name, use, whether it blocks, and the wait in seconds.
    fn told(rules: &Rules, windows: &[Window]) -> Option<(String, f64, bool, Option<i64>)> {
        let binding = rules.binding(windows, at(0));
        let wait = rules.wait(binding.as_ref(), at(0)).map(|until| until.as_second() - at(0).as_second());
        binding.map(|binding| (binding.window.name, binding.window.utilization, binding.blocks, wait))
    }

    #[test]
    fn which_window_binds_and_for_how_long() {
        let some = |name: &str, used, blocks, wait| Some((name.to_owned(), used, blocks, wait));
        let cases = [
            ("none", vec![], None),
            ("below", vec![window("five_hour", 84.9, Some(100))], some("five_hour", 84.9, false, None)),
            ("at it", vec![window("five_hour", 85.0, Some(100))], some("five_hour", 85.0, true, Some(160))),
            (
                "86 % of a week do not block",
                vec![window("seven_day", 86.0, Some(9000)), window("five_hour", 10.0, Some(10))],
                some("seven_day", 86.0, false, None),
            ),
            (
                "99 % do",
                vec![window("seven_day", 99.0, Some(9000))],
                some("seven_day", 99.0, true, Some(9060)),
            ),
            (
                "a model's week",
                vec![window("seven_day_Opus", 97.0, Some(9))],
                some("seven_day_Opus", 97.0, false, None),
            ),
            (
                "the last reset of those that block",
                vec![
                    window("five_hour", 100.0, Some(100)),
                    window("seven_day", 98.0, Some(5000)),
                    window("seven_day_opus", 99.0, Some(4000)),
                ],
                some("seven_day", 98.0, true, Some(5060)),
            ),
            (
                "a used one that does not block weighs less",
                vec![window("seven_day", 97.0, Some(9000)), window("five_hour", 85.0, Some(50))],
                some("five_hour", 85.0, true, Some(110)),
            ),
            (
                "no reset is known",
                vec![window("five_hour", 90.0, None)],
                some("five_hour", 90.0, true, Some(60)),
            ),
            (
                "a known reset weighs more",
                vec![window("five_hour", 90.0, None), window("one_hour", 90.0, Some(10))],
                some("one_hour", 90.0, true, Some(70)),
            ),
            (
                "reset, but not for the buffer",
                vec![window("five_hour", 90.0, Some(-59))],
                some("five_hour", 90.0, true, Some(1)),
            ),
            ("reset", vec![window("five_hour", 90.0, Some(-60))], some("five_hour", 0.0, false, None)),
        ];
        for (name, windows, expected) in cases {
            assert_eq!(told(&rules(), &windows), expected, "{name}");
        }
    }

    #[test]
    fn a_kind_that_does_not_count_is_not_there() {
        let windows = [window("five_hour", 100.0, Some(100)), window("seven_day", 100.0, Some(9000))];
        let names = |rules: Rules| rules.binding(&windows, at(0)).map(|binding| binding.window.name);
        assert_eq!(names(Rules { long: None, ..rules() }).as_deref(), Some("five_hour"));
        assert_eq!(names(Rules { short: None, ..rules() }).as_deref(), Some("seven_day"));
        assert_eq!(names(Rules { short: None, long: None, ..rules() }), None);
    }

    #[test]
    fn an_answer_of_the_service_is_read_leniently() {
        let answer = json!({
            "five_hour": {"utilization": 6, "resets_at": "2026-01-01T05:00:00.123456+00:00"},
            "seven_day": {"utilization": 35.5, "resets_at": "2026-01-04T05:00:00Z"},
            "seven_day_opus": {"utilization": 0.0, "resets_at": null},
            "seven_day_oauth_apps": null,
            "one_hour": {"utilization": null, "resets_at": null},
            "odd": {"utilization": "7", "resets_at": null},
            "odder": {"utilization": 7.0, "resets_at": "soon"},
            "extra_usage": {"is_enabled": true, "utilization": 100.0, "monthly_limit": 10},
        });
        let told: Vec<_> = read(&answer)
            .into_iter()
            .map(|window| (window.name, window.utilization, window.resets_at.map(|at| at.to_string())))
            .collect();
        let expected = [
            ("five_hour", 6.0, Some("2026-01-01T05:00:00.123456Z")),
            ("seven_day", 35.5, Some("2026-01-04T05:00:00Z")),
            ("seven_day_opus", 0.0, None),
            ("odder", 7.0, None),
        ]
        .map(|(name, used, at)| (name.to_owned(), used, at.map(str::to_owned)));
        assert_eq!(told, expected);
        for nothing in [json!(null), json!([1]), json!("x"), json!({"error": {"type": "x"}})] {
            assert_eq!(read(&nothing), []);
        }
    }

    proptest::proptest! {
        #[test]
        fn waiting_ends_what_made_it_wait(
            windows in proptest::collection::vec(
                ("(five_hour|one_hour|seven_day|weekly|x)", 0.0..120.0f64, proptest::option::of(-500i64..500)), 0..6),
            short in proptest::option::of(0.0..100.0f64), long in proptest::option::of(0.0..100.0f64), buffer in 0u64..200,
        ) {
            let rules = Rules { short, long, buffer: Duration::from_secs(buffer), ..rules() };
            let windows: Vec<Window> = windows.iter().map(|(name, used, at)| window(name, *used, *at)).collect();
            let binding = rules.binding(&windows, at(0));
            let wait = rules.wait(binding.as_ref(), at(0));
            let over = |window: &&Window| {
                rules.threshold(&window.name).is_some_and(|limit| window.utilization >= limit)
                    && window.resets_at.is_none_or(|reset| rules.free_at(reset) > at(0))
            };
            // It waits exactly when a window that counts is over its limit and not reset, and then into the future.
            proptest::prop_assert_eq!(wait.is_some(), windows.iter().any(|window| over(&window)));
            if let Some(until) = wait {
                proptest::prop_assert!(until > at(0));
                // Whatever resets at all has done so when the wait is over.
                let still = rules.binding(&windows, until).filter(|binding| binding.blocks);
                proptest::prop_assert!(still.is_none_or(|binding| binding.window.resets_at.is_none()));
            }
        }
    }
}

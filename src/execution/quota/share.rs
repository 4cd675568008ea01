//! How much of the account's windows a run used: what they were used more since it started. Whoever else uses the account meanwhile is
//! counted in, because the service tells only the sum.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::window::{Rules, Window};
use crate::core::files;

/// Version of the file.
const SCHEMA_VERSION: u32 = 1;
/// Resets that are nearer to each other than this are one: the service does not tell them to the second.
const SAME: SignedDuration = SignedDuration::from_mins(10);

/// From where the use of a run is reckoned, in each window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    schema_version: u32,
    windows: Vec<From>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct From {
    name: String,
    resets_at: Option<Timestamp>,
    /// Per cent.
    utilization: f64,
}

/// The use of one window by a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// The window.
    pub window: Window,
    /// How much of it the run used, in per cent.
    pub used: f64,
}

impl Default for Baseline {
    fn default() -> Self {
        Self { schema_version: SCHEMA_VERSION, windows: Vec::new() }
    }
}

impl Baseline {
    /// The file's content; nothing when there is none that is one.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let read: Option<Self> = std::fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        read.filter(|read| read.schema_version == SCHEMA_VERSION).unwrap_or_default()
    }

    /// Writes it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        files::write_json(path, self)
    }

    /// Takes a look at the windows and gives the share of each one that counts. A window that is seen for the first time is reckoned from how
    /// it stands, and one that was given anew while the run was `at_work` from nothing.
    pub fn take(&mut self, windows: &[Window], rules: &Rules, at_work: bool, now: Timestamp) -> Vec<Share> {
        let counts = |window: &&Window| {
            let over = window.resets_at.is_some_and(|at| at <= now);
            rules.threshold(&window.name).is_some() && !over
        };
        windows.iter().filter(counts).map(|window| self.share(window, at_work)).collect()
    }

    fn share(&mut self, window: &Window, at_work: bool) -> Share {
        let known = self.windows.iter_mut().find(|known| known.name == window.name);
        let from = match known {
            None => {
                self.windows.push(From {
                    name: window.name.clone(),
                    resets_at: window.resets_at,
                    utilization: window.utilization,
                });
                window.utilization
            }
            Some(known) => {
                if !same(known.resets_at, window.resets_at) {
                    known.utilization = if at_work { 0.0 } else { window.utilization };
                }
                known.resets_at = window.resets_at.or(known.resets_at);
                known.utilization
            }
        };
        Share { window: window.clone(), used: (window.utilization - from).max(0.0) }
    }
}

/// Whether two looks saw the same window. One that is not used yet states no reset, and begins with its first use.
fn same(before: Option<Timestamp>, now: Option<Timestamp>) -> bool {
    match (before, now) {
        (Some(before), Some(now)) => now.duration_since(before).abs() < SAME,
        (None, _) => true,
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + minutes * 60).unwrap()
    }

    fn five(utilization: f64, resets: Option<i64>) -> Window {
        Window { name: "five_hour".into(), utilization, resets_at: resets.map(at) }
    }

    fn rules() -> Rules {
        Rules::of(&crate::config::Settings::default().quota_guard)
    }

    #[test]
    fn the_use_since_the_start_is_the_runs() {
        // Looks at one window, one after the other: use, reset, whether the run was at work; and the run's share.
        let cases: Vec<(&str, Vec<(f64, Option<i64>, bool, f64)>)> = vec![
            (
                "what was used before is not its",
                vec![(40.0, Some(300), false, 0.0), (52.5, Some(300), true, 12.5)],
            ),
            (
                "resets are not told exactly",
                vec![(40.0, Some(300), false, 0.0), (41.0, Some(301), true, 1.0)],
            ),
            (
                "given anew meanwhile",
                vec![(90.0, Some(300), false, 0.0), (8.0, Some(600), true, 8.0), (9.0, Some(600), true, 9.0)],
            ),
            (
                "resumed in a later window",
                vec![
                    (90.0, Some(300), false, 0.0),
                    (8.0, Some(900), false, 0.0),
                    (9.0, Some(900), true, 1.0),
                ],
            ),
            (
                "resumed in the same one",
                vec![
                    (10.0, Some(300), false, 0.0),
                    (25.0, Some(300), true, 15.0),
                    (25.0, Some(300), false, 15.0),
                ],
            ),
            ("begins with the first session", vec![(0.0, None, false, 0.0), (3.0, Some(300), true, 3.0)]),
            ("less than before", vec![(40.0, Some(300), false, 0.0), (39.0, Some(300), true, 0.0)]),
        ];
        for (name, looks) in cases {
            let mut baseline = Baseline::default();
            for (utilization, resets, at_work, expected) in looks {
                let shares = baseline.take(&[five(utilization, resets)], &rules(), at_work, at(0));
                assert_eq!(shares.iter().map(|share| share.used).collect::<Vec<_>>(), [expected], "{name}");
            }
        }
    }

    #[test]
    fn windows_that_do_not_count_or_are_over_have_no_share() {
        let mut baseline = Baseline::default();
        let week = Window { name: "seven_day".into(), ..five(50.0, Some(9000)) };
        let no_weeks = Rules { long: None, ..rules() };
        let shares = baseline.take(&[five(10.0, Some(-1)), week], &no_weeks, false, at(0));
        assert_eq!((shares, baseline), (Vec::new(), Baseline::default()));
    }

    #[test]
    fn a_run_that_goes_on_in_another_process_reckons_from_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("share.json");
        assert_eq!(Baseline::read(&path), Baseline::default());
        let mut baseline = Baseline::default();
        baseline.take(&[five(10.0, Some(300))], &rules(), false, at(0));
        baseline.write(&path).unwrap();
        assert_eq!(Baseline::read(&path), baseline);
        std::fs::write(&path, "{\"schema_version\": 2, \"windows\": []}").unwrap();
        assert_eq!(Baseline::read(&path), Baseline::default());
    }
}

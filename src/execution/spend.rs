//! What sessions cost, by the user's day: a file for each day, to which every process appends a line when a session is over. One write
//! makes one line, so processes need not wait for each other, and a line that a crash cut short spoils only itself.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _, Zoned};
use serde::{Deserialize, Serialize};

use crate::config::LimitsSettings;
use crate::core::files;
use crate::core::paths::user_state;

/// Version of a line.
const SCHEMA_VERSION: u32 = 1;
/// For how many days the files are kept.
const KEPT: i32 = 31;
/// How the files are called.
const NAME: &str = "%Y-%m-%d";
const END: &str = ".ndjson";

/// What one session cost, or a part of one that was continued.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// The run's folder, which tells it from all others.
    pub run: PathBuf,
    /// The step; `None` for a session that drove the run.
    pub step: Option<String>,
    /// The session.
    pub session: String,
    /// Dollars, as the client reckons them.
    pub usd: f64,
}

#[derive(Serialize, Deserialize)]
struct Line {
    schema_version: u32,
    at: Timestamp,
    #[serde(flatten)]
    cost: Cost,
}

/// The costs of all days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Costs {
    dir: PathBuf,
}

impl Costs {
    /// Those of the user. `None` without a home.
    #[must_use]
    pub fn of_user() -> Option<Self> {
        user_state().map(|dir| Self::at(dir.join("spend")))
    }

    /// Those in a folder, which need not be there.
    #[must_use]
    pub fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn file(&self, day: Date) -> PathBuf {
        self.dir.join(format!("{}{END}", day.strftime(NAME)))
    }

    /// Writes a cost down.
    ///
    /// # Errors
    /// What the file system says.
    pub fn add(&self, now: &Zoned, cost: Cost) -> io::Result<()> {
        files::create_private_dir(&self.dir)?;
        let file = self.file(now.date());
        let begins = file.metadata().map_or(true, |facts| facts.len() == 0);
        let line = Line { schema_version: SCHEMA_VERSION, at: now.timestamp(), cost };
        // Its own line break first: the line before it may have been cut short.
        let line = format!("\n{}\n", serde_json::to_string(&line)?);
        files::append_private(&file)?.write_all(line.as_bytes())?;
        if begins {
            self.clear(now.date());
        }
        Ok(())
    }

    /// What the sessions cost that were over on this day, in dollars.
    ///
    /// # Errors
    /// What the file system says. A day without a file cost nothing.
    pub fn on(&self, day: Date) -> io::Result<f64> {
        let text = match std::fs::read(self.file(day)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0.0),
            Err(error) => return Err(error),
        };
        let lines =
            text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Line>(line).ok());
        Ok(lines.map(|line| line.cost.usd.max(0.0)).sum())
    }

    /// How a day stands. That a cost can be written down is tried as well: a limit that nothing is reckoned against is none.
    fn day(&self, limit_usd: f64, now: &Zoned) -> io::Result<Day> {
        let spent_usd = self.on(now.date())?;
        files::create_private_dir(&self.dir)?;
        files::append_private(&self.file(now.date()))?;
        Ok(Day { spent_usd, limit_usd, until: next_day(now) })
    }

    /// Removes the files of days that nobody asks for any more. What cannot be removed stays for another time.
    fn clear(&self, today: Date) {
        let Ok(entries) = std::fs::read_dir(&self.dir) else { return };
        let oldest = today.saturating_sub(KEPT.days());
        for entry in entries.flatten() {
            let name = entry.file_name();
            let day = name.to_str().and_then(|name| name.strip_suffix(END));
            if day.and_then(|day| Date::strptime(NAME, day).ok()).is_some_and(|day| day < oldest) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

/// How a day stands against the user's limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Day {
    /// What was spent, in dollars.
    pub spent_usd: f64,
    /// What may be.
    pub limit_usd: f64,
    /// When the next day begins.
    pub until: Timestamp,
}

impl Day {
    /// How this day stands; `None` when the settings have no limit for it.
    ///
    /// # Errors
    /// When it is not known what was spent, or a cost could not be written down.
    pub fn of(limits: LimitsSettings, now: &Zoned) -> io::Result<Option<Self>> {
        let Some(limit_usd) = limits.daily_usd else { return Ok(None) };
        let costs = Costs::of_user().ok_or_else(|| io::Error::other("there is no home to keep it in"))?;
        costs.day(limit_usd, now).map(Some)
    }

    /// What is left, in dollars.
    #[must_use]
    pub fn left(&self) -> f64 {
        (self.limit_usd - self.spent_usd).max(0.0)
    }
}

/// When the next day begins here.
#[must_use]
pub fn next_day(now: &Zoned) -> Timestamp {
    let midnight = now.tomorrow().and_then(|tomorrow| tomorrow.start_of_day());
    midnight.map_or_else(|_| now.timestamp(), |midnight| midnight.timestamp())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::tz::TimeZone;

    use super::*;

    /// Central Europe, by its rules.
    const ZONE: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

    fn at(text: &str) -> Zoned {
        let at: Timestamp = text.parse().unwrap();
        at.to_zoned(TimeZone::posix(ZONE).unwrap())
    }

    fn cost(usd: f64) -> Cost {
        Cost { run: "/x/run".into(), step: Some("s".into()), session: "id".into(), usd }
    }

    fn costs() -> (tempfile::TempDir, Costs) {
        let dir = tempfile::tempdir().unwrap();
        let costs = Costs::at(dir.path().join("new/spend"));
        (dir, costs)
    }

    #[test]
    fn a_day_is_the_users_and_costs_what_its_sessions_cost() {
        let (_dir, costs) = costs();
        let late = at("2026-03-01T22:59:00Z");
        let early = at("2026-03-01T23:01:00Z");
        assert_eq!(costs.on(late.date()).unwrap(), 0.0);
        for usd in [0.5, 0.25] {
            costs.add(&late, cost(usd)).unwrap();
        }
        costs.add(&early, cost(2.0)).unwrap();
        assert_eq!((costs.on(late.date()).unwrap(), costs.on(early.date()).unwrap()), (0.75, 2.0));
        assert_eq!(next_day(&late), early.start_of_day().unwrap().timestamp());
        // A day of 25 hours, half an hour after it began.
        let long = at("2026-10-24T22:30:00Z");
        assert_eq!(next_day(&long).duration_since(long.timestamp()).as_secs(), 24 * 3600 + 1800);
    }

    #[test]
    fn a_day_has_left_what_was_not_spent() {
        let (dir, costs) = costs();
        let now = at("2026-03-01T12:00:00Z");
        assert_eq!(costs.day(5.0, &now).unwrap().left(), 5.0);
        costs.add(&now, cost(3.5)).unwrap();
        assert_eq!(costs.day(5.0, &now).unwrap().left(), 1.5);
        costs.add(&now, cost(3.5)).unwrap();
        let day = costs.day(5.0, &now).unwrap();
        assert_eq!((day.spent_usd, day.left(), day.until), (7.0, 0.0, next_day(&now)));

        let blocked = Costs::at(dir.path().join("new/spend/2026-03-01.ndjson"));
        assert!(blocked.day(5.0, &now).is_err(), "what cannot be kept is not taken for nothing");
    }

    #[test]
    fn what_is_no_line_is_passed_over() {
        let (_dir, costs) = costs();
        let now = at("2026-03-01T12:00:00Z");
        costs.add(&now, cost(1.0)).unwrap();
        let mut file = files::append_private(&costs.file(now.date())).unwrap();
        file.write_all(b"{\"schema_version\":1,\"at\":\"2026-03-01T1").unwrap();
        costs.add(&now, cost(2.0)).unwrap();
        file.write_all(b"\xff\n[]\n{\"usd\": 5}\n").unwrap();
        assert_eq!(costs.on(now.date()).unwrap(), 3.0);
    }

    #[test]
    fn processes_write_beside_each_other() {
        let (_dir, costs) = costs();
        let (costs, now) = (Arc::new(costs), at("2026-03-01T12:00:00Z"));
        let writers: Vec<_> = (0..8)
            .map(|_| {
                let (costs, now) = (Arc::clone(&costs), now.clone());
                std::thread::spawn(move || (0..50).for_each(|_| costs.add(&now, cost(0.25)).unwrap()))
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        assert_eq!(costs.on(now.date()).unwrap(), 100.0);
    }

    #[test]
    fn old_days_are_cleared_away_and_nothing_else() {
        let (_dir, costs) = costs();
        costs.add(&at("2026-01-01T12:00:00Z"), cost(1.0)).unwrap();
        costs.add(&at("2026-02-20T12:00:00Z"), cost(1.0)).unwrap();
        std::fs::write(costs.dir().join("2025-01-01.txt"), "not ours").unwrap();
        costs.add(&at("2026-03-01T12:00:00Z"), cost(1.0)).unwrap();
        let mut names: Vec<_> =
            std::fs::read_dir(costs.dir()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["2025-01-01.txt", "2026-02-20.ndjson", "2026-03-01.ndjson"]);
    }
}

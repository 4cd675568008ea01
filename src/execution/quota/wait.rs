//! Waiting until a time of day. The machine may sleep meanwhile, so the clock is asked again and again.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::core::stop::{Stop, StopSignal, more_urgent};

/// How often the clock is asked.
const LOOK: Duration = Duration::from_secs(20);

/// Says what time it is.
pub type Clock<'a> = &'a (dyn Fn() -> Timestamp + Send + Sync);

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// The time has come.
    Over,
    /// The run is to stop.
    Stopped,
}

/// Waits until `until`, or until the run is to stop. `tell` hears how long it still takes: at the start, then as often as that is news.
pub async fn wait_until(
    until: Timestamp,
    clock: Clock<'_>,
    tell: &(dyn Fn(Duration) + Send + Sync),
    stop: &mut StopSignal,
) -> Waited {
    let mut told = None;
    loop {
        let left = left(until, clock());
        if left.is_zero() {
            return Waited::Over;
        }
        if told.is_none_or(|told: Duration| told.saturating_sub(left) >= step(told)) {
            tell(left);
            told = Some(left);
        }
        tokio::select! {
            biased;
            _ = more_urgent(stop, Stop::No) => return Waited::Stopped,
            () = tokio::time::sleep(left.min(LOOK)) => {}
        }
    }
}

/// When a session that the service refused for its limits may be tried again: at the reset that the client stated (Unix seconds), with
/// the buffer. `None` when it stated none that is ahead, or one that is further away than `longest`.
#[must_use]
pub fn retry_at(
    resets_at: Option<i64>,
    buffer: Duration,
    longest: Duration,
    now: Timestamp,
) -> Option<Timestamp> {
    let at = Timestamp::from_second(resets_at?).ok()?;
    let until = at.checked_add(jiff::SignedDuration::try_from(buffer).ok()?).ok()?;
    let left = left(until, now);
    (!left.is_zero() && left <= longest).then_some(until)
}

/// How far away `until` is; nothing when it is over.
#[must_use]
pub fn left(until: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(until.duration_since(now)).unwrap_or_default()
}

/// A time as people here say it, and how far away it is: `14:32 (in 1h 12m)`, with the date when that is not today.
#[must_use]
pub fn told(until: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (there, here) = (until.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let form = if there.date() == here.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    let seconds = left(until, now).as_secs();
    let span = match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds}s"),
        (0, 0, minutes, seconds) => format!("{minutes}m {seconds:02}s"),
        (0, hours, minutes, _) => format!("{hours}h {minutes:02}m"),
        (days, hours, ..) => format!("{days}d {hours}h"),
    };
    format!("{} (in {span})", there.strftime(form))
}

/// When it was told that it takes `told`, after how much of that it is news again.
fn step(told: Duration) -> Duration {
    let minutes = match told.as_secs() {
        3601.. => 15,
        601.. => 5,
        _ => 1,
    };
    Duration::from_secs(minutes * 60)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::time::Instant;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_767_261_600 + seconds).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_tells_how_long_it_takes_and_ends_in_time() {
        let began = Instant::now();
        let clock = move || at(i64::try_from(began.elapsed().as_secs()).unwrap());
        let told = Mutex::new(Vec::new());
        let (_keep, mut stop) = tokio::sync::watch::channel(Stop::No);
        let tell = |left: Duration| told.lock().unwrap().push(left.as_secs() / 60);
        assert_eq!(wait_until(at(6000), &clock, &tell, &mut stop).await, Waited::Over);
        assert_eq!(clock(), at(6000));
        let told = told.into_inner().unwrap();
        assert_eq!(told, [100, 85, 70, 55, 50, 45, 40, 35, 30, 25, 20, 15, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_jumps_ends_the_wait() {
        // The machine slept: the day went on and the timers did not.
        let began = Instant::now();
        let clock = move || if began.elapsed() < LOOK { at(0) } else { at(50_000) };
        let (_keep, mut stop) = tokio::sync::watch::channel(Stop::No);
        assert_eq!(wait_until(at(6000), &clock, &|_| (), &mut stop).await, Waited::Over);
        assert_eq!(began.elapsed(), LOOK);
    }

    #[tokio::test(start_paused = true)]
    async fn who_wants_to_stop_need_not_wait() {
        let (wish, mut stop) = tokio::sync::watch::channel(Stop::No);
        let began = Instant::now();
        let wishing = |_: Duration| wish.send_modify(|stop| *stop = Stop::Gently);
        assert_eq!(wait_until(at(6000), &|| at(0), &wishing, &mut stop).await, Waited::Stopped);
        assert!(began.elapsed() < Duration::from_secs(1));
    }

    #[test]
    fn times_are_told_with_their_distance() {
        let utc = |seconds| told(at(seconds), at(0), &TimeZone::UTC);
        assert_eq!(utc(42), "10:00 (in 42s)");
        assert_eq!(utc(125), "10:02 (in 2m 05s)");
        assert_eq!(utc(3720), "11:02 (in 1h 02m)");
        assert_eq!(utc(3 * 86_400 + 7200), "2026-01-04 12:00 (in 3d 2h)");
        let zone = TimeZone::fixed(jiff::tz::offset(9));
        assert_eq!(told(at(8 * 3600), at(0), &zone), "2026-01-02 03:00 (in 8h 00m)");
    }

    #[test]
    fn a_refused_session_is_tried_again_at_the_reset() {
        let (buffer, longest) = (Duration::from_secs(60), Duration::from_secs(3600));
        let try_at = |seconds: Option<i64>| {
            let stated = seconds.map(|seconds| at(seconds).as_second());
            retry_at(stated, buffer, longest, at(0)).map(|until| until.as_second() - at(0).as_second())
        };
        let cases = [
            (None, None),
            (Some(100), Some(160)),
            (Some(-59), Some(1)),
            (Some(-60), None),
            (Some(3540), Some(3600)),
            (Some(3541), None),
        ];
        for (stated, expected) in cases {
            assert_eq!(try_at(stated), expected, "{stated:?}");
        }
        assert_eq!(retry_at(Some(i64::MAX), buffer, longest, at(0)), None);
    }
}

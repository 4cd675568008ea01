//! Signs of life of a session that says nothing: what its processes do.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::process::{Work, work};

/// How many times the processes are looked at before silence counts as stale.
const LOOKS: u32 = 8;

/// CPU time up to which a look finds no life. A client that waits for the service was seen to use 0.3 to 1 %.
const NOISE_SHARE: f64 = 0.02;

/// Bytes read and written per second up to which a look finds no life. A client that waits for the service was seen to move about 65 (it
/// wakes by pipes), a command that prints a line now and then moves little more; a download or a copy moves thousands.
const NOISE_BYTES: f64 = 512.0;

/// Samples the processes below one client.
#[derive(Debug)]
pub struct Liveness {
    every: Option<Duration>,
    client: Option<u32>,
    before: Option<Work>,
    next: Option<Instant>,
}

impl Liveness {
    /// Looks often enough to be heard before `stale`; `None` never looks.
    #[must_use]
    pub fn new(stale: Option<Duration>) -> Self {
        Self { every: stale.map(|stale| stale / LOOKS), client: None, before: None, next: None }
    }

    /// The client's process id.
    pub fn client(&mut self, pid: u32) {
        self.client = Some(pid);
        self.before = work(pid);
    }

    /// Whether the system lets the processes be looked at. Where it does not, the client's heartbeat has to do for a sign of life.
    #[must_use]
    pub fn sees(&self) -> bool {
        self.client.is_none() || self.before.is_some()
    }

    /// Waits for the next look and says whether there was life since the last. Cancelling it loses nothing. Where the system gives no cheap
    /// answer there is none: the other signs of life must do.
    pub async fn sample(&mut self) -> bool {
        let Some(every) = self.every else { return std::future::pending().await };
        sleep_until(*self.next.get_or_insert_with(|| Instant::now() + every)).await;
        self.next = None;
        let now = self.client.and_then(work);
        let alive = moved(self.before.unwrap_or_default(), now.unwrap_or_default(), every);
        self.before = now;
        alive
    }
}

/// Whether what was done in between is more than noise.
fn moved(before: Work, now: Work, every: Duration) -> bool {
    let cpu = Duration::from_millis(now.cpu_ms.saturating_sub(before.cpu_ms));
    let bytes = now.io_bytes.saturating_sub(before.io_bytes);
    cpu > every.mul_f64(NOISE_SHARE) || bytes as f64 > every.as_secs_f64() * NOISE_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(100);

    #[test]
    fn work_is_life_and_noise_is_not() {
        let before = Work { cpu_ms: 7_000, io_bytes: 1 << 30 };
        let done =
            |cpu_ms, io_bytes| Work { cpu_ms: before.cpu_ms + cpu_ms, io_bytes: before.io_bytes + io_bytes };
        for (now, alive) in [
            (done(0, 0), false),
            (done(2_000, 0), false),
            (done(2_001, 0), true),
            (done(0, 51_200), false),
            (done(0, 51_201), true),
            (done(1_000, 6_500), false),
            // The process that did the work has left, and nobody waited for it.
            (Work::default(), false),
        ] {
            assert_eq!(moved(before, now, EVERY), alive, "{now:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn copying_is_work() {
        use std::io::{Read, copy, sink};
        let before = work(std::process::id()).unwrap();
        copy(&mut std::fs::File::open("/dev/zero").unwrap().take(2 << 20), &mut sink()).unwrap();
        let after = work(std::process::id()).unwrap();
        assert!(after.io_bytes - before.io_bytes >= 2 << 20, "{before:?} {after:?}");
    }
}

//! Signs of life of a session that says nothing: CPU time used by its processes.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::process::cpu_ms;

/// How many times the processes are looked at before silence counts as stale.
const LOOKS: u32 = 8;

/// CPU time below which a look finds no life: 1 % of the time between looks would be noise of an idle client.
const NOISE_SHARE: f64 = 0.02;

/// Samples the processes below one client.
#[derive(Debug)]
pub struct Liveness {
    every: Option<Duration>,
    client: Option<u32>,
    before: Option<Duration>,
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
        self.before = cpu_time(pid);
    }

    /// Waits for the next look and says whether there was life since the last. Cancelling it loses nothing.
    pub async fn sample(&mut self) -> bool {
        let Some(every) = self.every else { return std::future::pending().await };
        sleep_until(*self.next.get_or_insert_with(|| Instant::now() + every)).await;
        self.next = None;
        let now = self.client.and_then(cpu_time);
        let used = now.unwrap_or_default().saturating_sub(self.before.unwrap_or_default());
        self.before = now;
        used > every.mul_f64(NOISE_SHARE)
    }
}

/// CPU time of a process and all below it that are still there. `None` when the system gives no cheap answer: the other signs of
/// life must do.
fn cpu_time(root: u32) -> Option<Duration> {
    cpu_ms(root).map(Duration::from_millis)
}

//! Whether the work that a server puts off at its start is done. It becomes true however that work ends: nothing may wait for ever
//! for something that failed.

use std::time::Duration;

use tokio::sync::watch;

/// How long a tool waits for it before it answers with what there is, as in AutoSkillit 0.9.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The event, as those see it who wait.
#[derive(Debug, Clone)]
pub struct Readiness(watch::Receiver<bool>);

/// Sets the event when it is dropped: at the end of the work, at its failure, its panic, its cancellation.
#[derive(Debug)]
pub struct Pending(watch::Sender<bool>);

/// A fresh event, one per life of a server.
#[must_use]
pub fn readiness() -> (Pending, Readiness) {
    let (set, seen) = watch::channel(false);
    (Pending(set), Readiness(seen))
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

impl Readiness {
    /// Whether it is set.
    #[cfg(test)]
    fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is set, at most so long. False: it is not.
    pub async fn wait(&self, at_most: Duration) -> bool {
        let mut seen = self.0.clone();
        // A sender that is gone has set it.
        tokio::time::timeout(at_most, seen.wait_for(|set| *set)).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs work that holds the event, however it ends, and says whether the event is set.
    async fn after(work: impl Future<Output = ()> + Send + 'static, cancel: bool) -> bool {
        let (pending, ready) = readiness();
        assert!(!ready.is_set(), "each life of a server begins with an event of its own");
        let task = tokio::spawn(async move {
            let _pending = pending;
            work.await;
        });
        if cancel {
            task.abort();
        }
        let _ = task.await;
        ready.wait(PATIENCE).await && ready.is_set()
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_set_by_success_failure_panic_and_cancellation() {
        assert!(after(async {}, false).await);
        assert!(after(async { std::panic::panic_any("on purpose") }, false).await);
        assert!(after(std::future::pending(), true).await);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_told_so() {
        let (pending, ready) = readiness();
        assert!(!ready.wait(PATIENCE).await);
        drop(pending);
        assert!(ready.wait(Duration::ZERO).await);
    }
}

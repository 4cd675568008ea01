//! Work in the background of a server. What fails there, fails where nobody looks: so its failures go into the audit.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::task::{JoinHandle, JoinSet};

use super::audit::{Audit, Failure};
use crate::core::threads::{blocking, panic_text};

/// Owns the background work of one server.
#[derive(Debug)]
pub struct Supervisor {
    audit: Arc<Audit>,
    tasks: Mutex<JoinSet<()>>,
}

impl Supervisor {
    /// A supervisor that tells its failures to `audit`.
    #[must_use]
    pub fn new(audit: Arc<Audit>) -> Self {
        Self { audit, tasks: Mutex::default() }
    }

    /// Starts work that is named `label`. An error or a panic of it is logged and recorded.
    pub fn spawn(
        &self,
        label: &'static str,
        work: impl Future<Output = Result<(), String>> + Send + 'static,
    ) {
        let audit = Arc::clone(&self.audit);
        let task: JoinHandle<Result<(), String>> = tokio::spawn(work);
        let abort = OnDrop(task.abort_handle());
        let watched = async move {
            let _abort = abort;
            let error = match task.await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error,
                Err(error) if error.is_cancelled() => return,
                Err(error) => format!("it panicked: {}", broken(error)),
            };
            tracing::error!(label, %error, "background work failed");
            audit.record(Failure::background(label, &error, Timestamp::now()));
        };
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that are over are let go.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(watched);
    }

    /// Starts blocking work on a thread of its own; otherwise as [`Supervisor::spawn`].
    pub fn spawn_blocking(
        &self,
        label: &'static str,
        work: impl FnOnce() -> Result<(), String> + Send + 'static,
    ) {
        self.spawn(label, blocking(work));
    }

    /// How much is at work.
    #[must_use]
    pub fn pending(&self) -> usize {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.len()
    }

    /// Waits until everything is over.
    #[cfg(test)]
    async fn drain(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        while tasks.join_next().await.is_some() {}
    }

    /// Breaks everything off and waits until it is. Blocking work goes on by itself, unwatched, until the process ends.
    pub async fn shut_down(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.shutdown().await;
    }
}

struct OnDrop(tokio::task::AbortHandle);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn broken(error: tokio::task::JoinError) -> String {
    error.try_into_panic().map_or_else(|error| error.to_string(), |panic| panic_text(panic.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn supervisor() -> (Arc<Audit>, Supervisor) {
        let audit = Arc::new(Audit::default());
        (Arc::clone(&audit), Supervisor::new(audit))
    }

    #[tokio::test]
    async fn failures_and_panics_are_recorded_and_success_is_not() {
        let (audit, supervisor) = supervisor();
        supervisor.spawn("good", async { Ok(()) });
        supervisor.spawn("bad", async { Err("no room".to_owned()) });
        supervisor.spawn("worse", async { std::panic::panic_any(String::from("boom")) });
        supervisor.spawn_blocking("worst", || std::panic::panic_any("bang"));
        supervisor.drain().await;
        let mut told: Vec<_> =
            audit.report().into_iter().map(|failure| (failure.skill_command, failure.stderr)).collect();
        told.sort();
        let expected = [("bad", "no room"), ("worse", "it panicked: boom"), ("worst", "it panicked: bang")];
        assert_eq!(told, expected.map(|(label, error)| (label.to_owned(), error.to_owned())));
        assert_eq!(supervisor.pending(), 0);
    }

    #[tokio::test]
    async fn shutting_down_breaks_off_what_is_at_work_and_calls_that_no_failure() {
        let (audit, supervisor) = supervisor();
        let (alive, mut gone) = tokio::sync::mpsc::channel::<()>(1);
        supervisor.spawn("endless", async move {
            let _alive = alive;
            std::future::pending().await
        });
        assert_eq!(supervisor.pending(), 1);
        supervisor.shut_down().await;
        assert_eq!(gone.recv().await, None, "the work is dropped");
        assert_eq!(audit.report(), []);
    }
}

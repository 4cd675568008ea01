//! All checks beside each other. One that breaks or hangs is a line of its own and never the end of the others.

use std::future::Future;
use std::pin::Pin;

use tokio::time::{Instant, timeout_at};

use super::report::{Check, Topic};
use crate::core::threads::panic_text;

/// A check that is still to be made. It may answer for further topics too, or find that there is nothing to say.
pub(super) struct Task {
    topic: Topic,
    work: Pin<Box<dyn Future<Output = Vec<Check>> + Send>>,
}

impl Task {
    pub(super) fn new(topic: Topic, work: impl Future<Output = Vec<Check>> + Send + 'static) -> Self {
        Self { topic, work: Box::pin(work) }
    }
}

/// Makes all of them, and answers by `deadline`, in the order of the tasks.
pub(super) async fn all(tasks: Vec<Task>, deadline: Instant) -> Vec<Check> {
    let running: Vec<_> = tasks.into_iter().map(|task| (task.topic, tokio::spawn(task.work))).collect();
    let mut checks = Vec::new();
    for (topic, mut handle) in running {
        match timeout_at(deadline, &mut handle).await {
            Ok(Ok(found)) => checks.extend(found),
            Ok(Err(error)) => {
                let why = error
                    .try_into_panic()
                    .map_or_else(|error| error.to_string(), |panic| panic_text(&*panic));
                checks.push(
                    topic
                        .error(format!("this check broke: {why}"))
                        .means("It is a fault of autoskillit, and says nothing about this machine.")
                        .mend("please report it, with this line"),
                );
            }
            Err(_) => {
                handle.abort();
                let seconds = super::DEADLINE.as_secs();
                checks.push(
                    topic
                        .warning(format!("no answer within {seconds} seconds"))
                        .means("What it looks at, perhaps a network disk, does not answer."),
                );
            }
        }
    }
    checks
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::app::doctor::report::{Group, Level};
    use crate::core::threads::blocking;

    const A: Topic = Topic::new(Group::Git, "git.a", "a");
    const B: Topic = Topic::new(Group::Git, "git.b", "b");
    const C: Topic = Topic::new(Group::Git, "git.c", "c");
    const D: Topic = Topic::new(Group::Git, "git.d", "d");

    /// Blocks for as long as the other end lives.
    fn hang(until: mpsc::Receiver<()>) -> Vec<Check> {
        let _ = until.recv();
        vec![]
    }

    #[test]
    fn a_check_that_breaks_or_hangs_costs_its_own_line_only() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (alive, until) = mpsc::channel();
        let checks = runtime.block_on(async {
            let tasks = vec![
                Task::new(A, async { panic!("a is not {}", "b") }),
                Task::new(B, blocking(move || hang(until))),
                Task::new(C, blocking(|| panic!("c"))),
                Task::new(D, async { vec![D.ok("fine")] }),
            ];
            // A panic prints where it was, which takes seconds on a busy machine.
            all(tasks, Instant::now() + Duration::from_secs(5)).await
        });
        drop(alive);
        runtime.shutdown_background();
        let found: Vec<_> =
            checks.iter().map(|check| (check.topic.id, check.level, check.message.as_str())).collect();
        assert_eq!(
            found,
            [
                ("git.a", Level::Error, "this check broke: a is not b"),
                ("git.b", Level::Warning, "no answer within 10 seconds"),
                ("git.c", Level::Error, "this check broke: c"),
                ("git.d", Level::Ok, "fine"),
            ]
        );
    }
}

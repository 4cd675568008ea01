//! The run that an open kitchen is for, while its client drives it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::context::Context;
use crate::app::cook::Ready;
use crate::app::host::{Asker, Nobody};
use crate::core::stop::Stop;
use crate::core::usage::Usage;
use crate::engine::event::{Event, Live, News};
use crate::engine::steer::{Driver, Upcoming, Wheel, wheel};
use crate::engine::telemetry::Telemetry;

/// How long a run that is told to stop gets to write that down: a client kills its servers half a second after its first signal.
const LEAVING: Duration = Duration::from_millis(300);

/// The run that a kitchen was opened for.
#[derive(Debug)]
pub(super) struct Steered {
    pub(super) id: String,
    pub(super) wheel: Wheel,
    pub(super) progress: watch::Receiver<Progress>,
    pub(super) stop: watch::Sender<Stop>,
    pub(super) task: Mutex<Option<JoinHandle<()>>>,
}

/// What is seen of a run while it goes on.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress {
    pub(super) news: String,
    pub(super) usage: Usage,
    pub(super) sessions: u32,
}

impl Steered {
    /// Whether it has not come to its end.
    pub(super) fn goes_on(&self) -> bool {
        !matches!(self.wheel.standing().next, Upcoming::Over { .. })
    }

    /// Tells it to stop and waits until the journal says so, as long as there is time. What its sessions still do, their wardens end.
    pub(super) async fn leave(&self) {
        self.stop.send_replace(Stop::Gently);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            let _ = tokio::time::timeout(LEAVING, task).await;
        }
    }
}

impl Steered {
    /// Starts to drive a run as its client says.
    pub(super) fn begin(ready: Ready, context: &Arc<Context>) -> Self {
        let id = ready.run_id.clone();
        let (wheel, ear) = wheel(&id, &ready.recipe.name);
        let (stop, stopping) = watch::channel(Stop::No);
        let (tell, progress) = watch::channel(Progress::default());
        let audit = Arc::clone(&context.audit);
        let run = id.clone();
        // What failed before was told when its journal was read.
        let telemetry = Mutex::new(Telemetry::fold(&id, &ready.past));
        let task = tokio::spawn(async move {
            let watch = |news: &News| match news {
                News::Live(live) => {
                    if let Some(line) = line(live) {
                        tell.send_modify(|progress| progress.news = line);
                    }
                }
                News::Entry(entry) => {
                    let failure = telemetry.lock().unwrap_or_else(PoisonError::into_inner).take(entry);
                    failure.into_iter().for_each(|failure| audit.record(failure));
                    tell.send_modify(|progress| progress.take(&entry.event));
                }
                News::End(..) => {}
            };
            let asker: Arc<dyn Asker> = Arc::new(Nobody);
            if let Err(error) = ready.steer(ear, Driver::Client, asker, &watch, stopping).await {
                tracing::error!(run, %error, "the run cannot go on");
            }
        });
        Self { id, wheel, progress, stop, task: Mutex::new(Some(task)) }
    }
}

impl Progress {
    fn take(&mut self, event: &Event) {
        match event {
            Event::StepStarted { step, session, continues, .. } => {
                self.news = format!("{step} begins");
                self.sessions += u32::from(session.is_some() && !continues);
            }
            Event::StepEnded { step, label, usage, .. } => {
                self.news = format!("{step}: {label}");
                self.usage += usage.unwrap_or_default();
            }
            _ => {}
        }
    }
}

/// What a step does at the moment, in a line.
pub(super) fn line(live: &Live) -> Option<String> {
    Some(match live {
        Live::Spawned { step, .. } => format!("{step}: its session runs"),
        Live::Doing { step, tool, target } if tool == "output" => format!("{step}: {target}"),
        Live::Doing { step, tool, target } => format!("{step}: {tool} {target}"),
        Live::Saying { step, text } if text.is_empty() => format!("{step}: thinks"),
        Live::Saying { step, text } => format!("{step}: {text}"),
        Live::Waiting { step, why, .. } => format!("{step} waits: {why}"),
        Live::Ending { step, why } => format!("{step} is being ended: {why}"),
        Live::Used { .. } => return None,
    })
}

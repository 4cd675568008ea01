//! What is at work in a run at the same time: calls, one question, waits. Each can be told to end by itself.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use super::{SAME_WAIT, Seen, question};
use crate::core::stop::more_urgent;
use crate::engine::event::{Live, News};
use crate::engine::host::{Call, Outcome, Reply, Stop, StopSignal, ToolHost};
use crate::engine::outputs;
use crate::engine::place::Frame;
use crate::engine::transition::{Asked, Try};
use crate::recipe::model::OutputsFrom;

/// A call that is at work.
pub(super) struct Job {
    pub(super) tried: Try,
    pub(super) call: Call,
    /// When it began, by the run's clock; what repeats it does not change that.
    pub(super) since: Timestamp,
    pub(super) began: Instant,
    pub(super) outputs: Option<OutputsFrom>,
    pub(super) seen: Arc<Seen>,
}

/// Something that is over.
pub(super) enum Done {
    Called(Box<Job>, Outcome),
    Asked {
        asked: Asked,
        since: Instant,
        reply: Reply,
    },
    /// A question was taken back: nobody needs its answer any more.
    TakenBack,
    Rested,
}

/// Something that the run has to know.
pub(super) enum Heard {
    Done(Done),
    /// A call waits for a moment that is known.
    Waits {
        step: String,
        why: String,
        until: Timestamp,
    },
    /// Somebody wishes the run to stop, more urgently than before.
    Stop(Stop),
}

type Working<'a> = Pin<Box<dyn Future<Output = (Frame, Done)> + Send + 'a>>;

pub(super) struct Crew<'a> {
    host: &'a dyn ToolHost,
    out: &'a (dyn Fn(&News) + Send + Sync),
    working: FuturesUnordered<Working<'a>>,
    leashes: HashMap<Frame, watch::Sender<Stop>>,
    rested: HashSet<Frame>,
    asking: bool,
    heard: Stop,
    wait: mpsc::UnboundedSender<(String, String, Timestamp)>,
    waits: mpsc::UnboundedReceiver<(String, String, Timestamp)>,
    told: HashMap<String, Timestamp>,
    was_told: bool,
}

impl<'a> Crew<'a> {
    /// Nobody yet. A wish to stop counts that is more urgent than `heard`.
    pub(super) fn new(host: &'a dyn ToolHost, out: &'a (dyn Fn(&News) + Send + Sync), heard: Stop) -> Self {
        let (wait, waits) = mpsc::unbounded_channel();
        Self {
            host,
            out,
            working: FuturesUnordered::new(),
            leashes: HashMap::new(),
            rested: HashSet::new(),
            asking: false,
            heard,
            wait,
            waits,
            told: HashMap::new(),
            was_told: false,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.working.is_empty()
    }

    pub(super) fn is_asking(&self) -> bool {
        self.asking
    }

    /// Whether what was over last had been told to end.
    pub(super) fn was_told(&self) -> bool {
        self.was_told
    }

    /// Frames in which something is at work.
    pub(super) fn busy(&self) -> HashSet<Frame> {
        self.leashes.keys().cloned().collect()
    }

    /// Frames whose wait is over.
    pub(super) fn rested(&self) -> &HashSet<Frame> {
        &self.rested
    }

    fn leash(&mut self, frame: &Frame) -> StopSignal {
        let (leash, stop) = watch::channel(Stop::No);
        self.leashes.insert(frame.clone(), leash);
        stop
    }

    /// A call begins, after a wait.
    pub(super) fn call(&mut self, job: Job, wait: Option<Duration>) {
        let (frame, _) = Frame::of(&job.tried.step);
        let stop = self.leash(&frame);
        self.rested.remove(&frame);
        self.told.remove(&job.tried.step);
        let (host, out, say) = (self.host, self.out, self.wait.clone());
        self.working.push(Box::pin(async move {
            if let Some(wait) = wait {
                host.wait(wait, stop.clone()).await;
                if *stop.borrow() != Stop::No {
                    let outcome = cut_off();
                    return (frame, Done::Called(Box::new(job), outcome));
                }
            }
            let seen = Arc::clone(&job.seen);
            let watch = |live: Live| {
                match &live {
                    Live::Used { usage, .. } => *seen.lock().unwrap_or_else(PoisonError::into_inner) = *usage,
                    Live::Waiting { step, why, until: Some(until) } => {
                        drop(say.send((step.clone(), why.clone(), *until)));
                    }
                    _ => {}
                }
                out(&News::Live(live));
            };
            let mut outcome = host.call(&job.call, &watch, stop).await;
            if let Some(from) = job.outputs.as_ref().filter(|_| outcome.fault.is_none() && !outcome.cut_off) {
                let written = match &job.tried.output {
                    Some(file) => Some(host.written(&job.call.params, file).await),
                    None => None,
                };
                outputs::read(from, &mut outcome, written);
            }
            (frame, Done::Called(Box::new(job), outcome))
        }));
    }

    /// A question is asked.
    pub(super) fn ask(&mut self, asked: Asked) {
        let (frame, _) = Frame::of(&asked.step);
        let mut stop = self.leash(&frame);
        self.asking = true;
        let host = self.host;
        self.working.push(Box::pin(async move {
            let since = Instant::now();
            let asking = question(&asked);
            let reply = tokio::select! {
                reply = host.ask(&asking) => reply,
                _ = more_urgent(&mut stop, Stop::No) => return (frame, Done::TakenBack),
            };
            (frame, Done::Asked { asked, since, reply })
        }));
    }

    /// A step waits before it is tried again.
    pub(super) fn rest(&mut self, step: &str, time: Duration) {
        let (frame, _) = Frame::of(step);
        let stop = self.leash(&frame);
        let host = self.host;
        self.working.push(Box::pin(async move {
            host.wait(time, stop).await;
            (frame, Done::Rested)
        }));
    }

    /// Ends what is at work inside of a frame.
    pub(super) fn give_up(&mut self, frame: &Frame) {
        for (_, leash) in self.leashes.iter().filter(|(busy, _)| busy.is_within(frame)) {
            raise(leash, Stop::Gently);
        }
    }

    /// Ends everything.
    pub(super) fn stop_all(&mut self, level: Stop) {
        self.leashes.values().for_each(|leash| raise(leash, level));
    }

    /// Waits for the next thing that the run has to know. Something must be at work.
    pub(super) async fn hear(&mut self, stop: &mut StopSignal) -> Heard {
        loop {
            tokio::select! {
                biased;
                Some((step, why, until)) = self.waits.recv() => {
                    // A wait is told again and again, with the time that is left.
                    let told = self.told.insert(step.clone(), until);
                    if told.is_none_or(|told| until.duration_since(told).abs() >= SAME_WAIT) {
                        return Heard::Waits { step, why, until };
                    }
                }
                level = more_urgent(stop, self.heard) => {
                    self.heard = level;
                    return Heard::Stop(level);
                }
                Some((frame, done)) = self.working.next() => {
                    let leash = self.leashes.remove(&frame);
                    self.was_told = leash.is_some_and(|leash| *leash.borrow() != Stop::No);
                    match &done {
                        Done::Rested => drop(self.rested.insert(frame)),
                        Done::Asked { .. } | Done::TakenBack => self.asking = false,
                        Done::Called(..) => {}
                    }
                    return Heard::Done(done);
                }
            }
        }
    }
}

fn raise(leash: &watch::Sender<Stop>, level: Stop) {
    leash.send_if_modified(|stop| {
        let higher = level > *stop;
        *stop = level.max(*stop);
        higher
    });
}

/// The outcome of a call that was not made because it was to end before.
fn cut_off() -> Outcome {
    use crate::execution::verdict::RetryReason;
    Outcome {
        ok: false,
        label: "cut off".to_owned(),
        summary: String::new(),
        result: serde_json::json!({}),
        retry: RetryReason::None,
        fault: None,
        usage: None,
        cut_off: true,
    }
}

//! What is odd about a session's processes and its course. Pure: samples and events come in.
//!
//! A condition that lasts is one anomaly with its first and last time and how often it was seen, not one for each look.
//! What could not be read takes part in nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event::{Event, Timed};
use crate::execution::process::{ProcessSample, Sample};

/// Something odd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anomaly {
    /// What.
    pub kind: Kind,
    /// How bad.
    pub severity: Severity,
    /// When it was first seen, in milliseconds since the session began.
    pub first_ms: u64,
    /// When it was last seen.
    pub last_ms: u64,
    /// In how many looks or events.
    pub count: u32,
    /// In words.
    pub detail: String,
}

/// Kinds of odd things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Soon to be killed for its memory.
    OomCritical,
    /// Became far likelier to be killed for its memory from one look to the next.
    OomSpike,
    /// Its memory grew to a multiple.
    MemoryGrowth,
    /// It nears its limit of open files.
    DescriptorsHigh,
    /// It waits for a device, look after look.
    StuckInKernel,
    /// The client itself keeps a core busy for a long time; it has nothing to compute.
    Spinning,
    /// A child that exited was not looked after.
    Zombie,
    /// The model service failed again and again.
    ServiceTrouble,
    /// It made the same call with the same result again and again.
    Repetition,
    /// The stream was silent for long.
    Silence,
    /// It took long until the client said its first word.
    SlowStart,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// May explain what went wrong.
    Warning,
    /// Likely explains it.
    Critical,
}

/// The reference's bounds of the kernel's score.
const OOM_CRITICAL: i64 = 800;
const OOM_SPIKE: i64 = 200;
/// Memory that doubled is odd only where it is much: every program grows at its start.
const GROWTH: u64 = 2;
const GROWTH_KB: u64 = 512 << 10;
/// The reference's bound, in percent.
const DESCRIPTORS_PERCENT: u64 = 80;
/// A device may be slow once.
const STUCK_LOOKS: u32 = 2;
/// The reference's bound, in percent of a core; and for how long.
const BUSY_PERCENT: u64 = 90;
const BUSY_MS: u64 = 60_000;
/// A parent may be late once or twice.
const ZOMBIE_LOOKS: u32 = 3;
/// The client's first tries are half a second apart.
const RETRIES: u32 = 3;
/// Longer than models think and most commands take.
const SILENCE_MS: u64 = 300_000;
/// The client's first record comes within a second or two; tool servers may add theirs.
const SLOW_START_MS: u64 = 15_000;

/// What is odd, in order of time.
#[must_use]
pub fn find(samples: &[Sample], events: &[Timed]) -> Vec<Anomaly> {
    let mut found = Found::default();
    for pair in std::iter::once(None).chain(samples.iter().map(Some)).zip(samples) {
        look(&mut found, pair.0, pair.1);
    }
    grown(&mut found, samples);
    lasting(&mut found, samples);
    course(&mut found, events);
    let mut all: Vec<Anomaly> = found.0.into_values().collect();
    all.sort_by_key(|anomaly| (anomaly.first_ms, anomaly.kind));
    all
}

/// One anomaly of each kind and process.
#[derive(Debug, Default)]
struct Found(BTreeMap<(Kind, u32), Anomaly>);

impl Found {
    /// Sees it; the words of the last time count.
    fn see(&mut self, kind: Kind, severity: Severity, pid: u32, at_ms: u64, detail: String) {
        let entry = self.0.entry((kind, pid)).or_insert_with(|| Anomaly {
            kind,
            severity,
            first_ms: at_ms,
            last_ms: at_ms,
            count: 0,
            detail: String::new(),
        });
        entry.count += 1;
        entry.last_ms = at_ms;
        entry.detail = detail;
    }
}

/// What one look shows, compared with the one before.
fn look(found: &mut Found, before: Option<&Sample>, now: &Sample) {
    for process in &now.processes {
        let named = named(process);
        let earlier =
            before.and_then(|sample| sample.processes.iter().find(|other| other.pid == process.pid));
        if let Some(score) = process.oom_score.filter(|score| *score >= OOM_CRITICAL) {
            let detail = format!("{named} is next to be killed for its memory (oom score {score})");
            found.see(Kind::OomCritical, Severity::Critical, process.pid, now.at_ms, detail);
        }
        if let (Some(from), Some(to)) = (earlier.and_then(|earlier| earlier.oom_score), process.oom_score)
            && to - from > OOM_SPIKE
        {
            let detail = format!("the oom score of {named} rose from {from} to {to}");
            found.see(Kind::OomSpike, Severity::Warning, process.pid, now.at_ms, detail);
        }
        if let (Some(fds), Some(limit)) = (process.fds, now.fd_limit)
            && fds * 100 > limit * DESCRIPTORS_PERCENT
        {
            let detail = format!("{named} has {fds} files open, of {limit} that it may");
            found.see(Kind::DescriptorsHigh, Severity::Warning, process.pid, now.at_ms, detail);
        }
    }
}

/// Growth is measured up to the peak, so that a peak that passed is seen too.
fn grown(found: &mut Found, samples: &[Sample]) {
    let mut known: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for sample in samples {
        for process in &sample.processes {
            let Some(rss) = process.rss_kb.filter(|rss| *rss > 0) else { continue };
            let (first, peak) = known.entry(process.pid).or_insert((rss, rss));
            if rss > *peak && rss >= *first * GROWTH && rss - *first >= GROWTH_KB {
                let detail = format!("{} grew from {} MB to {} MB", named(process), *first >> 10, rss >> 10);
                found.see(Kind::MemoryGrowth, Severity::Warning, process.pid, sample.at_ms, detail);
            }
            *peak = (*peak).max(rss);
        }
    }
}

/// What must be so look after look.
fn lasting(found: &mut Found, samples: &[Sample]) {
    let mut runs: BTreeMap<(Kind, u32), (u32, u64)> = BTreeMap::new();
    let mut before: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for (number, sample) in samples.iter().enumerate() {
        let mut now: BTreeMap<(Kind, u32), String> = BTreeMap::new();
        let mut cpu = BTreeMap::new();
        for process in &sample.processes {
            let name = named(process);
            match process.state {
                'D' => now.insert((Kind::StuckInKernel, process.pid), format!("{name} waits for a device")),
                'Z' => now.insert(
                    (Kind::Zombie, process.pid),
                    format!("{name} exited, and its parent {} does not look after it", process.parent),
                ),
                _ => None,
            };
            let is_client = sample.processes.first().is_some_and(|client| client.pid == process.pid);
            if let Some(used) = process.cpu_ms.filter(|_| is_client) {
                cpu.insert(process.pid, (sample.at_ms, used));
                if let Some((at, earlier)) = before.get(&process.pid)
                    && used.saturating_sub(*earlier) * 100 >= sample.at_ms.saturating_sub(*at) * BUSY_PERCENT
                    && sample.at_ms > *at
                {
                    now.insert((Kind::Spinning, process.pid), format!("{name} keeps a whole core busy"));
                }
            }
        }
        before = cpu;
        // What is not so any more begins anew.
        runs.retain(|key, _| now.contains_key(key));
        let since = if number == 0 { 0 } else { samples[number - 1].at_ms };
        for (key, detail) in now {
            let run = runs.entry(key).or_insert((0, since));
            run.0 += 1;
            let (looks, since) = *run;
            let lasts = match key.0 {
                Kind::StuckInKernel => looks >= STUCK_LOOKS,
                Kind::Zombie => looks >= ZOMBIE_LOOKS,
                _ => sample.at_ms.saturating_sub(since) >= BUSY_MS,
            };
            if lasts {
                found.see(key.0, Severity::Warning, key.1, sample.at_ms, detail);
            }
        }
    }
}

/// What the events tell.
fn course(found: &mut Found, events: &[Timed]) {
    let mut tries: Vec<&Timed> = Vec::new();
    let mut spawned = None;
    for timed in events {
        let at = timed.at_ms;
        match &timed.event {
            Event::Retry { .. } => tries.push(timed),
            Event::Spawned { .. } => spawned = Some(at),
            Event::Turn { .. } => {
                let waited = spawned.take().map(|then| at.saturating_sub(then));
                if let Some(waited) = waited.filter(|waited| *waited >= SLOW_START_MS) {
                    let detail = format!("the client's first word came after {} s", waited / 1000);
                    found.see(Kind::SlowStart, Severity::Info, 0, at, detail);
                }
            }
            Event::Quiet { for_ms } if *for_ms >= SILENCE_MS => {
                let detail = format!("the stream was silent for {} s", for_ms / 1000);
                found.see(Kind::Silence, Severity::Info, 0, at, detail);
            }
            Event::Repeats(repeated) => {
                let detail = format!("it made the same call again and again: {}", repeated.told());
                found.see(Kind::Repetition, Severity::Warning, 0, at, detail);
            }
            _ => {}
        }
    }
    if tries.len() >= RETRIES as usize {
        for timed in tries {
            let Event::Retry { error, .. } = &timed.event else { continue };
            let class = if error.is_empty() { "no answer" } else { error };
            let detail = format!("the model service failed again and again, at last with {class}");
            found.see(Kind::ServiceTrouble, Severity::Warning, 0, timed.at_ms, detail);
        }
    }
}

fn named(process: &ProcessSample) -> String {
    format!("{} ({})", process.name, process.pid)
}

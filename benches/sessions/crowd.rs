//! Two hundred sessions in one process, each with its player, warden, log and watch on its transcript, that think and say nothing: what they
//! take while they are idle, and to begin and to end.

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use autoskillit::core::stop::Stop;
use autoskillit::execution::facts::Update;
use autoskillit::execution::race::Termination;
use autoskillit::execution::session::{Ended, Glimpse};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::exit::{delays, report};
use crate::held::{
    Memory, cpu_of, descriptors, forget_peak, lives, own_cpu, parent, peak, threads, waited_cpu,
};
use crate::kitchen::{Kitchen, Ticket};
use crate::table::{Budget, Spread, heading, judged, row};
use crate::warden;

/// Sessions at once.
const CROWD: usize = 200;

/// Percent of a core for each fifty idle ones.
const BUDGET: f64 = 1.0 * CROWD as f64 / 50.0;

/// How long they are watched while they are idle, young and settled: at first their processes are looked at more often.
const YOUNG: Duration = Duration::from_secs(10);
const SETTLED: Duration = Duration::from_secs(20);

/// Records that one transcript gets, and the time between two.
const RECORDS: u32 = 1000;
const BETWEEN: Duration = Duration::from_millis(1);

/// Sessions that come and go among the others.
const GUESTS: usize = 50;

/// How long the last of it may take to go.
const LAST: Duration = Duration::from_secs(5);

/// What a session of the crowd tells.
enum News {
    Thinks,
    Ended(Box<Ended>),
}

pub(crate) fn measure(kitchen: &Arc<Kitchen>) {
    let tickets: Vec<Arc<Ticket>> = (0..CROWD).map(|_| Arc::new(kitchen.ticket())).collect();
    heading(&format!("{CROWD} sessions at once in one process"));
    let me = std::process::id();
    // One before them, because the first of a process leaves what all need.
    delays(kitchen, &kitchen.player("leave", "0.1"), 0);
    all_gone(me, usize::MAX);
    forget_peak();
    let before = Held::by(me);
    let (began, cpu) = (Instant::now(), own_cpu());

    let (wish, stop) = watch::channel(Stop::No);
    let (tell, mut told) = mpsc::unbounded_channel();
    let sessions = kitchen.runtime.spawn(run_all(Arc::clone(kitchen), tickets.clone(), tell, stop));
    let (mut thinking, mut early) = (0, Vec::new());
    while thinking + early.len() < CROWD {
        match told.blocking_recv() {
            Some(News::Thinks) => thinking += 1,
            Some(News::Ended(ended)) => early.push(ended),
            None => break,
        }
    }
    let (start, start_cpu) = (began.elapsed(), own_cpu() - cpu);
    judged("sessions that run", thinking, &Budget::all(thinking, CROWD));
    if let Some(ended) = early.first() {
        println!("    {}", ended.verdict.because.join("; "));
    }
    row("until all of them think, in s", format!("{:.2}", start.as_secs_f64()));
    row("    our CPU time, in ms by session", format!("{:.2}", millis(start_cpu) / CROWD as f64));

    let clients: Vec<u32> = tickets.iter().filter_map(|ticket| ticket.client()).collect();
    let wardens: Vec<u32> = clients.iter().filter_map(|pid| parent(*pid)).filter(|pid| *pid != 1).collect();
    idle("idle, the first", YOUNG, &wardens, &clients);
    let share = idle("idle, the next", SETTLED, &wardens, &clients);
    let now = Held::by(me);
    let each = |what: f64| what / CROWD as f64;
    row(
        "our memory: resident, of each session, in MB",
        format!("{:.1}, {:.3}", now.memory.resident, each(now.memory.resident - before.memory.resident)),
    );
    row("    at the peak, in MB", format!("{:.1}", peak()));
    row("our threads, before and now", format!("{}, {}", before.threads, now.threads));
    row(
        "our descriptors, of each session",
        format!("{}, {:.1}", now.descriptors, each((now.descriptors - before.descriptors) as f64)),
    );
    row("    of them inotify instances (128 for a user, usually)", now.watchers);

    growing(&tickets, share);
    let guests = delays(kitchen, &kitchen.player("leave", "0.1"), GUESTS);
    report("from exit to verdict among them, in ms: the player", &guests);

    let sizes: Vec<Memory> = wardens.iter().filter_map(|pid| Memory::of(*pid)).collect();
    println!("  their wardens:");
    warden::sizes(&sizes);
    row(
        "memory of their own, all together, in MB",
        format!("{:.0}", Spread::of(sizes.iter().map(|size| size.own)).sum()),
    );
    row(
        "with common pages once, all together, in MB",
        format!("{:.0}", Spread::of(sizes.iter().map(|size| size.share)).sum()),
    );

    let (ending, cpu) = (Instant::now(), own_cpu());
    wish.send_replace(Stop::Gently);
    let ended = kitchen.runtime.block_on(sessions).expect("all sessions end");
    row("until all of them are ended, in s", format!("{:.2}", ending.elapsed().as_secs_f64()));
    row("    our CPU time, in ms by session", format!("{:.2}", millis(own_cpu() - cpu) / CROWD as f64));
    row(
        "CPU time of wardens and players of all sections so far, in s",
        format!("{:.1}", waited_cpu().as_secs_f64()),
    );
    let cancelled = ended.iter().filter(|ended| ended.termination == Termination::Cancelled).count();
    judged("sessions that ended as they were told", cancelled, &Budget::all(cancelled, CROWD));
    let whole = ended.iter().filter(|ended| ended.log_trouble.is_none()).count();
    judged("whole logs", whole, &Budget::all(whole, CROWD));
    let left = wardens.iter().chain(&clients).filter(|pid| lives(**pid)).count();
    judged("processes that are left", left, &Budget::all(left, 0));
    all_gone(me, before.descriptors);
    let after = Held::by(me);
    judged("inotify instances that are left", after.watchers, &Budget::all(after.watchers, 0));
    judged(
        "descriptors that are left",
        after.descriptors.saturating_sub(before.descriptors),
        &Budget::all(after.descriptors.saturating_sub(before.descriptors), 0),
    );
}

/// Waits for the last of ended sessions, whose tasks are dropped a moment later: no watcher, and no more descriptors than these.
fn all_gone(me: u32, most: usize) {
    let until = Instant::now() + LAST;
    while Instant::now() < until {
        let (held, watchers) = descriptors(me);
        if watchers == 0 && held <= most {
            break;
        }
        std::thread::yield_now();
    }
}

/// Runs all of them to their ends, each in a task of its own.
async fn run_all(
    kitchen: Arc<Kitchen>,
    tickets: Vec<Arc<Ticket>>,
    tell: mpsc::UnboundedSender<News>,
    stop: watch::Receiver<Stop>,
) -> Vec<Ended> {
    let client = Arc::new(kitchen.player("think", "0"));
    let mut all = JoinSet::new();
    for ticket in tickets {
        let (kitchen, client) = (Arc::clone(&kitchen), Arc::clone(&client));
        let (tell, stop) = (tell.clone(), stop.clone());
        all.spawn(async move {
            let watch = |glimpse: Glimpse| {
                // The empty word is the thought, with which the player goes on until it is ended.
                if matches!(&glimpse, Glimpse::Update(Update::Saying(text)) if text.is_empty()) {
                    let _ = tell.send(News::Thinks);
                }
            };
            let ended = kitchen.run(&ticket, &client, &watch, stop).await;
            let _ = tell.send(News::Ended(Box::new(ended.clone())));
            ended
        });
    }
    all.join_all().await
}

/// What a process holds.
struct Held {
    memory: Memory,
    threads: usize,
    descriptors: usize,
    watchers: usize,
}

impl Held {
    fn by(pid: u32) -> Self {
        let (descriptors, watchers) = descriptors(pid);
        let memory = Memory::of(pid).expect("the process lives");
        Self { memory, threads: threads(pid), descriptors, watchers }
    }
}

/// The share of a core that we take in this time, in percent.
fn idle(when: &str, time: Duration, wardens: &[u32], clients: &[u32]) -> f64 {
    let of_all = |pids: &[u32]| pids.iter().filter_map(|pid| cpu_of(*pid)).sum::<Duration>();
    let (cpu, theirs) = (own_cpu(), (of_all(wardens), of_all(clients)));
    let looked = own_cpu() - cpu;
    let began = Instant::now();
    std::thread::sleep(time);
    let (took, used) = (began.elapsed(), own_cpu() - cpu - looked);
    let percent = |cpu: Duration| cpu.as_secs_f64() / took.as_secs_f64() * 100.0;
    let share = percent(used);
    judged(
        &format!("{when} {} s: our share of a core, in %", time.as_secs()),
        format!("{share:.2}"),
        &Budget::at_most(share, BUDGET, "%"),
    );
    let [of_wardens, of_clients] = [(theirs.0, wardens), (theirs.1, clients)]
        .map(|(before, pids)| percent(of_all(pids).saturating_sub(before)));
    row("    of all wardens, of all players, in %", format!("{of_wardens:.2}, {of_clients:.2}"));
    share
}

/// One of the transcripts grows, record by record.
fn growing(tickets: &[Arc<Ticket>], idle: f64) {
    let path = &tickets[0].transcript;
    let mut file =
        OpenOptions::new().create(true).append(true).open(path).expect("a transcript can be written");
    let (began, cpu) = (Instant::now(), own_cpu());
    for _ in 0..RECORDS {
        file.write_all(b"{\"type\":\"assistant\"}\n").expect("a transcript can be written");
        std::thread::sleep(BETWEEN);
    }
    let used = millis(own_cpu() - cpu) - millis(began.elapsed()) * idle / 100.0;
    row("CPU time for a record of one transcript, in ms", format!("{:.3}", used / f64::from(RECORDS)));
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

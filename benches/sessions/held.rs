//! What processes hold and use, as the kernel tells it.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};

/// What a process holds in memory, in MB.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    /// All of it.
    pub(crate) resident: f64,
    /// The same with pages that others have too counted by their share.
    pub(crate) share: f64,
    /// What no other process has at the moment, pages of the program's file among them when it runs but once.
    pub(crate) alone: f64,
    /// Of that, what is in no file: what one more of the program takes.
    pub(crate) own: f64,
}

impl Memory {
    /// `None` for a process that is gone.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let maps = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let own = field(&maps, "Private_Dirty:")?;
        let alone = field(&maps, "Private_Clean:")? + own;
        Some(Self { resident: field(&maps, "Rss:")?, share: field(&maps, "Pss:")?, alone, own })
    }
}

/// A field of such a file, in MB.
fn field(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<f64>().ok()? / 1024.0)
}

/// The most that this process was resident since [`forget_peak`], in MB.
pub(crate) fn peak() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("this process has a status");
    field(&status, "VmHWM:").expect("the kernel keeps the peak")
}

/// From now on the peak is a new one.
pub(crate) fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").expect("the kernel forgets a peak");
}

/// CPU time of this process so far.
pub(crate) fn own_cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("every process has this clock").into()
}

/// CPU time of all processes that this one waited for, and of those that they waited for.
pub(crate) fn waited_cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("usage can be read");
    let micros = (usage.user_time() + usage.system_time()).num_microseconds();
    Duration::from_micros(micros.unsigned_abs())
}

/// From this share of a core on that others take, in percent, times tell more of them than of us.
const BUSY: f64 = 15.0;

/// What others take of the machine meanwhile: the noise in all that is measured.
pub(crate) struct Noise {
    began: Instant,
    all: Duration,
    ours: Duration,
}

impl Noise {
    pub(crate) fn start() -> Self {
        Self { began: Instant::now(), all: machine_cpu(), ours: own_cpu() + waited_cpu() }
    }

    /// Says it. All processes of ours have to be waited for.
    pub(crate) fn tell(&self) {
        let ours = own_cpu() + waited_cpu() - self.ours;
        let others = (machine_cpu() - self.all).saturating_sub(ours).as_secs_f64();
        let share = others / self.began.elapsed().as_secs_f64() * 100.0;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let judgement = if share > BUSY { ": too busy to judge times by" } else { "" };
        println!("  (meanwhile others took {share:.0} % of a core, of {cores} cores{judgement})");
    }
}

/// CPU time that all cores of the machine have spent on anything, in steps of a hundredth of a second.
fn machine_cpu() -> Duration {
    let text = fs::read_to_string("/proc/stat").expect("the kernel counts");
    let first = text.lines().next().unwrap_or_default();
    // user, nice, system, idle, iowait, irq, softirq, steal
    let ticks: Vec<u64> =
        first.split_ascii_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    let busy = [0, 1, 2, 5, 6, 7].iter().filter_map(|at| ticks.get(*at)).sum::<u64>();
    Duration::from_millis(busy * 10)
}

/// CPU time of another process so far, to the nanosecond; `stat` counts in hundredths of a second.
pub(crate) fn cpu_of(pid: u32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
    text.split_ascii_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// Open descriptors of a process, and how many of them are inotify instances.
pub(crate) fn descriptors(pid: u32) -> (usize, usize) {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let targets: Vec<_> = entries.filter_map(|entry| fs::read_link(entry.path()).ok()).collect();
    let watchers = targets.iter().filter(|target| target.as_os_str() == "anon_inode:inotify").count();
    (targets.len(), watchers)
}

/// Threads of a process.
pub(crate) fn threads(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count)
}

/// Whether a process has not exited: it is there, and no zombie without threads.
pub(crate) fn lives(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // The name may hold blanks and parentheses. Behind it: the state, and 17 fields later the number of threads.
    let Some((_, fields)) = stat.rsplit_once(')') else { return false };
    let mut fields = fields.split_ascii_whitespace();
    let zombie = matches!(fields.next(), Some("Z" | "X") | None);
    !zombie || fields.nth(16).is_some_and(|threads| threads.parse::<u32>().unwrap_or(0) > 1)
}

/// The parent of a process.
pub(crate) fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

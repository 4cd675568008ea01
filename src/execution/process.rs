//! Which process it was, and what a session's processes take at a moment.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A process by what no other has: its id is given to another one day, its id with the moment of its start only after the
/// machine was started anew, and then the boot id differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its id.
    pub pid: u32,
    /// When it was started, in clock ticks since the machine was; `None` where the system does not say.
    pub start_ticks: Option<u64>,
    /// The kernel's id of this life of the machine; `None` where it has none.
    pub boot_id: Option<String>,
}

impl Identity {
    /// This program.
    #[must_use]
    pub fn this() -> Self {
        Self::of(std::process::id())
    }

    /// A process that runs.
    #[must_use]
    pub fn of(pid: u32) -> Self {
        Self { pid, start_ticks: system::start_ticks(pid), boot_id: system::boot_id() }
    }

    /// Whether this very process runs. Where the system tells too little to be sure, one of its id is taken for it.
    #[must_use]
    pub fn runs(&self) -> bool {
        let differs = |a: &Option<String>, b: &Option<String>| matches!((a, b), (Some(a), Some(b)) if a != b);
        if differs(&self.boot_id, &system::boot_id()) {
            return false;
        }
        match (self.start_ticks, system::start_ticks(self.pid)) {
            (Some(then), Some(now)) => then == now,
            (Some(_), None) => false,
            (None, _) => system::exists(self.pid),
        }
    }
}

/// One process of a session at a moment; what could not be read is `None`, never a number that looks like one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessSample {
    /// Its id.
    pub pid: u32,
    /// Its parent's id.
    pub parent: u32,
    /// Its name, at most 15 bytes long.
    pub name: String,
    /// The kernel's letter: `R` runs, `S` sleeps, `D` waits for a device, `Z` has exited, `T` is stopped.
    pub state: char,
    /// Resident memory, in KiB.
    pub rss_kb: Option<u64>,
    /// CPU time so far, with that of children it waited for, in milliseconds.
    pub cpu_ms: Option<u64>,
    /// Bytes read and written so far (files, pipes, terminals; not what sockets receive and send by calls of their own), with those of
    /// children it waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub io_bytes: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
    /// Open file descriptors.
    pub fds: Option<u64>,
    /// The kernel's score for whom to kill when memory runs out, from 0 to 1000 and a little above.
    pub oom_score: Option<i64>,
}

/// All processes of a session at a moment; the client is the first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Milliseconds since the session began.
    pub at_ms: u64,
    /// How many descriptors the client may open.
    pub fd_limit: Option<u64>,
    /// The processes.
    pub processes: Vec<ProcessSample>,
}

/// At most this many processes of a session are looked at: a build may start hundreds.
const MOST: usize = 64;

/// Looks at the client `root` and all below it. Empty where the system has no cheap answer, or the client is gone.
#[must_use]
pub fn sample(at: Duration, root: u32) -> Sample {
    let mut open = vec![root];
    let mut processes = Vec::new();
    let mut next = 0;
    while next < open.len() && processes.len() < MOST {
        let pid = open[next];
        next += 1;
        if let Some(process) = system::look(pid) {
            processes.push(process);
            open.extend(system::children(pid));
        }
    }
    let fd_limit = if processes.is_empty() { None } else { system::fd_limit(root) };
    Sample { at_ms: crate::core::time::millis(at), fd_limit, processes }
}

/// What a process and all below it that are still there have done so far, with children that they waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// CPU time, in milliseconds.
    pub cpu_ms: u64,
    /// Bytes read and written, as in [`ProcessSample::io_bytes`]; those of processes that may not be looked into are left out.
    pub io_bytes: u64,
}

/// The work of `root` and all below it. `None` where the system has no cheap answer, or the process is gone.
#[must_use]
pub fn work(root: u32) -> Option<Work> {
    let mut all: Option<Work> = None;
    let mut open = vec![root];
    while let Some(pid) = open.pop() {
        if let Some(cpu_ms) = system::cpu_ms(pid) {
            let all = all.get_or_insert_default();
            all.cpu_ms += cpu_ms;
            all.io_bytes += system::io_bytes(pid).unwrap_or_default();
            open.extend(system::children(pid));
        }
    }
    all
}

/// When to look next: often at first, when things go wrong fastest, then at most once a minute, and ever more seldom in a session
/// of many hours, so that no log grows without end.
#[must_use]
pub fn next_look(elapsed: Duration) -> Duration {
    let pause = (elapsed / 4).clamp(Duration::from_secs(1), Duration::from_secs(60));
    elapsed + pause.max(elapsed / 120)
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs;
    use std::path::Path;

    use super::ProcessSample;

    pub(super) fn boot_id() -> Option<String> {
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(id.trim().to_owned()).filter(|id| !id.is_empty())
    }

    pub(super) fn exists(pid: u32) -> bool {
        Path::new(&format!("/proc/{pid}")).exists()
    }

    pub(super) fn start_ticks(pid: u32) -> Option<u64> {
        let (_, fields) = stat(pid)?;
        fields.get(19)?.parse().ok()
    }

    /// The name, and the fields of `/proc/<pid>/stat` behind it, counted from the state (field 3 of proc(5)).
    fn stat(pid: u32) -> Option<(String, Vec<String>)> {
        let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
        let text = String::from_utf8_lossy(&text);
        // The name may hold blanks and parentheses.
        let (head, tail) = text.rsplit_once(')')?;
        let name = head.split_once('(')?.1.to_owned();
        Some((name, tail.split_ascii_whitespace().map(str::to_owned).collect()))
    }

    pub(super) fn cpu_ms(pid: u32) -> Option<u64> {
        used(&stat(pid)?.1)
    }

    /// With that of children it waited for.
    fn used(fields: &[String]) -> Option<u64> {
        let ticks = [11, 12, 13, 14].into_iter().map(|at| fields.get(at)?.parse::<u64>().ok());
        ticks.sum::<Option<u64>>().map(|ticks| ticks * 1000 / hertz())
    }

    pub(super) fn io_bytes(pid: u32) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
        let field =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
        Some(field("rchar:")? + field("wchar:")?)
    }

    pub(super) fn look(pid: u32) -> Option<ProcessSample> {
        let (name, fields) = stat(pid)?;
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
        let state = fields.first()?.chars().next()?;
        let dead = state == 'Z';
        Some(ProcessSample {
            pid,
            parent: number(1).and_then(|parent| u32::try_from(parent).ok()).unwrap_or_default(),
            name,
            state,
            rss_kb: number(21).filter(|_| !dead).map(|pages| pages * page_kb()),
            cpu_ms: used(&fields),
            io_bytes: io_bytes(pid),
            threads: number(17),
            fds: fs::read_dir(format!("/proc/{pid}/fd")).ok().map(|entries| entries.count() as u64),
            oom_score: fs::read_to_string(format!("/proc/{pid}/oom_score"))
                .ok()
                .and_then(|score| score.trim().parse().ok()),
        })
    }

    pub(super) fn children(pid: u32) -> Vec<u32> {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
        lists
            .flat_map(|list| {
                list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()
            })
            .collect()
    }

    pub(super) fn fd_limit(pid: u32) -> Option<u64> {
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
        let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
        line.split_ascii_whitespace().next()?.parse().ok()
    }

    fn hertz() -> u64 {
        configured(nix::unistd::SysconfVar::CLK_TCK, 100)
    }

    fn page_kb() -> u64 {
        configured(nix::unistd::SysconfVar::PAGE_SIZE, 4096) / 1024
    }

    fn configured(variable: nix::unistd::SysconfVar, usual: u64) -> u64 {
        let value = nix::unistd::sysconf(variable).ok().flatten();
        value.and_then(|value| u64::try_from(value).ok()).filter(|value| *value > 0).unwrap_or(usual)
    }
}

/// Other systems give no cheap answers: sessions are logged without samples there, and processes known by their ids.
#[cfg(not(target_os = "linux"))]
mod system {
    use nix::errno::Errno;

    use super::ProcessSample;

    pub(super) fn boot_id() -> Option<String> {
        None
    }

    pub(super) fn exists(pid: u32) -> bool {
        let Ok(pid) = i32::try_from(pid) else { return false };
        !matches!(nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None), Err(Errno::ESRCH))
    }

    pub(super) fn start_ticks(_pid: u32) -> Option<u64> {
        None
    }

    pub(super) fn cpu_ms(_pid: u32) -> Option<u64> {
        None
    }

    pub(super) fn io_bytes(_pid: u32) -> Option<u64> {
        None
    }

    pub(super) fn look(_pid: u32) -> Option<ProcessSample> {
        None
    }

    pub(super) fn children(_pid: u32) -> Vec<u32> {
        Vec::new()
    }

    pub(super) fn fd_limit(_pid: u32) -> Option<u64> {
        None
    }
}

//! The table read from /proc. Whatever vanishes while it is read is left out.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use super::{Process, shorten};
use crate::execution::warden::{MODE, TAG_VARIABLE};

/// All processes. Those of this user that were started at `since` or later are searched for the tag.
pub(in super::super) fn snapshot(tag: &str, since: u64) -> Vec<Process> {
    let wanted = format!("{TAG_VARIABLE}={tag}").into_bytes();
    let user = nix::unistd::geteuid().as_raw();
    let now = uptime();
    let ticks = ticks_per_second();
    let mut text = Vec::new();
    let mut table = Vec::new();
    let Ok(entries) = fs::read_dir("/proc") else { return table };
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if read_into(&format!("/proc/{pid}/stat"), &mut text).is_none() {
            continue;
        }
        let Some(stat) = parse_stat(&text) else { continue };
        let mut process = Process {
            pid,
            parent: stat.parent,
            dead: stat.dead(),
            stopped: matches!(stat.state, b'T' | b't'),
            start: stat.start,
            age: now.saturating_sub(Duration::from_millis(stat.start.saturating_mul(1000) / ticks)),
            ..Process::default()
        };
        process.tagged = !process.dead
            && process.start >= since
            && fs::metadata(format!("/proc/{pid}")).is_ok_and(|folder| folder.uid() == user)
            && read_into(&format!("/proc/{pid}/environ"), &mut text).is_some()
            && text.split(|byte| *byte == 0).any(|variable| variable == wanted);
        table.push(process);
    }
    table
}

/// The living and dead children of a process, which costs far less than a snapshot; `None` where the kernel does not
/// tell. A child may be missing when others exit meanwhile.
pub(in super::super) fn children(pid: u32) -> Option<Vec<u32>> {
    let mut found = Vec::new();
    let mut text = Vec::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
        let path = thread.path().join("children");
        if read_into(path.to_str()?, &mut text).is_none() {
            // A thread may be gone, but a kernel without these files has none of them.
            if thread.path().exists() {
                return None;
            }
            continue;
        }
        found.extend(
            String::from_utf8_lossy(&text).split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok()),
        );
    }
    Some(found)
}

/// The command line of a process; its bare name where it has none.
pub(in super::super) fn command(process: &Process) -> String {
    let mut text = Vec::new();
    if read_into(&format!("/proc/{}/cmdline", process.pid), &mut text).is_some() && !text.is_empty() {
        let words: Vec<_> = text.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
        return shorten(&words.join(" "));
    }
    let stat = read_into(&format!("/proc/{}/stat", process.pid), &mut text).and_then(|()| parse_stat(&text));
    stat.map_or_else(String::new, |stat| shorten(&format!("[{}]", stat.name)))
}

/// Whether a process is a warden of this same binary, which ends its own session when it is asked to.
pub(in super::super) fn is_warden(process: &Process) -> bool {
    let mut text = Vec::new();
    let pid = process.pid;
    if read_into(&format!("/proc/{pid}/cmdline"), &mut text).is_none() {
        return false;
    }
    if text.split(|byte| *byte == 0).nth(1) != Some(MODE.as_bytes()) {
        return false;
    }
    // By file and not by name: the binary may have been replaced or deleted since.
    let file = |path: &str| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    let theirs = file(&format!("/proc/{pid}/exe"));
    theirs.is_some() && theirs == file("/proc/self/exe")
}

/// Whether a process of a snapshot still runs: one that is exiting or has exited cannot be asked anything any more, not
/// even whether it is a warden.
pub(in super::super) fn runs(process: &Process) -> bool {
    let mut text = Vec::new();
    let stat = read_into(&format!("/proc/{}/stat", process.pid), &mut text).and_then(|()| parse_stat(&text));
    stat.is_some_and(|stat| stat.start == process.start && stat.flags & EXITING == 0 && !stat.dead())
}

/// When this process was started, in the unit of [`Process::start`].
pub(in super::super) fn own_start() -> u64 {
    let mut text = Vec::new();
    let stat = read_into("/proc/self/stat", &mut text).and_then(|()| parse_stat(&text));
    stat.map_or(0, |stat| stat.start)
}

/// Reads a file into a buffer that is used again and again.
fn read_into(path: &str, buffer: &mut Vec<u8>) -> Option<()> {
    buffer.clear();
    fs::File::open(path).ok()?.read_to_end(buffer).ok()?;
    Some(())
}

/// How long the machine has been up.
fn uptime() -> Duration {
    let text = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds = text.split_ascii_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0.0);
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// The unit of start times; 100 on every Linux in use.
fn ticks_per_second() -> u64 {
    let known = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok().flatten();
    known.and_then(|ticks| u64::try_from(ticks).ok()).filter(|ticks| *ticks > 0).unwrap_or(100)
}

/// The flag of a process that is exiting: `PF_EXITING` in the kernel's include/linux/sched.h.
const EXITING: u32 = 0x4;

/// What is used of /proc/<pid>/stat.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    name: String,
    state: u8,
    parent: u32,
    flags: u32,
    threads: u32,
    start: u64,
}

impl Stat {
    /// A process whose first thread is a zombie lives on while it has others.
    fn dead(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x') && self.threads <= 1
    }
}

/// Reads a stat line: `pid (name) state parent …`, where the name may hold anything, parentheses included.
fn parse_stat(line: &[u8]) -> Option<Stat> {
    let open = line.iter().position(|byte| *byte == b'(')?;
    let close = line.iter().rposition(|byte| *byte == b')')?;
    let name = String::from_utf8_lossy(line.get(open + 1..close)?).into_owned();
    let rest = std::str::from_utf8(&line[close + 1..]).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // Counted from the state, which is field 3 of proc(5): parent 4, flags 9, num_threads 20, starttime 22.
    Some(Stat {
        name,
        state: *fields.first()?.as_bytes().first()?,
        parent: fields.get(1)?.parse().ok()?,
        flags: fields.get(6)?.parse().ok()?,
        threads: fields.get(17)?.parse().ok()?,
        start: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: &str = "8850 8853 8853 0 -1 4194560 1209 22878 1 7 2 0 21 14 20 0 3 0 167151 5124096 939";

    #[test]
    fn reads_a_stat_line_whatever_the_name() {
        for name in ["bash", "a b", "x) S 1 (y", "", "((", "tmux: server)"] {
            let line = format!("8853 ({name}) S {TAIL}\n");
            let expected = Stat {
                name: name.into(),
                state: b'S',
                parent: 8850,
                flags: 4_194_560,
                threads: 3,
                start: 167_151,
            };
            assert_eq!(parse_stat(line.as_bytes()), Some(expected), "{name}");
        }
        let line = [b"1 (\xff\xfe) R ".as_slice(), TAIL.as_bytes()].concat();
        assert_eq!(parse_stat(&line).map(|stat| stat.parent), Some(8850));
    }

    #[test]
    fn a_broken_stat_line_is_nothing() {
        for line in ["", "1", "1 (a", "1 (a)", "1 (a) S", "1 (a) S x y", ")(", "1 (a) S 1 2 3"] {
            assert_eq!(parse_stat(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn a_zombie_with_threads_lives() {
        let stat =
            |state, threads| Stat { name: String::new(), state, parent: 1, flags: 0, threads, start: 0 };
        assert!(stat(b'Z', 1).dead());
        assert!(!stat(b'Z', 2).dead());
        assert!(!stat(b'D', 1).dead());
    }

    #[test]
    fn finds_itself() {
        let me = std::process::id();
        let table = snapshot("nobody carries this", 0);
        let own = table.iter().find(|process| process.pid == me).unwrap();
        assert_eq!(own.start, own_start());
        assert!(!own.dead && !own.tagged);
        assert!(own.age < Duration::from_secs(3600));
        assert!(!command(own).is_empty());
        assert!(runs(own) && !runs(&Process { start: 1, ..own.clone() }));
    }
}

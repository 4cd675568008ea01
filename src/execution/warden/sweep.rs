//! Finding and ending what a session left.
//!
//! Two marks show that a process belongs: it descends from the warden, or it carries the session's tag. Descent is
//! exact on Linux, where the warden is the reaper of all its descendants: as long as one lives, the warden has a child.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::processes::{self, Process};
use super::protocol::{EndedBy, FoundBy, Leftover};
use crate::core::time::millis;

/// What goes by itself within this time after the client is no leftover: its tool servers end a moment after it.
const SETTLE: Duration = Duration::from_millis(50);
/// When what was asked to end is killed.
const GRACE: Duration = Duration::from_millis(500);
/// When a warden within the session is killed: it needs the time of its own ladder and sweep.
const NESTED_GRACE: Duration = Duration::from_secs(5);
/// How long the killing may take; only a process stuck in the kernel needs it.
const KILLING: Duration = Duration::from_secs(1);
/// How often new processes are stopped before the kill. What forks faster than this is met again in the next round.
const FREEZE_ROUNDS: usize = 64;
/// How many leftovers are listed; the others are counted.
const LISTED: usize = 256;

/// What a sweep found and ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// The processes.
    pub left: Vec<Leftover>,
    /// How many more there were than `left` lists.
    pub unlisted: u32,
}

/// Ends every process of this user that carries the tag, and all that descend from one, without their warden: for a
/// warden that was killed, or for a session of an earlier run. Never touches this process or those it descends from.
///
/// Blocks: for some milliseconds when there is nothing, else up to 1.5 s (6 s when there is a warden among them).
#[must_use]
pub fn sweep(tag: &str) -> Swept {
    /// Without a warden the children belong to others, and time is all there is to wait for.
    struct Outside;
    impl Keeper for Outside {
        fn childless(&mut self) -> bool {
            true
        }
        fn pause(&mut self, time: Duration) -> Hurry {
            std::thread::sleep(time);
            Hurry::No
        }
    }
    let mut broom =
        Broom::new(Scope { tag: tag.to_owned(), since: 0, descendants: false, spare_wardens: true });
    broom.run(&mut Outside, Hurry::No);
    broom.swept()
}

/// Which processes belong.
#[derive(Debug)]
pub(super) struct Scope {
    /// The tag.
    pub tag: String,
    /// No process that started earlier carries it; in the unit of [`Process::start`].
    pub since: u64,
    /// Whether the descendants of this process belong.
    pub descendants: bool,
    /// Whether wardens among them end their own sessions, so that only they are asked.
    pub spare_wardens: bool,
}

/// How fast the end must come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hurry {
    /// Ask first.
    No,
    /// Kill, but let other wardens do their work.
    Kill,
    /// Kill everything.
    KillAll,
}

/// What the sweep needs from the process it runs in.
pub(super) trait Keeper {
    /// Reaps what has exited; says whether there is no child left.
    fn childless(&mut self) -> bool;
    /// Waits this long, or until a child exits; says whether somebody has lost patience.
    fn pause(&mut self, time: Duration) -> Hurry;
}

/// A process that belongs, and how that shows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    process: Process,
    by: FoundBy,
}

/// The processes that belong.
#[derive(Debug, Default, PartialEq, Eq)]
struct Members {
    /// Those to be ended from here.
    plain: Vec<Found>,
    /// Wardens that end their own; what is below them is in neither list.
    wardens: Vec<Found>,
}

/// The sweep of one session.
#[derive(Debug)]
pub(super) struct Broom {
    scope: Scope,
    left: BTreeMap<(u32, u64), Leftover>,
    unlisted: BTreeSet<(u32, u64)>,
}

impl Broom {
    pub(super) fn new(scope: Scope) -> Self {
        Self { scope, left: BTreeMap::new(), unlisted: BTreeSet::new() }
    }

    /// What was found so far.
    pub(super) fn swept(self) -> Swept {
        let unlisted = u32::try_from(self.unlisted.len()).unwrap_or(u32::MAX);
        Swept { left: self.left.into_values().collect(), unlisted }
    }

    /// Asks every member to end. Those that follow are no leftovers: the client is still there.
    pub(super) fn terminate(&self) {
        let members = self.members();
        for found in members.plain.iter().chain(&members.wardens) {
            ask(&found.process);
        }
    }

    /// Kills every member at once; all but the client are leftovers.
    pub(super) fn kill(&mut self, client: u32) {
        self.kill_members(Some(client));
    }

    /// Ends every member, asking first, until none is left or the time is over.
    pub(super) fn run(&mut self, keeper: &mut dyn Keeper, mut hurry: Hurry) {
        let began = Instant::now();
        let mut limit = GRACE + KILLING;
        let mut asked = BTreeSet::new();
        let mut pause = Duration::from_millis(5);
        loop {
            self.scope.spare_wardens = hurry < Hurry::KillAll && began.elapsed() < NESTED_GRACE;
            let childless = keeper.childless();
            let members = self.members();
            if members.plain.is_empty() && members.wardens.is_empty() && childless {
                return;
            }
            let elapsed = began.elapsed();
            if !members.wardens.is_empty() {
                limit = NESTED_GRACE + KILLING;
            }
            if elapsed >= limit {
                members
                    .plain
                    .iter()
                    .chain(&members.wardens)
                    .for_each(|found| self.note(found, EndedBy::Nothing));
                return;
            }
            if hurry >= Hurry::Kill || elapsed >= GRACE {
                self.kill_members(None);
            }
            if hurry >= Hurry::Kill || elapsed >= SETTLE {
                let due = if hurry >= Hurry::Kill || elapsed >= GRACE { &[][..] } else { &members.plain[..] };
                for found in due.iter().chain(&members.wardens) {
                    if asked.insert((found.process.pid, found.process.start)) {
                        self.note(found, EndedBy::Terminate);
                        ask(&found.process);
                    }
                }
            }
            hurry = hurry.max(keeper.pause(pause));
            pause = (pause * 2).min(Duration::from_millis(40));
        }
    }

    /// Stops all members so that none can fork away, then kills them.
    fn kill_members(&mut self, client: Option<u32>) {
        let mut frozen = BTreeSet::new();
        for _ in 0..FREEZE_ROUNDS {
            let fresh: Vec<u32> = self.pids().into_iter().filter(|pid| frozen.insert(*pid)).collect();
            if fresh.is_empty() {
                break;
            }
            fresh.into_iter().for_each(|pid| send(pid, Signal::SIGSTOP));
        }
        for found in self.members().plain {
            if Some(found.process.pid) != client {
                self.note(&found, EndedBy::Kill);
            }
            frozen.insert(found.process.pid);
        }
        frozen.into_iter().for_each(|pid| send(pid, Signal::SIGKILL));
    }

    /// Remembers a leftover and the last that was done to it.
    fn note(&mut self, found: &Found, ended_by: EndedBy) {
        let Found { process, by } = found;
        if ended_by != EndedBy::Nothing && !processes::runs(process) {
            // It went between the snapshot and now, and no signal of ours had a part in that.
            return;
        }
        let name = (process.pid, process.start);
        if let Some(known) = self.left.get_mut(&name) {
            known.ended_by = ended_by;
        } else if self.left.len() < LISTED {
            let leftover = Leftover {
                pid: process.pid,
                command: processes::command(process),
                age_ms: millis(process.age),
                found_by: *by,
                ended_by,
            };
            self.left.insert(name, leftover);
        } else {
            self.unlisted.insert(name);
        }
    }

    fn members(&self) -> Members {
        let table = processes::snapshot(&self.scope.tag, self.scope.since);
        select(&table, std::process::id(), &self.scope, processes::is_warden)
    }

    /// The ids of the plain members, as fast as they can be had, so as to win against one that forks.
    fn pids(&self) -> Vec<u32> {
        let me = std::process::id();
        if !self.scope.descendants || processes::children(me).is_none() {
            return self.members().plain.into_iter().map(|found| found.process.pid).collect();
        }
        let mut pids = Vec::new();
        let mut open = vec![me];
        while let Some(parent) = open.pop() {
            for pid in processes::children(parent).unwrap_or_default() {
                let process = Process { pid, ..Process::default() };
                if !self.scope.spare_wardens || !processes::is_warden(&process) {
                    pids.push(pid);
                    open.push(pid);
                }
            }
        }
        pids
    }
}

/// Picks the members of a session from a table: the process `me` and those it descends from never are.
fn select(table: &[Process], me: u32, scope: &Scope, is_warden: impl Fn(&Process) -> bool) -> Members {
    let by_pid: HashMap<u32, &Process> = table.iter().map(|process| (process.pid, process)).collect();
    // A table is not of one moment and could hold a ring, hence the bound.
    let line = |pid: u32| {
        std::iter::successors(by_pid.get(&pid).copied(), |process| by_pid.get(&process.parent).copied())
            .take(table.len())
    };
    let above: BTreeSet<u32> = line(me).map(|process| process.pid).chain([me, 0]).collect();

    let mut members = Members::default();
    for process in table {
        if process.dead || above.contains(&process.pid) {
            continue;
        }
        let own_line = || line(process.pid).take_while(|one| !above.contains(&one.pid));
        let by = if scope.descendants && own_line().any(|one| one.parent == me) {
            FoundBy::Parentage
        } else if own_line().any(|one| one.tagged) {
            FoundBy::Tag
        } else {
            continue;
        };
        let spared =
            |one: &Process| scope.spare_wardens && is_warden(one) && (by == FoundBy::Parentage || one.tagged);
        let found = Found { process: process.clone(), by };
        if own_line().skip(1).any(spared) {
            continue;
        } else if spared(process) {
            members.wardens.push(found);
        } else {
            members.plain.push(found);
        }
    }
    members
}

/// SIGTERM, and SIGCONT where it would not be acted on otherwise.
fn ask(process: &Process) {
    send(process.pid, Signal::SIGTERM);
    if process.stopped {
        send(process.pid, Signal::SIGCONT);
    }
}

/// Sends a signal. That the process is gone or not ours shows in the next look.
pub(super) fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().filter(|pid| *pid > 1) {
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The warden is 10, started by 5, below 1.
    const ME: u32 = 10;

    fn process(pid: u32, parent: u32) -> Process {
        Process { pid, parent, ..Process::default() }
    }

    fn tagged(pid: u32, parent: u32) -> Process {
        Process { tagged: true, ..process(pid, parent) }
    }

    fn scope(descendants: bool, spare_wardens: bool) -> Scope {
        Scope { tag: "t".into(), since: 0, descendants, spare_wardens }
    }

    /// The pids of (plain by parentage, plain by tag, wardens), where 20 and 50 are wardens.
    fn picked(table: &[Process], scope: &Scope) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
        let members = select(table, ME, scope, |process| matches!(process.pid, 20 | 50));
        let pids = |list: &[Found], by| {
            list.iter()
                .filter(|found| Some(found.by) == by || by.is_none())
                .map(|found| found.process.pid)
                .collect()
        };
        (
            pids(&members.plain, Some(FoundBy::Parentage)),
            pids(&members.plain, Some(FoundBy::Tag)),
            pids(&members.wardens, None),
        )
    }

    #[test]
    fn descendants_and_the_tagged_belong() {
        let table = [
            process(1, 0),
            tagged(5, 1), // above us: never, whatever it carries
            tagged(ME, 5),
            process(11, ME),
            tagged(12, 11),
            tagged(30, 1), // escaped
            process(31, 30),
            process(40, 1),
            process(41, 5),
            Process { dead: true, ..process(13, ME) },
        ];
        assert_eq!(picked(&table, &scope(true, true)), (vec![11, 12], vec![30, 31], vec![]));
        assert_eq!(picked(&table, &scope(false, true)), (vec![], vec![12, 30, 31], vec![]));
    }

    #[test]
    fn a_warden_answers_for_what_is_below_it() {
        let table =
            [process(1, 0), process(5, 1), process(ME, 5), process(11, ME), process(20, 11), process(21, 20)];
        assert_eq!(picked(&table, &scope(true, true)), (vec![11], vec![], vec![20]));
        assert_eq!(picked(&table, &scope(true, false)), (vec![11, 20, 21], vec![], vec![]));
    }

    #[test]
    fn a_warden_of_others_protects_nothing() {
        // We run within a session of the warden 50, to which orphans of a lost session of ours fall.
        let table =
            [process(1, 0), process(50, 1), process(5, 50), process(ME, 5), tagged(30, 50), process(60, 50)];
        assert_eq!(picked(&table, &scope(false, true)), (vec![], vec![30], vec![]));
    }

    #[test]
    fn a_torn_table_is_no_trap() {
        let table = [process(6, 7), process(7, 6), tagged(8, 9), process(9, 8), process(12, 11)];
        assert_eq!(picked(&table, &scope(true, true)), (vec![], vec![8, 9], vec![]));
    }

    #[test]
    fn a_sweep_of_nothing_is_empty() {
        assert_eq!(sweep("carried by nobody at all"), Swept::default());
    }
}

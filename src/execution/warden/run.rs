//! The warden process: takes one charge, runs it, ends it, accounts for it, exits.

#![expect(
    clippy::disallowed_types,
    reason = "a warden hears its parent and its signals through socket pairs"
)]

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use super::account::{Account, Climb, Times};
use super::client::{Client, start};
use super::descriptors;
use super::ladder::{Move, Rung};
use super::processes;
use super::protocol::{Exit, Order, Report, Sent};
use super::sweep::{Broom, Hurry, Keeper, Scope, send};
use crate::core::time::millis;

/// How long a report may take to be taken. The other side reads at once, unless it is stopped.
const REPORT_PATIENCE: Duration = Duration::from_secs(1);

/// The process of `autoskillit warden`: descriptor 0 is the socket to its parent, 1 and 2 become the client's output.
///
/// Exits with 0 when its duty is done, 1 when it was never told what to run, 2 when it cannot work at all.
#[must_use]
pub fn main() -> ExitCode {
    let warden = match Warden::begin() {
        Ok(warden) => warden,
        Err(error) => {
            let _ = writeln!(io::stderr(), "autoskillit warden is started by autoskillit itself ({error})");
            return ExitCode::from(2);
        }
    };
    match warden.serve() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(_) => ExitCode::from(2),
    }
}

/// The warden and all it waits for.
struct Warden {
    began: Instant,
    began_at: SystemTime,
    /// The socket, as long as there is somebody on the other side.
    parent: UnixStream,
    /// What was read from the socket and is not a whole line yet.
    heard: Vec<u8>,
    /// How much of it is known to hold no end of a line.
    searched: usize,
    parent_gone: bool,
    /// A byte arrives here for each child that changes its state.
    child_signals: UnixStream,
    /// A byte arrives here for each signal that asks us to end.
    end_signals: UnixStream,
    /// When the end of the session was asked for.
    asked: Option<Instant>,
    /// Whether it was asked for without patience.
    kill: bool,
    /// Whether the charge is taken, so that further lines are orders.
    charged: bool,
}

impl Warden {
    /// Takes the descriptors over and makes this process fit to watch over others.
    fn begin() -> io::Result<Self> {
        // First of all, so that Ctrl-C in a terminal does not reach us. Fails in a group leader, which nobody's
        // Ctrl-C reaches either.
        let _ = nix::unistd::setsid();
        let parent = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        parent.peer_addr()?;
        parent.set_write_timeout(Some(REPORT_PATIENCE))?;
        nix::unistd::dup2_stdin(null()?)?;
        #[cfg(all(target_os = "linux", not(feature = "portable-processes")))]
        nix::sys::prctl::set_child_subreaper(true)?;
        // Started as /proc/self/exe it would be listed as `exe`.
        #[cfg(target_os = "linux")]
        nix::sys::prctl::set_name(c"autoskillit")?;
        // A handled signal is at its default again in the client, even where it came to us ignored.
        let child_signals = signal_pipe(&[SIGCHLD])?;
        let end_signals = signal_pipe(&[SIGTERM, SIGINT, SIGHUP, SIGQUIT])?;
        Ok(Self {
            began: Instant::now(),
            began_at: SystemTime::now(),
            parent,
            heard: Vec::new(),
            searched: 0,
            parent_gone: false,
            child_signals,
            end_signals,
            asked: None,
            kill: false,
            charged: false,
        })
    }

    /// Runs one charge from its arrival to its account; `false` when none arrived.
    fn serve(mut self) -> io::Result<bool> {
        let line = loop {
            if let Some(line) = self.line() {
                break line;
            }
            if self.asked.is_some() {
                return Ok(false);
            }
            self.wait(None)?;
        };
        let Ok(Sent { charge, files }) = serde_json::from_slice::<Sent>(&line) else { return Ok(false) };
        drop(line);
        self.charged = true;
        self.follow_orders();

        let mut account = Account {
            schema_version: Account::VERSION,
            tag: charge.tag.clone(),
            pid: None,
            spawn_error: None,
            exit: None,
            rungs: Vec::new(),
            left: Vec::new(),
            unlisted: 0,
            parent_gone: false,
            times: Times::default(),
        };
        let report = charge.report.clone();
        let scope = Scope {
            tag: charge.tag.clone(),
            since: processes::own_start(),
            descendants: true,
            spare_wardens: true,
        };
        if let Some(files) = files {
            descriptors::set(files);
        }
        let started = start(charge);
        // From here on the client alone holds its pipes, so their end is its end.
        let null = null()?;
        nix::unistd::dup2_stdout(&null)?;
        nix::unistd::dup2_stderr(&null)?;
        drop(null);

        match started {
            Ok(client) => {
                account.pid = Some(client.child.id());
                account.times.spawned_ms = Some(self.now());
                self.tell(&Report::Spawned { pid: client.child.id() });
                self.watch(client, scope, &mut account)?;
            }
            Err((error, kind)) => {
                account.spawn_error = Some(error.clone());
                self.tell(&Report::SpawnFailed { error, kind });
            }
        }
        self.close(account, report.as_deref());
        Ok(true)
    }

    /// Waits for the client, ends it when asked to, and sweeps up behind it.
    fn watch(&mut self, client: Client, scope: Scope, account: &mut Account) -> io::Result<()> {
        let Client { mut child, ladder } = client;
        let pid = child.id();
        let mut broom = Broom::new(scope);
        let mut rung = None;
        let mut since = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                let exit = Exit { code: status.code(), signal: status.signal() };
                self.tell(&Report::Exited(exit));
                account.exit = Some(exit);
                account.times.exited_ms = Some(self.now());
                break;
            }
            reap_orphans(Some(pid));
            if self.asked.is_none() {
                self.wait(None)?;
                continue;
            }
            let next = match rung {
                Some(Rung::Kill) => ladder.next(rung, since.elapsed()),
                _ if self.kill => Move::Climb(Rung::Kill),
                _ => ladder.next(rung, since.elapsed()),
            };
            match next {
                Move::Wait(time) => self.wait(Some(time))?,
                Move::GiveUp => break,
                Move::Climb(to) => {
                    account.rungs.push(Climb { rung: to, at_ms: self.now() });
                    match to {
                        Rung::Interrupt => {
                            send(pid, Signal::SIGINT);
                            // Without effect on a running process; a stopped one would not act on the signal.
                            send(pid, Signal::SIGCONT);
                        }
                        Rung::Terminate => broom.terminate(),
                        Rung::Kill => broom.kill(pid),
                    }
                    (rung, since) = (Some(to), Instant::now());
                }
            }
        }
        let hurry = if rung == Some(Rung::Kill) { self.hurry().max(Hurry::Kill) } else { self.hurry() };
        broom.run(self, hurry);
        let swept = broom.swept();
        (account.left, account.unlisted) = (swept.left, swept.unlisted);
        Ok(())
    }

    /// Writes the account and says the last word.
    fn close(&mut self, mut account: Account, path: Option<&std::path::Path>) {
        account.parent_gone = self.parent_gone;
        let began = self.began_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        account.times.began = millis(began);
        account.times.asked_ms = self.asked.map(|at| millis(at.duration_since(self.began)));
        account.times.ended_ms = self.now();
        if let Some(path) = path {
            // What cannot be written is still told, and who is not there to be told cannot be helped.
            let _ = account.write(path);
        }
        self.tell(&Report::Ended {
            rungs: account.rungs.iter().map(|climb| climb.rung).collect(),
            left: account.left,
            unlisted: account.unlisted,
            parent_gone: account.parent_gone,
        });
    }

    /// Milliseconds since the warden began.
    fn now(&self) -> u64 {
        millis(self.began.elapsed())
    }

    /// Sends a report. That nobody listens is learnt from the socket's end.
    fn tell(&mut self, report: &Report) {
        if let Ok(mut line) = serde_json::to_vec(report) {
            line.push(b'\n');
            let _ = self.parent.write_all(&line);
        }
    }

    /// Waits until something happens or the time is over, and notes what happened.
    fn wait(&mut self, time: Option<Duration>) -> io::Result<()> {
        let mut sources = vec![
            PollFd::new(self.child_signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.end_signals.as_fd(), PollFlags::POLLIN),
        ];
        if !self.parent_gone {
            sources.push(PollFd::new(self.parent.as_fd(), PollFlags::POLLIN));
        }
        // Rounded up: a time cut to zero would spin.
        let time = time.map_or(PollTimeout::NONE, |time| {
            PollTimeout::try_from(time + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
        });
        match poll(&mut sources, time) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready: Vec<bool> = sources.iter().map(|source| source.any().unwrap_or(false)).collect();
        if ready[0] {
            drain(&self.child_signals);
        }
        if ready[1] {
            drain(&self.end_signals);
            self.asked.get_or_insert_with(Instant::now);
        }
        if ready.get(2) == Some(&true) {
            self.hear();
        }
        if self.charged {
            self.follow_orders();
        }
        Ok(())
    }

    /// Reads what the socket holds. Its end is the parent's.
    fn hear(&mut self) {
        let mut chunk = [0; 16 * 1024];
        match (&self.parent).read(&mut chunk) {
            Ok(length) if length > 0 => self.heard.extend_from_slice(&chunk[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => {
                self.parent_gone = true;
                self.asked.get_or_insert_with(Instant::now);
            }
        }
    }

    /// The next whole line that was heard.
    fn line(&mut self) -> Option<Vec<u8>> {
        let Some(end) = self.heard[self.searched..].iter().position(|byte| *byte == b'\n') else {
            self.searched = self.heard.len();
            return None;
        };
        let rest = self.heard.split_off(self.searched + end + 1);
        self.searched = 0;
        Some(std::mem::replace(&mut self.heard, rest))
    }

    /// Takes the orders that were heard; a line that is none is skipped.
    fn follow_orders(&mut self) {
        while let Some(line) = self.line() {
            let Ok(order) = serde_json::from_slice::<Order>(&line) else { continue };
            self.kill |= order == Order::Kill;
            self.asked.get_or_insert_with(Instant::now);
        }
    }

    fn hurry(&self) -> Hurry {
        if self.kill { Hurry::KillAll } else { Hurry::No }
    }
}

impl Keeper for Warden {
    fn childless(&mut self) -> bool {
        reap_orphans(None)
    }

    fn pause(&mut self, time: Duration) -> Hurry {
        if self.wait(Some(time)).is_err() {
            std::thread::sleep(time);
        }
        self.hurry()
    }
}

/// Reaps the adopted children that have exited, each by its pid, and leaves the client to whoever waits for it. Says
/// whether there is no child left at all.
#[cfg(all(target_os = "linux", not(feature = "portable-processes")))]
fn reap_orphans(client: Option<u32>) -> bool {
    use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
    use nix::unistd::Pid;

    let me = std::process::id();
    let children = processes::children(me).unwrap_or_else(|| {
        let table = processes::snapshot("", u64::MAX);
        table.iter().filter(|process| process.parent == me).map(|process| process.pid).collect()
    });
    for pid in children.into_iter().filter(|pid| Some(*pid) != client) {
        if let Ok(pid) = i32::try_from(pid) {
            let _ = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG));
        }
    }
    // Only looks, and takes no one's status away.
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    waitid(Id::All, look) == Err(Errno::ECHILD)
}

/// Orphans are adopted by the system here, so the client was the only child.
#[cfg(any(not(target_os = "linux"), feature = "portable-processes"))]
fn reap_orphans(_client: Option<u32>) -> bool {
    true
}

/// A socket that becomes readable when one of the signals arrives.
fn signal_pipe(signals: &[i32]) -> io::Result<UnixStream> {
    let (read, write) = UnixStream::pair()?;
    read.set_nonblocking(true)?;
    for signal in signals {
        signal_hook::low_level::pipe::register(*signal, write.try_clone()?)?;
    }
    Ok(read)
}

/// Empties a socket of [`signal_pipe`].
fn drain(mut socket: &UnixStream) {
    let mut bytes = [0; 64];
    while matches!(socket.read(&mut bytes), Ok(length) if length == bytes.len()) {}
}

fn null() -> io::Result<OwnedFd> {
    Ok(File::options().read(true).write(true).open("/dev/null")?.into())
}

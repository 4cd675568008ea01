//! Who drives a run: the lock of its folder, and what its owner says of itself in it.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::error::AppError;
use crate::core::files;
use crate::core::paths::RunDir;
use crate::core::redact::Redactor;
use crate::core::text::command_line;

/// Whoever only looks holds the lock for microseconds; so often and so long it is asked for again.
const LOOKS: u32 = 5;
const LOOK: Duration = Duration::from_millis(10);

/// The process that drives a run, as it says itself in the lock's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Version of the format.
    pub schema_version: u32,
    /// Its process id.
    pub pid: u32,
    /// The machine that it runs on.
    pub host: String,
    /// When it took the lock.
    pub started_at: Timestamp,
    /// Its command line.
    pub command: String,
}

impl Owner {
    /// Version of the format that this program writes.
    pub const VERSION: u32 = 1;

    fn this(redactor: &Redactor) -> Self {
        let args: Vec<String> = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
        Self {
            schema_version: Self::VERSION,
            pid: std::process::id(),
            host: host(),
            started_at: Timestamp::now(),
            command: redactor.clean(&command_line(&args)).into_owned(),
        }
    }

    /// What the file of a lock says; nothing where it says nothing.
    #[must_use]
    pub fn read(lock: &Path) -> Option<Self> {
        let owner: Self = serde_json::from_str(&std::fs::read_to_string(lock).ok()?).ok()?;
        (owner.schema_version == Self::VERSION).then_some(owner)
    }

    /// Whether its process is there; `None` when it runs on another machine.
    #[must_use]
    pub fn lives(&self) -> Option<bool> {
        let pid = i32::try_from(self.pid).ok().filter(|pid| *pid > 0);
        let there = |pid| !matches!(kill(Pid::from_raw(pid), None), Err(nix::errno::Errno::ESRCH));
        (self.host == host()).then(|| pid.is_some_and(there))
    }

    /// Who it is and whether it is alive, in a sentence's part.
    #[must_use]
    pub fn told(&self) -> String {
        let Self { pid, host, started_at, command, .. } = self;
        let since = started_at.strftime("%Y-%m-%d %H:%M:%S UTC");
        let lives = match self.lives() {
            Some(true) => "it is alive".to_owned(),
            Some(false) => {
                "it is not there any more, and something that it started still holds the lock".to_owned()
            }
            None => "this machine cannot see whether it is alive".to_owned(),
        };
        format!("process {pid} on {host} since {since}: `{command}`; {lives}")
    }
}

/// The name of this machine.
fn host() -> String {
    nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The lock of a run; free again when dropped, also when the process dies.
#[derive(Debug)]
pub struct RunLock {
    file: File,
    /// Who drove it before and never gave it back.
    left: Option<Owner>,
}

impl RunLock {
    /// Who drove it before on another machine and never gave it back: where two machines share a disk, one may not see the lock of
    /// the other.
    #[must_use]
    pub fn left_elsewhere(&self) -> Option<&Owner> {
        self.left.as_ref().filter(|owner| owner.lives().is_none())
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // An owner that is still named was killed.
        let _ = self.file.set_len(0);
    }
}

/// Takes the lock of a run and says in it who has it.
///
/// # Errors
/// When another process drives the run, or the file cannot be made.
pub fn lock(dir: &RunDir, redactor: &Redactor) -> Result<RunLock, AppError> {
    let path = dir.lock();
    let cannot =
        |error: std::io::Error| AppError::environment(format!("cannot lock {}: {error}", path.display()));
    let mut file = files::append_private(&path).map_err(cannot)?;
    let mut looks = 0;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if looks < LOOKS => {
                looks += 1;
                std::thread::sleep(LOOK);
            }
            Err(TryLockError::WouldBlock) => return Err(taken(dir)),
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
    }
    let left = Owner::read(&path);
    // A disk that is full takes the lock and no words; what matters on it is said by what follows.
    let _ = file.set_len(0);
    if let Ok(words) = serde_json::to_string(&Owner::this(redactor)) {
        let _ = file.write_all(words.as_bytes());
    }
    Ok(RunLock { file, left })
}

fn taken(dir: &RunDir) -> AppError {
    let id = dir.root().file_name().unwrap_or_default().to_string_lossy().into_owned();
    match Owner::read(&dir.lock()) {
        Some(owner) => AppError::usage(format!("run {id} is being cooked by {}", owner.told())).hint(
            match owner.lives() {
                Some(true) => format!("wait for it, or stop it: `kill -INT {}`", owner.pid),
                Some(false) => "see what still has the file open: `lsof` on the run's `lock`".to_owned(),
                None => format!("wait for it, or stop it on {}", owner.host),
            },
        ),
        None => AppError::usage(format!("run {id} is being cooked by another process"))
            .hint("wait for it, or stop it there with Ctrl-C"),
    }
}

/// Whether a process drives the run that this lock belongs to.
#[must_use]
pub fn is_driven(lock: &Path) -> bool {
    // Only looked at: the lock is given back at once.
    File::open(lock).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        Redactor::new([])
    }

    #[test]
    fn a_lock_says_who_has_it_and_is_given_back_without_a_word() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::at(dir.path().to_owned());
        let held = lock(&run, &redactor()).unwrap();
        let owner = Owner::read(&run.lock()).unwrap();
        assert_eq!((owner.pid, owner.lives()), (std::process::id(), Some(true)));
        assert!(is_driven(&run.lock()));
        let refused = lock(&run, &redactor()).unwrap_err();
        assert!(refused.message.contains(&format!("process {} on ", owner.pid)), "{refused}");
        assert!(refused.message.ends_with("it is alive"), "{refused}");
        drop(held);
        assert_eq!((Owner::read(&run.lock()), is_driven(&run.lock())), (None, false));
        assert!(lock(&run, &redactor()).unwrap().left_elsewhere().is_none());
    }

    #[test]
    fn an_owner_that_is_gone_holds_nobody_up_and_one_elsewhere_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::at(dir.path().to_owned());
        // No system numbers its processes so high.
        let here = Owner { pid: i32::MAX.unsigned_abs(), ..Owner::this(&redactor()) };
        let there = Owner { host: "elsewhere.invalid".to_owned(), ..here.clone() };
        assert_eq!((here.lives(), there.lives()), (Some(false), None));
        for (owner, elsewhere) in [(&here, false), (&there, true)] {
            std::fs::write(run.lock(), serde_json::to_string(owner).unwrap()).unwrap();
            let held = lock(&run, &redactor()).unwrap();
            assert_eq!(held.left_elsewhere(), Some(owner).filter(|_| elsewhere));
        }
        std::fs::write(run.lock(), "no owner").unwrap();
        assert_eq!(Owner::read(&run.lock()), None);
    }
}

//! Questions to git about the user's checkout. Nothing here changes it.

#![expect(clippy::disallowed_types, reason = "git is asked here")]

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Why git gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// git cannot be run.
    #[error("git cannot be run: {0}")]
    Missing(#[source] io::Error),
    /// The folder is in no repository.
    #[error("{} is not in a git repository", .0.display())]
    NotARepository(PathBuf),
    /// The repository has no working tree.
    #[error("{} is a bare repository: there is no checkout to work in", .0.display())]
    Bare(PathBuf),
    /// git refused.
    #[error("`git {command}` failed: {message}")]
    Failed {
        /// What was asked.
        command: String,
        /// The first line of what it said.
        message: String,
    },
    /// git did not come to an end, and was ended.
    #[error("`git {command}` gave no answer within {seconds} s")]
    Hangs {
        /// What was asked.
        command: String,
        /// How long it had.
        seconds: u64,
    },
}

/// A checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    top: PathBuf,
}

/// One path that differs from the last commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dirty {
    /// Relative to the top.
    pub path: String,
    /// `M`, `A`, `D`, `R`, `U` or `?`.
    pub kind: char,
}

/// One path that differs from a given commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Relative to the top.
    pub path: String,
    /// `M`, `A`, `D`, `T` or `?` (not tracked).
    pub kind: char,
    /// Added and deleted lines; `None` for binary files.
    pub lines: Option<(u64, u64)>,
}

impl Checkout {
    /// The checkout that `dir` is in.
    ///
    /// # Errors
    /// When there is none, or git is not there.
    pub fn discover(dir: &Path) -> Result<Self, GitError> {
        let ask = |what: &str| git(dir, ["rev-parse", what]);
        match ask("--show-toplevel") {
            Ok(top) => Ok(Self { top: PathBuf::from(line(&top)) }),
            Err(GitError::Failed { message, .. }) => match ask("--is-bare-repository") {
                Ok(bare) if line(&bare) == "true" => Err(GitError::Bare(dir.to_owned())),
                // git says no also where it does not trust the owner; its own words tell how to mend that.
                _ if message.contains("dubious ownership") => {
                    Err(GitError::Failed { command: "rev-parse --show-toplevel".to_owned(), message })
                }
                _ => Err(GitError::NotARepository(dir.to_owned())),
            },
            Err(error) => Err(error),
        }
    }

    /// The nearest folder above `dir` that looks like the top of a checkout. git is not asked, so this is quick and may be
    /// wrong where git is set up in an odd way: a guess for completions, not for work.
    #[must_use]
    pub fn guess(dir: &Path) -> Option<PathBuf> {
        dir.ancestors().find(|above| above.join(".git").exists()).map(Path::to_owned)
    }

    /// Its top folder.
    #[must_use]
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// The commit checked out; `None` before the first one.
    #[must_use]
    pub fn head(&self) -> Option<String> {
        git(&self.top, ["rev-parse", "--verify", "--quiet", "HEAD"]).ok().map(|out| line(&out))
    }

    /// The message of the commit checked out; `None` before the first one.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        git(&self.top, ["log", "-1", "--format=%B"])
            .ok()
            .map(|out| line(&out))
            .filter(|text| !text.is_empty())
    }

    /// The branch checked out; `None` when detached.
    #[must_use]
    pub fn branch(&self) -> Option<String> {
        git(&self.top, ["symbolic-ref", "--quiet", "--short", "HEAD"]).ok().map(|out| line(&out))
    }

    /// Every branch, tag and other reference with the commit that it names, a line each.
    ///
    /// # Errors
    /// When git fails.
    pub fn references(&self) -> Result<String, GitError> {
        let out = git(&self.top, ["for-each-ref", "--format=%(objectname) %(refname)"])?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    /// Whether the repository holds this commit.
    #[must_use]
    pub fn has_commit(&self, commit: &str) -> bool {
        git(&self.top, ["cat-file", "-e", &format!("{commit}^{{commit}}")]).is_ok()
    }

    /// Every file of the project, relative to the top: tracked, or new and not ignored. None where git cannot tell.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        let options = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
        // Older ones do not know how to leave repeated names of a merge out; those count twice then.
        let out = git(&self.top, options).or_else(|_| git(&self.top, &options[..5])).unwrap_or_default();
        let names = out.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        names.map(|name| String::from_utf8_lossy(name).into_owned()).collect()
    }

    /// The remote that work is shared through: `origin`, or the only one.
    #[must_use]
    pub fn remote(&self) -> Option<String> {
        let out = git(&self.top, ["remote"]).unwrap_or_default();
        let text = String::from_utf8_lossy(&out);
        let mut names = text.lines();
        let (first, more) = (names.next()?, names.next().is_some());
        match text.lines().find(|name| *name == "origin") {
            Some(origin) => Some(origin.to_owned()),
            None => (!more).then(|| first.to_owned()),
        }
    }

    /// The address that a remote is fetched from. It may hold a password.
    #[must_use]
    pub fn remote_url(&self, remote: &str) -> Option<String> {
        let out = git(&self.top, ["remote", "get-url", remote]).ok()?;
        String::from_utf8_lossy(&out).lines().next().map(str::to_owned)
    }

    /// The branch that a remote has checked out, as it was when it was last asked.
    #[must_use]
    pub fn remote_head(&self, remote: &str) -> Option<String> {
        let out = git(&self.top, ["symbolic-ref", "--quiet", &format!("refs/remotes/{remote}/HEAD")]).ok()?;
        line(&out).strip_prefix(&format!("refs/remotes/{remote}/")).map(str::to_owned)
    }

    /// The branches that are here, and those that a remote has.
    #[must_use]
    pub fn branches(&self, remote: Option<&str>) -> Vec<String> {
        let theirs = remote.map(|remote| format!("refs/remotes/{remote}/"));
        let places = std::iter::once("refs/heads/").chain(theirs.as_deref());
        let ask = ["for-each-ref", "--format=%(refname)"].into_iter().chain(places.clone());
        let out = git(&self.top, ask).unwrap_or_default();
        let text = String::from_utf8_lossy(&out);
        let name = |line: &str| places.clone().find_map(|place| line.strip_prefix(place)).map(str::to_owned);
        text.lines().filter_map(name).collect()
    }

    /// What git's own settings say of `key`.
    #[must_use]
    pub fn setting(&self, key: &str) -> Option<String> {
        git(&self.top, ["config", "--get", key]).ok().map(|out| line(&out)).filter(|value| !value.is_empty())
    }

    /// Whether git would keep `path` out of a commit. When it cannot tell, it does not.
    #[must_use]
    pub fn ignores(&self, path: &Path) -> bool {
        // Exit code 1 is the answer no.
        git(self.top(), [OsStr::new("check-ignore"), OsStr::new("-q"), path.as_os_str()]).is_ok()
    }

    /// What differs from the last commit, untracked files included, ignored ones not.
    ///
    /// # Errors
    /// When git fails.
    pub fn dirty(&self) -> Result<Vec<Dirty>, GitError> {
        let out = git(&self.top, ["status", "--porcelain=v1", "-z", "--untracked-files=all"])?;
        let mut fields = out.split(|byte| *byte == 0).filter(|field| !field.is_empty());
        let mut found = Vec::new();
        while let Some(field) = fields.next() {
            let text = String::from_utf8_lossy(field);
            let (codes, path) = (text.get(..2).unwrap_or("??"), text.get(3..).unwrap_or_default());
            let kind = codes.trim().chars().next().unwrap_or('?');
            // A rename is followed by its old name.
            if matches!(kind, 'R' | 'C') {
                fields.next();
            }
            found.push(Dirty { path: path.to_owned(), kind });
        }
        Ok(found)
    }

    /// What differs from `commit` in the working tree, committed or not, untracked files included.
    ///
    /// # Errors
    /// When git fails.
    pub fn changed_since(&self, commit: &str) -> Result<Vec<Changed>, GitError> {
        let kinds = git(&self.top, ["diff", "--name-status", "--no-renames", "-z", commit, "--"])?;
        let counts = git(&self.top, ["diff", "--numstat", "--no-renames", "-z", commit, "--"])?;
        let lines_of = |wanted: &str| {
            counts.split(|byte| *byte == 0).find_map(|field| {
                let text = String::from_utf8_lossy(field);
                let mut parts = text.splitn(3, '\t');
                let (added, deleted, path) = (parts.next()?, parts.next()?, parts.next()?);
                (path == wanted).then(|| Some((added.parse().ok()?, deleted.parse().ok()?)))
            })
        };
        let mut fields = kinds.split(|byte| *byte == 0).filter(|field| !field.is_empty());
        let mut found = Vec::new();
        while let (Some(kind), Some(path)) = (fields.next(), fields.next()) {
            let path = String::from_utf8_lossy(path).into_owned();
            let kind = char::from(kind[0]);
            found.push(Changed { kind, lines: lines_of(&path).flatten(), path });
        }
        let new = self.dirty()?.into_iter().filter(|dirty| dirty.kind == '?');
        found.extend(new.map(|dirty| {
            Changed {
                lines: std::fs::read_to_string(self.top.join(&dirty.path))
                    .ok()
                    .map(|text| (text.lines().count() as u64, 0)),
                path: dirty.path,
                kind: '?',
            }
        }));
        Ok(found)
    }
}

/// Makes `dir` a repository with one commit of everything in it, under an identity of ours: the sample project of a rehearsal.
///
/// # Errors
/// When git fails.
pub fn commit_all(dir: &Path, message: &str) -> Result<(), GitError> {
    git(dir, ["init", "--quiet", "--initial-branch=main"])?;
    identify(dir)?;
    git(dir, ["add", "--all"])?;
    git(dir, ["commit", "--quiet", "--no-verify", "--message", message]).map(|_| ())
}

/// Clones `from` into `dir` without remotes: what happens there stays there.
///
/// # Errors
/// When git fails.
pub fn scratch_clone(from: &Path, dir: &Path) -> Result<(), GitError> {
    let parent = dir.parent().unwrap_or(dir);
    let options = ["clone", "--quiet", "--no-local", "--no-hardlinks"].map(OsStr::new);
    let args = options.into_iter().chain([from.as_os_str(), dir.as_os_str()]);
    git(parent, args)?;
    git(dir, ["remote", "remove", "origin"])?;
    identify(dir)
}

/// Puts the scratch clone in `dir` to `commit`, with `branch` as its only one; without a name, on the branch that it has.
///
/// # Errors
/// When git fails, or the commit is not there.
pub fn scratch_reset(dir: &Path, branch: Option<&str>, commit: &str) -> Result<(), GitError> {
    if let Some(branch) = branch {
        match Checkout::discover(dir)?.branch() {
            Some(_) => git(dir, ["branch", "--move", "--force", branch])?,
            None => git(dir, ["checkout", "--quiet", "-B", branch])?,
        };
    }
    git(dir, ["reset", "--quiet", "--hard", commit, "--"]).map(|_| ())
}

/// Commits in the scratch clone in `dir` everything but `left`, under an identity of ours. The commit lies on `branch`, which is made where
/// it is not there; on none without one. Without a message only the branch is changed.
///
/// # Errors
/// When git fails.
pub fn scratch_commit(
    dir: &Path,
    branch: Option<&str>,
    message: Option<&str>,
    left: &[String],
) -> Result<(), GitError> {
    let checkout = Checkout::discover(dir)?;
    if checkout.branch().as_deref() != branch {
        match branch {
            Some(branch) => git(dir, ["checkout", "--quiet", "-B", branch])?,
            None => git(dir, ["checkout", "--quiet", "--detach"])?,
        };
    }
    let Some(message) = message else { return Ok(()) };
    let left = left.iter().map(|path| format!(":(top,exclude,literal){path}"));
    let add = ["add", "--all", "--", ":(top)"].map(str::to_owned);
    git(dir, add.into_iter().chain(left))?;
    let commit = ["commit", "--quiet", "--no-verify", "--allow-empty", "--message"];
    git(dir, commit.into_iter().chain([message])).map(|_| ())
}

fn identify(dir: &Path) -> Result<(), GitError> {
    git(dir, ["config", "user.name", "Rehearsal"])?;
    git(dir, ["config", "user.email", "rehearsal@localhost"])?;
    git(dir, ["config", "commit.gpgsign", "false"]).map(|_| ())
}

/// The longest that git may take for an answer. It takes milliseconds; what takes this long hangs, on a dead disk or in a program that the
/// repository's settings name.
const LIMIT: Duration = Duration::from_secs(20);

fn git(dir: &Path, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Vec<u8>, GitError> {
    git_within(LIMIT, dir, args)
}

fn git_within(
    limit: Duration,
    dir: &Path,
    args: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<Vec<u8>, GitError> {
    let args: Vec<_> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
    let told = || args.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let mut child = Command::new("git")
        .arg("-C")
        .arg(dir)
        // What a session wrote into the repository's settings must not run in our name.
        .args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"])
        .args(&args)
        // Its words are read, and a question about the tree must not refresh the user's index.
        .env("LC_ALL", "C")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // What it starts goes with it.
        .process_group(0)
        .spawn()
        .map_err(GitError::Missing)?;
    let group = Pid::from_raw(child.id().try_into().unwrap_or(i32::MAX));
    let out = child.stdout.take().map(|pipe| std::thread::spawn(|| whole(pipe)));
    let err = child.stderr.take().map(|pipe| std::thread::spawn(|| whole(pipe)));
    let (ended, end) = mpsc::channel();
    let waiting = std::thread::spawn(move || drop(ended.send(child.wait())));
    let status = match end.recv_timeout(limit) {
        Ok(status) => status.map_err(GitError::Missing)?,
        Err(_) => {
            let _ = killpg(group, Signal::SIGKILL);
            let _ = waiting.join();
            return Err(GitError::Hangs { command: told(), seconds: limit.as_secs() });
        }
    };
    let text = |reader: Option<JoinHandle<Vec<u8>>>| {
        reader.and_then(|reader| reader.join().ok()).unwrap_or_default()
    };
    if status.success() {
        return Ok(text(out));
    }
    let said = text(err);
    let said = String::from_utf8_lossy(&said);
    let message = crate::core::text::first_line(&said).trim_start_matches("fatal: ").to_owned();
    Err(GitError::Failed { command: told(), message })
}

fn whole(mut pipe: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = pipe.read_to_end(&mut bytes);
    bytes
}

fn line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> (tempfile::TempDir, Checkout) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a \"b\".txt"), "one\n").unwrap();
        std::fs::write(dir.path().join("gone"), "x\n").unwrap();
        commit_all(dir.path(), "first").unwrap();
        let checkout = Checkout::discover(dir.path()).unwrap();
        (dir, checkout)
    }

    #[test]
    fn changes_are_told_with_odd_names_and_counts() {
        let (dir, checkout) = repository();
        let head = checkout.head().unwrap();
        assert_eq!((checkout.dirty().unwrap(), checkout.branch().as_deref()), (vec![], Some("main")));
        std::fs::write(dir.path().join("a \"b\".txt"), "one\ntwo\n").unwrap();
        std::fs::remove_file(dir.path().join("gone")).unwrap();
        std::fs::create_dir(dir.path().join("new dir")).unwrap();
        std::fs::write(dir.path().join("new dir/é"), "1\n2\n").unwrap();
        let changed = |path: &str, kind, lines| Changed { path: path.into(), kind, lines: Some(lines) };
        assert_eq!(
            checkout.changed_since(&head).unwrap(),
            [
                changed("a \"b\".txt", 'M', (1, 0)),
                changed("gone", 'D', (0, 1)),
                changed("new dir/é", '?', (2, 0))
            ]
        );
        assert_eq!(checkout.dirty().unwrap().len(), 3);
    }

    #[test]
    fn a_git_that_hangs_is_ended_with_all_that_it_started() {
        let (dir, _) = repository();
        let mark = dir.path().join("pid");
        let slow = format!("alias.slow=!sh -c 'echo $$ > {} && sleep 600'", mark.display());
        let began = std::time::Instant::now();
        let limit = Duration::from_millis(1500);
        let hangs = git_within(limit, dir.path(), ["-c", &slow, "slow"]).unwrap_err();
        assert!(matches!(hangs, GitError::Hangs { .. }), "{hangs}");
        assert!(began.elapsed() < Duration::from_secs(20));
        let pid: i32 = std::fs::read_to_string(mark).unwrap().trim().parse().unwrap();
        // Its parent may still have to collect it.
        let gone = || match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) => stat.contains(") Z "),
            Err(_) => nix::sys::signal::kill(Pid::from_raw(pid), None).is_err(),
        };
        while !gone() {
            assert!(began.elapsed() < Duration::from_secs(20), "what it started is left");
            std::thread::yield_now();
        }
    }

    #[test]
    fn what_a_repository_names_as_monitor_is_not_run() {
        let (dir, checkout) = repository();
        let mark = dir.path().join(".git/ran");
        let monitor = dir.path().join(".git/monitor");
        std::fs::write(&monitor, format!("#!/bin/sh\ntouch {}\n", mark.display())).unwrap();
        std::fs::set_permissions(&monitor, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        git(dir.path(), ["config", "core.fsmonitor", &monitor.to_string_lossy()]).unwrap();
        assert_eq!(checkout.dirty().unwrap(), []);
        assert!(!mark.exists());
    }

    #[test]
    fn a_folder_outside_any_repository_is_said_to_be() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(Checkout::discover(dir.path()), Err(GitError::NotARepository(_))));
        git(dir.path(), ["init", "--quiet", "--bare"]).unwrap();
        assert!(matches!(Checkout::discover(dir.path()), Err(GitError::Bare(_))));
    }

    #[test]
    fn the_top_is_guessed_from_any_folder_below_it() {
        let (dir, checkout) = repository();
        let deep = dir.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        let guess = Checkout::guess(&deep).unwrap();
        assert_eq!(guess.canonicalize().unwrap(), checkout.top().canonicalize().unwrap());
    }

    #[test]
    fn a_scratch_clone_has_no_remote() {
        let (dir, _) = repository();
        let scratch = tempfile::tempdir().unwrap();
        let clone = scratch.path().join("clone");
        scratch_clone(dir.path(), &clone).unwrap();
        assert!(git(&clone, ["remote"]).unwrap().is_empty());
        assert!(clone.join("gone").exists());
    }
}

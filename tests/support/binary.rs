//! The binary as people run it: a scratch repository, a home of its own, and what was on the screen
//! with the parts that change from run to run named.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::allow_attributes,
    reason = "each test binary includes this file and uses a part of it"
)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at what should not be")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use regex::Regex;
use serde_json::Value;

/// The longest that anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A folder for one test: a repository or an empty folder, a home, a place for scratch copies, programs.
pub struct Kitchen {
    root: tempfile::TempDir,
    place: PathBuf,
}

/// What a command left on the screen.
pub struct Screen {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
    filters: Vec<(String, String)>,
}

/// Every file below a folder with its content, and every folder and link.
pub type Tree = BTreeMap<PathBuf, Vec<u8>>;

impl Kitchen {
    /// A folder that is in no repository.
    pub fn empty() -> Self {
        Self::named("kitchen")
    }

    /// An empty folder of this name.
    pub fn named(name: &str) -> Self {
        // Directly below /tmp: screens are wrapped, so the length of paths must be the same everywhere.
        let root = tempfile::Builder::new().prefix("ask-").tempdir_in("/tmp").unwrap();
        let place = root.path().join(name);
        for dir in [&place, &root.path().join("home"), &root.path().join("tmp"), &root.path().join("bin")] {
            std::fs::create_dir_all(dir).unwrap();
        }
        Self { root, place }
    }

    /// A repository with one commit.
    pub fn repository() -> Self {
        Self::empty().with_commit()
    }

    /// Makes the folder a repository with one commit.
    pub fn with_commit(self) -> Self {
        self.write("README.md", "# Soup\n");
        self.git(["init", "--quiet", "--initial-branch=main"]);
        self.git(["config", "user.name", "Cook"]);
        self.git(["config", "user.email", "cook@localhost"]);
        self.git(["add", "--all"]);
        self.git(["commit", "--quiet", "--message", "Soup"]);
        self
    }

    /// A repository with a project recipe.
    pub fn with_recipe(name: &str, text: &str) -> Self {
        let kitchen = Self::repository();
        kitchen.recipe(name, text);
        kitchen
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.place
    }

    /// The folder around it: home, scratch copies, programs.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// Writes a file of the folder.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.place.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Writes a project recipe.
    pub fn recipe(&self, name: &str, text: &str) -> PathBuf {
        self.write(&format!(".autoskillit/recipes/{name}.yaml"), text)
    }

    /// The text of a file of the folder.
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.place.join(path)).unwrap_or_default()
    }

    /// Puts a program on the PATH of the command.
    pub fn program(&self, name: &str, script: &str) {
        let path = self.root().join("bin").join(name);
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What git says in the folder.
    pub fn git(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> String {
        let output =
            self.quiet_env(Command::new("git").arg("-C").arg(&self.place).args(args)).output().unwrap();
        assert!(output.status.success(), "git: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// An environment in which nothing of this machine shows: no client, no settings, no terminal.
    pub fn quiet_env<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let others = std::env::split_paths(&path).filter(|dir| !dir.join("claude").exists());
        let path = std::env::join_paths([self.root().join("bin")].into_iter().chain(others)).unwrap();
        command
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.root().join("home"))
            .env("TMPDIR", self.root().join("tmp"))
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("IS_SANDBOX", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
    }

    /// The binary, in the folder, with nobody at the terminal.
    pub fn command(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_autoskillit"));
        self.quiet_env(&mut command)
            .args(args)
            .current_dir(&self.place)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// A shell text in which `"$0"` is the binary, in the folder, in a mount namespace of its own.
    pub fn mounted(&self, script: &str) -> Command {
        let mut command = Command::new("unshare");
        self.quiet_env(&mut command)
            .args(["--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_autoskillit")])
            .current_dir(&self.place);
        command
    }

    /// Runs the binary to its end.
    pub fn run(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Screen {
        self.screen(&mut self.command(args))
    }

    /// Runs a command to its end.
    pub fn screen(&self, command: &mut Command) -> Screen {
        self.shown(command.output().unwrap())
    }

    /// Waits for a command that runs.
    pub fn finish(&self, child: Child) -> Screen {
        self.shown(child.wait_with_output().unwrap())
    }

    fn shown(&self, output: std::process::Output) -> Screen {
        Screen {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            filters: self.filters(),
        }
    }

    fn filters(&self) -> Vec<(String, String)> {
        let plain = |path: &Path| regex::escape(&path.display().to_string());
        let mut filters = vec![
            (format!("{}/autoskillit-rehearsal-\\w+", plain(&self.root().join("tmp"))), "[stage]".to_owned()),
            (plain(&self.place), "[kitchen]".to_owned()),
            (plain(self.root()), "[root]".to_owned()),
        ];
        filters.extend(
            [
                (r"\d{8}-\d{6}-[0-9a-f]{4}", "[run]"),
                (r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f-]{21}", "[session]"),
                (r"\b\d\d:\d\d:\d\d\b", "[time]"),
                (r"(?m) *\b\d+(\.\d)?s\b", " [span]"),
            ]
            .map(|(pattern, name)| (pattern.to_owned(), name.to_owned())),
        );
        filters
    }

    /// Names what changes from run to run.
    pub fn filtered(&self, text: &str) -> String {
        filtered(text, &self.filters())
    }

    /// Everything below the folder, byte for byte.
    pub fn tree(&self) -> Tree {
        tree(&self.place)
    }

    /// The folders of runs, oldest first. Each of them holds a journal: a run without one would be half a run.
    pub fn runs(&self) -> Vec<PathBuf> {
        runs(&self.place)
    }

    /// The only run's folder.
    pub fn only_run(&self) -> PathBuf {
        let runs = self.runs();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs[0].clone()
    }

    /// The scratch copies of the rehearsals.
    pub fn stages(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.root().join("tmp")).unwrap();
        let mut stages: Vec<_> = entries.map(|entry| entry.unwrap().path().join("repository")).collect();
        stages.retain(|stage| stage.is_dir());
        stages.sort();
        stages
    }

    /// The only scratch copy.
    pub fn stage(&self) -> PathBuf {
        let stages = self.stages();
        assert_eq!(stages.len(), 1, "{stages:?}");
        stages[0].clone()
    }

    /// Runs the binary with arguments that it must refuse: it writes nothing.
    #[track_caller]
    pub fn refused(&self, args: &[&str]) -> Screen {
        self.refuses(&mut self.command(args))
    }

    /// The same for any command.
    #[track_caller]
    pub fn refuses(&self, command: &mut Command) -> Screen {
        let before = self.tree();
        let screen = self.screen(command);
        assert_same(&before, &self.tree());
        assert_eq!(screen.out, "", "complaints go to stderr");
        screen
    }
}

impl Screen {
    /// Asserts the exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// The lines of stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

impl fmt::Display for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or("by a signal".to_owned(), |code| code.to_string());
        writeln!(f, "exit: {code}")?;
        for (name, text) in [("out", &self.out), ("err", &self.err)] {
            if !text.is_empty() {
                writeln!(f, "--- {name}\n{}", filtered(text, &self.filters))?;
            }
        }
        Ok(())
    }
}

fn filtered(text: &str, filters: &[(String, String)]) -> String {
    filters.iter().fold(text.to_owned(), |text, (pattern, name)| {
        Regex::new(pattern).unwrap().replace_all(&text, name).into_owned()
    })
}

/// Everything below a folder.
pub fn tree(root: &Path) -> Tree {
    walkdir::WalkDir::new(root)
        .into_iter()
        .map(|entry| {
            let entry = entry.unwrap();
            let content =
                if entry.file_type().is_file() { std::fs::read(entry.path()).unwrap() } else { vec![] };
            (entry.path().to_owned(), content)
        })
        .collect()
}

/// Asserts that nothing was written, removed or changed.
#[track_caller]
pub fn assert_same(before: &Tree, after: &Tree) {
    let differs = |a: &Tree, b: &Tree| -> Vec<PathBuf> {
        a.iter()
            .filter(|(path, content)| b.get(*path) != Some(content))
            .map(|(path, _)| path.clone())
            .collect()
    };
    let (gone, new) = (differs(before, after), differs(after, before));
    assert!(gone.is_empty() && new.is_empty(), "gone or changed: {gone:?}\nnew or changed: {new:?}");
}

/// The folders of a repository's runs, oldest first.
pub fn runs(repository: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(repository.join(".autoskillit/runs")).into_iter().flatten();
    let mut runs: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    runs.sort();
    for run in &runs {
        assert!(run.join("journal.ndjson").is_file(), "{} has no journal", run.display());
    }
    runs
}

/// The entries of a run's journal.
pub fn journal(run: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(run.join("journal.ndjson")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The completed tries of steps in a journal, as `step.visit.attempt`.
pub fn completed(entries: &[Value]) -> Vec<String> {
    let ended = entries.iter().filter(|entry| entry["event"] == "step_ended");
    ended
        .map(|entry| format!("{}.{}.{}", entry["step"].as_str().unwrap(), entry["visit"], entry["attempt"]))
        .collect()
}

/// Shell text that makes the current folder read-only, for [`Kitchen::mounted`].
pub const READ_ONLY: &str = "mount --bind . . && cd \"$PWD\" && mount -o remount,bind,ro . && cd \"$PWD\"";

/// Whether this machine lets the tests mount; said when not.
pub fn can_mount() -> bool {
    let tried = Command::new("unshare")
        .args(["--mount", "sh", "-c", "mount -t tmpfs -o size=64k none /mnt && mount -o remount,ro /mnt"])
        .output();
    let can = tried.is_ok_and(|output| output.status.success());
    if !can {
        skipped("no private mount namespace can be made here");
    }
    can
}

/// Says that a test is skipped, past the capture of the test harness.
pub fn skipped(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
}

/// Waits until something is so.
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

//! The kitchen: a home, a real repository and the real binary, for tests that cook.
//!
//! ```ignore
//! let Some(client) = require_client() else { return };
//! let kitchen = Kitchen::new().client(&client).file("sum.sh", "echo $(($1 - $2))\n");
//! let api = ScriptedApi::start(|_| Reply::structured_output(json!({"verdict": "repaired", "summary": "done"})));
//! let cooked = kitchen.cook(&api, ["fix-tests"]);
//! assert_eq!(cooked.story(), ["started fix-tests", "test#1 tests fail -> repair", …]);
//! ```

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use autoskillit::engine::event::{Entry, Event, Next};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use regex::Regex;
use serde_json::{Value, json};

use super::api::{Reply, Script, ScriptedApi};
use super::client::{Scratch, isolated_env, scratch_env};

/// How long one run of the binary, or one condition, may take before its test fails.
const LIMIT: Duration = Duration::from_secs(60);
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// A skill that takes anything and answers in words.
pub const CHORE: &str = "\
---
name: chore
description: Does a chore.
outputs:
  summary: {description: What was done.}
---
Do the chore: $ARGUMENTS
";

/// The model of the session that repairs [`Kitchen::broken`].
pub fn repairs(kitchen: &Kitchen) -> Script {
    let file = kitchen.path("sum.sh");
    let edit = json!({"file_path": file, "old_string": "$1 - $2", "new_string": "$1 + $2"});
    Script::new()
        .turn(Reply::tool("Read", json!({"file_path": file})))
        .turn(Reply::tool("Edit", edit))
        .turn(Reply::structured_output(
            json!({"verdict": "repaired", "summary": "sum.sh subtracted; it adds now."}),
        ))
        .then_always(Reply::text("Done."))
}

/// Waits until something holds.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "waited over {LIMIT:?} for {what}");
        std::thread::sleep(LOOK);
    }
}

/// Processes that carry this home in their environment: ids and command lines.
pub fn processes_of(home: &Path) -> Vec<(i32, String)> {
    let home = format!("HOME={}", home.display());
    if !Path::new("/proc/self/environ").exists() {
        let listed = Command::new("ps").args(["-axEww", "-o", "pid=,command="]).output();
        let listed = listed.expect("ps can be run");
        assert!(listed.status.success(), "ps lists no processes: {listed:?}");
        return String::from_utf8_lossy(&listed.stdout)
            .lines()
            .filter(|line| line.contains(&home))
            .filter_map(|line| {
                let (pid, command) = line.trim().split_once(' ')?;
                Some((pid.parse().ok()?, command.to_owned()))
            })
            .collect();
    }
    let carries = |environ: &[u8]| environ.split(|byte| *byte == 0).any(|set| set == home.as_bytes());
    let processes = std::fs::read_dir("/proc").expect("/proc can be read").flatten();
    processes
        .filter_map(|process| {
            let pid = process.file_name().to_str()?.parse().ok()?;
            let environ = std::fs::read(process.path().join("environ")).ok()?;
            let command = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            carries(&environ).then(|| (pid, command.trim_end().to_owned()))
        })
        .collect()
}

/// A home and a repository with everything that a run needs. What is put in is committed before the first run.
#[derive(Debug)]
pub struct Kitchen {
    scratch: Scratch,
    env: BTreeMap<String, String>,
    client: Option<PathBuf>,
}

impl Default for Kitchen {
    fn default() -> Self {
        let scratch = Scratch::new();
        let kitchen = Self { scratch, env: BTreeMap::new(), client: None };
        kitchen.git(&["init", "--quiet", "--initial-branch=main"]);
        kitchen.file("README.md", "# A kitchen\n")
    }
}

impl Kitchen {
    /// A repository that holds a README, and no client on PATH.
    pub fn new() -> Self {
        Self::default()
    }

    /// A project whose only test fails until `sum.sh` adds, and a client.
    pub fn broken(client: &Path) -> Self {
        Self::new()
            .client(client)
            .file("sum.sh", "echo $(($1 - $2))\n")
            .file("test.sh", "[ \"$(sh sum.sh 2 3)\" = 5 ] || { echo '2 + 3 should be 5' >&2; exit 1; }\n")
            .config("test_check:\n  command: sh test.sh\n")
    }

    /// Puts a client on PATH, under the name that a user has it by.
    pub fn client(mut self, program: &Path) -> Self {
        let bin = self.scratch.write("bin/.keep", "");
        let link = bin.with_file_name("claude");
        std::os::unix::fs::symlink(program, &link).expect("a temporary directory takes a link");
        self.client = Some(link);
        self
    }

    /// Puts a file into the repository.
    pub fn file(self, path: &str, text: &str) -> Self {
        self.scratch.write(&format!("project/{path}"), text);
        self
    }

    /// Puts a file into the home.
    pub fn home_file(self, path: &str, text: &str) -> Self {
        self.scratch.write(&format!("home/{path}"), text);
        self
    }

    /// Adds a recipe of the project.
    pub fn recipe(self, name: &str, text: &str) -> Self {
        self.file(&format!(".autoskillit/recipes/{name}.yaml"), text)
    }

    /// Adds a skill of the project.
    pub fn skill(self, name: &str, text: &str) -> Self {
        self.file(&format!(".autoskillit/skills/{name}/SKILL.md"), text)
    }

    /// Gives the project settings.
    pub fn config(self, text: &str) -> Self {
        self.file(".autoskillit/config.yaml", text)
    }

    /// Sets a variable in the environment of the binary.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The top of the repository.
    pub fn repository(&self) -> PathBuf {
        self.scratch.project()
    }

    /// The home.
    pub fn home(&self) -> PathBuf {
        self.scratch.home()
    }

    /// The path of something in the repository, as a tool call names it.
    pub fn path(&self, path: &str) -> String {
        self.repository().join(path).display().to_string()
    }

    /// The text of a file in the repository; `None` when there is none.
    pub fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.repository().join(path)).ok()
    }

    /// What differs from the last commit, as `git status` prints it.
    pub fn changes(&self) -> String {
        self.git(&["status", "--porcelain", "--untracked-files=all"])
    }

    /// Cooks to the end with this model.
    pub fn cook<A: AsRef<OsStr>>(&self, api: &ScriptedApi, args: impl IntoIterator<Item = A>) -> Cooked<'_> {
        self.start_cooking(api, args).finish()
    }

    /// Starts to cook with this model.
    pub fn start_cooking<A: AsRef<OsStr>>(
        &self,
        api: &ScriptedApi,
        args: impl IntoIterator<Item = A>,
    ) -> Cooking<'_> {
        let mut command = self.command(isolated_env(api, &self.home()));
        command.arg("cook").args(args);
        Cooking::start(self, command)
    }

    /// Starts the binary beside this API.
    pub fn start_with<A: AsRef<OsStr>>(
        &self,
        api: &ScriptedApi,
        args: impl IntoIterator<Item = A>,
    ) -> Cooking<'_> {
        let mut command = self.command(isolated_env(api, &self.home()));
        command.args(args);
        Cooking::start(self, command)
    }

    /// Runs the binary to its end, without a model to talk to.
    pub fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Cooked<'_> {
        self.start(args).finish()
    }

    /// Starts the binary, without a model to talk to.
    pub fn start<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Cooking<'_> {
        let mut command = self.command(scratch_env(&self.home()));
        command.args(args);
        Cooking::start(self, command)
    }

    /// The binary as a server of this kitchen, not started yet; with a model to talk to, if one is given.
    pub fn server(&self, api: Option<&ScriptedApi>) -> Command {
        let environment = match api {
            Some(api) => isolated_env(api, &self.home()),
            None => scratch_env(&self.home()),
        };
        let mut command = self.command(environment);
        command.arg("serve");
        command
    }

    fn command(&self, environment: Vec<(String, String)>) -> Command {
        // Once: what a run leaves in the checkout must be there as it left it when the next one begins.
        if !self.repository().join(".git/refs/heads/main").exists() {
            self.git(&["add", "--all"]);
            self.git(&["commit", "--quiet", "--message", "stock the kitchen"]);
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_autoskillit"));
        command.env_clear().envs(environment).env("PATH", self.search_path()).envs(&self.env);
        command.current_dir(self.repository());
        command
    }

    /// PATH with our client in front, and without any other.
    fn search_path(&self) -> std::ffi::OsString {
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let own = self.client.as_deref().and_then(Path::parent).map(Path::to_owned);
        let others = std::env::split_paths(&inherited).filter(|dir| !dir.join("claude").exists());
        std::env::join_paths(own.into_iter().chain(others)).expect("a part of PATH is a path")
    }

    fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .env_clear()
            .envs(scratch_env(&self.home()))
            .args(args)
            .current_dir(self.repository())
            .output()
            .expect("git can be run");
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Folder of the last run.
    pub fn run_dir(&self) -> Option<PathBuf> {
        let runs = std::fs::read_dir(self.repository().join(".autoskillit/runs")).ok()?;
        runs.flatten().map(|run| run.path()).max()
    }

    /// The journal of the last run so far; a line that is being written does not count yet.
    pub fn journal(&self) -> Vec<Entry> {
        let text = self.run_dir().and_then(|dir| std::fs::read_to_string(dir.join("journal.ndjson")).ok());
        let text = text.unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let entry = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        whole.lines().map(entry).collect()
    }

    /// How many lines the journal of the last run has so far.
    pub fn lines(&self) -> usize {
        let text = self.run_dir().and_then(|dir| std::fs::read(dir.join("journal.ndjson")).ok());
        text.unwrap_or_default().iter().filter(|byte| **byte == b'\n').count()
    }

    /// Fails unless nothing is left by now: what has said its last word has this long to go on a busy machine.
    pub fn assert_nothing_left_now(&self) {
        self.assert_nothing_left(Duration::from_secs(1));
    }

    /// Fails unless every process of this kitchen is gone within the limit: the binary, wardens, clients, and whatever they
    /// started, wherever it hangs in the process tree. They all inherit its home. (A zombie has no environment any more; one
    /// whose parent is gone is for init to reap, and one whose parent lives comes with that parent.)
    pub fn assert_nothing_left(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        loop {
            let left = self.processes();
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "after {limit:?} there still run: {left:#?}");
            std::thread::sleep(LOOK);
        }
    }

    /// [`processes_of`] this kitchen's home.
    pub fn processes(&self) -> Vec<(i32, String)> {
        processes_of(&self.home())
    }

    /// Every file below a folder of the repository, and the folders on the way.
    pub fn below(&self, path: &str) -> Vec<PathBuf> {
        let found = walkdir::WalkDir::new(self.repository().join(path));
        found.into_iter().map(|entry| entry.expect("the repository can be walked").into_path()).collect()
    }

    /// Text without what differs from run to run: places, ids, times, amounts.
    pub fn tidy(&self, text: &str) -> String {
        let text = text.replace(&self.repository().display().to_string(), "[repository]");
        [
            (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[session]"),
            (r"\b20\d{6}-\d{6}-[0-9a-z]+\b", "[run]"),
            (r"\b\d{2}:\d{2}:\d{2}\b", "[time]"),
            (r"\b(?:\d+m )?\d+(?:\.\d+)? ?(?:ms|s)\b", "[span]"),
            (r"\b[0-9a-f]{12}\b", "[commit]"),
            (r"\$\d+\.\d+", "[cost]"),
            (r"\d+(?:\.\d+)?k? tokens", "[tokens]"),
        ]
        .iter()
        .fold(text, |text, (pattern, mark)| {
            let pattern = Regex::new(pattern).expect("a constant pattern is valid");
            pattern.replace_all(&text, *mark).into_owned()
        })
    }
}

impl Drop for Kitchen {
    fn drop(&mut self) {
        // A failed test must not leave its sessions to the next one.
        for (pid, _) in self.processes() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

/// The binary at work; dropping it kills it.
#[derive(Debug)]
pub struct Cooking<'a> {
    kitchen: &'a Kitchen,
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
    /// What stderr has said so far.
    seen: Arc<Mutex<Vec<u8>>>,
    began: Instant,
}

impl<'a> Cooking<'a> {
    fn start(kitchen: &'a Kitchen, mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be started");
        let stdout = child.stdout.take().map(|pipe| reader(pipe, Arc::default()));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let stderr = child.stderr.take().map(|pipe| reader(pipe, Arc::clone(&seen)));
        Self { kitchen, child, stdout, stderr, seen, began: Instant::now() }
    }

    /// The process id of the binary.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills the binary as soon as the journal has so many lines.
    pub fn kill_at_line(self, line: usize) -> Cooked<'a> {
        while self.kitchen.lines() < line {
            assert!(self.began.elapsed() < LIMIT, "no line {line} within {LIMIT:?}");
            // The nearer to the write, the better.
            std::thread::yield_now();
        }
        self.signal(Signal::SIGKILL);
        self.finish()
    }

    /// Sends a signal to the binary alone.
    pub fn signal(&self, signal: Signal) {
        let pid = self.child.id().try_into().expect("a process id is small");
        kill(Pid::from_raw(pid), signal).expect("a running child can be signalled");
    }

    /// Waits until a file in the repository is there.
    pub fn wait_for_file(&mut self, path: &str) {
        let file = self.kitchen.repository().join(path);
        self.wait_until(path, || file.exists().then_some(()));
    }

    /// Waits until stderr says this.
    pub fn wait_for_screen(&mut self, text: &str) {
        let seen = Arc::clone(&self.seen);
        let said = || String::from_utf8_lossy(&seen.lock().expect("nobody panics with it")).contains(text);
        self.wait_until(text, || said().then_some(()));
    }

    /// Waits until an entry of the journal fits, and returns it.
    pub fn wait_for_journal(&mut self, what: &str, fits: impl Fn(&Event) -> bool) -> Entry {
        let kitchen = self.kitchen;
        self.wait_until(what, || kitchen.journal().into_iter().find(|entry| fits(&entry.event)))
    }

    /// Waits until so many processes of the kitchen run exactly this command line.
    pub fn wait_for_processes(&mut self, command: &str, count: usize) {
        let kitchen = self.kitchen;
        let running = || kitchen.processes().iter().filter(|(_, line)| line == command).count();
        self.wait_until(&format!("{count} × `{command}`"), || (running() == count).then_some(()));
    }

    /// Waits until a process of the kitchen has a command line that fits; gives its id.
    pub fn wait_for_process(&mut self, fits: impl Fn(&str) -> bool) -> i32 {
        let kitchen = self.kitchen;
        let running = || kitchen.processes().into_iter().find(|(_, line)| fits(line)).map(|(pid, _)| pid);
        self.wait_until("a process", running)
    }

    /// Waits until no process of the kitchen has this id.
    pub fn wait_for_end_of(&mut self, process: i32) {
        let kitchen = self.kitchen;
        let gone = || kitchen.processes().iter().all(|(pid, _)| *pid != process);
        self.wait_until("the end of a process", || gone().then_some(()));
    }

    /// Waits for something that happens while it runs.
    fn wait_until<T>(&mut self, what: &str, found: impl Fn() -> Option<T>) -> T {
        let deadline = Instant::now() + LIMIT;
        loop {
            let over = self.child.try_wait().expect("a child can be waited for").is_some();
            if let Some(found) = found() {
                return found;
            }
            let story = story(&self.kitchen.journal());
            if over {
                let said = self.stderr.take().and_then(|reader| reader.join().ok()).unwrap_or_default();
                panic!("it ended before {what}: {said}\n{story:#?}");
            }
            assert!(Instant::now() < deadline, "waiting for {what} took over {LIMIT:?}: {story:#?}");
            std::thread::sleep(LOOK);
        }
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Cooked<'a> {
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break status;
            }
            let journal = || story(&self.kitchen.journal());
            assert!(self.began.elapsed() < LIMIT, "it still runs after {LIMIT:?}: {:#?}", journal());
            std::thread::sleep(LOOK);
        };
        let took = self.began.elapsed();
        let text = |reader: Option<JoinHandle<String>>| {
            reader.expect("output is read once").join().expect("output can be read")
        };
        let (stdout, stderr) = (text(self.stdout.take()), text(self.stderr.take()));
        Cooked { kitchen: self.kitchen, status, took, stdout, stderr, journal: self.kitchen.journal() }
    }
}

impl Drop for Cooking<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a pipe to its end; `seen` has it as it comes.
fn reader(mut pipe: impl Read + Send + 'static, seen: Arc<Mutex<Vec<u8>>>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut part = [0; 4096];
        loop {
            let count = pipe.read(&mut part).expect("a pipe can be read");
            let mut bytes = seen.lock().expect("nobody panics with it");
            if count == 0 {
                return String::from_utf8(std::mem::take(&mut bytes)).expect("output is UTF-8");
            }
            bytes.extend(&part[..count]);
        }
    })
}

/// A run of the binary that is over.
#[derive(Debug)]
pub struct Cooked<'a> {
    kitchen: &'a Kitchen,
    /// How it exited.
    pub status: ExitStatus,
    /// How long it took.
    pub took: Duration,
    /// Data.
    pub stdout: String,
    /// What a person sees.
    pub stderr: String,
    /// The journal of the kitchen's last run.
    pub journal: Vec<Entry>,
}

impl Cooked<'_> {
    /// The exit code; 128 + signal when a signal ended it.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| 128 + self.status.signal().unwrap_or_default())
    }

    /// The exit code with what explains it when it is not the expected one.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "{}\n{}\n{:#?}", self.stdout, self.stderr, self.story());
        self
    }

    /// The journal in short, one line per completed step.
    pub fn story(&self) -> Vec<String> {
        story(&self.journal).iter().map(|line| self.kitchen.tidy(line)).collect()
    }

    /// What a person saw, without what differs from run to run.
    pub fn screen(&self) -> String {
        self.kitchen.tidy(&self.stderr)
    }

    /// The `StepEnded` event of a step's visit, as JSON.
    #[track_caller]
    pub fn ended(&self, step: &str, visit: u32) -> Value {
        let found = self.journal.iter().find(|entry| {
            matches!(&entry.event, Event::StepEnded { step: s, visit: v, .. } if s == step && *v == visit)
        });
        let found = found.unwrap_or_else(|| panic!("{step}#{visit} did not end: {:#?}", self.story()));
        serde_json::to_value(found).expect("an entry is JSON")
    }

    /// Ids of the sessions, in order of their starts; a continued one stands there again.
    pub fn sessions(&self) -> Vec<String> {
        let session = |entry: &Entry| match &entry.event {
            Event::StepStarted { session, .. } => session.clone(),
            _ => None,
        };
        self.journal.iter().filter_map(session).collect()
    }
}

/// A journal in short. A step is told when it ends (`test#1 tests fail -> repair`); a start without an end is a step that was
/// cut off.
pub fn story(journal: &[Entry]) -> Vec<String> {
    let mut told = Vec::new();
    // Steps of parallel items run beside each other.
    let mut open: Vec<(&str, String)> = Vec::new();
    for entry in journal {
        let line = match &entry.event {
            Event::StepStarted { step, visit, attempt, continues, .. } => {
                let name = numbered(step, *visit, *attempt);
                if *continues {
                    told.push(format!("{name} continues its session"));
                }
                open.push((step, name));
                continue;
            }
            Event::StepEnded { step, visit, attempt, label, next, .. } => {
                open.retain(|(at, _)| at != step);
                format!("{} {label} -> {}", numbered(step, *visit, *attempt), onwards(next))
            }
            Event::StepCutOff { .. } | Event::Waiting { .. } => continue,
            Event::StepSkipped { step, next, .. } => format!("{step} skipped -> {}", onwards(next)),
            Event::StepExceeded { step, visits, next } => {
                format!("{step} exceeded its {visits} -> {}", onwards(next))
            }
            Event::RouteChosen { step, next, .. } => format!("{step} chosen -> {}", onwards(next)),
            Event::OrchestratorStarted { number, .. } => format!("orchestrator {number} begins"),
            Event::OrchestratorEnded { label, .. } => {
                told.push(format!("orchestrator left: {label}"));
                continue;
            }
            Event::LoopStarted(begun) => {
                format!("{} loops: {}", numbered(&begun.step, begun.visit, begun.attempt), begun.what)
            }
            Event::ItemStarted { .. } => continue,
            Event::ItemEnded { step, item, end } => format!("{step}[{item}] {}", named(&end.status)),
            Event::FinallyStarted { end, .. } => format!("finally, after {}", named(&end.status)),
            Event::Notice { text } => format!("notice: {text}"),
            Event::RunStarted(started) => format!("started {}", started.recipe),
            Event::RunResumed { step, .. } => format!("resumed at {step}"),
            Event::Moved { .. } => "moved".to_owned(),
            Event::RecipeAccepted(_) => "recipe accepted".to_owned(),
            Event::Unknown(unknown) => format!("unknown {}", unknown.name),
            Event::RunEnded(end) => {
                let status = named(&end.status);
                let resumable = if end.resumable { ", resumable" } else { "" };
                format!("{status}{resumable}: {}", end.reason)
            }
        };
        if matches!(entry.event, Event::RunResumed { .. } | Event::RunEnded(_)) {
            told.extend(open.drain(..).map(|(_, name)| format!("{name} cut off")));
        }
        told.push(line);
    }
    told.extend(open.into_iter().map(|(_, name)| format!("{name} cut off")));
    told
}

fn numbered(step: &str, visit: u32, attempt: u32) -> String {
    if attempt > 1 { format!("{step}#{visit}.{attempt}") } else { format!("{step}#{visit}") }
}

fn onwards(next: &Next) -> String {
    match next {
        Next::Retry => "again".to_owned(),
        Next::Step(step) => step.clone(),
        Next::End(status) => named(status),
        Next::Choice(_) => "a choice".to_owned(),
    }
}

fn named(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).expect("a name is JSON");
    value.as_str().map(str::to_owned).unwrap_or_else(|| value.to_string())
}

/// Whether a file holds this text.
pub fn holds(path: &Path, text: &str) -> bool {
    let bytes = std::fs::read(path).unwrap_or_default();
    bytes.windows(text.len()).any(|part| part == OsStr::new(text).as_bytes())
}

//! The real client in tests: where it is, the environment that keeps it to itself, and one headless run.
//!
//! ```ignore
//! let Some(client) = require_client() else { return };
//! let outcome = RealClient::new(client, &api).run("say hello");
//! assert_eq!(outcome.result()["result"], "hello");
//! ```

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use super::api::ScriptedApi;

/// How long a run of the client may take before its test fails.
const LIMIT: Duration = Duration::from_secs(60);

/// Where `./tests/run` installs what tests run.
pub fn tools() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into())).join("tools")
}

/// The pinned client, when it is installed.
pub fn real_client() -> Option<PathBuf> {
    if let Some(chosen) = env::var_os("AUTOSKILLIT_TEST_CLAUDE") {
        return Some(PathBuf::from(chosen)).filter(|path| path.is_file());
    }
    let packages = tools().join("node_modules/@anthropic-ai");
    let os = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    ["", "-musl"]
        .map(|libc| packages.join(format!("claude-code-{os}-{arch}{libc}/claude")))
        .into_iter()
        .find(|path| path.is_file())
}

/// The pinned client, or `None` after saying that the test is skipped. Where the client is
/// required (`AUTOSKILLIT_REQUIRE_CLIENT=1`, or CI) its absence fails the test.
pub fn require_client() -> Option<PathBuf> {
    let found = real_client();
    if found.is_none() {
        missing("the pinned Claude Code client", "AUTOSKILLIT_REQUIRE_CLIENT");
    }
    found
}

/// Says that a test is skipped for want of something that `./tests/run` installs. Where that is required (`variable=1`, or CI)
/// the test fails.
pub fn missing(what: &str, variable: &str) {
    let set = |name: &str, value: &str| env::var(name).is_ok_and(|set| set == value);
    let required = set(variable, "1") || set("CI", "true");
    assert!(!required, "{what} is required here and not installed: run ./tests/run");
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Written past the capture of the test harness, which hides what a passing test prints.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {what} is not installed, run ./tests/run");
}

/// The whole environment of a client, or of a program that starts one: its own home, the scripted
/// API, nothing from the network, nothing of the person who runs the tests. Use it after `env_clear`.
pub fn isolated_env(api: &ScriptedApi, home: &Path) -> Vec<(String, String)> {
    let mut environment = scratch_env(home);
    environment.extend([
        ("ANTHROPIC_BASE_URL".to_owned(), api.url()),
        ("ANTHROPIC_API_KEY".to_owned(), "sk-ant-scripted".to_owned()),
    ]);
    environment
}

/// [`isolated_env`] without a model to talk to.
pub fn scratch_env(home: &Path) -> Vec<(String, String)> {
    let home = home.to_str().expect("a temporary directory has a name in UTF-8");
    let mut environment: Vec<(String, String)> = [
        ("HOME", home),
        ("CLAUDE_CODE_TMPDIR", home),
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
        ("DISABLE_AUTOUPDATER", "1"),
        ("IS_SANDBOX", "1"),
        ("NO_PROXY", "127.0.0.1"),
        ("LANG", "C.UTF-8"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_AUTHOR_NAME", "Test Cook"),
        ("GIT_AUTHOR_EMAIL", "cook@example.invalid"),
        ("GIT_COMMITTER_NAME", "Test Cook"),
        ("GIT_COMMITTER_EMAIL", "cook@example.invalid"),
        ("GIT_TERMINAL_PROMPT", "0"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    for name in ["PATH", "TMPDIR", "SHELL"] {
        environment.extend(env::var(name).ok().map(|value| (name.to_owned(), value)));
    }
    environment
}

/// A home and an empty project directory, removed when dropped.
#[derive(Debug)]
pub struct Scratch {
    /// Its name without symbolic links, as a process that works in it sees it.
    path: PathBuf,
    _owner: TempDir,
}

impl Default for Scratch {
    fn default() -> Self {
        let owner = tempfile::Builder::new().prefix("autoskillit-test-").tempdir();
        let owner = owner.expect("a temporary directory can be made");
        let path = owner.path().canonicalize().expect("a temporary directory exists");
        for part in ["home", "project"] {
            std::fs::create_dir(path.join(part)).expect("a temporary directory is writable");
        }
        Self { path, _owner: owner }
    }
}

impl Scratch {
    /// Makes both directories.
    pub fn new() -> Self {
        Self::default()
    }

    /// What `HOME` points to.
    pub fn home(&self) -> PathBuf {
        self.path.join("home")
    }

    /// Where the client works.
    pub fn project(&self) -> PathBuf {
        self.path.join("project")
    }

    /// Writes a file below the directory that holds both, with its parents, and returns its path.
    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.path.join(path);
        let parent = path.parent().expect("a path below a directory has a parent");
        std::fs::create_dir_all(parent).expect("a temporary directory is writable");
        std::fs::write(&path, text).expect("a temporary directory is writable");
        path
    }
}

/// A headless run of the real client, with every permission, in a scratch project.
#[derive(Debug)]
pub struct RealClient {
    command: Command,
    scratch: Scratch,
}

impl RealClient {
    /// A run of this client against this API.
    pub fn new(program: PathBuf, api: &ScriptedApi) -> Self {
        Self::within(Scratch::new(), program, api)
    }

    /// A run in which nothing is permitted that would be asked for.
    pub fn without_permissions(program: PathBuf, api: &ScriptedApi) -> Self {
        let allowed = Self::new(program.clone(), api);
        let mut command = Command::new(program);
        command.env_clear().envs(isolated_env(api, &allowed.scratch.home()));
        command.current_dir(allowed.scratch.project());
        command.args(["-p", "--output-format", "stream-json", "--verbose", "--permission-mode", "dontAsk"]);
        Self { command, scratch: allowed.scratch }
    }

    /// A run in a scratch directory that already holds something.
    pub fn within(scratch: Scratch, program: PathBuf, api: &ScriptedApi) -> Self {
        let mut command = Command::new(program);
        command.env_clear().envs(isolated_env(api, &scratch.home())).current_dir(scratch.project()).args([
            "-p",
            "--output-format",
            "stream-json",
            "--verbose",
            "--dangerously-skip-permissions",
        ]);
        Self { command, scratch }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts the client with the prompt on its standard input.
    pub fn spawn(mut self, prompt: &str) -> Running {
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the client can be started");
        let mut stdin = child.stdin.take().expect("standard input is piped");
        let stdout = child.stdout.take().expect("standard output is piped");
        let mut stderr = child.stderr.take().expect("standard error is piped");
        let prompt = prompt.to_owned();
        // A client that ends at once does not read its prompt; its exit tells the story.
        std::thread::spawn(move || stdin.write_all(prompt.as_bytes()));
        let (send, lines) = channel();
        std::thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).all(|line| send.send(line).is_ok())
        });
        let stderr = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        let deadline = Instant::now() + LIMIT;
        let scratch = Some(self.scratch);
        Running { child, lines, stderr: Some(stderr), records: Vec::new(), deadline, scratch }
    }

    /// Runs the client to its end.
    pub fn run(self, prompt: &str) -> Outcome {
        self.spawn(prompt).finish()
    }
}

/// A client at work; dropping it ends it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    stderr: Option<JoinHandle<String>>,
    records: Vec<Value>,
    deadline: Instant,
    /// Present until the outcome takes it.
    scratch: Option<Scratch>,
}

impl Running {
    /// Its home and project.
    pub fn scratch(&self) -> &Scratch {
        self.scratch.as_ref().expect("a running client has its directories")
    }

    /// Waits for a record that fits and returns it; records that came before this call do not count.
    pub fn wait_for(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        while let Some(record) = self.next_record(what) {
            if fits(&record) {
                return record;
            }
        }
        panic!("the stream ended before {what}: {:#?}", self.records)
    }

    /// Sends a signal to the client alone.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("a running child can be signalled");
    }

    /// Waits for the client's end.
    pub fn finish(mut self) -> Outcome {
        while self.next_record("the end").is_some() {}
        let status = self.child.wait().expect("a child can be waited for");
        let stderr = self.stderr.take().and_then(|reader| reader.join().ok()).unwrap_or_default();
        let records = std::mem::take(&mut self.records);
        let scratch = self.scratch.take().expect("a running client has its directories");
        Outcome { status, records, stderr, scratch }
    }

    /// The client's process id.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().expect("a process id is small"))
    }

    fn next_record(&mut self, awaited: &str) -> Option<Value> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(left) {
            Ok(line) => {
                let record: Value = serde_json::from_str(&line)
                    .unwrap_or_else(|error| panic!("a line is not JSON ({error}): {line}"));
                self.records.push(record.clone());
                Some(record)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                panic!("waiting for {awaited} took over {LIMIT:?}: {:#?}", self.records)
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Reaped already: its id may belong to another process by now.
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        // SIGTERM first, so that the client ends the commands it runs; the stream's end is its end.
        let _ = kill(self.pid(), Signal::SIGTERM);
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_ok() {}
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A finished run.
#[derive(Debug)]
pub struct Outcome {
    /// How the client exited.
    pub status: ExitStatus,
    /// The stream, record by record.
    pub records: Vec<Value>,
    /// What it wrote to standard error.
    pub stderr: String,
    /// Its home and project, kept until this is dropped.
    pub scratch: Scratch,
}

impl Outcome {
    /// Records of a type, such as `assistant`.
    pub fn of_type(&self, kind: &str) -> Vec<&Value> {
        self.records.iter().filter(|record| record["type"] == kind).collect()
    }

    /// Records of type `system` and this subtype, such as `init`.
    pub fn system(&self, subtype: &str) -> Vec<&Value> {
        self.of_type("system").into_iter().filter(|record| record["subtype"] == subtype).collect()
    }

    /// Content blocks of the model's answers, in order.
    pub fn blocks(&self) -> Vec<&Value> {
        self.of_type("assistant")
            .into_iter()
            .filter_map(|record| record["message"]["content"].as_array())
            .flatten()
            .collect()
    }

    /// Text of the model's answers, joined by line ends.
    pub fn text(&self) -> String {
        self.blocks().iter().filter_map(|block| block["text"].as_str()).collect::<Vec<_>>().join("\n")
    }

    /// The last `result` record.
    pub fn result(&self) -> &Value {
        self.of_type("result").pop().unwrap_or_else(|| {
            panic!("no result from {} in {:#?}; stderr: {}", self.status, self.records, self.stderr)
        })
    }
}

//! A client that speaks line by line, and so can say what a well-behaved one never would.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// How long one answer may take.
const LIMIT: Duration = Duration::from_secs(30);

/// A server and this side of its pipes; dropping it kills it.
pub(crate) struct Line {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    stderr: Option<JoinHandle<()>>,
    log: Arc<Mutex<String>>,
    next_id: u64,
    /// Every line that the server wrote.
    pub(crate) written: Vec<String>,
}

impl Line {
    /// Starts a server.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server can be started");
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().expect("standard output is piped");
        let stderr = child.stderr.take().expect("standard error is piped");
        let (send, lines) = channel();
        std::thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).all(|line| send.send(line).is_ok())
        });
        let log = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&log);
        let stderr = std::thread::spawn(move || {
            BufReader::new(stderr).lines().map_while(Result::ok).for_each(|line| {
                let mut log = kept.lock().expect("nobody panics with the log");
                log.push_str(&line);
                log.push('\n');
            });
        });
        Self { child, stdin, lines, stderr: Some(stderr), log, next_id: 0, written: Vec::new() }
    }

    /// Starts a server and shakes hands as clients of 2025-11-25 do.
    pub(crate) fn connect(command: Command) -> Self {
        let mut line = Self::start(command);
        let answer = line.request("initialize", hello());
        assert_eq!(answer["result"]["serverInfo"]["name"], "autoskillit", "{answer}");
        line.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        line
    }

    /// The server's process.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().expect("a process id is small"))
    }

    /// Writes one message.
    pub(crate) fn send(&mut self, message: &Value) {
        self.say(&message.to_string());
    }

    /// Writes one line, whatever it holds.
    pub(crate) fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("the pipe is open");
        stdin.write_all(format!("{line}\n").as_bytes()).expect("the server reads");
    }

    /// Sends a request and does not wait; gives its id.
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> u64 {
        self.next_id += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params }));
        self.next_id
    }

    /// Sends a request and waits for its answer; what comes in between is kept in `written`.
    pub(crate) fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params);
        self.wait_for(&format!("the answer to {method}"), |message| {
            message["id"] == id && message.get("method").is_none()
        })
    }

    /// Waits for a message that fits.
    pub(crate) fn wait_for(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + LIMIT;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.written.push(line.clone());
                    let message = serde_json::from_str(&line)
                        .unwrap_or_else(|error| panic!("no JSON ({error}): {line}"));
                    if fits(&message) {
                        return message;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("{what} did not come: {:#?}", self.written),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("the server ended before {what}: {:#?}", self.written)
                }
            }
        }
    }

    /// Calls a tool; gives what it tells and whether that is an error.
    pub(crate) fn call(&mut self, tool: &str, arguments: Value) -> (Value, bool) {
        let answer = self.request("tools/call", json!({ "name": tool, "arguments": arguments }));
        told(&answer)
    }

    /// Calls a tool that is to answer without an error.
    #[track_caller]
    pub(crate) fn good(&mut self, tool: &str, arguments: Value) -> Value {
        let (value, is_error) = self.call(tool, arguments);
        assert!(!is_error, "{tool}: {value:#}");
        value
    }

    /// The names of the tools there are.
    pub(crate) fn tools(&mut self) -> Vec<String> {
        let answer = self.request("tools/list", json!({}));
        let tools = answer["result"]["tools"].as_array().expect("a list of tools");
        tools.iter().map(|tool| tool["name"].as_str().expect("a tool has a name").to_owned()).collect()
    }

    /// Sends the server a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("a running child can be signalled");
    }

    /// Closes the server's standard input.
    pub(crate) fn close(&mut self) {
        self.stdin = None;
    }

    /// Waits until the log holds a text, asking the server for something each time: what it does then is logged as well.
    pub(crate) fn logs(&mut self, text: &str) {
        let deadline = Instant::now() + LIMIT;
        while !self.log.lock().expect("nobody panics with the log").contains(text) {
            assert!(Instant::now() < deadline, "{text:?} is not logged");
            self.tools();
        }
    }

    /// Waits for the server's end; gives how it ended, how long that took and what it logged.
    pub(crate) fn finish(mut self) -> (ExitStatus, Duration, String) {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break status;
            }
            assert!(began.elapsed() < LIMIT, "the server still runs: {:#?}", self.written);
            std::thread::sleep(Duration::from_millis(2));
        };
        let took = began.elapsed();
        if let Some(reader) = self.stderr.take() {
            reader.join().expect("the log can be read");
        }
        let log = self.log.lock().expect("nobody panics with the log").clone();
        (status, took, log)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The parameters of `initialize`.
pub(crate) fn hello() -> Value {
    json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } })
}

/// The metadata that every request of a client of 2026-07-28 carries.
pub(crate) fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

/// What the answer to a call tells, and whether it is an error.
pub(crate) fn told(answer: &Value) -> (Value, bool) {
    let result = &answer["result"];
    let text = result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text in {answer}"));
    (serde_json::from_str(text).expect("an answer is JSON"), result["isError"].as_bool().unwrap_or(false))
}

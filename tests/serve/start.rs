//! Before the first answer nothing is started and nothing is opened, whatever the machine is like.

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::{Value, json};

use super::line::{Line, hello, meta};
use super::support::kitchen::Kitchen;

/// Programs that a server might be tempted to ask.
const TEMPTING: [&str; 6] = ["claude", "gh", "git", "python", "python3", "node"];

/// PATH with nothing but stubs that leave a mark when they are run; `git` then does what it should.
fn stubs(kitchen: &Kitchen) -> (String, std::path::PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    let dir = kitchen.home().join("stubs");
    let marks = kitchen.home().join("marks");
    std::fs::create_dir_all(&marks).expect("a home is writable");
    std::fs::create_dir_all(&dir).expect("a home is writable");
    let git = which("git");
    for name in TEMPTING {
        let then =
            if name == "git" { format!("exec {} \"$@\"", git.display()) } else { "exec false".to_owned() };
        let stub = dir.join(name);
        std::fs::write(&stub, format!("#!/bin/sh\n: > '{}/{name}'\n{then}\n", marks.display()))
            .expect("it is ours");
        std::fs::set_permissions(&stub, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
    (dir.display().to_string(), marks)
}

fn which(name: &str) -> std::path::PathBuf {
    let path = std::env::var_os("PATH").expect("there is a PATH");
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
        .expect("git is installed")
}

fn marked(marks: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(marks).expect("a folder of ours").flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come about");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whether every thread of a process sleeps.
fn rests(pid: u32) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("the server runs").flatten();
    let state =
        |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
    tasks.map(state).all(|stat| stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S')))
}

/// The sockets of a process that lead out of it: all but nameless local pairs, with which the runtime hears signals.
fn leading_somewhere(pid: u32) -> Vec<String> {
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("the server runs").flatten();
    let open = descriptors.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    let sockets = open.map(|link| link.display().to_string()).filter(|link| link.starts_with("socket:"));
    let local = std::fs::read_to_string("/proc/net/unix").expect("local sockets are listed");
    // Num, RefCount, Protocol, Flags, Type, State, Inode, and a path where it has a name.
    let nameless = |inode: &str| {
        local
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .any(|row| row.len() == 7 && row[6] == inode)
    };
    sockets.filter(|link| !nameless(link.trim_start_matches("socket:[").trim_end_matches(']'))).collect()
}

fn children(pid: u32) -> String {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("the server runs").flatten();
    tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok()).collect()
}

/// The first answer cannot leave before the test reads, because the pipe is full: so what is seen until then happened before it.
#[test]
fn nothing_is_started_and_no_socket_opened_before_the_first_answer() {
    if !cfg!(target_os = "linux") {
        return;
    }
    for first in ["initialize", "server/discover"] {
        let kitchen = Kitchen::new();
        let (path, marks) = stubs(&kitchen);
        let mut command = kitchen.server(None);
        let (mut out, theirs) = small_pipe();
        let filling = [b'\n'; PAGE];
        (&theirs).write_all(&filling).expect("an empty pipe takes its size");
        let (asked, mut ask) = small_pipe();
        command.env("PATH", &path).stdin(asked).stdout(theirs).stderr(Stdio::null());
        let mut child = command.spawn().expect("the server can be started");
        // The test must not hold the other ends: then they would never be seen to close.
        drop(command);
        let params = if first == "initialize" { hello() } else { json!({ "_meta": meta() }) };
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": first, "params": params }).to_string();
        // It fills the pipe, so that there is room again when it has been read.
        writeln!(ask, "{request:<width$}", width = PAGE - 1).expect("the server reads");

        let pid = child.id();
        until("the reading of the request", || has_room(&ask));
        until("the wait for room in the pipe", || rests(pid));
        assert_eq!(marked(&marks), [] as [String; 0], "{first}: programs were run before the first answer");
        assert_eq!(children(pid), "", "{first}: processes were started before the first answer");
        assert_eq!(leading_somewhere(pid), [] as [String; 0], "{first}: sockets before the first answer");

        let mut answer = Vec::new();
        let mut byte = [0];
        out.read_exact(&mut [0; PAGE]).expect("what was filled in comes out");
        while byte != [b'\n'] {
            out.read_exact(&mut byte).expect("the answer comes");
            answer.extend(byte);
        }
        let answer: Value = serde_json::from_slice(&answer).expect("the answer is JSON");
        let capabilities = &answer["result"]["capabilities"];
        assert_eq!(capabilities["tools"]["listChanged"], true, "{first}: {answer}");
        // So the marks would have told: now git is asked.
        until("the work after the first answer", || marked(&marks).contains(&"git".to_owned()));
        drop(ask);
        child.wait().expect("it is ours");
    }
}

/// The smallest pipe that there is.
const PAGE: usize = 4096;

fn small_pipe() -> (PipeReader, PipeWriter) {
    let (reader, writer) = std::io::pipe().expect("pipes are there");
    let size =
        fcntl(&writer, FcntlArg::F_SETPIPE_SZ(PAGE.try_into().expect("small"))).expect("a pipe can be small");
    assert_eq!(usize::try_from(size), Ok(PAGE));
    (reader, writer)
}

/// Whether somebody has read what filled a pipe.
fn has_room(pipe: &PipeWriter) -> bool {
    let mut asked = [PollFd::new(pipe.as_fd(), PollFlags::POLLOUT)];
    poll(&mut asked, PollTimeout::ZERO).expect("a pipe can be asked") == 1
}

#[test]
fn a_home_that_does_not_answer_keeps_nobody_waiting() {
    let kitchen = Kitchen::new();
    let config = kitchen.home().join(".config/autoskillit");
    std::fs::create_dir_all(&config).expect("a home is writable");
    // Reading it waits for ever.
    nix::unistd::mkfifo(&config.join("config.yaml"), nix::sys::stat::Mode::S_IRWXU)
        .expect("a home takes a pipe");
    let mut line = Line::connect(kitchen.server(None));
    assert_eq!(line.tools(), ["open_kitchen", "close_kitchen"]);
    let (answer, is_error) = line.call("run_cmd", json!({ "cmd": "true" }));
    assert_eq!((answer["subtype"].as_str(), is_error), (Some("gate_error"), true));
    line.close();
    let (status, ..) = line.finish();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn standard_output_holds_the_protocol_and_nothing_else() {
    let kitchen = Kitchen::new().config("logging:\n  level: trace\nno_such_key: 1\n");
    let mut command = kitchen.server(None);
    command.arg("--verbose").env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1");
    let mut line = Line::connect(command);
    line.tools();
    // A message that is none, a request that is unknown, a kitchen that cannot be opened.
    line.say("this is not JSON");
    line.request("no/such/method", json!({}));
    let (refused, is_error) = line.call("open_kitchen", json!({}));
    assert!(
        is_error && refused["error"].as_str().is_some_and(|error| error.contains("config.yaml")),
        "{refused}"
    );
    line.logs("settings are faulty");
    line.close();
    let written = std::mem::take(&mut line.written);
    let (.., log) = line.finish();
    for text in written {
        let message: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(message["jsonrpc"], "2.0", "{text}");
    }
    assert!(
        log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()),
        "the log is lines of JSON: {log}"
    );
}

#[test]
fn the_log_says_as_much_as_the_more_verbose_of_settings_and_command_line() {
    let start = |config: &str, args: &[&str]| {
        let kitchen = Kitchen::new().config(config);
        let mut command = kitchen.server(None);
        command.args(args);
        (Line::connect(command), kitchen)
    };
    let (mut line, _kitchen) = start("logging: {level: debug, json_output: false}\n", &[]);
    line.logs("DEBUG");
    let (mut line, _kitchen) = start("logging: {level: error, json_output: false}\n", &["--verbose"]);
    line.logs("DEBUG");
    let (mut line, _kitchen) = start("logging: {level: error, json_output: false}\n", &[]);
    line.good("open_kitchen", json!({}));
    line.good("get_pipeline_report", json!({}));
    line.close();
    let quiet = line.finish().2;
    assert!(!quiet.contains("DEBUG"), "{quiet}");
}

//! Before the first answer nothing is started and nothing is opened, whatever the machine is like. Linux says what a process has open, and
//! its pipes can be made small.

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Stdio;

use nix::fcntl::{FcntlArg, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::{Value, json};

use super::line::{hello, meta};
use super::support::kitchen::{Kitchen, until};

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

//! The table as `ps` prints it, for systems without /proc.

use std::time::Duration;

use super::{Process, shorten};

/// The columns that [`parse`] reads.
#[cfg(any(not(target_os = "linux"), feature = "portable-processes"))]
const COLUMNS: &str = "pid=,ppid=,stat=,etime=,command=";

/// What makes the environment of the user's own processes follow their commands: an option of BSD's `ps`, and the letter that
/// means the same to the one of Linux.
#[cfg(not(target_os = "linux"))]
const ENVIRONMENTS: &[&str] = &["-axww", "-E", "-o", "pid=,command="];
#[cfg(all(target_os = "linux", feature = "portable-processes"))]
const ENVIRONMENTS: &[&str] = &["axeww", "-o", "pid=,command="];

/// All processes; those of this user are searched for the tag.
#[cfg(any(not(target_os = "linux"), feature = "portable-processes"))]
pub(in super::super) fn snapshot(tag: &str, _since: u64) -> Vec<Process> {
    let mut table = parse(&ps(&["-axww", "-o", COLUMNS]));
    let mark = format!(" {}={tag}", crate::execution::warden::TAG_VARIABLE);
    let tagged = ps(ENVIRONMENTS);
    let tagged: std::collections::BTreeSet<u32> = tagged
        .lines()
        .filter(|line| {
            line.match_indices(&mark)
                .any(|(at, _)| matches!(line.as_bytes().get(at + mark.len()), None | Some(b' ')))
        })
        .filter_map(|line| line.split_ascii_whitespace().next()?.parse().ok())
        .collect();
    for process in &mut table {
        process.tagged = !process.dead && tagged.contains(&process.pid);
    }
    table
}

/// What `ps` prints, without `ps` itself.
#[cfg(any(not(target_os = "linux"), feature = "portable-processes"))]
#[expect(clippy::disallowed_types, reason = "without /proc a program lists the processes")]
fn ps(arguments: &[&str]) -> String {
    use std::process::{Command, Stdio};
    let child = Command::new("ps")
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(child) = child else { return String::new() };
    let own = child.id().to_string();
    let Ok(output) = child.wait_with_output() else { return String::new() };
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .filter(|line| line.split_ascii_whitespace().next() != Some(own.as_str()))
        .flat_map(|line| [line, "\n"])
        .collect()
}

/// There is no cheap list of children here.
#[cfg(any(not(target_os = "linux"), feature = "portable-processes"))]
pub(in super::super) fn children(_pid: u32) -> Option<Vec<u32>> {
    None
}

/// The command line of a process.
#[cfg(any(not(target_os = "linux"), feature = "portable-processes"))]
pub(in super::super) fn command(process: &Process) -> String {
    process.command.clone().unwrap_or_default()
}

/// Whether a process is a warden, as far as its command line tells.
#[cfg(any(not(target_os = "linux"), feature = "portable-processes"))]
pub(in super::super) fn is_warden(process: &Process) -> bool {
    let words = process.command.as_deref().unwrap_or_default();
    let mut words = words.split_ascii_whitespace();
    words.next().is_some_and(|program| program.ends_with("autoskillit"))
        && words.next() == Some(crate::execution::warden::MODE)
}

/// Nothing newer is known here than the snapshot.
#[cfg(any(not(target_os = "linux"), feature = "portable-processes"))]
pub(in super::super) fn runs(process: &Process) -> bool {
    !process.dead
}

/// Start times are not known here.
#[cfg(any(not(target_os = "linux"), feature = "portable-processes"))]
pub(in super::super) fn own_start() -> u64 {
    0
}

/// Reads lines of pid, parent, state, elapsed time and command; what is not such a line is skipped.
fn parse(text: &str) -> Vec<Process> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Process> {
    let (pid, rest) = word(line)?;
    let (parent, rest) = word(rest)?;
    let (state, rest) = word(rest)?;
    let (elapsed, command) = word(rest)?;
    Some(Process {
        pid: pid.parse().ok()?,
        parent: parent.parse().ok()?,
        dead: state.starts_with('Z'),
        stopped: state.starts_with('T'),
        age: parse_elapsed(elapsed)?,
        command: Some(shorten(command)),
        ..Process::default()
    })
}

/// The first word and what follows it.
fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    match text.split_once(char::is_whitespace) {
        Some(parts) => Some(parts),
        None if text.is_empty() => None,
        None => Some((text, "")),
    }
}

/// `[[days-]hours:]minutes:seconds`.
fn parse_elapsed(text: &str) -> Option<Duration> {
    let (days, clock) = match text.split_once('-') {
        Some((days, clock)) => (days.parse::<u64>().ok()?, clock),
        None => (0, text),
    };
    let parts: Vec<u64> = clock.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    if !(2..=3).contains(&parts.len()) {
        return None;
    }
    let seconds = parts.iter().fold(0, |sum, part| sum * 60 + part);
    Some(Duration::from_secs(days * 86_400 + seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_lines_of_ps() {
        let text = "    1     0 Ss   02-03:04:05 /sbin/launchd\n  512     1 S+      00:09 sh -c sleep  9\n\
                    oops\n  513   512 Z       01:00:00 (sleep)\n  514   512 T  00:01\n";
        let process = |pid, parent, age, command: &str| Process {
            pid,
            parent,
            age: Duration::from_secs(age),
            command: Some(command.into()),
            ..Process::default()
        };
        assert_eq!(
            parse(text),
            [
                process(1, 0, 2 * 86_400 + 3 * 3600 + 4 * 60 + 5, "/sbin/launchd"),
                process(512, 1, 9, "sh -c sleep  9"),
                Process { dead: true, ..process(513, 512, 3600, "(sleep)") },
                Process { stopped: true, ..process(514, 512, 1, "") },
            ]
        );
    }

    #[test]
    fn a_broken_elapsed_time_is_nothing() {
        for text in ["", "5", "a:b", "1:2:3:4", "x-01:02", "-"] {
            assert_eq!(parse_elapsed(text), None, "{text}");
        }
    }
}

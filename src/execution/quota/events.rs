//! What looks at the quota came to, in a file beside what is kept of the windows: a line of JSON for each, the oldest first. It is kept for
//! people and for `get_quota_events`; nothing is decided by it, so what cannot be written is left out.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cache::lock;
use super::window::Binding;
use crate::core::files;

/// Version of a line.
const SCHEMA_VERSION: u32 = 1;
/// How every line begins: by that a file is known as ours.
const BEGINNING: &[u8] = b"{\"schema_version\":";
/// From this size, in bytes, the oldest lines go.
const LARGEST: u64 = 256 << 10;
/// How many lines are left then.
const KEPT: usize = 500;

/// What a look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Came {
    /// The session may start.
    Approved,
    /// It waits.
    Blocked,
    /// It does not start: the wait would be too long.
    GivenUp,
    /// It starts, and how much is used is not known.
    Unknown,
    /// A session that ran was refused by the service.
    Refused,
}

/// A look at the quota.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// Version of the format.
    pub schema_version: u32,
    /// When.
    pub ts: Timestamp,
    /// What it came to.
    pub event: Came,
    /// The window that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_name: Option<String>,
    /// How much of it was used, in per cent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utilization: Option<f64>,
    /// The use from which sessions wait, in per cent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_threshold: Option<f64>,
    /// When the window is given anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resets_at: Option<Timestamp>,
    /// How long the session waits, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sleep_seconds: Option<u64>,
}

impl Look {
    /// A look that a window decided, or none.
    #[must_use]
    pub fn at(ts: Timestamp, event: Came, binding: Option<&Binding>) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            ts,
            event,
            window_name: binding.map(|binding| binding.window.name.clone()),
            utilization: binding.map(|binding| binding.window.utilization),
            effective_threshold: binding.map(|binding| binding.threshold),
            resets_at: binding.and_then(|binding| binding.window.resets_at),
            sleep_seconds: None,
        }
    }

    /// The same look, after which the session waits until then.
    #[must_use]
    pub fn until(self, until: Timestamp) -> Self {
        let seconds = u64::try_from(until.duration_since(self.ts).as_secs()).unwrap_or(0);
        Self { sleep_seconds: Some(seconds), ..self }
    }
}

/// The file of the looks, beside the one that keeps the windows.
#[must_use]
pub fn path(cache: &Path) -> PathBuf {
    cache.with_file_name("quota_events.jsonl")
}

/// Adds a look. Blocks.
pub fn note(cache: &Path, look: &Look) {
    let path = path(cache);
    if let Err(error) = append(&path, look) {
        tracing::warn!("cannot write {}: {error}", path.display());
    }
}

fn append(path: &Path, look: &Look) -> io::Result<()> {
    let _lock = lock(path);
    match std::fs::metadata(path) {
        // The folder may come from the settings of a repository: what stands there may be anything.
        Ok(_) if !is_ours(path)? => {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "another file stands there"));
        }
        Ok(facts) if facts.len() > LARGEST => {
            let text = std::fs::read_to_string(path)?;
            let lines: Vec<&str> = text.lines().collect();
            let kept = &lines[lines.len().saturating_sub(KEPT)..];
            files::write_atomic(path, (kept.join("\n") + "\n").as_bytes())?;
        }
        _ => {}
    }
    if let Some(dir) = path.parent() {
        files::create_private_dir(dir)?;
    }
    let mut line = serde_json::to_vec(look)?;
    line.push(b'\n');
    files::append_private(path)?.write_all(&line)
}

fn is_ours(path: &Path) -> io::Result<bool> {
    let mut beginning = Vec::new();
    std::fs::File::open(path)?.take(BEGINNING.len() as u64).read_to_end(&mut beginning)?;
    Ok(beginning.is_empty() || beginning == BEGINNING)
}

/// The newest looks, at most so many, the newest first, and how many there are. Lines that are torn or of another version are left out.
#[must_use]
pub fn newest(cache: &Path, at_most: usize) -> (Vec<Look>, usize) {
    let text = std::fs::read(path(cache)).unwrap_or_default();
    let lines = text.split(|byte| *byte == b'\n').rev();
    let looks = lines
        .filter_map(|line| serde_json::from_slice::<Look>(line).ok())
        .filter(|look| look.schema_version == SCHEMA_VERSION);
    let all: Vec<Look> = looks.collect();
    let count = all.len();
    (all.into_iter().take(at_most).collect(), count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::quota::window::{Class, Window};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn look(second: i64) -> Look {
        let window = Window { name: "five_hour".into(), utilization: 91.5, resets_at: Some(at(900)) };
        let binding = Binding { window, class: Class::Short, threshold: 85.0, blocks: true };
        Look::at(at(second), Came::Blocked, Some(&binding)).until(at(960))
    }

    #[test]
    fn looks_are_told_from_the_newest_on_and_damaged_lines_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("new/quota.json");
        assert_eq!(newest(&cache, 50), (vec![], 0));
        (1..4).for_each(|second| note(&cache, &look(second)));
        let mut file = files::append_private(&path(&cache)).unwrap();
        file.write_all(b"{\"schema_version\":1,\"ts\":\"20").unwrap();
        let (looks, count) = newest(&cache, 2);
        assert_eq!((looks, count), (vec![look(3), look(2)], 3));
        let text = std::fs::read_to_string(path(&cache)).unwrap();
        insta::assert_snapshot!(text.lines().next().unwrap(), @r#"{"schema_version":1,"ts":"1970-01-01T00:00:01Z","event":"blocked","window_name":"five_hour","utilization":91.5,"effective_threshold":85.0,"resets_at":"1970-01-01T00:15:00Z","sleep_seconds":959}"#);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("quota.json");
        let line = serde_json::to_string(&look(1)).unwrap() + "\n";
        let many = usize::try_from(LARGEST).unwrap() / line.len() + 1;
        std::fs::write(path(&cache), line.repeat(many)).unwrap();
        note(&cache, &look(2));
        let (looks, count) = newest(&cache, 1);
        assert_eq!((looks, count), (vec![look(2)], KEPT + 1));
    }

    #[test]
    fn a_file_of_somebody_else_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("quota.json");
        std::fs::write(path(&cache), "mine").unwrap();
        note(&cache, &look(1));
        assert_eq!(std::fs::read_to_string(path(&cache)).unwrap(), "mine");
    }
}

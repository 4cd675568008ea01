//! The index of a repository's sessions: one file a day, to which lines are only ever appended, each with a single write, so that
//! no lock is needed and nothing is lost when several programs write at once. A day's file goes as a whole when all its sessions
//! are gone. The index can be deleted: it only makes finding faster.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::summary::{Status, Summary};
use crate::core::files;
use crate::core::paths::KitchenDir;
use crate::core::usage::Usage;

/// Version of a line.
pub const VERSION: u32 = 1;

/// One line: a session began, or it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// [`VERSION`].
    pub schema_version: u32,
    /// Its folder, relative to the product's folder in the repository.
    pub dir: PathBuf,
    /// The session.
    pub session_id: String,
    /// Its run, if it is of one.
    #[serde(default)]
    pub run_id: Option<String>,
    /// Its step; empty for a session that drives a run.
    #[serde(default)]
    pub step: String,
    /// Where it stands.
    pub status: Status,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    #[serde(default)]
    pub elapsed_ms: Option<u64>,
    /// The verdict's label.
    #[serde(default)]
    pub subtype: Option<String>,
    /// Whether it is success.
    #[serde(default)]
    pub success: Option<bool>,
    /// What it used.
    #[serde(default)]
    pub usage: Usage,
    /// How many odd things were seen.
    #[serde(default)]
    pub anomalies: usize,
}

impl Line {
    /// The line of a session as its summary says; `None` where its folder is in no repository's.
    #[must_use]
    pub fn of(kitchen: &KitchenDir, dir: &Path, summary: &Summary) -> Option<Self> {
        Some(Self {
            schema_version: VERSION,
            dir: dir.strip_prefix(kitchen.root()).ok()?.to_owned(),
            session_id: summary.session_id.clone(),
            run_id: summary.run_id.clone(),
            step: summary.place.as_ref().map(|place| place.step.clone()).unwrap_or_default(),
            status: summary.status,
            started_at: summary.started_at,
            elapsed_ms: summary.elapsed_ms,
            subtype: summary.verdict.as_ref().map(|verdict| verdict.subtype.clone()),
            success: summary.verdict.as_ref().map(|verdict| verdict.success),
            usage: summary.usage,
            anomalies: summary.anomalies.len(),
        })
    }
}

/// Adds a line to the file of the day on which the session began.
///
/// # Errors
/// What the file system says.
pub fn append(kitchen: &KitchenDir, line: &Line) -> io::Result<()> {
    let dir = kitchen.session_index();
    files::create_private_dir(&dir)?;
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    let file = dir.join(format!("{}.ndjson", line.started_at.strftime("%Y-%m-%d")));
    files::append_private(&file)?.write_all(text.as_bytes())
}

/// All sessions that the index knows, in the order in which they began, each as its last line says, with what it used and took whenever
/// it was taken up. What cannot be read is passed over.
#[must_use]
pub fn read(kitchen: &KitchenDir) -> Vec<Line> {
    let mut sessions: IndexMap<PathBuf, Line> = IndexMap::new();
    let mut parts: HashMap<PathBuf, BTreeMap<Timestamp, (Usage, u64)>> = HashMap::new();
    for file in segments(kitchen) {
        for line in lines(&file) {
            // A part has a line when it begins and one when it ends; a session that was continued has parts.
            parts
                .entry(line.dir.clone())
                .or_default()
                .insert(line.started_at, (line.usage, line.elapsed_ms.unwrap_or_default()));
            sessions.insert(line.dir.clone(), line);
        }
    }
    let mut sessions: Vec<Line> = sessions.into_values().collect();
    for line in &mut sessions {
        let (mut usage, mut elapsed) = (Usage::default(), 0);
        for (used, took) in parts.get(&line.dir).into_iter().flat_map(BTreeMap::values) {
            usage += *used;
            elapsed += took;
        }
        line.usage = usage;
        line.elapsed_ms = line.elapsed_ms.map(|_| elapsed);
    }
    sessions.sort_by_key(|line| line.started_at);
    sessions
}

/// The lines of a file that can be read.
fn lines(file: &Path) -> impl Iterator<Item = Line> + use<> {
    let text = fs::read(file).unwrap_or_default();
    let lines: Vec<Line> =
        text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    lines.into_iter().filter(|line: &Line| line.schema_version == VERSION)
}

/// The files of the index, oldest first.
fn segments(kitchen: &KitchenDir) -> Vec<PathBuf> {
    let entries = fs::read_dir(kitchen.session_index()).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "ndjson"))
        .collect();
    files.sort();
    files
}

/// Removes the days of which no session is left; today's and yesterday's stay, for they may be written to at this moment.
pub fn tidy(kitchen: &KitchenDir, now: Timestamp) {
    let day = |at: Timestamp| format!("{}.ndjson", at.strftime("%Y-%m-%d"));
    let kept: HashSet<String> =
        [day(now), day(now - std::time::Duration::from_secs(24 * 3600))].into_iter().collect();
    for file in segments(kitchen) {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !kept.contains(&name) && lines(&file).all(|line| !kitchen.root().join(&line.dir).exists()) {
            // Whoever comes first removes it.
            let _ = fs::remove_file(&file);
        }
    }
}

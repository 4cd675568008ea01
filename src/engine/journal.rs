//! The journal: append-only lines of JSON, one synced line per transition. What it holds has happened; what it does not hold
//! has not. The format is described in `docs/journal.md`.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;

use super::event::{Entry, Event, Unknown};
use crate::core::files;
use crate::core::redact::Redactor;

/// Version of the format that this program writes, and the newest that it reads.
pub const SCHEMA_VERSION: u32 = 1;

/// Why a journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The journal.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A line is not an entry, and it is not the torn last one.
    #[error("{}:{line}: not a journal entry ({message})", path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// A newer program wrote it.
    #[error("{}:{line}: written by a newer autoskillit (format {version}, this one reads up to {SCHEMA_VERSION})", path.display())]
    Newer {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Its format.
        version: u64,
    },
    /// An entry that this program does not know and that nobody may pass over.
    #[error(
        "{}:{line}: an entry `{event}` that this autoskillit ({}) does not know; autoskillit {version} wrote it",
        path.display(), env!("CARGO_PKG_VERSION")
    )]
    Foreign {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The name of its event.
        event: String,
        /// The program that wrote it, as the run says.
        version: String,
    },
    /// There is no entry.
    #[error("{} holds no entry: the run never started", path.display())]
    Empty {
        /// The journal.
        path: PathBuf,
    },
}

/// What a journal is written to.
pub(super) trait Paper: std::fmt::Debug + Send {
    /// Adds bytes at the end.
    fn add(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns when what was added survives a loss of power.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts away everything after this many bytes.
    fn cut(&mut self, whole: u64) -> io::Result<()>;
}

impl Paper for File {
    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, whole: u64) -> io::Result<()> {
        self.set_len(whole)?;
        self.seek(io::SeekFrom::End(0)).map(drop)
    }
}

/// A journal open for writing. Only the holder of the run's lock may have one.
#[derive(Debug)]
pub struct Journal {
    paper: Box<dyn Paper>,
    whole: u64,
    seq: u64,
    redactor: Redactor,
}

impl Journal {
    /// Starts a journal where none is.
    ///
    /// # Errors
    /// What the file system says, also when the file exists.
    pub fn create(path: &Path, redactor: Redactor) -> io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let file = OpenOptions::new().create_new(true).append(true).mode(files::PRIVATE).open(path)?;
        if let Some(dir) = path.parent() {
            File::open(dir)?.sync_all()?;
        }
        Ok(Self { paper: Box::new(file), whole: 0, seq: 0, redactor })
    }

    /// The same journal on other paper.
    #[cfg(test)]
    pub(super) fn on(self, paper: impl FnOnce(Box<dyn Paper>) -> Box<dyn Paper>) -> Self {
        Self { paper: paper(self.paper), ..self }
    }

    /// Opens a journal to go on with it. A torn last line is cut away: it never happened.
    ///
    /// # Errors
    /// When it cannot be read or cut, or holds an entry that must be known to go on. It is then left as it is.
    pub fn reopen(path: &Path, redactor: Redactor) -> Result<(Self, Vec<Entry>), JournalError> {
        let io = |source| JournalError::Io { path: path.to_owned(), source };
        let Scanned { entries, whole, foreign } = scan(path)?;
        if let Some(foreign) = foreign {
            return Err(foreign);
        }
        let file = files::append_private(path).map_err(io)?;
        file.set_len(whole).map_err(io)?;
        let seq = entries.last().map_or(0, |entry| entry.seq);
        Ok((Self { paper: Box::new(file), whole, seq, redactor }, entries))
    }

    /// Writes an event and syncs it. The entry as it was written (secrets replaced) is what happened.
    ///
    /// # Errors
    /// What the file system says; then nothing of the entry stays in the file as far as the system allows, and a torn rest is
    /// cut away by the next [`Journal::reopen`].
    pub fn append(&mut self, at: Timestamp, event: Event) -> io::Result<Entry> {
        let mut entry = Entry { schema_version: SCHEMA_VERSION, seq: self.seq + 1, at, event };
        let mut line = serde_json::to_string(&entry)?;
        if let Cow::Owned(_) = self.redactor.clean(&line)
            // Only a secret that is one of the format's own words does not read back; such a word tells nothing.
            && let Ok(clean) = serde_json::from_value(self.redactor.clean_json(&entry)?)
        {
            entry = clean;
            line = serde_json::to_string(&entry)?;
        }
        let mut bytes = line.into_bytes();
        bytes.push(b'\n');
        if let Err(error) = self.paper.add(&bytes).and_then(|()| self.paper.sync()) {
            let _ = self.paper.cut(self.whole);
            return Err(error);
        }
        self.whole += bytes.len() as u64;
        self.seq += 1;
        Ok(entry)
    }
}

/// Reads a journal that another process may be writing. A torn last line is left out; entries that this program does not know
/// are [`Event::Unknown`].
///
/// # Errors
/// When it cannot be read, is damaged, newer or empty.
pub fn read(path: &Path) -> Result<Vec<Entry>, JournalError> {
    scan(path).map(|scanned| scanned.entries)
}

/// An entry as its line is in the journal, also one that this program does not know.
#[must_use]
pub fn line(entry: &Entry) -> String {
    let line = match &entry.event {
        Event::Unknown(unknown) => serde_json::to_string(&unknown.line),
        _ => serde_json::to_string(entry),
    };
    line.unwrap_or_default()
}

/// What a file holds.
struct Scanned {
    /// The entries, each once, in their order.
    entries: Vec<Entry>,
    /// How many bytes of the file they take.
    whole: u64,
    /// Why nobody can go on with them.
    foreign: Option<JournalError>,
}

fn scan(path: &Path) -> Result<Scanned, JournalError> {
    let io = |source| JournalError::Io { path: path.to_owned(), source };
    let mut reader = BufReader::new(File::open(path).map_err(io)?);
    let mut scanned = Scanned { entries: Vec::new(), whole: 0, foreign: None };
    let (mut number, mut version) = (0, String::new());
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line).map_err(io)?;
        // Also a line that can be read was not written to its end: nobody was told that it was.
        if read == 0 || line.last() != Some(&b'\n') {
            break;
        }
        number += 1;
        // A loss of power can leave the length of a write, and holes where its bytes should be.
        if line.contains(&0) && reader.fill_buf().map_err(io)?.is_empty() {
            break;
        }
        let damaged = |message| JournalError::Damaged { path: path.to_owned(), line: number, message };
        let entry = entry(path, number, &line)?;
        match &entry.event {
            Event::RunStarted(started) => version.clone_from(&started.autoskillit_version),
            Event::RunResumed { autoskillit_version: Some(by), .. } => version.clone_from(by),
            Event::Unknown(unknown) if entry.event.is_foreign() && scanned.foreign.is_none() => {
                let (path, event, version) = (path.to_owned(), unknown.name.clone(), version.clone());
                scanned.foreign = Some(JournalError::Foreign { path, line: number, event, version });
            }
            _ => {}
        }
        if in_order(&scanned.entries, &entry).map_err(damaged)? {
            scanned.entries.push(entry);
        }
        scanned.whole += read as u64;
    }
    if scanned.entries.is_empty() {
        return Err(JournalError::Empty { path: path.to_owned() });
    }
    Ok(scanned)
}

/// Whether an entry is the next one; one that is there already is not. A fragment when it is neither.
fn in_order(entries: &[Entry], entry: &Entry) -> Result<bool, String> {
    let last = entries.last().map_or(0, |entry| entry.seq);
    if entry.seq == last + 1 {
        return Ok(true);
    }
    if entry.seq > last {
        return Err(format!(
            "it is entry {} and follows entry {last}: what is between them is lost",
            entry.seq
        ));
    }
    let before = usize::try_from(entry.seq).ok().and_then(|seq| entries.get(seq.checked_sub(1)?));
    match before == Some(entry) {
        true => Ok(false),
        false => Err(format!("there are two entries {}, and they differ", entry.seq)),
    }
}

/// Reads one line.
fn entry(path: &Path, number: usize, line: &[u8]) -> Result<Entry, JournalError> {
    let (version, error) = match Entry::read(line) {
        Ok(entry) if entry.schema_version <= SCHEMA_VERSION => return Ok(entry),
        Ok(entry) => (Some(entry.schema_version.into()), None),
        Err(error) => {
            let value = serde_json::from_slice::<Value>(line).ok();
            let version = value.as_ref().and_then(|value| value.get("schema_version")?.as_u64());
            if let (Some(entry), Some(..=FORMAT)) = (value.and_then(unknown), version) {
                return Ok(entry);
            }
            (version, Some(error))
        }
    };
    let path = path.to_owned();
    match (version, error) {
        (Some(version), _) if version > FORMAT => Err(newer(&path, number, version)),
        (_, error) => {
            let message = error.map(|error| error.to_string()).unwrap_or_default();
            Err(JournalError::Damaged { path, line: number, message })
        }
    }
}

const FORMAT: u64 = SCHEMA_VERSION as u64;

/// A line as an entry whose event this program does not know, when it is one.
fn unknown(line: Value) -> Option<Entry> {
    let Value::Object(line) = line else { return None };
    let name = line.get("event")?.as_str()?.to_owned();
    // Only a name that is none of ours is refused as such before its fields are looked at.
    let error = serde_json::from_value::<Event>(serde_json::json!({ "event": name })).err()?;
    if !error.to_string().starts_with("unknown variant") {
        return None;
    }
    Some(Entry {
        schema_version: SCHEMA_VERSION,
        seq: line.get("seq")?.as_u64()?,
        at: line.get("at")?.as_str()?.parse().ok()?,
        event: Event::Unknown(Unknown {
            name,
            optional: line.get("optional").and_then(Value::as_bool) == Some(true),
            line,
        }),
    })
}

fn newer(path: &Path, line: usize, version: u64) -> JournalError {
    JournalError::Newer { path: path.to_owned(), line, version }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn notice(text: &str) -> Event {
        Event::Notice { text: text.to_owned() }
    }

    fn redactor() -> Redactor {
        Redactor::new([("X_TOKEN".to_owned(), "hunter2hunter2".to_owned())])
    }

    #[test]
    fn what_was_written_is_read_and_a_torn_end_never_happened() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.ndjson");
        let mut journal = Journal::create(&path, redactor()).unwrap();
        let first = journal.append(Timestamp::UNIX_EPOCH, notice("one")).unwrap();
        let second = journal.append(Timestamp::UNIX_EPOCH, notice("two")).unwrap();
        let whole = std::fs::read(&path).unwrap();
        assert!(Journal::create(&path, redactor()).is_err(), "a journal is never overwritten");

        for cut in 1..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            match Journal::reopen(&path, redactor()) {
                Ok((mut journal, entries)) => {
                    let expected: Vec<_> =
                        [&first, &second].into_iter().take(entries.len()).cloned().collect();
                    assert_eq!(entries, expected);
                    journal.append(Timestamp::UNIX_EPOCH, notice("next")).unwrap();
                    assert_eq!(read(&path).unwrap().len(), entries.len() + 1);
                }
                Err(error) => assert!(matches!(error, JournalError::Empty { .. }), "{error}"),
            }
        }
    }

    #[test]
    fn damage_in_the_middle_names_the_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("j");
        std::fs::write(&path, "{}\n{}\n").unwrap();
        assert!(matches!(read(&path), Err(JournalError::Damaged { line: 1, .. })));
        std::fs::write(&path, "{\"schema_version\":99,\"seq\":1,\"event\":\"from_the_future\"}\n").unwrap();
        assert!(matches!(read(&path), Err(JournalError::Newer { version: 99, .. })));
    }

    /// A journal of these lines, numbered from 1 unless they have a number.
    fn written(dir: &tempfile::TempDir, lines: &[Value]) -> PathBuf {
        let path = dir.path().join("j");
        let mut text = String::new();
        for (at, line) in lines.iter().enumerate() {
            let mut whole = json!({ "schema_version": 1, "seq": at + 1, "at": "2026-01-02T03:04:05Z" });
            let fields = whole.as_object_mut().unwrap();
            fields.extend(line.as_object().unwrap().clone());
            text += &format!("{whole}\n");
        }
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn a_line_without_its_break_never_happened_also_when_it_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let line = |text: &str| json!({ "event": "notice", "text": text });
        let path = written(&dir, &[line("one"), line("two")]);
        let text = std::fs::read_to_string(&path).unwrap();
        for end in [text.trim_end().to_owned(), format!("{text}\0\0\0"), format!("{text}{{\"schema")] {
            let whole = if end.len() < text.len() { 1 } else { 2 };
            std::fs::write(&path, &end).unwrap();
            assert_eq!(read(&path).unwrap().len(), whole, "{end:?}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), end, "reading changes nothing");
            let (mut journal, entries) = Journal::reopen(&path, redactor()).unwrap();
            assert_eq!(entries.len(), whole);
            assert_eq!(journal.append(Timestamp::UNIX_EPOCH, notice("next")).unwrap().seq, whole as u64 + 1);
            assert_eq!(read(&path).unwrap().len(), whole + 1);
        }
    }

    #[test]
    fn an_entry_counts_once_and_none_may_be_missing() {
        let dir = tempfile::tempdir().unwrap();
        let line = |seq: u64, text: &str| json!({ "seq": seq, "event": "notice", "text": text });
        let twice = written(&dir, &[line(1, "a"), line(2, "b"), line(2, "b"), line(1, "a"), line(3, "c")]);
        let seqs: Vec<u64> = read(&twice).unwrap().iter().map(|entry| entry.seq).collect();
        assert_eq!(seqs, [1, 2, 3]);
        let (mut journal, _) = Journal::reopen(&twice, redactor()).unwrap();
        assert_eq!(journal.append(Timestamp::UNIX_EPOCH, notice("d")).unwrap().seq, 4);
        assert_eq!(read(&twice).unwrap().len(), 4);
        for (lines, at, said) in [
            (vec![line(1, "a"), line(3, "c")], 2, "it is entry 3 and follows entry 1"),
            (vec![line(2, "b")], 1, "it is entry 2 and follows entry 0"),
            (vec![line(1, "a"), line(2, "b"), line(2, "x")], 3, "there are two entries 2, and they differ"),
            (vec![line(1, "a"), line(0, "x")], 2, "there are two entries 0"),
        ] {
            match read(&written(&dir, &lines)) {
                Err(JournalError::Damaged { line, message, .. }) => {
                    assert_eq!((line, message.contains(said)), (at, true), "{message}");
                }
                other => panic!("{said}: {other:?}"),
            }
        }
    }

    #[test]
    fn an_event_of_another_version_is_read_and_only_an_optional_one_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let resumed =
            json!({ "event": "run_resumed", "step": "a", "note": "", "autoskillit_version": "7.0.0" });
        let seen = json!({ "event": "seen", "by": "a cat", "optional": true });
        let known = written(&dir, &[resumed.clone(), seen.clone()]);
        let entries = read(&known).unwrap();
        assert!(matches!(&entries[1].event, Event::Unknown(unknown) if unknown.name == "seen"));
        assert_eq!(std::fs::read_to_string(&known).unwrap().lines().nth(1).unwrap(), line(&entries[1]));
        assert_eq!(Journal::reopen(&known, redactor()).unwrap().1, entries);

        let split = json!({ "event": "step_split", "step": "a", "parts": [1, 2] });
        let foreign = written(&dir, &[resumed, seen, split]);
        std::fs::write(&foreign, std::fs::read_to_string(&foreign).unwrap() + "torn").unwrap();
        assert_eq!(read(&foreign).unwrap().len(), 3);
        let before = std::fs::read(&foreign).unwrap();
        let error = Journal::reopen(&foreign, redactor()).unwrap_err();
        assert!(
            matches!(&error, JournalError::Foreign { line: 3, event, version, .. }
            if event == "step_split" && version == "7.0.0"),
            "{error}"
        );
        assert_eq!(std::fs::read(&foreign).unwrap(), before, "it is left as it is");

        for damaged in
            [json!({ "event": "run_ended" }), json!({ "event": 3 }), json!({ "event": "x", "at": 1 })]
        {
            assert!(matches!(read(&written(&dir, &[damaged])), Err(JournalError::Damaged { line: 1, .. })));
        }
        let nested = json!({ "event": "step_skipped", "step": "a", "why": "", "next": { "jump": 1 } });
        assert!(matches!(read(&written(&dir, &[nested])), Err(JournalError::Damaged { .. })));
    }

    #[test]
    fn secrets_do_not_reach_the_file_and_the_entry_says_what_the_file_says() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("j");
        let mut journal = Journal::create(&path, redactor()).unwrap();
        let entry = journal.append(Timestamp::UNIX_EPOCH, notice("it is hunter2hunter2")).unwrap();
        assert_eq!(entry.event, notice("it is [redacted]"));
        assert_eq!(read(&path).unwrap(), [entry]);
    }
}

//! The journal: append-only lines of JSON, one synced line per transition. What it holds has happened; what it does not hold
//! has not. The format is described in `docs/journal.md`.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::event::{Entry, Event};
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
    /// When it cannot be read or cut.
    pub fn reopen(path: &Path, redactor: Redactor) -> Result<(Self, Vec<Entry>), JournalError> {
        let io = |source| JournalError::Io { path: path.to_owned(), source };
        let (entries, whole) = scan(path)?;
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

/// Reads a journal that another process may be writing. A torn last line is left out.
///
/// # Errors
/// When it cannot be read, is damaged, newer or empty.
pub fn read(path: &Path) -> Result<Vec<Entry>, JournalError> {
    scan(path).map(|(entries, _)| entries)
}

/// The entries and how many bytes of the file they take.
fn scan(path: &Path) -> Result<(Vec<Entry>, u64), JournalError> {
    let io = |source| JournalError::Io { path: path.to_owned(), source };
    let mut reader = BufReader::new(File::open(path).map_err(io)?);
    let (mut entries, mut whole, mut number) = (Vec::new(), 0u64, 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line).map_err(io)?;
        if read == 0 {
            break;
        }
        number += 1;
        let torn = line.last() != Some(&b'\n');
        match Entry::read(&line) {
            Ok(entry) if !torn => {
                if entry.schema_version > SCHEMA_VERSION {
                    return Err(newer(path, number, entry.schema_version.into()));
                }
                entries.push(entry);
                whole += read as u64;
            }
            _ if torn => break,
            Ok(_) => break,
            // A loss of power can leave the length of a write, and holes where its bytes should be.
            Err(_) if line.contains(&0) && reader.fill_buf().map_err(io)?.is_empty() => break,
            Err(error) => {
                let version = serde_json::from_slice::<serde_json::Value>(&line)
                    .ok()
                    .and_then(|value| value.get("schema_version")?.as_u64());
                return Err(match version {
                    Some(version) if version > SCHEMA_VERSION.into() => newer(path, number, version),
                    _ => JournalError::Damaged {
                        path: path.to_owned(),
                        line: number,
                        message: error.to_string(),
                    },
                });
            }
        }
    }
    if entries.is_empty() {
        return Err(JournalError::Empty { path: path.to_owned() });
    }
    Ok((entries, whole))
}

fn newer(path: &Path, line: usize, version: u64) -> JournalError {
    JournalError::Newer { path: path.to_owned(), line, version }
}

#[cfg(test)]
mod tests {
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

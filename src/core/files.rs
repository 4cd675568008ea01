//! Files that are either whole or absent, and private where they may hold what sessions saw.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use tempfile::NamedTempFile;

/// Mode of files that hold prompts, streams, logs or journals.
pub const PRIVATE: u32 = 0o600;

/// Writes `bytes` to `path` so that a reader sees the old content or the new, never a part: a temporary
/// file beside it, synced, then renamed over it. The file is private (0600).
///
/// # Errors
/// What the file system says; the old content is then untouched.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    put(beside(path, PRIVATE)?, path, bytes, true)
}

/// [`write_atomic`] without waiting for the disk: whole for every reader, but a machine that loses its power may lose it. For
/// what is only looked at.
///
/// # Errors
/// As [`write_atomic`].
pub fn write_unsynced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    put(beside(path, PRIVATE)?, path, bytes, false)
}

/// [`write_unsynced`] of pretty JSON with a final line break.
///
/// # Errors
/// As [`write_unsynced`], and when `value` cannot be written as JSON.
pub fn write_json_unsynced(path: &Path, value: &impl serde::Serialize) -> io::Result<()> {
    write_unsynced(path, &pretty(value)?)
}

/// [`write_atomic`] for a file of the user's: it keeps its mode, or gets `mode`, or what is usual for new files.
///
/// # Errors
/// As [`write_atomic`].
pub fn replace(path: &Path, bytes: &[u8], mode: Option<u32>) -> io::Result<()> {
    let there = fs::metadata(path).ok().map(|facts| facts.permissions());
    let file = beside(path, mode.unwrap_or(0o666))?;
    if let Some(kept) = mode.map(fs::Permissions::from_mode).or(there) {
        file.as_file().set_permissions(kept)?;
    }
    put(file, path, bytes, true)
}

/// Writes a new file of the user's, whole; what is already at `path` stays.
///
/// # Errors
/// `AlreadyExists` when there is something at `path`, else as [`write_atomic`].
pub fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = beside(path, 0o666)?;
    file.write_all(bytes).map_err(bare)?;
    file.as_file().sync_data()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}

/// A new file beside `path`. The process's mask applies to its mode.
fn beside(path: &Path, mode: u32) -> io::Result<NamedTempFile> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = fs::Permissions::from_mode(mode);
    tempfile::Builder::new().prefix(".autoskillit-").permissions(mode).tempfile_in(dir).map_err(bare)
}

/// Fills a new file and puts it in the place of `path`.
fn put(mut file: NamedTempFile, path: &Path, bytes: &[u8], synced: bool) -> io::Result<()> {
    file.write_all(bytes).map_err(bare)?;
    if synced {
        file.as_file().sync_data()?;
    }
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// The error without the name of the temporary file, which nobody knows.
fn bare(error: io::Error) -> io::Error {
    match (error.raw_os_error(), error.kind()) {
        (Some(_), _) | (None, io::ErrorKind::Other) => error,
        (None, kind) => kind.into(),
    }
}

/// [`write_atomic`] of pretty JSON with a final line break.
///
/// # Errors
/// As [`write_atomic`], and when `value` cannot be written as JSON.
pub fn write_json(path: &Path, value: &impl serde::Serialize) -> io::Result<()> {
    write_atomic(path, &pretty(value)?)
}

fn pretty(value: &impl serde::Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Creates `dir` and its parents, private (0700) where they are new.
///
/// # Errors
/// What the file system says.
pub fn create_private_dir(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Reads a text file of at most `most` bytes.
///
/// # Errors
/// What the file system says; also when it is no regular file, larger, or not UTF-8.
pub fn read_bounded(path: &Path, most: u64) -> io::Result<String> {
    use std::io::Read as _;
    let wrong =
        |why: String| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", path.display()));
    let facts = std::fs::metadata(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    // A pipe or a device could hold the reader for ever.
    if !facts.is_file() {
        return Err(wrong("it is no regular file".to_owned()));
    }
    let mut text = String::new();
    File::open(path)?.take(most + 1).read_to_string(&mut text).map_err(|error| wrong(error.to_string()))?;
    if text.len() as u64 > most {
        return Err(wrong(format!("it has more than {most} bytes")));
    }
    Ok(text)
}

/// Opens a private file for appending, creating it.
///
/// # Errors
/// What the file system says.
pub fn append_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(PRIVATE).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        write_atomic(&path, b"old").unwrap();
        assert!(write_atomic(&dir.path().join("absent/x"), b"new").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        write_atomic(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, PRIVATE);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays");
    }
}

//! The file edits of a scenario. None of them leaves the working directory, by whatever links.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::execution::scenario::{Edit, RelativePath, WriteFile};

/// Replaces the one place of a file. A file in which it is replaced already is left as it is: a session that was cut off may
/// have been here.
pub(super) fn edit(cwd: &Path, edit: &Edit) -> Result<(), String> {
    let path = inside(cwd, &edit.path)?;
    let name = edit.path.as_path().display();
    let text = fs::read_to_string(&path).map_err(|error| format!("cannot read {name}: {error}"))?;
    if is_done(&text, &edit.replace, &edit.with) {
        return Ok(());
    }
    match text.matches(&edit.replace).count() {
        1 => fs::write(&path, text.replacen(&edit.replace, &edit.with, 1))
            .map_err(|error| format!("cannot write {name}: {error}")),
        0 => Err(format!("the text to replace is not in {name}")),
        count => Err(format!("the text to replace is {count} times in {name}; it has to be there once")),
    }
}

/// Whether every `old` that is left belongs to a `new`.
fn is_done(text: &str, old: &str, new: &str) -> bool {
    let done = if new.is_empty() { 0 } else { text.matches(new).count() };
    done > 0 && text.matches(old).count() == done * new.matches(old).count()
}

/// Writes a whole file and the folders above it.
pub(super) fn write(cwd: &Path, file: &WriteFile) -> Result<(), String> {
    let path = inside(cwd, &file.path)?;
    let name = file.path.as_path().display();
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| fs::write(&path, &file.content))
        .map_err(|error| format!("cannot write {name}: {error}"))
}

/// Deletes a file. One that is gone already is fine.
pub(super) fn delete(cwd: &Path, file: &RelativePath) -> Result<(), String> {
    let path = inside(cwd, file)?;
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(format!("cannot delete {}: {error}", file.as_path().display()))
        }
        _ => Ok(()),
    }
}

/// The full path of `file`, when no symbolic link on the way or at its end leads out of `cwd`.
fn inside(cwd: &Path, file: &RelativePath) -> Result<PathBuf, String> {
    let name = file.as_path().display();
    let unclear = |error: io::Error| format!("cannot tell where {name} is: {error}");
    let top = cwd.canonicalize().map_err(unclear)?;
    let path = top.join(file.as_path());
    // What does not exist cannot lead anywhere; a link to nowhere exists and is refused with the rest.
    let existing = path.ancestors().find(|path| path.symlink_metadata().is_ok()).unwrap_or(&top);
    let real = existing.canonicalize().map_err(unclear)?;
    if real.starts_with(&top) { Ok(path) } else { Err(format!("{name} leads out of the working directory")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelativePath {
        RelativePath::try_from(text.to_owned()).unwrap()
    }

    fn edited(text: &str, replace: &str, with: &str) -> Result<String, String> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("f"), text).unwrap();
        let act = Edit { path: path("f"), replace: replace.into(), with: with.into() };
        edit(dir.path(), &act).map(|()| fs::read_to_string(dir.path().join("f")).unwrap())
    }

    #[test]
    fn the_text_must_be_there_once() {
        assert_eq!(edited("a b c", "b", "x"), Ok("a x c".to_owned()));
        assert_eq!(edited("a b c", "b ", ""), Ok("a c".to_owned()));
        assert!(edited("a b b", "b", "x").unwrap_err().contains("2 times"));
        assert!(edited("a", "b", "").unwrap_err().contains("not in f"));
    }

    #[test]
    fn what_is_done_is_not_done_twice() {
        assert_eq!(edited("a x c", "b", "x"), Ok("a x c".to_owned()));
        assert_eq!(edited("a bb c", "b", "bb"), Ok("a bb c".to_owned()));
        assert_eq!(edited("say: bread and butter", "bread", "bread and butter").unwrap().len(), 21);
        assert!(edited("a bb b", "b", "bb").is_err());
    }

    #[test]
    fn files_come_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let file = WriteFile { path: path("new/deep/f"), content: "x".into() };
        write(dir.path(), &file).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("new/deep/f")).unwrap(), "x");
        delete(dir.path(), &file.path).unwrap();
        assert!(!dir.path().join("new/deep/f").exists());
        delete(dir.path(), &file.path).unwrap();
    }

    #[test]
    fn links_do_not_lead_out() {
        let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let top = dir.path().canonicalize().unwrap();
        fs::write(outside.path().join("f"), "secret").unwrap();
        std::os::unix::fs::symlink(outside.path(), top.join("folder")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("f"), top.join("file")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("none"), top.join("dangling")).unwrap();
        fs::create_dir(top.join("real")).unwrap();
        std::os::unix::fs::symlink("real", top.join("link")).unwrap();
        for refused in ["folder/f", "folder/new/f", "file", "dangling"] {
            let file = WriteFile { path: path(refused), content: "x".into() };
            assert!(write(&top, &file).is_err(), "{refused}");
            assert!(delete(&top, &file.path).is_err(), "{refused}");
        }
        assert_eq!(fs::read_to_string(outside.path().join("f")).unwrap(), "secret");
        assert_eq!(outside.path().read_dir().unwrap().count(), 1);
        write(&top, &WriteFile { path: path("link/f"), content: "x".into() }).unwrap();
        assert!(top.join("real/f").exists());
    }
}

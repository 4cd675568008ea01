//! Carrying a plan out: all of it, or none.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::facts::{Facts, read};
use super::plan::{IGNORE, Plan, Planned};
use crate::app::error::AppError;
use crate::core::files;
use crate::core::paths::KitchenDir;

/// Writes what a plan says. When a part cannot be written, what was written before it is taken back.
///
/// # Errors
/// When a file was changed since the plan was made, or the disk does not take it.
pub fn apply(facts: &Facts, plan: &Plan) -> Result<(), AppError> {
    let written: Vec<&Planned> = plan.files.iter().filter(|file| file.is_written()).collect();
    for file in &written {
        let path = facts.top.join(file.path);
        // A person may have taken their time with the questions.
        let now = read(&path)?;
        if now != file.before && now.as_ref() != Some(&file.after) {
            return Err(AppError::environment(format!("{} was changed meanwhile", path.display()))
                .hint("nothing was written: run it again"));
        }
    }
    let kitchen = KitchenDir::of(&facts.top);
    let (new_folder, new_ignore) = (!kitchen.root().exists(), !kitchen.gitignore().exists());
    let mut done: Vec<(PathBuf, Option<&String>)> = Vec::new();
    for file in written {
        let path = facts.top.join(file.path);
        let result = kitchen.ensure().and_then(|()| match file.path {
            IGNORE => Ok(()),
            _ => files::replace(&target(&path), file.after.as_bytes(), None),
        });
        if let Err(error) = result {
            take_back(&done);
            if new_ignore {
                let _ = fs::remove_file(kitchen.gitignore());
            }
            if new_folder {
                let _ = fs::remove_dir(kitchen.root());
            }
            return Err(cannot(&path, &error));
        }
        done.push((path, file.before.as_ref()));
    }
    Ok(())
}

/// Where a file really is: one that is a link stays one.
fn target(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn take_back(done: &[(PathBuf, Option<&String>)]) {
    for (path, before) in done.iter().rev() {
        // Nobody can be told more than the error that led here.
        let _ = match before {
            None => fs::remove_file(path),
            Some(text) => files::replace(&target(path), text.as_bytes(), None),
        };
    }
}

fn cannot(path: &Path, error: &io::Error) -> AppError {
    let app = AppError::environment(format!("cannot write {}: {error}", path.display()));
    match error.kind() {
        io::ErrorKind::StorageFull => {
            app.hint("the disk is full: make room and run it again; nothing was written")
        }
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            app.hint("make the repository writable, or set up a clone of it; nothing was written")
        }
        _ => app.hint("nothing was written"),
    }
}

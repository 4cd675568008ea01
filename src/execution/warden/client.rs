//! Starting the client a warden is charged with.

#![expect(clippy::disallowed_types, reason = "a warden starts the program that it watches")]

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use super::TAG_VARIABLE;
use super::ladder::Ladder;
use super::protocol::{Charge, SpawnFailure};

/// A client that runs.
pub(super) struct Client {
    /// Its process, a child of ours.
    pub child: Child,
    /// How patiently it is ended.
    pub ladder: Ladder,
}

/// Starts the client of a charge.
pub(super) fn start(charge: Charge) -> Result<Client, (String, SpawnFailure)> {
    let Some((program, arguments)) = charge.argv.split_first() else {
        return Err(("there is no program to run".into(), SpawnFailure::Other));
    };
    // The system has one and the same error for a missing program and a missing directory.
    match std::fs::metadata(&charge.cwd) {
        Ok(folder) if folder.is_dir() => {}
        Ok(_) => {
            let text = format!("the working directory {} is not a directory", charge.cwd.display());
            return Err((text, SpawnFailure::NotFound));
        }
        Err(error) => {
            let text = format!("the working directory {} cannot be entered: {error}", charge.cwd.display());
            return Err((text, failure(&error)));
        }
    }
    let input = match charge.stdin {
        Some(text) => holding(&text).map(Stdio::from),
        None => Ok(Stdio::null()),
    };
    let input = input.map_err(|error| (format!("its input cannot be kept: {error}"), SpawnFailure::Other))?;
    let child = Command::new(program)
        .args(arguments)
        .current_dir(&charge.cwd)
        .env(TAG_VARIABLE, &charge.tag)
        .stdin(input)
        .process_group(0)
        .spawn()
        .map_err(|error| (format!("{program} cannot be started: {error}"), failure(&error)))?;
    Ok(Client { child, ladder: charge.ladder })
}

fn failure(error: &io::Error) -> SpawnFailure {
    match error.kind() {
        io::ErrorKind::NotFound => SpawnFailure::NotFound,
        io::ErrorKind::PermissionDenied => SpawnFailure::Permission,
        _ => SpawnFailure::Other,
    }
}

/// A file without a name that holds the text, to be read from its beginning: a pipe would block us on a long text.
fn holding(text: &str) -> io::Result<File> {
    #[cfg(target_os = "linux")]
    let mut file =
        File::from(nix::sys::memfd::memfd_create(c"stdin", nix::sys::memfd::MFdFlags::MFD_CLOEXEC)?);
    #[cfg(not(target_os = "linux"))]
    let mut file = tempfile::tempfile()?;
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file)
}

//! The account of a session's end: what the reports say, in a file, for whoever comes when nobody listened.

use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::ladder::Rung;
use super::protocol::{Exit, Leftover};

/// How a session went and what it left, written once when all is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Version of the format: [`Account::VERSION`].
    pub schema_version: u32,
    /// The name of the session.
    pub tag: String,
    /// The client's process id; `None` when it could not be started.
    pub pid: Option<u32>,
    /// Why it could not be started.
    pub spawn_error: Option<String>,
    /// How the client ended; `None` when it could not be started or not be killed.
    pub exit: Option<Exit>,
    /// The signals it took, in order.
    pub rungs: Vec<Climb>,
    /// What the client left behind.
    pub left: Vec<Leftover>,
    /// How many more there were than `left` lists.
    pub unlisted: u32,
    /// Whether the parent was gone by then; the cause of the end unless one was asked for before.
    pub parent_gone: bool,
    /// When things happened.
    pub times: Times,
}

/// A signal that was sent to end the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Climb {
    /// Which.
    pub rung: Rung,
    /// When, in milliseconds after the warden began.
    pub at_ms: u64,
}

/// When things happened: milliseconds after `began`, `None` for what did not happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// When the warden began, in milliseconds of Unix time.
    pub began: u64,
    /// When the client ran.
    pub spawned_ms: Option<u64>,
    /// When the end was asked for, by order, by signal or by the end of the socket.
    pub asked_ms: Option<u64>,
    /// When the client was gone.
    pub exited_ms: Option<u64>,
    /// When nothing of the session was left.
    pub ended_ms: u64,
}

impl Account {
    /// The version this program writes.
    pub const VERSION: u32 = 1;

    /// Writes the account whole or not at all, readable by the user alone since command lines may hold secrets.
    ///
    /// # Errors
    /// When the file or its directory cannot be made.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, self)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    }

    /// Reads an account.
    ///
    /// # Errors
    /// When there is none, or it is of a form this program does not know.
    pub fn read(path: &Path) -> io::Result<Self> {
        let account: Self = serde_json::from_slice(&std::fs::read(path)?)?;
        if account.schema_version == Self::VERSION {
            return Ok(account);
        }
        let text = format!("the account is of version {}, not {}", account.schema_version, Self::VERSION);
        Err(io::Error::new(io::ErrorKind::InvalidData, text))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn is_read_back_as_written_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/account.json");
        let mut account = Account {
            schema_version: Account::VERSION,
            tag: "t".into(),
            pid: Some(3),
            spawn_error: None,
            exit: Some(Exit { code: Some(0), signal: None }),
            rungs: vec![Climb { rung: Rung::Interrupt, at_ms: 5 }],
            left: Vec::new(),
            unlisted: 0,
            parent_gone: true,
            times: Times::default(),
        };
        account.write(&path).unwrap();
        assert_eq!(Account::read(&path).unwrap(), account);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

        account.schema_version = 99;
        account.write(&path).unwrap();
        assert!(Account::read(&path).unwrap_err().to_string().contains("version 99"));
    }
}

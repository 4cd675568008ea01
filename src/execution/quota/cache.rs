//! What is known of an account's windows, kept in a file for all runs of the user. Whoever asks the service holds its lock, so that
//! sessions that start together ask once. A file that cannot be read or is not ours is as good as none.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::source::PATIENCE;
use super::window::Window;
use crate::core::files;

/// Version of the file.
const SCHEMA_VERSION: u32 = 1;
/// How often a lock that is held is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// After this a lock belongs to somebody who hangs.
const HELD: Duration = PATIENCE.saturating_add(Duration::from_secs(2));

/// What the file holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// Version of the format.
    pub schema_version: u32,
    /// What tells the account's login from another one.
    pub account: String,
    /// What the service said.
    pub asked: Option<Asked>,
    /// What a session was told when it was refused.
    pub refused: Option<Refused>,
}

/// An answer of the service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// When it came.
    pub at: Timestamp,
    /// What it said.
    pub windows: Vec<Window>,
}

/// A limit that a session ran into.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// When.
    pub at: Timestamp,
    /// Which window, as the client names it.
    pub window: String,
    /// When it is over, as the client says.
    pub resets_at: Timestamp,
}

impl Known {
    /// Nothing yet.
    #[must_use]
    pub fn nothing(account: &str) -> Self {
        Self { schema_version: SCHEMA_VERSION, account: account.to_owned(), asked: None, refused: None }
    }

    /// The file's content, when it is about this login.
    #[must_use]
    pub fn read(path: &Path, account: &str) -> Self {
        let text = std::fs::read(path).unwrap_or_default();
        let known = serde_json::from_slice(&text).ok();
        known
            .filter(|known: &Self| known.schema_version == SCHEMA_VERSION && known.account == account)
            .unwrap_or_else(|| Self::nothing(account))
    }

    /// Writes it, over an older one of its kind only: the path may come from the settings of a repository.
    ///
    /// # Errors
    /// What the file system says, and when something else stands there.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        match std::fs::read(path) {
            Ok(there) if !is_ours(&there) => {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, "another file stands there"));
            }
            _ => {}
        }
        if let Some(dir) = path.parent() {
            files::create_private_dir(dir)?;
        }
        files::write_json(path, self)
    }

    /// The service's answer, when it is not older than `age`. One from the future came before a clock was set, and is of no use.
    #[must_use]
    pub fn fresh(&self, now: Timestamp, age: Duration) -> Option<&Asked> {
        let within = |at: Timestamp| Duration::try_from(now.duration_since(at)).is_ok_and(|old| old <= age);
        self.asked.as_ref().filter(|asked| within(asked.at))
    }

    /// All windows that are known at `now`: those of `asked`, and the one that refused a session since.
    #[must_use]
    pub fn windows(&self, asked: Option<&Asked>) -> Vec<Window> {
        let refused = self.refused.as_ref().filter(|refused| asked.is_none_or(|asked| asked.at < refused.at));
        let mut windows = asked.map(|asked| asked.windows.clone()).unwrap_or_default();
        if let Some(refused) = refused {
            windows.retain(|window| window.name != refused.window);
            windows.push(Window {
                name: refused.window.clone(),
                utilization: 100.0,
                resets_at: Some(refused.resets_at),
            });
        }
        windows
    }
}

/// Whether a file is one of these, of whatever version.
fn is_ours(text: &[u8]) -> bool {
    let value: serde_json::Value = serde_json::from_slice(text).unwrap_or_default();
    text.is_empty() || (value["schema_version"].is_u64() && value["account"].is_string())
}

/// The lock of the file, or `None` when it cannot be had: then it goes without. Blocks, at most as long as a request takes.
#[must_use]
pub fn lock(path: &Path) -> Option<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    files::create_private_dir(name.parent()?).ok()?;
    let file = files::append_private(&name).ok()?;
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Some(file),
            Err(TryLockError::WouldBlock) if began.elapsed() < HELD => std::thread::sleep(LOOK),
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    fn window(name: &str, utilization: f64) -> Window {
        Window { name: name.into(), utilization, resets_at: Some(at(500)) }
    }

    fn known() -> Known {
        let asked = Asked { at: at(0), windows: vec![window("five_hour", 20.0), window("seven_day", 30.0)] };
        Known { asked: Some(asked), ..Known::nothing("a") }
    }

    #[test]
    fn what_is_written_is_read_by_the_same_login_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/quota.json");
        assert_eq!(Known::read(&path, "a"), Known::nothing("a"));
        known().write(&path).unwrap();
        assert_eq!(Known::read(&path, "a"), known());
        assert_eq!(Known::read(&path, "b"), Known::nothing("b"));
        let text = std::fs::read_to_string(&path).unwrap();
        let damaged = [
            text.replace("\"schema_version\": 1", "\"schema_version\": 3"),
            text[..40].to_owned(),
            text.replace("20.0", "null"),
            String::new(),
            "[]".to_owned(),
        ];
        for damaged in damaged {
            std::fs::write(&path, &damaged).unwrap();
            assert_eq!(Known::read(&path, "a"), Known::nothing("a"), "{damaged}");
        }
    }

    #[test]
    fn a_file_of_somebody_else_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notes");
        std::fs::write(&path, "mine").unwrap();
        assert_eq!(known().write(&path).unwrap_err().to_string(), "another file stands there");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        for ours in ["", r#"{"schema_version": 7, "account": "x", "more": []}"#] {
            std::fs::write(&path, ours).unwrap();
            known().write(&path).unwrap();
            assert_eq!(Known::read(&path, "a"), known());
        }
    }

    #[test]
    fn an_answer_grows_old() {
        let age = Duration::from_secs(300);
        let fresh = |seconds| known().fresh(at(seconds), age).is_some();
        assert_eq!([-1, 0, 300, 301].map(fresh), [false, true, true, false]);
    }

    #[test]
    fn a_refusal_counts_until_the_service_says_something_newer() {
        let refused =
            |seconds| Some(Refused { at: at(seconds), window: "five_hour".into(), resets_at: at(900) });
        let used = |known: &Known| -> Vec<(String, f64)> {
            let windows = known.windows(known.asked.as_ref());
            windows.into_iter().map(|window| (window.name, window.utilization)).collect()
        };
        let after = Known { refused: refused(10), ..known() };
        assert_eq!(used(&after), [("seven_day".to_owned(), 30.0), ("five_hour".to_owned(), 100.0)]);
        let before = Known { refused: refused(-10), ..known() };
        assert_eq!(used(&before), [("five_hour".to_owned(), 20.0), ("seven_day".to_owned(), 30.0)]);
        assert_eq!(used(&Known { asked: None, ..after }), [("five_hour".to_owned(), 100.0)]);
    }

    #[test]
    fn one_asks_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("quota.json");
        let held = lock(&path).unwrap();
        let other = std::thread::spawn(move || lock(&path).is_some());
        assert!(!other.is_finished());
        drop(held);
        assert!(other.join().unwrap());
    }
}

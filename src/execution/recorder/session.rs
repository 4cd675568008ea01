//! The recording of one session: its tape as it grows.

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::Value;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::changes::Changes;
use super::{Recorder, append, clean};
use crate::core::time::millis;
use crate::execution::race::{Exit, Termination};
use crate::execution::tape::{Event, Places, What};

/// The tape of one session.
#[derive(Debug)]
pub struct Tape {
    recorder: Arc<Recorder>,
    places: Places,
    began: Instant,
    roll: Mutex<Roll>,
}

#[derive(Debug)]
struct Roll {
    /// `None` once it could not be written.
    file: Option<File>,
    changes: Changes,
    /// A tool was called since the last look at the files.
    may_have_changed: bool,
}

/// Tools of the client that change no file.
const READERS: &[&str] =
    &["Read", "Grep", "Glob", "LS", "StructuredOutput", "TodoWrite", "Skill", "ToolSearch"];

impl Tape {
    pub(super) fn start(recorder: Arc<Recorder>, file: File, cwd: &Path, places: Places) -> Self {
        let changes = aside(|| Changes::since_now(cwd));
        let roll = Mutex::new(Roll { file: Some(file), changes, may_have_changed: false });
        Self { recorder, places, began: Instant::now(), roll }
    }

    /// A line of the stream.
    pub fn line(&self, line: &[u8]) {
        let what = match serde_json::from_slice::<Value>(line) {
            Ok(record) => What::Record(record),
            Err(_) => What::Line(String::from_utf8_lossy(line).into_owned()),
        };
        let mut roll = self.roll();
        if let What::Record(record) = &what {
            roll.may_have_changed |= calls_writer(record);
            // What the call did stands before what it says about it.
            if record["type"] == "user" && std::mem::take(&mut roll.may_have_changed) {
                self.look(&mut roll);
            }
        }
        self.put(&mut roll, what);
    }

    /// A piece of standard error.
    pub fn stderr(&self, piece: &[u8]) {
        self.put(&mut self.roll(), What::Stderr(String::from_utf8_lossy(piece).into_owned()));
    }

    /// The session is being ended.
    pub fn ending(&self, why: Termination) {
        let why = serde_json::to_value(why).ok().and_then(|why| why.as_str().map(str::to_owned));
        self.put(&mut self.roll(), What::Ending(why.unwrap_or_default()));
    }

    /// The session is over.
    pub fn finish(&self, exit: Option<Exit>) {
        let mut roll = self.roll();
        self.look(&mut roll);
        let (code, signal) = exit.map_or((None, None), |exit| (exit.code, exit.signal));
        self.put(&mut roll, What::Exit { code, signal });
    }

    fn look(&self, roll: &mut Roll) {
        if roll.file.is_some() {
            for what in aside(|| roll.changes.look()) {
                self.put(roll, what);
            }
        }
    }

    fn put(&self, roll: &mut Roll, what: What) {
        let Some(file) = &mut roll.file else { return };
        let at = millis(self.began.elapsed());
        let event = clean(&self.recorder.redactor, Some(&self.places), Event { at, what });
        if let Err(error) = aside(|| append(file, &event)) {
            roll.file = None;
            self.recorder.state().trouble.get_or_insert(format!("a tape cannot be written: {error}"));
        }
    }

    fn roll(&self) -> MutexGuard<'_, Roll> {
        self.roll.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a record calls a tool that may change files.
fn calls_writer(record: &Value) -> bool {
    let blocks = record["message"]["content"].as_array();
    blocks.into_iter().flatten().any(|block| {
        block["type"] == "tool_use" && block["name"].as_str().is_some_and(|name| !READERS.contains(&name))
    })
}

/// Work that blocks for a moment, where other sessions must not wait for it.
fn aside<T>(work: impl FnOnce() -> T) -> T {
    let several = |handle: Handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread;
    if Handle::try_current().is_ok_and(several) { tokio::task::block_in_place(work) } else { work() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::redact::Redactor;
    use crate::execution::recorder::{Key, Subject};
    use crate::execution::scenario::{Ending, Scenario};
    use crate::execution::tape::{Written, read};
    use crate::workspace::git::{Checkout, commit_all};

    #[test]
    fn every_event_is_on_the_disk_at_once_and_clean() {
        let dir = tempfile::tempdir().unwrap();
        let (work, tapes) = (dir.path().join("work"), dir.path().join("tapes"));
        std::fs::create_dir(&work).unwrap();
        std::fs::write(work.join("old"), "").unwrap();
        commit_all(&work, "first").unwrap();
        let redactor = Redactor::new([("A_TOKEN".to_owned(), "hush-hush".to_owned())]);
        let checkout = Checkout::discover(&work).unwrap();
        let subject = Subject { recipe: Some("soup".to_owned()), ..Subject::default() };
        let recorder = Arc::new(Recorder::begin(&tapes, subject, &checkout, redactor).unwrap());
        let key = Key { step: "a step/of ours", visit: 1, attempt: 1 };
        let places = || Places::new(&work, None, "id-1");
        let tape = recorder.tape(key, &work, places()).unwrap();
        let found = Scenario::find(tapes.to_str().unwrap()).unwrap();
        let Ending::Tape(name) = &found.session(key.step, 1, 1).unwrap().ending else { panic!("no tape") };
        let events = || -> Vec<What> {
            let text = std::fs::read_to_string(tapes.join(name.as_path())).unwrap();
            read(&text).unwrap().into_iter().map(|event| event.what).collect()
        };
        tape.stderr(b"says hush-hush");
        assert_eq!(events(), [What::Stderr("says [redacted]".to_owned())]);
        tape.line(b"no JSON: hush-hush \xff");
        assert_eq!(events()[1], What::Line("no JSON: [redacted] \u{fffd}".to_owned()));

        // What a call changed is told before its result, and only after calls that may change something.
        let call = |name: &str| {
            let record = serde_json::json!({ "type": "assistant", "message": { "content": [{ "type": "tool_use", "name": name }] } });
            tape.line(record.to_string().as_bytes());
            tape.line(br#"{"type":"user"}"#);
        };
        std::fs::remove_file(work.join("old")).unwrap();
        std::fs::write(work.join("new"), "in id-1: hush-hush").unwrap();
        std::fs::write(work.join("image"), b"\0\xff").unwrap();
        call("Read");
        assert_eq!(events().len(), 4);
        call("Bash");
        let written = Written {
            path: "new".to_owned(),
            content: "in {autoskillit:session}: [redacted]".to_owned(),
            executable: false,
        };
        assert_eq!(
            events()[5..8],
            [
                What::Delete("old".to_owned()),
                What::Omitted { path: "image".to_owned(), why: "it is no text".to_owned() },
                What::Write(written)
            ]
        );
        assert_eq!(events().len(), 9);
        tape.finish(Some(Exit { code: Some(0), signal: None }));
        assert_eq!(events()[9], What::Exit { code: Some(0), signal: None });
        assert!(recorder.tape(key, &work, places()).is_none(), "a session is recorded once");
        assert!(recorder.trouble().is_some_and(|why| why.contains("ran twice")));
        assert!(matches!(
            Recorder::vacant(&tapes),
            Err(crate::execution::recorder::RecorderError::NotEmpty(_))
        ));
    }
}

//! Recording: a real run becomes a scenario while it goes on. A folder comes in; in it grow `scenario.yaml` and one tape for each
//! session, every event synced before the next is taken, so whatever ends this program loses at most the last one.
//!
//! Everything passes the redactor first. A recording that cannot be written is given up and says so; it never changes how a
//! session ends.

mod changes;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;
use serde_json::{Map, Value};
use tokio::runtime::{Handle, RuntimeFlavor};

use self::changes::{Changes, content, walk};
use super::race::{Exit, Termination};
use super::scenario;
use super::tape::{self, Event, Head, Places, What, map_texts};
use crate::core::files;
use crate::core::ids;
use crate::core::paths::KITCHEN_DIR;
use crate::core::redact::Redactor;
use crate::workspace::git::Checkout;

/// Where the files are that the run started from, beside those of its commit.
const START: &str = "start.ndjson";

/// What a recording is of.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Subject {
    /// The recipe; `None` fits any.
    pub recipe: Option<String>,
    /// Values of its ingredients.
    pub inputs: Map<String, Value>,
}

/// Why a recording cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// The folder holds something.
    #[error("cannot record into {}: the folder is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// It cannot be written.
    #[error("cannot record into {}: {source}", path.display())]
    Unwritable {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A recording that goes on.
#[derive(Debug)]
pub struct Recorder {
    dir: PathBuf,
    redactor: Redactor,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: ScenarioFile,
    trouble: Option<String>,
}

/// `scenario.yaml` of a recording.
#[derive(Debug, Serialize)]
struct ScenarioFile {
    version: u64,
    scenario: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipe: Option<String>,
    description: String,
    recorded: Recorded,
    inputs: Map<String, Value>,
    sessions: Vec<Session>,
}

#[derive(Debug, Serialize)]
struct Recorded {
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    start: &'static str,
}

#[derive(Debug, PartialEq, Serialize)]
struct Session {
    step: String,
    visit: u32,
    attempt: u32,
    stream: String,
}

/// Which session of a run.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    /// The step.
    pub step: &'a str,
    /// Its visit, from 1.
    pub visit: u32,
    /// Its try, from 1.
    pub attempt: u32,
}

impl Recorder {
    /// Whether a recording can begin in `dir`: it is new or empty.
    ///
    /// # Errors
    /// When it is neither.
    pub fn vacant(dir: &Path) -> Result<(), RecorderError> {
        let unwritable = |source| RecorderError::Unwritable { path: dir.to_owned(), source };
        match fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
            Ok(true) => Ok(()),
            Ok(false) => Err(RecorderError::NotEmpty(dir.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(unwritable(error)),
        }
    }

    /// Begins a recording in `dir`, of a run in `checkout` that is about to start.
    ///
    /// # Errors
    /// When the folder is not vacant or cannot be written.
    pub fn begin(
        dir: &Path,
        subject: Subject,
        checkout: &Checkout,
        redactor: Redactor,
    ) -> Result<Self, RecorderError> {
        Self::vacant(dir)?;
        let commit = checkout.head();
        let start = beginning(checkout, commit.as_deref());
        let unwritable = |source| RecorderError::Unwritable { path: dir.to_owned(), source };
        files::create_private_dir(&dir.join("sessions")).map_err(unwritable)?;
        let dir = dir.canonicalize().map_err(unwritable)?;
        let recipe = subject.recipe;
        let name = recipe.clone().unwrap_or_else(|| "recorded".to_owned());
        let recorder = Self {
            redactor,
            state: Mutex::new(State {
                file: ScenarioFile {
                    version: scenario::VERSION,
                    description: format!("A recorded run of {name}."),
                    scenario: name,
                    recipe,
                    recorded: Recorded { commit, start: START },
                    inputs: subject.inputs,
                    sessions: Vec::new(),
                },
                trouble: None,
            }),
            dir,
        };
        recorder
            .write_start(start, checkout)
            .map_err(|source| RecorderError::Unwritable { path: recorder.dir.clone(), source })?;
        Ok(recorder)
    }

    fn write_start(&self, start: Vec<What>, checkout: &Checkout) -> io::Result<()> {
        let top = checkout.top().canonicalize()?;
        if self.dir.starts_with(&top) {
            // A recording inside the repository is no change to it.
            files::write_atomic(&self.dir.join(".gitignore"), b"*\n")?;
        }
        let mut tape = open(&self.dir.join(START))?;
        for what in start {
            append(&mut tape, &clean(&self.redactor, None, Event { at: 0, what }))?;
        }
        self.write_scenario(&self.state().file)
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// How many sessions were recorded so far.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.state().file.sessions.len()
    }

    /// Why the recording is not complete, if it is not.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.state().trouble.clone()
    }

    /// Takes the folder's content away again: nothing was recorded.
    pub fn discard(&self) {
        for file in ["scenario.yaml", START, ".gitignore"] {
            let _ = fs::remove_file(self.dir.join(file));
        }
        let _ = fs::remove_dir(self.dir.join("sessions"));
    }

    /// The tape of a session that is about to start in `cwd`.
    #[must_use]
    pub fn tape(self: &Arc<Self>, key: Key<'_>, cwd: &Path, places: Places) -> Option<Tape> {
        let Key { step, visit, attempt } = key;
        let name = format!("sessions/{}.{visit}.{attempt}.ndjson", ids::file_name(step));
        let mut state = self.state();
        let session = Session { step: step.to_owned(), visit, attempt, stream: name.clone() };
        if state.file.sessions.contains(&session) {
            state.trouble.get_or_insert(format!("`{step}` ran twice at visit {visit}, try {attempt}"));
            return None;
        }
        let made = open(&self.dir.join(&name)).and_then(|file| {
            state.file.sessions.push(session);
            self.write_scenario(&state.file)?;
            Ok(file)
        });
        match made {
            Ok(file) => Some(Tape {
                recorder: Arc::clone(self),
                places,
                began: Instant::now(),
                roll: Mutex::new(Roll {
                    file: Some(file),
                    changes: aside(|| Changes::since_now(cwd)),
                    may_have_changed: false,
                }),
            }),
            Err(error) => {
                state.trouble.get_or_insert(format!("cannot write {name}: {error}"));
                None
            }
        }
    }

    fn write_scenario(&self, file: &ScenarioFile) -> io::Result<()> {
        let clean = self.redactor.clean_json(file)?;
        let yaml = serde_yaml::to_string(&clean).map_err(io::Error::other)?;
        files::write_atomic(&self.dir.join("scenario.yaml"), yaml.as_bytes())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The files that a run starts from and that its commit does not have: what is not committed, and the kitchen's own.
fn beginning(checkout: &Checkout, commit: Option<&str>) -> Vec<What> {
    let top = checkout.top();
    let mut names: Vec<String> = match commit {
        Some(commit) => {
            let changed = checkout.changed_since(commit).unwrap_or_default();
            changed.into_iter().map(|changed| changed.path).collect()
        }
        None => checkout.files(),
    };
    let kitchen = Path::new(KITCHEN_DIR);
    for part in ["recipes", "skills"] {
        walk(top, &kitchen.join(part), &mut names);
    }
    let settings = format!("{KITCHEN_DIR}/config.yaml");
    if top.join(&settings).is_file() {
        names.push(settings);
    }
    names.sort();
    names.dedup();
    names.iter().map(|name| content(top, name)).collect()
}

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
        let at = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
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

/// The event without secrets and places. Texts are taken one by one, so that it stays an event whatever the secrets are.
fn clean(redactor: &Redactor, places: Option<&Places>, event: Event) -> Event {
    let clean = |text: &str| {
        let text = redactor.clean(text);
        places.map_or_else(|| text.clone().into_owned(), |places| places.hide(&text))
    };
    let what = match event.what {
        What::Record(mut record) => {
            map_texts(&mut record, &clean);
            What::Record(record)
        }
        What::Line(text) => What::Line(clean(&text)),
        What::Stderr(text) => What::Stderr(clean(&text)),
        What::Write(file) => What::Write(tape::Written {
            path: clean(&file.path),
            content: clean(&file.content),
            executable: file.executable,
        }),
        What::Delete(path) => What::Delete(clean(&path)),
        What::Omitted { path, why } => What::Omitted { path: clean(&path), why },
        other @ (What::Ending(_) | What::Exit { .. }) => other,
    };
    Event { what, ..event }
}

fn open(path: &Path) -> io::Result<File> {
    let mut file = files::append_private(path)?;
    append(&mut file, &Head { version: tape::VERSION })?;
    Ok(file)
}

/// One line in one write, on the disk before anything else happens.
fn append(file: &mut File, value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    file.write_all(&line)?;
    file.sync_data()
}

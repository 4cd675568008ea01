//! Recording: a real run becomes a scenario while it goes on. A folder comes in; in it grow `scenario.yaml` and one tape for each
//! session, every event synced before the next is taken, so whatever ends this program loses at most the last one.
//!
//! Everything passes the redactor first. A recording that cannot be written is given up and says so; it never changes how a
//! session ends.

mod changes;
mod session;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Map, Value};

use self::changes::{content, walk};
pub use self::session::Tape;
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
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<String>,
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
                    recorded: Recorded { commit, branch: checkout.branch(), start: START },
                    inputs: subject.inputs,
                    sessions: Vec::new(),
                },
                trouble: None,
            }),
            dir,
        };
        recorder
            .write_start(&start, checkout)
            .map_err(|source| RecorderError::Unwritable { path: recorder.dir.clone(), source })?;
        Ok(recorder)
    }

    fn write_start(&self, start: &[String], checkout: &Checkout) -> io::Result<()> {
        let top = checkout.top().canonicalize()?;
        if self.dir.starts_with(&top) {
            // A recording inside the repository is no change to it.
            files::write_atomic(&self.dir.join(".gitignore"), b"*\n")?;
        }
        let mut tape = open(&self.dir.join(START))?;
        for name in start {
            let what = content(checkout.top(), name);
            write_line(&mut tape, &clean(&self.redactor, None, Event { at: 0, what }))?;
        }
        tape.sync_data()?;
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
            Ok(file) => Some(Tape::start(Arc::clone(self), file, cwd, places)),
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

/// Names of the files that a run starts from and that its commit does not have: what is not committed, and the kitchen's own.
fn beginning(checkout: &Checkout, commit: Option<&str>) -> Vec<String> {
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
    names
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
        What::Commit(commit) => What::Commit(tape::Committed {
            branch: commit.branch.as_deref().map(clean),
            message: commit.message.as_deref().map(clean),
            dirty: commit.dirty.iter().map(|path| clean(path)).collect(),
        }),
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
    write_line(file, value)?;
    file.sync_data()
}

fn write_line(file: &mut File, value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    file.write_all(&line)
}

//! Everything that a server works with, wired at its start. Nothing here touches the world: no file is read, no process started, no
//! socket opened, so the first message can be answered at once. What needs the world is put off until that answer is out.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;

use super::deferred::{self, Attention, Finding};
use super::opening::Open;
use super::reports::Spent;
use crate::app::error::AppError;
use crate::app::kitchen::Kitchen;
use crate::execution::recorder::Recorder;
use crate::github::token::TokenFactory;
use crate::pipeline::audit::Audit;
use crate::pipeline::gate::Gate;
use crate::pipeline::readiness::{Pending, Readiness, readiness};
use crate::pipeline::supervisor::Supervisor;
use crate::pipeline::telemetry::responses::ResponseLog;

/// The variable that marks the sessions which steps run.
pub const HEADLESS: &str = "AUTOSKILLIT_HEADLESS";

/// The services of one server.
#[derive(Debug)]
pub struct Context {
    dir: PathBuf,
    flags: Vec<String>,
    headless: bool,
    /// What failed.
    pub audit: Arc<Audit>,
    /// What was used.
    pub(super) spent: Arc<Spent>,
    /// How much its tools answered.
    pub responses: Arc<ResponseLog>,
    /// Work in the background.
    pub supervisor: Supervisor,
    /// Whether the kitchen is open, and for what.
    pub gate: Gate<Arc<Open>>,
    /// What is to be told to whoever opens the kitchen.
    attention: Attention,
    ready: Readiness,
    pending: Mutex<Option<Pending>>,
    token: OnceCell<TokenFactory>,
    /// The last recording, and its number.
    recording: Mutex<Option<(u32, Arc<Recorder>)>>,
}

impl Context {
    /// A server in `dir` with settings from its command line; `headless` in a session that a step runs.
    #[must_use]
    pub fn new(dir: PathBuf, flags: Vec<String>, headless: bool) -> Self {
        let audit = Arc::new(Audit::default());
        let (pending, ready) = readiness();
        Self {
            dir,
            flags,
            headless,
            supervisor: Supervisor::new(Arc::clone(&audit)),
            spent: Arc::default(),
            responses: Arc::default(),
            audit,
            gate: Gate::default(),
            attention: Arc::default(),
            ready,
            pending: Mutex::new(Some(pending)),
            token: OnceCell::new(),
            recording: Mutex::default(),
        }
    }

    /// Where the server was started.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether it serves a session that a step runs.
    #[must_use]
    pub fn is_headless(&self) -> bool {
        self.headless
    }

    /// Begins what was put off, in the background; only the first call does something.
    pub fn begin_deferred(&self) {
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(pending) = pending {
            deferred::begin(&self.dir, &self.flags, &self.supervisor, &self.audit, &self.attention, pending);
        }
    }

    /// Waits for what was put off, at most so long. False: it is not done.
    pub async fn settled(&self, at_most: Duration) -> bool {
        self.ready.wait(at_most).await
    }

    /// What was found wrong in the repository since the start, as far as it still holds. Blocks: it may read journals.
    #[must_use]
    pub fn attention(&self) -> Vec<String> {
        let found = self.attention.lock().unwrap_or_else(PoisonError::into_inner).clone();
        found.iter().filter_map(Finding::told).collect()
    }

    /// The repository, with settings, recipes and skills as they are now. Blocks: it reads files and asks git.
    ///
    /// # Errors
    /// When there is no repository, or its settings are faulty.
    pub fn kitchen(&self) -> Result<Kitchen, AppError> {
        Kitchen::open(&self.dir, &self.flags)
    }

    /// [`kitchen`](Self::kitchen), of the scratch copy of a rehearsal.
    ///
    /// # Errors
    /// As there.
    pub fn kitchen_at(&self, stage: &Path) -> Result<Kitchen, AppError> {
        Kitchen::open(stage, &self.flags)
    }

    /// Whether a recording can begin in `dir`; once one did, its folder is ours.
    ///
    /// # Errors
    /// When the folder is not empty.
    pub fn may_record(&self, dir: &Path) -> Result<(), AppError> {
        match &*self.recording.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(Recorder::vacant(dir)?),
            Some(_) => Ok(()),
        }
    }

    /// Begins a recording of what the kitchen is opened for: the first into `dir`, each later one into a folder of its own below
    /// it. One without sessions makes room for the next.
    ///
    /// # Errors
    /// Those of `begin`.
    pub fn record(
        &self,
        dir: &Path,
        begin: impl FnOnce(&Path) -> Result<Recorder, AppError>,
    ) -> Result<Arc<Recorder>, AppError> {
        let mut last = self.recording.lock().unwrap_or_else(PoisonError::into_inner);
        let number = match last.take() {
            None => 1,
            Some((number, recorder)) if recorder.sessions() == 0 => {
                recorder.discard();
                number
            }
            Some((number, _)) => number + 1,
        };
        let dir = if number == 1 { dir.to_owned() } else { dir.join(format!("opening-{number}")) };
        let recorder = Arc::new(begin(&dir)?);
        *last = Some((number, Arc::clone(&recorder)));
        Ok(recorder)
    }

    /// The token for GitHub, found when it is first asked for.
    pub async fn token(&self, kitchen: &Kitchen) -> &TokenFactory {
        let setting = kitchen.settings.github.token.as_ref().map(|token| token.reveal().to_owned());
        let make =
            || std::future::ready(TokenFactory::new(setting.as_deref(), |name| std::env::var(name).ok()));
        self.token.get_or_init(make).await
    }
}

//! Cooking: everything between a parsed command line and the engine. First everything that can be known to be wrong is looked
//! at, and only then is anything written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::aftermath;
use super::error::AppError;
use super::host::{Answers, Asker, Host};
use super::kitchen::{Kitchen, edits_in_place, has_sessions};
use super::lock::{self, RunLock};
use super::resume::kept::{self, Changed};
use super::retention::prune;
use crate::core::paths::RunDir;
use crate::core::stop::StopSignal;
use crate::core::{files, ids};
use crate::engine::event::{Aftermath, Entry, Event, Fault, News, RunEnded, RunStarted};
use crate::engine::journal::Journal;
use crate::engine::run::{CookError, Run};
use crate::engine::state::State;
use crate::engine::steer::{Driver, Ear};
use crate::execution::client::{Client, ClientError};
use crate::execution::recorder::Recorder;
use crate::execution::warden::WardenProgram;
use crate::pipeline::telemetry::responses::ResponseLog;
use crate::recipe::executable::{gaps, stopping};
use crate::recipe::model::{Orchestrator, Recipe, RecipeSource};
use crate::recipe::yaml::DEFAULT_TEMP;
use crate::tools::{Rehearsal, RunShare, Toolkit};

/// A fresh run to prepare.
#[derive(Debug)]
pub struct Order {
    /// The recipe.
    pub recipe: Recipe,
    /// Values of its ingredients, complete.
    pub inputs: Map<String, Value>,
    /// Where values were read that nobody gave, by ingredient.
    pub origins: BTreeMap<String, String>,
    /// Cook although the checkout has uncommitted changes.
    pub allow_dirty: bool,
    /// Sessions are played.
    pub rehearsal: Option<Rehearsal>,
    /// Who drives.
    pub orchestrator: Orchestrator,
}

/// A run that is ready to be driven by this process.
pub struct Ready {
    /// Its recipe.
    pub recipe: Recipe,
    /// Its id.
    pub run_id: String,
    /// What its journal holds already, for whoever shows it.
    pub past: Vec<Entry>,
    /// What a person should know before it goes on.
    pub notes: Vec<String>,
    /// The texts of its recipe that are others in their files now, while it goes on with its own.
    pub changed: Vec<Changed>,
    pub(super) kitchen: Kitchen,
    pub(super) kit: Toolkit,
    pub(super) journal: Journal,
    pub(super) state: State,
    /// Written before `opening`.
    pub(super) before: Vec<Event>,
    pub(super) opening: Event,
    /// Sessions that were cut off and are not to be continued.
    pub(super) given_up: Vec<String>,
    pub(super) answers: Answers,
    pub(super) lock: RunLock,
}

/// Prepares a fresh run. On an error, and when it is never driven, at most a folder without an entry in its journal is left behind:
/// that is no run.
///
/// # Errors
/// When the recipe cannot run here, or the disk does not take it.
pub fn prepare(kitchen: Kitchen, order: Order) -> Result<Ready, AppError> {
    let Order { recipe, inputs, origins, allow_dirty, rehearsal, orchestrator } = order;
    runnable(&recipe, orchestrator)?;
    for (name, value) in &inputs {
        // The journal keeps inputs and no secrets: a replaced value would quietly change what the steps see.
        if kitchen.redactor.clean_json(value).is_ok_and(|clean| clean != *value) {
            return Err(AppError::usage(format!("ingredient `{name}` holds a secret, and a run writes its ingredients down"))
                .hint("give it to the step that needs it through the environment (`session.env.pass`, or `env:` of the command)"));
        }
    }
    let client = client(&kitchen, &recipe, rehearsal.as_ref())?;
    let dirty = kitchen.dirty()?;
    if !dirty.is_empty() && !allow_dirty && edits_in_place(&recipe, &kitchen.pantry.skills) {
        return Err(dirty_tree(&recipe, &dirty));
    }
    let now = Timestamp::now();
    let run_id = ids::run_id(now, uuid::Uuid::new_v4());
    let run_dir = kitchen.dir.run(&run_id);
    let lock = make_room(&kitchen, &run_dir, &recipe)?;
    kitchen.temp().map_err(|error| {
        let temp = kitchen.checkout.top().join(&kitchen.settings.workspace.temp_dir);
        no_room(&temp, &error)
            .hint("`workspace.temp_dir` of the settings names the folder that steps pass files in")
    })?;
    let journal = Journal::create(&run_dir.journal(), kitchen.redactor.clone())
        .map_err(|error| no_room(run_dir.root(), &error))?;
    let started = RunStarted {
        run_id: run_id.clone(),
        recipe: recipe.name.clone(),
        description: recipe.description.clone(),
        recipe_hash: recipe.hash.clone(),
        source: recipe.source,
        recipe_file: named_file(&recipe),
        orchestrator,
        permissions: kitchen.settings.session.permissions.name().to_owned(),
        repository: kitchen.checkout.top().to_owned(),
        branch: kitchen.checkout.branch(),
        commit: kitchen.checkout.head(),
        dirty: !dirty.is_empty(),
        inputs,
        input_origins: (!origins.is_empty()).then(|| Box::new(origins)),
        temp_dir: Some(kitchen.settings.workspace.temp_dir.as_str())
            .filter(|temp| *temp != DEFAULT_TEMP)
            .map(Into::into),
        env: environment(&recipe),
        rehearsal: rehearsal.as_ref().map(|rehearsal| rehearsal.scenario.clone()),
        autoskillit_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    Ok(Ready {
        kit: toolkit(&kitchen, Some(&recipe), run_dir, client, rehearsal)?,
        recipe,
        run_id,
        past: Vec::new(),
        notes: Vec::new(),
        changed: Vec::new(),
        kitchen,
        journal,
        state: State::default(),
        before: Vec::new(),
        opening: Event::RunStarted(started),
        answers: Answers::default(),
        given_up: Vec::new(),
        lock,
    })
}

impl Ready {
    /// The kitchen it is cooked in.
    #[must_use]
    pub fn kitchen(&self) -> &Kitchen {
        &self.kitchen
    }

    /// What its steps are called with.
    #[must_use]
    pub fn kit(&self) -> &Toolkit {
        &self.kit
    }

    /// Its sessions are recorded from now on.
    pub fn record(&mut self, recorder: Arc<Recorder>) {
        self.kit.recorder = Some(recorder);
    }

    /// Its questions have these answers.
    ///
    /// # Errors
    /// When one belongs to no question of its recipe.
    pub fn answer(&mut self, answers: Answers) -> Result<(), AppError> {
        answers.check(&self.recipe)?;
        self.answers = answers;
        Ok(())
    }

    /// What its tools answer is measured there from now on.
    pub fn measure(&mut self, responses: Arc<ResponseLog>) {
        self.kit.responses = responses;
    }

    /// How many sessions drove it before.
    #[must_use]
    pub fn orchestrators(&self) -> u32 {
        self.state.orchestrators
    }

    /// Who drove it when it started.
    #[must_use]
    pub fn orchestrator(&self) -> Orchestrator {
        let opening = match &self.opening {
            Event::RunStarted(started) => Some(started),
            _ => self.state.started.as_ref(),
        };
        opening.map_or(Orchestrator::Engine, |started| started.orchestrator)
    }

    /// Drives the run to its end and says what it left.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub async fn cook(
        self,
        asker: Arc<dyn Asker>,
        watch: &(dyn Fn(&News) + Send + Sync),
        stop: StopSignal,
    ) -> Result<(RunEnded, Aftermath), AppError> {
        self.drive(None, asker, watch, stop).await
    }

    /// Drives the run as it is told through the wheel that `ear` hears, to its end.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub async fn steer(
        self,
        ear: Ear,
        driver: Driver,
        asker: Arc<dyn Asker>,
        watch: &(dyn Fn(&News) + Send + Sync),
        stop: StopSignal,
    ) -> Result<(RunEnded, Aftermath), AppError> {
        self.drive(Some((ear, driver)), asker, watch, stop).await
    }

    async fn drive(
        self,
        steering: Option<(Ear, Driver)>,
        asker: Arc<dyn Asker>,
        watch: &(dyn Fn(&News) + Send + Sync),
        stop: StopSignal,
    ) -> Result<(RunEnded, Aftermath), AppError> {
        // Held until the end is told.
        let _lock = self.lock;
        let host = Host { kit: self.kit, asker, answers: self.answers, given_up: self.given_up };
        let mut run = Run {
            recipe: &self.recipe,
            host: &host,
            journal: self.journal,
            state: self.state,
            watch,
            stop,
            now: &Timestamp::now,
        };
        let outcome = match (run.write(self.before), steering) {
            (Err(error), _) => Err(error),
            (Ok(()), None) => run.cook(self.opening).await,
            (Ok(()), Some((ear, driver))) => run.steer(self.opening, ear, driver).await,
        };
        let state = run.state;
        match outcome {
            Ok(end) => {
                let aftermath = aftermath::of(&self.kitchen, &self.recipe, &state, &end, &host.kit.run_dir);
                watch(&News::End(end.clone(), aftermath.clone()));
                let _ = prune(&self.kitchen.dir, self.kitchen.settings.session_log, SystemTime::now());
                Ok((end, aftermath))
            }
            Err(CookError::Journal(error)) => {
                let journal = host.kit.run_dir.journal();
                Err(AppError::environment(format!("cannot write {}: {error}", journal.display()))
                    .hint("nothing runs any more; everything up to the last journal entry is safe")
                    .hint(format!(
                        "make room, then: {}",
                        self.kitchen.here("autoskillit", &format!("cook --resume {}", self.run_id))
                    )))
            }
        }
    }
}

pub(super) fn client(
    kitchen: &Kitchen,
    recipe: &Recipe,
    rehearsal: Option<&Rehearsal>,
) -> Result<Result<Client, ClientError>, AppError> {
    if rehearsal.is_some() {
        return player().map(Ok);
    }
    let client = Client::find(&kitchen.settings.client.program);
    if has_sessions(recipe) {
        check(kitchen, client.clone()?)?;
    }
    Ok(client)
}

/// What runs in the client's place in a rehearsal.
pub(super) fn player() -> Result<Client, AppError> {
    Ok(Client { program: this()?.program().to_owned(), leading: vec!["player".to_owned()], player: true })
}

/// The client, when it can run sessions here.
///
/// # Errors
/// When there is none, or it would refuse.
pub fn usable_client(kitchen: &Kitchen) -> Result<Client, AppError> {
    check(kitchen, Client::find(&kitchen.settings.client.program)?)
}

fn check(kitchen: &Kitchen, client: Client) -> Result<Client, AppError> {
    let sandbox = std::env::var("IS_SANDBOX").ok();
    let root = nix::unistd::geteuid().is_root();
    client.check_root(kitchen.settings.session.permissions, root, sandbox.as_deref())?;
    Ok(client)
}

/// This program, by a name that holds even when its file is replaced meanwhile.
fn this() -> Result<WardenProgram, AppError> {
    WardenProgram::this().map_err(|error| AppError::environment(format!("cannot find this program: {error}")))
}

/// What the calls of a run, or of a kitchen without one (then there is no recipe), work with.
pub(super) fn toolkit(
    kitchen: &Kitchen,
    recipe: Option<&Recipe>,
    run_dir: RunDir,
    client: Result<Client, ClientError>,
    rehearsal: Option<Rehearsal>,
) -> Result<Toolkit, AppError> {
    let shares = [recipe.and_then(|recipe| recipe.limits.quota_share), kitchen.settings.limits.quota_share];
    let share = shares.into_iter().flatten().reduce(f64::min).filter(|_| recipe.is_some());
    Ok(Toolkit {
        share: share.map(|most| Arc::new(RunShare::new(most, &run_dir))),
        recipe: recipe.map(|recipe| recipe.name.clone()).unwrap_or_default(),
        repository: kitchen.checkout.top().to_owned(),
        run_dir,
        settings: kitchen.settings.clone(),
        client,
        rehearsal,
        recorder: None,
        warden: this()?,
        skills: kitchen.pantry.skills.clone(),
        env: std::env::vars_os().collect(),
        redactor: kitchen.redactor.clone(),
        responses: Arc::default(),
    })
}

/// Refuses a recipe that cannot run as it is written, before anything is written down: this version lacks something for it, or the engine is
/// to drive alone what a model must judge.
///
/// # Errors
/// With each step, and what to do instead.
pub fn runnable(recipe: &Recipe, orchestrator: Orchestrator) -> Result<(), AppError> {
    const SHOWN: usize = 5;
    let gaps = stopping(recipe, orchestrator == Orchestrator::Claude);
    if gaps.is_empty() {
        return Ok(());
    }
    let mut shown = gaps.iter().take(SHOWN).map(|gap| gap.message.as_str()).collect::<Vec<_>>().join("; ");
    if gaps.len() > SHOWN {
        shown = format!("{shown}; and {} more", gaps.len() - SHOWN);
    }
    let judged = gaps.iter().all(|gap| !gap.stops);
    let cannot = if judged { "cannot run by the engine alone" } else { "cannot run" };
    let mut error = AppError::usage(format!("`{}` {cannot}: {shown}", recipe.name));
    if judged {
        for gap in gaps.iter().take(SHOWN) {
            error = error.hint(format!("`{}`: write {} instead", gap.step, gap.add));
        }
        error = error.hint("or let a session drive the run and judge: --orchestrator claude");
    }
    Err(error.hint(format!("what to write instead: `autoskillit recipes check {} --engine`", recipe.name)))
}

/// The steps of a recipe that need somebody's judgement, as a reason for a session to drive; empty when the engine can execute all.
#[must_use]
pub fn judged(recipe: &Recipe) -> String {
    const SHOWN: usize = 3;
    let mut steps: Vec<String> =
        gaps(recipe).into_iter().filter(|gap| !gap.stops).map(|gap| format!("`{}`", gap.step)).collect();
    steps.dedup();
    match steps.len() {
        0 => String::new(),
        1 => format!("the step {} needs judgement", steps[0]),
        more if more > SHOWN => {
            format!("{more} steps need judgement: {} and others", steps[..SHOWN].join(", "))
        }
        _ => format!("the steps {} need judgement", steps.join(", ")),
    }
}

/// Makes the folder of a run and what a later process needs to go on with it.
fn make_room(kitchen: &Kitchen, run_dir: &RunDir, recipe: &Recipe) -> Result<RunLock, AppError> {
    let root = run_dir.root();
    kitchen.dir.ensure().map_err(|error| no_room(kitchen.dir.root(), &error))?;
    files::create_private_dir(root).map_err(|error| no_room(root, &error))?;
    let lock = lock::lock(run_dir, &kitchen.redactor)?;
    if let Err(error) = kept::write(root, recipe) {
        // A folder without a journal is no run; it would only be in the way.
        let _ = std::fs::remove_dir_all(root);
        return Err(no_room(root, &error));
    }
    Ok(lock)
}

fn no_room(place: &Path, error: &std::io::Error) -> AppError {
    let app = AppError::environment(format!("cannot write to {}: {error}", place.display()));
    match error.kind() {
        std::io::ErrorKind::StorageFull => app.hint("the disk is full: make room and cook again"),
        std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => {
            app.hint("a run keeps its journal in the repository: make it writable, or cook in a clone")
        }
        _ => app,
    }
}

/// The file that a recipe was named by, when it was.
fn named_file(recipe: &Recipe) -> Option<PathBuf> {
    let path = recipe.path.as_ref().filter(|_| recipe.source == RecipeSource::Path)?;
    Some(path.canonicalize().unwrap_or_else(|_| path.clone()))
}

/// The variables of the environment that a recipe reads, once: a resumed run sees the same.
pub(super) fn environment(recipe: &Recipe) -> Option<Box<Map<String, Value>>> {
    let value = |name: &String| std::env::var(name).map_or(Value::Null, Into::into);
    let all: Map<_, _> = recipe.env.iter().map(|name| (name.clone(), value(name))).collect();
    (!all.is_empty()).then(|| Box::new(all))
}

fn dirty_tree(recipe: &Recipe, dirty: &[String]) -> AppError {
    const SHOWN: usize = 5;
    let mut paths = dirty.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if dirty.len() > SHOWN {
        paths.push_str(&format!(" and {} more", dirty.len() - SHOWN));
    }
    let app = AppError::environment(format!(
        "recipe `{}` edits your checkout, and it has uncommitted changes: {paths}",
        recipe.name
    ));
    app.hint(
        "commit or stash them, so that you can tell its changes from yours: `git stash --include-untracked`",
    )
    .hint("or cook on top of them: --allow-dirty")
}

/// What a person may do about a fault that ended a run.
#[must_use]
pub fn fault_hint(fault: Option<Fault>) -> Option<&'static str> {
    match fault? {
        Fault::Service => {
            Some("the model service or the login failed, not the work: try `claude` by hand, then resume")
        }
        Fault::Budget => Some("raise `limits.budget_usd` of the recipe and cook it anew"),
        Fault::Quota => Some(
            "resume when the account's limit is reset, or wait longer: `quota_guard.max_wait`; `autoskillit quota-status` says how it stands",
        ),
        Fault::Day => Some("resume tomorrow, or raise `limits.daily_usd` of the settings"),
        Fault::Share => Some(
            "resume when the account's window is reset; `limits.quota_share` of the recipe and of the settings say how much of it a run may use",
        ),
        Fault::Environment => Some("the machine was not fit for the step: mend that, then resume"),
        Fault::Settings => Some("the settings lack what the step needs: set it, then resume"),
        Fault::Recipe => Some("the recipe cannot go on as it is written: mend it and cook it anew"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_with_unbuilt_tools_is_refused_by_step_and_tool() {
        let steps = (0..7).map(|n| {
            format!(
                "  s{n}:\n    tool: claim_issue\n    with: {{issue_url: x}}\n    on_success: s{}\n",
                n + 1
            )
        });
        let steps = steps.collect::<String>() + "  s7: {tool: test_check, on_success: done}\n";
        let recipe = crate::engine::testing::recipe(&format!("steps:\n{steps}"));
        for orchestrator in [Orchestrator::Engine, Orchestrator::Claude] {
            let error = runnable(&recipe, orchestrator).unwrap_err().to_string();
            assert!(
                error.contains("`s0`") && error.contains("`claim_issue`") && error.contains("and 2 more"),
                "{error}"
            );
        }
    }

    #[test]
    fn what_needs_judgement_is_refused_to_the_engine_alone_with_each_step_and_its_mend() {
        let recipe = crate::engine::testing::recipe(
            "steps:
  a: {tool: run_skill, with: {skill_command: '/lens-{slug}'}, on_success: b}
  b: {tool: run_cmd, with: {cmd: 'true'}, note: 'Back to a, or done.'}
",
        );
        assert_eq!(runnable(&recipe, Orchestrator::Claude).map_err(|error| error.to_string()), Ok(()));
        let error = runnable(&recipe, Orchestrator::Engine).unwrap_err();
        insta::assert_snapshot!(format!("{}\n{}", error.message, error.hints.join("\n")));
        assert_eq!(judged(&recipe), "the steps `a`, `b` need judgement");
    }
}

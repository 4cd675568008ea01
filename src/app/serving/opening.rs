//! Opening a kitchen: everything that is needed from the disk first, and only then a run begins.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::context::Context;
use super::steered::{Steered, line};
use super::told::{self, Answer};
use super::{attached, given, shown};
use crate::app::cook::{Order, Ready, player, prepare, toolkit};
use crate::app::error::AppError;
use crate::app::kitchen::Kitchen;
use crate::app::lock::{self, RunLock};
use crate::app::recording::{Asked, asked};
use crate::app::rehearsal::Stage;
use crate::app::resume::{Choice, Undecided, Wishes, resume};
use crate::app::runs;
use crate::app::{defaults, inputs};
use crate::catalog::ToolDecl;
use crate::core::paths::RunDir;
use crate::core::stop::StopSignal;
use crate::core::text::quoted_list;
use crate::core::time::millis;
use crate::core::{files, ids};
use crate::engine::event::Live;
use crate::engine::host::{Call, Outcome};
use crate::execution::client::Client;
use crate::execution::recorder::{Recorder, Subject};
use crate::recipe::Loaded;
use crate::recipe::model::{DefaultFrom, Orchestrator};
use crate::tools::orchestrator::PREFIX;
use crate::tools::{Rehearsal, Toolkit};

/// An open kitchen.
#[derive(Debug)]
pub struct Open {
    pub(super) kitchen: Kitchen,
    /// For calls outside of a run.
    pub(super) kit: Toolkit,
    /// How often each step was called outside of a run.
    pub(super) calls: Mutex<HashMap<String, u32>>,
    pub(super) run: Option<Steered>,
    pub(super) _lock: RunLock,
}

impl Open {
    /// Whether it is open for a run that is not over.
    pub(super) fn cooks(&self) -> bool {
        self.run.as_ref().is_some_and(Steered::goes_on)
    }

    /// As a session of a step has it: to run the tests and for nothing else, so no recipe is looked at and nothing is recorded.
    pub(super) fn for_a_session(context: &Context) -> Result<Self, AppError> {
        let kitchen = context.kitchen()?;
        let (kit, lock) = room(&kitchen, None)?;
        Ok(Self { kitchen, kit, calls: Mutex::default(), run: None, _lock: lock })
    }

    /// A call outside of a run.
    pub(super) async fn free(
        &self,
        context: &Context,
        tool: &'static ToolDecl,
        label: Option<String>,
        given: Map<String, Value>,
        news: &watch::Sender<String>,
        stop: StopSignal,
    ) -> Answer {
        let mut params = given;
        params.remove("step_name");
        let step = label.map_or_else(|| tool.name.to_owned(), |label| ids::file_name(&label));
        let visit = {
            let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            let visit = calls.entry(step.clone()).or_default();
            *visit += 1;
            *visit
        };
        let params = Value::Object(params);
        let call =
            Call { step, visit, attempt: 1, tool, params, session: None, budget_left: None, spent: 0.0 };
        let watch = |live: Live| {
            if let Some(line) = line(&live) {
                news.send_replace(line);
            }
        };
        let began = Instant::now();
        let mut came = self.kit.call(&call, &watch, stop).await;
        let what = crate::tools::what(tool, &call.params);
        let what = if what.is_empty() { tool.name } else { &what };
        context.spent.takes(&context.audit, (&call.step, what), &mut came, millis(began.elapsed()));
        outcome(&came)
    }

    pub(super) async fn choose(&self, given: &Map<String, Value>) -> Answer {
        let Some(run) = &self.run else {
            return Answer::refused("no_choice", "no run is in progress, so there is nothing to choose");
        };
        let step = given::text(given, "step_name").unwrap_or_default();
        let chosen = match given::chosen(given) {
            Ok(chosen) => chosen,
            Err(why) => return Answer::refused("bad_arguments", why),
        };
        match run.wheel.choose(&step, chosen).await {
            Ok(standing) => told::standing(&standing),
            Err(refusal) => told::refusal(&refusal),
        }
    }

    pub(super) async fn confirm(&self, given: &Map<String, Value>) -> Answer {
        let Some(run) = &self.run else {
            return Answer::refused("no_question", "no run is in progress, so no step asks anything");
        };
        let step = given::text(given, "step_name").unwrap_or_default();
        match run.wheel.answer(&step, &given::answer(given)).await {
            Ok(standing) => told::standing(&standing),
            Err(refusal) => told::refusal(&refusal),
        }
    }
}

/// What an opening needs from the disk.
pub(super) struct Prepared {
    kitchen: Kitchen,
    kit: Toolkit,
    lock: RunLock,
    wanted: Wanted,
    /// What the variables ask for and the client is to know.
    unusual: Option<(&'static str, Value)>,
}

enum Wanted {
    /// The recipes there are, for who may choose one.
    FreeUse(Answer),
    Run(Box<Ready>, Vec<Value>),
}

impl Prepared {
    pub(super) fn make(context: &Context, given: &Map<String, Value>) -> Result<Self, Box<Answer>> {
        let failed = |error: AppError| Box::new(Answer::failed(&error));
        let asked = asked(|name| std::env::var(name).ok()).map_err(failed)?;
        if asked.is_some() && given::text(given, "resume").is_some() {
            let error =
                AppError::usage("a run is recorded or replayed from its start, not when it is resumed");
            return Err(failed(error.hint("start the server without RECORD_SCENARIO and REPLAY_SCENARIO")));
        }
        if let Some(Asked::Record { dir, .. }) = &asked {
            context.may_record(dir).map_err(failed)?;
        }
        let stage = match &asked {
            Some(Asked::Replay(scenario)) => {
                Some(Stage::set(context.dir(), scenario, None, 1.0).map_err(failed)?)
            }
            _ => None,
        };
        let kitchen = match &stage {
            Some(stage) => context.kitchen_at(&stage.dir).map_err(failed)?,
            None => context.kitchen().map_err(failed)?,
        };
        let rehearsal = stage.as_ref().map(Stage::rehearsal);
        let (mut kit, lock) = room(&kitchen, rehearsal.clone()).map_err(failed)?;
        let mut subject = Subject::default();
        let mut wanted = match (given::text(given, "name"), given::text(given, "resume")) {
            (None, None) => Wanted::FreeUse(shown::list(&kitchen.pantry)),
            (_, Some(run)) => {
                let id = runs::find(&kitchen.dir, Some(&run)).map_err(failed)?;
                let wishes = Wishes {
                    pace: 1.0,
                    accept_recipe: given::is_set(given, "accept_recipe"),
                    choice: choice(given).map_err(failed)?,
                    ask: &unasked,
                };
                Wanted::Run(Box::new(resume(kitchen.clone(), &id, &wishes).map_err(failed)?), Vec::new())
            }
            (Some(name), None) => {
                let loaded = kitchen.pantry.library.load(&name, &kitchen.pantry);
                let loaded = loaded.map_err(|error| Box::new(Answer::of_load(error)))?;
                let findings = loaded.report().into_iter().map(|problem| json!(problem)).collect();
                let Loaded { recipe, .. } = loaded;
                let source = |from: &DefaultFrom| defaults::read(&kitchen, from);
                let overrides = given::pairs(given, "overrides");
                let resolved = inputs::resolve(&recipe, &overrides, &source).map_err(failed)?;
                if !resolved.missing.is_empty() {
                    let told = |name: &String| (name.clone(), json!(resolved.about(&recipe, name)));
                    let missing: Map<String, Value> = resolved.missing.iter().map(told).collect();
                    let mut answer = Answer::refused(
                        "missing_ingredients",
                        "this recipe needs values: ask the person for them, then open the kitchen with `overrides`",
                    );
                    answer.put("missing", Value::Object(missing));
                    return Err(Box::new(answer));
                }
                subject = Subject { recipe: Some(recipe.name.clone()), inputs: resolved.values.clone() };
                let order = Order {
                    recipe,
                    inputs: resolved.values,
                    origins: resolved.origins,
                    allow_dirty: given::is_set(given, "allow_dirty") || stage.is_some(),
                    rehearsal,
                    orchestrator: Orchestrator::Claude,
                };
                Wanted::Run(Box::new(prepare(kitchen.clone(), order).map_err(failed)?), findings)
            }
        };
        let unusual = match (asked, stage) {
            (Some(Asked::Record { dir, recipe }), _) => {
                subject.recipe = recipe.or(subject.recipe);
                let begin = |dir: &Path| {
                    Ok(Recorder::begin(dir, subject, &kitchen.checkout, kitchen.redactor.clone())?)
                };
                let recorder = context.record(&dir, begin).map_err(failed)?;
                if let Wanted::Run(ready, _) = &mut wanted {
                    ready.record(Arc::clone(&recorder));
                }
                let told = json!(recorder.dir());
                kit.recorder = Some(recorder);
                Some(("recording", told))
            }
            (_, Some(stage)) => {
                let told = json!({ "scenario": stage.rehearsal().scenario, "repository": &stage.dir });
                stage.keep();
                Some(("rehearsal", told))
            }
            _ => None,
        };
        Ok(Self { kitchen, kit, lock, wanted, unusual })
    }

    /// Opens: a run begins and stands before its first step.
    pub(super) async fn begin(self, context: &Arc<Context>) -> (Open, Answer) {
        let (run, mut answer) = match self.wanted {
            Wanted::FreeUse(mut answer) => {
                answer.put("what_now", json!("the tools are there for free use; to cook a recipe, call `open_kitchen` with its name"));
                (None, answer)
            }
            Wanted::Run(mut ready, findings) => {
                ready.measure(Arc::clone(&context.responses));
                context.spent.drives(&ready.run_id);
                let rules = rules(&ready);
                let mut notes = ready.notes.clone();
                if !ready.changed.is_empty() {
                    let files: Vec<&str> = ready.changed.iter().map(|text| text.file.as_str()).collect();
                    notes.push(format!(
                        "{} changed since the run keeps it, and the run goes on with what it keeps; `accept_recipe` takes it as it is now",
                        quoted_list(&files)
                    ));
                }
                let run = Steered::begin(*ready, context);
                let mut answer = told::standing(&*run.wheel.ready().await);
                answer.put("success", json!(true));
                answer.put("rules", json!(rules));
                if !findings.is_empty() {
                    answer.put("findings", json!(findings));
                }
                if !notes.is_empty() {
                    answer.put("notes", json!(notes));
                }
                (Some(run), answer)
            }
        };
        if let Some((name, told)) = self.unusual {
            answer.put(name, told);
        }
        let open =
            Open { kitchen: self.kitchen, kit: self.kit, calls: Mutex::default(), run, _lock: self.lock };
        (open, answer)
    }
}

/// Where calls outside of a run leave what they leave, and what they work with.
fn room(kitchen: &Kitchen, rehearsal: Option<Rehearsal>) -> Result<(Toolkit, RunLock), AppError> {
    kitchen.dir.ensure().map_err(|error| no_room(kitchen, &error))?;
    let id = ids::run_id(jiff::Timestamp::now(), uuid::Uuid::new_v4());
    let dir = RunDir::at(kitchen.dir.kitchens().join(id));
    files::create_private_dir(dir.root()).map_err(|error| no_room(kitchen, &error))?;
    let lock = lock::lock(&dir, &kitchen.redactor)?;
    let client = match &rehearsal {
        Some(_) => Ok(player()?),
        None => Client::find(&kitchen.settings.client.program),
    };
    Ok((toolkit(kitchen, None, dir, client, rehearsal)?, lock))
}

/// What the person wants done with a step that was cut off.
fn choice(given: &Map<String, Value>) -> Result<Option<Choice>, AppError> {
    match given::text(given, "cut_off").as_deref() {
        None => Ok(None),
        Some("rerun") => Ok(Some(Choice::Rerun)),
        Some("skip") => Ok(Some(Choice::Skip)),
        Some(other) => Err(AppError::usage(format!("`cut_off` is `rerun` or `skip`, not `{other}`"))),
    }
}

/// A client asks its own person and opens the kitchen again.
fn unasked(undecided: &Undecided) -> Result<Choice, AppError> {
    let id = &undecided.run_id;
    let mut error = undecided.unasked().hint(format!(
        "ask the person; to run it again: `open_kitchen` with resume `{id}` and cut_off `rerun`"
    ));
    if let Ok(then) = &undecided.skip {
        error = error.hint(format!("when it counts as done, to {then}: with cut_off `skip`"));
    }
    Err(error)
}

fn rules(ready: &Ready) -> String {
    let asks = ready.recipe.asks();
    let tools = attached::names(&ready.recipe, asks);
    crate::tools::driving(&ready.recipe, &tools, PREFIX, asks).unwrap_or_else(|error| error)
}

/// What a call outside of a run came to: the tool's own result, with its verdict.
fn outcome(outcome: &Outcome) -> Answer {
    let mut answer = Answer::of(outcome.result.clone());
    for (name, value) in [
        ("success", json!(outcome.ok)),
        ("verdict", json!(outcome.label)),
        ("summary", json!(outcome.summary)),
    ] {
        answer.put(name, value);
    }
    if let Some(usage) = &outcome.usage {
        answer.put("token_usage", json!(usage));
    }
    answer
}

fn no_room(kitchen: &Kitchen, error: &std::io::Error) -> AppError {
    AppError::environment(format!("cannot write to {}: {error}", kitchen.dir.root().display()))
        .hint("a kitchen keeps its journal and logs in the repository: make it writable")
}

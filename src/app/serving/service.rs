//! The kitchen that a server hosts itself: opened and closed by its client, for free use of the tools or for the run of a recipe.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::sync::{OnceCell, watch};

use super::context::Context;
use super::opening::{Open, Prepared};
use super::told::{self, Answer, long_answer};
use super::{Offer, Served, deferred, given, reports, shown};
use crate::app::error::AppError;
use crate::catalog::{self, Audience, ToolDecl};
use crate::core::stop::StopSignal;
use crate::core::threads::blocking;
use crate::engine::steer::Upcoming;
use crate::pipeline::gate::NotNow;
use crate::pipeline::readiness::PATIENCE;
use crate::pipeline::telemetry::NO_RUN;
use crate::recipe::Problems;

const INSTRUCTIONS: &str = "autoskillit cooks recipes: multi-step jobs (fix the tests, implement a task) whose heavy steps run in sessions of \
their own. The kitchen is closed at the start: call `open_kitchen` with a recipe's name to cook it, or without one to see what there is. \
Each answer then says what to call next. Recipes are not slash commands.";

/// The kitchen of a server, and the server's services.
#[derive(Debug)]
pub struct Service {
    context: Arc<Context>,
    session: OnceCell<Arc<Open>>,
}

impl Service {
    /// A closed kitchen over these services.
    #[must_use]
    pub fn new(context: Arc<Context>) -> Self {
        Self { context, session: OnceCell::new() }
    }

    async fn open(&self, given: Map<String, Value>) -> Answer {
        if let Some(open) = self.context.gate.inside() {
            match &open.run {
                Some(run) if run.goes_on() => {
                    let mut answer = Answer::refused(
                        "run_in_progress",
                        format!(
                            "the kitchen is open for run {}: {}. To give that run up, call `close_kitchen` first",
                            run.id,
                            run.wheel.standing().next.told()
                        ),
                    );
                    answer.put("next", json!(run.wheel.standing().next));
                    return answer;
                }
                // Nothing is at work in it: it makes room for what is wanted now.
                _ => drop(self.close().await),
            }
        }
        let opening = match self.context.gate.begin() {
            Ok(opening) => opening,
            Err(error @ (NotNow::Opening | NotNow::Open)) => {
                return Answer::refused("busy", error.to_string());
            }
        };
        let context = Arc::clone(&self.context);
        let prepared = blocking(move || Prepared::make(&context, &given)).await;
        let (open, mut answer) = match prepared {
            Ok(prepared) => prepared.begin(&self.context).await,
            Err(answer) => {
                let mut answer = *answer;
                answer.put("kitchen", json!("closed"));
                return answer;
            }
        };
        answer.put("kitchen", json!("open"));
        let attention = self.attention().await;
        if !attention.is_empty() {
            answer.put("attention", json!(attention));
        }
        opening.complete(Arc::new(open));
        answer
    }

    async fn attention(&self) -> Vec<String> {
        let context = Arc::clone(&self.context);
        blocking(move || context.attention()).await
    }

    /// Closes the kitchen; says what became of its run.
    async fn close(&self) -> Answer {
        let mut answer = Answer::of(json!({ "success": true, "kitchen": "closed" }));
        let Some(open) = self.context.gate.close() else { return answer };
        if let Some(run) = &open.run
            && run.goes_on()
        {
            run.leave().await;
            let resume = open.kitchen.here("autoskillit", &format!("cook --resume {}", run.id));
            answer.put("run", json!({ "run_id": run.id, "stopped": true, "resume": resume }));
        }
        answer
    }

    /// A call of a step tool.
    async fn step(
        &self,
        open: &Open,
        tool: &'static ToolDecl,
        given: Map<String, Value>,
        news: &watch::Sender<String>,
        stop: StopSignal,
    ) -> Answer {
        let step = given::text(&given, "step_name");
        let Some(run) = &open.run else {
            return open.free(&self.context, tool, step, given, news, stop).await;
        };
        let Some(step) = step else {
            let next = run.wheel.standing().next.told();
            return Answer::refused(
                "no_step",
                format!("a run is in progress, so a call names its step: {next}"),
            );
        };
        let ignored = match &run.wheel.standing().next {
            Upcoming::Call { arguments, open: None, .. } => given.iter().any(|(name, value)| {
                name != "step_name" && !value.is_null() && arguments.get(name) != Some(value)
            }),
            _ => false,
        };
        let mut progress = run.progress.clone();
        let call = run.wheel.call_with(&step, tool.name, given::arguments(given));
        let tell = async {
            while progress.changed().await.is_ok() {
                news.send_replace(progress.borrow().news.clone());
            }
            std::future::pending().await
        };
        let mut answer = tokio::select! {
            answer = call => match answer {
                Ok(standing) => told::standing(&standing),
                Err(refusal) => told::refusal(&refusal),
            },
            answer = tell => answer,
        };
        if ignored && !answer.is_error {
            answer.put(
                "note",
                json!(
                    "the arguments of a step are the recipe's own; others that were passed were left aside"
                ),
            );
        }
        answer
    }

    async fn status(&self, open: &Open) -> Answer {
        let kitchen = &open.kitchen;
        let token = self.context.token(kitchen).await.token().await.is_some();
        let mut warnings = self.attention().await;
        warnings.extend(
            kitchen.settings_warnings.iter().flat_map(Problems::report).map(|problem| problem.message),
        );
        let mut answer = Answer::of(json!({
            "success": true,
            "package_version": env!("CARGO_PKG_VERSION"),
            "tools_enabled": true,
            "repository": kitchen.checkout.top(),
            "permissions": kitchen.settings.session.permissions.name(),
            "github_token_configured": token,
            "github_default_repo": kitchen.settings.github.default_repo,
            "default_base_branch": kitchen.settings.branching.default_base_branch,
            "background_tasks": self.context.supervisor.pending(),
            "warnings": warnings,
        }));
        if let Some(run) = &open.run {
            let (standing, progress) = (run.wheel.standing(), run.progress.borrow().clone());
            answer.put(
                "run",
                json!({
                    "run_id": run.id,
                    "recipe": standing.recipe,
                    "sessions": progress.sessions,
                    "usage": progress.usage,
                }),
            );
            answer.put("next", json!(standing.next));
        }
        answer
    }

    async fn report(&self, open: &Open, clear: bool) -> Answer {
        let settled = self.context.settled(PATIENCE).await;
        let mut answer = Answer::of(crate::tools::reports::failures(&self.context.audit.report()));
        if !settled {
            let seconds = PATIENCE.as_secs();
            answer.put("warning", json!(format!("start-up work is not done after {seconds} s: failures from before this server may be missing")));
        }
        if clear {
            let dir = open.kitchen.dir.clone();
            match blocking(move || deferred::clear(&dir)).await {
                Ok(()) => self.context.audit.clear(),
                Err(error) => answer.put("warning", json!(format!("they cannot be forgotten: {error}"))),
            }
        }
        answer
    }
}

impl Served for Service {
    fn instructions(&self) -> &'static str {
        INSTRUCTIONS
    }

    fn offers(&self) -> Vec<Offer> {
        let (open, headless) = (self.context.gate.is_open(), self.context.is_headless());
        catalog::all()
            .filter(|tool| match tool.audience {
                Audience::Everybody => !headless,
                Audience::OpenKitchen => open && !headless,
                Audience::OpenKitchenAndSessions => open || headless,
            })
            .map(|tool| Offer { tool, schema: catalog::input(tool) })
            .collect()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.context.gate.changes()
    }

    async fn call(
        &self,
        name: &str,
        arguments: Map<String, Value>,
        news: &watch::Sender<String>,
        stop: StopSignal,
    ) -> Answer {
        let Some(tool) = catalog::all().find(|tool| tool.name == name) else {
            return Answer::refused("unknown_tool", format!("there is no tool `{name}`"));
        };
        if self.context.is_headless() && tool.audience != Audience::OpenKitchenAndSessions {
            let why = format!(
                "`{name}` is not for sessions that a step runs: they do their own step and start no others"
            );
            return Answer::barred("headless_error", &why);
        }
        if let Err(why) = given::check(tool, &arguments) {
            return Answer::refused("bad_arguments", why);
        }
        match name {
            "open_kitchen" => return self.open(arguments).await,
            "close_kitchen" => return self.close().await,
            _ => {}
        }
        let open = match self.context.gate.inside() {
            Some(open) => open,
            None if self.context.is_headless() => match self.of_the_session().await {
                Ok(open) => open,
                Err(error) => return Answer::failed(&error),
            },
            None => {
                return Answer::barred(
                    "gate_error",
                    &format!("the kitchen is closed: call `open_kitchen` before `{name}`"),
                );
            }
        };
        match name {
            "confirm" => open.confirm(&arguments).await,
            "choose_route" => open.choose(&arguments).await,
            "kitchen_status" => self.status(&open).await,
            // A step that tells of its run is called like any other.
            _ if catalog::is_report(name)
                && given::text(&arguments, "step_name").is_some()
                && open.cooks() =>
            {
                self.step(&open, tool, arguments, news, stop).await
            }
            "get_pipeline_report" => self.report(&open, given::is_set(&arguments, "clear")).await,
            "list_recipes" => {
                let pantry = open.kitchen.pantry.clone();
                blocking(move || shown::list(&pantry)).await
            }
            "load_recipe" => {
                let (pantry, name) =
                    (open.kitchen.pantry.clone(), given::text(&arguments, "name").unwrap_or_default());
                blocking(move || shown::load(&pantry, &name)).await
            }
            "validate_recipe" => {
                let pantry = open.kitchen.pantry.clone();
                let name = given::text(&arguments, "script_path").unwrap_or_default();
                blocking(move || shown::validate(&pantry, &name)).await
            }
            _ if catalog::is_report(name) => reports::tell(&self.context, &open, tool.name, arguments).await,
            _ => self.step(&open, tool, arguments, news, stop).await,
        }
    }

    fn answered(&self, name: &str, bytes: u64) -> Option<String> {
        let open = self.context.gate.inside();
        let run = open.as_ref().and_then(|open| open.run.as_ref()).map_or(NO_RUN, |run| &run.id);
        let tokens = self.context.responses.record(run, name, bytes);
        long_answer(name, tokens, open.as_ref()?.kit.settings.mcp_response)
    }

    async fn leave(&self) {
        if let Some(open) = self.context.gate.close()
            && let Some(run) = &open.run
        {
            run.leave().await;
        }
        self.context.supervisor.shut_down().await;
    }
}

impl Service {
    /// The kitchen of a session that a step runs; one for all of its calls.
    async fn of_the_session(&self) -> Result<Arc<Open>, AppError> {
        let open = || async {
            let context = Arc::clone(&self.context);
            blocking(move || Open::for_a_session(&context)).await.map(Arc::new)
        };
        self.session.get_or_try_init(open).await.map(Arc::clone)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::core::stop::Stop;
    use crate::workspace::git;

    /// The answer to a call, told that nothing stops.
    async fn call(service: &Service, name: &str) -> Value {
        let (_stop, stop) = watch::channel(Stop::No);
        let news = watch::channel(String::new()).0;
        let answer = service.call(name, Map::new(), &news, stop).await;
        assert!(!answer.is_error, "{name}: {}", answer.value);
        answer.value
    }

    #[tokio::test(start_paused = true)]
    async fn a_report_waits_for_the_start_up_work_and_then_says_what_may_be_missing() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("README.md"), "# A kitchen\n").unwrap();
        git::commit_all(dir.path(), "stock the kitchen").unwrap();
        // Its start-up work never begins, and so is never over.
        let context = Arc::new(Context::new(dir.path().to_owned(), Vec::new(), false));
        let service = Service::new(Arc::clone(&context));
        call(&service, "open_kitchen").await;
        let began = Instant::now();
        let report = call(&service, "get_pipeline_report").await;
        assert!(began.elapsed() >= PATIENCE && began.elapsed() < PATIENCE + Duration::from_secs(1));
        assert_eq!(report["total_failures"], 0);
        assert!(report["warning"].as_str().is_some_and(|text| text.contains("30 s")), "{report}");

        context.begin_deferred();
        let report = call(&service, "get_pipeline_report").await;
        assert_eq!(report.get("warning"), None, "{report}");
    }

    #[test]
    fn a_context_is_made_without_looking_at_the_world() {
        let context = Context::new("/nowhere/at/all".into(), vec!["no.such=key".to_owned()], false);
        let service = Service::new(Arc::new(context));
        let names: Vec<_> = service.offers().iter().map(|offer| offer.tool.name).collect();
        assert_eq!(names, ["open_kitchen", "close_kitchen"]);
    }
}

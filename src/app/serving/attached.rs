//! The kitchen of a run that `cook` drives through an orchestrator session. It is open from the start, offers what the recipe's steps call
//! and nothing else, and knows every argument itself.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::steered::line;
use super::told::{self, Answer, long_answer};
use super::{Offer, Served, given};
use crate::catalog::{self, ToolDecl};
use crate::config::McpResponseSettings;
use crate::core::stop::StopSignal;
use crate::engine::event::{Event, News};
use crate::engine::steer::Wheel;
use crate::pipeline::telemetry::responses::ResponseLog;
use crate::recipe::executable;
use crate::recipe::model::Recipe;
use crate::tools::{Toolkit, reports};

/// The run's kitchen, as one orchestrator session after the other sees it.
#[derive(Debug, Clone)]
pub struct Attached {
    wheel: Wheel,
    tools: Vec<&'static ToolDecl>,
    /// Whether commands of skills may have something open.
    judges: bool,
    news: watch::Receiver<String>,
    /// Never changes; kept so that those who follow it wait instead of ending.
    offers: watch::Sender<u64>,
    /// How much it answered, for the run's own reports.
    responses: Arc<ResponseLog>,
    run: String,
    sizes: McpResponseSettings,
}

/// Takes what happens in the run, for whoever waits for an answer.
#[derive(Debug)]
pub struct Told(watch::Sender<String>);

impl Told {
    /// Takes the next piece of news.
    pub fn news(&self, news: &News) {
        let line = match news {
            News::Live(live) => line(live),
            News::Entry(entry) => match &entry.event {
                Event::StepStarted { step, .. } => Some(format!("{step} begins")),
                _ => None,
            },
            News::End(..) => None,
        };
        if let Some(line) = line {
            self.0.send_replace(line);
        }
    }
}

impl Attached {
    /// The kitchen of the run that `wheel` holds; `asks` when the session puts questions to a person.
    #[must_use]
    pub fn new(wheel: Wheel, recipe: &Recipe, asks: bool) -> (Self, Told) {
        let (tell, news) = watch::channel(String::new());
        let tools = names(recipe, asks);
        let tools = catalog::all().filter(|tool| tools.contains(&tool.name)).collect();
        let attached = Self {
            wheel,
            tools,
            judges: executable::may_ask(recipe),
            news,
            offers: watch::channel(0).0,
            responses: Arc::default(),
            run: String::new(),
            sizes: McpResponseSettings { alert_threshold_tokens: 0 },
        };
        (attached, Told(tell))
    }

    /// The same, whose answers are measured for the reports of the run with this kit.
    #[must_use]
    pub fn measured(self, kit: &Toolkit) -> Self {
        let (responses, run) = (Arc::clone(&kit.responses), reports::id(&kit.run_dir));
        Self { responses, run, sizes: kit.settings.mcp_response, ..self }
    }
}

/// The tools that whoever drives `recipe` needs.
#[must_use]
pub fn names(recipe: &Recipe, asks: bool) -> Vec<&'static str> {
    let mut names = recipe.tools();
    if asks && recipe.asks() {
        names.push("confirm");
    }
    if executable::may_ask(recipe) {
        names.push("choose_route");
    }
    names.push("kitchen_status");
    names
}

impl Served for Attached {
    fn instructions(&self) -> &'static str {
        "The kitchen of one run. Each answer says what to call next."
    }

    fn offers(&self) -> Vec<Offer> {
        let schema = |tool: &ToolDecl| match tool.tags.contains(&"kitchen") {
            true => catalog::input(tool),
            false if self.judges && tool.name == "run_skill" => catalog::step_and(tool, &["skill_command"]),
            false => catalog::step_only(),
        };
        self.tools.iter().map(|tool| Offer { tool, schema: schema(tool) }).collect()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.offers.subscribe()
    }

    async fn call(
        &self,
        name: &str,
        arguments: Map<String, Value>,
        news: &watch::Sender<String>,
        _stop: StopSignal,
    ) -> Answer {
        // A call of the run is the run's: a session that goes away does not end it, the next one joins it.
        let step =
            given::text(&arguments, "step_name").map(|step| step.trim().to_owned()).unwrap_or_default();
        // A step's arguments are the engine's, so only those of the kitchen's own tools are looked at.
        let own = self.tools.iter().find(|tool| tool.name == name && tool.tags.contains(&"kitchen"));
        if let Some(Err(why)) = own.map(|tool| given::check(tool, &arguments)) {
            return Answer::refused("bad_arguments", why);
        }
        match name {
            "kitchen_status" | "open_kitchen" => {
                let mut answer = told::standing(&*self.wheel.settled().await);
                answer.put("success", json!(true));
                return answer;
            }
            "confirm" => {
                return match self.wheel.answer(&step, &given::answer(&arguments)).await {
                    Ok(standing) => told::standing(&standing),
                    Err(refusal) => told::refusal(&refusal),
                };
            }
            "choose_route" => {
                let chosen = match given::chosen(&arguments) {
                    Ok(chosen) => chosen,
                    Err(why) => return Answer::refused("bad_arguments", why),
                };
                return match self.wheel.choose(&step, chosen).await {
                    Ok(standing) => told::standing(&standing),
                    Err(refusal) => told::refusal(&refusal),
                };
            }
            _ => {}
        }
        if !self.tools.iter().any(|tool| tool.name == name) {
            let next = self.wheel.standing().next.told();
            return Answer::refused("unknown_tool", format!("this run has no tool `{name}`: {next}"));
        }
        let mut follow = self.news.clone();
        let tell = async {
            while follow.changed().await.is_ok() {
                news.send_replace(follow.borrow().clone());
            }
            std::future::pending().await
        };
        tokio::select! {
            made = self.wheel.call_with(&step, name, given::arguments(arguments)) => match made {
                Ok(standing) => told::standing(&standing),
                Err(refusal) => told::refusal(&refusal),
            },
            never = tell => never,
        }
    }

    fn answered(&self, name: &str, bytes: u64) -> Option<String> {
        let tokens = self.responses.record(&self.run, name, bytes);
        long_answer(name, tokens, self.sizes)
    }

    async fn leave(&self) {}
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::core::redact::Redactor;
    use crate::core::stop::Stop;
    use crate::engine::journal::Journal;
    use crate::engine::run::Run;
    use crate::engine::state::State;
    use crate::engine::steer::{Driver, wheel};
    use crate::engine::testing::{outcome, recipe, started, told};

    const ASKS: &str = "
steps:
  salted: {action: confirm, message: Is it salted?, on_success: served, on_failure: bland}
  served: {stop: {status: succeeded, message: Served.}}
  bland: {stop: {status: failed, message: Bland.}}
";

    /// What the kitchen of a run that asks whether the soup is salted answers to a call, and how the run ends.
    async fn answered(given: Value) -> (Answer, String) {
        let recipe = recipe(ASKS);
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::create(&dir.path().join("j"), Redactor::new([])).unwrap();
        let (wish, stop) = watch::channel(Stop::No);
        let host = told(|_| outcome(true, json!({})));
        let mut run = Run {
            recipe: &recipe,
            host: &host,
            journal,
            state: State::default(),
            watch: &|_| {},
            stop: stop.clone(),
            now: &|| Timestamp::UNIX_EPOCH,
        };
        let (wheel, ear) = wheel("r", "t");
        let (attached, _told) = Attached::new(wheel, &recipe, true);
        let asking = async {
            attached.wheel.ready().await;
            let given = given.as_object().cloned().unwrap_or_default();
            let answer = attached.call("confirm", given, &watch::channel(String::new()).0, stop).await;
            wish.send_replace(Stop::Gently);
            answer
        };
        let opening = Event::RunStarted(started(json!({})));
        let (end, answer) = tokio::join!(run.steer(opening, ear, Driver::Client), asking);
        (answer, end.unwrap().reason)
    }

    #[tokio::test]
    async fn an_answer_is_taken_in_the_words_that_models_use_and_never_guessed() {
        for (said, reason) in [
            (json!(true), "Served."),
            (json!("True"), "Served."),
            (json!(" Yes "), "Served."),
            (json!(false), "Bland."),
            (json!("No"), "Bland."),
        ] {
            let (answer, end) = answered(json!({ "step_name": "salted", "answer": said })).await;
            assert!(!answer.is_error && end == reason, "{said}: {end}: {}", answer.value);
        }
        for (given, code) in [
            (json!({ "step_name": "salted" }), "bad_arguments"),
            (json!({ "step_name": "salted", "answer": "perhaps" }), "no_answer"),
            (json!({ "step_name": "salted", "answer": null }), "bad_arguments"),
            (json!({ "answer": true }), "bad_arguments"),
        ] {
            let (answer, end) = answered(given.clone()).await;
            assert_eq!(answer.value["error_code"], code, "{given}: {}", answer.value);
            assert!(!["Served.", "Bland."].contains(&end.as_str()), "{given}: {end}");
        }
    }
}

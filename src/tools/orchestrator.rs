//! A session that drives a run: the client with our tools alone, told by `templates/driving.md` how to use them.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::patience::Patience;
use super::quota::{self, Pass, Tell};
use super::{Toolkit, limits, prompt, skill};
use crate::config::{Permissions, limit};
use crate::core::files;
use crate::core::stop::StopSignal;
use crate::core::usage::Usage;
use crate::engine::event::Fault;
use crate::execution::client::{self, SessionSpec};
use crate::execution::facts::Update;
use crate::execution::race::{Needs, Policy};
use crate::execution::session::{self, Glimpse, Session};
use crate::execution::verdict::SkillResult;
use crate::skills::Writes;

/// How our server is called in a client's configuration.
const SERVER: &str = "autoskillit";
/// What a client calls our tools, when its configuration names the server so.
pub const PREFIX: &str = "mcp__autoskillit__";
/// An orchestrator lives as long as the run; its steps have limits of their own. A week stands for never.
const WALL_CLOCK: Duration = Duration::from_secs(7 * 24 * 3600);

/// What one session is to drive.
#[derive(Debug, Clone, Copy)]
pub struct Orders<'a> {
    /// The rules of driving.
    pub rules: &'a str,
    /// What it is told first: where the run stands, and what to call.
    pub prompt: &'a str,
    /// The socket of the run.
    pub socket: &'a Path,
    /// Dollars that are left of the run's budget, where it has one.
    pub budget_left: Option<f64>,
}

/// What became of one session that drove.
#[derive(Debug, Clone)]
pub struct Drove {
    /// The verdict's label.
    pub label: String,
    /// One line.
    pub summary: String,
    /// What it used.
    pub usage: Usage,
    /// The same by model.
    pub usage_by_model: IndexMap<String, Usage>,
    /// What failed, when it was not the session itself.
    pub fault: Option<Fault>,
    /// The verdict, when the model service or the login failed.
    unanswered: Option<Box<SkillResult>>,
}

impl Drove {
    /// One that did not start.
    fn failed(fault: Fault, summary: String) -> Self {
        Self {
            label: "cannot run".to_owned(),
            summary,
            usage: Usage::default(),
            usage_by_model: IndexMap::new(),
            fault: Some(fault),
            unanswered: None,
        }
    }
}

/// Waits until a session that drives may start. `tell` hears why it does not yet.
///
/// # Errors
/// When it may not: why the run ends; nothing when the run is to stop.
pub async fn pass(
    kit: &Toolkit,
    tell: Tell<'_>,
    stop: &mut StopSignal,
) -> Result<(), Option<(Fault, String)>> {
    match quota::pass(kit, tell, stop).await {
        Pass::Free | Pass::Unknown(_) => Ok(()),
        Pass::Stopped => Err(None),
        Pass::Over(fault, why) => Err(Some((fault, why))),
    }
}

/// Waits for the model service after a session that it did not answer. Says whether another session makes sense; the run may have
/// been stopped meanwhile.
pub async fn wait(
    kit: &Toolkit,
    drove: &Drove,
    patience: &mut Patience,
    tell: Tell<'_>,
    stop: &mut StopSignal,
) -> bool {
    match &drove.unanswered {
        Some(verdict) => patience.wait(kit, verdict, tell, stop).await.is_some(),
        None => false,
    }
}

/// The client's configuration of our server, which passes everything on to `socket`.
///
/// # Errors
/// When this program cannot be found.
pub fn mcp_config(socket: &Path) -> std::io::Result<Value> {
    let program = this_program()?;
    Ok(json!({ "mcpServers": { SERVER: {
        "type": "stdio",
        "command": program,
        "args": ["serve", "--attach", socket],
        // The tools are there from the first request, instead of behind a search.
        "alwaysLoad": true,
    } } }))
}

/// The file of this program. One that was replaced since, by an update, is found under its old name.
fn this_program() -> std::io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let name = program.to_string_lossy();
    Ok(name.strip_suffix(" (deleted)").map_or_else(|| program.clone(), PathBuf::from))
}

/// What a session is told first.
///
/// # Errors
/// Never: the template is a constant.
pub fn first_words(number: u32, standing: &Value, told: &str) -> Result<String, String> {
    prompt::orchestrate(number, &serde_json::to_string_pretty(standing).unwrap_or_default(), told)
}

/// Runs a session that drives to its end.
pub async fn run(kit: &Toolkit, id: &str, orders: Orders<'_>, tell: Tell<'_>, mut stop: StopSignal) -> Drove {
    let client = match kit.client.clone() {
        Ok(client) => client,
        Err(error) => return Drove::failed(Fault::Environment, error.to_string()),
    };
    let dir = kit.run_dir.session(id);
    let settings = &kit.settings.session;
    let env = client::driver_env(settings.env.session(kit.env.iter().cloned()));
    let config_dir =
        client::config_dir(|name| env.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()));
    let config = dir.join("mcp.json");
    let prepare = || -> std::io::Result<_> {
        files::create_private_dir(&dir)?;
        files::write_json(&config, &mcp_config(orders.socket)?)?;
        let cwd = kit.repository.canonicalize()?;
        Ok((skill::carry(kit, config_dir.as_deref(), &dir)?, cwd))
    };
    let (carried, cwd) = match prepare() {
        Ok(prepared) => prepared,
        Err(error) => {
            return Drove::failed(Fault::Environment, format!("cannot write {}: {error}", dir.display()));
        }
    };
    let day = match limits::today(kit).await {
        Ok(day) => day,
        Err((fault, why)) => return Drove::failed(fault, why),
    };
    let (budget_usd, purse) = skill::budget(None, orders.budget_left, day.as_ref());
    let spec = SessionSpec {
        session_id: id.to_owned(),
        continues: false,
        prompt: orders.prompt.to_owned(),
        system: orders.rules.to_owned(),
        // Nothing that it needs stands in the client's own prompt, which costs tokens at every turn.
        replaces_system: true,
        plugin_dir: None,
        model: kit.settings.model.choose(None),
        schema: None,
        // Our tools and nothing else, whatever the steps' sessions may do.
        permissions: Permissions::DontAsk,
        allowed_tools: vec![format!("mcp__{SERVER}")],
        tools: Some(String::new()),
        mcp_config: Some(config),
        setting_sources: settings.setting_sources.clone(),
        settings: carried.as_ref().map(|carried| carried.0.clone()),
        budget_usd,
        cwd: cwd.clone(),
    };
    let turn = match &config_dir {
        Some(dir) => skill::turn_to_renew(&env, dir, tell, &mut stop).await,
        None => None,
    };
    let turn = Mutex::new(turn);
    let answered = |glimpse: Glimpse| {
        if matches!(glimpse, Glimpse::Update(Update::Doing(_) | Update::Saying(_))) {
            // The model has answered, so the login is good: the next session may start.
            drop(turn.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    };
    let transcript = config_dir.map(|config| client::transcript(&config, &cwd, id));
    let idle = limit(kit.settings.run_skill.idle_output_timeout);
    let needs = Needs { server: Some(SERVER.to_owned()), command: None };
    let policy =
        Policy { wall_clock: WALL_CLOCK, stale: None, idle, repeats: None, needs, ..Policy::default() };
    let session = Session {
        spec: &spec,
        client: &client,
        warden: &kit.warden,
        env: &env,
        policy: &policy,
        outputs: &[],
        writes: Writes::Never,
        ledger: None,
        temp: None,
        transcript: transcript.as_deref(),
        place: None,
        dir: &dir,
        redactor: &kit.redactor,
        tape: None,
    };
    let ended = session::run(session, &answered, stop).await;
    drop(carried);
    let verdict = ended.verdict;
    quota::after(kit, &verdict).await;
    limits::cost(kit, None, id, verdict.usage.cost_usd).await;
    let spent = purse.fault().filter(|_| verdict.subtype == "budget_exhausted");
    let fault = spent.or_else(|| skill::fault(&verdict));
    let summary = match (verdict.success, fault, &day) {
        (true, ..) => crate::core::text::first_line(&verdict.result).to_owned(),
        (false, Some(Fault::Day), Some(day)) => skill::day_is_spent(day),
        (false, ..) => verdict.because.first().cloned().unwrap_or_default(),
    };
    let unanswered = verdict.infrastructure.then(|| Box::new(verdict.clone()));
    let SkillResult { subtype: label, usage, usage_by_model, .. } = verdict;
    Drove { label, summary, usage, usage_by_model, fault, unanswered }
}

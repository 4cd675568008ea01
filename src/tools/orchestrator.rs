//! A session that drives a run: the client with our tools alone, told by `templates/driving.md` how to use them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Toolkit, prompt, skill};
use crate::config::{Permissions, limit};
use crate::core::files;
use crate::core::stop::StopSignal;
use crate::core::usage::Usage;
use crate::engine::event::Fault;
use crate::execution::client::{self, SessionSpec};
use crate::execution::race::{Needs, Policy};
use crate::execution::session::{self, Session};
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
    /// What failed, when it was not the session itself.
    pub fault: Option<Fault>,
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
pub async fn run(kit: &Toolkit, id: &str, orders: Orders<'_>, stop: StopSignal) -> Drove {
    let failed = |fault, summary: String| Drove {
        label: "cannot run".to_owned(),
        summary,
        usage: Usage::default(),
        fault: Some(fault),
    };
    let client = match kit.client.clone() {
        Ok(client) => client,
        Err(error) => return failed(Fault::Environment, error.to_string()),
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
        Err(error) => return failed(Fault::Environment, format!("cannot write {}: {error}", dir.display())),
    };
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
        budget_usd: None,
        cwd: cwd.clone(),
    };
    let transcript = config_dir.map(|config| client::transcript(&config, &cwd, id));
    let idle = limit(kit.settings.run_skill.idle_output_timeout);
    let needs = Needs { server: Some(SERVER.to_owned()), command: None };
    let policy = Policy { wall_clock: WALL_CLOCK, stale: None, idle, needs, ..Policy::default() };
    let session = Session {
        spec: &spec,
        client: &client,
        warden: &kit.warden,
        env: &env,
        policy: &policy,
        outputs: &[],
        writes: Writes::Never,
        ledger: None,
        transcript: transcript.as_deref(),
        place: None,
        dir: &dir,
        redactor: &kit.redactor,
        tape: None,
    };
    let ended = session::run(session, &|_| (), stop).await;
    drop(carried);
    let verdict = ended.verdict;
    let fault = skill::fault(&verdict);
    let summary = match verdict.success {
        true => crate::core::text::first_line(&verdict.result).to_owned(),
        false => verdict.because.first().cloned().unwrap_or_default(),
    };
    Drove { label: verdict.subtype, summary, usage: verdict.usage, fault }
}

//! `run_skill`: one skill in one session.

mod legs; // the turns that one session may take
mod purse; // what it may spend

pub(super) use legs::turn_to_renew;
use purse::{LEAST_BUDGET, Purse, own_budget, within_budget};
pub(super) use purse::{budget, day_is_spent};

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::args::{self, Args};
use super::commands::left_behind;
use super::{Toolkit, began, limits, prompt, quota, refused, unfit};
use crate::config::{BackgroundWork, Permissions, limit};
use crate::core::kind::ValueKind;
use crate::core::stop::{Stop, StopSignal};
use crate::core::text::first_line;
use crate::core::{files, ids};
use crate::engine::event::{Fault, Live};
use crate::engine::host::{Call, Outcome, SessionCall, Watch};
use crate::execution::client::{self, Client, SessionSpec};
use crate::execution::facts::Update;
use crate::execution::log::{self, Place};
use crate::execution::race::{Policy, Termination};
use crate::execution::recorder::{Key, Tape};
use crate::execution::session::{Ended, Glimpse};
use crate::execution::tape::Places;
use crate::execution::transcript;
use crate::execution::verdict::{DONE, Declared, SAID, SkillResult};
use crate::skills::{Contract, Output, PLUGIN, SkillError, Writes, write_plugin};
use crate::workspace::mark::Mark;

pub(super) async fn run(kit: &Toolkit, call: &Call, watch: Watch<'_>, mut stop: StopSignal) -> Outcome {
    let own = match own_budget(call) {
        Ok(own) => own,
        Err(outcome) => return *outcome,
    };
    if let Some(outcome) = quota::before(kit, call, watch, &mut stop).await {
        return outcome;
    }
    // After a wait, which may have been for the next day.
    let day = match limits::today(kit).await {
        Ok(day) => day,
        Err((_, why)) => return unfit(why),
    };
    let began = began::look(kit, call).await;
    match prepare(kit, call, budget(own, call.budget_left, day.as_ref()), began.as_ref()) {
        Ok(prepared) => {
            let ended = legs::run(kit, call, &prepared, watch, stop.clone()).await;
            let outcome = within_budget(call, prepared.purse, day.as_ref(), outcome(ended));
            // Whoever stops a wait for the service stops the run, and the session is taken up again.
            let stopped = *stop.borrow() != Stop::No && outcome.fault == Some(Fault::Service);
            Outcome { cut_off: outcome.cut_off || stopped, ..outcome }
        }
        Err(outcome) => *outcome,
    }
}

/// Everything that is fixed before the session starts.
struct Prepared {
    spec: SessionSpec,
    client: Client,
    policy: Policy,
    outputs: Vec<Declared>,
    writes: Writes,
    /// Whose money it may spend.
    purse: Purse,
    env: Vec<(std::ffi::OsString, std::ffi::OsString)>,
    transcript: Option<PathBuf>,
    config_dir: Option<PathBuf>,
    place: Place,
    dir: PathBuf,
    tape: Option<Tape>,
    /// Kept as long as the session may read it.
    _carried: Option<Carried>,
}

fn prepare(
    kit: &Toolkit,
    call: &Call,
    (budget_usd, purse): (Option<f64>, Purse),
    began: Option<&Mark>,
) -> Result<Prepared, Box<Outcome>> {
    let bad = |why: String| Box::new(refused(call.tool, &why));
    let args = Args::of(&call.params);
    let command = args::skill_command(&call.params).ok_or_else(|| bad("no skill is named".to_owned()))?;
    let name = args::skill_name(&call.params).unwrap_or_default();
    let skill = kit.skills.find(&name).map_err(|error| match error {
        SkillError::Unreadable { .. } => Box::new(unfit(error.to_string())),
        other => bad(other.to_string()),
    })?;
    let cwd = kit.path(args.text("cwd"));
    // The client names the transcript's folder after the real path.
    let cwd = cwd
        .canonicalize()
        .map_err(|error| Box::new(unfit(format!("cannot work in {}: {error}", cwd.display()))))?;
    let client = player_or_client(kit, call)?;
    // Who plays a scenario answers as the scenario has it.
    let contract = if client.player { skill.contract.clone() } else { answerable(&skill.contract) };
    let mut policy = policy(kit, &args).map_err(bad)?;
    if !client.player {
        policy.needs.command = Some(format!("{PLUGIN}:{name}"));
    }
    let settings = &kit.settings.session;
    let SessionCall { id, continues } =
        call.session.clone().unwrap_or_else(|| SessionCall { id: ids::session_id(), continues: false });
    let dir = kit.run_dir.session(&id);
    let no_room = |error: std::io::Error| Box::new(unfit(format!("cannot write {}: {error}", dir.display())));
    files::create_private_dir(&dir).map_err(no_room)?;
    if let Some(began) = began {
        began::keep(&dir, began).map_err(no_room)?;
    }
    let plugin = dir.join("plugin");
    write_plugin(&plugin, &skill, &kit.settings.workspace.temp_dir).map_err(no_room)?;
    let mut env = settings.env.session(kit.env.iter().cloned());
    if kit.settings.run_skill.background == BackgroundWork::Refuse {
        let (name, value) = client::NO_BACKGROUND;
        env.push((name.into(), value.into()));
    }
    let config_dir =
        client::config_dir(|name| env.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()));
    let carried = carry(kit, config_dir.as_deref(), &dir).map_err(no_room)?;
    let prompt = if continues { prompt::continued().map_err(bad)? } else { command };
    let system = prompt::system(kit, call, &cwd, &contract).map_err(bad)?;
    let home = env.iter().find(|(name, _)| name == "HOME").map(|(_, home)| Path::new(home));
    let places = Places::new(&cwd, home, &id);
    let key = Key { step: &call.step, visit: call.visit, attempt: call.attempt };
    let tape = kit.recorder.as_ref().and_then(|recorder| recorder.tape(key, &cwd, places));
    Ok(Prepared {
        client,
        transcript: config_dir.as_ref().map(|config| client::transcript(config, &cwd, &id)),
        config_dir,
        outputs: declared(&contract),
        writes: skill.contract.writes,
        purse,
        spec: SessionSpec {
            session_id: id,
            continues,
            prompt,
            system,
            replaces_system: false,
            tools: None,
            mcp_config: None,
            plugin_dir: Some(plugin),
            model: kit.settings.model.choose(args.text("model").filter(|model| !model.is_empty())),
            schema: contract.schema(),
            permissions: settings.permissions,
            allowed_tools: allowed(kit, &contract),
            setting_sources: settings.setting_sources.clone(),
            settings: carried.as_ref().map(|carried| carried.0.clone()),
            budget_usd,
            cwd,
        },
        policy,
        tape,
        _carried: carried,
        env,
        place: Place { step: call.step.clone(), visit: call.visit, attempt: call.attempt },
        dir,
    })
}

/// The contract of a session: a skill that declares no outputs is asked whether it is done. Any text would count as success otherwise,
/// also "I will now start".
fn answerable(contract: &Contract) -> Contract {
    let mut contract = contract.clone();
    if contract.outputs.is_empty() {
        let output = |kind, description: &str| Output {
            kind,
            description: description.to_owned(),
            ..Output::default()
        };
        let done = "Whether all of the work is done; false when something is left";
        let said = "What was done; where something is left, what and why";
        contract.outputs = [
            (DONE.to_owned(), output(ValueKind::Bool, done)),
            (SAID.to_owned(), output(ValueKind::String, said)),
        ]
        .into();
    }
    contract
}

fn declared(contract: &Contract) -> Vec<Declared> {
    let outputs = contract.outputs.iter();
    outputs
        .map(|(name, output)| Declared {
            name: name.clone(),
            kind: output.kind,
            required: output.is_required(),
            choices: output.choices.clone(),
        })
        .collect()
}

/// What runs without a question where not everything may: what the settings list, and the tool that the answer needs.
fn allowed(kit: &Toolkit, contract: &Contract) -> Vec<String> {
    let mut allowed = kit.settings.session.allowed_tools.clone();
    if kit.settings.session.permissions != Permissions::Bypass {
        allowed.extend(["Read", "Grep", "Glob", "Skill"].map(str::to_owned));
        if contract.schema().is_some() {
            allowed.push("StructuredOutput".to_owned());
        }
    }
    allowed.sort();
    allowed.dedup();
    allowed
}

/// In a rehearsal, the player of its scenario at this step and visit.
fn player_or_client(kit: &Toolkit, call: &Call) -> Result<Client, Box<Outcome>> {
    let client = kit.client.clone().map_err(|error| Box::new(unfit(error.to_string())))?;
    Ok(match &kit.rehearsal {
        None => client,
        Some(rehearsal) => {
            let mut leading = client.leading;
            let options = [
                ("--scenario", rehearsal.scenario.clone()),
                ("--step", call.step.clone()),
                ("--visit", call.visit.to_string()),
                ("--attempt", call.attempt.to_string()),
                ("--pace", rehearsal.pace.to_string()),
            ];
            leading.extend(options.into_iter().flat_map(|(name, value)| [name.to_owned(), value]));
            leading.push("--".to_owned());
            Client { leading, ..client }
        }
    })
}

fn policy(kit: &Toolkit, args: &Args<'_>) -> Result<Policy, String> {
    let defaults = &kit.settings.run_skill;
    let silence = |name: &str, default: u64| match args.seconds(name) {
        Ok(Some(given)) => Ok(limit(given.as_secs())),
        Ok(None) => Ok(limit(default)),
        Err(error) => Err(error),
    };
    Ok(Policy {
        wall_clock: args.seconds("timeout")?.unwrap_or(Duration::from_secs(defaults.timeout)),
        stale: silence("stale_threshold", defaults.stale_threshold)?,
        idle: silence("idle_output_timeout", defaults.idle_output_timeout)?,
        repeats: Some(defaults.repeats).filter(|most| *most > 0),
        background: match defaults.background {
            BackgroundWork::Wait => limit(defaults.background_wait),
            BackgroundWork::Refuse => None,
            BackgroundWork::End => Some(Duration::ZERO),
        },
        ..Policy::default()
    })
}

/// A file with the user's login and provider settings. It is removed when its session is over, or nobody waits for it any more.
#[derive(Debug)]
pub(super) struct Carried(pub(super) PathBuf);

impl Drop for Carried {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The user's login and provider settings as a private file, where the client does not read the user's own.
pub(super) fn carry(
    kit: &Toolkit,
    config_dir: Option<&Path>,
    dir: &Path,
) -> std::io::Result<Option<Carried>> {
    if kit.settings.session.setting_sources.iter().any(|source| source == "user") {
        return Ok(None);
    }
    let settings = config_dir.and_then(|config| std::fs::read_to_string(config.join("settings.json")).ok());
    let Some(carried) = settings.as_deref().and_then(client::carried_settings) else { return Ok(None) };
    let path = dir.join(log::files::SETTINGS);
    files::write_json(&path, &carried)?;
    Ok(Some(Carried(path)))
}

/// Whether a session that was cut off can go on: its transcript is there and holds a part of a conversation.
#[must_use]
pub fn can_continue(kit: &Toolkit, session_id: &str, params: &Value) -> bool {
    let env = kit.settings.session.env.session(kit.env.iter().cloned());
    let value = |name: &str| env.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let cwd = kit.path(Args::of(params).text("cwd")).canonicalize();
    match (client::config_dir(value), cwd) {
        (Some(config), Ok(cwd)) => {
            transcript::holds_conversation(&client::transcript(&config, &cwd, session_id))
        }
        _ => false,
    }
}

fn tell(call: &Call, watch: Watch<'_>, session: &str, glimpse: Glimpse) {
    let step = call.step.clone();
    watch(match glimpse {
        Glimpse::Spawned => Live::Spawned { step, session: session.to_owned() },
        // The client's name for the answer that the schema asks for tells nobody anything.
        Glimpse::Update(Update::Doing(call)) if call.name == "StructuredOutput" => {
            Live::Saying { step, text: "gives its answer".to_owned() }
        }
        Glimpse::Update(Update::Doing(call)) => Live::Doing { step, tool: call.name, target: call.target },
        Glimpse::Update(Update::Saying(text)) => Live::Saying { step, text: first_line(&text).to_owned() },
        Glimpse::Update(Update::Waiting(why)) => Live::Waiting { step, why, until: None },
        Glimpse::Update(Update::Nothing) => return,
        Glimpse::Repeats(repeated) => {
            Live::Doing { step, tool: "repeats".to_owned(), target: repeated.told() }
        }
        Glimpse::Used(usage) => Live::Used { step, usage },
        Glimpse::Ending(why) => Live::Ending { step, why: ending(why).to_owned() },
    });
}

fn ending(why: Termination) -> &'static str {
    match why {
        Termination::NaturalExit => "it left",
        Termination::Completed => "it is done and did not leave",
        Termination::LeftOpen => "its background work is not done in time",
        Termination::IdleStall => "it fell silent",
        Termination::Stale => "nothing moves any more",
        Termination::NoProgress => "it goes nowhere",
        Termination::TimedOut => "its time is up",
        Termination::Cancelled => "the run is being stopped",
        Termination::Unauthenticated => "the login does not work",
        Termination::Unfit => "what it needs is not there",
    }
}

/// What failed in a session, when it was not its work.
pub(super) fn fault(verdict: &SkillResult) -> Option<Fault> {
    if verdict.infrastructure {
        Some(Fault::Service)
    } else if matches!(verdict.subtype.as_str(), "not_started" | "mcp_not_connected" | "unknown_skill") {
        Some(Fault::Environment)
    } else if verdict.subtype == "unknown_model" {
        Some(Fault::Settings)
    } else {
        None
    }
}

fn outcome(ended: Ended) -> Outcome {
    let verdict = &ended.verdict;
    let fault = fault(verdict);
    let mut summary = match (verdict.success, verdict.outputs.get("summary").and_then(Value::as_str)) {
        (true, Some(summary)) => first_line(summary).to_owned(),
        (true, None) => first_line(&verdict.result).to_owned(),
        (false, _) => verdict.because.first().cloned().unwrap_or_default(),
    };
    summary.push_str(&left_behind(ended.left.len(), ended.unlisted));
    if let Some(trouble) = &ended.log_trouble {
        summary.push_str(&format!(" (its log is not whole: {trouble})"));
    }
    Outcome {
        ok: verdict.success,
        label: verdict.subtype.clone(),
        summary,
        retry: verdict.retry_reason,
        fault,
        usage: Some(verdict.usage),
        // Only what was cut off before it was done is to be taken up again.
        cut_off: ended.termination == Termination::Cancelled && !verdict.success,
        result: result(verdict),
    }
}

/// The `result` that expressions see: the declared outputs beside the fields of the verdict, which win.
fn result(verdict: &SkillResult) -> Value {
    let mut result: Map<String, Value> = verdict.outputs.clone();
    let own = json!({
        "success": verdict.success,
        "result": verdict.result,
        "session_id": verdict.session_id,
        "subtype": verdict.subtype,
        "cli_subtype": verdict.cli_subtype,
        "is_error": verdict.is_error,
        "exit_code": verdict.exit_code,
        "needs_retry": verdict.needs_retry,
        "retry_reason": verdict.retry_reason,
        "permission_denials": verdict.permission_denials,
        "because": verdict.because,
        "changed": verdict.changed,
        "write_path_warnings": verdict.write_path_warnings,
        "usage_by_model": verdict.usage_by_model,
        "stderr": verdict.stderr,
    });
    if let Value::Object(own) = own {
        result.extend(own);
    }
    result.entry("worktree_path").or_insert(Value::Null);
    Value::Object(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skill_without_outputs_is_asked_whether_it_is_done() {
        let asked = declared(&answerable(&Contract::default()));
        let names: Vec<&str> = asked.iter().map(|output| output.name.as_str()).collect();
        assert_eq!(names, [DONE, SAID]);
    }
}

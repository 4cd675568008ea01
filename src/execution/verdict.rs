//! What a session achieved: one pipeline from facts to a [`SkillResult`], the same for every way a session can end.
//!
//! No single sign decides. An exit code of 0, `subtype: success` and a confident final text can all go with work that was
//! refused or never finished, so the rules below are asked in order and the first that applies is the verdict.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::client::version::{Fitness, OLDEST, Version};
use super::facts::{Facts, Limit};
use super::named::Named;
use super::race::{Exit, Needs, Termination};
use super::record::{Denial, ResultRecord};
use super::repeats::Repeated;
use crate::core::kind::ValueKind;
use crate::core::text;
use crate::core::usage::Usage;
use crate::skills::Writes;
use crate::workspace::ledger::Changes;

mod spoken; // outputs that stand in the final text

/// Everything a verdict rests on.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Why the session ended.
    pub termination: Termination,
    /// How the client process ended; `None` when that was lost.
    pub exit: Option<Exit>,
    /// What the stream said.
    pub facts: &'a Facts,
    /// Why the client could not be started, when it could not.
    pub not_started: Option<&'a str>,
    /// The end of stderr.
    pub stderr: &'a str,
    /// The outputs that the skill declares.
    pub declared: &'a [Declared],
    /// Whether the skill changes files.
    pub writes: Writes,
    /// What changed on disk; `None` where that is not known.
    pub changes: Option<&'a Changes>,
    /// What is wrong with the files that its outputs name.
    pub named: &'a Named,
    /// What the session could not do without.
    pub needs: &'a Needs,
    /// Why the model stopped in the last answer that the transcript holds; looked up only where no result came.
    pub transcript_stop: Option<&'a str>,
    /// The session's id.
    pub session_id: &'a str,
}

impl<'a> Evidence<'a> {
    /// A session that left by itself with exit code 0, of which nothing is known but what its stream said.
    #[must_use]
    pub fn of(facts: &'a Facts) -> Self {
        static NEEDS: Needs = Needs { server: None, command: None };
        static NAMED: Named = Named { absent: Vec::new(), astray: Vec::new(), fresh: false };
        Self {
            termination: Termination::NaturalExit,
            exit: Some(Exit { code: Some(0), signal: None }),
            facts,
            not_started: None,
            stderr: "",
            declared: &[],
            writes: Writes::Conditional,
            changes: None,
            named: &NAMED,
            needs: &NEEDS,
            transcript_stop: None,
            session_id: "",
        }
    }
}

/// An output that a skill declares.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: ValueKind,
    /// Whether it must be there.
    pub required: bool,
    /// The only values allowed, when not empty.
    pub choices: Vec<String>,
}

impl Declared {
    /// A text that must be there.
    #[must_use]
    pub fn required(name: &str) -> Self {
        Self { name: name.to_owned(), kind: ValueKind::String, required: true, choices: Vec::new() }
    }
}

/// The output of a session whose skill declares none: whether it is done.
pub const DONE: &str = "all_work_done";
/// The other one: what it did, or what is left.
pub const SAID: &str = "summary";

/// Why another try may help, as AutoSkillit 0.9 names it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryReason {
    /// It would not.
    #[default]
    None,
    /// The context is used up; a fresh session can go on from what was done.
    Resume,
    /// The session hung, or went nowhere.
    Stale,
    /// The session said nothing.
    EmptyOutput,
    /// The session ended with work still open.
    EarlyStop,
    /// The work may be done, but declared outputs are missing.
    ContractRecovery,
    /// It says that it is done, and nothing changed on disk.
    ZeroWrites,
    /// An output names a file outside of its working directory: it worked in another checkout.
    PathContamination,
    /// Its tries are spent: another may help, and is not made.
    BudgetExhausted,
    /// Its transcript holds a finished answer, and its result never reached us.
    DrainRace,
}

/// The verdict on a session, in the names of AutoSkillit 0.9.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SkillResult {
    /// Whether the skill did its work.
    pub success: bool,
    /// The final text, or what went wrong.
    pub result: String,
    /// The session's id.
    pub session_id: String,
    /// The verdict's label.
    pub subtype: String,
    /// The client's own label.
    pub cli_subtype: String,
    /// Whether the client (or its start) failed, as opposed to the work.
    pub is_error: bool,
    /// The client's exit code; 128 + signal when a signal ended it; -1 when it is not known.
    pub exit_code: i32,
    /// Whether another try may help. Never together with `success`.
    pub needs_retry: bool,
    /// Why.
    pub retry_reason: RetryReason,
    /// The model service or login failed, not the skill.
    pub infrastructure: bool,
    /// The account's limit that refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Limit>,
    /// The declared outputs.
    pub outputs: Map<String, Value>,
    /// The end of stderr.
    pub stderr: String,
    /// Every refused tool call.
    pub permission_denials: Vec<Denial>,
    /// What changed on disk in its working directory, relative to the top of the checkout.
    #[serde(default)]
    pub changed: Vec<String>,
    /// What was written outside of its working directory.
    #[serde(default)]
    pub write_path_warnings: Vec<String>,
    /// What the session used.
    pub usage: Usage,
    /// The same by model, subagents included.
    #[serde(default)]
    pub usage_by_model: IndexMap<String, Usage>,
    /// The facts that decided, one sentence each.
    pub because: Vec<String>,
}

/// A ruling before it is dressed up as a result.
struct Ruling {
    subtype: &'static str,
    success: bool,
    retry: RetryReason,
    fault: Fault,
    because: String,
}

#[derive(PartialEq)]
enum Fault {
    Work,
    Client,
    Infrastructure,
}

fn fails(subtype: &'static str, retry: RetryReason, because: impl Into<String>) -> Ruling {
    Ruling { subtype, success: false, retry, fault: Fault::Work, because: because.into() }
}

fn client_fails(subtype: &'static str, because: impl Into<String>) -> Ruling {
    Ruling {
        subtype,
        success: false,
        retry: RetryReason::None,
        fault: Fault::Client,
        because: because.into(),
    }
}

fn service_fails(subtype: &'static str, because: impl Into<String>) -> Ruling {
    Ruling {
        subtype,
        success: false,
        retry: RetryReason::None,
        fault: Fault::Infrastructure,
        because: because.into(),
    }
}

/// The names of the required outputs that are not given.
#[must_use]
pub fn missing(declared: &[Declared], given: &Map<String, Value>) -> Vec<String> {
    let there = |name: &str| given.get(name).is_some_and(|value| !value.is_null());
    let missing = declared.iter().filter(|output| output.required && !there(&output.name));
    missing.map(|output| output.name.clone()).collect()
}

/// Judges a session.
#[must_use]
pub fn judge(evidence: &Evidence<'_>) -> SkillResult {
    let facts = evidence.facts;
    let mut outputs = outputs(facts, evidence.declared);
    // What names a file that is not there is no answer.
    outputs.retain(|name, _| evidence.named.absent.iter().all(|(absent, _)| absent != name));
    let ruling = rule(evidence, &outputs);
    let result = facts.result.as_ref();
    let said = result.map(|result| result.text.as_str()).filter(|text| !text.trim().is_empty());
    let said = said.unwrap_or(&facts.last_text).trim();
    let denials = facts.denials.clone();
    let mut because = vec![ruling.because];
    if ruling.success && !denials.is_empty() {
        because.push(format!("calls were refused, and it went on: {}", denied(&denials)));
    }
    let changes = evidence.changes.cloned().unwrap_or_default();
    if evidence.writes == Writes::Never && !changes.inside.is_empty() {
        because.push(format!("its skill says that it only reads, and it changed {}", few(&changes.inside)));
    }
    if ruling.success {
        because.extend(evidence.named.absent.iter().map(absent));
    }
    if !ruling.success {
        because.extend(facts.init.as_ref().and_then(|init| outdated(&init.version)));
    }
    if !changes.outside.is_empty() {
        because.push(format!("it wrote outside of its working directory: {}", few(&changes.outside)));
    }
    SkillResult {
        success: ruling.success,
        result: if ruling.success { said.to_owned() } else { explain(&because[0], said) },
        session_id: evidence.session_id.to_owned(),
        subtype: ruling.subtype.to_owned(),
        cli_subtype: result.map(|result| result.subtype.clone()).unwrap_or_default(),
        is_error: ruling.fault != Fault::Work,
        exit_code: exit_code(evidence.exit),
        needs_retry: ruling.retry != RetryReason::None,
        retry_reason: ruling.retry,
        infrastructure: ruling.fault == Fault::Infrastructure,
        refused: facts.refused.clone(),
        outputs,
        stderr: evidence.stderr.to_owned(),
        permission_denials: denials,
        changed: changes.inside,
        write_path_warnings: changes.outside,
        usage: facts.usage(),
        usage_by_model: facts.usage_by_model(),
        because,
    }
}

/// The declared outputs: as the client gives them, else as the final text says them.
#[must_use]
pub fn outputs(facts: &Facts, declared: &[Declared]) -> Map<String, Value> {
    match (&facts.structured, &facts.result) {
        (Some(Value::Object(outputs)), Some(_)) => outputs.clone(),
        (_, Some(result)) => spoken::outputs(&result.text, declared),
        (_, None) => Map::new(),
    }
}

/// What an old client is not good for, where that may be why a session failed.
fn outdated(version: &str) -> Option<String> {
    let missing = match Version::find(version)?.fitness() {
        Fitness::TooOld => format!("sessions need {OLDEST}"),
        Fitness::Lacks(lacks) => lacks.iter().map(|lack| lack.without).collect::<Vec<_>>().join("; "),
        Fitness::Fit | Fitness::Newer => return None,
    };
    Some(format!("Claude Code {version} is old, which may be why ({missing}): update it, `claude update`"))
}

/// What is to be said of an output that names a file which is not there.
fn absent((name, path): &(String, String)) -> String {
    format!("its `{name}` names {path}, which is not there")
}

/// The first few of some paths.
fn few(paths: &[String]) -> String {
    const SHOWN: usize = 5;
    let mut told = paths.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if paths.len() > SHOWN {
        told.push_str(&format!(" and {} more", paths.len() - SHOWN));
    }
    told
}

fn rule(evidence: &Evidence<'_>, given: &Map<String, Value>) -> Ruling {
    let facts = evidence.facts;
    if let Some(why) = evidence.not_started {
        return client_fails("not_started", why);
    }
    match evidence.termination {
        Termination::TimedOut => return fails("timeout", RetryReason::None, "the wall clock ended it"),
        Termination::Stale => {
            return fails(
                "stale",
                RetryReason::Stale,
                "nothing moved on any channel until it counted as stale",
            );
        }
        Termination::IdleStall => {
            return fails("idle_stall", RetryReason::Stale, "it fell silent while no tool was running");
        }
        Termination::NoProgress => {
            let told = facts.repeated.as_ref().map(Repeated::told).unwrap_or_default();
            let because = format!("it went nowhere: {told}, and nothing changed in between");
            return fails("no_progress", RetryReason::Stale, because);
        }
        Termination::Cancelled => return fails("interrupted", RetryReason::None, "it was ended on request"),
        Termination::Unauthenticated => {
            return service_fails("authentication_failed", "the model service refuses the login");
        }
        Termination::LeftOpen => {
            return fails(
                "early_stop",
                RetryReason::EarlyStop,
                "its answer was there, and work that it had put into the background was not done in time",
            );
        }
        Termination::Unfit => {
            let missing = facts.init.as_ref().and_then(|init| evidence.needs.missing(init));
            let (label, why) = missing.unwrap_or(("not_started", "what it needs is not there".to_owned()));
            return client_fails(label, why);
        }
        Termination::NaturalExit | Termination::Completed => {}
    }
    let Some(result) = &facts.result else { return without_result(evidence) };
    if let Some(ruling) = client_error(result, facts.api_trouble.as_deref()) {
        return ruling;
    }
    // When we ended a client that did not leave, its exit says nothing; nor does a signal that came after the last result.
    // A shell around the client tells a signal as 128 and its number, which is at most 64.
    let told = |code: &i32| *code != 0 && !(129..=192).contains(code);
    let code = evidence.exit.and_then(|exit| exit.code).filter(told);
    if let (Some(code), Termination::NaturalExit) = (code, evidence.termination) {
        return client_fails("error_during_execution", format!("the client ended with exit code {code}"));
    }
    if !facts.background.is_empty() {
        let open = facts.background.len();
        return fails(
            "early_stop",
            RetryReason::EarlyStop,
            format!("it ended with {open} background task(s) still open"),
        );
    }
    let standing = facts.standing_denials();
    if !standing.is_empty() {
        return fails(
            "permission_denied",
            RetryReason::None,
            format!("tool calls were refused: {}", denied(&standing)),
        );
    }
    if given.get(DONE) == Some(&Value::Bool(false)) {
        let left = given.get(SAID).and_then(Value::as_str).map(text::first_line).unwrap_or_default();
        let because = format!("it says itself that it is not done: {left}");
        return fails("early_stop", RetryReason::EarlyStop, because);
    }
    if given.is_empty() && result.text.trim().is_empty() && evidence.named.absent.is_empty() {
        return fails("empty_result", RetryReason::EmptyOutput, "it ended without an answer");
    }
    let missing = missing(evidence.declared, given);
    if !missing.is_empty() {
        let named = |name: &String| evidence.named.absent.iter().find(|(absent, _)| absent == name);
        let (absent_files, silent): (Vec<_>, Vec<_>) = missing.iter().partition(|name| named(name).is_some());
        let mut because: Vec<String> = absent_files.into_iter().filter_map(named).map(absent).collect();
        if !silent.is_empty() {
            let names: Vec<&str> = silent.into_iter().map(String::as_str).collect();
            because.insert(0, format!("declared outputs are missing: {}", names.join(", ")));
        }
        let because = because.join("; ");
        return fails("contract_violation", RetryReason::ContractRecovery, because);
    }
    if !evidence.named.astray.is_empty() {
        let named = evidence.named.astray.iter().map(|(name, path)| format!("`{name}` names {path}"));
        return fails(
            "path_contamination",
            RetryReason::PathContamination,
            format!("it left its working directory: {}", named.collect::<Vec<_>>().join(", ")),
        );
    }
    let untouched =
        evidence.changes.is_some_and(|changes| changes.inside.is_empty()) && !evidence.named.fresh;
    if evidence.writes == Writes::Always && untouched {
        return fails(
            "zero_writes",
            RetryReason::ZeroWrites,
            "it says that it is done, its skill always changes files, and nothing changed on disk",
        );
    }
    Ruling {
        subtype: "success",
        success: true,
        retry: RetryReason::None,
        fault: Fault::Work,
        because: "it completed, nothing stayed refused or open, and every declared output is there"
            .to_owned(),
    }
}

/// The client's own complaint, `is_error` and `terminal_reason` before `subtype`.
fn client_error(result: &ResultRecord, trouble: Option<&str>) -> Option<Ruling> {
    let reason = result.terminal_reason.as_str();
    let detail =
        [text::first_line(&result.text), result.errors.first().map_or("", |error| text::first_line(error))]
            .into_iter()
            .find(|line| !line.is_empty())
            .unwrap_or("no message")
            .to_owned();
    let failed = result.is_error || !matches!(result.subtype.as_str(), "success" | "");
    match reason {
        "stop_hook_prevented" | "hook_stopped" => {
            return Some(fails("stopped_by_hook", RetryReason::None, "a hook of the project stopped it"));
        }
        "structured_output_retry_exhausted" => {
            let because = format!("its answers do not fit what its skill declares: {detail}");
            return Some(fails("contract_violation", RetryReason::ContractRecovery, because));
        }
        "max_turns" => return Some(max_turns()),
        // The client's words for a turn that it could not bring to its end, with an error or without.
        "blocking_limit"
        | "rapid_refill_breaker"
        | "image_error"
        | "model_error"
        | "malformed_tool_use_exhausted"
        | "tool_deferred"
        | "tool_deferred_unavailable"
        | "background_requested"
        | "turn_setup_failed"
            if !failed =>
        {
            return Some(client_fails("error_during_execution", format!("the client gave up: {reason}")));
        }
        _ if !failed => return None,
        _ => {}
    }
    let class = result.api_error.as_str();
    let status = result.api_error_status;
    Some(match (reason, class, status) {
        ("prompt_too_long", ..) => {
            fails("context_exhausted", RetryReason::Resume, "its context is used up (prompt too long)")
        }
        ("budget_exhausted", ..) => {
            fails("budget_exhausted", RetryReason::None, "the client's budget for the session is spent")
        }
        _ if result.subtype == "error_max_turns" => max_turns(),
        (_, "max_output_tokens", _) => {
            fails("context_exhausted", RetryReason::Resume, "it ran into the output limit again and again")
        }
        (_, "authentication_failed" | "oauth_org_not_allowed" | "billing_error", _)
        | (_, _, Some(401 | 403)) => {
            service_fails("authentication_failed", format!("the model service refuses the login: {detail}"))
        }
        (_, "model_not_found", _) | (_, _, Some(404)) => {
            client_fails("unknown_model", format!("the model service does not know the model: {detail}"))
        }
        (_, "rate_limit", _) | (_, _, Some(429)) => {
            service_fails("rate_limited", format!("the model service limits requests: {detail}"))
        }
        (_, "overloaded" | "server_error", _) | (_, _, Some(500..=599)) => {
            service_fails("service_unavailable", format!("the model service failed: {detail}"))
        }
        // A connection that is refused or cut has no status, and the client tried again before it gave up.
        ("api_error", _, None) if trouble.is_some() => {
            service_fails("service_unavailable", format!("the model service cannot be reached: {detail}"))
        }
        _ if result.refused => {
            fails("refused", RetryReason::None, format!("the model refused the request: {detail}"))
        }
        ("api_error", ..) => client_fails("api_error", format!("the model call failed: {detail}")),
        ("aborted_tools" | "aborted_streaming", ..) => {
            fails("interrupted", RetryReason::None, "it was interrupted from outside")
        }
        _ => client_fails("error_during_execution", format!("the client reports an error: {detail}")),
    })
}

fn max_turns() -> Ruling {
    fails("error_max_turns", RetryReason::Resume, "it had all the turns that it may take")
}

/// The option that the client says it does not know, where that is its complaint.
fn unknown_option(stderr: &str) -> Option<&str> {
    stderr.strip_prefix("error: unknown option ").map(|option| option.trim_matches('\''))
}

fn without_result(evidence: &Evidence<'_>) -> Ruling {
    let stderr = text::first_line(evidence.stderr);
    let by_signal = evidence.exit.is_some_and(|exit| exit.signal.is_some());
    if evidence.facts.records == 0 && !by_signal {
        let because = match (exit_code(evidence.exit), stderr) {
            (_, line) if unknown_option(line).is_some() => {
                let option = unknown_option(line).unwrap_or_default();
                format!("this Claude Code is too old, it does not know {option}: update it, `claude update`")
            }
            (0, "") => "the client ended at once and said nothing".to_owned(),
            (code, "") => format!("the client ended with exit code {code} before its first record"),
            (code, line) => format!("the client ended with exit code {code} before its first record: {line}"),
        };
        return client_fails("not_started", because);
    }
    if let Some(class) = &evidence.facts.api_trouble {
        return service_fails(
            "service_unavailable",
            format!("it ended while the model service did not answer ({class})"),
        );
    }
    if evidence.transcript_stop == Some("end_turn") {
        let because = "its transcript holds a finished answer, and its result never reached us";
        return fails("drain_race", RetryReason::DrainRace, because);
    }
    match evidence.exit {
        Some(Exit { signal: Some(signal), .. }) => {
            client_fails("killed", format!("the client was ended by signal {signal} before its result"))
        }
        None => client_fails("killed", "the client and its warden went away before the result"),
        Some(Exit { code: Some(0), .. }) => fails(
            "unparseable",
            RetryReason::EmptyOutput,
            "the client ended as if all were well, and without a result",
        ),
        Some(exit) => client_fails(
            "unparseable",
            format!("the client ended with exit code {} without a result", exit.code.unwrap_or(-1)),
        ),
    }
}

fn exit_code(exit: Option<Exit>) -> i32 {
    match exit {
        Some(Exit { code: Some(code), .. }) => code,
        Some(Exit { signal: Some(signal), .. }) => 128 + signal,
        _ => -1,
    }
}

fn denied(denials: &[Denial]) -> String {
    let names: Vec<String> = denials
        .iter()
        .map(|denial| match text::first_line(&denial.target) {
            "" => denial.tool.clone(),
            target => format!("{} ({target})", denial.tool),
        })
        .collect();
    names.join(", ")
}

fn explain(because: &str, said: &str) -> String {
    if said.is_empty() { because.to_owned() } else { format!("{because}\n\n{said}") }
}

#[cfg(test)]
mod tests;

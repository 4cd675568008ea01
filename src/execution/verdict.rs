//! What a session achieved: one pipeline from facts to a [`SkillResult`], the same for every way a session can end.
//!
//! No single sign decides. An exit code of 0, `subtype: success` and a confident final text can all go with work that was
//! refused or never finished, so the rules below are asked in order and the first that applies is the verdict.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::facts::Facts;
use super::race::{Exit, Termination};
use super::record::{Denial, ResultRecord};
use crate::core::text;
use crate::core::usage::Usage;

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
    /// Names of the outputs that the skill must give.
    pub required_outputs: &'a [String],
    /// The session's id.
    pub session_id: &'a str,
}

/// Why another try may help, as the reference names it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryReason {
    /// It would not.
    #[default]
    None,
    /// The context is used up; a fresh session can go on from what was done.
    Resume,
    /// The session hung.
    Stale,
    /// The session said nothing.
    EmptyOutput,
    /// The session ended with work still open.
    EarlyStop,
    /// The work may be done, but declared outputs are missing.
    ContractRecovery,
}

/// The verdict on a session, in the reference's names.
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
    /// The declared outputs.
    pub outputs: Map<String, Value>,
    /// The end of stderr.
    pub stderr: String,
    /// Every refused tool call.
    pub permission_denials: Vec<Denial>,
    /// What the session used.
    pub usage: Usage,
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

/// Judges a session.
#[must_use]
pub fn judge(evidence: &Evidence<'_>) -> SkillResult {
    let facts = evidence.facts;
    let ruling = rule(evidence);
    let result = facts.result.as_ref();
    let outputs = match result.and_then(|result| result.structured_output.as_ref()) {
        Some(Value::Object(outputs)) => outputs.clone(),
        _ => Map::new(),
    };
    let said = result.map(|result| result.text.as_str()).filter(|text| !text.trim().is_empty());
    let said = said.unwrap_or(&facts.last_text).trim();
    let denials = result.map(|result| result.denials.clone()).unwrap_or_default();
    let mut because = vec![ruling.because];
    if ruling.success && !denials.is_empty() {
        because.push(format!("refused calls that it made good later: {}", denied(&denials)));
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
        outputs,
        stderr: evidence.stderr.to_owned(),
        permission_denials: denials,
        usage: facts.usage(),
        because,
    }
}

fn rule(evidence: &Evidence<'_>) -> Ruling {
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
        Termination::Cancelled => return fails("interrupted", RetryReason::None, "it was ended on request"),
        Termination::Unauthenticated => {
            return service_fails("authentication_failed", "the model service refuses the login");
        }
        Termination::NaturalExit | Termination::Completed => {}
    }
    let Some(result) = &facts.result else { return without_result(evidence) };
    if let Some(ruling) = client_error(result) {
        return ruling;
    }
    // When we ended a client that did not leave, its exit says nothing; nor does a signal that came after the last result.
    let code = evidence.exit.and_then(|exit| exit.code).filter(|code| *code != 0);
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
    let given = result.structured_output.as_ref().and_then(Value::as_object);
    let missing: Vec<&str> = evidence
        .required_outputs
        .iter()
        .filter(|name| given.is_none_or(|given| given.get(*name).is_none_or(Value::is_null)))
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        let because = format!("declared outputs are missing: {}", missing.join(", "));
        return fails("contract_violation", RetryReason::ContractRecovery, because);
    }
    if given.is_none() && result.text.trim().is_empty() {
        return fails("empty_result", RetryReason::EmptyOutput, "it ended without an answer");
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
fn client_error(result: &ResultRecord) -> Option<Ruling> {
    let reason = result.terminal_reason.as_str();
    let detail =
        [text::first_line(&result.text), result.errors.first().map_or("", |error| text::first_line(error))]
            .into_iter()
            .find(|line| !line.is_empty())
            .unwrap_or("no message")
            .to_owned();
    let failed = result.is_error || !matches!(result.subtype.as_str(), "success" | "");
    if !failed {
        return None;
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
        (_, "max_output_tokens", _) => {
            fails("context_exhausted", RetryReason::Resume, "it ran into the output limit again and again")
        }
        (_, "authentication_failed" | "oauth_org_not_allowed" | "billing_error", _)
        | (_, _, Some(401 | 403)) => {
            service_fails("authentication_failed", format!("the model service refuses the login: {detail}"))
        }
        (_, "rate_limit", _) | (_, _, Some(429)) => {
            service_fails("rate_limited", format!("the model service limits requests: {detail}"))
        }
        (_, "overloaded" | "server_error", _) | (_, _, Some(500..=599)) => {
            service_fails("service_unavailable", format!("the model service failed: {detail}"))
        }
        ("api_error", ..) => client_fails("api_error", format!("the model call failed: {detail}")),
        ("aborted_tools" | "aborted_streaming", ..) => {
            fails("interrupted", RetryReason::None, "it was interrupted from outside")
        }
        _ => client_fails("error_during_execution", format!("the client reports an error: {detail}")),
    })
}

/// The option that the client says it does not know, where that is its complaint.
fn unknown_option(stderr: &str) -> Option<&str> {
    stderr.strip_prefix("error: unknown option ").map(|option| option.trim_matches('\''))
}

fn without_result(evidence: &Evidence<'_>) -> Ruling {
    let stderr = text::first_line(evidence.stderr);
    if evidence.facts.records == 0 {
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
    match evidence.exit {
        Some(Exit { signal: Some(signal), .. }) => {
            client_fails("killed", format!("the client was ended by signal {signal} before its result"))
        }
        None => client_fails("killed", "the client and its warden went away before the result"),
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
mod tests {
    use super::*;
    use crate::execution::record::{Assistant, Block, Record, ToolUse};

    fn completed() -> ResultRecord {
        ResultRecord {
            subtype: "success".into(),
            terminal_reason: "completed".into(),
            text: "done".into(),
            ..ResultRecord::default()
        }
    }

    fn facts(result: Option<ResultRecord>) -> Facts {
        let mut facts = Facts::default();
        facts.observe(&Record::Assistant(Assistant {
            message_id: "m".into(),
            blocks: vec![
                Block::Text("working".into()),
                Block::ToolUse(ToolUse { id: "t1".into(), name: "Bash".into(), target: "make".into() }),
            ],
            ..Assistant::default()
        }));
        if let Some(result) = result {
            facts.observe(&Record::Result(Box::new(result)));
        }
        facts
    }

    fn judged(termination: Termination, code: i32, facts: &Facts, outputs: &[&str]) -> SkillResult {
        judge(&Evidence {
            termination,
            exit: Some(Exit { code: Some(code), signal: None }),
            facts,
            not_started: None,
            stderr: "",
            required_outputs: &outputs.iter().map(|&name| name.to_owned()).collect::<Vec<_>>(),
            session_id: "s",
        })
    }

    #[test]
    fn each_ending_has_its_label() {
        use RetryReason as R;
        let error = |reason: &str, class: &str, status| ResultRecord {
            is_error: true,
            terminal_reason: reason.into(),
            api_error: class.into(),
            api_error_status: status,
            ..completed()
        };
        let denial = Denial { id: "t1".into(), tool: "Bash".into(), target: "make".into() };
        let cases: Vec<(&str, Termination, i32, Option<ResultRecord>, &str, R)> = vec![
            ("all is well", Termination::NaturalExit, 0, Some(completed()), "success", R::None),
            ("it stayed and was ended", Termination::Completed, 143, Some(completed()), "success", R::None),
            (
                "exit code 1",
                Termination::NaturalExit,
                1,
                Some(completed()),
                "error_during_execution",
                R::None,
            ),
            ("timeout after a result", Termination::TimedOut, 0, Some(completed()), "timeout", R::None),
            ("stale", Termination::Stale, 0, None, "stale", R::Stale),
            ("stalled", Termination::IdleStall, 0, None, "idle_stall", R::Stale),
            ("cancelled", Termination::Cancelled, 0, Some(completed()), "interrupted", R::None),
            ("login", Termination::Unauthenticated, 0, None, "authentication_failed", R::None),
            ("no result", Termination::NaturalExit, 0, None, "unparseable", R::None),
            (
                "prompt too long",
                Termination::NaturalExit,
                1,
                Some(error("prompt_too_long", "", Some(400))),
                "context_exhausted",
                R::Resume,
            ),
            (
                "output limit",
                Termination::NaturalExit,
                1,
                Some(error("api_error", "max_output_tokens", None)),
                "context_exhausted",
                R::Resume,
            ),
            (
                "refusal",
                Termination::NaturalExit,
                1,
                Some(error("api_error", "", None)),
                "api_error",
                R::None,
            ),
            (
                "429",
                Termination::NaturalExit,
                1,
                Some(error("api_error", "rate_limit", Some(429))),
                "rate_limited",
                R::None,
            ),
            (
                "529",
                Termination::NaturalExit,
                1,
                Some(error("api_error", "", Some(529))),
                "service_unavailable",
                R::None,
            ),
            (
                "401",
                Termination::NaturalExit,
                1,
                Some(error("api_error", "", Some(401))),
                "authentication_failed",
                R::None,
            ),
            (
                "budget",
                Termination::NaturalExit,
                1,
                Some(ResultRecord {
                    subtype: "error_max_budget_usd".into(),
                    ..error("budget_exhausted", "", None)
                }),
                "budget_exhausted",
                R::None,
            ),
            (
                "empty answer",
                Termination::NaturalExit,
                0,
                Some(ResultRecord { text: " ".into(), ..completed() }),
                "empty_result",
                R::EmptyOutput,
            ),
            (
                "refused",
                Termination::NaturalExit,
                0,
                Some(ResultRecord { denials: vec![denial], ..completed() }),
                "permission_denied",
                R::None,
            ),
        ];
        for (name, termination, code, result, subtype, retry) in cases {
            let verdict = judged(termination, code, &facts(result), &[]);
            assert_eq!((verdict.subtype.as_str(), verdict.retry_reason), (subtype, retry), "{name}");
            assert_eq!(verdict.success, subtype == "success", "{name}");
        }
    }

    #[test]
    fn an_old_client_is_told_from_a_broken_one() {
        let because = |stderr| {
            let verdict = judge(&Evidence {
                termination: Termination::NaturalExit,
                exit: Some(Exit { code: Some(1), signal: None }),
                facts: &Facts::default(),
                not_started: None,
                stderr,
                required_outputs: &[],
                session_id: "s",
            });
            assert_eq!(verdict.subtype, "not_started");
            verdict.result
        };
        let old = because("error: unknown option '--session-id'\n(Did you mean --session?)\n");
        assert!(old.contains("too old, it does not know --session-id"), "{old}");
        let broken = because("Segmentation fault\n");
        assert!(broken.contains("exit code 1 before its first record: Segmentation fault"), "{broken}");
    }

    #[test]
    fn a_signal_after_the_result_does_not_undo_it() {
        let facts = facts(Some(completed()));
        let verdict = judge(&Evidence {
            termination: Termination::Completed,
            exit: Some(Exit { code: None, signal: Some(9) }),
            facts: &facts,
            not_started: None,
            stderr: "",
            required_outputs: &[],
            session_id: "s",
        });
        assert_eq!((verdict.success, verdict.exit_code), (true, 137));
    }

    #[test]
    fn declared_outputs_must_be_there() {
        let with = |value: Value| facts(Some(ResultRecord { structured_output: Some(value), ..completed() }));
        let verdict = |facts: &Facts| judged(Termination::NaturalExit, 0, facts, &["verdict", "summary"]);
        let whole = verdict(&with(serde_json::json!({"verdict": "repaired", "summary": "x"})));
        assert!(whole.success);
        assert_eq!(whole.outputs["verdict"], "repaired");
        for part in
            [serde_json::json!({"verdict": "x"}), serde_json::json!({"verdict": "x", "summary": null})]
        {
            let part = verdict(&with(part));
            assert_eq!(
                (part.subtype.as_str(), part.retry_reason),
                ("contract_violation", RetryReason::ContractRecovery)
            );
            assert!(part.result.contains("summary"));
        }
        assert_eq!(verdict(&facts(Some(completed()))).subtype, "contract_violation");
    }

    #[test]
    fn open_background_work_is_not_done() {
        let mut facts = facts(None);
        facts.observe(&Record::BackgroundTasks { open: vec!["b".into()] });
        facts.observe(&Record::Result(Box::new(completed())));
        assert_eq!(judged(Termination::NaturalExit, 0, &facts, &[]).subtype, "early_stop");
    }

    proptest::proptest! {
        #[test]
        fn success_never_goes_with_retry_or_another_label(
            subtype in "(success|error_during_execution|)", is_error: bool, text in "(done| |)", code in -1i32..3,
            reason in "(completed|api_error|prompt_too_long|)", which in 0usize..7,
        ) {
            let termination = [
                Termination::NaturalExit, Termination::Completed, Termination::IdleStall, Termination::Stale,
                Termination::TimedOut, Termination::Cancelled, Termination::Unauthenticated,
            ][which];
            let result = ResultRecord { subtype, is_error, text, terminal_reason: reason, ..ResultRecord::default() };
            let verdict = judged(termination, code, &facts(Some(result)), &[]);
            proptest::prop_assert!(!(verdict.success && verdict.needs_retry));
            proptest::prop_assert_eq!(verdict.success, verdict.subtype == "success");
            proptest::prop_assert!(!(verdict.success && (is_error || (code != 0 && termination == Termination::NaturalExit))));
        }
    }
}

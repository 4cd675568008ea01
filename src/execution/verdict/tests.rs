//! Each way a session can end has its verdict.

use super::*;
use crate::execution::record::{Assistant, Block, Init, Record, ToolUse};

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
            Block::ToolUse(ToolUse { id: "t1".into(), name: "Bash".into(), target: "make".into(), input: 0 }),
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
        declared: &outputs.iter().map(|&name| Declared::required(name)).collect::<Vec<_>>(),
        ..Evidence::of(facts)
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
    let ended = |reason: &str| ResultRecord { terminal_reason: reason.into(), ..completed() };
    let denial = Denial { id: "t1".into(), tool: "Bash".into(), target: "make".into() };
    let cases: Vec<(&str, Termination, i32, Option<ResultRecord>, &str, R)> = vec![
        ("all is well", Termination::NaturalExit, 0, Some(completed()), "success", R::None),
        ("it stayed and was ended", Termination::Completed, 143, Some(completed()), "success", R::None),
        ("exit code 1", Termination::NaturalExit, 1, Some(completed()), "error_during_execution", R::None),
        ("timeout after a result", Termination::TimedOut, 0, Some(completed()), "timeout", R::None),
        ("stale", Termination::Stale, 0, None, "stale", R::Stale),
        ("stalled", Termination::IdleStall, 0, None, "idle_stall", R::Stale),
        ("round and round", Termination::NoProgress, 0, None, "no_progress", R::Stale),
        ("cancelled", Termination::Cancelled, 0, Some(completed()), "interrupted", R::None),
        ("login", Termination::Unauthenticated, 0, None, "authentication_failed", R::None),
        ("no result", Termination::NaturalExit, 0, None, "unparseable", R::EmptyOutput),
        ("no result and a code", Termination::NaturalExit, 1, None, "unparseable", R::None),
        ("a shell tells a signal", Termination::NaturalExit, 137, Some(completed()), "success", R::None),
        (
            "a code that tells no signal",
            Termination::NaturalExit,
            255,
            Some(completed()),
            "error_during_execution",
            R::None,
        ),
        (
            "a stop hook",
            Termination::NaturalExit,
            0,
            Some(ended("stop_hook_prevented")),
            "stopped_by_hook",
            R::None,
        ),
        ("a tool hook", Termination::NaturalExit, 0, Some(ended("hook_stopped")), "stopped_by_hook", R::None),
        ("max turns", Termination::NaturalExit, 1, Some(ended("max_turns")), "error_max_turns", R::Resume),
        (
            "it gave up without calling that an error",
            Termination::NaturalExit,
            0,
            Some(ended("image_error")),
            "error_during_execution",
            R::None,
        ),
        ("a word of newer clients", Termination::NaturalExit, 0, Some(ended("all_good")), "success", R::None),
        (
            "answers that do not fit",
            Termination::NaturalExit,
            1,
            Some(error("structured_output_retry_exhausted", "", None)),
            "contract_violation",
            R::ContractRecovery,
        ),
        (
            "a refusal that is said to be one",
            Termination::NaturalExit,
            1,
            Some(ResultRecord { refused: true, ..error("api_error", "", None) }),
            "refused",
            R::None,
        ),
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
        ("refusal", Termination::NaturalExit, 1, Some(error("api_error", "", None)), "api_error", R::None),
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
fn a_finished_answer_in_the_transcript_is_no_success_but_no_mystery_either() {
    let facts = facts(None);
    let verdict = |stop| judge(&Evidence { transcript_stop: stop, ..Evidence::of(&facts) });
    let ended = verdict(Some("end_turn"));
    assert_eq!(
        (ended.subtype.as_str(), ended.retry_reason, ended.success),
        ("drain_race", RetryReason::DrainRace, false)
    );
    assert_eq!(verdict(Some("tool_use")).subtype, "unparseable");
    assert_eq!(verdict(None).subtype, "unparseable");
}

#[test]
fn evidence_on_disk_decides_for_skills_that_always_write() {
    let facts = facts(Some(completed()));
    let verdict = |writes, inside: &[&str], outside: &[&str]| {
        let texts = |paths: &[&str]| paths.iter().map(|&path| path.to_owned()).collect();
        let changes = Changes { inside: texts(inside), outside: texts(outside) };
        judge(&Evidence { writes, changes: Some(&changes), ..Evidence::of(&facts) })
    };
    assert_eq!(verdict(Writes::Always, &[], &[]).subtype, "zero_writes");
    assert!(verdict(Writes::Always, &["a"], &[]).success);
    assert!(verdict(Writes::Conditional, &[], &[]).success);
    assert!(verdict(Writes::Never, &["a"], &[]).because[1].contains("only reads, and it changed a"));
    let stray = verdict(Writes::Conditional, &[], &["/etc/hosts"]);
    assert_eq!((stray.success, stray.write_path_warnings), (true, vec!["/etc/hosts".to_owned()]));
    let unknown = judge(&Evidence { writes: Writes::Always, ..Evidence::of(&facts) });
    assert!(unknown.success, "where nothing is known of the disk, nothing is held against it");
}

#[test]
fn an_old_client_is_told_from_a_broken_one() {
    let because = |stderr| {
        let verdict = judge(&Evidence {
            exit: Some(Exit { code: Some(1), signal: None }),
            stderr,
            ..Evidence::of(&Facts::default())
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
fn a_failure_of_an_old_client_says_that_it_is_old() {
    let because = |version: &str, result: ResultRecord| {
        let mut facts = facts(Some(result));
        facts.observe(&Record::Init(Init { version: version.into(), ..Init::default() }));
        judge(&Evidence::of(&facts)).because
    };
    let empty = || ResultRecord { text: String::new(), ..completed() };
    let told = because("2.1.200", empty());
    assert!(told[1].starts_with("Claude Code 2.1.200 is old, which may be why (a large answer"), "{told:?}");
    assert_eq!(because("2.1.330", empty()).len(), 1);
    assert_eq!(because("2.1.200", completed()).len(), 1, "a success needs no excuse");
}

#[test]
fn a_signal_after_the_result_does_not_undo_it() {
    let facts = facts(Some(completed()));
    let verdict = judge(&Evidence {
        termination: Termination::Completed,
        exit: Some(Exit { code: None, signal: Some(9) }),
        ..Evidence::of(&facts)
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
    for part in [serde_json::json!({"verdict": "x"}), serde_json::json!({"verdict": "x", "summary": null})] {
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
fn a_named_file_must_be_there_and_not_elsewhere() {
    let given = serde_json::json!({"plan_path": "/x/plan.md"});
    let facts = facts(Some(ResultRecord { structured_output: Some(given), ..completed() }));
    let declared = [Declared::required("plan_path")];
    let told = || vec![("plan_path".to_owned(), "/x/plan.md".to_owned())];
    let verdict = |named: &Named| judge(&Evidence { declared: &declared, named, ..Evidence::of(&facts) });
    let absent = verdict(&Named { absent: told(), ..Named::default() });
    assert_eq!(
        (absent.subtype.as_str(), absent.retry_reason),
        ("contract_violation", RetryReason::ContractRecovery)
    );
    assert_eq!(absent.because[0], "its `plan_path` names /x/plan.md, which is not there");
    assert!(absent.outputs.is_empty(), "nobody is to work with it");
    let astray = verdict(&Named { astray: told(), ..Named::default() });
    assert_eq!(
        (astray.subtype.as_str(), astray.retry_reason),
        ("path_contamination", RetryReason::PathContamination)
    );
    assert!(astray.result.contains("`plan_path` names /x/plan.md"), "{}", astray.result);
}

#[test]
fn who_says_that_it_is_not_done_is_not() {
    let verdict = |done: bool| {
        let given = serde_json::json!({ DONE: done, SAID: "The second half is left.\nMore." });
        let facts = facts(Some(ResultRecord { structured_output: Some(given), ..completed() }));
        judged(Termination::NaturalExit, 0, &facts, &[DONE, SAID])
    };
    assert!(verdict(true).success);
    let left = verdict(false);
    assert_eq!((left.subtype.as_str(), left.retry_reason), ("early_stop", RetryReason::EarlyStop));
    assert_eq!(left.because[0], "it says itself that it is not done: The second half is left.");
}

#[test]
fn a_session_that_went_nowhere_is_told_by_its_call() {
    let repeated = Repeated { tool: "Bash".into(), target: "make".into(), times: 12 };
    let mut facts = facts(None);
    facts.repeated = Some(repeated);
    let verdict = judged(Termination::NoProgress, 143, &facts, &[]);
    let because =
        "it went nowhere: Bash `make`, 12 times with the same result, and nothing changed in between";
    assert_eq!((verdict.because[0].as_str(), verdict.is_error), (because, false));
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
        reason in "(completed|api_error|prompt_too_long|)", which in 0usize..8,
    ) {
        let termination = [
            Termination::NaturalExit, Termination::Completed, Termination::IdleStall, Termination::Stale,
            Termination::TimedOut, Termination::Cancelled, Termination::Unauthenticated, Termination::NoProgress,
        ][which];
        let result = ResultRecord { subtype, is_error, text, terminal_reason: reason, ..ResultRecord::default() };
        let verdict = judged(termination, code, &facts(Some(result)), &[]);
        proptest::prop_assert!(!(verdict.success && verdict.needs_retry));
        proptest::prop_assert_eq!(verdict.success, verdict.subtype == "success");
        proptest::prop_assert!(!(verdict.success && (is_error || (code != 0 && termination == Termination::NaturalExit))));
    }
}

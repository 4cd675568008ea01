use super::*;
use crate::engine::testing::recipe;
use crate::recipe::AnySkill;
use crate::recipe::builtin::BUILTIN;
use crate::recipe::{Library, LibraryPaths};

fn found(body: &str) -> Report {
    found_in(&recipe(body))
}

fn found_in(recipe: &Recipe) -> Report {
    simulate(recipe, &AnySkill, &Limits { states: 20_000, over: &|| false })
}

fn ends(report: &Report) -> Vec<String> {
    report.ends.iter().map(|end| format!("{} {}", end.status, end.step)).collect()
}

#[test]
fn bundled_recipes_end_on_every_path() {
    let library = Library::new(LibraryPaths { builtin: BUILTIN, ..LibraryPaths::default() });
    for (name, _) in BUILTIN {
        let report = found_in(&library.load(name, &AnySkill).unwrap().recipe);
        assert!(report.findings.is_empty(), "{name}: {:#?}", report.findings);
        assert_eq!((report.cut, report.unreached), (None, Vec::new()), "{name}");
        assert!(report.sessions.is_some(), "{name}");
    }
}

#[test]
fn ends_and_the_bound_on_sessions_are_found() {
    let report = found(
        "language: 1
steps:
  test: {tool: test_check, on_success: done, on_failure: fix}
  fix: {skill: repair-tests, max_visits: 3, retries: 1, on_success: test, on_failure: escalate, on_exceeded: spent}
  spent: {stop: {status: exhausted, message: spent}}
",
    );
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
    assert_eq!(ends(&report), ["exhausted spent", "failed fix", "succeeded test"]);
    assert_eq!(report.sessions, Some(6), "three visits, two tries each");
}

#[test]
fn a_variable_that_a_failure_leaves_unset_is_found_by_the_shortest_path() {
    let report = found(
        "steps:
  look: {tool: run_cmd, with: {argv: [a]}, on_success: plan, on_failure: plan}
  plan: {skill: prepare, capture: {plan: '${{ result.plan_path }}'}, on_success: use, on_failure: use}
  use: {tool: run_cmd, with: {argv: ['${{ context.plan | default(\"\") }}', '${{ context.plan }}']}, on_success: done, on_failure: escalate}
",
    );
    let [finding] = &report.findings[..] else { panic!("{:#?}", report.findings) };
    assert_eq!((finding.kind, finding.trace.len()), ("fault", 3));
    insta::assert_snapshot!("undefined", finding.trace.join("\n"));
}

#[test]
fn a_loop_without_a_bound_is_shown_once_around() {
    let report = found(
        "language: 0
steps:
  test: {tool: test_check, on_success: done, on_failure: fix}
  fix: {skill: repair-tests, on_success: again, on_failure: escalate}
  again: {action: route, on_success: test}
",
    );
    let [finding] = &report.findings[..] else { panic!("{:#?}", report.findings) };
    assert_eq!((finding.kind, finding.repeats_from, report.sessions), ("endless", Some(0), None));
    insta::assert_snapshot!("endless", finding.trace.join("\n"));
}

#[test]
fn sessions_of_the_whole_run_bound_a_loop() {
    let report = found(
        "limits: {sessions: 4}
steps:
  test: {tool: test_check, on_success: done, on_failure: fix}
  fix: {skill: repair-tests, max_visits: 99, on_success: test, on_failure: escalate}
",
    );
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
    assert_eq!(report.sessions, Some(4));
}

const LISTS: &str = "language: 1
ingredients: {go: {type: bool, default: true}}
steps:
  split: {skill: prepare, capture: {parts: {value: '${{ result.parts }}', type: list}}, on_success: all, on_failure: escalate}
  all:
    for_each: ${{ context.parts }}
    as: part
    mode: parallel
    skip_when_false: inputs.go
    on_skip: never
    on_success: judge
    on_failure: escalate
    steps:
      make: {tool: run_cmd, with: {argv: ['${{ item.part.path }}']}, retries: 1, on_success: done, on_failure: escalate}
  judge:
    skill: judge
    on_result:
      - {when: \"result.verdict == 'GO'\", route: done}
      - {when: \"result.score > 7\", route: late}
      - {when: \"result.words | length > 40\", route: long}
    on_failure: escalate
  late: {stop: {status: failed, message: late}}
  long: {stop: {status: failed, message: long}}
  never: {stop: {status: failed, message: '${{ run.id }}'}}
finally:
  tidy: {tool: run_cmd, with: {argv: [tidy, '${{ context.parts }}']}, on_success: done, on_failure: escalate}
";

#[test]
fn lists_choices_and_what_runs_on_every_exit_are_gone_through() {
    let report = found(LISTS);
    let faults: Vec<&str> = report.findings.iter().map(|finding| finding.message.as_str()).collect();
    assert!(
        faults.iter().any(|why| why.contains("no condition of `on_result` of `judge` holds")),
        "{faults:?}"
    );
    assert!(faults.iter().any(|why| why.contains("`argv` of `finally:tidy` has no value")), "{faults:?}");
    assert_eq!(faults.len(), 2, "{faults:#?}");
    assert!(report.unreached.is_empty(), "{:?}", report.unreached);
    assert!(ends(&report).contains(&"stopped judge".to_owned()), "{:?}", ends(&report));
    insta::assert_snapshot!("assumed", report.assumed.join("\n"));
}

#[test]
fn an_output_that_a_skill_may_leave_out_is_left_out() {
    struct Skills;
    impl SkillLookup for Skills {
        fn exists(&self, _: &str) -> bool {
            true
        }
        fn names(&self) -> Vec<String> {
            Vec::new()
        }
        fn outputs(&self, _: &str) -> Option<Vec<String>> {
            None
        }
        fn contract(&self, name: &str) -> Option<std::sync::Arc<crate::skills::Contract>> {
            use crate::skills::{Contract, Output};
            let verdict = Output { choices: vec!["good".into(), "bad".into()], ..Output::default() };
            let remarks = Output {
                required_when: [("verdict".to_owned(), vec!["bad".to_owned()])].into(),
                ..Output::default()
            };
            let outputs = [("verdict".to_owned(), verdict), ("remarks".to_owned(), remarks)].into();
            Some(std::sync::Arc::new(Contract { outputs, ..Contract::undeclared(name) }))
        }
    }
    let body = "language: 1
steps:
  judge:
    skill: judge
    retries: 0
    on_result:
      - {when: \"result.verdict == 'good' and result.remarks == ''\", route: done}
      - {route: escalate}
    on_failure: escalate
";
    let found = simulate(&recipe(body), &Skills, &Limits { states: 100, over: &|| false });
    let traces: Vec<&str> =
        found.findings.iter().flat_map(|finding| &finding.trace).map(String::as_str).collect();
    assert_eq!(traces.len(), 1, "{traces:#?}");
    assert!(traces[0].contains(r#"verdict = "good", no remarks"#), "{traces:#?}");
    let guarded = body.replace("result.remarks == ''", "result.remarks | default('') == ''");
    let found = simulate(&recipe(&guarded), &Skills, &Limits { states: 100, over: &|| false });
    assert!(found.findings.is_empty(), "{:#?}", found.findings);
}

#[test]
fn what_cannot_be_reached_is_said() {
    let report = found(
        "steps:
  look:
    tool: test_check
    on_result:
      - {when: 'not result.passed', route: odd}
      - {route: done}
    on_failure: escalate
  odd: {stop: {status: failed, message: odd}}
",
    );
    assert_eq!(report.unreached, ["odd"]);
}

#[test]
fn a_simulation_that_is_cut_off_says_so() {
    let recipe = recipe(LISTS);
    let report = simulate(&recipe, &AnySkill, &Limits { states: 5, over: &|| false });
    assert!(report.cut.is_some_and(|why| why.contains("first 5 states")));
    let report = simulate(&recipe, &AnySkill, &Limits { states: 500, over: &|| true });
    assert!(report.cut.is_some_and(|why| why.contains("time was up")));
}

/// A run whose calls come to what a table says, which wraps around.
fn run(recipe: &Recipe, table: &[u8]) -> (RunEnded, u32) {
    use crate::engine::testing::outcome;
    use crate::execution::verdict::RetryReason;
    let mut at = 0;
    let mut run = Dry::start(recipe, Map::from_iter([("n".to_owned(), serde_json::json!(3))]));
    loop {
        at += 1;
        let word = table[at % table.len()];
        match run.go_on(&|_| false, &mut |_| ()) {
            Need::Outcome(tried) => {
                let stdout = |text: &str| serde_json::json!({ "stdout": text, "exit_code": 0 });
                let asks =
                    |retry| crate::engine::host::Outcome { retry, ..outcome(false, serde_json::json!({})) };
                let came = match word % 5 {
                    0 => outcome(true, stdout("done")),
                    1 => outcome(true, stdout(&format!("more {at}"))),
                    2 => outcome(false, stdout(&"word ".repeat(at))),
                    3 => asks(RetryReason::Stale),
                    _ => asks(RetryReason::Resume),
                };
                run.outcome(&tried, came, &mut |_| ());
            }
            Need::Answer(asked) => {
                let given = asked.answers[usize::from(word) % asked.answers.len()].clone();
                run.answer(&asked, &given, &mut |_| ());
            }
            Need::Nothing(end) => return (end, run.state.sessions),
            other => panic!("{other:?}"),
        }
    }
}

proptest::proptest! {
    #[test]
    fn every_run_ends_as_the_simulation_says(table in proptest::collection::vec(proptest::prelude::any::<u8>(), 1..40)) {
        static SIMULATED: std::sync::LazyLock<(Recipe, Report)> = std::sync::LazyLock::new(|| {
            let recipe = recipe(crate::engine::testing::RECIPE);
            let report = found_in(&recipe);
            (recipe, report)
        });
        let (recipe, report) = &*SIMULATED;
        proptest::prop_assert!(report.findings.is_empty(), "{:#?}", report.findings);
        let (end, sessions) = run(recipe, &table);
        let step = end.step.as_deref().map(any_item).unwrap_or_default();
        let told = format!("{} {step}", crate::engine::cases::word(end.status));
        proptest::prop_assert!(ends(report).contains(&told), "{told} is none of {:?}", ends(report));
        proptest::prop_assert!(report.sessions.is_some_and(|most| sessions <= most), "{sessions} > {:?}", report.sessions);
    }
}

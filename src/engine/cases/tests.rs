use super::*;
use crate::engine::testing::recipe;
use crate::recipe::AnySkill;

const KITCHEN: &str = "language: 1
ingredients: {name: {required: true}, level: {choices: [low, high], default: low}}
steps:
  plan:
    skill: prepare
    args: ['${{ inputs.name }}']
    retries: 1
    capture: {plan: '${{ result.plan_path }}'}
    on_success: all
    on_context_limit: sure
    on_failure: escalate
  all:
    for_each: [a, b]
    as: part
    on_success: sure
    on_failure: sure
    steps:
      make:
        tool: run_cmd
        with: {argv: [make, '${{ item.part }}']}
        outputs_from: json
        capture: {state: '${{ result.state }}'}
        max_visits: 3
        on_result:
          - {when: \"result.state == 'again'\", route: make}
          - {route: done}
        on_failure: escalate
  sure: {action: confirm, message: sure?, options: {ship: ready, drop: end}, default: drop}
  ready:
    tool: run_cmd
    with: {argv: [ready]}
    poll: {every: 1s, for: 1m, until: \"result.stdout == 'green'\"}
    on_success: end
    on_failure: escalate
  end: {stop: {status: succeeded, message: 'over: ${{ inputs.name }}'}}
finally:
  tidy: {tool: run_cmd, with: {argv: [tidy]}, on_success: done}
";

fn ran(case: &str) -> Ran {
    let recipe = recipe(KITCHEN);
    let text = format!("cases:\n  - name: it\n{case}");
    let cases =
        read(&recipe, "t.tests.yaml", &text).unwrap_or_else(|problems| panic!("{:#?}", problems.list()));
    assert_eq!((cases.len(), cases[0].line), (1, 2));
    cases[0].run(&recipe, &AnySkill)
}

#[test]
fn what_is_not_said_succeeds_with_values_that_are_made_up() {
    let ran = ran("    expect: {end: succeeded, at: end, reason: 'over: made-up name'}\n");
    assert_eq!(ran.differences, [""; 0]);
    assert_eq!(ran.path, ["plan", "all", "all[0].make", "all[1].make", "sure", "end", "finally:tidy"]);
}

#[test]
fn outcomes_are_given_by_step_visit_and_try() {
    let ran = ran("    inputs: {name: soup}
    outcomes:
      plan#1.1: {retry: stale}
      plan#1.2: {result: {plan_path: /p}}
      all[1].make: [{stdout: '{\"state\": \"again\"}'}, {result: {state: fine}}]
    answers: {sure: ship}
    expect:
      end: succeeded
      path: [plan, all, 'all[].make', 'all[1].make', 'all[1].make', sure, ready, end, finally:tidy]
      path_includes: ['all[].make']
      captures: {plan: /p}
      calls: {plan: {args: [soup]}, 'all[0].make': {argv: [make, a]}}
");
    assert_eq!(ran.differences, [""; 0]);
    assert_eq!(ran.calls.iter().filter(|(step, ..)| step == "plan").count(), 2);
}

#[test]
fn a_question_without_an_answer_has_its_default_and_a_wait_can_fail() {
    let ran = ran("    outcomes: {plan: {retry: resume}, ready: {stdout: red}}
    answers: {sure: ship}
    expect: {end: failed, at: ready}
");
    assert_eq!(ran.differences, [""; 0]);
    assert_eq!(ran.path, ["plan", "sure", "ready", "finally:tidy"]);
}

#[test]
fn every_difference_is_told() {
    let ran = ran("    outcomes: {plan: failed}
    expect:
      end: succeeded
      at: end
      reason: over
      path: [plan, all]
      path_includes: [sure]
      captures: {plan: /p}
      calls: {ready: {}, plan: {args: [x]}}
");
    insta::assert_snapshot!("differences", ran.differences.join("\n"));
}

#[test]
fn mistakes_in_the_file_have_their_places() {
    let recipe = recipe(KITCHEN);
    let text = "cases:
  - name: one
    input: {}
    inputs: {level: middle, nam: x}
    outcomes: {pln: ok, sure: ok, plan: fine, plan#0: ok, 'all[].make': {ok: maybe, retry: stall}}
    answers: {plan: yes, sure: shp}
    expect: {end: good, path: plan, at: plann}
  - expect: {end: failed}
  - name: nothing
";
    let problems = read(&recipe, "t.tests.yaml", text).unwrap_err();
    let told: Vec<String> = problems
        .report()
        .into_iter()
        .map(|found| {
            let help = found.help.unwrap_or_default();
            format!("{}:{} {} | {help}", found.line.unwrap(), found.column.unwrap(), found.message)
        })
        .collect();
    insta::assert_snapshot!("mistakes", told.join("\n"));
}

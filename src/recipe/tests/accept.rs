//! What a recipe may say, and what becomes of it.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::recipe::model::{Arg, Bound, CaptureMode, Orchestrator, StepKind, StopStatus, Target, ValueKind};

pub(super) const WHOLE: &str = r#"
language: 1
name: demo
description: >
  mends the tests
summary: test > repair > done
autoskillit_version: "0.1.0"
experimental: false
orchestrator: engine
requires_packs: [github]
kitchen_rules:
  - never push
limits: {budget_usd: 2.5, quota_share: 12.5, wall_clock: 1h30m, sessions: 10, max_visits: 20}
ingredients:
  command:
    description: |
      the test
      command
    default: ""
  attempts: {type: int, default: 3, choices: [1, 3, 5]}
  ask: {default: "false"}
  really: {type: bool, default: false, hidden: true}
  where: {required: true, type: path, description: the folder}
steps:
  test:
    tool: test_check
    with:
      step_name: test
      command: ${{ inputs.command }}
      timeout: 10m
    capture:
      summary: ${{ result.summary }}
      tries: {value: 1, mode: append, type: list}
    on_success: finish
    on_failure: ask
    max_visits: ${{ inputs.attempts }}
    on_exceeded: give_up
  ask:
    action: confirm
    message: repair ${{ context.summary | default('it') }}?
    default: yes
    skip_when_false: inputs.ask
    on_success: repair
    on_failure: give_up
  repair:
    skill: repair-tests
    args: ["${{ context.summary | default('') }}", 3]
    model: opus
    stale_threshold: 2400
    with: {cwd: "${{ inputs.where }}"}
    retries: 2
    on_result:
      - {when: "result.subtype == 'success'", route: show}
      - {route: test}
    on_failure: escalate
    on_context_limit: test
    on_skip: test
    skip_when_false: inputs.really
  show:
    tool: run_cmd
    with:
      cmd: |
        echo ${{ inputs.where | sh }}
      env: {SUMMARY: "${{ run.id }}"}
    capture_list:
      outputs: ${{ result.stdout | trim }}
    on_result:
      field: exit_code
      routes: {0: test}
    on_failure: "@escalate"
  give_up:
    stop: {status: exhausted, message: "gave up after ${{ inputs.attempts }}"}
  finish:
    action: stop
    message: the tests pass
"#;

#[test]
fn a_whole_recipe_is_understood() {
    let loaded = load(WHOLE).unwrap_or_else(|problems| panic!("{}", render(&problems)));
    assert!(loaded.warnings.is_empty(), "{}", render(&loaded.warnings));
    let recipe = loaded.recipe;
    assert_eq!((recipe.name.as_str(), recipe.description.as_str()), ("demo", "mends the tests"));
    assert_eq!(recipe.orchestrator, Some(Orchestrator::Engine));
    assert_eq!(recipe.limits.quota_share, Some(12.5));
    assert_eq!(recipe.limits.wall_clock, Some(Duration::from_secs(5400)));
    assert_eq!(recipe.hash.len(), 64);

    let attempts = &recipe.ingredients["attempts"];
    assert_eq!((attempts.kind, &attempts.default), (ValueKind::Int, &Some(json!(3))));
    assert_eq!(recipe.ingredients["command"].description, "the test command");
    assert!(recipe.ingredients["where"].required);

    let test = &recipe.steps["test"];
    assert_eq!(WHOLE.lines().nth(test.line - 1), Some("  test:"));
    assert_eq!((test.retries, &test.on_exhausted), (0, &Target::Escalate));
    assert!(matches!(test.max_visits, Some(Bound::Expr(_))));
    assert_eq!(test.captures["tries"].mode, CaptureMode::Append);
    assert_eq!(test.captures["tries"].kind, Some(ValueKind::List));
    let StepKind::Tool { tool, with } = &test.kind else { panic!("a tool step") };
    assert_eq!(tool.name, "test_check");
    assert_eq!(with.keys().collect::<Vec<_>>(), ["command", "timeout"]);

    let ask = &recipe.steps["ask"];
    assert!(matches!(ask.kind, StepKind::Confirm { default: Some(true), .. }));
    let scope = json!({ "inputs": { "ask": "false" } }).as_object().unwrap().clone();
    assert_eq!(ask.skip_when_false.as_ref().unwrap().is_true(&scope), Ok(false));

    let repair = &recipe.steps["repair"];
    let StepKind::Tool { tool, with } = &repair.kind else { panic!("a tool step") };
    assert_eq!(tool.name, "run_skill");
    assert_eq!(with.keys().collect::<Vec<_>>(), ["skill", "args", "model", "stale_threshold", "cwd"]);
    assert!(matches!(&with["args"], Arg::List(items) if items.len() == 2));
    assert_eq!((repair.retries, repair.on_result.len()), (2, 2));
    assert!(repair.on_result[1].when.is_none());

    let show = &recipe.steps["show"];
    let when = show.on_result[0].when.as_ref().unwrap();
    let scope = json!({ "result": { "exit_code": 0 } }).as_object().unwrap().clone();
    assert_eq!(when.is_true(&scope), Ok(true));
    assert_eq!(show.on_failure, Some(Target::Escalate));
    assert_eq!(show.captures["outputs"].mode, CaptureMode::Append);
    assert!(matches!(recipe.steps["give_up"].kind, StepKind::Stop { status: StopStatus::Exhausted, .. }));
    assert!(matches!(recipe.steps["finish"].kind, StepKind::Stop { status: StopStatus::Succeeded, .. }));
}

#[test]
fn a_step_of_that_name_wins_over_the_bare_word() {
    let text = with_steps(
        "  a:\n    skill: repair-tests\n    on_success: done\n    on_failure: '@done'\n  \
         done: {action: stop, message: x}\n  escalate: {action: stop, message: y}\n",
    );
    let recipe = load(&text).unwrap_or_else(|problems| panic!("{}", render(&problems))).recipe;
    let step = &recipe.steps["a"];
    assert_eq!(step.on_success, Some(Target::Step("done".to_owned())));
    assert_eq!(step.on_failure, Some(Target::Done));
    assert_eq!(step.on_exhausted, Target::Step("escalate".to_owned()));
    assert!(matches!(recipe.steps["escalate"].kind, StepKind::Stop { status: StopStatus::Failed, .. }));
}

#[test]
fn arguments_are_evaluated_with_their_types() {
    let text = with_steps(
        "  a:\n    skill: repair-tests\n    args: [\"${{ inputs.task }}\", \"x ${{ run.id }}\", 7]\n    \
         on_success: done\n",
    );
    let recipe = load(&text).unwrap_or_else(|problems| panic!("{}", render(&problems))).recipe;
    let StepKind::Tool { with, .. } = &recipe.steps["a"].kind else { panic!("a tool step") };
    let scope = json!({ "inputs": { "task": [1, 2] }, "run": { "id": "r" } }).as_object().unwrap().clone();
    assert_eq!(with["args"].value(&scope), Ok(json!([[1, 2], "x r", 7])));
    assert!(with["args"].value(&Default::default()).is_err());
}

#[test]
fn anchors_bring_values_in() {
    let text = with_steps(
        "  a:\n    tool: run_cmd\n    with: &call {argv: [ls]}\n    on_success: b\n  \
         b:\n    tool: run_cmd\n    with: *call\n    on_success: done\n",
    );
    assert!(load(&text).is_ok());
    let broken = text.replace("argv: [ls]", "argv: ls");
    let problems = load(&broken).unwrap_err();
    let places: Vec<_> = problems.report().into_iter().map(|found| found.line).collect();
    assert_eq!(places, [Some(8), Some(12)]);
}

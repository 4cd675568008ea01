//! Loops, waits, policies and questions: how they are read, what is wrong in them, and that the engine says what it cannot do.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::recipe::executable::gaps;
use crate::recipe::model::{
    Arg, Backoff, DefaultFrom, ItemFailure, LoopMode, OutputsFrom, RetryPolicy, StepKind, Target,
};

pub(super) const WHOLE: &str = r#"
language: 1
name: demo
ingredients:
  base: {default_from: git.base_branch}
  remote: {default_from: config.github.default_repo}
  issues: {type: list, default: []}
steps:
  each:
    for_each: ${{ inputs.issues }}
    as: issue
    mode: parallel
    max_parallel: 3
    on_item_failure: continue
    steps:
      plan:
        skill: make-plan
        args:
          - ${{ item.issue }}
          - {when: item.issue_index > 0, value: "--number ${{ item.issue_index }}"}
        capture: {path: "${{ result.plan_path }}"}
        retry: {max: 2, on: [stale, resume], backoff: {first: 10s, factor: 3, most: 5m}}
        on_success: done
    collect:
      paths: ${{ context.path }}
    capture: {paths: "${{ result.paths }}"}
    on_success: part
  part:
    sub_recipe: merge
    gate: inputs.base != ''
    inputs: {paths: "${{ context.paths }}"}
    outputs: {merged: "${{ context.merged }}"}
    on_success: wait
  wait:
    tool: run_cmd
    with: {argv: [gh, pr, view]}
    poll: {every: 30s, for: 10m, until: result.state == 'done'}
    outputs_from: json
    block: merging
    on_success: ask
  ask:
    action: confirm
    message: ship it?
    options: {ship: fix, hold: done, stop: escalate}
    default: hold
    timeout: 1h
  fix:
    constant: [1, 2]
    capture: {numbers: "${{ result.value }}", home: "${{ env.HOME }}"}
    on_success: done
finally:
  clean:
    tool: run_cmd
    with: {argv: [rm, -rf, x]}
    on_success: done
"#;

#[test]
fn every_key_is_understood() {
    let recipe = load_form(WHOLE, &Skills).unwrap_or_else(|problems| panic!("{}", render(&problems))).recipe;
    assert_eq!(recipe.ingredients["base"].default_from, Some(DefaultFrom::GitBaseBranch));
    let remote = recipe.ingredients["remote"].default_from.as_ref().map(DefaultFrom::written);
    assert_eq!(remote.as_deref(), Some("config.github.default_repo"));
    let StepKind::ForEach(each) = &recipe.steps["each"].kind else { panic!("a loop") };
    assert_eq!(
        (each.name.as_str(), each.mode, each.on_item_failure),
        ("issue", LoopMode::Parallel, ItemFailure::Continue)
    );
    assert_eq!(each.collect.keys().collect::<Vec<_>>(), ["paths"]);
    let plan = &each.body["plan"];
    assert_eq!(plan.on_success, Some(Target::Done));
    let backoff =
        Backoff { first: Duration::from_secs(10), factor: 3.0, most: Some(Duration::from_secs(300)) };
    assert_eq!(plan.retry, Some(RetryPolicy { max: 2, on: vec!["stale".into(), "resume".into()], backoff }));
    let StepKind::Tool { with, .. } = &plan.kind else { panic!("a tool step") };
    for (index, expected) in [(0, json!(["x"])), (2, json!(["x", "--number 2"]))] {
        let scope = json!({ "item": { "issue": "x", "issue_index": index } }).as_object().unwrap().clone();
        assert_eq!(with["args"].value(&scope), Ok(expected));
    }
    let StepKind::Call(call) = &recipe.steps["part"].kind else { panic!("a sub-recipe") };
    assert_eq!((call.recipe.as_str(), call.inputs.len(), call.outputs.len()), ("merge", 1, 1));
    let wait = &recipe.steps["wait"];
    let poll = wait.poll.as_ref().unwrap();
    assert_eq!(
        (poll.every.as_secs(), poll.limit.as_secs(), poll.until.source()),
        (30, 600, "result.state == 'done'")
    );
    assert_eq!(
        (wait.outputs_from.as_ref(), wait.block.as_deref()),
        (Some(&OutputsFrom::Json), Some("merging"))
    );
    let StepKind::Confirm { default, choice: Some(choice), .. } = &recipe.steps["ask"].kind else { panic!() };
    assert_eq!((*default, choice.default.as_deref(), choice.options.len()), (None, Some("hold"), 3));
    assert!(
        matches!(&recipe.steps["fix"].kind, StepKind::Constant(Arg::Literal(value)) if *value == json!([1, 2]))
    );
    assert_eq!((recipe.finally.len(), recipe.env.as_slice()), (1, ["HOME".to_owned()].as_slice()));
    assert_eq!(recipe.all_steps().len(), 7);
}

#[test]
fn the_engine_names_what_it_cannot_execute() {
    let recipe = load_form(WHOLE, &Skills).unwrap().recipe;
    let found: Vec<_> = gaps(&recipe).into_iter().map(|gap| (gap.step, gap.kind)).collect();
    let expected = [("part", "sub_recipe")];
    assert_eq!(found, expected.map(|(step, kind)| (step.to_owned(), kind)));
    let prose = with_steps(
        "  a: {tool: run_skill, with: {skill_command: '/lens-{slug} ${{ inputs.task }}', topic: x}, on_failure: b}\n  \
         b: {action: route, skip_when_false: inputs.task, on_result: [{when: result.next == 'more', route: a}, {route: done}]}\n",
    );
    let recipe =
        load_form(&prose, &AnySkill).unwrap_or_else(|problems| panic!("{}", render(&problems))).recipe;
    let told: Vec<_> =
        gaps(&recipe).into_iter().map(|gap| format!("{} ({})", gap.message, gap.kind)).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn each_fault_in_them_has_its_code() {
    let mut wrong = Vec::new();
    let each = |rest: &str| {
        format!(
            "  a: {{for_each: [1], steps: {{b: {{action: route, on_success: done}}}}, on_success: done{rest}}}\n"
        )
    };
    let skill = |rest: &str| format!("  a: {{skill: make-plan, on_success: done, {rest}}}\n");
    let cmd =
        |rest: &str| format!("  a: {{tool: run_cmd, with: {{argv: [ls]}}, on_success: done, {rest}}}\n");
    let ask = |rest: &str| format!("  a: {{action: confirm, message: x, {rest}}}\n");
    for (steps, expected) in [
        (each(""), vec![]),
        (each(", mode: fast"), vec!["bad-value"]),
        (each(", on_item_failure: shrug"), vec!["bad-value"]),
        (each(", as: x-y"), vec!["bad-name"]),
        (each(", max_parallel: 0"), vec!["wrong-type"]),
        (each(", collect: {x: '${{ item.item }}'}"), vec![]),
        (each(", collect: {x: '${{ item.other }}'}"), vec!["unknown-reference"]),
        (
            "  a: {for_each: 3, steps: {b: {action: route, on_success: done}}, on_success: done}\n"
                .to_owned(),
            vec!["wrong-type"],
        ),
        ("  a: {for_each: [1], on_success: done}\n".to_owned(), vec!["missing-key"]),
        (
            "  a: {for_each: [1], steps: {b: {action: route, on_success: a}}, on_success: done}\n".to_owned(),
            vec!["dangling-route"],
        ),
        (skill("as: x"), vec!["misplaced-key"]),
        (skill("args: ['${{ item.x }}']"), vec!["unknown-reference"]),
        (skill("args: ['${{ env.SECRET }}']"), vec!["env-not-allowed"]),
        (skill("args: ['${{ env.HOME }}']"), vec![]),
        (skill("args: [{when: inputs.task, value: x}]"), vec![]),
        (skill("args: [{when: inputs.tsak, value: x}]"), vec!["unknown-reference"]),
        (skill("args: [{when: 'inputs.', value: x}]"), vec!["expression"]),
        (skill("retry: {max: 1}"), vec![]),
        (skill("retry: {on: [stale]}"), vec!["missing-key"]),
        (skill("retry: {max: 1, on: [boredom]}"), vec!["bad-value"]),
        (skill("retry: {max: 1, backoff: soon}"), vec!["wrong-type"]),
        (skill("retry: {max: 1, backoff: {factor: 0}}"), vec!["wrong-type"]),
        (skill("retry: {max: 1}, retries: 1"), vec!["exclusive-keys"]),
        (skill("poll: {every: 1s, for: 1m}"), vec!["missing-key"]),
        (skill("outputs_from: json"), vec!["misplaced-key"]),
        (skill("options: {a: done}"), vec!["misplaced-key"]),
        (skill("optional_context_refs: [x]"), vec!["misplaced-key"]),
        (skill("block: [x]"), vec!["wrong-type"]),
        (cmd("outputs_from: yaml"), vec!["bad-value"]),
        (cmd("outputs_from: file"), vec!["bad-value"]),
        (cmd("outputs_from: {file: 'x/${{ run.id }}.json'}"), vec![]),
        (cmd("outputs_from: {}"), vec!["missing-key"]),
        (ask("options: {a: done, b: escalate}"), vec![]),
        (ask("options: {a: done}, on_success: done"), vec!["exclusive-keys"]),
        (ask("options: {a: done}, default: b"), vec!["bad-value"]),
        (ask("options: {a: nowhere}"), vec!["dangling-route"]),
        (ask("on_success: done, on_failure: done, timeout: 1m"), vec!["missing-key"]),
        ("  a: {python: function, on_success: done}\n".to_owned(), vec!["bad-value"]),
        ("  a: {python: module.function, with: {x: 1}, on_success: done}\n".to_owned(), vec![]),
        ("  a: {constant: 1, with: {x: 1}, on_success: done}\n".to_owned(), vec!["misplaced-key"]),
        ("  a: {sub_recipe: ../x, on_success: done}\n".to_owned(), vec!["bad-value"]),
    ] {
        let problems = match load_form(&format!("{}language: 1\n", with_steps(&steps)), &Skills) {
            Ok(loaded) => loaded.warnings,
            Err(problems) => problems,
        };
        let found: Vec<_> = problems.list().iter().map(|problem| problem.code).collect();
        if found != expected {
            wrong.push(format!("{steps}{found:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn arguments_of_a_python_function_stand_where_they_did() {
    let text = with_steps(
        "  a: {tool: run_python, with: {callable: x.y, pr: '${{ inputs.task }}', args: {z: 1}}, on_success: b}\n  \
         b: {python: x.y, with: {z: 1}, retry: {max_attempts: 2}, on_success: done}\n",
    );
    let loaded = load_form(&text, &Skills).unwrap_or_else(|problems| panic!("{}", render(&problems)));
    for (step, keys) in [("a", vec!["z", "pr"]), ("b", vec!["z"])] {
        let StepKind::Tool { tool, with } = &loaded.recipe.steps[step].kind else { panic!("a tool step") };
        let Arg::Map(args) = &with["args"] else { panic!("a mapping") };
        let given: Vec<&str> = args.keys().map(String::as_str).collect();
        assert_eq!((tool.name, given), ("run_python", keys));
    }
    assert_eq!(loaded.recipe.steps["b"].retries, 2);
}

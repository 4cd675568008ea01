//! Bodies of loops and `finally`: rules look into them, and values flow into them and not out.

use super::*;

/// What is told, a line each, with the loop `each` around `body` and `rest` behind it.
fn told(text: &str) -> Vec<String> {
    let problems = match load(&format!("name: demo\ndescription: A demo.\nlanguage: 1\n{text}")) {
        Ok(loaded) => loaded.warnings,
        Err(problems) => problems,
    };
    problems
        .report()
        .into_iter()
        .map(|found| format!("{} {}: {}", found.line.unwrap_or_default(), found.code, found.message))
        .collect()
}

fn looped(body: &str, collect: &str, rest: &str) -> String {
    format!(
        "ingredients: {{all: {{type: list, description: a}}}}\nsteps:\n  each:\n    for_each: ${{{{ inputs.all }}}}\n    {collect}on_success: end\n    steps:\n{body}  {rest}\n"
    )
}

const END: &str = "end: {action: stop, message: x}";

#[test]
fn a_body_is_checked_like_any_steps() {
    let mut wrong = Vec::new();
    for (body, expected) in [
        ("      a: {skill: repair-tests, args: [\"${{ item.item }}\"], on_success: done}\n", vec![]),
        (
            "      a: {skill: repair-test, on_success: done}\n",
            vec!["10 unknown-skill-command: there is no skill `repair-test`"],
        ),
        (
            "      a: {tool: test_check, on_failure: done}\n",
            vec!["10 no-route: the step `a` has no `on_success`: nothing follows it"],
        ),
        (
            "      a: {tool: test_check, on_success: done}\n      b: {tool: test_check, on_success: done}\n",
            vec!["11 unreachable-step: no route leads to the step `b`"],
        ),
        (
            "      a: {tool: test_check, on_success: done, on_failure: b}\n      b: {skill: repair-tests, on_success: a}\n",
            vec!["10 unbounded-cycle: nothing bounds the loop `a` → `b` → `a`"],
        ),
        (
            "      a: {skill: make-plan, capture: {p: \"${{ result.plan_path }}\"}, on_success: done}\n",
            vec!["10 dead-output: nothing reads `context.p`"],
        ),
        (
            "      a:\n        tool: test_check\n        on_result: [{when: result.passed, route: done}, {route: escalate}]\n",
            vec![
                "12 on-result-missing-failure-route: `a` says nothing about a call of `test_check` that fails",
            ],
        ),
        (
            "      a: {tool: run_cmd, with: {cmd: 'ls ${{ item.item }}'}, on_success: done}\n",
            vec!["10 unquoted: a value would become part of a shell text without quotes"],
        ),
    ] {
        let found = told(&looped(body, "", END));
        if found != expected {
            wrong.push(format!("{body}{found:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn values_flow_into_a_body_and_leave_it_by_collect() {
    let plan =
        "      plan: {skill: make-plan, capture: {p: \"${{ result.plan_path }}\"}, on_success: done}\n";
    let collect = "collect: {p: \"${{ context.p }}\"}\n    capture: {paths: \"${{ result.p }}\"}\n    ";
    let end = "end: {action: stop, message: \"${{ context.paths }}\"}";
    assert_eq!(told(&looped(plan, collect, end)), Vec::<String>::new());
    // An end of the item at which it is not set.
    let failing = plan.replace("on_success: done", "on_success: done, on_failure: done");
    assert_eq!(told(&looped(&failing, collect, end)), ["8 may-be-unset: `context.p` may not be set here"]);
    assert_eq!(
        told(&looped(plan, "", "end: {action: stop, message: \"${{ context.p }}\"}")),
        [
            "10 dead-output: nothing reads `context.p`",
            "11 unknown-reference: `context.p` is captured by `plan`, and not known here"
        ]
    );
    assert_eq!(
        told(&looped(plan, "collect: {x: \"${{ context.q }}\"}\n    ", END))[0],
        "8 unknown-reference: no step captures `q`"
    );
    // A variable of the recipe is known inside, when it is set before.
    let outer = |before: &str, route: &str| {
        format!(
            "ingredients: {{all: {{type: list, description: a}}}}\nsteps:\n{before}  each:\n    for_each: ${{{{ inputs.all }}}}\n    on_success: {route}\n    steps:\n      a: {{skill: repair-tests, args: [\"${{{{ context.v }}}}\"], on_success: done}}\n"
        )
    };
    let make = "  make: {skill: make-plan, capture: {v: \"${{ result.plan_path }}\"}, on_success: each}\n";
    assert_eq!(told(&outer(make, "done")), Vec::<String>::new());
    let unsure = make.replace("on_success", "on_failure: each, on_success");
    assert_eq!(told(&outer(&unsure, "done")), ["11 may-be-unset: `context.v` may not be set here"]);
    let late = outer("", "make") + &make.replace("on_success: each", "on_success: done");
    assert_eq!(
        told(&late),
        [
            "10 capture-inversion-detection: `context.v` is read before anything can set it",
            "11 dead-output: nothing that follows reads `context.v` before it gets another value"
        ]
    );
}

#[test]
fn an_item_that_ends_leads_to_the_next_and_behind_the_loop() {
    let fixed =
        "      fix: {skill: implement, on_success: done, on_context_limit: done, on_failure: escalate}\n";
    let merge = "end: {tool: merge_worktree, with: {worktree_path: ../w, base_branch: main}, on_result: [{when: not result.cleanup_succeeded, route: escalate}, {route: done}], on_failure: escalate}";
    let found = told(&looped(fixed, "", merge));
    assert!(found.iter().any(|line| line.contains("nothing commits what `fix` may leave")), "{found:?}");
    // A loop over a list is bounded by the list.
    let around = "ingredients: {all: {type: list, description: a}}\nsteps:\n  each:\n    for_each: ${{ inputs.all }}\n    on_success: done\n    steps:\n      inner:\n        for_each: [1, 2]\n        as: n\n        on_success: done\n        steps:\n          a: {tool: test_check, on_success: done}\n";
    assert_eq!(told(around), Vec::<String>::new());
}

#[test]
fn finally_is_checked_and_sure_of_nothing() {
    let text = |message: &str| {
        format!(
            "steps:\n  make: {{skill: make-plan, capture: {{v: \"${{{{ result.plan_path }}}}\"}}, on_success: done}}\nfinally:\n  told: {{tool: run_cmd, with: {{cmd: \"echo {message}\"}}, on_success: done}}\n"
        )
    };
    assert_eq!(told(&text("${{ context.v | default('') | sh }}")), Vec::<String>::new());
    assert_eq!(told(&text("${{ context.v | sh }}")), ["7 may-be-unset: `context.v` may not be set here"]);
    assert_eq!(
        told(&text("${{ context.w | sh }}")),
        ["5 dead-output: nothing reads `context.v`", "7 unknown-reference: no step captures `w`"]
    );
    let unknown = "steps:\n  a: {tool: test_check, on_success: done}\nfinally:\n  b: {skill: nobody, on_success: done}\n  c: {tool: test_check, on_success: done}\n";
    assert_eq!(
        told(unknown),
        [
            "7 unknown-skill-command: there is no skill `nobody`",
            "8 unreachable-step: no route leads to the step `c`"
        ]
    );
}

#[test]
fn an_allow_of_a_loop_holds_for_its_steps() {
    let body = "      a: {tool: test_check, on_success: done, on_failure: b}\n      b: {skill: repair-tests, on_success: a}\n";
    let text = looped(body, "allow: {unbounded-cycle: an example}\n    ", END);
    assert_eq!(told(&text), Vec::<String>::new());
}

#[test]
fn ways_that_no_run_takes_need_no_value() {
    let recipe = |make: &str, use_: &str| {
        format!(
            "ingredients: {{flag: {{description: f, default: \"true\"}}}}\nsteps:\n  make: {{skill: make-plan, capture: {{v: \"${{{{ result.plan_path }}}}\"}}, on_context_limit: escalate, {make}on_success: use}}\n  use: {{skill: repair-tests, args: [\"${{{{ context.v }}}}\"], on_context_limit: escalate, {use_}on_success: done}}\n"
        )
    };
    let when = "skip_when_false: inputs.flag, ";
    assert_eq!(told(&recipe("", "")), Vec::<String>::new());
    assert_eq!(told(&recipe(when, "")), ["7 may-be-unset: `context.v` may not be set here"]);
    assert_eq!(told(&recipe(when, when)), Vec::<String>::new());
    assert_eq!(
        told(&recipe(when, "skip_when_false: not inputs.flag, ")),
        ["7 may-be-unset: `context.v` may not be set here"]
    );
    // Where the condition asks for the variable itself.
    for asks in ["context.v is defined", "context.v | default('')", "context.v | default('') != ''"] {
        assert_eq!(
            told(&recipe(when, &format!("skip_when_false: {asks}, "))),
            Vec::<String>::new(),
            "{asks}"
        );
    }
    let routed = "ingredients: {flag: {description: f, default: \"true\"}}\nsteps:\n  make: {skill: make-plan, capture: {v: \"${{ result.plan_path }}\"}, on_context_limit: escalate, skip_when_false: inputs.flag, on_success: look}\n  look: {action: route, on_result: [{when: context.v | default('') == '', route: done}, {route: use}]}\n  use: {skill: repair-tests, args: [\"${{ context.v }}\"], on_success: done}\n";
    assert_eq!(told(routed), Vec::<String>::new());
}

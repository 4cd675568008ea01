//! What a recipe may not say, and how that is told.

use insta::assert_snapshot;

use super::*;

fn shown(text: &str) -> String {
    match load(text) {
        Ok(loaded) => render(&loaded.warnings),
        Err(problems) => render(&problems),
    }
}

/// As [`with_steps`], and said to be in our language.
fn strict(steps: &str) -> String {
    format!("{}language: 1\n", with_steps(steps))
}

#[test]
fn an_unknown_key() {
    assert_snapshot!(shown(&with_steps(
        "  a:\n    tool: run_cmd\n    with: {argv: [ls]}\n    on_sucess: done\n    on_success: done\n"
    )));
}

#[test]
fn a_loop_without_steps() {
    assert_snapshot!(shown(&with_steps(
        "  a:\n    for_each: ${{ inputs.task }}\n    as: item\n    on_success: done\n"
    )));
}

#[test]
fn a_duplicate_key() {
    assert_snapshot!(shown(&with_steps(
        "  a:\n    action: route\n    on_success: done\n    action: route\n"
    )));
}

#[test]
fn a_wrong_type() {
    assert_snapshot!(shown(
        "language: 1\nname: demo\nautoskillit_version: 0.3\ningredients:\n  flag: {default: true}\nsteps:\n  a:\n    tool: run_cmd\n    with: {argv: ls -l}\n    retries: many\n    on_success: done\n"
    ));
}

#[test]
fn a_dangling_route() {
    assert_snapshot!(shown(&with_steps(
        "  fetch:\n    tool: run_cmd\n    with: {argv: [ls]}\n    on_success: biuld\n  build: {action: stop, message: x}\n"
    )));
}

#[test]
fn an_unquoted_interpolation() {
    assert_snapshot!(shown(&with_steps(
        "  a:\n    tool: run_cmd\n    with:\n      cmd: |\n        set -e\n        echo ${{ inputs.task | sh }}\n        echo \"${{ inputs.task }}\"\n    on_success: done\n"
    )));
}

#[test]
fn a_tab() {
    assert_snapshot!(shown("name: demo\nsteps:\n  a:\n\taction: route\n"));
}

#[test]
fn broken_yaml() {
    assert_snapshot!(shown("name: demo\nsteps: {a: {action: route\nother: x\n"));
}

#[test]
fn a_target_without_quotes() {
    assert_snapshot!(shown(&with_steps("  a:\n    action: route\n    on_success: @done\n")));
}

#[test]
fn an_undefined_input() {
    assert_snapshot!(shown(&with_steps(
        "  a:\n    skill: repair-tests\n    args: [\"${{ inputs.tsak }}\"]\n    on_success: done\n"
    )));
}

#[test]
fn an_unbounded_loop() {
    assert_snapshot!(shown(&with_steps(
        "  a:\n    tool: test_check\n    on_success: done\n    on_failure: b\n  b:\n    skill: repair-tests\n    on_success: a\n"
    )));
}

#[test]
fn a_variable_that_may_be_unset() {
    assert_snapshot!(shown(&with_steps(
        "  a:\n    skill: make-plan\n    capture: {plan: \"${{ result.plan_path }}\"}\n    on_success: b\n    on_failure: b\n  b:\n    skill: repair-tests\n    args: [\"${{ context.plan }}\"]\n    on_success: done\n"
    )));
}

#[test]
fn braces_in_a_predicate() {
    assert_snapshot!(shown(&strict(
        "  a:\n    skill: make-plan\n    on_result:\n      - when: ${{ result.verdict }} == GO\n        route: done\n      - route: escalate\n"
    )));
}

#[test]
fn several_errors_at_once() {
    assert_snapshot!(shown(
        "name: dmeo\ndescripton: x\ningredients:\n  task: {type: text}\nsteps:\n  a:\n    tool: run_cmds\n    on_success: done\n  b:\n    skill: make-plans\n    capture:\n      x: ${{ result.plan | trmi }}\n    on_success: c\n  c:\n    tool: run_cmd\n    with: {cmd: \"ls ${{ inputs.dir }}\", tiemout: 3}\n    on_success: done\n"
    ));
}

#[test]
fn each_fault_has_its_code() {
    let mut wrong = Vec::new();
    let stop = "  z: {action: stop, message: x}\n";
    let skill = |rest: &str| format!("  a:\n    skill: make-plan\n    {rest}\n    on_success: done\n");
    let cmd = |rest: &str| format!("  a:\n    tool: run_cmd\n    with: {{{rest}}}\n    on_success: done\n");
    for (steps, expected) in [
        (stop.to_owned(), vec![]),
        ("  {}\n".to_owned(), vec!["no-steps"]),
        ("  - a\n".to_owned(), vec!["wrong-type"]),
        ("  a:\n".to_owned(), vec!["wrong-type"]),
        ("  a: {on_success: done}\n".to_owned(), vec!["no-kind"]),
        ("  a: {action: route, tool: run_cmd, on_success: done}\n".to_owned(), vec!["exclusive-keys"]),
        ("  a: {action: dance}\n".to_owned(), vec!["bad-value"]),
        ("  a: {action: stop}\n".to_owned(), vec!["missing-key"]),
        ("  a: {action: stop, message: x, status: great}\n".to_owned(), vec!["bad-value"]),
        ("  a: {action: stop, message: no, on_success: done}\n".to_owned(), vec!["misplaced-key"]),
        ("  a: {action: stop, message: 3}\n".to_owned(), vec!["wrong-type"]),
        ("  a: {action: route}\n".to_owned(), vec!["no-route"]),
        ("  a: {action: confirm, message: x, on_success: done}\n".to_owned(), vec!["no-route"]),
        ("  a: {action: route, on_success: a}\n".to_owned(), vec!["no-end", "unbounded-cycle"]),
        ("  a: {tool: x}\n".to_owned(), vec!["unknown-tool"]),
        ("  a: {python: x.y}\n".to_owned(), vec!["no-route"]),
        ("  'a b': {action: route, on_success: done}\n".to_owned(), vec!["bad-name"]),
        (format!("  a: {{action: route, on_success: done}}\n{stop}"), vec!["unreachable-step"]),
        (skill("retry: {max: 3}"), vec![]),
        (skill("retries: -1"), vec!["wrong-type"]),
        (skill("max_visits: 0"), vec!["wrong-type"]),
        (skill("max_visits: x ${{ inputs.task }}"), vec!["wrong-type"]),
        (skill("on_exceeded: done"), vec!["no-effect"]),
        (skill("on_failure:"), vec!["wrong-type"]),
        (skill("on_skip: done"), vec!["no-effect"]),
        ("  a: {tool: test_check, retries: 2, on_exhausted: done, on_success: done}\n".to_owned(), vec![]),
        ("  a: {tool: test_check, on_exhausted: done, on_context_limit: done, on_success: done}\n".to_owned(), vec!["no-effect"; 2]),
        (skill("with: {model: a}\n    model: b"), vec!["exclusive-keys"]),
        (skill("with: {step_name: b}"), vec!["step-name"]),
        (skill("with: {skill_command: /x}"), vec!["exclusive-keys"]),
        (skill("args: [{when: x, value: y}]"), vec!["unknown-reference"]),
        (skill("capture: {x: result.plan_path}"), vec!["capture-of-text"]),
        (skill("capture: {x: '${{ result.nope }}'}"), vec!["dead-output", "unknown-reference"]),
        (skill("capture: {x: '${{ result.session_id }}'}"), vec!["dead-output"]),
        (skill("capture: {x-y: '${{ result.result }}'}"), vec!["bad-name"]),
        (skill("capture: {x: 1}\n    capture_list: {x: 2}"), vec!["duplicate-key"]),
        (skill("capture_list: {x: {value: 1, mode: set}}"), vec!["bad-value"]),
        (skill("capture: {x: {type: int}}"), vec!["missing-key"]),
        (skill("args: ['${{ result.x }}']"), vec!["unknown-reference"]),
        (skill("args: ['${{ context.x }}']"), vec!["unknown-reference"]),
        (skill("args: ['${{ run.x }}']"), vec!["unknown-reference"]),
        (skill("args: ['${{ task }}']"), vec!["unknown-reference"]),
        (skill("args: ['${{ task']"), vec!["expression"]),
        (skill("skip_when_false: ${{ inputs.task }}"), vec!["braces"]),
        (skill("on_result: []"), vec!["wrong-type", "exclusive-keys"]),
        ("  a: {skill: nope, on_success: done}\n".to_owned(), vec!["unknown-skill-command"]),
        ("  a: {tool: run_skill, with: {skill_command: /autoskillit:nope x}, on_success: done}\n".to_owned(), vec!["unknown-skill-command"]),
        ("  a: {tool: run_skill, with: {skill_command: '/make-plan ${{ inputs.task }}'}, on_success: done}\n".to_owned(), vec![]),
        ("  a: {skill: make-plan, skip_when_false: inputs.task, on_result: [{route: done}], on_failure: done}\n".to_owned(), vec!["no-route"]),
        ("  a: {skill: make-plan, on_result: [{route: done}, {route: done}], on_failure: done}\n".to_owned(), vec!["unreachable-route"]),
        ("  a: {skill: make-plan, on_result: [{when: true, route: nope}]}\n".to_owned(), vec!["dangling-route"]),
        ("  a: {skill: make-plan, on_result: {field: verdict}}\n".to_owned(), vec!["missing-key"]),
        ("  a: {tool: run_cmd, on_success: done}\n".to_owned(), vec!["missing-parameter"]),
        (cmd("cmd: ls, argv: [ls]"), vec!["exclusive-keys"]),
        (cmd("cmd: ls, tiemout: 3"), vec!["unknown-parameter"]),
        (cmd("cmd: ls, timeout: soon"), vec!["wrong-type"]),
        (cmd("argv: ['${{ inputs.task }}', 3], env: {A: 1}, timeout: 90s"), vec![]),
        (cmd("argv: 'a ${{ inputs.task }}'"), vec!["wrong-type"]),
        (cmd("argv: '${{ inputs.task }}'"), vec![]),
        (cmd("cmd: 'ls ${{ inputs.task | raw }}'"), vec![]),
        (cmd("cmd: 'ls ${{ inputs.task | sh | trim }}'"), vec!["unquoted"]),
        (cmd("cmd: 'ls \"${{ inputs.task | sh }}\"'"), vec!["quoted-inside"]),
        (cmd("cmd: 'ls \"${{ inputs.task | raw }}\"'"), vec![]),
        (cmd("cmd: 'ls \"$(cat ${{ inputs.task | sh }})\"'"), vec![]),
    ] {
        let found = codes(&strict(&steps));
        if found != expected {
            wrong.push(format!("{steps}{found:?} instead of {expected:?}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn faults_of_the_whole_text_have_codes() {
    let steps = "steps: {a: {action: stop, message: x}}\n";
    for (text, expected) in [
        (String::new(), vec!["empty-file"]),
        ("- a\n".to_owned(), vec!["wrong-type"]),
        ("text".to_owned(), vec!["wrong-type"]),
        (steps.to_owned(), vec!["no-name"]),
        ("name: demo\n".to_owned(), vec!["no-steps"]),
        (format!("name: other\n{steps}"), vec!["name-mismatch"]),
        (format!("name: demo\n{steps}---\nname: b\n"), vec!["second-document"]),
        (format!("name: demo\n<<: {{}}\n{steps}"), vec!["merge-key"]),
        (format!("name: demo\nkitchen_rules: x\n{steps}"), vec!["wrong-type"]),
        (format!("name: demo\nfinally: []\n{steps}"), vec!["wrong-type"]),
        (format!("name: demo\nlimits: {{wall_clock: long, budget_usd: 0}}\n{steps}"), vec!["wrong-type"; 2]),
        (format!("name: demo\nlimits: {{quota_share: 0}}\n{steps}"), vec!["wrong-type"]),
        (format!("name: demo\nlimits: {{quota_share: 101}}\n{steps}"), vec!["wrong-type"]),
        (format!("name: demo\nlimits: {{quota_share: 20%}}\n{steps}"), vec!["wrong-type"]),
        (format!("name: demo\norchestrator: me\n{steps}"), vec!["bad-value"]),
        (format!("name: demo\ningredients: {{a: {{default: x, choices: [y]}}}}\n{steps}"), vec!["bad-default"]),
        (format!("name: demo\ningredients: {{a: {{default: '${{{{ x }}}}'}}}}\n{steps}"), vec!["bad-default"]),
        (format!("name: demo\ningredients: {{a: {{type: int, default: '3'}}}}\n{steps}"), vec!["wrong-type"]),
        (format!("name: demo\ningredients: {{a: {{required: true, default: x}}}}\n{steps}"), vec!["required-with-default"]),
        (format!("name: demo\ningredients: {{a: {{default_from: x}}}}\n{steps}"), vec!["bad-value"]),
        (
            format!("name: demo\ningredients: {{a: {{default_from: config.test_check.comand}}}}\n{steps}"),
            vec!["bad-value"],
        ),
        (format!("name: demo\ningredients: {{a: {{default_from: config.github.token}}}}\n{steps}"), vec!["bad-value"]),
        (format!("\u{feff}name: demo\n{steps}"), vec![]),
        ("a: &a [x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n".to_owned(), vec!["syntax"]),
        ("# éééééééé\na: *unknown\n".to_owned(), vec!["syntax"]),
        ("#".repeat(2 << 20), vec!["too-large"]),
    ] {
        let start: String = text.chars().take(200).collect();
        assert_eq!(codes(&text), expected, "{start}");
    }
}

#[test]
fn loops_are_bounded_where_they_can_be() {
    let looped = |test: &str, repair: &str| {
        with_steps(&format!(
            "  a:\n    tool: test_check\n    on_success: done\n    on_failure: b\n{test}  b:\n    skill: repair-tests\n    on_success: a\n{repair}"
        ))
    };
    assert_eq!(codes(&looped("    max_visits: 3\n", "")), Vec::<&str>::new());
    assert_eq!(codes(&looped("", "    max_visits: 3\n    on_exceeded: done\n")), Vec::<&str>::new());
    // Being refused again and again is a loop as well.
    let refused = looped("    max_visits: 3\n    on_exceeded: b\n", "");
    assert_eq!(codes(&refused), ["unbounded-cycle"]);
    let limits = "limits: {max_visits: 9}\n";
    assert_eq!(codes(&(looped("", "") + limits)), Vec::<&str>::new());
    assert_eq!(codes(&(refused + limits)), Vec::<&str>::new());
    let both = looped("    max_visits: 3\n    on_exceeded: b\n", "    max_visits: 3\n    on_exceeded: a\n");
    assert_eq!(codes(&(both + limits)), ["unbounded-cycle"]);
}

#[test]
fn machine_output_says_where() {
    let text = with_steps(
        "  a:\n    tool: run_cmd\n    with: {cmd: \"é ${{ inputs.task }}\"}\n    on_success: done\n",
    );
    let problems = load(&text).unwrap_err();
    let report = serde_json::to_value(problems.report()).unwrap();
    assert_eq!(
        report,
        serde_json::json!([{
            "code": "unquoted",
            "severity": "error",
            "message": "a value would become part of a shell text without quotes",
            "file": "demo.yaml",
            "line": 8,
            "column": 20,
            "end_line": 8,
            "end_column": 38,
            "help": "write `${{ inputs.task | sh }}`, or pass it through `argv:` or `env:`",
        }])
    );
}

#[test]
fn problems_read_well_aloud() {
    let problems = load(&with_steps("  a: {skill: make-plan, on_success: nowhere}\n")).unwrap_err();
    let mut out = String::new();
    miette::NarratableReportHandler::new().render_report(&mut out, &problems).unwrap();
    assert!(out.contains("there is no step `nowhere`") && out.contains("line 6"), "{out}");
}

#[test]
fn an_item_that_is_not_there_is_told_with_those_that_are() {
    let text = with_steps(
        "  a:\n    for_each: [1]\n    as: part\n    steps:\n      b: {tool: run_cmd, with: {argv: [echo, \"${{ item }}\"]}, on_success: done}\n    on_success: done\n",
    );
    assert!(shown(&text).contains("item.part"), "{}", shown(&text));
}

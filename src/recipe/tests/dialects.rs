//! What is an error in our language and a warning in AutoSkillit 0.9's, and how the two are told apart.

use super::*;
use crate::recipe::model::{Arg, Dialect, StepKind};

/// The codes of a recipe with these parts, errors marked with `!`.
fn found(head: &str, top: &str, steps: &str) -> Vec<String> {
    let text = format!("name: demo\n{head}{top}steps:\n{steps}");
    let problems = match load_form(&text, &Skills) {
        Ok(loaded) => loaded.warnings,
        Err(problems) => problems,
    };
    let mark = |problem: &Problem| if problem.severity == Severity::Error { "!" } else { "" };
    problems
        .list()
        .iter()
        .filter(|problem| problem.code != "legacy-recipe")
        .map(|problem| format!("{}{}", problem.code, mark(problem)))
        .collect()
}

#[test]
fn each_construct_has_its_severity_in_both_languages() {
    let task = "ingredients: {task: {}}\n";
    let stop = "  z: {action: stop, message: x}\n";
    let cmd = |rest: &str| format!("  a: {{tool: run_cmd, with: {{argv: [ls]}}, {rest}}}\n");
    let mut wrong = Vec::new();
    for (top, steps, current, legacy) in [
        (task, stop.to_owned(), vec![], vec![]),
        ("oops: 1\n", stop.to_owned(), vec!["unknown-key!"], vec!["unknown-key"]),
        ("inputs: {task: {}}\n", stop.to_owned(), vec!["unknown-key!"], vec!["renamed-key"]),
        ("constraints: [be kind]\n", stop.to_owned(), vec!["unknown-key!"], vec!["renamed-key"]),
        ("ingredients: {flag: {default: true}}\n", stop.to_owned(), vec!["wrong-type!"], vec!["wrong-type"]),
        ("ingredients: {flag: text}\n", stop.to_owned(), vec!["wrong-type!"], vec!["wrong-type"]),
        ("ingredients: {flag: {defualt: x}}\n", stop.to_owned(), vec!["unknown-key!"], vec!["unknown-key"]),
        ("", cmd("on_success: done, on_sucess: done"), vec!["unknown-key!"], vec!["unknown-key"]),
        ("", cmd("on_success: done, model: opus"), vec!["misplaced-key!"], vec!["model-on-non-skill-step"]),
        (
            "",
            "  a: {action: route, with: {x: y}, retries: 1, on_success: done}\n".to_owned(),
            vec!["misplaced-key!", "misplaced-key!"],
            vec!["misplaced-key", "misplaced-key"],
        ),
        (
            "",
            "  a: {action: stop, message: x, on_success: done}\n".to_owned(),
            vec!["misplaced-key!"],
            vec!["misplaced-key"],
        ),
        ("", "  a: {action: route}\n".to_owned(), vec!["no-route!"], vec!["prose-routing"]),
        ("", cmd("on_failure: done"), vec!["no-route!"], vec!["prose-routing"]),
        (
            task,
            cmd("skip_when_false: inputs.task, on_result: [{route: done}]"),
            vec!["no-route!"],
            vec!["prose-routing"],
        ),
        (
            "",
            "  a: {action: route, on_result: [{when: result.next == 'more', route: done}, {route: done}]}\n"
                .to_owned(),
            vec!["unknown-reference!"],
            vec!["unknown-reference"],
        ),
        (task, cmd("skip_when_false: '${{ inputs.task }}', on_success: done"), vec!["braces!"], vec![]),
        (
            "",
            cmd("on_result: [{when: '${{ result.stdout }} == NO GO', route: done}, {route: escalate}]"),
            vec!["braces!"],
            vec![],
        ),
        ("", cmd("on_result: [], on_success: done"), vec!["wrong-type!", "exclusive-keys!"], vec!["wrong-type"]),
        ("", cmd("on_result: [done, {route: done}]"), vec!["wrong-type!"], vec!["wrong-type"]),
        (
            "",
            "  a: {skill: make-plan, with: {step_name: b}, on_success: done}\n".to_owned(),
            vec!["step-name!"],
            vec!["step-name"],
        ),
        (
            "",
            "  a: {skill: make-plan, with: {issue_title: b}, on_success: done}\n".to_owned(),
            vec!["unknown-parameter!"],
            vec!["unknown-parameter"],
        ),
        ("", cmd("capture_list: {x: result.stdout}, on_success: done"), vec!["capture-of-text!"], vec!["capture-of-text"]),
        ("", cmd("capture: {x: result.stdout}, on_success: done"), vec!["capture-of-text!"], vec!["capture-of-text!"]),
        ("", cmd("on_success: nowhere"), vec!["dangling-route!"], vec!["dangling-route!"]),
        ("", "  a: {on_success: done}\n".to_owned(), vec!["no-kind!"], vec!["no-kind!"]),
        ("", "  a: {action: stop}\n".to_owned(), vec!["missing-key!"], vec!["missing-key!"]),
        ("<<: {}\n", stop.to_owned(), vec!["merge-key!"], vec!["merge-key!"]),
        ("kitchen_rules: x\n", stop.to_owned(), vec!["wrong-type!"], vec!["wrong-type!"]),
        (
            "",
            "  a: {tool: test_check, on_success: done, on_failure: b}\n  b: {skill: make-plan, on_success: a}\n"
                .to_owned(),
            vec!["unbounded-cycle!"],
            vec!["unbounded-cycle"],
        ),
    ] {
        for (head, expected) in [("language: 1\n", &current), ("autoskillit_version: \"0.9.0\"\n", &legacy)] {
            let found = found(head, top, &steps);
            if found != *expected {
                wrong.push(format!("{head}{top}{steps}{found:?} instead of {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_name_that_is_not_the_files_is_a_warning_in_a_legacy_recipe() {
    let steps = "steps: {z: {action: stop, message: x}}\n";
    assert_eq!(codes(&format!("name: other\n{steps}")), ["name-mismatch"]);
    let legacy = format!("name: other\nautoskillit_version: 0.3\n{steps}");
    assert_eq!(codes(&legacy), ["name-mismatch", "legacy-recipe", "wrong-type"]);
    assert_eq!(load(&legacy).unwrap().recipe.version.as_deref(), Some("0.3"));
}

#[test]
fn the_first_form_of_the_old_language_is_named() {
    let skill = "  b: {tool: run_skill, with: {skill_command: /make-plan x}, on_success: done}\n";
    let route =
        "  a: {action: route, on_result: [{when: '${{ inputs.task }} == x', route: b}, {route: b}]}\n";
    insta::assert_snapshot!(render(&load(&with_steps(&format!("{route}{skill}"))).unwrap().warnings));
    for (text, dialect) in [
        (with_steps(skill), Dialect::Legacy),
        (format!("language: 1\n{}", with_steps(skill)), Dialect::Current),
        (with_steps("  b: {skill: make-plan, on_success: done}\n"), Dialect::Current),
        (
            with_steps("  b: {skill: make-plan, on_success: done}\n") + "autoskillit_version: \"0.1.0\"\n",
            Dialect::Current,
        ),
        (
            with_steps("  b: {skill: make-plan, on_success: done}\n") + "autoskillit_version: \"0.6.1\"\n",
            Dialect::Legacy,
        ),
    ] {
        let loaded = load(&text).unwrap_or_else(|problems| panic!("{}", render(&problems)));
        assert_eq!(loaded.recipe.dialect, dialect, "{text}");
        let told = loaded.warnings.list().iter().filter(|problem| problem.code == "legacy-recipe").count();
        assert_eq!(told, usize::from(dialect == Dialect::Legacy), "{text}");
    }
}

#[test]
fn another_language_is_refused() {
    assert_eq!(codes("name: demo\nlanguage: 2\nsteps: {z: {action: stop, message: x}}\n"), ["bad-value"]);
}

#[test]
fn the_folder_for_passing_files_is_filled_in() {
    let text = with_steps(
        "  a:\n    tool: run_cmd\n    with:\n      cwd: {{AUTOSKILLIT_TEMP}}/plans\n      argv: [ls]\n    on_success: done\n",
    );
    let recipe = load(&text).unwrap_or_else(|problems| panic!("{}", render(&problems))).recipe;
    let StepKind::Tool { with, .. } = &recipe.steps["a"].kind else { panic!("a tool step") };
    assert!(matches!(&with["cwd"], Arg::Literal(value) if value == ".autoskillit/temp/plans"));
    assert_eq!((recipe.dialect, recipe.text.as_str()), (Dialect::Legacy, text.as_str()));
    let both = text.replace("argv: [ls]", "argv: [__AUTOSKILLIT_TEMP__]");
    assert_eq!(codes(&both), ["reserved-word"]);
}

#[test]
fn what_the_old_language_tells_a_session_beside_the_parameters_is_kept() {
    let text = with_steps(
        "  b:\n    tool: run_skill\n    with: {skill_command: /make-plan x, issue_url: '${{ inputs.task }}'}\n    on_success: done\n",
    );
    let recipe = load(&text).unwrap_or_else(|problems| panic!("{}", render(&problems))).recipe;
    assert_eq!(recipe.steps["b"].hints.keys().collect::<Vec<_>>(), ["issue_url"]);
}

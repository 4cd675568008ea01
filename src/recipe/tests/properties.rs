//! What holds for every text.

use proptest::prelude::*;

use super::*;

/// A text made of pieces that recipes are made of.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "name: demo\n",
        "steps:\n",
        "  a:\n",
        "  b:\n",
        "    tool: run_cmd\n",
        "    skill: x\n",
        "    with:\n",
        "      cmd: ls\n",
        "    on_success: a\n",
        "    on_result:\n",
        "      - when: ",
        "${{ ",
        " }}",
        "result.x",
        "\n",
        "  ",
        ": ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        "'",
        "\"",
        "|\n",
        "&x ",
        "*x",
        "? ",
        "<<: ",
        "!t ",
        "\t",
        "é",
        "\u{1}",
        "---\n",
        "...\n",
        "#",
        "%YAML 1.2\n",
        "ingredients: ",
        "limits: ",
        "9",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn step() -> impl Strategy<Value = String> {
    let route = prop::sample::select(vec!["a", "b", "c", "d", "done", "escalate", "nowhere"]);
    let kind = prop::sample::select(vec![
        "tool: test_check",
        "tool: run_cmd, with: {argv: [ls]}",
        "tool: run_cmd, with: {cmd: 'ls ${{ context.v | sh }}'}",
        "tool: run_cmd, with: {cmd: 'ls ${{ context.v }}'}",
        "skill: make-plan, args: ['${{ inputs.task }}']",
        "action: route",
        "action: confirm, message: 'x ${{ context.v }}'",
    ]);
    let extra = prop::sample::select(vec![
        "",
        ", capture: {v: '${{ result.stdout }}'}",
        ", capture: {v: 3}",
        ", max_visits: 3",
        ", max_visits: 2, on_exceeded: done",
        ", skip_when_false: inputs.task",
        ", oops: 1",
    ]);
    (kind, route.clone(), route, extra)
        .prop_map(|(kind, yes, no, extra)| format!("{{{kind}, on_success: {yes}, on_failure: {no}{extra}}}"))
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), made in pieces(), bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        for text in [text, made] {
            if let Err(problems) = load(&text) {
                prop_assert!(problems.errors() > 0);
                render(&problems);
                prop_assert_eq!(problems.report().len(), problems.list().len());
            }
        }
        let _ = crate::recipe::yaml::decode(bytes);
    }

    #[test]
    fn small_recipes_compile_or_say_where(steps in prop::collection::vec(step(), 1..5)) {
        let steps: String =
            steps.iter().zip(["a", "b", "c", "d"]).map(|(step, name)| format!("  {name}: {step}\n")).collect();
        match load(&with_steps(&steps)) {
            Ok(loaded) => prop_assert_eq!(loaded.warnings.errors(), 0),
            Err(problems) => {
                prop_assert!(problems.errors() > 0);
                for problem in problems.list() {
                    prop_assert!(!problem.labels.is_empty(), "{}", problem);
                    for (range, _) in &problem.labels {
                        prop_assert!(problems.text().get(range.clone()).is_some_and(|part| !part.is_empty()));
                    }
                }
            }
        }
    }
}

#[test]
fn a_large_recipe_compiles() {
    let steps: String = (0..400)
        .map(|number| {
            let next = number + 1;
            format!(
                "  s{number}:\n    tool: run_cmd\n    with:\n      cmd: |\n        echo ${{{{ inputs.task | sh }}}}\n        \
                 echo ${{{{ context.v{number} | default('') | sh }}}}\n    capture:\n      v{number}: ${{{{ result.stdout | trim }}}}\n    \
                 on_result:\n      - when: result.exit_code == 0 and context.v{number} != 'x'\n        route: s{next}\n      \
                 - route: s{next}\n    on_failure: escalate\n"
            )
        })
        .collect();
    let text = with_steps(&(steps + "  s400: {action: stop, message: x}\n"));
    let loaded = load(&text).unwrap_or_else(|problems| panic!("{}", render(&problems)));
    assert_eq!(loaded.recipe.steps.len(), 401);
}

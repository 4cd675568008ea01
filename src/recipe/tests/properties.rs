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
        "constant: ['${{ context.v }}', {a: 1}]",
        "for_each: ['${{ inputs.task }}'], as: it, mode: parallel, max_parallel: 2, steps: {s: {skill: make-plan, args: [{when: item.it, value: '${{ item.it }}'}], on_success: done}}, collect: {w: '${{ context.v }}'}",
        "for_each: [1], steps: {s: {tool: test_check, on_success: t, on_failure: s}, t: {tool: run_cmd, with: {argv: ['${{ context.v | default(0) }}']}, capture: {u: '${{ result.stdout }}'}, on_success: done, on_failure: escalate}}, on_item_failure: continue, collect: {u: '${{ context.u }}'}",
        "for_each: [1], as: o, steps: {s: {for_each: [2], steps: {t: {action: route, skip_when_false: inputs.task, on_result: [{when: context.v == 'x', route: done}, {route: escalate}], on_skip: done}}, on_success: done, on_failure: s}}",
        "sub_recipe: other, gate: task, inputs: {a: '${{ inputs.task }}'}, outputs: {v: '${{ context.w }}'}",
        "tool: run_skill, with: {skill_command: '/make-plan ${{ inputs.task }}'}",
        "tool: run_cmd, with: {cmd: 'ls \"${{ inputs.task }}\"'}, optional_context_refs: [v]",
        "python: a.b, with: {x: '${{ context.v }}'}",
    ]);
    let extra = prop::sample::select(vec![
        "",
        ", capture: {v: '${{ result.stdout }}'}",
        ", capture: {v: 3}",
        ", max_visits: 3",
        ", retry: {max: 1, on: [stale], backoff: {first: 3s, factor: 1.5}}",
        ", poll: {every: 1s, for: 1m, until: result.exit_code == 0}",
        ", outputs_from: {file: 'x${{ run.id }}'}",
        ", capture: {v: {value: {a: '${{ result.stdout }}'}, mode: append, type: list}}",
        ", capture_list: {v: '${{ result.stdout | trim }}'}",
        ", on_exhausted: '@escalate', on_context_limit: done, note: \"a: #\\n b\"",
        ", skip_when_false: '${{ inputs.task }} == x', on_skip: done",
        ", max_visits: 2, on_exceeded: done",
        ", skip_when_false: inputs.task",
        ", oops: 1",
        ", block: g",
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
    fn small_recipes_compile_or_say_where(
        steps in prop::collection::vec(step(), 1..5),
        finally in prop::option::of(step()),
    ) {
        let mut steps: String =
            steps.iter().zip(["a", "b", "c", "d"]).map(|(step, name)| format!("  {name}: {step}\n")).collect();
        if let Some(step) = finally {
            steps.push_str(&format!("finally:\n  a: {step}\n"));
        }
        // All rules look at it as well.
        if let Err(problems) = load(&with_steps(&steps)) {
            render(&problems);
        }
        match load_form(&with_steps(&steps), &Skills) {
            Ok(loaded) => {
                prop_assert_eq!(loaded.warnings.errors(), 0);
                let printed = crate::recipe::print::print(&loaded.recipe);
                let again = match load_form(&printed, &Skills) {
                    Ok(again) => again.recipe,
                    Err(problems) => panic!("{}", render(&problems)),
                };
                prop_assert_eq!(super::print::essence(&loaded.recipe), super::print::essence(&again));
                let _ = crate::recipe::executable::gaps(&again);
            }
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

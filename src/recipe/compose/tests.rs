use std::collections::BTreeMap;

use super::*;
use crate::recipe::load::{Setting, compile_all};
use crate::recipe::model::RecipeSource;
use crate::recipe::{AnySkill, Origin};

/// Sub-recipes by name; each begins with its `name:` already.
fn parts(texts: &[(&str, &str)]) -> Vec<PartText> {
    let part = |(name, text): &(&str, &str)| PartText {
        name: (*name).to_owned(),
        file: format!("sub-recipes/{name}.yaml"),
        text: format!("name: {name}\nlanguage: 1\n{text}"),
    };
    texts.iter().map(part).collect()
}

fn compiled(text: &str, parts: &Vec<PartText>) -> Result<Recipe, Vec<String>> {
    let origin =
        Origin { file: "x.yaml".to_owned(), stem: "x".to_owned(), source: RecipeSource::Path, path: None };
    let text =
        if text.contains("language:") { text.to_owned() } else { format!("name: x\nlanguage: 1\n{text}") };
    let setting = Setting { parts: Some(parts), ..Setting::of(&AnySkill) };
    let (recipe, own, others) = compile_all(&text, &origin, &setting);
    recipe.ok_or_else(|| {
        let reports = std::iter::once(&own).chain(&others).flat_map(Problems::report);
        let errors = reports.filter(|report| report.severity == super::super::Severity::Error);
        errors
            .map(|found| {
                let help = found.help.map(|help| format!(" ({help})")).unwrap_or_default();
                format!(
                    "{}:{} {}: {}{help}",
                    found.file,
                    found.line.unwrap_or_default(),
                    found.code,
                    found.message
                )
            })
            .collect()
    })
}

/// Steps with their routes and captures, a line each.
fn told(recipe: &Recipe) -> String {
    let mut lines = Vec::new();
    for step in recipe.steps.values() {
        let routes: Vec<String> = crate::recipe::diagram::routes(step)
            .into_iter()
            .map(|(to, when, _)| match to {
                Target::Step(name) => format!("{when} -> {name}"),
                other => format!("{when} -> {other:?}"),
            })
            .collect();
        let captures: Vec<String> =
            step.captures.iter().map(|(name, capture)| format!("{name} = {:?}", capture.value)).collect();
        lines.push(format!(
            "{} [{}] {} | {}",
            step.name,
            crate::recipe::diagram::does(step),
            routes.join(", "),
            captures.join("; ")
        ));
    }
    lines.join("\n")
}

const CALLS: &str = r"
ingredients: {deep: {description: d, type: bool, default: true}, who: {description: w, default: me}}
steps:
  first: {tool: run_cmd, with: {argv: [ls]}, capture: {out: '${{ result.stdout }}'}, on_success: check, on_failure: bad}
  check:
    sub_recipe: checks
    gate: deep
    inputs: {text: '${{ context.out }} for ${{ inputs.who }}'}
    outputs: {verdict: '${{ context.said }}'}
    on_success: last
    on_failure: bad
  last: {stop: {status: succeeded, message: 'It is ${{ context.verdict | default(1) }}.'}}
  bad: {stop: {status: failed, message: Bad.}}
";

const CHECKS: &str = r"
ingredients: {text: {description: t, required: true}, times: {description: n, type: int, default: 2}}
steps:
  say:
    tool: run_cmd
    with: {cmd: 'echo ${{ inputs.text | sh }}'}
    capture: {said: '${{ result.stdout | trim }}'}
    max_visits: ${{ inputs.times }}
    on_exceeded: escalate
    on_result: [{when: context.said == 'again', route: say}, {route: done}]
    on_failure: done
  done: {stop: {status: succeeded, message: 'Said ${{ context.said | default(0) }}.'}}
";

#[test]
fn the_steps_of_a_sub_recipe_take_the_place_of_its_call() {
    let recipe = compiled(CALLS, &parts(&[("checks", CHECKS)])).unwrap();
    insta::assert_snapshot!("composed", told(&recipe));
    let origin = recipe.steps["check.say"].origin.clone().unwrap();
    assert_eq!((origin.recipe.as_str(), origin.step.as_str()), ("checks", "say"));
    assert!(!has_calls(&recipe));
}

#[test]
fn sub_recipes_call_others() {
    let inner = "steps:\n  a: {tool: run_cmd, with: {argv: [ls]}, capture: {v: '${{ result.stdout }}'}, on_success: done, on_failure: escalate}\n";
    let outer = "steps:\n  in: {sub_recipe: inner, outputs: {w: '${{ context.v }}'}, on_success: b, on_failure: escalate}\n  b: {tool: run_cmd, with: {argv: [echo, '${{ context.w }}']}, on_success: done, on_failure: escalate}\n";
    let main =
        "steps:\n  o: {sub_recipe: outer, on_success: o2}\n  o2: {sub_recipe: outer, on_success: done}\n";
    let recipe = compiled(main, &parts(&[("inner", inner), ("outer", outer)])).unwrap();
    insta::assert_snapshot!("nested", told(&recipe));
    assert_eq!(recipe.parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>(), ["inner", "outer"]);
}

#[test]
fn a_legacy_recipe_shares_its_ingredients() {
    let part = "description: d\nkitchen_rules: [r]\ningredients: {size: {description: s, default: '4'}, secret: {description: h, hidden: true, default: h}}\nsteps:\n  a: {tool: run_cmd, with: {argv: [echo, '${{ inputs.size }}', '${{ inputs.secret }}']}, on_success: done, on_failure: escalate}\n";
    let mut part = parts(&[("p", part)]);
    part[0].text = part[0].text.replace("language: 1\n", "");
    let main = "name: x\n# language: none\ningredients: {sprint: {description: s, default: 'false'}}\nkitchen_rules: [q]\nsteps:\n  go: {sub_recipe: p, gate: sprint, on_success: done, on_failure: escalate}\n  next: {tool: run_cmd, with: {argv: [ls]}, on_success: done, on_failure: escalate}\n";
    let recipe = compiled(main, &part).unwrap();
    assert_eq!(recipe.ingredients.keys().collect::<Vec<_>>(), ["sprint", "size", "secret"]);
    assert_eq!(recipe.kitchen_rules, ["q", "r"]);
    assert_eq!(recipe.steps["go"].on_skip, Some(Target::Step("next".to_owned())));
    assert_eq!(recipe.steps["go"].skip_when_false.as_ref().unwrap().source(), "inputs.sprint | flag");
}

#[test]
fn what_does_not_fit_has_its_place_in_the_right_file() {
    let stop = "steps:\n  a: {stop: {status: succeeded, message: m}}\n";
    let cases: &[(&str, &str, &[(&str, &str)])] = &[
        ("unknown", "steps: {a: {sub_recipe: chekcs, on_success: done}}\n", &[("checks", stop)]),
        ("none", "steps: {a: {sub_recipe: checks, on_success: done}}\n", &[]),
        (
            "circle",
            "steps: {a: {sub_recipe: p, on_success: done}}\n",
            &[
                ("p", "steps: {b: {sub_recipe: q, on_success: done}}\n"),
                ("q", "steps: {c: {sub_recipe: p, on_success: done}}\n"),
            ],
        ),
        ("missing input", "steps:\n  a: {sub_recipe: checks, on_success: done}\n", &[("checks", CHECKS)]),
        (
            "unknown input",
            "steps:\n  a: {sub_recipe: checks, inputs: {text: a, tims: 1}, on_success: done}\n",
            &[("checks", CHECKS)],
        ),
        (
            "unknown output",
            "steps:\n  a: {sub_recipe: checks, inputs: {text: a}, outputs: {v: '${{ context.sayd }}'}, on_success: b}\n  b: {stop: {status: succeeded, message: '${{ context.v }}'}}\n",
            &[("checks", CHECKS)],
        ),
        (
            "variable",
            "steps:\n  b: {tool: run_cmd, with: {argv: [ls]}, capture: {a__said: '${{ result.stdout }}'}, on_success: a, on_failure: escalate}\n  a: {sub_recipe: checks, inputs: {text: '${{ context.a__said }}'}, on_success: done}\n",
            &[("checks", CHECKS)],
        ),
        (
            "faulty part",
            "steps: {a: {sub_recipe: p, on_success: done}}\n",
            &[("p", "steps:\n  b: {tool: rum_cmd, on_success: done}\n")],
        ),
    ];
    let all: Vec<String> = cases
        .iter()
        .map(|(name, text, texts)| {
            let errors = compiled(text, &parts(texts)).err().unwrap_or_default();
            format!("{name}:\n  {}", errors.join("\n  "))
        })
        .collect();
    insta::assert_snapshot!("misfits", all.join("\n"));
}

#[test]
fn depth_and_size_are_bounded() {
    let names: Vec<String> = (0..40).map(|at| format!("p{at}")).collect();
    let texts: Vec<String> = (0..40)
        .map(|at| match at {
            39 => "steps: {z: {stop: {status: succeeded, message: m}}}\n".to_owned(),
            _ => format!(
                "steps:\n  a: {{sub_recipe: p{0}, on_success: b}}\n  b: {{sub_recipe: p{0}, on_success: done}}\n",
                at + 1
            ),
        })
        .collect();
    let all: Vec<(&str, &str)> =
        names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
    for (start, code) in [(0, "sub-recipe-depth"), (27, "too-many-steps")] {
        let main = format!("steps: {{a: {{sub_recipe: p{start}, on_success: done}}}}\n");
        let errors = compiled(&main, &parts(&all)).unwrap_err();
        assert!(errors.iter().any(|error| error.contains(code)), "{errors:?}");
    }
}

#[test]
fn the_identity_depends_on_every_text() {
    let hash = |calls: &str, checks: &str| compiled(calls, &parts(&[("checks", checks)])).unwrap().hash;
    let all: BTreeMap<String, ()> = [
        hash(CALLS, CHECKS),
        hash(&CALLS.replace("Bad.", "Worse."), CHECKS),
        hash(CALLS, &CHECKS.replace("Said", "Told")),
    ]
    .into_iter()
    .map(|hash| (hash, ()))
    .collect();
    assert_eq!(all.len(), 3);
    assert_eq!(hash(CALLS, CHECKS), hash(CALLS, CHECKS));
}

/// What is odd about a recipe with its parts, a line each.
fn odd(text: &str, parts: &Vec<PartText>) -> Vec<String> {
    let origin =
        Origin { file: "x.yaml".to_owned(), stem: "x".to_owned(), source: RecipeSource::Path, path: None };
    let setting = Setting { parts: Some(parts), ..Setting::of(&AnySkill) };
    let (_, own, others) = compile_all(&format!("name: x\nlanguage: 1\n{text}"), &origin, &setting);
    let reports = std::iter::once(&own).chain(&others).flat_map(Problems::report);
    reports
        .map(|found| {
            format!("{}:{} {}: {}", found.file, found.line.unwrap_or_default(), found.code, found.message)
        })
        .collect()
}

#[test]
fn the_whole_is_checked_in_the_files_that_it_comes_from() {
    let ask = "steps:\n  ask: {tool: run_cmd, with: {argv: [ls]}, capture: {answer: '${{ result.stdout }}'}, skip_when_false: run.id != '', on_success: done, on_failure: escalate}\n";
    let bounded = ask.replace("on_success: done", "max_visits: 3, on_exceeded: escalate, on_success: done");
    let looped = "steps:\n  call: {sub_recipe: ask, on_success: test, on_failure: escalate}\n  test: {tool: test_check, on_success: done, on_failure: call}\n";
    // The part may bound the loop, or not.
    assert_eq!(
        odd(looped, &parts(&[("ask", ask)]))[0],
        "x.yaml:4 unbounded-cycle: nothing bounds the loop `call` → `call.ask` → `test` → `call`"
    );
    let of_loop = |found: Vec<String>| found.iter().any(|line| line.contains("unbounded-cycle"));
    assert!(!of_loop(odd(looped, &parts(&[("ask", &bounded)]))));
    // A loop inside of the part is told there, once.
    let inside = "steps:\n  ask: {tool: test_check, on_success: done, on_failure: ask}\n";
    let call = "steps:\n  call: {sub_recipe: ask, on_success: twice}\n  twice: {sub_recipe: ask, on_success: done}\n";
    assert_eq!(
        odd(call, &parts(&[("ask", inside)])),
        ["sub-recipes/ask.yaml:4 unbounded-cycle: nothing bounds the loop `ask` → `ask`"]
    );
    // An output that the part does not set on every way.
    let output = "steps:\n  call: {sub_recipe: ask, outputs: {said: '${{ context.answer }}'}, on_success: told, on_failure: escalate}\n  told: {stop: {status: succeeded, message: '${{ context.said }}'}}\n";
    assert_eq!(
        odd(output, &parts(&[("ask", ask)])),
        ["x.yaml:4 may-be-unset: `context.call__answer` may not be set here"]
    );
    // What follows a part that never comes to its end.
    let stuck = "steps:\n  ask: {tool: test_check, on_success: escalate, on_failure: escalate}\n";
    assert_eq!(
        odd(looped.replace("call: {", "call: {max_visits: 2, ").as_str(), &parts(&[("ask", stuck)])),
        ["x.yaml:5 unreachable-step: no route leads to the step `test`"]
    );
}

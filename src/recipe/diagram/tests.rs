use super::*;
use crate::recipe::{AnySkill, Origin, compile};

fn recipe(text: &str) -> Recipe {
    let origin = Origin {
        file: "x.yaml".to_owned(),
        stem: "x".to_owned(),
        source: super::super::model::RecipeSource::Path,
        path: None,
    };
    compile(text, &origin, &AnySkill).unwrap().recipe
}

const TEXT: &str = r#"
name: x
ingredients: { deep: { description: d, type: bool, default: false } }
steps:
  look: { tool: run_cmd, with: { cmd: 'echo "a < b" | cat' }, on_success: ask, on_failure: escalate, skip_when_false: inputs.deep }
  ask: { action: confirm, message: Go?, on_success: work, on_failure: no }
  work:
    skill: hello
    max_visits: 3
    on_exceeded: gave_up
    on_context_limit: no
    on_result: [ { when: "result.verdict == 'again'", route: work }, { route: fork } ]
    on_failure: no
  fork: { action: route, on_result: [ { when: inputs.deep, route: look }, { route: done } ] }
  no: { stop: { status: failed, message: no } }
  gave_up: { stop: { status: exhausted, message: no } }
"#;

#[test]
fn a_recipe_is_a_flowchart() {
    let recipe = recipe(TEXT);
    insta::assert_snapshot!("mermaid", mermaid(&Chart::of(&recipe)));
    insta::assert_snapshot!("dot", dot(&Chart::of(&recipe)));
}

const NESTED: &str = r#"
name: x
steps:
  find: { tool: run_cmd, with: { cmd: ls }, on_success: each, on_failure: escalate }
  each:
    for_each: ["a", "b"]
    as: part
    max_visits: 2
    steps:
      work: { tool: run_cmd, with: { argv: [make, "${{ item.part }}"] }, on_success: test, on_failure: escalate }
      test: { tool: test_check, max_visits: 2, on_success: done, on_failure: work }
    on_success: told
    on_failure: find
  told: { stop: { status: succeeded, message: done } }
finally:
  clean: { tool: run_cmd, with: { cmd: make clean }, on_success: done }
"#;

#[test]
fn bodies_of_loops_and_what_runs_at_every_end_have_boxes() {
    let recipe = recipe(NESTED);
    insta::assert_snapshot!("mermaid_nested", mermaid(&Chart::of(&recipe)));
    insta::assert_snapshot!("dot_nested", dot(&Chart::of(&recipe)));
}

#[test]
fn every_line_of_the_rails_has_two_ends() {
    let recipes = [recipe(TEXT), recipe(NESTED)];
    for (most, recipe) in (0..6).flat_map(|most| recipes.iter().map(move |recipe| (most, recipe))) {
        let picture = rails(&Chart::of(recipe), most);
        for (at, row) in picture.rows.iter().enumerate() {
            assert_eq!(row.cells.len(), picture.columns);
            for (column, cell) in row.cells.iter().enumerate() {
                let below = picture.rows.get(at + 1).map(|row| row.cells[column]);
                // A line down ends in a line up, or in the sign of the next step.
                assert!(
                    !cell.down || below.is_some_and(|below| below.up || below.sign),
                    "{at}:{column} {most}"
                );
                assert!(
                    !below.is_some_and(|below| below.up) || cell.down || cell.sign,
                    "{at}:{column} {most}"
                );
            }
        }
    }
}

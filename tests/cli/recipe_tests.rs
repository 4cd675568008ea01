//! `recipes test` and `recipes simulate`.

use insta::assert_snapshot;
use serde_json::json;

use crate::binary::Kitchen;

const BAKE: &str = "\
name: bake
description: Bakes bread.
language: 1
steps:
  knead: {tool: run_cmd, with: {argv: [knead]}, on_success: bake, on_failure: bake}
  bake:
    tool: run_cmd
    with: {argv: [bake]}
    capture: {crust: '${{ result.stdout }}'}
    max_visits: 2
    on_exceeded: burnt
    on_result:
      - {when: \"result.stdout == 'brown'\", route: served}
      - {when: \"result.stdout == 'pale'\", route: bake}
    on_failure: burnt
  served: {stop: {status: succeeded, message: 'A ${{ context.crust }} crust.'}}
  burnt: {stop: {status: failed, message: Burnt.}}
";

const TESTS: &str = "\
cases:
  - name: brown is good
    outcomes: {bake: {stdout: brown}}
    expect: {end: succeeded, path: [knead, bake, served], captures: {crust: brown}}
  - name: pale is baked again
    outcomes: {bake: [{stdout: pale}, {stdout: brown}]}
    expect: {end: succeeded, path: [knead, bake, served]}
";

#[test]
fn tests_of_recipes_are_run_and_their_differences_told() {
    let kitchen = Kitchen::with_recipe("bake", BAKE);
    assert_snapshot!("test_none", kitchen.refused(&["recipes", "test", "bake"]).exits(2));
    kitchen.recipe("bake.tests", TESTS);
    assert_snapshot!("test_differs", kitchen.run(["recipes", "test", "bake"]).exits(1));
    let report = kitchen.run(["recipes", "test", "--json"]).exits(1).json();
    let report = &report[0];
    assert_eq!((&report["failed"], &report["schema_version"]), (&json!(1), &json!(1)));
    let names: Vec<_> = report["recipes"].as_array().unwrap().iter().map(|one| &one["recipe"]).collect();
    assert_eq!(names, ["bake", "fix-tests", "hello"]);

    kitchen
        .recipe("bake.tests", &TESTS.replace("[knead, bake, served]}\n", "[knead, bake, bake, served]}\n"));
    let file = ".autoskillit/recipes/bake.tests.yaml";
    assert_snapshot!("test_passes", kitchen.run(["recipes", "test", file]).exits(0));
    kitchen.recipe("bake.tests", &TESTS.replace("bake: {stdout", "bak: {stdout"));
    assert_snapshot!("test_faulty", kitchen.run(["recipes", "test", "bake"]).exits(1));
}

#[test]
fn a_file_of_tests_is_no_recipe() {
    let kitchen = Kitchen::with_recipe("bake", BAKE);
    kitchen.recipe("bake.tests", TESTS);
    let list = kitchen.run(["recipes", "list", "--json"]).exits(0).json();
    let names: Vec<_> = list[0]["recipes"].as_array().unwrap().iter().map(|recipe| &recipe["name"]).collect();
    assert_eq!(names, ["bake", "fix-tests", "hello"]);
    kitchen.run(["recipes", "check", ".autoskillit/recipes/*.yaml"]).exits(0);
}

#[test]
fn bundled_recipes_keep_what_their_tests_say() {
    Kitchen::empty().run(["recipes", "test"]).exits(0);
}

#[test]
fn a_simulation_shows_the_shortest_path_to_what_is_wrong() {
    let kitchen = Kitchen::with_recipe("bake", BAKE);
    assert_snapshot!("simulate_fault", kitchen.run(["recipes", "simulate", "bake"]).exits(1));
    let report = kitchen.run(["recipes", "simulate", "bake", "--json"]).exits(1).json();
    let found = &report[0]["recipes"][0];
    assert_eq!((&found["findings"][0]["kind"], &found["sessions"]), (&json!("fault"), &json!(0)));
    assert_snapshot!("simulate_bundled", kitchen.run(["recipes", "simulate", "fix-tests"]).exits(0));
}

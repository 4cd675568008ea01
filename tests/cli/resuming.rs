//! Going on with a run: only with one that is there, whole, not over and not somebody else's.

use std::fs::File;
use std::path::PathBuf;

use insta::assert_snapshot;

use crate::binary::{Kitchen, completed, journal};

const SOUP: &str = "\
name: soup
description: Cooks soup.
steps:
  peel: {tool: run_cmd, with: {cmd: echo x >> peeled}, on_success: boil}
  boil: {tool: run_cmd, with: {argv: [test, -e, hot]}, on_success: served}
  served: {stop: {status: succeeded, message: Served.}}
";

/// A kitchen with a run that failed because something was missing.
fn failed() -> (Kitchen, PathBuf) {
    let kitchen = Kitchen::with_recipe("soup", SOUP);
    kitchen.run(["cook", "soup"]).exits(1);
    let run = kitchen.only_run();
    (kitchen, run)
}

fn id(run: &std::path::Path) -> &str {
    run.file_name().unwrap().to_str().unwrap()
}

#[test]
fn nothing_to_resume() {
    let kitchen = Kitchen::repository();
    assert_snapshot!("resume_without_runs", kitchen.refused(&["cook", "--resume"]).exits(2));
    assert_snapshot!("resume_unknown_run", kitchen.refused(&["cook", "--resume", "20200101"]).exits(2));
    assert_snapshot!("show_without_runs", kitchen.refused(&["runs", "show"]).exits(2));
}

#[test]
fn a_failed_step_is_tried_again_and_a_finished_run_is_over() {
    let (kitchen, run) = failed();
    kitchen.write("hot", "");
    assert_snapshot!("resumed", kitchen.run(["cook", "--resume", id(&run)]).exits(0));
    assert_eq!(kitchen.read("peeled"), "x\n", "a completed step runs once");
    assert_eq!(completed(&journal(&run)), ["peel.1.1", "boil.1.1", "boil.1.2"]);
    assert_snapshot!("resume_finished_run", kitchen.refused(&["cook", "--resume", id(&run)]).exits(2));
    assert_snapshot!("resume_unknown_among_runs", kitchen.refused(&["cook", "--resume", "2020"]).exits(2));
}

/// The recipe that a run goes on with is the one it started with.
#[test]
fn a_changed_recipe_does_not_change_a_run() {
    let (kitchen, _) = failed();
    kitchen.recipe("soup", "no recipe any more");
    kitchen.write("hot", "");
    kitchen.run(["cook", "--resume"]).exits(0);
}

#[test]
fn a_run_that_another_process_drives() {
    let (kitchen, run) = failed();
    let lock = File::open(run.join("lock")).unwrap();
    lock.lock().unwrap();
    assert_snapshot!("resume_locked_run", kitchen.refused(&["cook", "--resume", id(&run)]).exits(2));
    assert_snapshot!("list_locked_run", kitchen.run(["runs", "list"]).exits(0));
}

#[test]
fn a_damaged_journal() {
    let (kitchen, run) = failed();
    let text = kitchen_text(&run);
    let mut lines: Vec<&str> = text.lines().collect();
    lines[2] = "{ this is no entry }";
    std::fs::write(run.join("journal.ndjson"), lines.join("\n") + "\n").unwrap();
    assert_snapshot!("resume_damaged_journal", kitchen.refused(&["cook", "--resume", id(&run)]).exits(4));
    assert_snapshot!("show_damaged_journal", kitchen.refused(&["runs", "show"]).exits(4));
    assert_snapshot!("list_damaged_journal", kitchen.run(["runs", "list"]).exits(0));
}

#[test]
fn a_journal_of_a_newer_version() {
    let (kitchen, run) = failed();
    let text = kitchen_text(&run).replace("\"schema_version\":1", "\"schema_version\":2");
    std::fs::write(run.join("journal.ndjson"), text).unwrap();
    assert_snapshot!(kitchen.refused(&["cook", "--resume", id(&run)]).exits(4));
}

/// A last line that was cut off in the middle never happened: here it is the end of `boil`.
#[test]
fn a_torn_journal_goes_on() {
    let (kitchen, run) = failed();
    let text = kitchen_text(&run);
    let end_of_boil = text.trim_end().rfind('\n').unwrap();
    std::fs::write(run.join("journal.ndjson"), &text[..end_of_boil - 20]).unwrap();
    assert_snapshot!("show_torn_journal", kitchen.run(["runs", "show"]).exits(0));
    kitchen.write("hot", "");
    kitchen.run(["cook", "--resume"]).exits(0);
    assert_eq!(kitchen.read("peeled"), "x\n");
}

#[test]
fn a_run_without_its_recipe() {
    let (kitchen, run) = failed();
    std::fs::remove_file(run.join("recipe.yaml")).unwrap();
    assert_snapshot!(kitchen.refused(&["cook", "--resume", id(&run)]).exits(4));
}

#[test]
fn options_that_do_not_go_with_a_resume() {
    let (kitchen, run) = failed();
    assert_snapshot!(kitchen.refused(&["cook", "--resume", id(&run), "--set", "salt=1"]).exits(2));
}

/// A command that is told is one that works where it is read.
#[test]
fn how_to_go_on_is_told_for_where_the_user_is() {
    let (kitchen, run) = failed();
    let (top, id) = (kitchen.path().display().to_string(), id(&run));
    let mut command = kitchen.command(["-C", &top, "runs", "why", "--json"]);
    let why = kitchen.screen(command.current_dir(kitchen.root())).exits(0).json();
    let next = why[0]["next"].as_array().unwrap().last().unwrap();
    assert_eq!(*next, format!("go on: autoskillit -C {top} cook --resume {id}"));
    let why = kitchen.run(["runs", "why", "--json"]).exits(0).json();
    let next = why[0]["next"].as_array().unwrap().last().unwrap();
    assert_eq!(*next, format!("go on: autoskillit cook --resume {id}"));
}

/// What was prepared and could not begin left a folder and no entry: no command takes it for the last run.
#[test]
fn a_run_that_never_started_is_no_run() {
    let (kitchen, run) = failed();
    let empty = run.with_file_name("29991231-235959-ffff");
    std::fs::create_dir(&empty).unwrap();
    std::fs::copy(run.join("recipe.yaml"), empty.join("recipe.yaml")).unwrap();
    std::fs::write(empty.join("journal.ndjson"), "").unwrap();
    let shown = kitchen.run(["runs", "show"]).exits(0);
    assert!(shown.out.contains("boil"), "{shown}");
    kitchen.run(["runs", "why"]).exits(0);
    let listed = kitchen.run(["runs", "list"]).exits(0);
    assert!(!listed.out.contains("29991231"), "{listed}");
    let unknown = kitchen.refused(&["runs", "show", "29991231"]).exits(2);
    assert!(unknown.err.contains("there is no run `29991231`"), "{unknown}");
    kitchen.write("hot", "");
    kitchen.run(["cook", "--resume"]).exits(0);
}

fn kitchen_text(run: &std::path::Path) -> String {
    std::fs::read_to_string(run.join("journal.ndjson")).unwrap()
}

/// A run keeps the texts of its sub-recipes: what happens to their files later is none of its business.
#[test]
fn a_run_with_a_sub_recipe_goes_on_as_it_began() {
    let kitchen = Kitchen::with_recipe(
        "soup",
        "\
name: soup
language: 1
description: Cooks soup.
steps:
  cook: {sub_recipe: boil, inputs: {pot: red}, outputs: {heat: \"${{ context.heat }}\"}, on_success: served}
  served: {stop: {status: succeeded, message: 'Served ${{ context.heat }}.'}}
",
    );
    let part = kitchen.recipe(
        "sub-recipes/boil",
        "\
name: boil
language: 1
description: Boils.
ingredients: {pot: {description: Which, required: true}}
steps:
  light: {tool: run_cmd, with: {cmd: 'echo x >> lit'}, on_success: boil, on_failure: escalate}
  boil:
    tool: run_cmd
    with: {argv: [cat, hot]}
    capture: {heat: '${{ result.stdout | trim }} in ${{ inputs.pot }}'}
    on_success: done
    on_failure: out
  out: {action: route, on_result: [{route: gone}]}
  gone: {tool: run_cmd, with: {argv: [test, -e, late]}, on_success: done}
",
    );
    kitchen.run(["recipes", "check", "soup", "--deny", "warnings"]).exits(0);
    let shown = kitchen.run(["recipes", "show", "soup"]).exits(0).out;
    assert!(shown.contains("cook.boil"), "{shown}");
    kitchen.write("hot", "ninety\n");
    let cooked = kitchen.run(["cook", "soup"]).exits(0);
    assert!(format!("{}{}", cooked.out, cooked.err).contains("Served ninety in red."), "{}", cooked.err);
    std::fs::remove_file(kitchen.path().join("hot")).unwrap();
    kitchen.run(["cook", "soup"]).exits(1);
    std::fs::write(part, "name: boil\nsteps: {}\n").unwrap();
    kitchen.refused(&["recipes", "check", "soup"]).exits(2);
    kitchen.write("late", "");
    let resumed = kitchen.run(["cook", "--resume"]).exits(0);
    assert!(format!("{}{}", resumed.out, resumed.err).contains("Served in red."), "{}", resumed.err);
}

/// The rules were asked when the run began. Variables of the environment are read then, and only those that settings name.
#[test]
fn settings_of_recipes_hold_from_the_start_of_a_run() {
    let kitchen = Kitchen::with_recipe(
        "soup",
        "\
name: soup
language: 1
description: Cooks soup.
steps:
  boil:
    tool: run_cmd
    with: {argv: [test, -e, hot]}
    capture: {unread: '${{ result.exit_code }}'}
    on_success: served
  served: {stop: {status: succeeded, message: 'Served with ${{ env.SOUP_SALT }}.'}}
",
    );
    let refused = kitchen.refused(&["recipes", "check", "soup"]).exits(2);
    assert!(refused.err.contains("recipes.env"), "{refused}");
    let settings = |rules: &str| format!("recipes:\n  env: [SOUP_SALT]\n  rules: [{rules}]\n");
    kitchen.write(".autoskillit/config.yaml", settings("dead-output=off"));
    let mut cook = kitchen.command(["cook", "soup"]);
    kitchen.screen(cook.env("SOUP_SALT", "much salt")).exits(1);
    kitchen.write(".autoskillit/config.yaml", settings("dead-output=error"));
    kitchen.refused(&["recipes", "check", "soup"]).exits(2);
    kitchen.write("hot", "");
    let mut resume = kitchen.command(["cook", "--resume"]);
    let resumed = kitchen.screen(resume.env("SOUP_SALT", "no salt")).exits(0);
    assert!(format!("{}{}", resumed.out, resumed.err).contains("Served with much salt."), "{resumed}");
}

/// Defaults that are read, and the folder for passing files, are those of the start: a resumed run sees the same.
#[test]
fn what_was_read_at_the_start_of_a_run_stays() {
    let kitchen = Kitchen::with_recipe(
        "soup",
        "\
name: soup
description: Cooks soup.
autoskillit_version: '0.9'
ingredients:
  branch: {description: the branch, default_from: git.branch}
  tests: {description: how to test, default_from: detect.test_command}
  remote: {description: the remote, default_from: git.remote}
  limit: {description: seconds, type: int, default_from: config.test_check.timeout}
steps:
  boil:
    tool: run_cmd
    with: {argv: [test, -e, hot]}
    on_success: served
  served:
    action: stop
    message: 'On ${{ inputs.branch }}, ${{ inputs.tests }} in ${{ inputs.limit }}[${{ inputs.remote }}] with {{AUTOSKILLIT_TEMP}}/x.'
",
    );
    kitchen.write("Makefile", "test:\n\ttrue\n");
    kitchen.write(".autoskillit/config.yaml", "test_check: {timeout: 5m}\nworkspace: {temp_dir: passing}\n");
    let shown = kitchen.run(["recipes", "show", "soup"]);
    assert!(shown.out.contains("from git.branch"), "{shown}");
    let cooked = kitchen.screen(&mut kitchen.command(["cook", "soup"])).exits(1);
    let header = format!("{}{}", cooked.out, cooked.err);
    assert!(header.contains("branch = main (from git.branch)"), "{header}");
    assert!(header.contains("tests = make test (from detect.test_command: Makefile)"), "{header}");
    assert!(header.contains("limit = 300 (from config.test_check.timeout)"), "{header}");
    kitchen.write("hot", "");
    kitchen.write("Makefile", "check:\n\ttrue\n");
    kitchen
        .write(".autoskillit/config.yaml", "test_check: {timeout: 9m}\nworkspace: {temp_dir: elsewhere}\n");
    let resumed = kitchen.screen(&mut kitchen.command(["cook", "--resume"])).exits(0);
    let told = format!("{}{}", resumed.out, resumed.err);
    assert!(told.contains("On main, make test in 300[] with passing/x."), "{told}");
    let changes = kitchen.git(["status", "--porcelain", "--ignored=no"]);
    assert!(!changes.contains("passing"), "the folder keeps itself out of the repository: {changes}");
}

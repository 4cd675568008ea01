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
    kitchen.run(["cook", "--resume", "--rerun"]).exits(0);
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

/// The run of [`failed`], cut off in the middle of `boil`.
fn cut_off() -> (Kitchen, PathBuf) {
    let (kitchen, run) = failed();
    cut(&run, "step_ended", "boil");
    (kitchen, run)
}

/// Takes everything from an entry of a step on out of a journal.
fn cut(run: &std::path::Path, event: &str, step: &str) {
    let text = kitchen_text(run);
    let mark = format!("\"event\":\"{event}\",\"step\":\"{step}\"");
    let kept = text.lines().take_while(|line| !line.contains(&mark));
    let kept: String = kept.map(|line| format!("{line}\n")).collect();
    assert_ne!(kept, text);
    std::fs::write(run.join("journal.ndjson"), kept).unwrap();
}

/// What a later version wrote can be looked at; only that version can go on with it.
#[test]
fn an_entry_that_this_version_does_not_know() {
    let (kitchen, run) = failed();
    let text = kitchen_text(&run);
    let seq = text.lines().count() + 1;
    let line = |optional: bool| {
        let line = serde_json::json!({
            "schema_version": 1, "seq": seq, "at": "2026-01-02T03:04:05Z", "event": "soup_tasted", "optional": optional,
        });
        format!("{text}{line}\n")
    };
    std::fs::write(run.join("journal.ndjson"), line(false)).unwrap();
    let shown = kitchen.run(["runs", "show"]).exits(0);
    assert!(shown.out.contains("`soup_tasted`, which this version does not know"), "{shown}");
    assert!(!shown.out.contains("go on:"), "{shown}");
    assert_eq!(
        kitchen.run(["runs", "show", "--json"]).exits(0).json().last().unwrap()["event"],
        "soup_tasted"
    );
    kitchen.run(["runs", "why"]).exits(0);
    assert_snapshot!("resume_unknown_entry", kitchen.refused(&["cook", "--resume", id(&run)]).exits(4));
    kitchen.refused(&["cook", "--resume"]).exits(2);
    std::fs::write(run.join("journal.ndjson"), line(true)).unwrap();
    kitchen.write("hot", "");
    kitchen.run(["cook", "--resume"]).exits(0);
}

#[test]
fn a_journal_with_a_gap_or_two_minds() {
    let (kitchen, run) = failed();
    let text = kitchen_text(&run);
    let lines: Vec<&str> = text.lines().collect();
    let write = |lines: &[&str]| std::fs::write(run.join("journal.ndjson"), lines.join("\n") + "\n").unwrap();
    write(&[&lines[..2], &lines[3..]].concat());
    let gap = kitchen.refused(&["cook", "--resume"]).exits(2);
    assert!(gap.err.contains("no run to resume"), "{gap}");
    let gap = kitchen.refused(&["cook", "--resume", id(&run)]).exits(4);
    assert!(gap.err.contains("journal.ndjson:3: not a journal entry (it is entry 4"), "{gap}");
    let other = lines[2].replace("peel", "boil");
    assert_ne!(other, lines[2]);
    write(&[&lines[..3], &[other.as_str()], &lines[3..]].concat());
    let differ = kitchen.refused(&["runs", "show"]).exits(4);
    assert!(differ.err.contains("there are two entries 3, and they differ"), "{differ}");
    write(&[&lines[..3], &lines[2..]].concat());
    kitchen.write("hot", "");
    kitchen.run(["cook", "--resume"]).exits(0);
    assert_eq!(kitchen.read("peeled"), "x\n");
}

#[test]
fn a_changed_recipe_is_told_and_taken_when_accepted() {
    let (kitchen, run) = failed();
    let changed = SOUP.replace("[test, -e, hot]", "[test, -e, warm]").replace("Served.", "Served warm.");
    kitchen.recipe("soup", &changed);
    assert_snapshot!("resume_changed_recipe", kitchen.run(["cook", "--resume"]).exits(1));
    kitchen.write("warm", "");
    // It is kept from now on, whatever happens to the file.
    let accepted = kitchen.run(["cook", "--resume", "--accept-recipe"]).exits(0);
    assert_snapshot!("resume_accepted_recipe", hashless(&accepted.to_string()));
    let entries = journal(&run);
    let entry = entries.iter().find(|entry| entry["event"] == "recipe_accepted").unwrap();
    assert_eq!(entry["was"], entries[0]["recipe_hash"]);
    let kept = run.join(entry["folder"].as_str().unwrap()).join("recipe.yaml");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), changed);
    assert_eq!(
        std::fs::read_to_string(run.join("recipe.yaml")).unwrap(),
        SOUP,
        "the old one is kept beside it"
    );
}

fn hashless(text: &str) -> String {
    let hash = regex::Regex::new(r"\b[0-9a-f]{12}\b").unwrap();
    hash.replace_all(text, "[hash]").into_owned()
}

#[test]
fn an_accepted_recipe_stays_with_the_run() {
    let (kitchen, _) = failed();
    kitchen.recipe("soup", &SOUP.replace("[test, -e, hot]", "[test, -e, warm]"));
    kitchen.run(["cook", "--resume", "--accept-recipe"]).exits(1);
    let same = kitchen.run(["cook", "--resume", "--accept-recipe"]).exits(1);
    assert!(same.err.contains("there is nothing to accept"), "{same}");
    kitchen.recipe("soup", "no recipe any more");
    kitchen.write("warm", "");
    let resumed = kitchen.run(["cook", "--resume"]).exits(0);
    assert!(resumed.err.contains("the recipe changed since"), "{resumed}");
}

#[test]
fn a_changed_recipe_that_does_not_fit_the_run() {
    let (kitchen, run) = failed();
    for (text, why) in [
        (SOUP.replace("boil", "fry"), "the run stands at `boil`, and there is no such step any more"),
        (
            SOUP.replace("[test, -e, hot]", "[test, '${{ context.salt }}']").replace(
                "echo x >> peeled}, ",
                "echo x >> peeled}, capture: {salt: '${{ result.stdout }}'}, ",
            ),
            "`boil` reads `context.salt`, which this run has not set",
        ),
        (
            SOUP.replace("steps:", "ingredients: {salt: {required: true}}\nsteps:"),
            "`salt` is new and required",
        ),
        (SOUP.replace("on_success: boil", "on_success: bake"), "bake"),
    ] {
        kitchen.recipe("soup", &text);
        let refused = kitchen.refused(&["cook", "--resume", id(&run), "--accept-recipe"]).exits(2);
        assert!(refused.err.contains(why), "{why}: {refused}");
    }
    kitchen.write("hot", "");
    kitchen.run(["cook", "--resume"]).exits(0);
}

/// A recipe that was named as a file is compared with that file.
#[test]
fn a_changed_file_and_a_changed_sub_recipe() {
    let kitchen = Kitchen::repository();
    kitchen.write(
        "plans/soup.yaml",
        format!(
            "language: 1\n{}",
            SOUP.replace("peel: {tool: run_cmd, with: {cmd: echo x >> peeled},", "peel: {sub_recipe: peel,")
        ),
    );
    let part = "name: peel\nlanguage: 1\ndescription: Peels.\nsteps:\n  a: {tool: run_cmd, with: {cmd: echo x >> peeled}, on_success: done}\n";
    kitchen.recipe("sub-recipes/peel", part);
    kitchen.run(["cook", "plans/soup.yaml"]).exits(1);
    kitchen.recipe("sub-recipes/peel", &part.replace("echo x", "echo y"));
    let resumed = kitchen.run(["cook", "--resume"]).exits(1);
    assert!(
        resumed.err.contains("sub-recipes/peel.yaml, now") && resumed.err.contains("echo y"),
        "{resumed}"
    );
    kitchen.run(["cook", "--resume", "--accept-recipe"]).exits(1);
    let text = kitchen.read("plans/soup.yaml");
    kitchen.write("plans/soup.yaml", text.replace("hot", "warm"));
    let resumed = kitchen.run(["cook", "--resume"]).exits(1);
    assert!(resumed.err.contains("plans/soup.yaml, now") && !resumed.err.contains("echo y"), "{resumed}");
    kitchen.write("warm", "");
    kitchen.run(["cook", "--resume", "--accept-recipe"]).exits(0);
}

#[test]
fn a_command_that_was_cut_off_is_asked_about() {
    let (kitchen, run) = cut_off();
    assert_snapshot!("resume_cut_off_command", kitchen.refused(&["cook", "--resume"]).exits(130));
    let json = kitchen.run(["cook", "--resume", "--json"]).exits(130).out;
    assert_snapshot!("resume_cut_off_command_json", kitchen.filtered(&json));
    assert_snapshot!("resume_skipped_command", kitchen.run(["cook", "--resume", "--skip"]).exits(0));
    assert_eq!(completed(&journal(&run)), ["peel.1.1"]);

    let (kitchen, run) = cut_off();
    kitchen.write("hot", "");
    kitchen.run(["cook", "--resume", "--rerun"]).exits(0);
    assert_eq!(completed(&journal(&run)), ["peel.1.1", "boil.1.1"]);

    // Its folder is made before the command begins: without it nothing ran.
    let (kitchen, run) = cut_off();
    std::fs::remove_dir_all(run.join("commands/boil.1.1")).unwrap();
    kitchen.write("hot", "");
    kitchen.run(["cook", "--resume"]).exits(0);
}

#[test]
fn an_idempotent_command_that_was_cut_off_runs_again() {
    let kitchen = Kitchen::with_recipe(
        "soup",
        &SOUP.replace("argv: [test, -e, hot]", "argv: [test, -e, hot], idempotent: true"),
    );
    kitchen.run(["cook", "soup"]).exits(1);
    cut(&kitchen.only_run(), "step_ended", "boil");
    kitchen.write("hot", "");
    assert_snapshot!(kitchen.run(["cook", "--resume"]).exits(0));
}

/// What a step sets is needed later, so it cannot count as done.
#[test]
fn a_step_that_sets_what_is_needed_cannot_be_passed_over() {
    let kitchen = Kitchen::with_recipe(
        "soup",
        "\
name: soup
language: 1
description: Cooks soup.
steps:
  boil: {tool: run_cmd, with: {argv: [date]}, capture: {heat: '${{ result.stdout }}'}, on_success: served}
  served: {stop: {status: succeeded, message: 'Served ${{ context.heat }}.'}}
",
    );
    kitchen.run(["cook", "soup"]).exits(0);
    cut(&kitchen.only_run(), "step_ended", "boil");
    let refused = kitchen.refused(&["cook", "--resume", "--skip"]).exits(2);
    assert!(refused.err.contains("`served` reads `context.heat`"), "{refused}");
    kitchen.run(["cook", "--resume", "--rerun"]).exits(0);
}

#[test]
fn flags_about_a_step_that_was_cut_off() {
    let (kitchen, run) = failed();
    let refused = kitchen.refused(&["cook", "--resume", id(&run), "--skip"]).exits(2);
    assert!(refused.err.contains("there is nothing to pass over"), "{refused}");
    kitchen.refused(&["cook", "--resume", id(&run), "--skip", "--rerun"]).exits(2);
    for flag in ["--skip", "--rerun", "--accept-recipe"] {
        kitchen.refused(&["cook", "soup", flag]).exits(2);
    }
    kitchen.write("hot", "");
    kitchen.run(["cook", "--resume", "--rerun"]).exits(0);
}

#[test]
fn a_repository_that_moved_takes_its_runs_along() {
    let (kitchen, run) = failed();
    kitchen.write("hot", "");
    let moved = kitchen.root().join("moved");
    std::fs::rename(kitchen.path(), &moved).unwrap();
    let mut resume = kitchen.command(["-C", &moved.display().to_string(), "cook", "--resume"]);
    let resumed = kitchen.screen(resume.current_dir(&moved)).exits(0);
    assert_snapshot!("resume_moved", resumed);
    let run = moved.join(run.strip_prefix(kitchen.path()).unwrap());
    let entries = journal(&run);
    let entry = entries.iter().find(|entry| entry["event"] == "moved").unwrap();
    let place = |path: &std::path::Path| serde_json::Value::from(path.display().to_string());
    assert_eq!((&entry["from"], &entry["to"]), (&place(kitchen.path()), &place(&moved)));
}

#[test]
fn a_run_of_another_repository() {
    let (kitchen, run) = failed();
    let other = Kitchen::named("other");
    other.write("other", "other\n");
    let other = other.with_commit();
    let there = other.path().join(".autoskillit/runs").join(id(&run));
    std::fs::create_dir_all(&there).unwrap();
    for file in ["journal.ndjson", "recipe.yaml", "lock"] {
        std::fs::copy(run.join(file), there.join(file)).unwrap();
    }
    let refused = other.refused(&["cook", "--resume"]).exits(2);
    assert!(refused.err.contains("belongs to another repository: it began in"), "{refused}");
    kitchen.write("hot", "");
    kitchen.run(["cook", "--resume"]).exits(0);
}

/// Two processes and one run: the second is told who the first is.
#[test]
fn a_run_belongs_to_one_process_at_a_time() {
    let kitchen = Kitchen::with_recipe("soup", &SOUP.replace("[test, -e, hot]", "[sleep, '600']"));
    let mut first = kitchen.command(["cook", "soup"]).stdout(std::process::Stdio::null()).spawn().unwrap();
    let run = crate::binary::until("the step", || {
        let run = std::fs::read_dir(kitchen.path().join(".autoskillit/runs")).ok()?.flatten().next()?.path();
        kitchen_text_of(&run)?.contains("\"step\":\"boil\"").then_some(run)
    });
    let pid = first.id();
    let named = |text: &str| {
        let text = text.replace(&pid.to_string(), "[pid]");
        let place = regex::Regex::new(r"on \S+ since [0-9-]+ \[time\] UTC: `\S*autoskillit").unwrap();
        place.replace_all(&kitchen.filtered(&text), "on [host] since [then]: `autoskillit").into_owned()
    };
    let second = kitchen.run(["cook", "--resume", id(&run)]).exits(2);
    assert_eq!(second.out, "");
    assert_snapshot!("resume_driven_run", named(&second.err.replace('\n', " ")));
    let listed = kitchen.run(["runs", "list", "--json"]).exits(0).json();
    let owner = &listed[0]["runs"][0]["owner"];
    assert_eq!((&owner["pid"], listed[0]["runs"][0]["resumable"].as_bool()), (&pid.into(), Some(false)));
    let listed = kitchen.run(["runs", "list"]).exits(0);
    assert!(listed.out.contains(&format!("cooking, pid {pid}")), "{listed}");
    let shown = kitchen.run(["runs", "show"]).exits(0);
    assert!(shown.out.contains(&format!("still cooking by process {pid} on ")), "{shown}");

    // One that is killed holds nobody up.
    first.kill().unwrap();
    first.wait().unwrap();
    let listed = kitchen.run(["runs", "list", "--json"]).exits(0).json();
    assert_eq!(listed[0]["runs"][0].get("owner"), None);
    kitchen.run(["cook", "--resume", id(&run), "--skip"]).exits(0);
}

fn kitchen_text_of(run: &std::path::Path) -> Option<String> {
    std::fs::read_to_string(run.join("journal.ndjson")).ok()
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

//! What is wrong is said before anything is written: with its exit code, in words, and how to mend it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use insta::assert_snapshot;

use crate::binary::{Kitchen, skipped};

/// A recipe that only asks for ingredients.
const ASKING: &str = "\
name: asking
description: Asks for ingredients.
ingredients:
  dish: {description: What to cook, required: true}
  guests: {description: How many eat, type: int, default: 2}
steps:
  serve:
    tool: run_cmd
    with: {argv: [echo, '${{ inputs.dish }}']}
    on_success: served
  served: {stop: {status: succeeded, message: 'Served.'}}
";

/// A client that leaves a mark when it is run.
const STUB: &str = "#!/bin/sh\ntouch \"$HOME/client-was-run\"\nexit 1\n";

fn faulty(text: &str) -> String {
    Kitchen::with_recipe("soup", text).refused(&["cook", "soup"]).exits(2).to_string()
}

fn with_steps(steps: &str) -> String {
    format!("name: soup\ndescription: Cooks soup.\ningredients:\n  salt: {{default: ''}}\nsteps:\n{steps}")
}

#[test]
fn an_unknown_recipe() {
    let kitchen = Kitchen::repository();
    assert_snapshot!("unknown_recipe_near", kitchen.refused(&["cook", "fix-test"]).exits(2));
    assert_snapshot!("unknown_recipe_far", kitchen.refused(&["cook", "zzz"]).exits(2));
    assert_snapshot!("unknown_recipe_file", kitchen.refused(&["cook", "./absent.yaml"]).exits(2));
    let json = kitchen.run(["cook", "fix-test", "--json"]).exits(2);
    let line = &json.json()[0];
    assert_eq!((line["event"].as_str(), line["exit_code"].as_u64()), (Some("error"), Some(2)), "{json}");
}

#[test]
fn no_recipe_and_nobody_to_choose() {
    assert_snapshot!(Kitchen::repository().refused(&["cook"]).exits(2));
}

#[test]
fn a_faulty_recipe() {
    assert_snapshot!("recipe_broken_yaml", faulty("name: soup\nsteps: {a: {action: route\nother: x\n"));
    assert_snapshot!(
        "recipe_unknown_key",
        faulty(&with_steps("  a:\n    action: route\n    on_sucess: done\n    on_success: done\n"))
    );
    assert_snapshot!(
        "recipe_duplicate_key",
        faulty(&with_steps("  a:\n    action: route\n    on_success: done\n    action: route\n"))
    );
    assert_snapshot!(
        "recipe_dangling_route",
        faulty(&with_steps(
            "  peel:\n    action: route\n    on_success: boill\n  boil: {action: stop, message: x}\n"
        ))
    );
    assert_snapshot!(
        "recipe_unquoted_interpolation",
        faulty(&with_steps(
            "  a:\n    tool: run_cmd\n    with:\n      cmd: echo ${{ inputs.salt }}\n    on_success: done\n"
        ))
    );
}

#[test]
fn a_recipe_that_is_no_text() {
    let kitchen = Kitchen::repository();
    std::fs::create_dir_all(kitchen.path().join(".autoskillit/recipes/folder.yaml")).unwrap();
    kitchen.write(".autoskillit/recipes/latin.yaml", b"name: latin\ndescription: Cr\xe8me\n");
    assert_snapshot!("recipe_is_a_folder", kitchen.refused(&["cook", "folder"]).exits(2));
    assert_snapshot!("recipe_not_utf8", kitchen.refused(&["cook", "latin"]).exits(2));
}

#[test]
fn wrong_ingredients() {
    let kitchen = Kitchen::with_recipe("asking", ASKING);
    let said = |args: &[&str]| kitchen.refused(&[&["cook", "asking"], args].concat()).exits(2).to_string();
    assert_snapshot!("ingredient_missing", said(&[]));
    assert_snapshot!("ingredient_unknown", said(&["dihs=soup"]));
    assert_snapshot!("ingredient_of_wrong_type", said(&["dish=soup", "guests=many"]));
    assert_snapshot!("ingredient_twice", said(&["dish=soup", "--set", "dish=stew"]));
    assert_snapshot!("ingredient_without_value", said(&["soup"]));
}

#[test]
fn no_repository() {
    assert_snapshot!("not_a_repository", Kitchen::empty().refused(&["cook", "fix-tests"]).exits(4));
    assert_snapshot!("runs_outside_a_repository", Kitchen::empty().refused(&["runs", "list"]).exits(4));
    let bare = Kitchen::empty();
    bare.git(["init", "--quiet", "--bare"]);
    assert_snapshot!("bare_repository", bare.refused(&["cook", "fix-tests"]).exits(4));
}

#[test]
fn no_git() {
    let kitchen = Kitchen::repository();
    let screen = kitchen.refuses(kitchen.command(["cook", "hello"]).env("PATH", kitchen.root().join("bin")));
    assert_snapshot!(screen.exits(4));
}

#[test]
fn no_client() {
    assert_snapshot!(Kitchen::repository().refused(&["cook", "hello"]).exits(4));
}

#[test]
fn root_outside_a_sandbox() {
    if !nix::unistd::geteuid().is_root() {
        skipped("these tests do not run as root");
        return;
    }
    let kitchen = Kitchen::repository();
    kitchen.program("claude", STUB);
    let screen = kitchen.refuses(kitchen.command(["cook", "hello"]).env_remove("IS_SANDBOX"));
    assert_snapshot!(screen.exits(4));
    assert!(!kitchen.root().join("home/client-was-run").exists());
}

#[test]
fn a_dirty_checkout() {
    let kitchen = Kitchen::repository();
    kitchen.program("claude", STUB);
    kitchen.write("README.md", "# Stew\n");
    for number in 1..=6 {
        kitchen.write(&format!("note {number}.txt"), "");
    }
    assert_snapshot!("dirty_checkout", kitchen.refused(&["cook", "fix-tests"]).exits(4));

    // On top of them, when asked to; the tests pass, so no session is needed.
    let before = kitchen.read("README.md");
    kitchen.run(["cook", "fix-tests", "--allow-dirty", "test_command=true"]).exits(0);
    assert_eq!(kitchen.read("README.md"), before);

    // What only reads is not concerned: the client was run, as far as this one got.
    let screen = kitchen.run(["cook", "hello"]).exits(4);
    assert!(screen.err.contains("the client ended with exit code 1"), "{screen}");
    assert!(kitchen.root().join("home/client-was-run").exists());
}

#[test]
fn faulty_settings() {
    let said = |text: &str| {
        let kitchen = Kitchen::repository();
        kitchen.write(".autoskillit/config.yaml", text);
        kitchen.refused(&["cook", "hello"]).exits(2).to_string()
    };
    assert_snapshot!("settings_unknown_key", said("session:\n  permision: bypass\n"));
    assert_snapshot!("settings_unknown_value", said("session:\n  permissions: everything\n"));
    assert_snapshot!("settings_wrong_type", said("test_check:\n  timeout: soon\n"));
    assert_snapshot!("settings_broken_yaml", said("session: [\n"));
}

#[test]
fn options_that_make_no_sense() {
    let kitchen = Kitchen::repository();
    let said = |args: &[&str]| kitchen.refused(args).exits(2).to_string();
    assert_snapshot!("pace_negative", said(&["cook", "hello", "--rehearse", "--pace=-1"]));
    assert_snapshot!("pace_no_number", said(&["cook", "hello", "--rehearse", "--pace", "fast"]));
    assert_snapshot!("pace_not_a_number", said(&["cook", "hello", "--rehearse", "--pace", "NaN"]));
    assert_snapshot!("scenario_unknown", said(&["cook", "hello", "--rehearse", "helo"]));
    assert_snapshot!("rehearsal_of_nothing", said(&["cook", "--rehearse"]));
    assert_snapshot!("rehearsal_of_unknown_recipe", said(&["cook", "helo", "--rehearse"]));
    assert_snapshot!("folder_unknown", said(&["-C", "absent", "cook", "hello"]));
    assert_snapshot!("command_unknown", said(&["cok"]));
    assert_snapshot!("no_command", said(&[]));
    assert!(kitchen.stages().is_empty(), "no scratch copy is made for what is refused");
}

/// A repository may be called anything.
#[test]
fn odd_folder_names() {
    let recipe = "\
name: touch
description: Writes a file.
steps:
  write:
    tool: run_cmd
    with: {argv: [sh, -c, 'pwd > \"$1\"', sh, '${{ run.repository }}/here']}
    on_success: written
  written: {stop: {status: succeeded, message: Written.}}
";
    for name in ["with blanks", "it's \"quoted\"", "Küche", "-rf", "$(touch x);#", "line\nbreak"] {
        let kitchen = Kitchen::named(name).with_commit();
        kitchen.recipe("touch", recipe);
        kitchen.run(["cook", "touch"]).exits(0);
        assert_eq!(kitchen.read("here"), format!("{}\n", kitchen.path().display()), "{name:?}");
        kitchen.run(["cook", "touch", "--rehearse"]).exits(0);
        kitchen.run(["runs", "show"]).exits(0);
        let from_outside = kitchen.command(["cook", "touch", "-C"]).arg(kitchen.path()).output().unwrap();
        assert!(from_outside.status.success(), "{name:?}");
    }
}

/// Arguments that are no text are refused in words too.
#[test]
fn arguments_that_are_no_text() {
    let kitchen = Kitchen::repository();
    let screen = kitchen.refuses(kitchen.command(["cook"]).arg(OsStr::from_bytes(b"so\xfcp")));
    assert_snapshot!(screen.exits(2));
}

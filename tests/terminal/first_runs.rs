//! The first `cook` of a person on machines of all kinds: what is on the screen, and that it ends in words.

use std::process::Command;

use insta::assert_snapshot;
use serde_json::json;

use crate::binary::{Kitchen, READ_ONLY, assert_same, can_mount};
use crate::pty::Pty;
use crate::support::api::{Reply, Script, ScriptedApi};
use crate::support::client::{isolated_env, require_client};

/// A client of long ago: it knows its version, and refuses options that came after it.
const OLD_CLIENT: &str = "#!/bin/sh
for word; do
  case $word in
    --version) echo '1.0.3 (Claude Code)'; exit 0 ;;
    --session-id) echo \"error: unknown option '$word'\" >&2; exit 1 ;;
  esac
done
echo 'this old client runs' >&2
exit 1
";

/// Puts the real client on the PATH of a command and gives it a model.
fn staff<'a>(kitchen: &Kitchen, api: &ScriptedApi, command: &'a mut Command) -> Option<&'a mut Command> {
    let client = require_client()?;
    let link = kitchen.root().join("bin/claude");
    if !link.exists() {
        std::os::unix::fs::symlink(client, link).unwrap();
    }
    // Who the person is to git is not for this helper to say, and scratch space is where it is for others.
    let own = isolated_env(api, &kitchen.root().join("home")).into_iter();
    Some(command.envs(
        own.filter(|(name, _)| !name.starts_with("GIT_") && name != "PATH" && !name.ends_with("TMPDIR")),
    ))
}

/// A model that has looked around.
fn looked(evidence: &str) -> ScriptedApi {
    let answer = json!({"summary": "A soup.", "test_command": "", "evidence": evidence});
    ScriptedApi::play(Script::new().turn(Reply::structured_output(answer)).then_always(Reply::text("Done.")))
}

/// Cooks to the end, and gives what can be read then.
#[track_caller]
fn cooked(kitchen: &Kitchen, command: &mut Command, code: i32) -> String {
    let mut pty = Pty::spawn(command, 100);
    assert_eq!(pty.ends(), code, "{}", pty.text());
    pty.is_tidy();
    steady(&kitchen.filtered(&pty.text()))
}

/// Without what a session used: that is the client's to say, and changes with it.
fn steady(text: &str) -> String {
    let figures = regex::Regex::new(r"\d+ turns?|[\d.]+k? tokens|\$\d+\.\d+").unwrap();
    figures.replace_all(text, "[figure]").into_owned()
}

#[test]
fn an_empty_repository() {
    let kitchen = Kitchen::empty();
    kitchen.git(["init", "--quiet", "--initial-branch=main"]);
    assert_snapshot!("cook_fix_tests_in_an_empty_repository", {
        kitchen.program("claude", OLD_CLIENT);
        let text = cooked(&kitchen, &mut kitchen.command(["cook", "fix-tests"]), 2);
        std::fs::remove_file(kitchen.root().join("bin/claude")).unwrap();
        text
    });
    let api = looked("README.md");
    let mut command = kitchen.command(["cook", "hello"]);
    let Some(command) = staff(&kitchen, &api, &mut command) else { return };
    assert_snapshot!("cook_hello_in_an_empty_repository", cooked(&kitchen, command, 1));
    // A file is evidence before it was ever committed.
    kitchen.write("README.md", "# Soup\n");
    let api = looked("README.md");
    let mut command = kitchen.command(["cook", "hello"]);
    let Some(command) = staff(&kitchen, &api, &mut command) else { return };
    assert_snapshot!("cook_hello_before_the_first_commit", cooked(&kitchen, command, 0));
}

#[test]
fn odd_paths() {
    let kitchen = Kitchen::named("Grandma's \"best\" soups/Süppchen").with_commit();
    let api = looked("README.md");
    let mut command = kitchen.command(["cook", "hello", "-C"]);
    command.arg(kitchen.path()).current_dir("/");
    let Some(command) = staff(&kitchen, &api, &mut command) else { return };
    assert_snapshot!("cook_odd_path", cooked(&kitchen, command, 0));
}

#[test]
fn no_client() {
    let kitchen = Kitchen::repository();
    let before = kitchen.tree();
    assert_snapshot!("cook_no_client", cooked(&kitchen, &mut kitchen.command(["cook", "hello"]), 4));
    assert_same(&before, &kitchen.tree());
}

#[test]
fn an_old_client() {
    let kitchen = Kitchen::repository();
    kitchen.program("claude", OLD_CLIENT);
    assert_snapshot!("cook_old_client", cooked(&kitchen, &mut kitchen.command(["cook", "hello"]), 4));
}

/// How a client refuses an option is what an old one is recognised by.
#[test]
fn the_real_client_refuses_options_like_the_old_one() {
    let kitchen = Kitchen::repository();
    let api = looked("README.md");
    let mut command = Command::new("claude");
    kitchen.quiet_env(&mut command);
    let Some(command) = staff(&kitchen, &api, &mut command) else { return };
    let output = command.args(["-p", "--no-such-option"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with("error: unknown option '--no-such-option'\n"), "{said}");
}

/// Reading needs no name; a command that commits says what git says.
#[test]
fn no_git_identity() {
    let kitchen = Kitchen::repository();
    kitchen.git(["config", "--unset", "user.name"]);
    kitchen.git(["config", "--unset", "user.email"]);
    kitchen.git(["config", "user.useConfigOnly", "true"]);
    kitchen.recipe(
        "keep",
        "name: keep
description: Commits what is there.
steps:
  commit: {tool: run_cmd, with: {argv: [git, commit, --allow-empty, --message, Soup]}, on_success: kept}
  kept: {stop: {status: succeeded, message: Kept.}}
",
    );
    assert_snapshot!(
        "cook_commit_without_identity",
        cooked(&kitchen, &mut kitchen.command(["cook", "keep"]), 1)
    );
    let api = looked("README.md");
    let mut command = kitchen.command(["cook", "hello"]);
    let Some(command) = staff(&kitchen, &api, &mut command) else { return };
    assert_snapshot!("cook_hello_without_identity", cooked(&kitchen, command, 0));
}

#[test]
fn a_read_only_home() {
    if !can_mount() {
        return;
    }
    let kitchen = Kitchen::repository();
    let api = looked("README.md");
    let script = format!("(cd \"$HOME\" && {READ_ONLY}) && exec \"$0\" cook hello");
    let mut command = kitchen.mounted(&script);
    let Some(command) = staff(&kitchen, &api, &mut command) else { return };
    let mut pty = Pty::spawn(command, 100);
    let code = pty.ends();
    pty.is_tidy();
    assert_snapshot!(
        "cook_read_only_home",
        format!("exit: {code}\n{}", steady(&kitchen.filtered(&pty.text())))
    );
}

#[test]
fn malformed_settings() {
    let kitchen = Kitchen::repository();
    kitchen.write(".autoskillit/config.yaml", "session:\n  permissions: everything\n  enf: {}\n");
    let before = kitchen.tree();
    assert_snapshot!("cook_malformed_settings", cooked(&kitchen, &mut kitchen.command(["cook", "hello"]), 2));
    assert_same(&before, &kitchen.tree());
}

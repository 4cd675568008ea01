//! What `doctor` shows in a terminal.

use std::fs;
use std::process::Command;

use insta::assert_snapshot;

use crate::binary::{Kitchen, READ_ONLY, can_mount};
use crate::checkup::{client, command, healthy, make_healthy, tidy};
use crate::pty::Pty;

/// The screen of a command that ends with this code.
#[track_caller]
fn shown(kitchen: &Kitchen, command: &mut Command, columns: u16, code: i32) -> String {
    let mut pty = Pty::spawn(command, columns);
    assert_eq!(pty.ends(), code, "{}", pty.text());
    pty.is_tidy();
    tidy(kitchen, &pty.text())
}

#[test]
fn a_healthy_repository() {
    let kitchen = healthy();
    // Short lines only: how much room there is must not decide how they wrap.
    kitchen.write(".autoskillit/.gitignore", "/runs/\n");
    for dir in ["home/.claude", "home/.config/autoskillit"] {
        fs::create_dir_all(kitchen.root().join(dir)).unwrap();
    }
    assert_snapshot!("doctor_healthy", shown(&kitchen, &mut command(&kitchen, &[]), 100, 0));
    let screen = shown(&kitchen, command(&kitchen, &[]).env("LC_ALL", "C"), 100, 0);
    assert!(screen.is_ascii() && screen.contains("  + login"), "{screen}");
}

#[test]
fn an_empty_repository() {
    let kitchen = Kitchen::empty();
    make_healthy(&kitchen);
    kitchen.git(["init", "--quiet", "--initial-branch=main"]);
    assert_snapshot!("doctor_empty", shown(&kitchen, &mut command(&kitchen, &["--quiet"]), 80, 0));
}

#[test]
fn clients() {
    let kitchen = healthy();
    client(&kitchen, "2.1.100");
    assert_snapshot!("doctor_old_client", shown(&kitchen, &mut command(&kitchen, &["--quiet"]), 80, 0));
    assert_snapshot!("doctor_old_client_40", shown(&kitchen, &mut command(&kitchen, &["--quiet"]), 40, 0));
    client(&kitchen, "1.0.128");
    assert_snapshot!("doctor_too_old_client", shown(&kitchen, &mut command(&kitchen, &["--quiet"]), 80, 4));
    fs::remove_file(kitchen.root().join("bin/claude")).unwrap();
    assert_snapshot!("doctor_no_client", shown(&kitchen, &mut command(&kitchen, &["--quiet"]), 80, 4));
}

#[test]
fn no_identity() {
    let kitchen = healthy();
    kitchen.git(["config", "--unset", "user.name"]);
    assert_snapshot!("doctor_no_identity", shown(&kitchen, &mut command(&kitchen, &["--quiet"]), 80, 0));
}

#[test]
fn malformed_settings() {
    let kitchen = healthy();
    kitchen.write(".autoskillit/.gitignore", "/runs/\n");
    kitchen.write(".autoskillit/config.yaml", "session:\n  permissions: bypas\n");
    assert_snapshot!(
        "doctor_malformed_settings",
        shown(&kitchen, &mut command(&kitchen, &["--quiet"]), 80, 4)
    );
}

#[test]
fn a_read_only_home() {
    if !can_mount() {
        return;
    }
    let kitchen = healthy();
    let mut command =
        kitchen.mounted(&format!("(cd \"$HOME\" && {READ_ONLY}) && exec \"$0\" doctor --quiet"));
    command.env("ANTHROPIC_API_KEY", "sk-ant-not-a-real-one");
    assert_snapshot!("doctor_read_only_home", shown(&kitchen, &mut command, 80, 0));
}

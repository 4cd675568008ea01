//! Disks that cannot be written to: read-only and full. They are made in a private mount namespace.

use insta::assert_snapshot;

use crate::binary::{Kitchen, READ_ONLY, Screen, can_mount};

const SOUP: &str = "\
name: soup
description: Cooks soup until the pot is full.
steps:
  peel: {tool: run_cmd, with: {cmd: echo x >> peeled}, on_success: pour}
  pour:
    tool: run_cmd
    with: {cmd: '[ -e \"$HOME/poured\" ] || { touch \"$HOME/poured\"; cat /dev/zero > water 2>/dev/null; true; }'}
    on_success: ladle
  ladle: {tool: run_cmd, with: {argv: [seq, '9999'], idempotent: true}, on_success: served}
  served: {stop: {status: succeeded, message: Served.}}
";

/// Runs a shell text in which `"$0"` is the binary, in a mount namespace of its own.
pub(crate) fn within(kitchen: &Kitchen, script: &str) -> Screen {
    kitchen.screen(&mut kitchen.mounted(script))
}

#[test]
fn a_read_only_repository() {
    if !can_mount() {
        return;
    }
    let kitchen = Kitchen::with_recipe("soup", SOUP);
    let before = kitchen.tree();
    let screen = within(&kitchen, &format!("{READ_ONLY} && exec \"$0\" cook soup"));
    assert_snapshot!(screen.exits(4));
    crate::binary::assert_same(&before, &kitchen.tree());
}

/// The disk fills up while the run is on: the run ends with words, and goes on when there is room.
#[test]
fn a_disk_that_fills_up() {
    if !can_mount() {
        return;
    }
    let kitchen = Kitchen::with_recipe("soup", SOUP);
    let script = "
set -e
mkdir ../small && mount -t tmpfs -o size=512k none ../small
cp -R . ../small && cd ../small
set +e
\"$0\" cook soup; echo \"cook: $?\"
ls -A .autoskillit/runs/*
rm water
\"$0\" cook --resume; echo \"resume: $?\"
cat peeled";
    let screen = within(&kitchen, script);
    assert!(screen.out.starts_with("cook: 4\n"), "{screen}");
    assert!(screen.out.ends_with("resume: 0\nx\n"), "{screen}");
    let said = screen.err.split("\n\n").skip(1).take(2).collect::<Vec<_>>().join("\n\n");
    assert_snapshot!("full_disk", kitchen.filtered(&said));
}

/// A disk that is full from the start: no half of a run is left.
#[test]
fn a_full_disk() {
    if !can_mount() {
        return;
    }
    let kitchen = Kitchen::with_recipe("soup", SOUP);
    let script = "
mkdir ../small && mount -t tmpfs -o size=512k none ../small && cp -R . ../small && cd ../small || exit 99
cat /dev/zero > water 2>/dev/null
\"$0\" cook soup; echo \"cook: $?\"
find .autoskillit -path '*runs/*' -o -name '*.tmp' -o -name '.tmp*'";
    let screen = within(&kitchen, script);
    assert_snapshot!("full_disk_from_the_start", screen);
}

/// The disk that sessions are logged to fills up: the log is given up, and the verdict is the same.
#[test]
fn a_log_that_finds_no_room() {
    if !can_mount() {
        return;
    }
    let recipe = |room: &str| {
        format!(
            "name: soup
description: A session cooks soup.
steps:
  room:
    tool: run_cmd
    with:
      cmd: 'sessions=$(echo \"$PWD\"/.autoskillit/runs/*)/sessions; mkdir \"$sessions\"; {room}'
    on_success: look
  look: {{skill: look-around, args: [''], on_success: count, on_failure: count}}
  count: {{tool: run_cmd, with: {{cmd: 'cat .autoskillit/runs/*/sessions/*/verdict.json | wc -c'}}, on_success: served}}
  served: {{stop: {{status: succeeded, message: Served.}}}}
"
        )
    };
    let cook = |room: &str| {
        let kitchen = Kitchen::with_recipe("soup", &recipe(room));
        let screen = within(&kitchen, "exec \"$0\" cook soup --rehearse --pace 0 --json").exits(0);
        let lines = screen.json();
        let mut ended = ["look", "count"].map(|step| {
            let of_step = |line: &&serde_json::Value| line["event"] == "step_ended" && line["step"] == step;
            lines.iter().find(of_step).unwrap().clone()
        });
        let written = ended[1]["result"]["stdout"].as_str().unwrap().trim().parse::<u64>().unwrap();
        let look = ended[0]["result"].as_object_mut().unwrap();
        look.remove("session_id");
        let told = ended[0]["summary"].as_str().unwrap().contains("(its log is not whole: ");
        (ended[0]["result"].clone(), written, told)
    };
    let (verdict, written, told) = cook("true");
    assert!(verdict["success"] == true && written > 0 && !told, "{verdict}");
    let small = "mount -t tmpfs -o size=20k none \"$sessions\"";
    assert_eq!(cook(small), (verdict, 0, true));
}

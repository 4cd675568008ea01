//! Places to be looked at by `doctor`, and its screen without what differs between machines.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::allow_attributes,
    reason = "each test binary includes this file and uses a part of it; a test stops at what should not be"
)]

use std::os::unix::fs::symlink;
use std::process::Command;

use autoskillit::execution::client::version::TESTED;
use regex::Regex;

use crate::binary::Kitchen;

/// A repository in which nothing is wrong.
pub(crate) fn healthy() -> Kitchen {
    let kitchen = Kitchen::repository();
    make_healthy(&kitchen);
    kitchen
}

/// Brings to a folder what nobody should miss.
pub(crate) fn make_healthy(kitchen: &Kitchen) {
    client(kitchen, &TESTED.to_string());
    symlink(env!("CARGO_BIN_EXE_autoskillit"), kitchen.root().join("bin/autoskillit")).unwrap();
    kitchen.write("Makefile", "test:\n\ttrue\n");
}

/// A client that tells a version and does nothing else.
pub(crate) fn client(kitchen: &Kitchen, version: &str) {
    kitchen.program("claude", &format!("#!/bin/sh\necho '{version} (Claude Code)'\n"));
}

/// `doctor` with a login.
pub(crate) fn command(kitchen: &Kitchen, args: &[&str]) -> Command {
    let mut command = kitchen.command([&["doctor"], args].concat());
    command.env("ANTHROPIC_API_KEY", "sk-ant-not-a-real-one");
    command
}

/// A text of its screen without what differs between machines.
pub(crate) fn tidy(kitchen: &Kitchen, text: &str) -> String {
    let text = kitchen.filtered(text);
    [
        // A path that may be wrapped.
        (r"(?m)^(  . version +)\d\S+ at .*\n( {19}.*\n)*", "$1[this]\n"),
        (&regex::escape(&TESTED.to_string()), "[tested]"),
        (r"\d+ ([kMGT]B|bytes) free", "[room] free"),
        (r"(program +)\d+\.\d+\.\d+", "$1[git]"),
        (r"[0-9a-f]{10} on", "[commit] on"),
        (r"see (all|\d+) of your \d+", "see [some] of your"),
        (r"(gh +)[/n].*", "$1[gh]"),
    ]
    .iter()
    .fold(text, |text, (pattern, name)| Regex::new(pattern).unwrap().replace_all(&text, *name).into_owned())
}

//! The command line as people meet it: what they type, what they read, and what is left on the disk.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::allow_attributes,
    reason = "a test stops at what should not be"
)]

#[path = "../support/binary.rs"]
mod binary;
#[path = "../support/checkup.rs"]
mod checkup;

mod commands; // run_cmd: values stay values, ends are truthful
mod disks; // read-only and full
mod doctor; // what is wrong and how to mend it
mod init; // setting a repository up: what is written, and what is left alone
mod loops; // steps in loops: played, told, counted
mod lists; // recipes, runs, help, output options
mod refusals; // what is wrong is said before anything is written
mod recipe_tests; // tests of recipes, and every way that their runs can take
mod rehearsals;
mod resuming;
mod skills; // which there are and what is wrong with them
mod why; // why sessions and commands were judged as they were

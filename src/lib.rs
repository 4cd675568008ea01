//! autoskillit cooks recipes: a YAML recipe turns a task into a tested change by running headless
//! Claude Code sessions step by step. This list is the map of the house, top floor first; a room
//! uses only rooms below it (`tests/architecture.rs` holds that).

#![cfg_attr(not(test), warn(clippy::disallowed_types))]

pub mod cli; // commands, one file each, and everything a person sees
pub mod server; // the same engine as an MCP server
pub mod app; // the composition root: wires settings, client, tools and engine for one command
pub mod tools; // the handlers of the declared tools, one file per family
pub mod engine; // plan to run: state, transition, journal, report
pub mod migration; // recipes of older versions, made to today's
pub mod recipe; // the recipe language: schema, lowering, expressions, checks
pub mod catalog; // the tool declarations: names, parameters, results, outcome rules
pub mod pipeline; // what a served kitchen keeps: gate, audit, background work
pub mod execution; // processes and sessions: warden, client, stream, race, verdict, player
pub mod workspace; // git: the repository a run works in
pub mod github; // who we are to GitHub: the lazy token
pub mod skills; // skill discovery and the per-session plugin directory
pub mod config; // settings
pub mod core; // ids, paths, atomic files, redaction, values

//! The composition root. A command's parsed wishes come in; the services of the rooms below are wired for it, and what the
//! command line shows goes out. No other room knows how the parts fit together.

pub mod aftermath;
pub mod conversation;
pub mod cook;
pub mod defaults;
pub mod doctor;
pub mod error;
pub mod host;
pub mod init;
pub mod inputs;
pub mod kitchen;
pub mod lock;
pub mod migrate;
pub mod offers;
pub mod orchestrator;
pub mod quota;
pub mod recipe_tests;
pub mod recipes;
pub mod records;
pub mod recording;
pub mod rehearsal;
pub mod resume;
pub mod retention;
pub mod runs;
pub mod runtime;
pub mod serving;
pub mod settings;
pub mod templates;
pub mod why;

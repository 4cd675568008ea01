//! The recipe language, built like a compiler. A YAML text enters; a [`model::Recipe`] leaves, with
//! names resolved and expressions compiled, or every problem of the text with its place and a mend.
//!
//! ```text
//! text ──yaml──▶ value + marks ──lower──▶ model::Recipe ──check──▶ Loaded, or Problems
//! ```
//!
//! [`library`] finds the texts. At run time the engine evaluates what the recipe holds
//! ([`expr::Expr`], [`expr::Template`], [`model::Arg`]) in a [`expr::Scope`]. Nothing here runs a
//! step, asks a person or prints.

pub mod arg;
pub mod blank;
pub mod builtin;
pub mod card;
pub mod check;
pub mod compose;
pub mod diagram;
pub mod dialect;
pub mod executable;
pub mod expr;
mod flow;
mod graph;
pub mod lacking;
pub mod library;
pub mod keys;
pub mod load;
pub mod lower;
pub mod model;
mod nodes;
pub mod print;
mod quoting;
pub mod schema;
mod suggest;
pub mod values;
pub mod yaml;

#[cfg(test)]
mod tests;

pub use crate::core::yaml::{diagnostic, marks};
pub use check::{AnySkill, Shadowed, SkillLookup};
pub use compose::{PartLookup, PartText};
pub use diagnostic::{Problem, ProblemReport, Problems, Severity};
pub use library::{Library, LibraryPaths, Listed, LoadError};
pub use load::{Loaded, Origin, compile};

//! Types of values: of ingredients, captures and a skill's outputs.

use serde::{Deserialize, Serialize};

/// A type that recipes and skills state (`type:`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// Text; the default.
    #[default]
    String,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// Any number.
    Number,
    /// A file or directory; relative ones are relative to the repository.
    Path,
    /// A list; from the command line: JSON, or items separated by commas.
    List,
    /// Any JSON value.
    Json,
}

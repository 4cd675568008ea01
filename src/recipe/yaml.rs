//! The text of a recipe as value and marks.

use super::diagnostic::Problem;
use crate::core::yaml::{self, FileKind};

pub use crate::core::yaml::{Document, MAX_SIZE};

const RECIPE: FileKind = FileKind {
    name: "a recipe",
    example: "it starts with `name:`, `description:` and `steps:`",
    may_be_empty: false,
};

/// Bytes of a file as text.
///
/// # Errors
/// When they are too many or no UTF-8.
pub fn decode(bytes: Vec<u8>) -> Result<String, Problem> {
    yaml::decode(bytes, RECIPE)
}

/// Parses a text.
///
/// # Errors
/// Everything that keeps it from being one mapping with distinct keys.
pub fn read(text: &str) -> Result<Document, Vec<Problem>> {
    yaml::read(text, RECIPE)
}

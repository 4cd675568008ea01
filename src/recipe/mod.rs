//! The recipe language.
pub mod expr;
pub mod model;

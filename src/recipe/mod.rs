//! The recipe language.
pub mod arg;
pub mod expr;
pub mod model;
mod suggest;

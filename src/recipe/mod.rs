//! The recipe language.
pub mod arg;
pub mod check;
pub mod diagnostic;
pub mod expr;
pub mod lower;
pub mod marks;
pub mod model;
mod suggest;
pub mod values;
pub mod yaml;

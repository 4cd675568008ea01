//! The room `execution`.

pub mod warden;

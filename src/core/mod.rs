//! What every room stands on: values with no opinion about recipes or sessions.

pub mod usage;

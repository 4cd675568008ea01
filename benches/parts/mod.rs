//! What the benches share.

pub mod stream;

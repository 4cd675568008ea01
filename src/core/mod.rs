//! The room `core`.

//! The room `workspace`.

//! The room `skills`.

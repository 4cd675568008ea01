//! The room `execution`.

//! Expressions and templates (stub interface).
use serde_json::Value;
/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Expr {}
/// A compiled text with `${{ … }}`.
#[derive(Debug, Clone)]
pub struct Template {}
/// What expressions see: one object per namespace (`inputs`, `context`, `result`, `run`).
pub type Scope = serde_json::Map<String, Value>;

//! What a kitchen may be told.

use super::super::{Audience, Facts, ToolDecl, typed};
use crate::core::kind::ValueKind;

/// In the order of the documentation.
pub(super) static TOOLS: &[ToolDecl] = &[ToolDecl {
    name: "disable_quota_guard",
    summary: "Lets this kitchen start sessions whatever the quota is.",
    tags: &["kitchen"],
    audience: Audience::OpenKitchen,
    params: &[],
    results: &[typed("success", ValueKind::Bool, "always true")],
    fails_when: "never",
    open_result: false,
    built: false,
    facts: Facts { never_fails: true, ..Facts::NONE },
}];

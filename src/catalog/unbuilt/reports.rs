//! What a run took.

use super::super::{Audience, Facts, ParamKind, ToolDecl, field, param, typed};
use crate::core::kind::ValueKind;

/// In the order of the documentation.
pub(super) static TOOLS: &[ToolDecl] = &[
    ToolDecl {
        name: "get_quota_events",
        summary: "Lists the latest looks at the quota.",
        tags: &["telemetry", "read"],
        audience: Audience::OpenKitchen,
        params: &[param("n", ParamKind::String, false, "how many")],
        results: &[
            typed("events", ValueKind::Json, "the looks"),
            typed("total_count", ValueKind::Int, "how many there are"),
        ],
        fails_when: "never",
        open_result: false,
        built: false,
        facts: Facts { never_fails: true, ..Facts::NONE },
    },
    ToolDecl {
        name: "get_timing_summary",
        summary: "Tells how long the steps took.",
        tags: &["telemetry", "read"],
        audience: Audience::OpenKitchen,
        params: &[
            param("format", ParamKind::String, false, "`json` or `table`"),
            param("clear", ParamKind::Bool, false, "forget it after telling"),
        ],
        results: &[
            typed("steps", ValueKind::Json, "the steps"),
            typed("total", ValueKind::Json, "all of them"),
        ],
        fails_when: "never",
        open_result: false,
        built: false,
        facts: Facts { never_fails: true, ..Facts::NONE },
    },
    ToolDecl {
        name: "get_token_summary",
        summary: "Tells the tokens of the steps.",
        tags: &["telemetry", "read"],
        audience: Audience::OpenKitchen,
        params: &[
            param("format", ParamKind::String, false, "`json` or `table`"),
            param("clear", ParamKind::Bool, false, "forget it after telling"),
        ],
        results: &[
            typed("steps", ValueKind::Json, "the steps"),
            typed("total", ValueKind::Json, "all of them"),
        ],
        fails_when: "never",
        open_result: false,
        built: false,
        facts: Facts { never_fails: true, ..Facts::NONE },
    },
    ToolDecl {
        name: "write_telemetry_files",
        summary: "Writes tokens and times of the run to files.",
        tags: &["telemetry"],
        audience: Audience::OpenKitchen,
        params: &[param("output_dir", ParamKind::Path, true, "the folder")],
        results: &[
            typed("token_summary_path", ValueKind::Path, "the tokens"),
            typed("timing_summary_path", ValueKind::Path, "the times"),
            field("error", "why it failed"),
        ],
        fails_when: "a file cannot be written",
        open_result: false,
        built: false,
        facts: Facts::NONE,
    },
    ToolDecl {
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
    },
];

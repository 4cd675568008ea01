//! The tools that tell what was used, how long it took, and what failed. Steps call them, and whoever has opened a kitchen.

use super::{Audience, Facts, ParamDecl, ParamKind, ToolDecl, field, param, typed};
use crate::core::kind::ValueKind;

const FORMAT: ParamDecl = param(
    "format",
    ParamKind::String,
    false,
    "`table` or `compact` for a text beside the numbers; default `json`: none",
);

const RUN: ParamDecl = param(
    "order_id",
    ParamKind::String,
    false,
    "id of a run: only that one; without it a step tells of its run, and a kitchen of everything since the server began",
);

const CLEAR: ParamDecl =
    param("clear", ParamKind::Bool, false, "tell it no more from now on; the journal keeps it");

const NEVER_FAILS: Facts = Facts { never_fails: true, ..Facts::NONE };

/// Tools of reports, in the order of the documentation.
pub static REPORTS: &[ToolDecl] = &[
    ToolDecl {
        name: "get_token_summary",
        summary: "Tells what the sessions of each step used: tokens, turns, dollars, time, by model as well; and how much \
                  the tools of the kitchen answered.",
        tags: &["telemetry", "read"],
        audience: Audience::OpenKitchen,
        params: &[FORMAT, RUN, CLEAR],
        results: &[
            typed("success", ValueKind::Bool, "always true"),
            typed("steps", ValueKind::Json, "tokens, sessions, seconds, dollars and models of each step"),
            typed("total", ValueKind::Json, "the sum of the steps"),
            typed("models", ValueKind::Json, "the same by model, over all steps"),
            typed(
                "mcp_responses",
                ValueKind::Json,
                "bytes and estimated tokens that each tool of the kitchen answered, and their sum",
            ),
            field("text", "the Markdown table, or the short lines, that `format` asked for"),
        ],
        fails_when: "never",
        open_result: false,
        built: true,
        facts: NEVER_FAILS,
    },
    ToolDecl {
        name: "get_timing_summary",
        summary: "Tells how long each step took, over all its tries.",
        tags: &["telemetry", "read"],
        audience: Audience::OpenKitchen,
        params: &[FORMAT, RUN, CLEAR],
        results: &[
            typed("success", ValueKind::Bool, "always true"),
            typed("steps", ValueKind::Json, "seconds and tries of each step"),
            typed("total", ValueKind::Json, "the sum of the steps"),
            field("text", "the Markdown table, when `format` asked for it"),
        ],
        fails_when: "never",
        open_result: false,
        built: true,
        facts: NEVER_FAILS,
    },
    ToolDecl {
        name: "write_telemetry_files",
        summary: "Writes what `get_token_summary` and `get_timing_summary` tell into files: `token_summary.md`, \
                  `timing_summary.md`, `mcp_response_metrics.json`.",
        tags: &["telemetry"],
        audience: Audience::OpenKitchen,
        params: &[param("output_dir", ParamKind::Path, true, "the folder, made if it is not there"), RUN],
        results: &[
            typed("success", ValueKind::Bool, "whether all are written"),
            typed("token_summary_path", ValueKind::Path, "the tokens"),
            typed("timing_summary_path", ValueKind::Path, "the times"),
            typed("mcp_response_metrics_path", ValueKind::Path, "the answers of tools"),
            field("error", "why it failed"),
        ],
        fails_when: "there is no such run, or a file cannot be written",
        open_result: false,
        built: true,
        facts: Facts::NONE,
    },
    ToolDecl {
        name: "get_quota_events",
        summary: "Lists the latest looks at the account's limits, the newest first: what each came to, which window decided.",
        tags: &["telemetry", "read"],
        audience: Audience::OpenKitchen,
        params: &[param("n", ParamKind::String, false, "at most so many; default 50")],
        results: &[
            typed("success", ValueKind::Bool, "always true"),
            typed(
                "events",
                ValueKind::Json,
                "time, event (`approved`, `blocked`, `given_up`, `unknown`, `refused`), window, use, threshold, reset and wait",
            ),
            typed("total_count", ValueKind::Int, "how many are kept"),
        ],
        fails_when: "never",
        open_result: false,
        built: true,
        facts: NEVER_FAILS,
    },
    ToolDecl {
        name: "get_pipeline_report",
        summary: "Lists what failed: for a step in its run so far; in a kitchen in the runs of the last day in this repository, and in \
                  the background of this server.",
        tags: &["read"],
        audience: Audience::OpenKitchen,
        params: &[CLEAR],
        results: &[
            typed("success", ValueKind::Bool, "always true"),
            typed("total_failures", ValueKind::Int, "how many"),
            typed(
                "failures",
                ValueKind::Json,
                "time, run, step, command, label, reason to retry and error of each",
            ),
            field("warning", "why the list may be incomplete"),
        ],
        fails_when: "never",
        open_result: false,
        built: true,
        facts: NEVER_FAILS,
    },
];

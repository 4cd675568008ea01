//! The tools that a step of a recipe may call.

use super::{Audience, ParamKind, ToolDecl, field, param};

/// Tools of steps, in the order of the documentation.
pub static TOOLS: &[ToolDecl] = &[
    ToolDecl {
        name: "run_skill",
        summary: "Runs one skill in a headless Claude Code session.",
        tags: &["session"],
        audience: Audience::OpenKitchen,
        params: &[
            param("skill", ParamKind::String, false, "skill name, such as `repair-tests`"),
            param("args", ParamKind::List, false, "arguments of the skill, quoted by the engine"),
            param(
                "skill_command",
                ParamKind::String,
                false,
                "whole command, such as `/autoskillit:repair-tests x`",
            ),
            param("cwd", ParamKind::Path, false, "working directory; default: the repository"),
            param("model", ParamKind::String, false, "model of the session; default: the settings'"),
            param("timeout", ParamKind::Seconds, false, "wall clock of the session; default: the settings'"),
            param(
                "stale_threshold",
                ParamKind::Seconds,
                false,
                "silence of the session before it counts as stale; 0 never",
            ),
            param(
                "idle_output_timeout",
                ParamKind::Seconds,
                false,
                "silence of its output, no tool running; 0 never",
            ),
            param("budget_usd", ParamKind::String, false, "dollars the session may spend"),
        ],
        results: &[
            field("success", "whether the verdict is success"),
            field("result", "the session's final text"),
            field("session_id", "the session's id"),
            field("subtype", "the verdict's label, such as `success` or `permission_denied`"),
            field("retry_reason", "why another try may help, or `none`"),
            field("needs_retry", "whether another try may help"),
            field("is_error", "whether the client reported an error"),
            field("exit_code", "the client's exit code"),
            field("permission_denials", "tool calls that were refused"),
            field("worktree_path", "the worktree that the session made, when it says so"),
        ],
        fails_when: "the verdict is not success",
        open_result: true,
    },
    ToolDecl {
        name: "run_cmd",
        summary: "Runs a command or a shell text.",
        tags: &["process"],
        audience: Audience::OpenKitchen,
        params: &[
            param("argv", ParamKind::StringList, false, "program and arguments; values stay values"),
            param("cmd", ParamKind::Shell, false, "text for `sh -c`; interpolations need `| sh` or `| raw`"),
            param("env", ParamKind::StringMap, false, "additional environment variables"),
            param("cwd", ParamKind::Path, false, "working directory; default: the repository"),
            param("timeout", ParamKind::Seconds, false, "wall clock; default 600"),
        ],
        results: &[
            field("success", "whether the exit code is 0"),
            field("exit_code", "the exit code; 128 + signal when a signal ended it"),
            field("stdout", "standard output without the final line break (last 64 KiB)"),
            field("stderr", "standard error without the final line break (last 64 KiB)"),
            field("log", "the file that holds all of the output"),
            field("timed_out", "whether the wall clock ended it"),
        ],
        fails_when: "the exit code is not 0, or the wall clock ended it",
        open_result: false,
    },
    ToolDecl {
        name: "test_check",
        summary: "Runs the test command and says whether the tests pass.",
        tags: &["process"],
        audience: Audience::OpenKitchenAndSessions,
        params: &[
            param("worktree_path", ParamKind::Path, false, "where to run; default: the repository"),
            param("command", ParamKind::String, false, "test command; default: the settings', else detected"),
            param("timeout", ParamKind::Seconds, false, "wall clock; default 600"),
        ],
        results: &[
            field("passed", "whether the tests pass"),
            field("command", "the command that ran"),
            field("exit_code", "its exit code"),
            field("summary", "one line: the counts that the runner printed, or the exit code"),
            field("stdout", "the end of standard output (last 64 KiB)"),
            field("stderr", "the end of standard error (last 64 KiB)"),
            field("log", "the file that holds all of the output"),
            field("timed_out", "whether the wall clock ended it"),
        ],
        fails_when: "the exit code is not 0, the runner's summary counts failures, or the wall clock ended it",
        open_result: false,
    },
];

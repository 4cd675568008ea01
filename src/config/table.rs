//! The table of all settings: name, type, default, unit, meaning. The typed settings, `docs/settings.md` and the JSON Schema
//! come from it.

use serde_json::{Value as Json, json};

use super::kind::{Choice, Item, Kind};

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name: sections and key, with dots.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its value when no layer says anything.
    pub default: Default,
    /// Whether it is a secret: kept out of files that are shared, masked wherever it is shown.
    pub secret: bool,
    /// What it is for, in one line.
    pub summary: &'static str,
    /// A value as one would write it in a file.
    pub example: &'static str,
}

/// A default value.
#[derive(Debug, Clone, Copy)]
pub enum Default {
    /// None; the words say what happens then. Such a setting can also be set to `null`.
    Nothing(&'static str),
    /// A text.
    Text(&'static str),
    /// Seconds.
    Seconds(u64),
    /// A number.
    Count(u64),
    /// A list of texts.
    List(&'static [&'static str]),
    /// `true` or `false`.
    Flag(bool),
    /// Per cent.
    Percent(u32),
}

impl Default {
    /// The value.
    #[must_use]
    pub fn value(self) -> Json {
        match self {
            Self::Nothing(_) => Json::Null,
            Self::Text(text) => json!(text),
            Self::Seconds(number) | Self::Count(number) => json!(number),
            Self::List(items) => json!(items),
            Self::Flag(flag) => json!(flag),
            Self::Percent(percent) => json!(percent),
        }
    }
}

impl Key {
    /// Whether it can be without a value.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        matches!(self.default, Default::Nothing(_))
    }

    /// The variable that sets it.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.name.replace('.', "__").to_uppercase())
    }

    /// The sections that it is in and its own name, from the top.
    pub fn path(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.name.split('.')
    }
}

/// What the names of variables that set something start with.
pub const VARIABLE_PREFIX: &str = "AUTOSKILLIT_";

/// A week: what is longer was meant in another unit.
const LONGEST: u64 = 7 * 24 * 3600;

const PERMISSIONS: &[Choice] = &[
    Choice::new("bypass", "everything, without asking: unattended work needs it"),
    Choice::new("dont_ask", "what `session.allowed_tools` lists; the rest is refused"),
    Choice::new("accept_edits", "edits in the working directory and what is listed; the rest is refused"),
];

const SOURCES: &[Choice] = &[
    Choice::new("user", "the user's settings"),
    Choice::new("project", "the settings that the repository shares"),
    Choice::new("local", "the user's own settings for the repository"),
];

const ENV_MODES: &[Choice] = &[
    Choice::new("inherit", "everything but the variables of the deny-list"),
    Choice::new("minimal", "only the variables of the documented minimum"),
];

const BACKGROUND: &[Choice] = &[
    Choice::new("wait", "the session goes on until it is done"),
    Choice::new("refuse", "the client refuses to start it"),
    Choice::new("end", "the session ends with its answer; what is still open counts as not done"),
];

const LEVELS: &[Choice] = &[
    Choice { name: "error", summary: "what failed", also: &["ERROR"] },
    Choice { name: "warn", summary: "and what looks wrong", also: &["WARN", "warning", "WARNING"] },
    Choice { name: "info", summary: "and what happens", also: &["INFO"] },
    Choice { name: "debug", summary: "and why", also: &["DEBUG"] },
    Choice { name: "trace", summary: "everything", also: &["TRACE"] },
];

/// All settings, by section.
pub const KEYS: &[Key] = &[
    Key {
        name: "client.program",
        kind: Kind::Text,
        default: Default::Text("claude"),
        secret: false,
        summary: "The client: a name on PATH, or a path.",
        example: "/opt/claude/bin/claude",
    },
    Key {
        name: "session.permissions",
        kind: Kind::OneOf(PERMISSIONS),
        default: Default::Text("bypass"),
        secret: false,
        summary: "What sessions may do.",
        example: "dont_ask",
    },
    Key {
        name: "session.allowed_tools",
        kind: Kind::List(Item::Text),
        default: Default::List(&[]),
        secret: false,
        summary: "What runs without a question where not everything may, as the client's permission rules.",
        example: "[Edit, \"Bash(cargo test:*)\"]",
    },
    Key {
        name: "session.setting_sources",
        kind: Kind::List(Item::OneOf(SOURCES)),
        default: Default::List(&["project", "local"]),
        secret: false,
        summary: "Which of its settings files the client reads.",
        example: "[project]",
    },
    Key {
        name: "session.env.mode",
        kind: Kind::OneOf(ENV_MODES),
        default: Default::Text("inherit"),
        secret: false,
        summary: "What sessions see of the environment; environment.md lists both sets.",
        example: "minimal",
    },
    Key {
        name: "session.env.pass",
        kind: Kind::List(Item::Variable),
        default: Default::List(&[]),
        secret: false,
        summary: "Variables that sessions see in any case; `MY_*` stands for all that start so.",
        example: "[MY_VARIABLE, \"CI_*\"]",
    },
    Key {
        name: "session.env.drop",
        kind: Kind::List(Item::Variable),
        default: Default::List(&[]),
        secret: false,
        summary: "Variables that sessions do not see, in addition.",
        example: "[DATABASE_URL]",
    },
    Key {
        name: "model.default",
        kind: Kind::Text,
        default: Default::Nothing("the client chooses"),
        secret: false,
        summary: "The model of sessions whose step names none.",
        example: "sonnet",
    },
    Key {
        name: "model.override",
        kind: Kind::Text,
        default: Default::Nothing("the step, then `model.default`, decide"),
        secret: false,
        summary: "The model of all sessions, also of those whose step names one.",
        example: "haiku",
    },
    Key {
        name: "run_skill.timeout",
        kind: Kind::Seconds { min: 1, max: LONGEST },
        default: Default::Seconds(7200),
        secret: false,
        summary: "The longest that a session may take.",
        example: "1h",
    },
    Key {
        name: "run_skill.stale_threshold",
        kind: Kind::Seconds { min: 0, max: LONGEST },
        default: Default::Seconds(1200),
        secret: false,
        summary: "Silence on all channels, without a sign of life, that makes a session stale; 0 never.",
        example: "20m",
    },
    Key {
        name: "run_skill.idle_output_timeout",
        kind: Kind::Seconds { min: 0, max: LONGEST },
        default: Default::Seconds(600),
        secret: false,
        summary: "Silence of the stream while no tool runs that makes a session stalled; 0 never.",
        example: "10m",
    },
    Key {
        name: "run_skill.repeats",
        kind: Kind::Count { min: 0, max: 1000 },
        default: Default::Count(12),
        secret: false,
        summary: "How often a session may make the same call with the same result, with nothing new in between, before it is ended (3 at least); it is told before half of that. 0 never.",
        example: "20",
    },
    Key {
        name: "run_skill.background",
        kind: Kind::OneOf(BACKGROUND),
        default: Default::Text("wait"),
        secret: false,
        summary: "What becomes of work that a session puts into the background.",
        example: "refuse",
    },
    Key {
        name: "run_skill.background_wait",
        kind: Kind::Seconds { min: 0, max: LONGEST },
        default: Default::Seconds(0),
        secret: false,
        summary: "The longest that background work is waited for after the answer; 0 as long as the session may take.",
        example: "15m",
    },
    Key {
        name: "run_skill.service_patience",
        kind: Kind::Seconds { min: 0, max: LONGEST },
        default: Default::Seconds(3600),
        secret: false,
        summary: "How long a model service that limits or does not answer is tried again, beyond the client's own tries; 0 not at all.",
        example: "4h",
    },
    Key {
        name: "run_skill.service_backoff",
        kind: Kind::Seconds { min: 1, max: LONGEST },
        default: Default::Seconds(30),
        secret: false,
        summary: "The wait before the second such try; each further one is twice as long, up to 10 minutes.",
        example: "1m",
    },
    Key {
        name: "test_check.command",
        kind: Kind::Command,
        default: Default::Nothing("found from the files of the repository"),
        secret: false,
        summary: "The test command: text for a shell, or a list of words that is run without one.",
        example: "make check",
    },
    Key {
        name: "test_check.timeout",
        kind: Kind::Seconds { min: 1, max: LONGEST },
        default: Default::Seconds(600),
        secret: false,
        summary: "The longest that a test run may take.",
        example: "15m",
    },
    Key {
        name: "quota_guard.enabled",
        kind: Kind::Bool,
        default: Default::Flag(true),
        secret: false,
        summary: "Whether sessions wait while the account is near a limit of its plan; `false` looks at nothing and asks nobody.",
        example: "false",
    },
    Key {
        name: "quota_guard.short_window_enabled",
        kind: Kind::Bool,
        default: Default::Flag(true),
        secret: false,
        summary: "Whether the windows of hours count.",
        example: "false",
    },
    Key {
        name: "quota_guard.short_window_threshold",
        kind: Kind::Percent,
        default: Default::Percent(85),
        secret: false,
        summary: "How much of a window of hours may be used before sessions wait for its reset, in per cent.",
        example: "90",
    },
    Key {
        name: "quota_guard.long_window_enabled",
        kind: Kind::Bool,
        default: Default::Flag(true),
        secret: false,
        summary: "Whether the windows of days count.",
        example: "false",
    },
    Key {
        name: "quota_guard.long_window_threshold",
        kind: Kind::Percent,
        default: Default::Percent(98),
        secret: false,
        summary: "The same for a window of days.",
        example: "99.5",
    },
    Key {
        name: "quota_guard.long_window_patterns",
        kind: Kind::List(Item::Text),
        default: Default::List(&["seven_day", "weekly", "sonnet", "opus"]),
        secret: false,
        summary: "A window whose name has one of these in it is one of days, in capitals or not.",
        example: "[seven_day]",
    },
    Key {
        name: "quota_guard.buffer_seconds",
        kind: Kind::Seconds { min: 0, max: 3600 },
        default: Default::Seconds(60),
        secret: false,
        summary: "How long after a window's reset the wait goes on.",
        example: "2m",
    },
    Key {
        name: "quota_guard.max_wait",
        kind: Kind::Seconds { min: 0, max: LONGEST },
        default: Default::Seconds(6 * 3600),
        secret: false,
        summary: "The longest that a step waits for a window; a run that would wait longer ends, and can be resumed.",
        example: "1d",
    },
    Key {
        name: "quota_guard.cache_max_age",
        kind: Kind::Seconds { min: 0, max: 3600 },
        default: Default::Seconds(300),
        secret: false,
        summary: "How long what the service said of the windows holds.",
        example: "10m",
    },
    Key {
        name: "quota_guard.cache_path",
        kind: Kind::Text,
        default: Default::Nothing(
            "`quota.json` in `$XDG_CACHE_HOME/autoskillit`, else in `~/.cache/autoskillit`",
        ),
        secret: false,
        summary: "The file that keeps it; runs that share it ask once.",
        example: "/var/tmp/quota.json",
    },
    Key {
        name: "limits.daily_usd",
        kind: Kind::Dollars,
        default: Default::Nothing("none"),
        secret: false,
        summary: "What all your runs together may spend in a day, in US dollars; a run that would spend more ends, and can be resumed the next day.",
        example: "25",
    },
    Key {
        name: "limits.quota_share",
        kind: Kind::Percent,
        default: Default::Nothing("none"),
        secret: false,
        summary: "How much of each window of the account's plan one run may use, in per cent; it ends when it has, and can be resumed when the window is reset. A recipe may state less.",
        example: "20",
    },
    Key {
        name: "github.token",
        kind: Kind::Text,
        default: Default::Nothing("none"),
        secret: true,
        summary: "The token for GitHub.",
        example: "<token>",
    },
    Key {
        name: "github.default_repo",
        kind: Kind::Repository,
        default: Default::Nothing("none"),
        secret: false,
        summary: "The repository on GitHub whose issues and pull requests are meant; `kitchen_status` tells it to whoever drives.",
        example: "owner/name",
    },
    Key {
        name: "branching.default_base_branch",
        kind: Kind::Branch,
        default: Default::Nothing("none"),
        secret: false,
        summary: "The branch that work starts from and goes back to; `kitchen_status` tells it to whoever drives.",
        example: "main",
    },
    Key {
        name: "recipes.rules",
        kind: Kind::List(Item::Text),
        default: Default::List(&[]),
        secret: false,
        summary: "How findings of rules for recipes are taken, each `rule=error`, `rule=warning` or `rule=off`.",
        example: "[dead-output=warning]",
    },
    Key {
        name: "recipes.env",
        kind: Kind::List(Item::Text),
        default: Default::List(&[]),
        secret: false,
        summary: "Variables of the environment that expressions of recipes may read as `env.NAME`, beside those that they always may.",
        example: "[BUILD_NUMBER]",
    },
    Key {
        name: "subsets.disabled",
        kind: Kind::List(Item::Text),
        default: Default::List(&[]),
        secret: false,
        summary: "Groups of tools and skills that are switched off, such as `telemetry`: recipes that use them are told so.",
        example: "[telemetry]",
    },
    Key {
        name: "logging.level",
        kind: Kind::OneOf(LEVELS),
        default: Default::Text("info"),
        secret: false,
        summary: "How much is written to logs.",
        example: "debug",
    },
    Key {
        name: "logging.json_output",
        kind: Kind::Bool,
        default: Default::Nothing("lines of JSON where standard error is no terminal"),
        secret: false,
        summary: "Whether logs are lines of JSON.",
        example: "false",
    },
    Key {
        name: "mcp_response.alert_threshold_tokens",
        kind: Kind::Count { min: 0, max: 1_000_000 },
        default: Default::Count(2_000),
        secret: false,
        summary: "From how many estimated tokens on (a quarter of its bytes) `serve` tells its client that an answer of a tool was long. 0 never.",
        example: "5000",
    },
    Key {
        name: "session_log.keep_sessions",
        kind: Kind::Count { min: 0, max: 1_000_000 },
        default: Default::Count(500),
        secret: false,
        summary: "How many logs of sessions are kept; the oldest of runs that are over go first. 0 keeps all.",
        example: "200",
    },
    Key {
        name: "session_log.keep_days",
        kind: Kind::Count { min: 0, max: 36_500 },
        default: Default::Count(90),
        secret: false,
        summary: "For how many days logs of sessions of runs that are over are kept. 0 keeps them for ever.",
        example: "30",
    },
    Key {
        name: "workspace.temp_dir",
        kind: Kind::Folder,
        default: Default::Text(".autoskillit/temp"),
        secret: false,
        summary: "The folder that steps and sessions pass files in: what `{{AUTOSKILLIT_TEMP}}` stands for in recipes and skills. Relative ones start at the top of the repository, or of the worktree that a step works in.",
        example: "build/kitchen",
    },
];

/// Keys that are known and have no meaning in this version: a file that has them loads, with a warning each. A name that
/// ends with `.*` takes whatever is below it.
pub const UNUSED: &[&str] = &[
    "branching.promotion_target",
    "ci.event",
    "ci.workflow",
    "classify_fix.path_prefixes",
    "github.allowed_labels",
    "github.in_progress_label",
    "github.staged_label",
    "implement_gate.marker",
    "implement_gate.skill_names",
    "linux_tracing.enabled",
    "linux_tracing.log_dir",
    "linux_tracing.proc_interval",
    "linux_tracing.tmpfs_path",
    "migration.suppressed",
    "packs.enabled",
    "quota_guard.cache_refresh_interval",
    "quota_guard.credentials_path",
    "read_db.max_rows",
    "read_db.timeout",
    "report_bug.github_filing",
    "report_bug.github_labels",
    "report_bug.model",
    "report_bug.report_dir",
    "report_bug.timeout",
    "reset_workspace.command",
    "reset_workspace.preserve_dirs",
    "run_skill.completion_drain_timeout",
    "run_skill.completion_marker",
    "run_skill.exit_after_stop_delay_ms",
    "run_skill.max_suppression_seconds",
    "run_skill.natural_exit_grace_seconds",
    "safety.protected_branches",
    "safety.require_dry_walkthrough",
    "safety.reset_guard_marker",
    "safety.test_gate_on_merge",
    "skills.tier1",
    "skills.tier2",
    "skills.tier3",
    "subsets.custom_tags.*",
    "token_usage.verbosity",
    "workspace.runs_root",
    "workspace.worktree_root",
    "worktree_setup.command",
];

/// The setting of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Whether `name` is known and has no meaning in this version.
#[must_use]
pub fn is_unused(name: &str) -> bool {
    UNUSED.iter().any(|unused| match unused.strip_suffix(".*") {
        Some(open) => name == open || name.strip_prefix(open).is_some_and(|rest| rest.starts_with('.')),
        None => *unused == name,
    })
}

/// Whether `name` is a section.
#[must_use]
pub fn is_section(name: &str) -> bool {
    name.is_empty() || names().any(|known| known.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

/// What a section holds, keys that have a meaning first.
pub fn below(section: &str) -> Vec<&'static str> {
    let mut found = Vec::new();
    for name in names() {
        let rest = match section {
            "" => Some(name),
            _ => name.strip_prefix(section).and_then(|rest| rest.strip_prefix('.')),
        };
        let Some(first) = rest.and_then(|rest| rest.split('.').next()) else { continue };
        if !found.contains(&first) {
            found.push(first);
        }
    }
    found
}

fn names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.name).chain(UNUSED.iter().map(|name| name.trim_end_matches(".*")))
}

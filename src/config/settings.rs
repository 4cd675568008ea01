//! The settings as the rooms above use them. Names, defaults and ranges are those of [`super::table`].

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use super::layer::{Entry, defaults, tree};

/// All settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The client program.
    pub client: ClientSettings,
    /// Sessions: what they may do and see.
    pub session: SessionSettings,
    /// Which model sessions use.
    pub model: ModelSettings,
    /// Limits of sessions.
    pub run_skill: RunSkillSettings,
    /// Test runs.
    pub test_check: TestCheckSettings,
    /// The account's limits.
    pub quota_guard: QuotaGuardSettings,
    /// What may be spent.
    pub limits: LimitsSettings,
    /// GitHub.
    pub github: GithubSettings,
    /// Branches.
    pub branching: BranchingSettings,
    /// Recipes.
    pub recipes: RecipesSettings,
    /// Groups of tools and skills.
    pub subsets: SubsetsSettings,
    /// Folders.
    pub workspace: WorkspaceSettings,
    /// Logs.
    pub logging: LoggingSettings,
    /// Answers of the tools that `serve` offers.
    pub mcp_response: McpResponseSettings,
    /// Logs of sessions.
    pub session_log: SessionLogSettings,
}

impl Settings {
    /// The settings that `entries` say.
    #[must_use]
    pub(super) fn of(entries: &[Entry]) -> Self {
        let whole = tree(entries.iter().map(|entry| (entry.key, entry.value.clone())));
        #[expect(
            clippy::expect_used,
            reason = "every value was read by its key's type, which a test holds against these"
        )]
        let settings = serde_json::from_value(whole).expect("the table and the types agree");
        settings
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::of(&defaults())
    }
}

/// `client`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSettings {
    /// Name on PATH, or path.
    pub program: String,
}

/// `session`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionSettings {
    /// What sessions may do.
    pub permissions: Permissions,
    /// What runs without a question where not everything may.
    pub allowed_tools: Vec<String>,
    /// Which of its settings files the client reads.
    pub setting_sources: Vec<String>,
    /// The environment.
    pub env: EnvPolicy,
}

/// What sessions may do (`session.permissions`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permissions {
    /// Everything, without asking: unattended work needs it.
    #[default]
    Bypass,
    /// What `session.allowed_tools` lists; the rest is refused.
    DontAsk,
    /// Edits in the working directory and what is listed; the rest is refused.
    AcceptEdits,
}

impl Permissions {
    /// The value in settings and journals.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::DontAsk => "dont_ask",
            Self::AcceptEdits => "accept_edits",
        }
    }
}

/// What a session inherits (`session.env.mode`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvMode {
    /// Everything but the variables of the documented deny-list.
    #[default]
    Inherit,
    /// Only the variables of the documented minimum.
    Minimal,
}

/// How a session's environment is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvPolicy {
    /// What is inherited.
    pub mode: EnvMode,
    /// Names (or beginnings with `*`) that pass in any case.
    pub pass: Vec<String>,
    /// Names (or beginnings with `*`) that are dropped in addition.
    pub drop: Vec<String>,
}

/// `model`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    /// For sessions whose step names none; `None` leaves it to the client.
    pub default: Option<String>,
    /// For all sessions, also of steps that name one.
    #[serde(rename = "override")]
    pub overriding: Option<String>,
}

impl ModelSettings {
    /// The model of a session whose step names `asked`; `None` leaves it to the client.
    #[must_use]
    pub fn choose(&self, asked: Option<String>) -> Option<String> {
        self.overriding.clone().or(asked).or_else(|| self.default.clone())
    }
}

/// `run_skill`, in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSkillSettings {
    /// Wall clock of a session.
    pub timeout: u64,
    /// Silence on all channels, with no sign of life, before a session counts as stale; 0 never.
    pub stale_threshold: u64,
    /// Silence of the stream while no tool runs before a session counts as stalled; 0 never.
    pub idle_output_timeout: u64,
    /// How often a session makes the same call with the same result before it is ended; 0 as often as it likes.
    pub repeats: u32,
    /// What becomes of work that a session puts into the background.
    pub background: BackgroundWork,
    /// How long it is waited for after the answer, in seconds; 0 as long as the session may take.
    pub background_wait: u64,
    /// How long a model service that does not answer is tried again, in seconds; 0 not at all.
    pub service_patience: u64,
    /// Seconds before the second try.
    pub service_backoff: u64,
}

/// What becomes of work that a session puts into the background (`run_skill.background`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackgroundWork {
    /// The session goes on until it is done.
    Wait,
    /// The client refuses to start it.
    Refuse,
    /// The session ends with its answer, and what is still open counts as not done.
    End,
}

/// `test_check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestCheckSettings {
    /// The test command; detected when it is not given.
    pub command: Option<CommandLine>,
    /// Wall clock of a test run, in seconds.
    pub timeout: u64,
}

/// A command of the settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CommandLine {
    /// Text for a shell.
    Shell(String),
    /// Words, run without a shell.
    Words(Vec<String>),
}

/// `quota_guard`; times in seconds, thresholds in per cent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaGuardSettings {
    /// Whether anything of this is done at all.
    pub enabled: bool,
    /// Whether windows of hours count.
    pub short_window_enabled: bool,
    /// The use of one from which sessions wait.
    pub short_window_threshold: f64,
    /// Whether windows of days count.
    pub long_window_enabled: bool,
    /// The use of one from which sessions wait.
    pub long_window_threshold: f64,
    /// Parts of the names of windows of days.
    pub long_window_patterns: Vec<String>,
    /// How long after a reset the wait goes on.
    pub buffer_seconds: u64,
    /// The longest wait of a step.
    pub max_wait: u64,
    /// How long an answer of the service holds.
    pub cache_max_age: u64,
    /// Where it is kept; `None` is our own folder.
    pub cache_path: Option<String>,
}

/// `limits`; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsSettings {
    /// What all runs of the user may spend in a day, in US dollars.
    pub daily_usd: Option<f64>,
    /// How much of each window of the account's plan a run may use, in per cent.
    pub quota_share: Option<f64>,
}

/// `github`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GithubSettings {
    /// The token.
    pub token: Option<Secret>,
    /// The repository whose issues and pull requests are meant, as `owner/name`.
    pub default_repo: Option<String>,
}

/// `branching`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BranchingSettings {
    /// The branch that work starts from and goes back to.
    pub default_base_branch: Option<String>,
}

/// `recipes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipesSettings {
    /// How findings of rules are taken, each `rule=level`.
    pub rules: Vec<String>,
    /// Variables of the environment that expressions may read.
    pub env: Vec<String>,
}

/// `subsets`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubsetsSettings {
    /// What is switched off.
    pub disabled: Vec<String>,
}

/// `workspace`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceSettings {
    /// The folder that steps and sessions pass files in.
    pub temp_dir: String,
}

/// A text that is shown nowhere by accident.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// What stands in its place.
    pub const MASK: &str = "********";

    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::MASK)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(Self::MASK)
    }
}

/// `logging`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoggingSettings {
    /// How much is written.
    pub level: LogLevel,
    /// Whether in lines of JSON; `None` leaves it to where it goes.
    pub json_output: Option<bool>,
}

/// How much is written to logs (`logging.level`), the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// What failed.
    Error,
    /// And what looks wrong.
    Warn,
    /// And what happens.
    Info,
    /// And why.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// Its name, as in settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// `mcp_response`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct McpResponseSettings {
    /// More estimated tokens than these are told to the client; 0 never.
    pub alert_threshold_tokens: u64,
}

/// `session_log`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionLogSettings {
    /// How many logs are kept; 0 all.
    pub keep_sessions: usize,
    /// For how many days; 0 for ever.
    pub keep_days: u64,
}

/// Seconds as a duration; 0 is never.
#[must_use]
pub fn limit(seconds: u64) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

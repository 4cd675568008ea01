//! The client program: where it is, what it is told on its command line, where it keeps its transcripts; which version it is
//! ([`version`]) and how sessions log in ([`login`]).

pub mod login;
pub mod renewal;
pub mod version;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::config::Permissions;

/// The program that runs sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The program.
    pub program: PathBuf,
    /// Arguments before those of the session; the player of rehearsals needs some.
    pub leading: Vec<String>,
    /// Whether it is the player and not the real client.
    pub player: bool,
}

/// Why there is no client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// Nothing of that name on PATH.
    #[error("Claude Code is not installed: no `{0}` on PATH")]
    Missing(String),
    /// The client refuses to skip permissions for root outside a sandbox.
    #[error("as root, Claude Code runs without permission prompts only in a sandbox")]
    RootWithoutSandbox,
}

impl Client {
    /// The real client: `program` when it is a path, else the first of that name on PATH.
    ///
    /// # Errors
    /// [`ClientError::Missing`].
    pub fn find(program: &str) -> Result<Self, ClientError> {
        let program = which::which(program).map_err(|_| ClientError::Missing(program.to_owned()))?;
        Ok(Self { program, leading: Vec::new(), player: false })
    }

    /// Whether the client would refuse `permissions` in this process's position: it exits with one line on stderr and no
    /// record when root asks for `bypass` without `IS_SANDBOX=1`.
    ///
    /// # Errors
    /// [`ClientError::RootWithoutSandbox`].
    pub fn check_root(
        &self,
        permissions: Permissions,
        root: bool,
        sandbox: Option<&str>,
    ) -> Result<(), ClientError> {
        let refused = root && permissions == Permissions::Bypass && !matches!(sandbox, Some("1" | "true"));
        if refused && !self.player { Err(ClientError::RootWithoutSandbox) } else { Ok(()) }
    }
}

/// Everything a session is told, the same for a first start and a continuation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionSpec {
    /// Chosen before the start, so that the transcript is known by name.
    pub session_id: String,
    /// Whether the session exists and is continued.
    pub continues: bool,
    /// What it is to do; goes over stdin.
    pub prompt: String,
    /// Our own directives.
    pub system: String,
    /// Whether they stand in place of the client's own prompt instead of behind it.
    pub replaces_system: bool,
    /// Where it works.
    pub cwd: PathBuf,
    /// The plugin with its skill.
    pub plugin_dir: Option<PathBuf>,
    /// The model; `None` leaves it to the client.
    pub model: Option<String>,
    /// The schema of its declared outputs.
    pub schema: Option<Value>,
    /// What it may do.
    pub permissions: Permissions,
    /// Tools that run without a question where not everything may.
    pub allowed_tools: Vec<String>,
    /// The client's own tools that it has (`--tools`); `None` leaves it all of them.
    pub tools: Option<String>,
    /// MCP servers that it has; without a file it has none.
    pub mcp_config: Option<PathBuf>,
    /// Which settings files the client reads (`project`, `local`, `user`).
    pub setting_sources: Vec<String>,
    /// A settings file of ours: the user's login and provider settings.
    pub settings: Option<PathBuf>,
    /// Dollars it may spend.
    pub budget_usd: Option<f64>,
}

impl SessionSpec {
    /// The client's arguments. An answer is told as it comes in: without that, one that takes many minutes is silence, and cannot be told
    /// from one that hangs. Options that take several values come last but for the fixed ones, each as one word, so that
    /// they swallow nothing.
    #[must_use]
    pub fn args(&self) -> Vec<String> {
        let mut args: Vec<String> =
            ["-p", "--output-format", "stream-json", "--verbose", "--include-partial-messages"]
                .map(str::to_owned)
                .into();
        let mut option = |name: &str, value: &str| args.extend([name.to_owned(), value.to_owned()]);
        option(if self.continues { "--resume" } else { "--session-id" }, &self.session_id);
        option("--setting-sources", &self.setting_sources.join(","));
        if let Some(settings) = &self.settings {
            option("--settings", &settings.to_string_lossy());
        }
        if let Some(model) = &self.model {
            option("--model", model);
        }
        if let Some(plugin) = &self.plugin_dir {
            option("--plugin-dir", &plugin.to_string_lossy());
        }
        if let Some(schema) = &self.schema {
            option("--json-schema", &schema.to_string());
        }
        if !self.system.is_empty() {
            let name = if self.replaces_system { "--system-prompt" } else { "--append-system-prompt" };
            option(name, &self.system);
        }
        if let Some(budget) = self.budget_usd {
            option("--max-budget-usd", &budget.to_string());
        }
        match self.permissions {
            Permissions::Bypass => {}
            Permissions::DontAsk => option("--permission-mode", "dontAsk"),
            Permissions::AcceptEdits => option("--permission-mode", "acceptEdits"),
        }
        if self.permissions == Permissions::Bypass {
            args.push("--dangerously-skip-permissions".to_owned());
        } else if !self.allowed_tools.is_empty() {
            args.push(format!("--allowed-tools={}", self.allowed_tools.join(",")));
        }
        if let Some(tools) = &self.tools {
            args.push(format!("--tools={tools}"));
        }
        if let Some(config) = &self.mcp_config {
            args.push(format!("--mcp-config={}", config.display()));
        }
        args.push("--strict-mcp-config".to_owned());
        args
    }
}

/// The variable with which the client refuses to put work into the background.
pub const NO_BACKGROUND: (&str, &str) = ("CLAUDE_CODE_DISABLE_BACKGROUND_TASKS", "1");

/// What a client that drives a run is given beside its environment (name and default as in 2.1.330): a call that takes long stays a call,
/// where a client on a terminal would put it into the background after a while. A call that is silent for 30 minutes is given up by the
/// client, whatever this says: the server sends a sign of life every 10 s.
pub const DRIVER: &[(&str, &str)] = &[("CLAUDE_CODE_MCP_AUTO_BACKGROUND_MS", "0")];

/// An environment with [`DRIVER`] in it.
#[must_use]
pub fn driver_env(mut env: Vec<(OsString, OsString)>) -> Vec<(OsString, OsString)> {
    env.retain(|(name, _)| DRIVER.iter().all(|(own, _)| name != own));
    env.extend(DRIVER.iter().map(|(name, value)| (name.into(), value.into())));
    env
}

/// The user's settings that a session needs to reach the model service although it does not read the user's settings file:
/// login helpers and the environment (proxies, providers). `None` when there are none.
#[must_use]
pub fn carried_settings(user_settings: &str) -> Option<Value> {
    const CARRIED: &[&str] = &[
        "env",
        "apiKeyHelper",
        "awsAuthRefresh",
        "awsCredentialExport",
        "gcpAuthRefresh",
        "forceLoginMethod",
        "forceLoginOrgUUID",
        "otelHeadersHelper",
    ];
    let settings: Map<String, Value> = serde_json::from_str(user_settings).ok()?;
    let carried: Map<String, Value> =
        settings.into_iter().filter(|(name, _)| CARRIED.contains(&name.as_str())).collect();
    (!carried.is_empty()).then_some(Value::Object(carried))
}

/// The client's own folder: `$CLAUDE_CONFIG_DIR`, else `$HOME/.claude`.
#[must_use]
pub fn config_dir(var: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name: &str| var(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("CLAUDE_CONFIG_DIR").or_else(|| Some(set("HOME")?.join(".claude")))
}

/// A path as the client makes a name of it.
#[must_use]
pub fn dashed(path: &Path) -> String {
    path.to_string_lossy().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

/// The transcript of a session that works in `cwd` (a path without symbolic links): the folder is named after it with every
/// character that is not an ASCII letter or digit as `-`, the file after the session.
#[must_use]
pub fn transcript(config_dir: &Path, cwd: &Path, session_id: &str) -> PathBuf {
    config_dir.join("projects").join(dashed(cwd)).join(format!("{session_id}.jsonl"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> SessionSpec {
        SessionSpec {
            session_id: "0d1f".into(),
            continues: false,
            prompt: "/autoskillit:hello".into(),
            system: "Be brief.".into(),
            cwd: "/repo".into(),
            plugin_dir: Some("/run/plugin".into()),
            model: Some("sonnet".into()),
            schema: Some(serde_json::json!({"type": "object"})),
            permissions: Permissions::Bypass,
            allowed_tools: vec!["Bash(git status)".into(), "Read".into()],
            setting_sources: vec!["project".into(), "local".into()],
            settings: None,
            budget_usd: Some(0.5),
            replaces_system: false,
            tools: None,
            mcp_config: None,
        }
    }

    #[test]
    fn arguments_of_a_fresh_session() {
        insta::assert_snapshot!(spec().args().join("\n"));
    }

    #[test]
    fn a_continuation_differs_in_one_option_and_dont_ask_in_its_own() {
        let fresh = spec().args();
        let continued = SessionSpec { continues: true, ..spec() }.args();
        let differing: Vec<_> = fresh.iter().zip(&continued).filter(|(a, b)| a != b).collect();
        assert_eq!(differing, [(&"--session-id".to_owned(), &"--resume".to_owned())]);

        let dont_ask = SessionSpec { permissions: Permissions::DontAsk, ..spec() }.args();
        assert!(dont_ask.windows(2).any(|pair| pair == ["--permission-mode", "dontAsk"]));
        assert!(dont_ask.contains(&"--allowed-tools=Bash(git status),Read".to_owned()));
        assert!(!dont_ask.contains(&"--dangerously-skip-permissions".to_owned()));

        let driver = SessionSpec {
            replaces_system: true,
            tools: Some(String::new()),
            mcp_config: Some("/run/mcp.json".into()),
            ..spec()
        }
        .args();
        assert!(driver.windows(2).any(|pair| pair == ["--system-prompt", "Be brief."]));
        assert!(
            driver.contains(&"--tools=".to_owned())
                && driver.contains(&"--mcp-config=/run/mcp.json".to_owned())
        );
    }

    #[test]
    fn root_needs_a_sandbox_only_to_bypass() {
        let client = Client { program: "claude".into(), leading: vec![], player: false };
        let check = |permissions, root, sandbox| client.check_root(permissions, root, sandbox).is_ok();
        assert!(!check(Permissions::Bypass, true, None));
        assert!(!check(Permissions::Bypass, true, Some("0")));
        assert!(check(Permissions::Bypass, true, Some("1")));
        assert!(check(Permissions::Bypass, false, None));
        assert!(check(Permissions::DontAsk, true, None));
    }

    #[test]
    fn only_login_and_provider_settings_are_carried_over() {
        let carried =
            carried_settings(r#"{"env":{"HTTPS_PROXY":"p"},"hooks":{},"model":"opus","apiKeyHelper":"x"}"#);
        assert_eq!(carried, Some(serde_json::json!({"env":{"HTTPS_PROXY":"p"},"apiKeyHelper":"x"})));
        assert_eq!(carried_settings(r#"{"hooks":{}}"#), None);
        assert_eq!(carried_settings("not json"), None);
    }

    #[test]
    fn transcripts_are_found_by_name() {
        assert_eq!(
            transcript(Path::new("/h/.claude"), Path::new("/tmp/my repo.é"), "id"),
            Path::new("/h/.claude/projects/-tmp-my-repo--/id.jsonl")
        );
    }
}

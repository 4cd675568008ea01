//! The environment that a session sees: the user's, minus what belongs to somebody else.
//!
//! The session may run the user's tests and tools, so it inherits by default; what is dropped is listed here, one reason each.

use std::ffi::OsString;

use crate::config::{EnvMode, EnvPolicy};

/// A rule of the deny-list.
#[derive(Debug, Clone, Copy)]
pub struct Dropped {
    /// A variable's name, or the beginning of names when it ends with `*`.
    pub name: &'static str,
    /// Why a session must not see it.
    pub why: &'static str,
}

/// What no session inherits, unless `session.env.pass` names it.
pub const DROPPED: &[Dropped] = &[
    Dropped { name: "CLAUDECODE", why: "marks an enclosing client" },
    Dropped { name: "CLAUDE_CODE_ENTRYPOINT", why: "describes an enclosing client" },
    Dropped { name: "CLAUDE_CODE_CHILD_SESSION", why: "marks an enclosing client" },
    Dropped { name: "CLAUDE_CODE_SESSION_ID", why: "names an enclosing session" },
    Dropped { name: "CLAUDE_CODE_SSE*", why: "connects to the editor of an enclosing client" },
    Dropped { name: "CLAUDE_CODE_IDE_*", why: "connects to the editor of an enclosing client" },
    Dropped {
        name: "CLAUDE_CODE_WEBSOCKET_AUTH_FILE_DESCRIPTOR",
        why: "a descriptor of an enclosing client",
    },
    Dropped { name: "CLAUDE_CODE_EXIT_AFTER_STOP_DELAY", why: "would end sessions early" },
    Dropped { name: "CLAUDE_PROJECT_DIR", why: "names the project of an enclosing client" },
    Dropped { name: "CLAUDE_PLUGIN_ROOT", why: "names the plugin of an enclosing client" },
    Dropped { name: "CLAUDE_ENV_FILE", why: "belongs to an enclosing client" },
    Dropped { name: "ENABLE_IDE_INTEGRATION", why: "connects to an editor" },
    Dropped { name: "VSCODE_GIT_ASKPASS_MAIN", why: "opens windows in an editor" },
    Dropped { name: "VSCODE_IPC_HOOK_CLI", why: "connects to an editor" },
    Dropped { name: "CURSOR_TRACE_ID", why: "marks an editor" },
    Dropped { name: "ZED_TERM", why: "marks an editor" },
    Dropped { name: "MAX_MCP_OUTPUT_TOKENS", why: "an enclosing client's limit" },
    Dropped { name: "AUTOSKILLIT_*", why: "ours: each session gets its own" },
    Dropped { name: "GITHUB_TOKEN", why: "a token that no step asked for" },
    Dropped { name: "GH_TOKEN", why: "a token that no step asked for" },
    Dropped { name: "GITLAB_TOKEN", why: "a token that no step asked for" },
    Dropped { name: "NPM_TOKEN", why: "a token that no step asked for" },
    Dropped { name: "CARGO_REGISTRY_TOKEN", why: "a token that no step asked for" },
    Dropped { name: "TWINE_PASSWORD", why: "a secret that no step asked for" },
];

/// What is left in `minimal` mode: enough for a shell, git, the client's login and its way to the model service.
pub const MINIMAL: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TERM",
    "LANG",
    "LC_*",
    "TZ",
    "TMPDIR",
    "XDG_*",
    "SSH_AUTH_SOCK",
    "IS_SANDBOX",
    "ANTHROPIC_*",
    "CLAUDE_CONFIG_DIR",
    "CLAUDE_CODE_*",
    "AWS_*",
    "GOOGLE_*",
    "CLOUD_ML_REGION",
    "VERTEX_*",
    "DISABLE_*",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// What is set for every session.
const ALWAYS: &[(&str, &str)] = &[
    // Without it the client looks for editors by lock files, whatever the environment says.
    ("CLAUDE_CODE_AUTO_CONNECT_IDE", "0"),
    // A session must not replace the client under other sessions.
    ("DISABLE_AUTOUPDATER", "1"),
    ("AUTOSKILLIT_HEADLESS", "1"),
    // git must fail rather than wait for a password that nobody types.
    ("GIT_TERMINAL_PROMPT", "0"),
];

impl EnvPolicy {
    /// The environment of a session whose parent has `inherited`.
    #[must_use]
    pub fn session(
        &self,
        inherited: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Vec<(OsString, OsString)> {
        let mut env: Vec<_> =
            inherited.into_iter().filter(|(name, _)| self.passes(&name.to_string_lossy())).collect();
        env.retain(|(name, _)| ALWAYS.iter().all(|(always, _)| name != always));
        env.extend(ALWAYS.iter().map(|(name, value)| (name.into(), value.into())));
        env
    }

    /// Whether a variable is inherited.
    #[must_use]
    pub fn passes(&self, name: &str) -> bool {
        if self.drop.iter().any(|rule| matches(rule, name)) {
            return false;
        }
        if self.pass.iter().any(|rule| matches(rule, name)) {
            return true;
        }
        // The client's settings share a prefix with what marks an enclosing client, so the deny-list goes first.
        !DROPPED.iter().any(|rule| matches(rule.name, name))
            && match self.mode {
                EnvMode::Inherit => true,
                EnvMode::Minimal => MINIMAL.iter().any(|rule| matches(rule, name)),
            }
    }
}

/// The environment of the user's own commands (tests, `run_cmd`): theirs, without our variables.
#[must_use]
pub fn command(inherited: impl IntoIterator<Item = (OsString, OsString)>) -> Vec<(OsString, OsString)> {
    inherited.into_iter().filter(|(name, _)| !name.to_string_lossy().starts_with("AUTOSKILLIT_")).collect()
}

fn matches(rule: &str, name: &str) -> bool {
    rule.strip_suffix('*').map_or(rule == name, |start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(policy: &EnvPolicy, names: &[&str]) -> Vec<String> {
        policy
            .session(names.iter().map(|&name| (name.into(), "x".into())))
            .into_iter()
            .map(|(name, _)| name.into_string().unwrap())
            .filter(|name| ALWAYS.iter().all(|(always, _)| name != always))
            .collect()
    }

    #[test]
    fn the_users_variables_stay_and_strangers_go() {
        let names = [
            "PATH",
            "MY_VAR",
            "CLAUDECODE",
            "CLAUDE_CODE_SSE_PORT",
            "AUTOSKILLIT_X",
            "GH_TOKEN",
            "ANTHROPIC_API_KEY",
        ];
        assert_eq!(session(&EnvPolicy::default(), &names), ["PATH", "MY_VAR", "ANTHROPIC_API_KEY"]);
        let policy =
            EnvPolicy { pass: vec!["GH_TOKEN".into()], drop: vec!["MY_*".into()], ..EnvPolicy::default() };
        assert_eq!(session(&policy, &names), ["PATH", "GH_TOKEN", "ANTHROPIC_API_KEY"]);
        let policy = EnvPolicy { mode: EnvMode::Minimal, ..EnvPolicy::default() };
        assert_eq!(session(&policy, &names), ["PATH", "ANTHROPIC_API_KEY"]);
    }

    #[test]
    fn what_is_always_set_wins_over_what_is_inherited() {
        let env = EnvPolicy::default().session([("GIT_TERMINAL_PROMPT".into(), "1".into())]);
        let values: Vec<_> = env.iter().filter(|(name, _)| name == "GIT_TERMINAL_PROMPT").collect();
        assert_eq!(values, [&(OsString::from("GIT_TERMINAL_PROMPT"), OsString::from("0"))]);
    }
}

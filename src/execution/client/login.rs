//! How sessions log in to the model service, as far as it can be told without asking anybody. Nothing secret leaves here.
//!
//! The client itself answers `claude auth status`, but not for nothing: it writes its state file, and with a login that is due it
//! goes to the network to renew it, which can log other sessions out. So the same places are looked at here, in the client's
//! order. A test holds this against the client's own answer.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// Variables that hand sessions to another provider, which has a login of its own.
pub const PROVIDERS: &[(&str, &str)] = &[
    ("CLAUDE_CODE_USE_BEDROCK", "Amazon Bedrock"),
    ("CLAUDE_CODE_USE_VERTEX", "Google Vertex AI"),
    ("CLAUDE_CODE_USE_FOUNDRY", "Microsoft Foundry"),
    ("CLAUDE_CODE_USE_MANTLE", "Mantle"),
    ("CLAUDE_CODE_USE_ANTHROPIC_AWS", "Anthropic on AWS"),
];

/// Variables that hold what logs in, where no helper is set; then [`LAST_VARIABLE`].
const VARIABLES: &[&str] = &["ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY"];

/// The variable that counts after a helper.
pub const LAST_VARIABLE: &str = "CLAUDE_CODE_OAUTH_TOKEN";

/// What a stored login must be good for.
const SCOPE: &str = "user:inference";

/// A file that may be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// There is none.
    Absent,
    /// It cannot be read; what the system says.
    Unreadable(String),
    /// Its text.
    Text(String),
}

impl Stored {
    /// Reads a file.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        match std::fs::read(path) {
            Ok(bytes) => Self::Text(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::Absent,
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Self::Absent,
            Err(error) => Self::Unreadable(error.to_string()),
        }
    }

    /// The file as JSON, when it is there and is some.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        match self {
            Self::Text(text) => serde_json::from_str(text).ok(),
            Self::Absent | Self::Unreadable(_) => None,
        }
    }
}

/// The places where a login can be.
#[derive(Debug)]
pub struct Places<'a> {
    /// The variables of a session, those that settings of the client add included.
    pub env: &'a [(String, String)],
    /// The settings file with an `apiKeyHelper` that sessions obey.
    pub helper: Option<PathBuf>,
    /// `.credentials.json` in the client's folder.
    pub credentials: Stored,
    /// The client's state file, [`state_file`].
    pub state: Stored,
    /// Whether the system has a keychain, which is not looked into.
    pub keychain: bool,
}

/// How sessions log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// With another provider, of this name.
    Provider(&'static str),
    /// With what this variable holds.
    Variable(&'static str),
    /// With what a command says that this settings file names.
    Helper(PathBuf),
    /// With the account that was logged in with; it renews itself.
    Account,
    /// The same, until then.
    AccountUntil(Timestamp),
    /// With a key that the account made.
    AccountKey,
    /// The account's login is over since then, and cannot be renewed.
    Expired(Timestamp),
    /// The file of the login is of no use; why.
    Damaged(String),
    /// There may be one in the system's keychain.
    Unseen,
    /// There is none.
    None,
}

/// The client's state file: in its folder when that was chosen, else beside it.
#[must_use]
pub fn state_file(chosen: Option<&Path>, home: &Path) -> PathBuf {
    chosen.unwrap_or(home).join(".claude.json")
}

/// The client's settings files that have a say in sessions, the weakest first: of the user's file the login and the environment
/// are carried over where it is no source. `dir` is the client's folder, `top` the repository, `sources` what `session.setting_sources` lists.
#[must_use]
pub fn settings_files(dir: Option<&Path>, top: Option<&Path>, sources: &[String]) -> Vec<PathBuf> {
    let of_project = [("project", "settings.json"), ("local", "settings.local.json")]
        .into_iter()
        .filter(|(name, _)| sources.iter().any(|source| source == name))
        .filter_map(|(_, file)| Some(top?.join(".claude").join(file)));
    let managed = if cfg!(target_os = "macos") {
        "/Library/Application Support/ClaudeCode/managed-settings.json"
    } else {
        "/etc/claude-code/managed-settings.json"
    };
    dir.map(|dir| dir.join("settings.json")).into_iter().chain(of_project).chain([managed.into()]).collect()
}

/// The variables of a session with those that the client's settings set, and the strongest file that names a helper.
#[must_use]
pub fn with_settings<'a>(
    env: &[(OsString, OsString)],
    files: impl IntoIterator<Item = (&'a Path, &'a Stored)>,
) -> (Vec<(String, String)>, Option<PathBuf>) {
    let mut env: Vec<(String, String)> = env
        .iter()
        .filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value.to_string_lossy().into_owned())))
        .collect();
    let mut helper = None;
    for (path, content) in files {
        let Some(settings) = content.json() else { continue };
        for (name, value) in settings["env"].as_object().into_iter().flatten() {
            env.retain(|(known, _)| known != name);
            env.extend(value.as_str().map(|value| (name.clone(), value.to_owned())));
        }
        if settings["apiKeyHelper"].as_str().is_some_and(|command| !command.is_empty()) {
            helper = Some(path.to_owned());
        }
    }
    (env, helper)
}

/// Whether the client takes a variable of this value for set.
fn is_on(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "1" | "true" | "yes" | "on")
}

/// What variables decide before anything else is looked at; `value` gives one that is not empty.
fn by_variable<'v>(value: impl Fn(&str) -> Option<&'v str>) -> Option<Login> {
    let provider = PROVIDERS.iter().find(|(name, _)| value(name).is_some_and(is_on));
    let provider = provider.map(|(_, provider)| Login::Provider(provider));
    provider.or_else(|| VARIABLES.iter().find(|name| value(name).is_some()).map(|name| Login::Variable(name)))
}

/// When a stored login is over, if it says so.
#[must_use]
pub fn until(login: &Value) -> Option<Timestamp> {
    login["expiresAt"].as_i64().and_then(|at| Timestamp::from_millisecond(at).ok())
}

/// How sessions log in at the time `now`.
#[must_use]
pub fn login(places: &Places<'_>, now: Timestamp) -> Login {
    let value = |name: &str| {
        let set = places.env.iter().find(|(known, _)| known == name);
        set.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    };
    if let Some(login) = by_variable(value) {
        return login;
    }
    if let Some(path) = &places.helper {
        return Login::Helper(path.clone());
    }
    if value(LAST_VARIABLE).is_some() {
        return Login::Variable(LAST_VARIABLE);
    }
    let state = places.state.json().unwrap_or_default();
    let key = state["primaryApiKey"].as_str().is_some_and(|key| !key.is_empty());
    match account(&places.credentials, now) {
        Some(login @ (Login::Account | Login::AccountUntil(_))) => login,
        _ if key => Login::AccountKey,
        Some(useless) => useless,
        None if places.keychain => Login::Unseen,
        None => Login::None,
    }
}

/// What the file of the account's login is good for; `None` when there is no login in it.
fn account(credentials: &Stored, now: Timestamp) -> Option<Login> {
    let text = match credentials {
        Stored::Absent => return None,
        Stored::Unreadable(why) => return Some(Login::Damaged(why.clone())),
        Stored::Text(text) => text,
    };
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return Some(Login::Damaged("it is no JSON".to_owned()));
    };
    let login = value.get("claudeAiOauth")?;
    let has = |name: &str| login[name].as_str().is_some_and(|text| !text.is_empty());
    if !has("accessToken") {
        return None;
    }
    if !login["scopes"].as_array().is_some_and(|scopes| scopes.iter().any(|scope| scope == SCOPE)) {
        return Some(Login::Damaged(format!("its login is not good for `{SCOPE}`")));
    }
    Some(match until(login) {
        _ if has("refreshToken") => Login::Account,
        Some(until) if until <= now => Login::Expired(until),
        Some(until) => Login::AccountUntil(until),
        None => Login::Account,
    })
}

/// How long before its end a login is renewed: the client does so some minutes ahead.
const AHEAD: SignedDuration = SignedDuration::from_mins(15);

/// Whether a session that starts now will renew the account's login: its file is the one that counts, it can be renewed, and its time is
/// nearly up. A login that is renewed twice at once logs the slower one out.
#[must_use]
pub fn is_due(env: &[(OsString, OsString)], credentials: &Stored, now: Timestamp) -> bool {
    let value = |name: &str| {
        let set = env.iter().find(|(known, _)| known == name);
        set.filter(|(_, value)| !value.is_empty()).map(|(_, value)| value.to_str().unwrap_or_default())
    };
    if by_variable(value).is_some() || value(LAST_VARIABLE).is_some() {
        return false;
    }
    let Some(stored) = credentials.json() else { return false };
    let login = &stored["claudeAiOauth"];
    let renewable = login["refreshToken"].as_str().is_some_and(|token| !token.is_empty());
    renewable && until(login).is_some_and(|until| until <= now + AHEAD)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn credentials(refresh: &str, until: &str, scopes: &[&str]) -> Stored {
        let login = json!({
            "accessToken": "secret",
            "refreshToken": refresh,
            "expiresAt": at(until).as_millisecond(),
            "scopes": scopes,
        });
        Stored::Text(json!({ "claudeAiOauth": login }).to_string())
    }

    fn of(env: &[(&str, &str)], helper: bool, credentials: Stored, state: &str) -> Login {
        let env: Vec<_> = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let places = Places {
            env: &env,
            helper: helper.then(|| "/h/settings.json".into()),
            credentials,
            state: Stored::Text(state.to_owned()),
            keychain: false,
        };
        login(&places, at("2026-01-01T00:00:00Z"))
    }

    #[test]
    fn a_renewal_is_due_when_the_accounts_login_is_nearly_over() {
        let now = at("2026-01-01T00:00:00Z");
        let due = |env: &[(&str, &str)], stored: Stored| {
            let env: Vec<_> = env.iter().map(|(name, value)| (name.into(), value.into())).collect();
            is_due(&env, &stored, now)
        };
        let soon = || credentials("r", "2026-01-01T00:10:00Z", &[SCOPE]);
        assert!(due(&[], soon()));
        assert!(due(&[], credentials("r", "2025-12-31T00:00:00Z", &[SCOPE])));
        assert!(!due(&[], credentials("r", "2026-01-01T01:00:00Z", &[SCOPE])), "there is time");
        assert!(!due(&[], credentials("", "2026-01-01T00:10:00Z", &[SCOPE])), "it cannot be renewed");
        assert!(!due(&[("CLAUDE_CODE_OAUTH_TOKEN", "x")], soon()), "it is not what counts");
        assert!(!due(&[("ANTHROPIC_API_KEY", "x")], soon()));
        assert!(!due(&[("CLAUDE_CODE_USE_VERTEX", "1")], soon()));
        assert!(due(&[("CLAUDE_CODE_USE_VERTEX", "0"), ("ANTHROPIC_API_KEY", "")], soon()), "they are off");
        assert!(!due(&[], Stored::Absent));
    }

    #[test]
    fn the_first_place_that_has_a_login_counts() {
        let stored = || credentials("r", "2027-01-01T00:00:00Z", &[SCOPE]);
        let helper = || Login::Helper("/h/settings.json".into());
        let all = [
            ("CLAUDE_CODE_USE_BEDROCK", "1"),
            ("ANTHROPIC_AUTH_TOKEN", "x"),
            ("ANTHROPIC_API_KEY", "x"),
            ("CLAUDE_CODE_OAUTH_TOKEN", "x"),
        ];
        assert_eq!(of(&all, true, stored(), "{}"), Login::Provider("Amazon Bedrock"));
        assert_eq!(of(&all[1..], true, stored(), "{}"), Login::Variable("ANTHROPIC_AUTH_TOKEN"));
        assert_eq!(of(&all[2..], true, stored(), "{}"), Login::Variable("ANTHROPIC_API_KEY"));
        assert_eq!(of(&all[3..], true, stored(), "{}"), helper());
        assert_eq!(of(&all[3..], false, stored(), "{}"), Login::Variable("CLAUDE_CODE_OAUTH_TOKEN"));
        assert_eq!(of(&[], false, stored(), "{}"), Login::Account);
        assert_eq!(of(&[], false, Stored::Absent, r#"{"primaryApiKey":"x"}"#), Login::AccountKey);
        assert_eq!(of(&[], false, Stored::Absent, "{}"), Login::None);
    }

    #[test]
    fn variables_that_are_off_or_empty_do_not_count() {
        for (name, value) in
            [("CLAUDE_CODE_USE_VERTEX", "0"), ("CLAUDE_CODE_USE_VERTEX", ""), ("ANTHROPIC_API_KEY", "")]
        {
            assert_eq!(of(&[(name, value)], false, Stored::Absent, "{}"), Login::None, "{name}={value}");
        }
    }

    #[test]
    fn what_a_stored_login_is_worth() {
        let (old, soon) = ("2025-12-31T00:00:00Z", "2026-01-02T00:00:00Z");
        let text = |text: &str| Stored::Text(text.to_owned());
        let damaged = |why: &str| Login::Damaged(why.to_owned());
        let cases = [
            (credentials("r", old, &[SCOPE]), Login::Account),
            (credentials("", old, &[SCOPE]), Login::Expired(at(old))),
            (credentials("", soon, &[SCOPE]), Login::AccountUntil(at(soon))),
            (
                credentials("r", soon, &["user:profile"]),
                damaged("its login is not good for `user:inference`"),
            ),
            (text("{"), damaged("it is no JSON")),
            (text("{}"), Login::None),
            (text(r#"{"claudeAiOauth":{"accessToken":""}}"#), Login::None),
            (text(r#"{"claudeAiOauth":null}"#), Login::None),
            (Stored::Unreadable("Permission denied".into()), damaged("Permission denied")),
        ];
        for (credentials, expected) in cases {
            assert_eq!(of(&[], false, credentials.clone(), "{}"), expected, "{credentials:?}");
        }
        // A key that the account made is as good.
        assert_eq!(of(&[], false, text("{"), r#"{"primaryApiKey":"x"}"#), Login::AccountKey);
    }

    #[test]
    fn a_keychain_may_hold_what_is_nowhere_else() {
        let places = Places {
            env: &[],
            helper: None,
            credentials: Stored::Absent,
            state: Stored::Absent,
            keychain: true,
        };
        assert_eq!(login(&places, Timestamp::UNIX_EPOCH), Login::Unseen);
    }

    #[test]
    fn the_state_file_goes_with_a_chosen_folder() {
        assert_eq!(state_file(None, Path::new("/h")), Path::new("/h/.claude.json"));
        assert_eq!(state_file(Some(Path::new("/c")), Path::new("/h")), Path::new("/c/.claude.json"));
    }
}

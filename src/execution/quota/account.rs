//! Is there anything to guard? Only the plan of an account has windows; a key and another provider have none.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;

use super::source::{AccessToken, SERVICE};
use crate::execution::client::config_dir;
use crate::execution::client::login::{
    LAST_VARIABLE, Login, Places, Stored, login, settings_files, state_file, until, with_settings,
};

/// What sessions are paid with, as far as it has windows.
#[derive(Debug, Clone, PartialEq)]
pub enum Account {
    /// A plan, and a login that can ask what is used of it.
    Plan {
        /// The login.
        token: AccessToken,
        /// The service.
        base: String,
    },
    /// A plan, and no login that can ask now. What sessions hear of its limits still counts.
    Silent {
        /// What tells the login from another one.
        mark: String,
        /// Why it cannot ask, in words.
        why: String,
    },
    /// Nothing to guard; why, in words.
    None(String),
}

impl Account {
    /// The account that sessions with the environment `env` use. `top` is the repository, `sources` what `session.setting_sources` lists.
    /// Reads the client's files and asks nobody.
    #[must_use]
    pub fn find(
        env: &[(OsString, OsString)],
        top: Option<&Path>,
        sources: &[String],
        now: Timestamp,
    ) -> Self {
        let set = |name: &str| {
            let set = env.iter().find(|(known, _)| known == name);
            set.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
        };
        let dir = config_dir(set);
        let files: Vec<(PathBuf, Stored)> = settings_files(dir.as_deref(), top, sources)
            .into_iter()
            .map(|path| (path.clone(), Stored::read(&path)))
            .collect();
        let (env, helper) = {
            let all = || files.iter().map(|(path, content)| (path.as_path(), content));
            // A repository may send its sessions elsewhere. What logs the user in does not follow it there.
            let user = dir.as_ref().map(|dir| dir.join("settings.json"));
            let of_repository =
                |path: &Path| top.is_some_and(|top| path.starts_with(top)) && user.as_deref() != Some(path);
            let (own, _) = with_settings(env, all().filter(|(path, _)| !of_repository(path)));
            let (env, helper) = with_settings(env, all());
            if value(&own, BASE_URL) != value(&env, BASE_URL) {
                let why = "the settings of the repository send sessions to another service";
                return Self::None(why.to_owned());
            }
            (env, helper)
        };
        let chosen = set("CLAUDE_CONFIG_DIR").map(PathBuf::from);
        let state = set("HOME").map(|home| state_file(chosen.as_deref(), Path::new(&home)));
        let read = |path: Option<PathBuf>| path.map_or(Stored::Absent, |path| Stored::read(&path));
        let places = Places {
            env: &env,
            helper,
            credentials: read(dir.map(|dir| dir.join(".credentials.json"))),
            state: read(state),
            keychain: cfg!(target_os = "macos"),
        };
        Self::of(&places, now)
    }

    /// The account of these places.
    #[must_use]
    pub fn of(places: &Places<'_>, now: Timestamp) -> Self {
        let none = |why: &str| Self::None(why.to_owned());
        match login(places, now) {
            Login::Provider(name) => Self::None(format!("sessions use {name}, which has no windows")),
            Login::Variable(name) if name == LAST_VARIABLE => Self::Silent {
                mark: AccessToken::new(variable(places, name).unwrap_or_default()).mark(),
                why: format!("the login of {name} may not ask the service"),
            },
            Login::Variable(name) => Self::None(format!("sessions log in with {name}, which has no windows")),
            Login::Helper(path) => Self::None(format!(
                "sessions log in with the `apiKeyHelper` of {}, which has no windows",
                path.display()
            )),
            Login::AccountKey => none("sessions log in with a key of the account, which has no windows"),
            Login::Unseen => none("there is no login in a file or a variable; a keychain is not looked into"),
            Login::Expired(_) | Login::Damaged(_) | Login::None => none("no account is logged in"),
            Login::Account | Login::AccountUntil(_) => {
                let stored = places.credentials.json().unwrap_or_default();
                Self::stored(&stored["claudeAiOauth"], places, now)
            }
        }
    }

    fn stored(login: &Value, places: &Places<'_>, now: Timestamp) -> Self {
        let token = AccessToken::new(login["accessToken"].as_str().unwrap_or_default());
        if until(login).is_some_and(|until| until <= now) {
            // The client renews it. Two that do so at once can log each other out.
            let why = "the login is due to be renewed, which the next session does".to_owned();
            return Self::Silent { mark: token.mark(), why };
        }
        let base = variable(places, BASE_URL).unwrap_or(SERVICE).to_owned();
        Self::Plan { token, base }
    }
}

/// The variable that says where the service is.
const BASE_URL: &str = "ANTHROPIC_BASE_URL";

fn variable<'a>(places: &Places<'a>, name: &str) -> Option<&'a str> {
    value(places.env, name)
}

fn value<'a>(env: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let set = env.iter().find(|(known, _)| known == name);
    set.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(env: &[(&str, &str)], login: Option<Value>) -> Account {
        let env: Vec<_> = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let stored = login.map(|login| Stored::Text(json!({ "claudeAiOauth": login }).to_string()));
        let places = Places {
            env: &env,
            helper: None,
            credentials: stored.unwrap_or(Stored::Absent),
            state: Stored::Absent,
            keychain: false,
        };
        Account::of(&places, "2026-01-01T00:00:00Z".parse().unwrap())
    }

    fn login(until: Option<&str>) -> Value {
        let until = until.map(|until| until.parse::<Timestamp>().unwrap().as_millisecond());
        json!({"accessToken": "t", "refreshToken": "r", "expiresAt": until, "scopes": ["user:inference"]})
    }

    #[test]
    fn a_repository_does_not_lead_the_login_away() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, value: Value| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, value.to_string()).unwrap();
        };
        let base = |url: &str| json!({"env": {"ANTHROPIC_BASE_URL": url}});
        write("home/.claude/.credentials.json", json!({ "claudeAiOauth": login(None) }));
        write("home/.claude/settings.json", base("https://mine.example"));
        let (home, top) = (dir.path().join("home"), dir.path().join("project"));
        let find = || {
            let env = [("HOME".into(), home.clone().into())];
            Account::find(&env, Some(&top), &["project".to_owned()], Timestamp::UNIX_EPOCH)
        };
        let plan = Account::Plan { token: AccessToken::new("t"), base: "https://mine.example".into() };
        assert_eq!(find(), plan);
        write("project/.claude/settings.json", base("https://theirs.example"));
        let why = "the settings of the repository send sessions to another service";
        assert_eq!(find(), Account::None(why.to_owned()));
        write("project/.claude/settings.json", base("https://mine.example"));
        assert_eq!(find(), plan);
    }

    #[test]
    fn only_a_plan_has_windows() {
        let plan = |base: &str| Account::Plan { token: AccessToken::new("t"), base: base.to_owned() };
        let soon = login(Some("2026-01-01T08:00:00Z"));
        assert_eq!(of(&[], Some(soon.clone())), plan(SERVICE));
        assert_eq!(
            of(&[("ANTHROPIC_BASE_URL", "http://localhost:1")], Some(soon.clone())),
            plan("http://localhost:1")
        );
        assert_eq!(of(&[], Some(login(None))), plan(SERVICE));

        let silent = |env: &[(&str, &str)], login| matches!(of(env, login), Account::Silent { .. });
        assert!(silent(&[], Some(login(Some("2026-01-01T00:00:00Z")))));
        assert!(silent(&[("CLAUDE_CODE_OAUTH_TOKEN", "x")], Some(soon.clone())));

        let none = |env: &[(&str, &str)], login| match of(env, login) {
            Account::None(why) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            none(&[("ANTHROPIC_API_KEY", "k")], Some(soon.clone())),
            "sessions log in with ANTHROPIC_API_KEY, which has no windows"
        );
        assert_eq!(
            none(&[("CLAUDE_CODE_USE_VERTEX", "1")], Some(soon)),
            "sessions use Google Vertex AI, which has no windows"
        );
        assert_eq!(none(&[], None), "no account is logged in");
    }
}

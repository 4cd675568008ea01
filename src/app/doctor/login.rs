//! How sessions log in to the model service.

use std::path::PathBuf;
use std::sync::Arc;

use super::facts::{Facts, value};
use super::report::{Check, Group, Topic};
use crate::core::threads::blocking;
use crate::execution::client::login::{Login, Places, Stored, login, state_file, with_settings};

pub(super) const LOGIN: Topic = Topic::new(Group::Client, "client.login", "login");

pub(super) async fn check(facts: Arc<Facts>) -> Vec<Check> {
    blocking(move || {
        let set = |name: &str| value(&facts.session_env, name);
        let home = set("HOME").map(PathBuf::from);
        let chosen = set("CLAUDE_CONFIG_DIR").map(PathBuf::from);
        let credentials = facts.client_dir().map(|dir| dir.join(".credentials.json"));
        let read = |path: Option<PathBuf>| path.map_or(Stored::Absent, |path| Stored::read(&path));
        let (env, helper) = {
            let files = facts.client_files.iter().map(|file| (file.path.as_path(), &file.content));
            with_settings(&facts.session_env, files)
        };
        let places = Places {
            env: &env,
            helper,
            credentials: read(credentials.clone()),
            state: read(home.map(|home| state_file(chosen.as_deref(), &home))),
            keychain: cfg!(target_os = "macos"),
        };
        let kept: Vec<String> = ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"]
            .into_iter()
            .filter(|name| facts.world.var(name).is_some() && set(name).is_none())
            .map(str::to_owned)
            .collect();
        vec![judge(&login(&places, facts.world.now), &credentials.unwrap_or_default(), &kept)]
    })
    .await
}

/// `file` is that of the account's login, `kept` what is set and kept from sessions.
fn judge(login: &Login, file: &std::path::Path, kept: &[String]) -> Check {
    let none = "Sessions cannot reach the model.";
    let log_in = |check: Check| check.mend("log in once with `claude`, or set ANTHROPIC_API_KEY");
    match login {
        Login::Provider(name) => LOGIN.ok(format!("with {name}, whose own login is not looked at")),
        Login::Variable(name) => LOGIN.ok(format!("with {name}")),
        Login::Helper(path) => LOGIN.ok(format!("with the `apiKeyHelper` of {}", path.display())),
        Login::Account => LOGIN.ok("with the account that is logged in"),
        Login::AccountUntil(until) => {
            LOGIN.ok(format!("with the account that is logged in, until {until:.0}"))
        }
        Login::AccountKey => LOGIN.ok("with a key of the account that is logged in"),
        Login::Expired(since) => {
            log_in(LOGIN.error(format!("the account's login is over since {since:.0}")).means(none))
        }
        Login::Damaged(why) => {
            log_in(LOGIN.error(format!("{} is of no use: {why}", file.display())).means(none))
        }
        Login::Unseen => LOGIN
            .warning("there is none in a file or a variable; it may be in the keychain")
            .means("The keychain is not looked into. Without a login sessions cannot reach the model.")
            .mend("ask the client: `claude auth status`"),
        Login::None if kept.is_empty() => log_in(LOGIN.error("there is none").means(none)),
        Login::None => LOGIN
            .error(format!("there is none: `session.env` keeps {} from sessions", kept.join(" and ")))
            .means(none)
            .mend("let it pass: name it in `session.env.pass` of .autoskillit/config.yaml, not in `drop`"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::app::doctor::report::Level;

    #[test]
    fn what_logins_mean() {
        let at: jiff::Timestamp = "2026-01-01T12:00:00.123Z".parse().unwrap();
        let file = Path::new("/h/.claude/.credentials.json");
        let said = |login: Login, kept: &[String]| {
            let check = judge(&login, file, kept);
            (check.level, check.message)
        };
        let cases = [
            (
                Login::Provider("Amazon Bedrock"),
                Level::Ok,
                "with Amazon Bedrock, whose own login is not looked at",
            ),
            (Login::Variable("ANTHROPIC_API_KEY"), Level::Ok, "with ANTHROPIC_API_KEY"),
            (Login::Account, Level::Ok, "with the account that is logged in"),
            (
                Login::AccountUntil(at),
                Level::Ok,
                "with the account that is logged in, until 2026-01-01T12:00:00Z",
            ),
            (Login::Expired(at), Level::Error, "the account's login is over since 2026-01-01T12:00:00Z"),
            (
                Login::Damaged("it is no JSON".into()),
                Level::Error,
                "/h/.claude/.credentials.json is of no use: it is no JSON",
            ),
            (
                Login::Unseen,
                Level::Warning,
                "there is none in a file or a variable; it may be in the keychain",
            ),
            (Login::None, Level::Error, "there is none"),
        ];
        for (login, level, message) in cases {
            assert_eq!(said(login, &[]), (level, message.to_owned()));
        }
        let kept = said(Login::None, &["ANTHROPIC_API_KEY".to_owned()]);
        assert_eq!(kept.1, "there is none: `session.env` keeps ANTHROPIC_API_KEY from sessions");
    }
}

//! GitHub: the program `gh`, a token. No step of this version needs either, so their absence is nothing to worry about.
//!
//! The doctor does not run `gh`: newer ones rewrite their configuration at any command. Its files say what is asked here. Where a token
//! itself is wanted, `gh auth token` is run ([`crate::github::token`]), in this version by `kitchen_status` alone.

use std::path::PathBuf;
use std::sync::Arc;

use super::facts::{Facts, value};
use super::report::{Check, Group, Topic};
use crate::core::threads::blocking;
use crate::execution::client::login::Stored;
use crate::github::token::VARIABLES;

pub(super) const GH: Topic = Topic::new(Group::Github, "github.gh", "gh");
pub(super) const TOKEN: Topic = Topic::new(Group::Github, "github.token", "token");

pub(super) async fn gh(facts: Arc<Facts>) -> Vec<Check> {
    let found = blocking(move || facts.world.find("gh")).await;
    vec![match found {
        Some(path) => GH.ok(path.display().to_string()),
        None => GH.ok("not installed; no step of this version needs it"),
    }]
}

pub(super) async fn token(facts: Arc<Facts>) -> Vec<Check> {
    blocking(move || {
        let entry = match &facts.loaded {
            Some(Ok(loaded)) => loaded.entries.iter().find(|entry| entry.key.name == "github.token"),
            _ => None,
        };
        let setting = entry.filter(|entry| !entry.value.is_null()).map(|entry| entry.origin.to_string());
        let variable = VARIABLES.into_iter().find(|name| facts.world.var(name).is_some());
        let seen = variable.is_some_and(|name| value(&facts.session_env, name).is_some());
        let hosts = hosts(&facts).map_or(Stored::Absent, |path| Stored::read(&path));
        vec![judge(setting.as_deref(), variable, seen, &hosts)]
    })
    .await
}

/// Where `gh` notes which hosts it is logged in to.
fn hosts(facts: &Facts) -> Option<PathBuf> {
    let set = |name: &str| facts.world.var(name).map(PathBuf::from);
    let dir = set("GH_CONFIG_DIR")
        .or_else(|| Some(set("XDG_CONFIG_HOME")?.join("gh")))
        .or_else(|| Some(set("HOME")?.join(".config/gh")))?;
    Some(dir.join("hosts.yml"))
}

/// `setting` is the place that sets `github.token`, `seen` whether sessions see the variable, `hosts` what `gh` knows.
fn judge(setting: Option<&str>, variable: Option<&str>, seen: bool, hosts: &Stored) -> Check {
    let knows = |text: &str| {
        let hosts: Option<serde_yaml::Mapping> = serde_yaml::from_str(text).ok();
        hosts.is_some_and(|hosts| hosts.contains_key("github.com"))
    };
    match (setting, variable, hosts) {
        (Some(place), ..) => TOKEN.ok(format!("`github.token`, from {place}")),
        (None, Some(name), _) if seen => TOKEN.ok(format!("in {name}; sessions see it too")),
        (None, Some(name), _) => TOKEN.ok(format!("in {name}; sessions do not see it")),
        (None, None, Stored::Text(text)) if knows(text) => TOKEN.ok("`gh` is logged in to github.com"),
        _ => TOKEN.ok("none; no step of this version needs one"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_token_is() {
        let said = |setting, variable, hosts: &str| {
            judge(setting, variable, false, &Stored::Text(hosts.to_owned())).message
        };
        let hosts = "github.com:\n    user: ada\n    oauth_token: secret\n";
        assert_eq!(
            said(Some("/r/.secrets.yaml:2"), Some("GH_TOKEN"), hosts),
            "`github.token`, from /r/.secrets.yaml:2"
        );
        assert_eq!(said(None, Some("GH_TOKEN"), hosts), "in GH_TOKEN; sessions do not see it");
        assert_eq!(said(None, None, hosts), "`gh` is logged in to github.com");
        for other in ["", "[", "ghe.example.org: {user: ada}"] {
            assert_eq!(said(None, None, other), "none; no step of this version needs one");
        }
    }
}

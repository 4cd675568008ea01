//! What sessions may do and see.

use std::ffi::OsString;
use std::sync::Arc;

use super::facts::{ClientFile, Facts, value};
use super::report::{Check, Group, Topic};
use crate::app::error::AppError;
use crate::config::kind::Kind;
use crate::config::{EnvMode, Permissions, table};
use crate::execution::client::login::Stored;
use crate::execution::client::{Client, ClientError};

pub(super) const PERMISSIONS: Topic = Topic::new(Group::Session, "session.permissions", "permissions");
pub(super) const SOURCES: Topic = Topic::new(Group::Session, "session.sources", "settings");
pub(super) const ENVIRONMENT: Topic = Topic::new(Group::Session, "session.environment", "environment");

pub(super) async fn permissions(facts: Arc<Facts>) -> Vec<Check> {
    let asked = facts.settings.session.permissions;
    let sandbox = value(&facts.session_env, "IS_SANDBOX").map(|value| value.to_string_lossy().into_owned());
    let client = Client { program: "claude".into(), leading: Vec::new(), player: false };
    let refused = client.check_root(asked, facts.world.root, sandbox.as_deref()).err();
    vec![judge_permissions(asked, refused, facts.world.root)]
}

fn judge_permissions(asked: Permissions, refused: Option<ClientError>, root: bool) -> Check {
    let name = asked.name();
    if let Some(refused) = refused {
        let check = PERMISSIONS
            .error(format!("{name} as root, outside a sandbox"))
            .means("Claude Code refuses that, so no session can run.");
        return AppError::from(refused).hints.into_iter().fold(check, Check::mend);
    }
    let choices = match table::find("session.permissions").map(|key| key.kind) {
        Some(Kind::OneOf(choices)) => choices,
        _ => &[],
    };
    let what = choices.iter().find(|choice| choice.name == name).map_or("", |choice| choice.summary);
    let sandbox = (root && asked == Permissions::Bypass).then_some("as root, with IS_SANDBOX set");
    PERMISSIONS.ok(format!("{name}: {what}")).details(sandbox)
}

pub(super) async fn sources(facts: Arc<Facts>) -> Vec<Check> {
    vec![judge_sources(&facts.settings.session.setting_sources, &facts.client_files)]
}

fn judge_sources(sources: &[String], files: &[ClientFile]) -> Check {
    let broken: Vec<String> = files
        .iter()
        .filter_map(|file| {
            let why = match &file.content {
                Stored::Absent => return None,
                Stored::Unreadable(why) => why.clone(),
                Stored::Text(text) => match serde_json::from_str::<serde_json::Value>(text) {
                    Ok(value) if value.is_object() => return None,
                    Ok(_) => "it is no JSON object".to_owned(),
                    Err(error) => format!("it is no JSON: {error}"),
                },
            };
            Some(format!("{}: {why}", file.path.display()))
        })
        .collect();
    if !broken.is_empty() {
        return SOURCES
            .warning(match broken.len() {
                1 => "a settings file of Claude Code is broken".to_owned(),
                many => format!("{many} settings files of Claude Code are broken"),
            })
            .means("Sessions go on without what it says: permissions, environment, login.")
            .details(broken)
            .mend("correct the file; `claude doctor` shows what Claude Code thinks of it");
    }
    let read = match sources {
        [] => "none of Claude Code's settings files are read".to_owned(),
        sources => format!("Claude Code reads {}", sources.join(", ")),
    };
    let carried = if sources.iter().any(|source| source == "user") {
        ""
    } else {
        "; of your own settings, sessions get login and environment"
    };
    SOURCES.ok(format!("{read}{carried}"))
}

pub(super) async fn environment(facts: Arc<Facts>) -> Vec<Check> {
    let policy = &facts.settings.session.env;
    let names = |env: &[(OsString, OsString)]| -> Vec<String> {
        let mut names: Vec<String> =
            env.iter().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    let (mine, theirs) = (names(&facts.world.env), names(&facts.session_env));
    let (seen, dropped): (Vec<String>, Vec<String>) = mine.into_iter().partition(|name| policy.passes(name));
    let set = theirs.into_iter().filter(|name| !seen.contains(name)).collect();
    vec![judge_environment(policy.mode, seen, &dropped, set)]
}

/// `seen` and `dropped` are the names of the user's variables, `set` of those that sessions get in addition.
fn judge_environment(mode: EnvMode, seen: Vec<String>, dropped: &[String], set: Vec<String>) -> Check {
    /// With more names a line tells less.
    const NAMED: usize = 8;
    let mode = match mode {
        EnvMode::Inherit => "inherit",
        EnvMode::Minimal => "minimal",
    };
    let mut named = dropped.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if dropped.len() > NAMED {
        named.push_str(&format!(" and {} more", dropped.len() - NAMED));
    }
    let all = seen.len() + dropped.len();
    let told = match dropped.len() {
        0 => format!("{mode}: sessions see all of your {all} variables"),
        _ => format!("{mode}: sessions see {} of your {all} variables, not {named}", seen.len()),
    };
    let list = |what: &str, names: &[String]| match names.is_empty() {
        true => None,
        false => Some(format!("{what}: {}", names.join(", "))),
    };
    let details = [list("seen", &seen), list("not seen", dropped), list("set for sessions", &set)];
    ENVIRONMENT.ok(told).details(details.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::doctor::report::Level;

    #[test]
    fn what_sessions_may_do() {
        let refused = judge_permissions(Permissions::Bypass, Some(ClientError::RootWithoutSandbox), true);
        assert_eq!((refused.level, refused.mend.len()), (Level::Error, 2));
        let said = |asked, root| judge_permissions(asked, None, root);
        let bypass = said(Permissions::Bypass, true);
        assert_eq!(bypass.message, "bypass: everything, without asking: unattended work needs it");
        assert_eq!(bypass.details, ["as root, with IS_SANDBOX set"]);
        assert!(said(Permissions::Bypass, false).details.is_empty());
        assert_eq!(
            said(Permissions::DontAsk, true).message,
            "dont_ask: what `session.allowed_tools` lists; the rest is refused"
        );
    }

    #[test]
    fn what_the_client_reads() {
        let file = |text: &str| ClientFile { path: "/s.json".into(), content: Stored::Text(text.to_owned()) };
        let sources = ["project".to_owned(), "local".to_owned()];
        let level = |files: &[ClientFile]| judge_sources(&sources, files).level;
        assert_eq!(level(&[]), Level::Ok);
        assert_eq!(level(&[ClientFile { path: "/s.json".into(), content: Stored::Absent }]), Level::Ok);
        assert_eq!(level(&[file("{\"env\":{}}")]), Level::Ok);
        assert_eq!(level(&[file("{\"env\":")]), Level::Warning);
        assert_eq!(level(&[file("[]")]), Level::Warning);
        assert_eq!(
            judge_sources(&[], &[]).message.split(';').next(),
            Some("none of Claude Code's settings files are read")
        );
        assert_eq!(judge_sources(&["user".to_owned()], &[]).message, "Claude Code reads user");
    }

    #[test]
    fn what_sessions_see() {
        let names = |count: usize| (0..count).map(|number| format!("V{number}")).collect::<Vec<_>>();
        let said = |seen, dropped: usize| {
            judge_environment(EnvMode::Inherit, names(seen), &names(dropped), vec![]).message
        };
        assert_eq!(said(3, 0), "inherit: sessions see all of your 3 variables");
        assert_eq!(said(3, 2), "inherit: sessions see 3 of your 5 variables, not V0, V1");
        assert!(said(3, 10).ends_with("V6, V7 and 2 more"));
    }
}

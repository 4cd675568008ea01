//! What several checks need to know, gathered once.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::timeout;

use crate::app::error::AppError;
use crate::app::settings::sources;
use crate::config::{ConfigError, Loaded, Settings, load};
use crate::core::paths::{self, KitchenDir};
use crate::core::text::first_line;
use crate::core::threads::blocking;
use crate::execution::client::config_dir;
use crate::execution::client::login::{self, Stored};
use crate::execution::probe::{Answer, Prober, Said};
use crate::execution::warden::WardenProgram;
use crate::workspace::git::Checkout;

/// How long a program may take to answer. Old clients take 2 s for the first one after a start of the machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(4);

/// This process and its place.
#[derive(Debug, Clone)]
pub(super) struct World {
    /// The folder that is looked at.
    pub dir: PathBuf,
    /// Settings from the command line.
    pub flags: Vec<String>,
    /// The environment.
    pub env: Vec<(OsString, OsString)>,
    /// This program.
    pub program: PathBuf,
    /// Where git is, once that was looked up: `None` when the disk does not answer, `Some(None)` when there is none.
    pub git: Option<Option<PathBuf>>,
    /// What asks other programs.
    pub prober: Prober,
    /// Whether the user is root.
    pub root: bool,
    /// The time.
    pub now: Timestamp,
}

impl World {
    pub(super) fn of_this_process(dir: PathBuf, flags: Vec<String>) -> Result<Self, AppError> {
        let unknown =
            |error: std::io::Error| AppError::environment(format!("cannot find this program: {error}"));
        Ok(Self {
            dir,
            flags,
            env: std::env::vars_os().collect(),
            git: None,
            program: std::env::current_exe().map_err(unknown)?,
            prober: Prober { warden: WardenProgram::this().map_err(unknown)?, limit: PATIENCE },
            root: nix::unistd::geteuid().is_root(),
            now: Timestamp::now(),
        })
    }

    /// A variable; one that is empty counts as not set.
    pub(super) fn var(&self, name: &str) -> Option<OsString> {
        value(&self.env, name)
    }

    /// Where a program is on PATH.
    pub(super) fn find(&self, program: &str) -> Option<PathBuf> {
        which::which_in(program, self.var("PATH"), &self.dir).ok()
    }

    /// Asks git in a folder; `None` when there is no git. Its words are read, and nothing of the user's is refreshed on the way.
    pub(super) async fn git(
        &self,
        dir: &Path,
        env: &[(OsString, OsString)],
        args: &[&str],
    ) -> Option<Answer> {
        let git = match &self.git {
            None => return Some(Answer::Silent),
            Some(git) => git.as_ref()?.to_string_lossy(),
        };
        let argv: Vec<&str> = [&*git].into_iter().chain(args.iter().copied()).collect();
        let mut env = env.to_owned();
        for (name, value) in [("LC_ALL", "C"), ("GIT_OPTIONAL_LOCKS", "0"), ("GIT_TERMINAL_PROMPT", "0")] {
            env.retain(|(known, _)| known != name);
            env.push((name.into(), value.into()));
        }
        Some(self.prober.ask(&argv, dir, env).await)
    }
}

/// A variable of an environment; one that is empty counts as not set.
pub(super) fn value(env: &[(OsString, OsString)], name: &str) -> Option<OsString> {
    let set = env.iter().find(|(known, _)| known == name);
    set.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
}

/// Where the folder is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// In the checkout with this top.
    In(PathBuf),
    /// In a bare repository.
    Bare,
    /// In no repository.
    Outside,
    /// git does not say; what it does instead.
    Unclear(String),
    /// git is not there.
    NoGit,
}

/// What the answer to [`WHERE`] means.
pub(super) fn place(answer: &Answer) -> Place {
    match answer {
        Answer::Said(Said { code: Some(0), out, .. }) => match out.split_once('\n') {
            Some((_, top)) if !top.is_empty() => Place::In(top.strip_suffix('\n').unwrap_or(top).into()),
            _ => Place::Unclear("does not say where the top of the checkout is".to_owned()),
        },
        Answer::Said(said) if said.out.starts_with("true") => Place::Bare,
        Answer::Said(said) if said.out.starts_with("false") => Place::Outside,
        Answer::Said(said) if said.err.contains("not a git repository") => Place::Outside,
        Answer::Said(said) => {
            Place::Unclear(format!("says: {}", first_line(&said.err).trim_start_matches("fatal: ")))
        }
        other => Place::Unclear(other.complaint().unwrap_or_default()),
    }
}

const WHERE: &[&str] = &["rev-parse", "--is-bare-repository", "--show-toplevel"];

/// One of the client's settings files that have a say in sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClientFile {
    /// Where it is, or would be.
    pub path: PathBuf,
    /// What it says.
    pub content: Stored,
}

/// What several checks need.
#[derive(Debug)]
pub(super) struct Facts {
    /// This process.
    pub world: World,
    /// Where the folder is.
    pub place: Place,
    /// The settings as they were loaded; `None` when the disk does not answer.
    pub loaded: Option<Result<Loaded, ConfigError>>,
    /// The settings; the defaults where they are faulty.
    pub settings: Settings,
    /// The environment of a session.
    pub session_env: Vec<(OsString, OsString)>,
    /// The client's settings files, the weakest first.
    pub client_files: Vec<ClientFile>,
}

impl Facts {
    pub(super) async fn gather(mut world: World) -> Self {
        let here = world.clone();
        world.git = timeout(PATIENCE, blocking(move || here.find("git"))).await.ok();
        let place = match world.git(&world.dir, &world.env, WHERE).await {
            Some(answer) => place(&answer),
            None => Place::NoGit,
        };
        let (dir, flags) = (world.dir.clone(), world.flags.clone());
        let top = match &place {
            Place::In(top) => Some(top.clone()),
            _ => None,
        };
        let guess = matches!(place, Place::NoGit | Place::Unclear(_));
        let loading = blocking(move || {
            let top = top.or_else(|| Checkout::guess(&dir).filter(|_| guess));
            load(&sources(top.as_deref(), &flags))
        });
        let loaded = timeout(PATIENCE, loading).await.ok();
        let settings = match &loaded {
            Some(Ok(loaded)) => loaded.settings.clone(),
            _ => Settings::default(),
        };
        let session_env = settings.session.env.session(world.env.iter().cloned());
        let mut facts = Self { world, place, loaded, settings, session_env, client_files: Vec::new() };
        let paths = facts.client_settings();
        let reading = blocking(move || {
            let read = |path: PathBuf| ClientFile { content: Stored::read(&path), path };
            paths.into_iter().map(read).collect()
        });
        facts.client_files = timeout(PATIENCE, reading).await.unwrap_or_default();
        facts
    }

    /// The top of the checkout, when there is one.
    pub(super) fn top(&self) -> Option<&Path> {
        match &self.place {
            Place::In(top) => Some(top),
            _ => None,
        }
    }

    /// Our folder in the repository, when there is one.
    pub(super) fn kitchen(&self) -> Option<KitchenDir> {
        self.top().map(KitchenDir::of)
    }

    /// The client's folder, as sessions see it.
    pub(super) fn client_dir(&self) -> Option<PathBuf> {
        config_dir(|name| value(&self.session_env, name))
    }

    /// The user's folder of settings.
    pub(super) fn user_config(&self) -> Option<PathBuf> {
        paths::user_config()
    }

    fn client_settings(&self) -> Vec<PathBuf> {
        let sources = &self.settings.session.setting_sources;
        login::settings_files(self.client_dir().as_deref(), self.top(), sources)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_says_about_a_place() {
        let said = |code, out: &str, err: &str| {
            place(&Answer::Said(Said { code: Some(code), out: out.to_owned(), err: err.to_owned() }))
        };
        assert_eq!(said(0, "false\n/srv/a b\n", ""), Place::In("/srv/a b".into()));
        assert_eq!(said(0, "false\n/srv/line\nbreak\n", ""), Place::In("/srv/line\nbreak".into()));
        assert_eq!(said(128, "true\n", "fatal: this operation must be run in a work tree\n"), Place::Bare);
        assert_eq!(
            said(128, "false\n", "fatal: this operation must be run in a work tree\n"),
            Place::Outside
        );
        let nowhere = "fatal: not a git repository (or any of the parent directories): .git\n";
        assert_eq!(said(128, "", nowhere), Place::Outside);
        let strange = "fatal: detected dubious ownership in repository at '/srv'\nTo add an exception";
        assert_eq!(
            said(128, "", strange),
            Place::Unclear("says: detected dubious ownership in repository at '/srv'".into())
        );
        assert_eq!(place(&Answer::Silent), Place::Unclear("gives no answer".into()));
    }
}

//! Why a command could not do what it was asked for, in a form that the command line can show.

use miette::Diagnostic;

use crate::config::ConfigError;
use crate::core::text::did_you_mean;
use crate::execution::client::ClientError;
use crate::recipe::LoadError;
use crate::workspace::git::GitError;

/// What kind of trouble it is; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What was typed, a recipe, or a setting is wrong.
    Usage,
    /// The machine is not fit: client, git, disk.
    Environment,
    /// A person stopped it.
    Stopped,
    /// A person has to decide, and nobody is there to ask.
    Undecided,
}

/// An error with what to do about it.
#[derive(Debug)]
pub struct AppError {
    /// Its kind.
    pub kind: Kind,
    /// What is wrong, as a sentence without final stop.
    pub message: String,
    /// What to do, one line each.
    pub hints: Vec<String>,
    /// The source that shows it, when there is one; then `message` repeats its headline.
    pub diagnostic: Option<Box<dyn Diagnostic + Send + Sync>>,
}

impl AppError {
    /// Something typed is wrong.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// The machine is not fit.
    #[must_use]
    pub fn environment(message: impl Into<String>) -> Self {
        Self::new(Kind::Environment, message)
    }

    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new(), diagnostic: None }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Something of `what` has no `name`: the nearest name, or the list.
    #[must_use]
    pub fn unknown(what: &str, name: &str, known: &[String]) -> Self {
        let error = Self::usage(format!("there is no {what} `{name}`"));
        match did_you_mean(name, known.iter().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None if known.is_empty() => error.hint("there are none yet"),
            None => error.hint(format!("there are: {}", known.join(", "))),
        }
    }
}

impl std::fmt::Display for AppError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for AppError {}

impl From<LoadError> for AppError {
    fn from(error: LoadError) -> Self {
        let message = error.to_string();
        match error {
            LoadError::NotFound { available, help, .. } => {
                let all = (!help.starts_with("recipes:") && !available.is_empty())
                    .then(|| format!("there are: {}", available.join(", ")));
                let hints = std::iter::once(help).chain(all).collect();
                Self { hints, ..Self::usage(message) }
            }
            LoadError::Unreadable { help, .. } => {
                Self { hints: help.into_iter().collect(), ..Self::usage(message) }
            }
            LoadError::Ambiguous { help, .. } => Self::usage(message).hint(help),
            LoadError::Invalid(problems) => Self { diagnostic: Some(problems), ..Self::usage(message) },
        }
    }
}

impl From<ConfigError> for AppError {
    fn from(error: ConfigError) -> Self {
        let message = error.to_string();
        match error {
            ConfigError::Unreadable { .. } => Self::environment(message),
            ConfigError::Invalid(faults) => {
                Self { diagnostic: Some(faults.into_diagnostic()), ..Self::usage(message) }
            }
        }
    }
}

impl From<GitError> for AppError {
    fn from(error: GitError) -> Self {
        let app = Self::environment(error.to_string());
        match error {
            GitError::Missing(_) => app.hint("install git (2.20 or newer) and make sure that it is on PATH"),
            GitError::NotARepository(_) => {
                app.hint("go to a repository, or make one: `git init && git add -A && git commit -m start`")
            }
            GitError::Bare(_) => app.hint("clone it, and work in the clone"),
            GitError::Hangs { .. } => app.hint(
                "try it by hand: a disk that does not answer, or a filter of the repository, may hold it up",
            ),
            GitError::Failed { .. } => app,
        }
    }
}

impl From<ClientError> for AppError {
    fn from(error: ClientError) -> Self {
        let app = Self::environment(error.to_string());
        match error {
            ClientError::Missing(_) => app
                .hint("install it: `npm install -g @anthropic-ai/claude-code`, then log in once with `claude`")
                .hint("see what a run looks like without it: `autoskillit cook fix-tests --rehearse`"),
            ClientError::RootWithoutSandbox => app
                .hint("in a container or other sandbox: set IS_SANDBOX=1")
                .hint("else cook as an ordinary user, or set `session.permissions: accept_edits` in .autoskillit/config.yaml"),
        }
    }
}

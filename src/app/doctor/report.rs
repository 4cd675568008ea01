//! What was looked at and what was found.

use serde::Serialize;

use super::remedy::Remedy;
use crate::core::redact::Redactor;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Something does not work, or may surprise.
    Warning,
    /// Cooking does not work, or a secret is in the open.
    Error,
}

/// What belongs together, in the order in which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// This program.
    Program,
    /// The client.
    Client,
    /// git.
    Git,
    /// The repository.
    Repository,
    /// Settings.
    Settings,
    /// What sessions may do and see.
    Session,
    /// Folders that are written to.
    Folders,
    /// GitHub.
    Github,
}

impl Group {
    /// Its heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Program => "autoskillit",
            Self::Client => "Claude Code",
            Self::Git => "git",
            Self::Repository => "repository",
            Self::Settings => "settings",
            Self::Session => "sessions",
            Self::Folders => "folders",
            Self::Github => "GitHub",
        }
    }
}

/// Something that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topic {
    /// Its group.
    pub group: Group,
    /// Its stable name in machine output, such as `git.identity`.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
}

impl Topic {
    pub(super) const fn new(group: Group, id: &'static str, name: &'static str) -> Self {
        Self { group, id, name }
    }

    pub(super) fn ok(self, message: impl Into<String>) -> Check {
        self.check(Level::Ok, message.into())
    }

    pub(super) fn warning(self, message: impl Into<String>) -> Check {
        self.check(Level::Warning, message.into())
    }

    pub(super) fn error(self, message: impl Into<String>) -> Check {
        self.check(Level::Error, message.into())
    }

    fn check(self, level: Level, message: String) -> Check {
        Check {
            topic: self,
            level,
            message,
            meaning: None,
            mend: Vec::new(),
            details: Vec::new(),
            remedy: None,
            fixed: None,
        }
    }
}

/// What was found about one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The topic.
    pub topic: Topic,
    /// How bad it is.
    pub level: Level,
    /// What is the case, as a fragment.
    pub message: String,
    /// What that means, in sentences; for what is not ok.
    pub meaning: Option<String>,
    /// How to mend it, one way or step each.
    pub mend: Vec<String>,
    /// Single facts behind the message: places, names.
    pub details: Vec<String>,
    /// How this program would mend it when told to.
    pub remedy: Option<Remedy>,
    /// What was changed to mend it. What is said besides is how it is since then.
    pub fixed: Option<String>,
}

impl Check {
    pub(super) fn means(mut self, meaning: impl Into<String>) -> Self {
        self.meaning = Some(meaning.into());
        self
    }

    pub(super) fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend.push(mend.into());
        self
    }

    pub(super) fn details(mut self, details: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.details.extend(details.into_iter().map(Into::into));
        self
    }

    pub(super) fn remedy(mut self, remedy: Remedy) -> Self {
        self.remedy = Some(remedy);
        self
    }

    /// The same without secrets: parts of it were said by other programs.
    pub(super) fn cleaned(mut self, redactor: &Redactor) -> Self {
        let texts = [&mut self.message].into_iter().chain(&mut self.meaning).chain(&mut self.fixed);
        for text in texts.chain(&mut self.mend).chain(&mut self.details) {
            *text = redactor.clean(text).into_owned();
        }
        self
    }
}

/// Everything that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// By group.
    pub checks: Vec<Check>,
}

impl Report {
    /// How many checks are of this level.
    #[must_use]
    pub fn count(&self, level: Level) -> usize {
        self.checks.iter().filter(|check| check.level == level).count()
    }

    /// How many were mended.
    #[must_use]
    pub fn fixed(&self) -> usize {
        self.checks.iter().filter(|check| check.fixed.is_some()).count()
    }

    /// How many could be mended by this program.
    #[must_use]
    pub fn fixable(&self) -> usize {
        self.checks.iter().filter(|check| check.remedy.is_some()).count()
    }

    /// The form of machine output.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let checks: Vec<Machine<'_>> = self.checks.iter().map(Machine::of).collect();
        serde_json::json!({
            "schema_version": 1,
            "autoskillit_version": env!("CARGO_PKG_VERSION"),
            "checks": checks,
            "summary": {
                "ok": self.count(Level::Ok),
                "warnings": self.count(Level::Warning),
                "errors": self.count(Level::Error),
                "fixable": self.fixable(),
                "fixed": self.fixed(),
            },
        })
    }
}

/// A check in machine output.
#[derive(Serialize)]
struct Machine<'a> {
    id: &'a str,
    group: Group,
    name: &'a str,
    status: Level,
    message: &'a str,
    meaning: Option<&'a str>,
    mend: &'a [String],
    details: &'a [String],
    fixable: bool,
    fixed: Option<&'a str>,
}

impl<'a> Machine<'a> {
    fn of(check: &'a Check) -> Self {
        Self {
            id: check.topic.id,
            group: check.topic.group,
            name: check.topic.name,
            status: check.level,
            message: &check.message,
            meaning: check.meaning.as_deref(),
            mend: &check.mend,
            details: &check.details,
            fixable: check.remedy.is_some(),
            fixed: check.fixed.as_deref(),
        }
    }
}

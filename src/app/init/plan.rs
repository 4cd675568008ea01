//! What a setup writes: a pure conclusion from what is there and what is wished.

use std::fmt;

use serde_json::Value as Json;

use super::facts::Facts;
use super::mcp::{self, McpEdit};
use super::template;
use crate::app::error::AppError;
use crate::config::schema::{EDITOR_LINE, file_text, is_ours};
use crate::config::table::{self, Key};
use crate::config::{Entry, Faults, Layer, edit, file};
use crate::core::paths::GITIGNORE;
use crate::workspace::detect::{BranchReason, Hosted};

/// The settings file, from the top of the repository.
pub(super) const CONFIG: &str = ".autoskillit/config.yaml";
/// Its schema.
pub(super) const SCHEMA: &str = ".autoskillit/config.schema.json";
/// What keeps the leavings of runs out of the repository.
pub(super) const IGNORE: &str = ".autoskillit/.gitignore";
/// The MCP servers that a project shares with everybody who works on it.
pub(super) const MCP: &str = ".mcp.json";

/// What a person wishes, by options or answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// The test command; without it what is stated already, then what is found.
    pub test_command: Option<Json>,
    /// Not even a test command that was found is wanted.
    pub no_test_command: bool,
    /// Add to an existing settings file what it does not state.
    pub fill: bool,
    /// Register the MCP server.
    pub mcp: bool,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The person said it.
    Given,
    /// It stands in the settings file already.
    Stated,
    /// This file says it.
    File(&'static str),
    /// The address of this remote says it.
    Remote(String),
    /// git says it.
    Branch(BranchReason),
}

impl Source {
    /// Its name in machine output.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Stated => "stated",
            Self::File(_) => "file",
            Self::Remote(_) => "remote",
            Self::Branch(_) => "git",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given => Ok(()),
            Self::Stated => f.write_str("as config.yaml says"),
            Self::File(name) => write!(f, "found from {name}"),
            Self::Remote(name) => write!(f, "the remote {name}"),
            Self::Branch(BranchReason::RemoteHead(remote)) => write!(f, "what {remote} has checked out"),
            Self::Branch(BranchReason::InitDefault) => f.write_str("git's init.defaultBranch"),
            Self::Branch(BranchReason::UsualName) => f.write_str("by its name"),
            Self::Branch(BranchReason::Current) => f.write_str("what is checked out now"),
        }
    }
}

/// A setting whose value is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The setting.
    pub key: &'static Key,
    /// Its value; null where the settings file says that there is none.
    pub value: Json,
    /// Where it comes from.
    pub source: Source,
}

/// What an existing settings file does not have.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lacks {
    /// Settings that are known and not stated.
    pub settings: Vec<Known>,
    /// The line that tells editors the schema.
    pub editor_line: bool,
}

impl Lacks {
    /// Whether it has everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty() && !self.editor_line
    }
}

/// What becomes of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is new.
    Create,
    /// It is changed.
    Change,
    /// It is as it should be.
    Same,
    /// It is the person's own, and left as it is for this reason.
    Keep(&'static str),
}

/// One file of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// From the top of the repository.
    pub path: &'static str,
    /// Its text now.
    pub before: Option<String>,
    /// Its text afterwards.
    pub after: String,
    /// What becomes of it.
    pub action: Action,
}

impl Planned {
    fn new(path: &'static str, before: Option<&String>, after: String) -> Self {
        let action = match before {
            None => Action::Create,
            Some(before) if *before == after => Action::Same,
            Some(_) => Action::Change,
        };
        Self { path, before: before.cloned(), after, action }
    }

    fn keep(path: &'static str, text: &str, why: &'static str) -> Self {
        Self { path, before: Some(text.to_owned()), after: text.to_owned(), action: Action::Keep(why) }
    }

    /// Whether it is made by a program for programs.
    #[must_use]
    pub fn is_generated(&self) -> bool {
        self.path == SCHEMA
    }

    /// Whether it is written at all.
    #[must_use]
    pub fn is_written(&self) -> bool {
        matches!(self.action, Action::Create | Action::Change)
    }
}

/// Everything that a setup does.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The files, the most important first.
    pub files: Vec<Planned>,
    /// The settings as they are known then.
    pub known: Vec<Known>,
}

impl Plan {
    /// Whether a test command is known.
    #[must_use]
    pub fn tested(&self) -> bool {
        self.known.iter().any(|known| known.key.name == "test_check.command" && !known.value.is_null())
    }

    /// Whether anything is written.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.files.iter().any(Planned::is_written)
    }
}

/// The settings of a setup as far as they are known: what is wished, else what the settings file states, else what is found.
///
/// # Errors
/// When the settings file is faulty.
pub fn known(facts: &Facts, wishes: &Wishes) -> Result<Vec<Known>, AppError> {
    let stated = stated(facts)?;
    let project = &facts.project;
    let found = [
        ("test_check.command", {
            let found = project.test_command.as_ref().filter(|_| !wishes.no_test_command);
            let found = found.map(|it| (Json::from(it.command.as_str()), Source::File(it.because)));
            wishes.test_command.clone().map(|given| (given, Source::Given)).or(found)
        }),
        (
            "github.default_repo",
            match &project.remote {
                Some((remote, Hosted::GitHub(name))) => {
                    Some((Json::from(name.as_str()), Source::Remote(remote.clone())))
                }
                _ => None,
            },
        ),
        ("branching.default_base_branch", {
            let branch = project.base_branch.as_ref();
            branch.map(|it| (Json::from(it.name.as_str()), Source::Branch(it.because.clone())))
        }),
    ];
    let settle = |(name, found): (&str, Option<(Json, Source)>)| {
        let key = table::find(name)?;
        let stated = stated.iter().find(|entry| entry.key == key);
        match (found, stated) {
            (Some((value, Source::Given)), stated) if stated.is_none_or(|entry| entry.value != value) => {
                Some(Known { key, value, source: Source::Given })
            }
            (_, Some(entry)) => Some(Known { key, value: entry.value.clone(), source: Source::Stated }),
            // What a setting does not take is not proposed: a branch of an odd name, say.
            (Some((value, source)), None) => {
                let fits = value.as_str().is_none_or(|text| key.kind.parse(text).as_ref() == Ok(&value));
                fits.then_some(Known { key, value, source })
            }
            (None, None) => None,
        }
    };
    Ok(found.into_iter().filter_map(settle).collect())
}

/// What the existing settings file lacks; nothing when there is none.
#[must_use]
pub fn lacks(facts: &Facts, known: &[Known]) -> Lacks {
    let Some(text) = &facts.there.config else { return Lacks::default() };
    let new = known.iter().filter(|known| !matches!(known.source, Source::Stated | Source::Given));
    Lacks { settings: new.cloned().collect(), editor_line: !names_a_schema(text) }
}

/// What a setup writes.
///
/// # Errors
/// When a file that is there is faulty, or cannot be changed in one place.
pub fn plan(facts: &Facts, wishes: &Wishes) -> Result<Plan, AppError> {
    let known = known(facts, wishes)?;
    let there = &facts.there;
    let config = match &there.config {
        None => template::config(&known),
        Some(text) => amended(facts, text, &known, wishes)?,
    };
    let mut files = vec![Planned::new(CONFIG, there.config.as_ref(), config.clone())];
    if config.lines().any(|line| line.trim_start_matches('\u{feff}').trim_end() == EDITOR_LINE) {
        files.push(match &there.schema {
            Some(text) if !is_ours(text) => {
                Planned::keep(SCHEMA, text, "somebody changed it; remove it to have it renewed")
            }
            before => Planned::new(SCHEMA, before.as_ref(), file_text()),
        });
    }
    let ignore = there.ignore.clone().unwrap_or_else(|| GITIGNORE.to_owned());
    files.push(Planned::new(IGNORE, there.ignore.as_ref(), ignore));
    if wishes.mcp {
        files.push(registered(facts)?);
    }
    Ok(Plan { files, known })
}

/// What the settings file says already.
fn stated(facts: &Facts) -> Result<Vec<Entry>, AppError> {
    let Some(text) = &facts.there.config else { return Ok(Vec::new()) };
    let read = file::read(&shown(facts, CONFIG), text, Layer::Project);
    if read.problems.errors() > 0 {
        let faults = Faults(vec![read.problems]);
        let error = AppError::usage(faults.to_string());
        return Err(AppError { diagnostic: Some(faults.into_diagnostic()), ..error });
    }
    Ok(read.entries)
}

/// The settings file with what is wished and, where that is allowed, what it lacks; comments and order stay.
fn amended(facts: &Facts, text: &str, known: &[Known], wishes: &Wishes) -> Result<String, AppError> {
    let mut text = text.to_owned();
    let added = |known: &&Known| match known.source {
        Source::Stated => false,
        Source::Given => true,
        _ => wishes.fill,
    };
    for known in known.iter().filter(added) {
        text = edit::set(&shown(facts, CONFIG), &text, Layer::Project, known.key, &known.value)?;
    }
    if wishes.fill && !names_a_schema(&text) {
        let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let (mark, rest) = text.split_at(text.len() - text.trim_start_matches('\u{feff}').len());
        text = format!("{mark}{EDITOR_LINE}{line_end}{rest}");
    }
    Ok(text)
}

/// Whether a settings file tells editors a schema, ours or another, in either of the usual forms.
fn names_a_schema(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start_matches('\u{feff}').trim_start();
        let comment = line.strip_prefix('#').map(str::trim_start);
        comment.is_some_and(|it| {
            it.starts_with("$schema:")
                || it.strip_prefix("yaml-language-server:").is_some_and(|it| it.contains("$schema"))
        })
    })
}

fn registered(facts: &Facts) -> Result<Planned, AppError> {
    let before = facts.there.mcp.as_ref();
    match mcp::add(before.map(String::as_str)) {
        Ok(McpEdit::Write(after)) => Ok(Planned::new(MCP, before, after)),
        Ok(McpEdit::Same) => Ok(Planned::new(MCP, before, before.cloned().unwrap_or_default())),
        Ok(McpEdit::Theirs) => {
            let text = before.cloned().unwrap_or_default();
            Ok(Planned::keep(
                MCP,
                &text,
                "its server `autoskillit` runs something else than `autoskillit serve`",
            ))
        }
        Err(error) => Err(AppError::usage(format!("{}: {error}", shown(facts, MCP)))
            .hint("mend it, or leave --mcp out: nothing was written")),
    }
}

/// A file as messages name it.
fn shown(facts: &Facts, path: &str) -> String {
    facts.top.join(path).display().to_string()
}

//! Rules: what each is called, what it means and why, how bad a finding is, and the examples that are its tests.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Subject;
use super::codes::{known, names};
use super::rules::FAMILIES;
use crate::recipe::diagnostic::{Problem, Severity};
use crate::recipe::model::{Dialect, Step};
use crate::recipe::nodes::Nodes;
use crate::recipe::suggest;

/// How a finding of a rule is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It is not looked for.
    Off,
    /// It is told.
    Warning,
    /// The recipe cannot run.
    Error,
}

impl Level {
    /// The level of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "off" => Some(Self::Off),
            "warning" => Some(Self::Warning),
            "error" => Some(Self::Error),
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One rule.
pub struct Rule {
    /// Its name, which is the code of its findings.
    pub id: &'static str,
    /// How a finding is taken in a recipe of ours.
    pub level: Level,
    /// How it is taken in a recipe of AutoSkillit 0.9.
    pub legacy: Level,
    /// What it looks for, in a sentence.
    pub meaning: &'static str,
    /// What goes wrong otherwise.
    pub why: &'static str,
    /// What to do about a finding.
    pub mend: &'static str,
    /// Recipes without `name` and `description` in which it finds something, and nothing else does.
    pub bad: &'static [&'static str],
    /// Recipes in which nothing is found.
    pub good: &'static [&'static str],
    /// Looks for it; `None` when the stages before tell.
    pub(super) run: Option<fn(&Subject<'_>, &mut Findings<'_>)>,
}

/// Rules about what is kept beside a recipe: its contract card, the notes of migrations. They are looked for where recipes are
/// checked by name, not where one is compiled.
pub const BESIDE: &[&str] = &["outdated-recipe-version", "stale-contract"];

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule").field("id", &self.id).field("level", &self.level).finish_non_exhaustive()
    }
}

/// Rules about one thing.
#[derive(Debug)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// Its rules.
    pub rules: &'static [Rule],
}

/// Every family, in the order of the documentation.
pub fn families() -> impl Iterator<Item = &'static Family> {
    FAMILIES.iter().copied()
}

/// Every rule.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    families().flat_map(|family| family.rules)
}

/// The rule `id`.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.id == id)
}

/// The family that a rule belongs to.
#[must_use]
pub fn family_of(id: &str) -> Option<&'static Family> {
    families().find(|family| family.rules.iter().any(|rule| rule.id == id))
}

/// Levels that differ from those the rules have by themselves (`recipes.rules` of the settings).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Levels(BTreeMap<String, Level>);

impl Levels {
    /// Levels from texts of the form `rule=level`.
    ///
    /// # Errors
    /// A sentence about the first text that is none.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut levels = BTreeMap::new();
        for text in texts {
            let Some((id, name)) = text.split_once('=') else {
                return Err(format!("`{text}` is no `rule=level`"));
            };
            let (id, name) = (id.trim(), name.trim());
            let Some(known) = known(id) else {
                let near = suggest::closest(id, names());
                let near = near.map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
                return Err(format!("there is no rule `{id}`{near}"));
            };
            let Some(level) = Level::of(name) else {
                return Err(format!("`{name}` is no level of `{id}`: `error`, `warning` or `off`"));
            };
            levels.insert(known.id().to_owned(), level);
        }
        Ok(Self(levels))
    }

    /// The level that is said for this name.
    #[must_use]
    pub fn set_for(&self, id: &str) -> Option<Level> {
        self.0.get(id).copied()
    }

    /// How findings of `rule` are taken in a recipe of this dialect.
    #[must_use]
    pub fn of(&self, rule: &Rule, dialect: Dialect) -> Level {
        let own = match dialect {
            Dialect::Current => rule.level,
            Dialect::Legacy => rule.legacy,
        };
        self.0.get(rule.id).copied().unwrap_or(own)
    }
}

/// What settings say about rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// How findings are taken (`recipes.rules`).
    pub levels: Levels,
    /// Groups of tools and skills that are switched off (`subsets.disabled`).
    pub disabled: Vec<String>,
}

impl Policy {
    /// Nothing is said.
    #[must_use]
    pub fn none() -> &'static Self {
        static NONE: Policy = Policy { levels: Levels(BTreeMap::new()), disabled: Vec::new() };
        &NONE
    }

    /// No rule is asked: the recipe of a run that has begun was looked at then.
    #[must_use]
    pub fn silent() -> Self {
        let off = rules().map(|rule| (rule.id.to_owned(), Level::Off)).collect();
        Self { levels: Levels(off), disabled: Vec::new() }
    }

    /// The same for a sub-recipe, whose variables are read by the recipes that call it.
    #[must_use]
    pub fn for_part(&self) -> Self {
        self.without(&["dead-output"])
    }

    /// The same without these rules.
    pub(super) fn without(&self, rules: &[&str]) -> Self {
        let mut others = self.clone();
        others.levels.0.extend(rules.iter().map(|id| ((*id).to_owned(), Level::Off)));
        others
    }

    /// What these settings say.
    ///
    /// # Errors
    /// As [`Levels::parse`].
    pub fn of(rules: &[String], disabled: &[String]) -> Result<Self, String> {
        let levels = Levels::parse(rules.iter().map(String::as_str))?;
        Ok(Self { levels, disabled: disabled.to_vec() })
    }
}

/// One finding of a rule.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule.
    pub rule: &'static str,
    /// The number of the step that it is about.
    pub(super) step: Option<usize>,
    /// What is told.
    pub problem: Problem,
}

/// Takes what one rule finds.
pub(super) struct Findings<'a> {
    pub(super) rule: &'static Rule,
    pub(super) level: Level,
    pub(super) nodes: &'a Nodes<'a>,
    pub(super) all: &'a mut Vec<Finding>,
}

impl Findings<'_> {
    /// A finding about a step, at a place.
    pub(super) fn add(&mut self, step: &Step, at: Range<usize>, message: String, label: &str) -> Found<'_> {
        self.put(self.nodes.number(step), at, message, label)
    }

    /// The same about a step that is known by its number.
    pub(super) fn at(
        &mut self,
        step: Option<usize>,
        at: Range<usize>,
        message: String,
        label: &str,
    ) -> Found<'_> {
        self.put(step, at, message, label)
    }

    /// A finding about the recipe as a whole.
    pub(super) fn whole(&mut self, at: Range<usize>, message: String, label: &str) -> Found<'_> {
        self.put(None, at, message, label)
    }

    fn put(&mut self, step: Option<usize>, at: Range<usize>, message: String, label: &str) -> Found<'_> {
        let severity = match self.level {
            Level::Error => Severity::Error,
            Level::Warning | Level::Off => Severity::Warning,
        };
        let help = Some(self.rule.mend.to_owned());
        let problem = Problem { severity, help, ..Problem::warning(self.rule.id, message, at, label) };
        self.all.push(Finding { rule: self.rule.id, step, problem });
        let last = self.all.len() - 1;
        Found(&mut self.all[last])
    }
}

/// A finding that was just made.
pub(super) struct Found<'a>(&'a mut Finding);

impl Found<'_> {
    /// A mend for this very place, instead of the rule's.
    pub(super) fn help(self, help: impl Into<String>) -> Self {
        self.0.problem.help = Some(help.into());
        self
    }

    /// One more place.
    pub(super) fn also(self, at: Range<usize>, label: &str) -> Self {
        self.0.problem.labels.push((at, label.to_owned()));
        self
    }

    /// It is certain enough to tell, and not to refuse the recipe.
    pub(super) fn warn(self) -> Self {
        self.0.problem.severity = Severity::Warning;
        self
    }
}

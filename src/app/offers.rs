//! What can be typed at a place of the command line: recipes, ingredients and their values, runs, scenarios. It is asked
//! between two keystrokes: nothing is written, no process is started, and what cannot be read is left out.

use std::path::{Path, PathBuf};

use super::kitchen::Pantry;
use super::{runs, why};
use crate::core::kind::ValueKind;
use crate::core::paths::KitchenDir;
use crate::engine::event::RunStatus;
use crate::execution::scenario::Scenario;
use crate::recipe::model::{Ingredient, Recipe};
use crate::recipe::{AnySkill, Listed, expr};
use crate::skills::Contract;
use crate::workspace::git::Checkout;

/// At most this many runs are offered: each costs reading its journal.
const RUNS: usize = 20;

/// Older runs are left out once this many bytes of journals were read.
const BYTES: u64 = 1 << 20;

/// One text that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The text.
    pub value: String,
    /// What it is, in a line.
    pub about: String,
}

/// What fits as the value of an ingredient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// One of these, or nothing that could be foretold.
    Offers(Vec<Offer>),
    /// A file or folder.
    Path,
}

/// What a folder has to offer.
#[derive(Debug, Clone)]
pub struct Offers {
    top: Option<PathBuf>,
    pantry: Pantry,
}

impl Offers {
    /// Seen from `dir`, which need not be in a repository.
    #[must_use]
    pub fn at(dir: &Path) -> Self {
        let top = Checkout::guess(dir);
        Self { pantry: Pantry::stock(top.as_deref()), top }
    }

    /// The top of the repository, if there is one.
    #[must_use]
    pub fn top(&self) -> Option<&Path> {
        self.top.as_deref()
    }

    /// Recipes that can be cooked.
    #[must_use]
    pub fn recipes(&self) -> Vec<Offer> {
        self.listed(|recipe| recipe.error.is_none())
    }

    /// Recipes that can be checked: the faulty ones too.
    #[must_use]
    pub fn all_recipes(&self) -> Vec<Offer> {
        self.listed(|_| true)
    }

    /// Skills, the faulty ones too.
    #[must_use]
    pub fn skills(&self) -> Vec<Offer> {
        let all = self.pantry.skills.inspect_all().into_iter().filter(|skill| !skill.shadowed);
        let about = |contract: Option<Contract>| contract.map(|contract| contract.description);
        all.map(|skill| Offer { value: skill.name, about: about(skill.contract).unwrap_or_default() })
            .collect()
    }

    fn listed(&self, fits: impl Fn(&Listed) -> bool) -> Vec<Offer> {
        let listed = self.pantry.library.list().into_iter();
        listed
            .filter(|recipe| recipe.shadowed_by.is_none() && fits(recipe))
            .map(|recipe| Offer { value: recipe.name, about: recipe.error.unwrap_or(recipe.description) })
            .collect()
    }

    /// The recipe of a name or file.
    #[must_use]
    pub fn recipe(&self, name: &str) -> Option<Recipe> {
        // Whether its skills exist does not change what can be typed.
        self.pantry.library.load(name, &AnySkill).ok().map(|loaded| loaded.recipe)
    }

    /// Runs whose ids begin so, the newest first.
    #[must_use]
    pub fn runs(&self, beginning: &str) -> Vec<Offer> {
        self.newest(beginning, |_| true)
    }

    /// Those of them that can be resumed.
    #[must_use]
    pub fn resumable_runs(&self, beginning: &str) -> Vec<Offer> {
        self.newest(beginning, |run| run.resumable)
    }

    /// Steps that a run came to; of the last run where none is named.
    #[must_use]
    pub fn steps(&self, run: Option<&str>) -> Vec<Offer> {
        let Some(top) = &self.top else { return Vec::new() };
        let kitchen = KitchenDir::of(top);
        let entries = runs::find(&kitchen, run).and_then(|id| runs::entries(&kitchen.run(&id)));
        let steps = entries.map(|entries| why::steps(&entries)).unwrap_or_default();
        steps.into_iter().map(|step| Offer { value: step, about: String::new() }).collect()
    }

    fn newest(&self, beginning: &str, fits: impl Fn(&runs::RunInfo) -> bool) -> Vec<Offer> {
        let Some(top) = &self.top else { return Vec::new() };
        let kitchen = KitchenDir::of(top);
        let mut read = 0;
        let mut affordable = |run: &runs::RunInfo| {
            let before = read;
            read += kitchen.run(&run.run_id).journal().metadata().map_or(0, |journal| journal.len());
            before < BYTES
        };
        runs::newest(&kitchen, beginning)
            .take(RUNS)
            .take_while(|run| affordable(run))
            .filter(fits)
            .map(|run| Offer { about: state(&run), value: run.run_id })
            .collect()
    }
}

fn state(run: &runs::RunInfo) -> String {
    let status = match run.status {
        _ if run.error.is_some() => return "unreadable".to_owned(),
        None => "cooking",
        Some(RunStatus::Succeeded) => "succeeded",
        Some(RunStatus::Failed) => "failed",
        Some(RunStatus::Stopped) => "stopped",
        Some(RunStatus::Exhausted) => "exhausted",
        Some(RunStatus::Crashed) => "crashed",
    };
    match run.step.as_deref().filter(|step| !step.is_empty()) {
        Some(step) => format!("{}, {status} at {step}", run.recipe),
        None => format!("{}, {status}", run.recipe),
    }
}

/// The scenarios that have a name.
#[must_use]
pub fn scenarios() -> Vec<Offer> {
    let found = Scenario::names().into_iter().filter_map(|name| Scenario::find(&name).ok());
    found.map(|scenario| Offer { value: scenario.name, about: scenario.description }).collect()
}

/// The recipe that a scenario was written for.
#[must_use]
pub fn recipe_of(scenario: &str) -> Option<String> {
    Scenario::find(scenario).ok()?.recipe
}

/// The ingredients of a recipe that people give.
#[must_use]
pub fn ingredients(recipe: &Recipe) -> Vec<Offer> {
    let shown = recipe.ingredients.iter().filter(|(_, ingredient)| !ingredient.hidden);
    shown.map(|(name, ingredient)| Offer { value: name.clone(), about: about(ingredient) }).collect()
}

fn about(ingredient: &Ingredient) -> String {
    if ingredient.required && ingredient.default.is_none() {
        return format!("{} (required)", ingredient.description).trim_start().to_owned();
    }
    ingredient.description.clone()
}

/// What fits as an ingredient's value.
#[must_use]
pub fn values(ingredient: &Ingredient) -> Values {
    let default = ingredient.default.as_ref().map(expr::text).filter(|text| !text.is_empty());
    let known: Vec<String> = match ingredient.kind {
        _ if !ingredient.choices.is_empty() => ingredient.choices.iter().map(expr::text).collect(),
        ValueKind::Bool => vec!["true".to_owned(), "false".to_owned()],
        ValueKind::Path => return Values::Path,
        ValueKind::List | ValueKind::Json => Vec::new(),
        ValueKind::String | ValueKind::Int | ValueKind::Number => default.clone().into_iter().collect(),
    };
    let offer = |value: String| {
        let about = if Some(&value) == default.as_ref() { "the default" } else { "" };
        Offer { value, about: about.to_owned() }
    };
    Values::Offers(known.into_iter().map(offer).collect())
}

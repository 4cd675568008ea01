//! One repository, set up for a command: its settings, recipes and skills. Opening it changes nothing on disk.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::AppError;
use super::settings;
use crate::config::{self, Secret, Settings};
use crate::core::files;
use crate::core::paths::{KitchenDir, is_ours, user_config};
use crate::core::redact::Redactor;
use crate::core::text::shell_quote;
use crate::execution::client;
use crate::recipe::builtin::BUILTIN;
use crate::recipe::check::Policy;
use crate::recipe::model::{Recipe, StepKind};
use crate::recipe::yaml::DEFAULT_TEMP;
use crate::recipe::{Library, LibraryPaths, Problems, Shadowed, SkillLookup};
use crate::skills::{Contract, SkillError, SkillStore, Writes};
use crate::workspace::git::{Checkout, GitError};

/// Recipes and skills as seen from a folder, which need not be in a repository.
#[derive(Debug, Clone)]
pub struct Pantry {
    /// The recipes.
    pub library: Library,
    /// The skills.
    pub skills: SkillStore,
}

/// A repository with everything that a run in it needs.
#[derive(Debug, Clone)]
pub struct Kitchen {
    /// The checkout.
    pub checkout: Checkout,
    /// The product's folder in it.
    pub dir: KitchenDir,
    /// The settings.
    pub settings: Settings,
    /// What is odd about them.
    pub settings_warnings: Vec<Problems>,
    /// Recipes and skills.
    pub pantry: Pantry,
    /// For everything that is written.
    pub redactor: Redactor,
}

impl Pantry {
    /// Stocked for the repository at `top`, or for none.
    #[must_use]
    pub fn stock(top: Option<&Path>) -> Self {
        let project = top.map(KitchenDir::of);
        let user = user_config();
        let recipes = |dir: &PathBuf| dir.join("recipes");
        let skills = |dir: &PathBuf| dir.join("skills");
        Self {
            library: Library::new(LibraryPaths {
                project: project.as_ref().map(KitchenDir::recipes),
                user: user.as_ref().map(recipes),
                top: top.map(Path::to_owned),
                builtin: BUILTIN,
            }),
            skills: SkillStore::new(
                project.as_ref().map(KitchenDir::skills).into_iter().chain(user.as_ref().map(skills)),
            ),
        }
    }

    /// Stocked for the repository that `dir` is in, if it is in one.
    #[must_use]
    pub fn at(dir: &Path) -> Self {
        let checkout = Checkout::discover(dir).ok();
        let top = checkout.as_ref().map(Checkout::top);
        // Faulty settings are told by the commands that need them; recipes can be looked at without.
        let loaded = config::load(&settings::sources(top, &[])).ok();
        let pantry = Self::stock(top);
        match loaded.and_then(|loaded| Some((policy(&loaded.settings).ok()?, loaded.settings))) {
            Some((policy, settings)) => pantry.with(policy, &settings),
            None => pantry,
        }
    }
}

impl Pantry {
    /// The same with what settings say about recipes.
    fn with(self, policy: Policy, settings: &Settings) -> Self {
        let library = self.library.with_policy(policy).with_env(settings.recipes.env.clone());
        Self { library: library.with_temp(settings.workspace.temp_dir.clone()), ..self }
    }
}

impl Kitchen {
    /// Opens the repository that `dir` is in; `flags` are settings from the command line, each `KEY=VALUE`.
    ///
    /// # Errors
    /// When there is none, or its settings are faulty.
    pub fn open(dir: &Path, flags: &[String]) -> Result<Self, AppError> {
        let checkout = Checkout::discover(dir)?;
        let kitchen_dir = KitchenDir::of(checkout.top());
        let loaded = config::load(&settings::sources(Some(checkout.top()), flags))?;
        let policy = policy(&loaded.settings)?;
        let pantry = Pantry::stock(Some(checkout.top())).with(policy, &loaded.settings);
        Ok(Self {
            redactor: redactor(variables(checkout.top()), loaded.settings.github.token.as_ref()),
            settings: loaded.settings,
            settings_warnings: loaded.warnings,
            pantry,
            dir: kitchen_dir,
            checkout,
        })
    }

    /// A command about this kitchen; see [`here`].
    #[must_use]
    pub fn here(&self, program: &str, command: &str) -> String {
        here(self.checkout.top(), program, command)
    }

    /// The folder that steps pass files in, made where it is missing. A new one in the repository is kept out of it by a `.gitignore`
    /// of its own; one that is there is the user's and stays as it is.
    ///
    /// # Errors
    /// What the file system says.
    pub fn temp(&self) -> io::Result<PathBuf> {
        let dir = self.checkout.top().join(&self.settings.workspace.temp_dir);
        if !dir.is_dir() {
            std::fs::create_dir_all(&dir)?;
            let ours = self.settings.workspace.temp_dir == DEFAULT_TEMP;
            if !ours && dir.starts_with(self.checkout.top()) && !self.checkout.ignores(&dir.join("x")) {
                files::write_atomic(&dir.join(".gitignore"), b"*\n")?;
            }
        }
        Ok(dir)
    }

    /// What the user changed in the checkout and has not committed, without what is ours.
    ///
    /// # Errors
    /// When git fails.
    pub fn dirty(&self) -> Result<Vec<String>, GitError> {
        Ok(self.checkout.dirty()?.into_iter().map(|dirty| dirty.path).filter(|path| !is_ours(path)).collect())
    }
}

/// What settings say about rules for recipes.
fn policy(settings: &Settings) -> Result<Policy, AppError> {
    Policy::of(&settings.recipes.rules, &settings.subsets.disabled).map_err(|why| {
        AppError::usage(format!("`recipes.rules` of the settings: {why}"))
            .hint("each entry is `rule=level`; docs/recipe-rules.md has the rules")
    })
}

/// A command of a program that takes `-C`, about the repository at `top`, as it is typed from where the user is.
#[must_use]
pub fn here(top: &Path, program: &str, command: &str) -> String {
    match std::env::current_dir() {
        Ok(dir) if dir.starts_with(top) => format!("{program} {command}"),
        _ => format!("{program} -C {} {command}", shell_quote(&top.to_string_lossy())),
    }
}

/// For everything that is written or shown: it knows what these variables hold, and the token of the settings.
#[must_use]
pub(super) fn redactor(
    variables: impl IntoIterator<Item = (String, String)>,
    token: Option<&Secret>,
) -> Redactor {
    let token = token.map(|token| ("GITHUB_TOKEN".to_owned(), token.reveal().to_owned()));
    Redactor::new(variables.into_iter().chain(token))
}

/// The variables that a session may see and repeat: those of this process, and those that settings of the client add.
pub(super) fn variables(top: &Path) -> Vec<(String, String)> {
    let mut variables = settings::environment();
    let user = client::config_dir(|name| std::env::var_os(name)).map(|dir| dir.join("settings.json"));
    let project = ["settings.json", "settings.local.json"].map(|name| top.join(".claude").join(name));
    for path in user.into_iter().chain(project) {
        let settings = std::fs::read_to_string(path).ok();
        let carried = settings.as_deref().and_then(client::carried_settings).unwrap_or_default();
        let env = carried.get("env").and_then(serde_json::Value::as_object);
        let texts = env.into_iter().flatten().filter_map(|(name, value)| Some((name, value.as_str()?)));
        variables.extend(texts.map(|(name, value)| (name.clone(), value.to_owned())));
    }
    variables
}

impl SkillLookup for Pantry {
    fn exists(&self, name: &str) -> bool {
        self.skills.find(name).is_ok()
    }

    fn names(&self) -> Vec<String> {
        self.skills.names()
    }

    fn outputs(&self, name: &str) -> Option<Vec<String>> {
        let outputs = self.skills.find(name).ok()?.contract.outputs;
        (!outputs.is_empty()).then(|| outputs.into_keys().collect())
    }

    fn contract(&self, name: &str) -> Option<Arc<Contract>> {
        self.skills.find(name).ok().map(|skill| Arc::new(skill.contract))
    }

    fn text(&self, name: &str) -> Option<Arc<str>> {
        self.skills.find(name).ok().map(|skill| skill.body.into())
    }

    fn shadowed(&self, name: &str) -> Option<Shadowed> {
        let by = self.skills.find(name).ok()?.path?.display().to_string();
        let ours = SkillStore::bundled(name)?.ok()?;
        Some(Shadowed { ours: Arc::new(ours.contract), by })
    }

    fn fault(&self, name: &str) -> Option<String> {
        match self.skills.find(name) {
            Err(error @ (SkillError::Malformed(_) | SkillError::Unreadable { .. })) => {
                Some(error.to_string())
            }
            Ok(_) | Err(SkillError::Unknown { .. }) => None,
        }
    }
}

/// Whether a recipe runs sessions at all, in loops and on its exits too.
#[must_use]
pub fn has_sessions(recipe: &Recipe) -> bool {
    recipe
        .all_steps()
        .iter()
        .any(|step| matches!(&step.kind, StepKind::Tool { tool, .. } if tool.name == "run_skill"))
}

/// Whether a recipe lets sessions edit the user's own checkout: a skill that may write runs without a `cwd` of its own. A skill
/// whose name is only known at run time counts as one that writes.
#[must_use]
pub fn edits_in_place(recipe: &Recipe, skills: &SkillStore) -> bool {
    recipe.all_steps().iter().any(|step| match &step.kind {
        StepKind::Tool { tool, with } if tool.name == "run_skill" && !with.contains_key("cwd") => {
            let literal = serde_json::Map::from_iter(with.iter().filter_map(|(name, arg)| match arg {
                crate::recipe::model::Arg::Literal(value) => Some((name.clone(), value.clone())),
                _ => None,
            }));
            let skill = crate::tools::skill_name(&serde_json::Value::Object(literal));
            let contract = skill.and_then(|name| skills.find(&name).ok());
            contract.is_none_or(|skill| skill.contract.writes != Writes::Never)
        }
        _ => false,
    })
}

//! The compiled recipe: what the loader leaves and what every view, check and run reads.

use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::expr::{Expr, Template};
use crate::catalog::ToolDecl;
pub use crate::core::kind::ValueKind;

/// Where a recipe was found; earlier sources shadow later ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipeSource {
    /// A file named on the command line.
    Path,
    /// `.autoskillit/recipes/` of the repository.
    Project,
    /// `recipes/` in the user's configuration directory.
    User,
    /// Shipped inside the binary.
    Builtin,
}

/// A recipe after lowering: names resolved, expressions compiled, routes known to exist.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The name people type; equal to the file stem.
    pub name: String,
    /// One sentence for lists.
    pub description: String,
    /// The chain of steps in prose, as the author tells it.
    pub summary: String,
    /// `autoskillit_version:` as written.
    pub version: Option<String>,
    /// Which language it is written in.
    pub dialect: Dialect,
    /// Findings of rules that its author accepts, anywhere in it.
    pub allow: Vec<Allow>,
    /// Who drives a run of this recipe, when the recipe says so.
    pub orchestrator: Option<Orchestrator>,
    /// Inputs in declaration order.
    pub ingredients: IndexMap<String, Ingredient>,
    /// Steps in declaration order; the first is the entry.
    pub steps: IndexMap<String, Step>,
    /// House rules told to an orchestrator session.
    pub kitchen_rules: Vec<String>,
    /// Tool and skill packs that must be enabled.
    pub requires_packs: Vec<String>,
    /// Limits over the whole run.
    pub limits: Limits,
    /// Where it came from.
    pub source: RecipeSource,
    /// The file it was read from; `None` for a bundled recipe.
    pub path: Option<PathBuf>,
    /// The text it was compiled from.
    pub text: String,
    /// SHA-256 of `text` in hex: the identity a journal records.
    pub hash: String,
}

impl Recipe {
    /// The tools that its steps call, each once, in the order of the steps.
    #[must_use]
    pub fn tools(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        for step in self.steps.values() {
            if let StepKind::Tool { tool, .. } = &step.kind
                && !names.contains(&tool.name)
            {
                names.push(tool.name);
            }
        }
        names
    }

    /// Whether a step of it asks a person something.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.steps.values().any(|step| matches!(step.kind, StepKind::Confirm { .. }))
    }
}

/// The language that a recipe is written in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// Ours: everything is as it is written down, or an error.
    #[default]
    Current,
    /// AutoSkillit 0.9's: what only a model could follow, and what was taken loosely there, is a warning.
    Legacy,
}

/// A finding that an author accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow {
    /// The rule's id.
    pub rule: String,
    /// Why it is right here.
    pub reason: String,
}

/// Who drives a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orchestrator {
    /// The deterministic engine.
    Engine,
    /// A headless Claude session.
    Claude,
}

/// Limits over a whole run; `None` means unlimited.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits {
    /// US dollars over all sessions.
    pub budget_usd: Option<f64>,
    /// Time from the start of the run.
    pub wall_clock: Option<Duration>,
    /// Number of sessions.
    pub sessions: Option<u32>,
    /// Visits of any one step that states no bound of its own.
    pub max_visits: Option<u32>,
}

/// One input of a recipe.
#[derive(Debug, Clone)]
pub struct Ingredient {
    /// What it is, for people.
    pub description: String,
    /// Whether a run cannot start without it.
    pub required: bool,
    /// Value when none is given. Already of type `kind`.
    pub default: Option<Value>,
    /// Not shown in lists and never asked for.
    pub hidden: bool,
    /// The type that a given text is read as.
    pub kind: ValueKind,
    /// The only values allowed, when not empty.
    pub choices: Vec<Value>,
}

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// The key under `steps:`.
    pub name: String,
    /// What people are told it is for.
    pub description: String,
    /// Free text for an orchestrator; the engine does not read it.
    pub note: Option<String>,
    /// What it does.
    pub kind: StepKind,
    /// Route after success; `None` when `on_result` decides or the step ends the run.
    pub on_success: Option<Target>,
    /// Route after failure; `None` ends the run as failed.
    pub on_failure: Option<Target>,
    /// Ordered predicates over the result; the first that holds decides.
    pub on_result: Vec<Route>,
    /// Route when a session ran out of context.
    pub on_context_limit: Option<Target>,
    /// Route when `retries` are spent (default `escalate`).
    pub on_exhausted: Target,
    /// Route when the step is skipped; `None` follows `on_success`.
    pub on_skip: Option<Target>,
    /// How often the step may be entered.
    pub max_visits: Option<Bound>,
    /// Route when it would be entered once more; `None` ends the run as exhausted.
    pub on_exceeded: Option<Target>,
    /// Extra tries within one visit when a session asks for a retry.
    pub retries: u32,
    /// The step is skipped when this expression is false.
    pub skip_when_false: Option<Expr>,
    /// Findings of rules that its author accepts here.
    pub allow: Vec<Allow>,
    /// Variables of `context` set after the step completed, in order.
    pub captures: IndexMap<String, Capture>,
    /// Where the step stands in the text, for messages.
    pub line: usize,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// Calls a declared tool with rendered arguments.
    Tool {
        /// Its declaration.
        tool: &'static ToolDecl,
        /// Arguments by parameter name; only names the tool declares.
        with: IndexMap<String, Arg>,
    },
    /// Asks a person; yes follows `on_success`, no `on_failure`.
    Confirm {
        /// The question.
        message: Template,
        /// The answer when nobody is there to ask; `None` stops the run instead.
        default: Option<bool>,
    },
    /// Calls nothing, only routes.
    Route,
    /// Ends the run.
    Stop {
        /// How it ends.
        status: StopStatus,
        /// What people are told.
        message: Template,
    },
}

/// The end that a `stop` step states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopStatus {
    /// The run did what it was for.
    Succeeded,
    /// It did not.
    Failed,
    /// It ran into a limit.
    Exhausted,
}

/// Where a route leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A declared step.
    Step(String),
    /// A clean end.
    Done,
    /// A failed end that asks for a person.
    Escalate,
}

/// One predicate of `on_result`.
#[derive(Debug, Clone)]
pub struct Route {
    /// Holds always when `None`.
    pub when: Option<Expr>,
    /// Where it leads.
    pub to: Target,
}

/// A number in the text, or an expression evaluated when it is needed.
#[derive(Debug, Clone)]
pub enum Bound {
    /// A literal.
    Count(u32),
    /// `${{ … }}` giving a whole number.
    Expr(Expr),
}

/// One captured variable.
#[derive(Debug, Clone)]
pub struct Capture {
    /// Evaluated with `result` in scope.
    pub value: Arg,
    /// Type it is read as; `None` keeps what the expression gives.
    pub kind: Option<ValueKind>,
    /// Set or append (`capture_list`).
    pub mode: CaptureMode,
}

/// What a capture does to an existing value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureMode {
    /// Replaces it.
    #[default]
    Set,
    /// Appends to a list.
    Append,
    /// Leaves it when it is there.
    Keep,
}

/// An argument value: any YAML value whose strings may hold `${{ … }}`.
#[derive(Debug, Clone)]
pub enum Arg {
    /// No interpolation anywhere inside.
    Literal(Value),
    /// A string with at least one `${{ … }}`.
    Template(Template),
    /// A list with an interpolation somewhere inside.
    List(Vec<Arg>),
    /// A mapping with an interpolation somewhere inside.
    Map(IndexMap<String, Arg>),
}

//! The compiled recipe: what the loader leaves and what every view, check and run reads.

use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::compose::PartText;
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

/// What a recipe is for (`kind:`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecipeKind {
    /// People cook it.
    #[default]
    Standard,
    /// It dispatches other recipes.
    Campaign,
    /// A campaign cooks it.
    FoodTruck,
}

impl RecipeKind {
    /// Every kind with its word.
    pub const ALL: [(&'static str, Self); 3] =
        [("standard", Self::Standard), ("campaign", Self::Campaign), ("food-truck", Self::FoodTruck)];

    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Campaign => "campaign",
            Self::FoodTruck => "food-truck",
        }
    }
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
    /// Variables of the environment that its expressions read.
    pub env: Vec<String>,
    /// What kind of recipe it is.
    pub kind: RecipeKind,
    /// Whether its author still tries it out.
    pub experimental: bool,
    /// Steps that run on every exit.
    pub finally: IndexMap<String, Step>,
    /// Where it came from.
    pub source: RecipeSource,
    /// The file it was read from; `None` for a bundled recipe.
    pub path: Option<PathBuf>,
    /// The text it was compiled from.
    pub text: String,
    /// SHA-256 in hex of `text` and the texts of its sub-recipes: the identity a journal records.
    pub hash: String,
    /// The sub-recipes whose steps are among its own.
    pub parts: Vec<PartText>,
}

impl Recipe {
    /// The tools that its steps call, each once, in the order of the steps.
    #[must_use]
    pub fn tools(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        for step in self.all_steps() {
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
        self.all_steps().iter().any(|step| matches!(step.kind, StepKind::Confirm { .. }))
    }

    /// Every step, those inside `for_each` and `finally` included, in the order of the text.
    #[must_use]
    pub fn all_steps(&self) -> Vec<&Step> {
        fn collect<'r>(steps: &'r IndexMap<String, Step>, all: &mut Vec<&'r Step>) {
            for step in steps.values() {
                all.push(step);
                if let StepKind::ForEach(each) = &step.kind {
                    collect(&each.body, all);
                }
            }
        }
        let mut all = Vec::new();
        collect(&self.steps, &mut all);
        collect(&self.finally, &mut all);
        all
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
    /// How much of each window of the account's plan the run may use, in per cent.
    pub quota_share: Option<f64>,
    /// Number of sessions.
    pub sessions: Option<u32>,
    /// Visits of any one step that states no bound of its own.
    pub max_visits: Option<u32>,
    /// How often a step may fail in the same way although sessions worked in between; 0 for no bound. 4 when it is not said.
    pub same_failure: Option<u32>,
}

/// One input of a recipe.
#[derive(Debug, Clone, Default)]
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
    /// Where the value is read when none is given; `default` when nothing is there.
    pub default_from: Option<DefaultFrom>,
}

/// Where a default is read, before the first step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DefaultFrom {
    /// `config.<key>`: a setting.
    Config(String),
    /// `git.remote`: the address of the remote.
    GitRemote,
    /// `git.branch`: the branch that is checked out.
    GitBranch,
    /// `git.base_branch`: the branch that work is merged into.
    GitBaseBranch,
    /// `detect.test_command`: the command that tests the project.
    TestCommand,
    /// `run.date`: the day the run starts.
    Date,
}

impl DefaultFrom {
    /// The sources without a part of their own, with their words.
    pub const WORDS: &'static [(&'static str, Self)] = &[
        ("git.remote", Self::GitRemote),
        ("git.branch", Self::GitBranch),
        ("git.base_branch", Self::GitBaseBranch),
        ("detect.test_command", Self::TestCommand),
        ("run.date", Self::Date),
    ];

    /// What stands in the recipe.
    #[must_use]
    pub fn written(&self) -> String {
        if let Self::Config(key) = self {
            return format!("config.{key}");
        }
        Self::WORDS.iter().find(|(_, source)| source == self).map_or("", |(word, _)| word).to_owned()
    }
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
    /// `optional:` as written; AutoSkillit 0.9 marks steps with it that `skip_when_false` may skip.
    pub optional: bool,
    /// The group it belongs to, for rules about groups.
    pub block: Option<String>,
    /// What `with:` tells a session that drives a legacy recipe beside the tool's parameters.
    pub hints: IndexMap<String, Arg>,
    /// Variables that it may read before they are captured (`optional_context_refs`).
    pub lenient: Vec<String>,
    /// Which failures are tried again, and how soon; `retries` holds its `max`.
    pub retry: Option<RetryPolicy>,
    /// The call is repeated until its result is as it should be.
    pub poll: Option<Poll>,
    /// How the output of a command becomes its result.
    pub outputs_from: Option<OutputsFrom>,
    /// Where it was written, when it came in from a sub-recipe.
    pub origin: Option<Part>,
    /// Where the step stands in the text, for messages.
    pub line: usize,
}

/// The place of a step that came in from a sub-recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The sub-recipe.
    pub recipe: String,
    /// The name of the step there.
    pub step: String,
    /// The file, as people are shown it.
    pub file: String,
}

/// `retry:`: which failures of a session are tried again.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// Extra tries.
    pub max: u32,
    /// The reasons that are tried again; all when empty.
    pub on: Vec<String>,
    /// How long to wait before a try.
    pub backoff: Backoff,
}

/// Waits that grow.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Backoff {
    /// Before the first extra try.
    pub first: Duration,
    /// What each further wait is multiplied by.
    pub factor: f64,
    /// The longest wait.
    pub most: Option<Duration>,
}

/// `poll:`: waiting for something by asking again.
#[derive(Debug, Clone, PartialEq)]
pub struct Poll {
    /// Time between two calls.
    pub every: Duration,
    /// Time after which the step fails.
    pub limit: Duration,
    /// What must hold of `result`.
    pub until: Expr,
}

/// `outputs_from:`: how the output of a command is read.
#[derive(Debug, Clone, PartialEq)]
pub enum OutputsFrom {
    /// The output is one JSON mapping.
    Json,
    /// Lines of `name=value`.
    Pairs,
    /// The output as it is.
    Text,
    /// A file that the command writes, holding JSON.
    File(Template),
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
        /// The answers and where each leads, when there are others than yes and no.
        choice: Option<Box<Choice>>,
    },
    /// Calls nothing, only routes.
    Route,
    /// Calls nothing; its result is `{value}`.
    Constant(Arg),
    /// Runs steps once for each item of a list.
    ForEach(Box<ForEach>),
    /// The steps of another recipe; composition puts them in its place.
    Call(Box<SubCall>),
    /// Ends the run.
    Stop {
        /// How it ends.
        status: StopStatus,
        /// What people are told.
        message: Template,
    },
}

/// The answers of a confirm step that has others than yes and no, or does not wait for ever.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choice {
    /// Each answer and where it leads; empty when the answers are yes and no.
    pub options: IndexMap<String, Target>,
    /// The answer when nobody answers.
    pub default: Option<String>,
    /// How long an answer is waited for.
    pub timeout: Option<Duration>,
}

/// `for_each:`: steps that run once for each item.
#[derive(Debug, Clone)]
pub struct ForEach {
    /// The list.
    pub list: Arg,
    /// What an item is called in `item`.
    pub name: String,
    /// One after the other, or side by side.
    pub mode: LoopMode,
    /// How many at a time in parallel.
    pub max_parallel: Option<Bound>,
    /// What runs for each item; `done` in it ends the item.
    pub body: IndexMap<String, Step>,
    /// What follows when an item fails.
    pub on_item_failure: ItemFailure,
    /// Values taken from each item, as lists in the order of the items.
    pub collect: IndexMap<String, Arg>,
}

/// How items follow each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LoopMode {
    /// One after the other.
    #[default]
    Sequential,
    /// Side by side.
    Parallel,
}

/// What follows when an item fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ItemFailure {
    /// No further item starts, and the step failed.
    #[default]
    Stop,
    /// The others run; whether one failed is in the result.
    Continue,
}

/// `sub_recipe:`: another recipe in the place of a step.
#[derive(Debug, Clone)]
pub struct SubCall {
    /// Its name.
    pub recipe: String,
    /// It is left out when this does not hold.
    pub gate: Option<Expr>,
    /// Its ingredients.
    pub inputs: IndexMap<String, Arg>,
    /// Variables of this recipe, and what each takes from the `context` of the other.
    pub outputs: IndexMap<String, Arg>,
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
    /// An item of `args:` that is left out when its condition does not hold.
    Choice {
        /// The condition.
        when: Expr,
        /// The item.
        value: Box<Arg>,
    },
}

//! The tool declarations: what a step or a served session may call, with which parameters, what comes back, and what
//! counts as failure. Data only; the handlers are in `tools/` and `app/`.

mod kitchen;
mod repeat;
mod reports;
mod schema;
mod steps;
mod unbuilt;

pub use kitchen::KITCHEN;
pub use reports::REPORTS;
pub use schema::{input, step_and, step_only};
pub use steps::TOOLS;

use crate::core::kind::ValueKind;

/// One tool.
#[derive(Debug)]
pub struct ToolDecl {
    /// The name in `tool:`.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// Groups it belongs to (`remote` tools are answered by the scenario in a rehearsal).
    pub tags: &'static [&'static str],
    /// Who may call it where the kitchen is served.
    pub audience: Audience,
    /// Its parameters.
    pub params: &'static [ParamDecl],
    /// The fields of `result` after a call. Sessions add the skill's declared outputs.
    pub results: &'static [ResultDecl],
    /// What counts as failure, in words; the handler reports it as its outcome.
    pub fails_when: &'static str,
    /// Whether fields beyond `results` may appear in `result` (declared outputs, echoed values).
    pub open_result: bool,
    /// Whether steps can run it. The others are known, so that recipes which call them load.
    pub built: bool,
    /// What checks of recipes need to know about it.
    pub facts: Facts,
}

/// What a tool does to the world, as far as recipes can go wrong with it.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// Parameters whose values name nothing any more after a success.
    pub invalidates: &'static [&'static str],
    /// It never fails.
    pub never_fails: bool,
    /// It publishes a branch.
    pub pushes: bool,
    /// Values of `failed_step` after which a recipe can mend what is wrong and call it again.
    pub recoverable: &'static [&'static str],
}

impl Facts {
    /// Nothing to know.
    pub const NONE: Self = Self { invalidates: &[], never_fails: false, pushes: false, recoverable: &[] };
}

/// Who sees a tool of a served kitchen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Whoever is connected, also while the kitchen is closed; but no session that a step runs.
    Everybody,
    /// Whoever opened the kitchen.
    OpenKitchen,
    /// Whoever opened the kitchen, and the sessions that steps run: they may not start others, but they may run the tests.
    OpenKitchenAndSessions,
}

/// One parameter of a tool.
#[derive(Debug)]
pub struct ParamDecl {
    /// Its key under `with:`.
    pub name: &'static str,
    /// The type an argument must have.
    pub kind: ParamKind,
    /// Whether a call without it is an error.
    pub required: bool,
    /// What it means, with units.
    pub summary: &'static str,
}

/// Types of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamKind {
    /// Text.
    String,
    /// A file or directory, relative to the step's working directory.
    Path,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A whole number of seconds, or a text such as `90s`, `10m`, `2h`.
    Seconds,
    /// A list of texts.
    StringList,
    /// A mapping of texts.
    StringMap,
    /// A list of values.
    List,
    /// Any value.
    Any,
    /// A shell text, in which an interpolation must be quoted (`| sh`) or marked (`| raw`).
    Shell,
}

/// One field of a result.
#[derive(Debug)]
pub struct ResultDecl {
    /// Its key under `result`.
    pub name: &'static str,
    /// What it holds.
    pub summary: &'static str,
    /// The type of its value.
    pub kind: ValueKind,
    /// The only values it can have, when not empty.
    pub choices: &'static [&'static str],
}

const fn param(name: &'static str, kind: ParamKind, required: bool, summary: &'static str) -> ParamDecl {
    ParamDecl { name, kind, required, summary }
}

const fn field(name: &'static str, summary: &'static str) -> ResultDecl {
    typed(name, ValueKind::String, summary)
}

const fn typed(name: &'static str, kind: ValueKind, summary: &'static str) -> ResultDecl {
    ResultDecl { name, summary, kind, choices: &[] }
}

const fn choice(name: &'static str, choices: &'static [&'static str], summary: &'static str) -> ResultDecl {
    ResultDecl { name, summary, kind: ValueKind::String, choices }
}

/// The declaration of the tool `name`, as a step may call it.
#[must_use]
pub fn tool(name: &str) -> Option<&'static ToolDecl> {
    callable().find(|tool| tool.name == name)
}

/// The tools that steps may name: those that run, those that do not yet, and those of a served kitchen.
pub fn callable() -> impl Iterator<Item = &'static ToolDecl> {
    // A step that asks a person, and one that only leads somewhere, is an action, not a call.
    let asked = ["confirm", "choose_route"];
    steps().chain(unbuilt()).chain(KITCHEN.iter().filter(move |tool| !asked.contains(&tool.name)))
}

/// The tools that steps can run.
pub fn steps() -> impl Iterator<Item = &'static ToolDecl> {
    TOOLS.iter().chain(REPORTS)
}

/// Whether a tool tells what was used, how long it took or what failed.
#[must_use]
pub fn is_report(name: &str) -> bool {
    REPORTS.iter().any(|tool| tool.name == name)
}

/// The tools that only steps name and that do not run yet.
pub fn unbuilt() -> impl Iterator<Item = &'static ToolDecl> {
    unbuilt::tools()
}

/// Packs of tools and skills that a recipe can require, and whether they are enabled when settings say nothing.
pub static PACKS: &[(&str, bool)] = &[
    ("github", true),
    ("ci", true),
    ("clone", true),
    ("telemetry", true),
    ("arch-lens", true),
    ("audit", true),
    ("research", false),
    ("exp-lens", false),
    ("vis-lens", false),
];

/// What a tool that had another name in early recipes is called now.
#[must_use]
pub fn renamed(name: &str) -> Option<&'static str> {
    Some(match name {
        "list_skill_scripts" => "list_recipes",
        "load_skill_script" => "load_recipe",
        "validate_script" => "validate_recipe",
        "autoskillit_status" => "kitchen_status",
        _ => return None,
    })
}

impl ToolDecl {
    /// The field `name` of its result.
    #[must_use]
    pub fn result(&self, name: &str) -> Option<&'static ResultDecl> {
        self.results.iter().find(|result| result.name == name)
    }

    /// The parameter `name`.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&'static ParamDecl> {
        self.params.iter().find(|param| param.name == name)
    }
}

/// Every tool that is served, those of steps first.
pub fn all() -> impl Iterator<Item = &'static ToolDecl> {
    steps().chain(KITCHEN)
}

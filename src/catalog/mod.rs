//! The tool declarations: what a step or a served session may call, with which parameters, what comes back, and what
//! counts as failure. Data only; the handlers are in `tools/` and `app/`.

mod kitchen;
mod schema;
mod steps;

pub use kitchen::KITCHEN;
pub use schema::{input, step_only};
pub use steps::TOOLS;

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
    /// A whole number of seconds, or a text such as `90s`, `10m`, `2h`.
    Seconds,
    /// A list of texts.
    StringList,
    /// A mapping of texts.
    StringMap,
    /// A list of values.
    List,
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
}

const fn param(name: &'static str, kind: ParamKind, required: bool, summary: &'static str) -> ParamDecl {
    ParamDecl { name, kind, required, summary }
}

const fn field(name: &'static str, summary: &'static str) -> ResultDecl {
    ResultDecl { name, summary }
}

/// The declaration of the step tool `name`.
#[must_use]
pub fn tool(name: &str) -> Option<&'static ToolDecl> {
    TOOLS.iter().find(|tool| tool.name == name)
}

impl ToolDecl {
    /// The parameter `name`.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&'static ParamDecl> {
        self.params.iter().find(|param| param.name == name)
    }
}

/// Every tool, those of steps first.
pub fn all() -> impl Iterator<Item = &'static ToolDecl> {
    TOOLS.iter().chain(KITCHEN)
}

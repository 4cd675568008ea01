//! The expression language: `when:` and the inside of `${{ … }}` are one language, minijinja's.
//!
//! Texts come in and are compiled once; what leaves knows which names it reads, where each stands,
//! and gives a value or a sentence that says why not. Nothing outside this directory knows that
//! minijinja is behind it.

mod analyse;
mod infer;
mod kinds;
mod legacy;
mod loose;
mod machine;
mod template;
pub mod test;
mod value;

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

pub use infer::{Misfit, MisfitKind, Names};
pub use kinds::Type;
pub use template::{Part, Template};
pub use test::{Op, Operand, Test};
pub use value::text;

pub use crate::core::text::sh_quote;

/// What expressions see: one object per namespace (see [`NAMESPACES`]). A declared
/// ingredient that was not given is null, so that reading it is no error.
pub type Scope = serde_json::Map<String, Value>;

/// The namespaces of a scope.
pub const NAMESPACES: &[&str] = &["inputs", "context", "result", "run", "item", "env"];

/// Variables of the environment that every recipe may read, in `env`.
pub const ENVIRONMENT: &[&str] = &["CI", "HOME", "LANG", "TZ", "USER"];

/// How an expression is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// As it is written; a name that is missing is an error.
    #[default]
    Strict,
    /// As AutoSkillit 0.9 means it; a name that is missing is nothing.
    Legacy,
}

/// The names in `run`.
pub const RUN_NAMES: &[&str] = &["id", "dir", "repository", "recipe", "step"];

/// What `run` holds beside that in the steps of `finally`: how the run ended.
pub const END_NAMES: &[&str] = &["status", "reason", "ended_at", "resumable"];

/// A compiled expression; cheap to clone.
#[derive(Clone)]
pub struct Expr {
    inner: Arc<Inner>,
}

struct Inner {
    source: String,
    /// The text in the recipe, where that is another one.
    written: Option<String>,
    mode: Mode,
    test: test::Test,
    /// Made when it is first evaluated: most expressions of a recipe that is only looked at never are.
    program: OnceLock<Result<machine::Program, String>>,
    paths: Vec<analyse::Path>,
    references: Vec<Reference>,
    shell: analyse::Shell,
}

/// One name that an expression reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The first word: a namespace, or whatever stands in its place.
    pub namespace: String,
    /// The name in it; `None` when the namespace is used as a whole.
    pub name: Option<String>,
    /// Whether the expression copes with its absence (`is defined`, `| default(…)`).
    pub guarded: bool,
    /// Where it stands in the source of the expression or template, in bytes.
    pub span: Range<usize>,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{}.{name}", self.namespace),
            None => f.write_str(&self.namespace),
        }
    }
}

/// Why a text is no expression or template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExprError {
    /// What is wrong, as a fragment.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
    /// Where, in bytes of the source.
    pub span: Range<usize>,
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot evaluate `{expression}`: {message}")]
pub struct EvalError {
    /// The expression.
    pub expression: String,
    /// What is wrong, as a fragment; names the variable when one is missing.
    pub message: String,
}

impl Expr {
    /// Compiles a bare expression, as in `when:`.
    ///
    /// # Errors
    /// When it is no expression of the language, or uses a filter, test or function it lacks.
    pub fn parse(source: &str) -> Result<Self, ExprError> {
        Self::compile(source, Mode::Strict, None)
    }

    /// Compiles what stands between `${{` and `}}`.
    ///
    /// # Errors
    /// As [`Expr::parse`].
    pub fn parse_as(source: &str, mode: Mode) -> Result<Self, ExprError> {
        match mode {
            Mode::Strict => Self::parse(source),
            Mode::Legacy => {
                let names = legacy::names(source);
                // Places are those of the text as it is, where nothing in it changed.
                let changed = names != source.trim();
                Self::compile(if changed { &names } else { source }, mode, changed.then_some(source))
            }
        }
    }

    /// Compiles a predicate, as in `when:`; in the forms of AutoSkillit 0.9, where `mode` says so.
    ///
    /// # Errors
    /// As [`Expr::parse`].
    pub fn predicate(source: &str, mode: Mode) -> Result<Self, ExprError> {
        match mode {
            Mode::Strict => Self::parse(source),
            Mode::Legacy => Self::compile(&legacy::predicate(source), mode, Some(source)),
        }
    }

    /// The same expression, said to be written as `text`.
    ///
    /// # Errors
    /// As [`Expr::parse`].
    pub fn made(source: &str, mode: Mode, text: &str) -> Result<Self, ExprError> {
        Self::compile(source, mode, Some(text))
    }

    fn compile(source: &str, mode: Mode, written: Option<&str>) -> Result<Self, ExprError> {
        let found = analyse::analyse(source)?;
        Ok(Self {
            inner: Arc::new(Inner {
                source: source.trim().to_owned(),
                written: written.map(|text| text.trim().to_owned()),
                mode,
                test: found.test,
                program: OnceLock::new(),
                paths: found.paths,
                references: found.references,
                shell: found.shell,
            }),
        })
    }

    /// Its value in `scope`.
    ///
    /// # Errors
    /// When a name it needs is missing, or an operation in it fails.
    pub fn eval(&self, scope: &Scope) -> Result<Value, EvalError> {
        self.run(scope).and_then(|value| value::to_json(&value)).map_err(|message| self.error(message))
    }

    /// Whether it holds in `scope`: empty texts, lists and mappings, zero and null do not.
    ///
    /// # Errors
    /// As [`Expr::eval`].
    pub fn is_true(&self, scope: &Scope) -> Result<bool, EvalError> {
        self.run(scope).map(|value| value.is_true()).map_err(|message| self.error(message))
    }

    /// The names it reads, each occurrence.
    #[must_use]
    pub fn references(&self) -> &[Reference] {
        &self.inner.references
    }

    /// The chains of names that it reads, such as `result.report.verdict`, each with the shorter ones that it begins with.
    pub fn chains(&self) -> impl Iterator<Item = &[String]> {
        self.inner.paths.iter().map(|path| path.segments.as_slice())
    }

    /// What it asks, as a predicate.
    #[must_use]
    pub fn test(&self) -> &test::Test {
        &self.inner.test
    }

    /// The type of its value where names have the types that `names` gives, and what in it is wrong in every run.
    #[must_use]
    pub fn infer(&self, names: &Names<'_>) -> (Type, Vec<Misfit>) {
        infer::infer(&self.inner.source, self.inner.mode, names)
    }

    /// How it was read.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.inner.mode
    }

    /// The text as it stands in the recipe, for people.
    #[must_use]
    pub fn written(&self) -> &str {
        self.inner.written.as_deref().unwrap_or(&self.inner.source)
    }

    /// The text it was compiled from, without surrounding blanks.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.inner.source
    }

    /// Whether its outermost filter is `sh` or `raw`, so that it may stand in a shell text.
    #[must_use]
    pub fn is_shell_safe(&self) -> bool {
        self.inner.shell != analyse::Shell::Loose
    }

    /// Whether it gives a word in quotes (`sh`), which must not stand inside other quotes.
    #[must_use]
    pub fn is_quoted(&self) -> bool {
        self.inner.shell == analyse::Shell::Quoted
    }

    fn run(&self, scope: &Scope) -> Result<minijinja::Value, String> {
        let compile = || machine::compile(&self.inner.source).map_err(|error| error.message);
        let program = self.inner.program.get_or_init(compile).as_ref().map_err(Clone::clone)?;
        machine::eval(program, value::context(scope, &self.inner.paths, self.inner.mode))
    }

    fn error(&self, message: String) -> EvalError {
        EvalError { expression: self.written().to_owned(), message }
    }
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expr").field(&self.inner.source).finish()
    }
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.inner.source == other.inner.source && self.inner.mode == other.inner.mode
    }
}

#[cfg(test)]
mod tests;

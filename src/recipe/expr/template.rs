//! Texts with `${{ … }}` in them.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use minijinja::machinery::{Token, tokenize};
use serde_json::Value;

use super::machine::{self, CLOSE, OPEN};
use super::{EvalError, Expr, ExprError, Mode, Reference, Scope, value};

/// A compiled text with `${{ … }}`; cheap to clone.
#[derive(Clone, PartialEq)]
pub struct Template {
    inner: Arc<Inner>,
}

#[derive(PartialEq)]
struct Inner {
    source: String,
    segments: Vec<Segment>,
    references: Vec<Reference>,
}

#[derive(PartialEq)]
enum Segment {
    Literal(String),
    /// An expression and the range of its whole `${{ … }}`.
    Interpolation(Expr, Range<usize>),
}

/// A part of a [`Template`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Part<'t> {
    /// Text that stands as it is.
    Text(&'t str),
    /// An expression.
    Value(&'t Expr),
}

impl Template {
    /// Compiles a text.
    ///
    /// # Errors
    /// When an interpolation is not closed or holds no valid expression.
    pub fn parse(source: &str) -> Result<Self, ExprError> {
        Self::parse_as(source, Mode::Strict)
    }

    /// Compiles a text whose expressions are read as `mode` says.
    ///
    /// # Errors
    /// As [`Template::parse`].
    pub fn parse_as(source: &str, mode: Mode) -> Result<Self, ExprError> {
        let segments = segments(source, mode)?;
        let mut references = Vec::new();
        for segment in &segments {
            let Segment::Interpolation(expr, range) = segment else { continue };
            // The expression was compiled from what stands between the delimiters of its range.
            let start = inside(source, range).start;
            references.extend(expr.references().iter().map(|found| Reference {
                span: found.span.start + start..found.span.end + start,
                ..found.clone()
            }));
        }
        Ok(Self { inner: Arc::new(Inner { source: source.to_owned(), segments, references }) })
    }

    /// The text with every interpolation replaced by its value's text (see [`super::text`]).
    ///
    /// # Errors
    /// When an interpolation has no value.
    pub fn render(&self, scope: &Scope) -> Result<String, EvalError> {
        let mut out = String::new();
        for segment in &self.inner.segments {
            match segment {
                Segment::Literal(text) => out.push_str(text),
                Segment::Interpolation(expr, _) => out.push_str(&value::text(&expr.eval(scope)?)),
            }
        }
        Ok(out)
    }

    /// The value: a text that is exactly one `${{ … }}` keeps the type of its expression.
    ///
    /// # Errors
    /// When an interpolation has no value.
    pub fn value(&self, scope: &Scope) -> Result<Value, EvalError> {
        match self.single() {
            Some(expr) => expr.eval(scope),
            None => self.render(scope).map(Value::String),
        }
    }

    /// The text for a shell.
    ///
    /// # Errors
    /// When an interpolation has no value, or may put code into the text (see
    /// [`Template::unquoted`]); checks refuse such a recipe before it runs.
    pub fn shell(&self, scope: &Scope) -> Result<String, EvalError> {
        if let Some(range) = self.unquoted().first() {
            return Err(EvalError {
                expression: self.inner.source[range.clone()].to_owned(),
                message: "its value would become part of a shell text without quotes".to_owned(),
            });
        }
        self.render(scope)
    }

    /// The interpolations whose outermost filter is neither `sh` nor `raw`, as byte ranges.
    #[must_use]
    pub fn unquoted(&self) -> Vec<Range<usize>> {
        self.interpolations()
            .filter(|(expr, _)| !expr.is_shell_safe())
            .map(|(_, range)| range.clone())
            .collect()
    }

    /// The text in its order: what stands as it is, and the expressions.
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        self.inner.segments.iter().map(|segment| match segment {
            Segment::Literal(text) => Part::Text(text),
            Segment::Interpolation(expr, _) => Part::Value(expr),
        })
    }

    /// The expression of a text that is exactly one `${{ … }}`.
    #[must_use]
    pub fn single(&self) -> Option<&Expr> {
        match self.inner.segments.as_slice() {
            [Segment::Interpolation(expr, _)] => Some(expr),
            _ => None,
        }
    }

    /// Whether there is no interpolation in it.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.interpolations().next().is_none()
    }

    /// Its expressions, each with the byte range of its `${{ … }}`.
    pub fn interpolations(&self) -> impl Iterator<Item = (&Expr, &Range<usize>)> {
        self.inner.segments.iter().filter_map(|segment| match segment {
            Segment::Interpolation(expr, range) => Some((expr, range)),
            Segment::Literal(_) => None,
        })
    }

    /// The names it reads, each occurrence.
    #[must_use]
    pub fn references(&self) -> &[Reference] {
        &self.inner.references
    }

    /// The text it was compiled from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.inner.source
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.inner.source).finish()
    }
}

fn segments(source: &str, mode: Mode) -> Result<Vec<Segment>, ExprError> {
    let mut segments = Vec::new();
    let mut open: Option<Range<usize>> = None;
    for token in tokenize(source, false, machine::syntax()) {
        let (token, span) = token.map_err(|error| match &open {
            Some(open) if !source[open.end..].contains(CLOSE) => never_closed(open),
            _ => ExprError { help: None, ..machine::syntax_error(source, &error) },
        })?;
        let span = span.start_offset as usize..span.end_offset as usize;
        match token {
            Token::TemplateData(text) => segments.push(Segment::Literal(text.to_owned())),
            Token::VariableStart => open = Some(span),
            Token::VariableEnd => {
                let start = open.take().unwrap_or(span.clone());
                let expr = Expr::parse_as(&source[start.end..span.start], mode).map_err(|error| {
                    ExprError { span: error.span.start + start.end..error.span.end + start.end, ..error }
                })?;
                segments.push(Segment::Interpolation(expr, start.start..span.end));
            }
            Token::BlockStart | Token::BlockEnd => {
                let message = "statements are not part of the language".to_owned();
                return Err(ExprError { message, help: None, span });
            }
            _ => {}
        }
    }
    match open {
        Some(open) => Err(never_closed(&open)),
        None => Ok(segments),
    }
}

fn never_closed(open: &Range<usize>) -> ExprError {
    ExprError {
        message: format!("`{OPEN}` is never closed"),
        help: Some(format!(
            "close it with `{CLOSE}`; a text that shall hold `{OPEN}` says `{OPEN} '{OPEN}' {CLOSE}`"
        )),
        span: open.clone(),
    }
}

/// What stands between the delimiters of an interpolation, whitespace control aside.
fn inside(source: &str, range: &Range<usize>) -> Range<usize> {
    let mut start = range.start + OPEN.len();
    let mut end = range.end - CLOSE.len();
    if source[start..end].starts_with(['-', '+']) {
        start += 1;
    }
    if source[start..end].ends_with(['-', '+']) {
        end -= 1;
    }
    start..end
}

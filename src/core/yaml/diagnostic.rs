//! What is wrong with a file, with the places in its text. Rendered by the command line.

use std::fmt;
use std::ops::Range;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use serde::Serialize;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It cannot be used.
    Error,
    /// It can, but probably does not mean what it says.
    Warning,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Stable name, such as `unknown-key`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// A lower-case fragment.
    pub message: String,
    /// Places in the text, in bytes, the main one first, each with what to say there.
    pub labels: Vec<(Range<usize>, String)>,
    /// How to mend it.
    pub help: Option<String>,
}

impl Problem {
    /// An error with one place.
    #[must_use]
    pub fn error(code: &'static str, message: impl Into<String>, at: Range<usize>, label: &str) -> Self {
        let labels = vec![(at, label.to_owned())];
        Self { code, severity: Severity::Error, message: message.into(), labels, help: None }
    }

    /// A warning with one place.
    #[must_use]
    pub fn warning(code: &'static str, message: impl Into<String>, at: Range<usize>, label: &str) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message, at, label) }
    }

    /// An error about the file as a whole.
    #[must_use]
    pub fn whole(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, message: message.into(), labels: Vec::new(), help: None }
    }

    /// The same with a mend.
    #[must_use]
    pub fn help(mut self, help: impl Into<Option<String>>) -> Self {
        self.help = help.into();
        self
    }

    /// The same with one more place.
    #[must_use]
    pub fn also(mut self, at: Range<usize>, label: &str) -> Self {
        self.labels.push((at, label.to_owned()));
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        if self.labels.is_empty() {
            return None;
        }
        Some(Box::new(self.labels.iter().enumerate().map(|(index, (range, text))| {
            let text = Some(text.clone()).filter(|text| !text.is_empty());
            match index {
                0 => LabeledSpan::new_primary_with_span(text, range.clone()),
                _ => LabeledSpan::new_with_span(text, range.clone()),
            }
        })))
    }
}

/// The problems of one file, by place.
#[derive(Debug, Clone)]
pub struct Problems {
    source: NamedSource<String>,
    problems: Vec<Problem>,
}

impl Problems {
    /// The problems of the file shown as `file` with the text `text`.
    #[must_use]
    pub fn new(file: &str, text: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.labels.first().map_or(0, |(range, _)| range.start));
        Self { source: NamedSource::new(file, text.to_owned()), problems }
    }

    /// The name of the file as shown.
    #[must_use]
    pub fn file(&self) -> &str {
        self.source.name()
    }

    /// The text that the places refer to.
    #[must_use]
    pub fn text(&self) -> &str {
        self.source.inner()
    }

    /// Each problem.
    #[must_use]
    pub fn list(&self) -> &[Problem] {
        &self.problems
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// How many errors there are.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.problems.iter().filter(|problem| problem.severity == Severity::Error).count()
    }

    /// Each problem in the form of machine output.
    #[must_use]
    pub fn report(&self) -> Vec<ProblemReport> {
        self.problems
            .iter()
            .map(|problem| {
                let place = problem.labels.first().map(|(range, _)| range.clone());
                let start = place.as_ref().map(|range| position(self.text(), range.start));
                let end = place.as_ref().map(|range| position(self.text(), range.end));
                ProblemReport {
                    code: problem.code,
                    severity: problem.severity,
                    message: problem.message.clone(),
                    file: self.file().to_owned(),
                    line: start.map(|(line, _)| line),
                    column: start.map(|(_, column)| column),
                    end_line: end.map(|(line, _)| line),
                    end_column: end.map(|(_, column)| column),
                    help: problem.help.clone(),
                }
            })
            .collect()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors = self.errors();
        let warnings = self.problems.len() - errors;
        let count = |number: usize, word: &str| match number {
            1 => format!("1 {word}"),
            _ => format!("{number} {word}s"),
        };
        match (errors, warnings) {
            (_, 0) => write!(f, "{} in {}", count(errors, "error"), self.file()),
            (0, _) => write!(f, "{} in {}", count(warnings, "warning"), self.file()),
            _ => {
                write!(f, "{} and {} in {}", count(errors, "error"), count(warnings, "warning"), self.file())
            }
        }
    }
}

impl std::error::Error for Problems {}

impl Diagnostic for Problems {
    fn severity(&self) -> Option<miette::Severity> {
        Some(if self.errors() > 0 { miette::Severity::Error } else { miette::Severity::Warning })
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.problems.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}

/// One problem in machine output; lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProblemReport {
    /// Stable name of the kind of problem.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// The file.
    pub file: String,
    /// First line.
    pub line: Option<usize>,
    /// First column.
    pub column: Option<usize>,
    /// Last line.
    pub end_line: Option<usize>,
    /// Column after the last character.
    pub end_column: Option<usize>,
    /// How to mend it.
    pub help: Option<String>,
}

/// Line and column of a byte offset, from 1, the column in characters.
#[must_use]
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

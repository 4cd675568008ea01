//! Recipes of older versions, made to ones of today's language. A text enters; the same text with the changes that code can make
//! leaves, comments and layout kept, with what each change was for and what is left for somebody who can judge.

mod calls;
pub mod failures;
mod notes;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub use notes::NOTES;

use crate::core::yaml::diagnostic::{Problem, position};
use crate::recipe::yaml;

/// One change between two versions.
pub struct Note {
    /// Its name.
    pub id: &'static str,
    /// The version that brought it.
    pub to: &'static str,
    /// What changes, and why.
    pub summary: &'static str,
    /// What it changes in a text, and the places where only somebody who can judge knows what to write.
    pub apply: fn(&yaml::Document) -> Found,
}

/// What a note finds in a text.
#[derive(Debug, Default)]
pub struct Found {
    /// Changes.
    pub edits: Vec<Edit>,
    /// Places that are left, each with what to do there.
    pub left: Vec<(Range<usize>, String)>,
}

/// One replaced piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Where, in bytes.
    pub at: Range<usize>,
    /// What comes there.
    pub text: String,
}

/// What was changed and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Applied {
    /// The note.
    pub id: &'static str,
    /// The version that brought it.
    pub to: &'static str,
    /// What changed, and why.
    pub summary: &'static str,
    /// At how many places.
    pub places: usize,
}

/// A place where code does not know what to write.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Left {
    /// The line in the migrated text.
    pub line: usize,
    /// What to do there.
    pub what: String,
}

/// A text after its migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// The text; the same when nothing applied.
    pub text: String,
    /// What was done, in the order of the notes.
    pub applied: Vec<Applied>,
    /// What is left to do.
    pub left: Vec<Left>,
}

/// Applies every note that finds something.
///
/// # Errors
/// When the text is no recipe file at all; what of it is no YAML has its place.
pub fn migrate(text: &str) -> Result<Migrated, Vec<Problem>> {
    let mark = if text.starts_with('\u{feff}') { "\u{feff}" } else { "" };
    let mut document = yaml::read(text)?;
    let mut applied = Vec::new();
    for note in NOTES {
        let edits = (note.apply)(&document).edits;
        if edits.is_empty() {
            continue;
        }
        let places = edits.len();
        // An odd layout that an edit would break is left as it is; a check tells its old forms.
        let Ok(changed) = yaml::read(&edited(&document.text, edits)) else { continue };
        document = changed;
        applied.push(Applied { id: note.id, to: note.to, summary: note.summary, places });
    }
    let mut left: Vec<Left> = Vec::new();
    for note in NOTES {
        left.extend(
            (note.apply)(&document)
                .left
                .into_iter()
                .map(|(at, what)| Left { line: position(&document.text, at.start).0, what }),
        );
    }
    left.sort_by_key(|left| left.line);
    Ok(Migrated { text: format!("{mark}{}", document.text), applied, left })
}

/// The notes that would change something in a text, oldest first.
#[must_use]
pub fn pending(document: &yaml::Document) -> Vec<&'static Note> {
    NOTES.iter().filter(|note| !(note.apply)(document).edits.is_empty()).collect()
}

/// Whether a recipe of `version` is older than what a note brought. A version that is missing or no version is older than all, and
/// the language of today is younger than every version of AutoSkillit 0.9.
#[must_use]
pub fn is_older(version: Option<&str>, note: &Note) -> bool {
    let parts = |text: &str| -> Option<Vec<u64>> {
        text.trim().trim_start_matches('v').split('.').map(|part| part.parse().ok()).collect()
    };
    match (version.and_then(parts), parts(note.to)) {
        (Some(version), Some(to)) => version < to,
        _ => true,
    }
}

/// The text with `language: 1` after its name, so that everything in it means what it says. `None` when it says so already.
#[must_use]
pub fn stamped(text: &str) -> Option<String> {
    let document = yaml::read(text).ok()?;
    if document.value.get("language").is_some() {
        return None;
    }
    let name = crate::recipe::marks::Path::root().key("name");
    let end = document.marks.extent(&name)?.end;
    let offset = text.len() - document.text.len();
    let line_end = text[end + offset..].find('\n').map(|at| end + offset + at)?;
    let carriage = if text[..line_end].ends_with('\r') { "\r" } else { "" };
    Some(format!("{}\nlanguage: 1{carriage}{}", &text[..line_end], &text[line_end..]))
}

/// Replaces pieces that do not overlap; of two that do, the first counts.
fn edited(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| edit.at.start);
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        if edit.at.start < at {
            continue;
        }
        result.push_str(&text[at..edit.at.start]);
        result.push_str(&edit.text);
        at = edit.at.end;
    }
    result.push_str(&text[at..]);
    result
}

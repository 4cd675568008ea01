//! Setting one value in the text of a settings file: comments, order and everything else stay as they are.

use serde_json::Value as Json;
use serde_yaml::Value as Yaml;

use super::file::{self, SETTINGS};
use super::layer::{Entry, Layer};
use super::table::Key;
use crate::core::yaml::diagnostic::Problems;
use crate::core::yaml::marks::Path;
use crate::core::yaml::{self, Document};

/// Why a value cannot be set.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The file is no YAML.
    #[error("{0}")]
    Faulty(Problems),
    /// It is written in a way that cannot be changed in one place.
    #[error("`{key}` cannot be set without changing something else in the file")]
    Entangled {
        /// The setting.
        key: &'static str,
        /// What to write into the file by hand.
        line: String,
    },
}

/// The text `text` of the file shown as `name`, with `key` set to `value`. The result was read again: it says the value, and of
/// everything else what it said before.
///
/// # Errors
/// When the text is no YAML, or its form does not allow the change.
pub fn set(
    name: &str,
    text: &str,
    layer: Layer,
    key: &'static Key,
    value: &Json,
) -> Result<String, EditError> {
    let document =
        yaml::read(text, SETTINGS).map_err(|_| EditError::Faulty(file::read(name, text, layer).problems))?;
    let before = file::read(name, text, layer);
    let rendered = render(value);
    let entangled = || EditError::Entangled { key: key.name, line: format!("{}: {rendered}", key.name) };
    let edited = change(&document, key, &rendered).ok_or_else(entangled)?;
    let after = file::read(name, &edited, layer);
    let says = after.entries.iter().any(|entry| entry.key == key && entry.value == *value);
    let others_stay = others(&before.entries, key) == others(&after.entries, key);
    let no_worse = after.problems.errors() <= before.problems.errors();
    if says && others_stay && no_worse { Ok(edited) } else { Err(entangled()) }
}

fn others<'a>(entries: &'a [Entry], key: &Key) -> Vec<(&'static str, &'a Json)> {
    entries
        .iter()
        .filter(|entry| entry.key.name != key.name)
        .map(|entry| (entry.key.name, &entry.value))
        .collect()
}

fn change(document: &Document, key: &Key, rendered: &str) -> Option<String> {
    let parts: Vec<&str> = key.path().collect();
    let (mut at, mut value, mut depth) = (Path::root(), &document.value, 0);
    while let Some(next) = parts.get(depth).and_then(|part| value.get(part)) {
        at = at.key(parts[depth]);
        value = next;
        depth += 1;
    }
    match parts.get(depth..) {
        None | Some([]) => replace(document, &at, rendered),
        Some(missing) => insert(document, &at, value, missing, rendered),
    }
}

/// Puts `rendered` in the place of the value at `at`.
fn replace(document: &Document, at: &Path, rendered: &str) -> Option<String> {
    let text = &document.text;
    let colon = colon(document, at)?;
    let value = document.marks.extent(at)?;
    if value.is_empty() || value.start < colon {
        return Some(format!("{} {rendered}{}", &text[..colon], &text[colon..]));
    }
    let gap = &text[colon..value.start];
    match gap.split_once('\n') {
        None => Some(format!("{}{rendered}{}", &text[..value.start], &text[value.end..])),
        // The value starts below its key; a comment beside the key stays there.
        Some((beside, _)) => {
            let beside = beside.trim_end();
            let comment = if beside.trim_start().starts_with('#') { beside } else { "" };
            Some(format!("{} {rendered}{comment}{}", &text[..colon], &text[value.end..]))
        }
    }
}

/// Puts `missing` with its value into the section at `at`.
fn insert(
    document: &Document,
    at: &Path,
    section: &Yaml,
    missing: &[&str],
    rendered: &str,
) -> Option<String> {
    let text = &document.text;
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let extent = document.marks.extent(at);
    match section {
        Yaml::Mapping(mapping)
            if !mapping.is_empty() || extent.as_ref().is_some_and(|it| text[it.clone()].starts_with('{')) =>
        {
            let extent = extent?;
            if text[extent.clone()].starts_with('{') {
                let inside = &text[extent.start + 1..extent.end - 1];
                let inner = inside.trim_end();
                let added = flow(missing, rendered);
                let inside = match inner.strip_suffix(',').unwrap_or(inner) {
                    "" => format!(" {added} "),
                    entries => format!("{entries}, {added}{}", &inside[inner.len()..]),
                };
                return Some(format!("{}{{{inside}}}{}", &text[..extent.start], &text[extent.end..]));
            }
            let first = mapping.keys().next()?.as_str()?;
            let start = document.marks.key(&at.key(first)).start;
            let indent = &text[text[..start].rfind('\n').map_or(0, |newline| newline + 1)..start];
            if !indent.chars().all(|c| c == ' ') {
                return None;
            }
            // What follows the last section may be comments about it.
            let place = if *at == Path::root() { text.len() } else { extent.end };
            Some(add_lines(text, place, &block(missing, indent, rendered, line_end), line_end))
        }
        Yaml::Mapping(_) => {
            Some(add_lines(text, text.len(), &block(missing, "", rendered, line_end), line_end))
        }
        Yaml::Null => {
            let colon = colon(document, at)?;
            let start = document.marks.key(at).start;
            let indent = start - text[..start].rfind('\n').map_or(0, |newline| newline + 1) + 2;
            let null = extent.filter(|extent| extent.start >= colon).map_or(colon, |extent| extent.end);
            let kept = text[colon..null].split(['~', 'n', 'N']).next().unwrap_or_default().trim_end();
            let text = format!("{}{kept}{}", &text[..colon], &text[null..]);
            let lines = block(missing, &" ".repeat(indent), rendered, line_end);
            Some(add_lines(&text, colon, &lines, line_end))
        }
        _ => None,
    }
}

/// Adds `lines` below the line of `place`.
fn add_lines(text: &str, place: usize, lines: &str, line_end: &str) -> String {
    let split = text[place..].find('\n').map_or(text.len(), |newline| place + newline + 1);
    let (before, after) = text.split_at(split);
    let end = if before.is_empty() || before.ends_with('\n') { "" } else { line_end };
    format!("{before}{end}{lines}{after}")
}

/// After the colon of the key at `at`.
fn colon(document: &Document, at: &Path) -> Option<usize> {
    let end = document.marks.key(at).end;
    document.text[end..].find(':').map(|colon| end + colon + 1)
}

fn block(parts: &[&str], indent: &str, rendered: &str, line_end: &str) -> String {
    let mut lines = String::new();
    for (depth, part) in parts.iter().enumerate() {
        let value = if depth + 1 == parts.len() { format!(" {rendered}") } else { String::new() };
        lines.push_str(&format!("{indent}{}{part}:{value}{line_end}", "  ".repeat(depth)));
    }
    lines
}

fn flow(parts: &[&str], rendered: &str) -> String {
    let (first, rest) = match parts {
        [] => return rendered.to_owned(),
        [only] => return format!("{only}: {rendered}"),
        [first, rest @ ..] => (first, rest),
    };
    format!("{first}: {{ {} }}", flow(rest, rendered))
}

/// A value as YAML in one line.
#[must_use]
pub fn render(value: &Json) -> String {
    match value {
        Json::String(text) => scalar(text),
        Json::Array(items) => format!("[{}]", items.iter().map(render).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// A text as YAML, without quotes where it needs none.
fn scalar(text: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "_-./ ".contains(c);
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/');
    let plain = starts_well && !text.ends_with(' ') && text.chars().all(harmless);
    if plain && serde_yaml::from_str::<Yaml>(text).is_ok_and(|read| read == Yaml::String(text.to_owned())) {
        return text.to_owned();
    }
    Json::from(text).to_string()
}

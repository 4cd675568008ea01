//! The entry of autoskillit in a project's `.mcp.json`: added to the text in its own manner, everything else stays byte for byte.

use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value as Json, json};

/// The name of the server.
const SERVER: &str = "autoskillit";

/// The section that servers stand in.
const SECTION: &str = "mcpServers";

/// Why a server cannot be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum McpError {
    /// It is no JSON.
    #[error("line {line}, column {column}: this is no JSON: {message}")]
    Syntax {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// Something in it is no mapping.
    #[error("{0} is not an object, `{{ … }}`")]
    NoObject(&'static str),
    /// It is written in a way that cannot be changed in one place.
    #[error("`{SECTION}` cannot be changed without changing something else")]
    Entangled,
}

/// What is to become of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum McpEdit {
    /// The server is there as we would write it.
    Same,
    /// A server of this name is there, and is another.
    Theirs,
    /// The new text.
    Write(String),
}

fn entry() -> Json {
    json!({ "command": "autoskillit", "args": ["serve"] })
}

/// The text with the server added.
///
/// # Errors
/// When it is not the file that the client reads.
pub(super) fn add(text: Option<&str>) -> Result<McpEdit, McpError> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
        let whole = json!({ SECTION: { SERVER: entry() } });
        return Ok(McpEdit::Write(format!("{whole:#}\n")));
    };
    let before: Json = serde_json::from_str(text).map_err(|error| {
        let whole = error.to_string();
        let message = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(message, _)| message);
        McpError::Syntax { line: error.line(), column: error.column(), message: message.to_owned() }
    })?;
    let Json::Object(top) = &before else { return Err(McpError::NoObject("it")) };
    let value = match top.get(SECTION) {
        Some(Json::Object(servers)) => match servers.get(SERVER) {
            Some(there) if agrees(there) => return Ok(McpEdit::Same),
            Some(_) => return Ok(McpEdit::Theirs),
            None => (SERVER, entry()),
        },
        Some(_) => return Err(McpError::NoObject("`mcpServers`")),
        None => (SECTION, json!({ SERVER: entry() })),
    };
    let inside =
        |text| serde_json::from_str::<HashMap<String, &RawValue>>(text).map_err(|_| McpError::Entangled);
    let place = match inside(text)?.get(SECTION) {
        Some(section) => span(text, section.get()),
        None => span(text, text.trim()),
    };
    let last = inside(&text[place.clone()])?.values().map(|value| span(text, value.get()).end).max();
    let after = insert(text, &place, last, value.0, &value.1);
    // Read again: it says what it said, and the server in addition.
    let mut expected = top.clone();
    let section = expected.entry(SECTION).or_insert_with(|| Json::Object(Map::new()));
    section[SERVER] = entry();
    match serde_json::from_str::<Json>(&after) {
        Ok(read) if read == Json::Object(expected) => Ok(McpEdit::Write(after)),
        _ => Err(McpError::Entangled),
    }
}

/// Whether a server of the file runs what ours does; what else is said about it is the user's.
fn agrees(there: &Json) -> bool {
    let ours = entry();
    there["command"] == ours["command"] && there["args"] == ours["args"]
}

/// Where `part`, a slice of `whole`, stands in it.
fn span(whole: &str, part: &str) -> std::ops::Range<usize> {
    let start = part.as_ptr().addr() - whole.as_ptr().addr();
    start..start + part.len()
}

/// Puts a member into the object at `object`, behind the one that ends at `last`, indented as its neighbours are.
fn insert(
    text: &str,
    object: &std::ops::Range<usize>,
    last: Option<usize>,
    name: &str,
    value: &Json,
) -> String {
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let one_line = !text[object.clone()].contains('\n');
    let (at, comma) = match last {
        Some(end) => (end, ","),
        None => (object.start + 1, ""),
    };
    if one_line && last.is_some() {
        return format!("{}, \"{name}\": {value}{}", &text[..at], &text[at..]);
    }
    let outer = indent_at(text, object.start);
    let unit = unit(text);
    let inner = format!("{outer}{unit}");
    // Pretty JSON has two blanks for each level.
    let pretty = format!("{value:#}");
    let lines = pretty.lines().map(|line| {
        let depth = (line.len() - line.trim_start().len()) / 2;
        format!("{}{}", unit.repeat(depth), line.trim_start())
    });
    let body = lines.collect::<Vec<_>>().join(&format!("{line_end}{inner}"));
    let added = format!("{comma}{line_end}{inner}\"{name}\": {body}");
    match last {
        Some(_) => format!("{}{added}{}", &text[..at], &text[at..]),
        // An empty object becomes one of several lines.
        None => format!("{}{added}{line_end}{outer}{}", &text[..at], &text[object.end - 1..]),
    }
}

/// The blanks that the line of `at` begins with.
fn indent_at(text: &str, at: usize) -> &str {
    let line = &text[text[..at].rfind('\n').map_or(0, |newline| newline + 1)..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// What one level is indented with: what the first indented line has.
fn unit(text: &str) -> String {
    let mut lines = text.lines().map(|line| &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]);
    lines.find(|indent| !indent.is_empty()).unwrap_or("  ").to_owned()
}

//! YAML with places: a text enters; its value and the place of every key and value leave, or everything that keeps the text
//! from being one mapping with distinct keys. What the mapping means is the business of the rooms above.

pub mod diagnostic;
pub mod marks;

use std::io::{self, Read};

use serde_yaml::Value as Yaml;

use self::diagnostic::Problem;
use self::marks::Marks;

/// Largest file, in bytes.
pub const MAX_SIZE: usize = 1 << 20;

/// What a file is, for the words of its problems.
#[derive(Debug, Clone, Copy)]
pub struct FileKind {
    /// With its article, such as `a recipe`.
    pub name: &'static str,
    /// What such a file starts with.
    pub example: &'static str,
    /// Whether a file without content says nothing rather than something wrong.
    pub may_be_empty: bool,
}

/// One parsed file.
#[derive(Debug)]
pub struct Document {
    /// Its text, without a byte order mark.
    pub text: String,
    /// Its top-level mapping.
    pub value: Yaml,
    /// Where its parts stand.
    pub marks: Marks,
}

/// Bytes of a file as text.
///
/// # Errors
/// When they are too many or no UTF-8.
pub fn decode(bytes: Vec<u8>, kind: FileKind) -> Result<String, Problem> {
    if bytes.len() > MAX_SIZE {
        let message = format!("the file has {} bytes; {} has at most {MAX_SIZE}", bytes.len(), kind.name);
        return Err(Problem::whole("too-large", message));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned)),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count() + 1;
            let message = format!("the file is not UTF-8: byte {valid} in line {line}");
            Err(Problem::whole("not-utf8", message).help("save it as UTF-8".to_owned()))
        }
    }
}

/// The text of a file, read within bounds: of a folder, a pipe or a device nothing is read, of a large file nothing either.
///
/// # Errors
/// What the file system says, or why it is no text of this kind. `NotFound` stays what it is.
pub fn load(path: &std::path::Path, kind: FileKind) -> io::Result<String> {
    let facts = std::fs::metadata(path)?;
    if facts.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
    }
    if !facts.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let too_large = |size: u64| {
        let message = format!("it has {size} bytes; {} has at most {MAX_SIZE}", kind.name);
        io::Error::new(io::ErrorKind::FileTooLarge, message)
    };
    if facts.len() > MAX_SIZE as u64 {
        return Err(too_large(facts.len()));
    }
    let mut bytes = Vec::new();
    // It may grow while it is read.
    std::fs::File::open(path)?.take(MAX_SIZE as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_SIZE {
        return Err(too_large(bytes.len() as u64));
    }
    decode(bytes, kind).map_err(|problem| {
        let help = problem.help.map(|help| format!("; {help}")).unwrap_or_default();
        io::Error::new(io::ErrorKind::InvalidData, format!("{}{help}", problem.message))
    })
}

/// Parses a text.
///
/// # Errors
/// Everything that keeps it from being one mapping with distinct keys.
pub fn read(text: &str, kind: FileKind) -> Result<Document, Vec<Problem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
    if text.len() > MAX_SIZE {
        let message = format!("the text has {} bytes; {} has at most {MAX_SIZE}", text.len(), kind.name);
        return Err(vec![Problem::whole("too-large", message)]);
    }
    let marks = Marks::read(&text).map_err(|error| vec![syntax(&text, error.message, error.at)])?;
    let problems = structure(&marks, kind);
    if !problems.is_empty() {
        return Err(problems);
    }
    let value: Yaml = serde_yaml::from_str(&text).map_err(|error| {
        // The parser counts characters.
        let index = error.location().map_or(0, |place| place.index());
        let start = text.char_indices().nth(index).map_or(text.len(), |(offset, _)| offset);
        vec![syntax(&text, error.to_string(), start..start)]
    })?;
    match value {
        Yaml::Mapping(_) => Ok(Document { text, value, marks }),
        Yaml::Null if kind.may_be_empty => {
            Ok(Document { text, value: Yaml::Mapping(serde_yaml::Mapping::new()), marks })
        }
        Yaml::Null => {
            Err(vec![Problem::whole("empty-file", "the file is empty").help(kind.example.to_owned())])
        }
        _ => {
            let at = first_line(&text);
            let message = format!("{} is a mapping", kind.name);
            let problem = Problem::error("wrong-type", message, at, "this is no mapping");
            Err(vec![problem.help(kind.example.to_owned())])
        }
    }
}

fn structure(marks: &Marks, kind: FileKind) -> Vec<Problem> {
    let mut problems = Vec::new();
    for duplicate in &marks.duplicates {
        let message = format!("duplicate key `{}`", duplicate.key);
        problems.push(
            Problem::error("duplicate-key", message, duplicate.second.clone(), "again here")
                .also(duplicate.first.clone(), "first here")
                .help("keep one of them".to_owned()),
        );
    }
    for merge in &marks.merges {
        problems.push(
            Problem::error("merge-key", "merge keys (`<<`) are not part of the language", merge.clone(), "")
                .help("write the keys out, or use an anchor for a whole value".to_owned()),
        );
    }
    if let Some(second) = &marks.second_document {
        let message = format!("the file of {} holds one document", kind.name);
        let problem = Problem::error("second-document", message, second.clone(), "a second one starts here");
        problems.push(problem.help("move it to a file of its own".to_owned()));
    }
    problems
}

fn syntax(text: &str, message: String, at: std::ops::Range<usize>) -> Problem {
    let line_start = text[..at.start].rfind('\n').map_or(0, |newline| newline + 1);
    // A scalar that a tab breaks off is reported at its start, a line earlier.
    let mut start = line_start;
    for line in text[line_start..].split_inclusive('\n').take(2) {
        let indent = &line[..line.len() - line.trim_start().len()];
        if let Some(tab) = indent.find('\t') {
            let at = start + tab..start + tab + 1;
            return Problem::error("syntax", "a tab in the indentation", at, "a tab")
                .help("indent with spaces".to_owned());
        }
        start += line.len();
    }
    let line = text[line_start..].lines().next().unwrap_or_default();
    let help = if line.contains(": @") {
        Some("a value that starts with `@` needs quotes: '@done'".to_owned())
    } else if line.contains("${{") {
        Some("a text with `${{` in it may need quotes around all of it".to_owned())
    } else {
        None
    };
    Problem::error("syntax", format!("this is no YAML: {message}"), at, "here").help(help)
}

fn first_line(text: &str) -> std::ops::Range<usize> {
    let start = text.len() - text.trim_start().len();
    let length = text[start..].lines().next().map_or(0, str::len);
    start..start + length
}

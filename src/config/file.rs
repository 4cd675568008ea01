//! One settings file: its text enters; what it says and everything that is wrong with it leave.

use std::ops::Range;

use serde_yaml::{Mapping, Value as Yaml};

use super::kind::{Misfit, describe};
use super::layer::{Entry, Layer, Origin};
use super::table::{self, KEYS, Key};
use crate::core::text::{did_you_mean, quoted_list, suggestion};
use crate::core::yaml::diagnostic::{Problem, Problems};
use crate::core::yaml::marks::{Marks, Path};
use crate::core::yaml::{self, FileKind};

/// Settings files, in words.
pub(super) const SETTINGS: FileKind = FileKind {
    name: "a settings file",
    example: "it holds sections with keys: `session:`, below it `permissions: bypass`",
    may_be_empty: true,
};

/// The key at the top level that says the version of the file's form.
const VERSION: &str = "version";

/// What one file says.
#[derive(Debug)]
pub struct FileLayer {
    /// Its values.
    pub entries: Vec<Entry>,
    /// What is wrong with it, with secrets masked in the text.
    pub problems: Problems,
}

/// Reads the text of the file shown as `name`.
#[must_use]
pub fn read(name: &str, text: &str, layer: Layer) -> FileLayer {
    let document = match yaml::read(text, SETTINGS) {
        Ok(document) => document,
        Err(problems) => {
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            let problems = Problems::new(name, &masked_lines(text, layer), problems);
            return FileLayer { entries: Vec::new(), problems };
        }
    };
    let mut reader = Reader {
        file: name,
        layer,
        marks: &document.marks,
        entries: Vec::new(),
        problems: Vec::new(),
        secrets: Vec::new(),
    };
    if let Yaml::Mapping(top) = &document.value {
        reader.section("", &Path::root(), top);
    }
    let Reader { entries, problems, secrets, .. } = reader;
    let text = match layer.holds_secrets() {
        true => masked_lines(&document.text, layer),
        false => masked(&document.text, &secrets),
    };
    FileLayer { entries, problems: Problems::new(name, &text, problems) }
}

struct Reader<'a> {
    file: &'a str,
    layer: Layer,
    marks: &'a Marks,
    entries: Vec<Entry>,
    problems: Vec<Problem>,
    /// Where secrets stand.
    secrets: Vec<Range<usize>>,
}

impl Reader<'_> {
    fn section(&mut self, section: &str, at: &Path, mapping: &Mapping) {
        for (key, value) in mapping {
            let word = match key {
                Yaml::String(word) => word.clone(),
                Yaml::Number(number) => number.to_string(),
                Yaml::Bool(flag) => flag.to_string(),
                _ => "?".to_owned(),
            };
            let word = word.as_str();
            let name = if section.is_empty() { word.to_owned() } else { format!("{section}.{word}") };
            let at = at.key(word);
            if word.contains('.') {
                self.unknown(section, word, &at);
            } else if let Some(key) = table::find(&name) {
                self.setting(key, &at, value);
            } else if section.is_empty() && word == VERSION {
                self.version(&at, value);
            } else if table::is_unused(&name) {
                self.unused(&name, &at);
            } else if table::is_section(&name) {
                self.below(&name, &at, value);
            } else {
                self.unknown(section, word, &at);
            }
        }
    }

    fn below(&mut self, name: &str, at: &Path, value: &Yaml) {
        match value {
            Yaml::Mapping(mapping) => self.section(name, at, mapping),
            // A section whose keys are all commented out.
            Yaml::Null => {}
            other => {
                let message = format!("`{name}` is a section, not {}", describe(other));
                let problem = Problem::error("wrong-type", message, self.marks.at(at), "here");
                self.problems.push(problem.help(format!("it has {}", quoted_list(&table::below(name)))));
            }
        }
    }

    fn setting(&mut self, key: &'static Key, at: &Path, value: &Yaml) {
        if key.secret {
            self.secrets.extend(self.marks.extent(at));
            if !self.layer.holds_secrets() {
                let problem = Problem::error(
                    "misplaced-secret",
                    format!("`{}` is a secret and must not stand in a file that is shared", key.name),
                    self.marks.key(at),
                    "a secret",
                );
                self.problems.push(problem.help(secret_help(key)));
                return;
            }
        }
        match read_value(key, value) {
            Ok(value) => {
                let line = self.marks.line(self.marks.key(at).start);
                let origin = Origin { layer: self.layer, place: format!("{}:{line}", self.file) };
                self.entries.push(Entry { key, value, origin });
            }
            Err(misfit) => self.problems.push(misfit_problem(key, misfit, self.marks.at(at))),
        }
    }

    fn version(&mut self, at: &Path, value: &Yaml) {
        if matches!(value, Yaml::Mapping(_) | Yaml::Sequence(_)) {
            let message = format!("`{VERSION}` is a number or a text, not {}", describe(value));
            self.problems.push(Problem::error("wrong-type", message, self.marks.at(at), "here"));
        }
    }

    fn unused(&mut self, name: &str, at: &Path) {
        let message = format!("`{name}` is not used by this version");
        let problem = Problem::warning("unused-key", message, self.marks.key(at), "has no effect");
        self.problems.push(problem);
    }

    fn unknown(&mut self, section: &str, word: &str, at: &Path) {
        let (message, help) = match section {
            "" => (format!("there is no setting `{word}`"), unknown_help(word)),
            _ => {
                let whole = format!("{section}.{word}");
                let help = match word.contains('.') {
                    true => unknown_help(&whole),
                    false => {
                        suggestion(word, "it has", table::below(section)).or_else(|| unknown_help(&whole))
                    }
                };
                (format!("there is no setting `{word}` in `{section}`"), help)
            }
        };
        self.problems.push(Problem::error("unknown-key", message, self.marks.key(at), "unknown").help(help));
    }
}

/// A value by the type of its setting.
fn read_value(key: &Key, value: &Yaml) -> Result<serde_json::Value, Misfit> {
    match value {
        Yaml::Null if key.is_optional() => Ok(serde_json::Value::Null),
        other => key.kind.read(other),
    }
}

/// The problem of a value that is not of its type.
pub(super) fn misfit_problem(key: &Key, misfit: Misfit, at: Range<usize>) -> Problem {
    let message = format!("`{}` must be {}, not {}", key.name, misfit.expected, misfit.found);
    let help = misfit.help.or_else(|| Some(format!("for example `{}`", key.example)));
    Problem::error(misfit.code, message, at, "here").help(help)
}

/// What an unknown name at the top level, or with dots, may have been meant to be.
pub(super) fn unknown_help(name: &str) -> Option<String> {
    if let Some(key) = table::find(name) {
        return Some(format!("sections are mappings: {}", nested(key)));
    }
    let named = did_you_mean(name, KEYS.iter().map(|key| key.name));
    if let Some(near) = named.or_else(|| did_you_mean(name, table::below(""))) {
        return Some(format!("did you mean `{near}`?"));
    }
    // A key that was written without its section.
    let last = KEYS.iter().find(|key| key.path().last() == name.rsplit('.').next());
    Some(match last {
        Some(key) => format!("did you mean `{}`?", key.name),
        None => "`autoskillit config show` lists all settings".to_owned(),
    })
}

/// Where a secret goes instead.
pub(super) fn secret_help(key: &Key) -> String {
    format!(
        "remove it, and run `autoskillit config set {} -`, which puts it into .secrets.yaml beside config.yaml, or set {}",
        key.name,
        key.variable()
    )
}

/// A setting as nested YAML in one line: `` `session: { env: { mode: minimal } }` ``.
fn nested(key: &Key) -> String {
    let path: Vec<&str> = key.path().collect();
    format!("`{}: {}{}`", path.join(": { "), key.example, " }".repeat(path.len() - 1))
}

/// `text` with the given places made unreadable; every place keeps its offset.
fn masked(text: &str, secrets: &[Range<usize>]) -> String {
    let hidden =
        |offset: usize, c: char| !c.is_whitespace() && secrets.iter().any(|range| range.contains(&offset));
    text.char_indices().map(|(offset, c)| if hidden(offset, c) { stars(c) } else { c.to_string() }).collect()
}

/// `text` with the values of its lines made unreadable: of all lines where secrets are at home, else of those whose key is
/// that of a secret. For texts whose structure is not known.
fn masked_lines(text: &str, layer: Layer) -> String {
    let is_secret = |line: &str| {
        KEYS.iter()
            .filter(|key| key.secret)
            .any(|key| key.path().last().is_some_and(|name| line.to_lowercase().contains(name)))
    };
    let mask = |line: &str| {
        if !(layer.holds_secrets() || is_secret(line)) {
            return line.to_owned();
        }
        let is_key = |text: &str| text.trim().chars().all(|c| c.is_ascii_lowercase() || c == '_');
        let shown = line.find(':').filter(|colon| is_key(&line[..*colon])).map_or(0, |colon| colon + 1);
        let hidden = line[shown..].chars().map(|c| if c.is_whitespace() { c.to_string() } else { stars(c) });
        line[..shown].chars().map(|c| c.to_string()).chain(hidden).collect()
    };
    text.split_inclusive('\n').map(mask).collect()
}

fn stars(c: char) -> String {
    "*".repeat(c.len_utf8())
}

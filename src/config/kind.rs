//! Types of settings: what a value may be in a file, in a variable and on the command line, and in the words of a problem.

use serde_json::{Value as Json, json};
use serde_yaml::Value as Yaml;

use super::names::{BRANCH, FOLDER, REPOSITORY, is_branch, is_folder, is_repository};
use crate::core::text;

/// One of a few words that a setting may be.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// The word.
    pub name: &'static str,
    /// What it means.
    pub summary: &'static str,
    /// Other spellings, taken for the same.
    pub also: &'static [&'static str],
}

impl Choice {
    /// A word without other spellings.
    #[must_use]
    pub const fn new(name: &'static str, summary: &'static str) -> Self {
        Self { name, summary, also: &[] }
    }
}

/// What the items of a list may be.
#[derive(Debug, Clone, Copy)]
pub enum Item {
    /// Any text with something in it.
    Text,
    /// The name of an environment variable, or its beginning with `*`.
    Variable,
    /// One of a few words.
    OneOf(&'static [Choice]),
}

/// The type of a setting.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// Text with something in it.
    Text,
    /// One of a few words.
    OneOf(&'static [Choice]),
    /// Whole seconds, or `90s`, `10m`, `2h`, in a range.
    Seconds {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// Per cent, from 0 to 100, fractions allowed.
    Percent,
    /// US dollars, a number above 0.
    Dollars,
    /// A whole number in a range.
    Count {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// A list of texts.
    List(Item),
    /// A command: text for a shell, or a list of words that is run without one.
    Command,
    /// A repository of GitHub, as `owner/name`.
    Repository,
    /// The name of a branch.
    Branch,
    /// A folder that a shell takes as it is written.
    Folder,
}

/// Why a value is not of its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Stable name: `wrong-type`, `out-of-range` or `unknown-value`.
    pub code: &'static str,
    /// What is expected, as the end of "`key` must be …".
    pub expected: String,
    /// What stands there, in words; the text itself only where few are possible, because another may be a secret.
    pub found: String,
    /// How to mend it.
    pub help: Option<String>,
}

impl Misfit {
    fn new(code: &'static str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { code, expected: expected.into(), found: found.into(), help: None }
    }

    fn help(self, help: impl Into<Option<String>>) -> Self {
        Self { help: help.into(), ..self }
    }
}

/// What a YAML value is, in words.
#[must_use]
pub fn describe(value: &Yaml) -> &'static str {
    match value {
        Yaml::Null => "an empty value",
        Yaml::Bool(_) => "true or false",
        Yaml::Number(number) if number.is_f64() => "a number with a fraction",
        Yaml::Number(number) if number.as_u64().is_none() => "a negative number",
        Yaml::Number(_) => "a number",
        Yaml::String(text) if text.trim().is_empty() => "an empty text",
        Yaml::String(_) => "a text",
        Yaml::Sequence(_) => "a list",
        Yaml::Mapping(_) => "a mapping",
        Yaml::Tagged(_) => "a value with a tag",
    }
}

impl Kind {
    /// What a value must be, in words.
    #[must_use]
    pub fn expected(self) -> String {
        match self {
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Text => "a text with something in it".to_owned(),
            Self::OneOf(choices) => format!("one of {}", names(choices)),
            Self::Seconds { min, max } => {
                format!("a number of seconds from {min} to {max}, or a text such as `90s`, `10m`, `2h`")
            }
            Self::Percent => "per cent, a number from 0 to 100".to_owned(),
            Self::Dollars => "US dollars, a number above 0".to_owned(),
            Self::Count { min, max } => format!("a whole number from {min} to {max}"),
            Self::List(Item::Text) => "a list of texts".to_owned(),
            Self::List(Item::Variable) => "a list of names of variables".to_owned(),
            Self::List(Item::OneOf(choices)) => format!("a list of {}", names(choices)),
            Self::Command => "a text for a shell, or a list of words".to_owned(),
            Self::Repository => "a repository of GitHub, as `owner/name`".to_owned(),
            Self::Branch => "the name of a branch".to_owned(),
            Self::Folder => "a folder without blanks, `..` and signs that a shell reads".to_owned(),
        }
    }

    /// Reads a value as a file holds it.
    ///
    /// # Errors
    /// When it is not of this type.
    pub fn read(self, value: &Yaml) -> Result<Json, Misfit> {
        let wrong = || Misfit::new("wrong-type", self.expected(), describe(value));
        match (self, value) {
            (Self::Bool, Yaml::Bool(flag)) => Ok(json!(flag)),
            (Self::Bool, Yaml::String(text)) => {
                Err(wrong().help(boolean(text).map(|flag| format!("write `{flag}`"))))
            }
            (Self::Text, Yaml::String(text)) if !text.trim().is_empty() => Ok(json!(text)),
            (Self::Text | Self::Branch | Self::Folder, Yaml::Number(_) | Yaml::Bool(_)) => {
                Err(wrong().help("put quotes around it".to_owned()))
            }
            (Self::Repository, Yaml::String(text)) if is_repository(text) => Ok(json!(text)),
            (Self::Branch, Yaml::String(text)) if is_branch(text) => Ok(json!(text)),
            (Self::Folder, Yaml::String(text)) if is_folder(text) => Ok(json!(text)),
            (Self::OneOf(choices), Yaml::String(text)) => choice(choices, text),
            (Self::Seconds { min, max }, Yaml::Number(number)) => {
                number.as_u64().ok_or_else(wrong).and_then(|seconds| in_range(seconds, min, max))
            }
            (Self::Seconds { min, max }, Yaml::String(text)) => match text::duration(text) {
                Some(duration) => in_range(duration.as_secs(), min, max),
                None => Err(wrong()),
            },
            (Self::Percent, Yaml::Number(number)) => percent(number),
            (Self::Dollars, Yaml::Number(number)) => dollars(number),
            (Self::Count { min, max }, Yaml::Number(number)) => {
                number.as_u64().ok_or_else(wrong).and_then(|count| counted(count, min, max))
            }
            (Self::Count { min, max }, Yaml::String(text)) => match text.trim().parse() {
                Ok(count) => counted(count, min, max),
                Err(_) => Err(wrong()),
            },
            (Self::List(item), Yaml::Sequence(items)) => {
                items.iter().map(|value| item.read(value)).collect::<Result<Vec<_>, _>>().map(Json::Array)
            }
            (Self::List(_), Yaml::String(_)) => {
                Err(wrong().help("write it as a list: `[…]`, or one `- …` per line".to_owned()))
            }
            (Self::Command, Yaml::String(text)) if !text.trim().is_empty() => Ok(json!(text)),
            (Self::Command, Yaml::Sequence(items)) => match items.first() {
                None => Err(Misfit::new("wrong-type", "a command", "an empty list")),
                Some(_) => items.iter().map(word).collect::<Result<Vec<_>, _>>().map(Json::Array),
            },
            _ => Err(wrong()),
        }
    }

    /// Reads a value as a variable or the command line gives it.
    ///
    /// # Errors
    /// When it is not of this type.
    pub fn parse(self, given: &str) -> Result<Json, Misfit> {
        let text = given.trim();
        match self {
            Self::Bool => boolean(text)
                .map(|flag| json!(flag))
                .ok_or_else(|| Misfit::new("wrong-type", self.expected(), "another text")),
            Self::List(_) if text.starts_with('[') => self.read(&listed(text)?),
            Self::List(_) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                self.read(&Yaml::Sequence(items.map(|item| Yaml::String(item.to_owned())).collect()))
            }
            Self::Command if text.starts_with('[') => match listed(text) {
                Ok(words) => self.read(&words),
                // `[ -f x ] && make check` is a command for a shell.
                Err(_) => Ok(json!(given)),
            },
            Self::Percent => match text.parse::<serde_yaml::Number>() {
                Ok(number) => percent(&number),
                Err(_) => Err(Misfit::new("wrong-type", self.expected(), "another text")),
            },
            Self::Dollars => match text.trim_start_matches('$').parse::<serde_yaml::Number>() {
                Ok(number) => dollars(&number),
                Err(_) => Err(Misfit::new("wrong-type", self.expected(), "another text")),
            },
            Self::OneOf(_)
            | Self::Seconds { .. }
            | Self::Count { .. }
            | Self::Repository
            | Self::Branch
            | Self::Folder => self.read(&Yaml::String(text.to_owned())),
            Self::Text | Self::Command => self.read(&Yaml::String(given.to_owned())),
        }
    }

    /// The JSON Schema of a value as a file holds it.
    #[must_use]
    pub fn schema(self) -> Json {
        let text = || json!({ "type": "string", "pattern": "\\S" });
        match self {
            Self::Bool => json!({ "type": "boolean" }),
            Self::Text => text(),
            Self::OneOf(choices) => json!({ "enum": spellings(choices) }),
            Self::Seconds { min, max } => json!({
                "anyOf": [
                    { "type": "integer", "minimum": min, "maximum": max },
                    { "type": "string", "pattern": "^\\s*([0-9]+|([0-9]+[smhd])+)\\s*$" },
                ]
            }),
            Self::Percent => json!({ "type": "number", "minimum": 0, "maximum": 100 }),
            Self::Dollars => json!({ "type": "number", "exclusiveMinimum": 0 }),
            Self::Count { min, max } => json!({
                "anyOf": [
                    { "type": "integer", "minimum": min, "maximum": max },
                    { "type": "string", "pattern": "^\\s*[0-9]+\\s*$" },
                ]
            }),
            Self::Repository => json!({ "type": "string", "pattern": REPOSITORY }),
            Self::Branch => json!({ "type": "string", "pattern": BRANCH }),
            Self::Folder => json!({ "type": "string", "pattern": FOLDER }),
            Self::List(Item::Text) => json!({ "type": "array", "items": text() }),
            Self::List(Item::Variable) => {
                json!({ "type": "array", "items": { "type": "string", "pattern": VARIABLE } })
            }
            Self::List(Item::OneOf(choices)) => {
                json!({ "type": "array", "items": { "enum": spellings(choices) } })
            }
            Self::Command => json!({
                "anyOf": [text(), { "type": "array", "items": { "type": "string" }, "minItems": 1 }]
            }),
        }
    }
}

/// What the name of a variable looks like, for editors; [`is_variable`] says the same.
const VARIABLE: &str = "^([A-Za-z_][A-Za-z0-9_]*\\*?|\\*)$";

fn is_variable(text: &str) -> bool {
    let name = text.strip_suffix('*').unwrap_or(text);
    let starts = name.chars().next().map_or(text == "*", |first| !first.is_ascii_digit());
    starts && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl Item {
    fn read(self, value: &Yaml) -> Result<Json, Misfit> {
        match (self, value) {
            (Self::OneOf(choices), Yaml::String(text)) => choice(choices, text).map_err(|misfit| Misfit {
                expected: Kind::List(self).expected(),
                found: format!("a list with {} in it", misfit.found),
                ..misfit
            }),
            (Self::Variable, Yaml::String(text)) if is_variable(text) => Ok(json!(text)),
            (Self::Variable, Yaml::String(_)) => {
                Err(Misfit::new("wrong-type", Kind::List(self).expected(), "a list with another text in it")
                    .help("an item is a name, or its beginning with `*`: `MY_*`".to_owned()))
            }
            (Self::Text, Yaml::String(text)) if !text.trim().is_empty() => Ok(json!(text)),
            (Self::Text, Yaml::Number(_) | Yaml::Bool(_)) => Err(Misfit::new(
                "wrong-type",
                Kind::List(self).expected(),
                format!("a list with {} in it", describe(value)),
            )
            .help("put quotes around it".to_owned())),
            _ => Err(Misfit::new(
                "wrong-type",
                Kind::List(self).expected(),
                format!("a list with {} in it", describe(value)),
            )),
        }
    }
}

/// A word of a command. Numbers are taken as they are written: `[sleep, 5]`.
fn word(value: &Yaml) -> Result<Json, Misfit> {
    match value {
        Yaml::String(text) => Ok(json!(text)),
        Yaml::Number(number) => Ok(json!(number.to_string())),
        _ => Err(Misfit::new(
            "wrong-type",
            Kind::Command.expected(),
            format!("a list with {} in it", describe(value)),
        )
        .help("put quotes around it".to_owned())),
    }
}

fn choice(choices: &[Choice], text: &str) -> Result<Json, Misfit> {
    match choices.iter().find(|choice| choice.name == text || choice.also.contains(&text)) {
        Some(choice) => Ok(json!(choice.name)),
        None => {
            let help = text::did_you_mean(text, choices.iter().map(|choice| choice.name));
            Err(Misfit::new("unknown-value", format!("one of {}", names(choices)), quoted(text))
                .help(help.map(|near| format!("did you mean `{near}`?"))))
        }
    }
}

fn in_range(seconds: u64, min: u64, max: u64) -> Result<Json, Misfit> {
    if (min..=max).contains(&seconds) {
        return Ok(json!(seconds));
    }
    let misfit =
        Misfit::new("out-of-range", format!("from {min} to {max} seconds"), format!("{seconds} seconds"));
    // Nobody waits for weeks: a number of that size was meant in another unit.
    let meant = Some(seconds / 1000).filter(|thousandth| seconds > max && (min..=max).contains(thousandth));
    Err(misfit.help(meant.map(|meant| format!("the unit is the second; {seconds} ms are {meant}"))))
}

fn percent(number: &serde_yaml::Number) -> Result<Json, Misfit> {
    match number.as_f64() {
        Some(part) if (0.0..=100.0).contains(&part) => {
            Ok(number.as_u64().map_or_else(|| json!(part), |whole| json!(whole)))
        }
        _ => Err(Misfit::new("out-of-range", "from 0 to 100 per cent", format!("{number}"))),
    }
}

fn dollars(number: &serde_yaml::Number) -> Result<Json, Misfit> {
    match number.as_f64() {
        Some(amount) if amount > 0.0 && amount.is_finite() => {
            Ok(number.as_u64().map_or_else(|| json!(amount), |whole| json!(whole)))
        }
        _ => Err(Misfit::new("out-of-range", Kind::Dollars.expected(), format!("{number}"))),
    }
}

fn counted(count: u64, min: u64, max: u64) -> Result<Json, Misfit> {
    if (min..=max).contains(&count) {
        return Ok(json!(count));
    }
    Err(Misfit::new("out-of-range", format!("from {min} to {max}"), count.to_string()))
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// A list in brackets: JSON, or the same in YAML, where quotes can be left out.
fn listed(text: &str) -> Result<Yaml, Misfit> {
    let no_list = || {
        Misfit::new("wrong-type", "a list", "a text that starts like one")
            .help("write JSON, `[\"a\", \"b\"]`, or items separated by commas".to_owned())
    };
    match serde_yaml::from_str(text) {
        Ok(list @ Yaml::Sequence(_)) => Ok(list),
        _ => Err(no_list()),
    }
}

/// A text in a message, cut where it is long.
fn quoted(text: &str) -> String {
    let cut: String = text.chars().take(40).collect();
    format!("`{cut}{}`", if cut.len() < text.len() { "…" } else { "" })
}

fn names(choices: &[Choice]) -> String {
    text::quoted_list(&choices.iter().map(|choice| choice.name).collect::<Vec<_>>())
}

fn spellings(choices: &[Choice]) -> Vec<&'static str> {
    choices
        .iter()
        .flat_map(|choice| std::iter::once(choice.name).chain(choice.also.iter().copied()))
        .collect()
}

//! Settings given as a name and a text: variables, and `--config` on the command line.

use super::file::{misfit_problem, secret_help, unknown_help};
use super::kind::Misfit;
use super::layer::{Entry, Layer, Origin};
use super::settings::Secret;
use super::table::{self, KEYS, Key, VARIABLE_PREFIX};
use crate::core::text::{did_you_mean, quoted_list};
use crate::core::yaml::diagnostic::{Problem, Problems};

/// What a list of pairs says.
#[derive(Debug)]
pub struct PairLayer {
    /// Its values.
    pub entries: Vec<Entry>,
    /// What is wrong with it.
    pub problems: Problems,
}

/// Reads the variables that set something: `AUTOSKILLIT_SECTION__KEY`. Others with the same beginning are none of them.
#[must_use]
pub fn environment(variables: impl IntoIterator<Item = (String, String)>) -> PairLayer {
    let mut variables: Vec<(String, String)> = variables
        .into_iter()
        .filter(|(name, _)| name.strip_prefix(VARIABLE_PREFIX).is_some_and(|rest| rest.contains("__")))
        .collect();
    variables.sort();
    let mut reader = Reader::new(Layer::Environment);
    for (variable, value) in variables {
        let name = variable[VARIABLE_PREFIX.len()..].to_lowercase().replace("__", ".");
        reader.pair(&name, &value, "", &variable);
    }
    reader.finish("environment")
}

/// Reads the values of `--config`; the last of several for one setting counts.
#[must_use]
pub fn flags(flags: &[String]) -> PairLayer {
    let mut reader = Reader::new(Layer::Flag);
    for flag in flags {
        match flag.split_once('=') {
            Some((name, value)) => reader.pair(name.trim(), value, "--config ", name),
            None => {
                let start = reader.text.len();
                reader.text.push_str(&format!("--config {flag}\n"));
                let place = start..reader.text.len() - 1;
                let problem = Problem::error("wrong-flag", "a setting without a value", place, "here");
                reader.problems.push(problem.help("write --config KEY=VALUE".to_owned()));
            }
        }
    }
    reader.finish("command line")
}

/// Reads one value as the command line gives it.
///
/// # Errors
/// When it is not of the setting's type.
pub fn parse(key: &Key, given: &str) -> Result<serde_json::Value, Misfit> {
    let empty = matches!(given.trim(), "" | "null" | "~");
    if empty && key.is_optional() {
        return Ok(serde_json::Value::Null);
    }
    key.kind.parse(given)
}

struct Reader {
    layer: Layer,
    entries: Vec<Entry>,
    problems: Vec<Problem>,
    /// The pairs, one per line, as problems show them.
    text: String,
}

impl Reader {
    fn new(layer: Layer) -> Self {
        Self { layer, entries: Vec::new(), problems: Vec::new(), text: String::new() }
    }

    fn finish(self, name: &str) -> PairLayer {
        PairLayer { entries: self.entries, problems: Problems::new(name, &self.text, self.problems) }
    }

    /// One pair, written as `prefix` `written`=`value`.
    fn pair(&mut self, name: &str, value: &str, prefix: &str, written: &str) {
        let key = table::find(name);
        // A name that is near a secret's may hold one.
        let hide = key.is_none_or(|key| key.secret);
        let shown = if hide { Secret::MASK } else { value };
        let start = self.text.len() + prefix.len();
        self.text.push_str(&format!("{prefix}{written}={}\n", shown.escape_debug()));
        let name_at = start..start + written.len();
        let value_at = name_at.end + 1..self.text.len() - 1;
        let problem = match key {
            Some(key) if key.secret && !self.layer.holds_secrets() => {
                let message = format!("`{}` is a secret: others can see the command line", key.name);
                Problem::error("misplaced-secret", message, name_at, "a secret").help(secret_help(key))
            }
            Some(key) => match parse(key, value) {
                Ok(value) => {
                    let place = format!("{prefix}{written}");
                    self.entries.push(Entry { key, value, origin: Origin { layer: self.layer, place } });
                    return;
                }
                Err(misfit) => {
                    // An empty value has no place of its own.
                    let place = if value_at.is_empty() { name_at } else { value_at };
                    misfit_problem(key, misfit, place)
                }
            },
            None if table::is_unused(name) => {
                let message = format!("`{name}` is not used by this version");
                Problem::warning("unused-key", message, name_at, "has no effect")
            }
            None if table::is_section(name) => {
                let message = format!("`{name}` is a section, not a setting");
                let keys = quoted_list(&table::below(name));
                Problem::error("unknown-key", message, name_at, "here").help(format!("it has {keys}"))
            }
            None => {
                let message = format!("there is no setting `{name}`");
                Problem::error("unknown-key", message, name_at, "unknown").help(self.meant(name))
            }
        };
        self.problems.push(problem);
    }

    fn meant(&self, name: &str) -> Option<String> {
        match (self.layer, did_you_mean(name, KEYS.iter().map(|key| key.name)).and_then(table::find)) {
            (Layer::Environment, Some(near)) => Some(format!("did you mean {}?", near.variable())),
            _ => unknown_help(name),
        }
    }
}

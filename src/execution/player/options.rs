//! The player's command line: its own options, `--`, then the client's arguments.

use serde_json::Value;

/// What the player is told.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Options {
    /// Name or file of the scenario.
    pub(super) scenario: String,
    /// The step that runs the session.
    pub(super) step: String,
    /// Its visit, from 1.
    pub(super) visit: u32,
    /// The try of that visit, from 1.
    pub(super) attempt: u32,
    /// Factor on all pauses.
    pub(super) pace: f64,
    /// The session's id.
    pub(super) session_id: String,
    /// The schema that the answer has to fit.
    pub(super) schema: Option<Value>,
    /// The model asked for.
    pub(super) model: Option<String>,
    /// The permission mode, in the words of `init`.
    pub(super) permission_mode: String,
}

impl Options {
    pub(super) fn read(args: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut args = args.into_iter();
        let (mut scenario, mut step, mut visit, mut attempt, mut pace) = (None, None, 1, 1, 1.0);
        while let Some(name) = args.next().filter(|name| name != "--") {
            let value = args.next().ok_or_else(|| format!("`{name}` needs a value"))?;
            let bad = || format!("`{name} {value}` makes no sense");
            match name.as_str() {
                "--scenario" => scenario = Some(value),
                "--step" => step = Some(value),
                "--visit" => visit = value.parse().map_err(|_| bad())?,
                "--attempt" => attempt = value.parse().map_err(|_| bad())?,
                "--pace" => match value.parse::<f64>() {
                    Ok(factor) if (0.0..=1000.0).contains(&factor) => pace = factor,
                    _ => return Err(bad()),
                },
                _ => return Err(format!("unknown option `{name}`")),
            }
        }
        let options = Self {
            scenario: scenario.ok_or("`--scenario` is missing")?,
            step: step.ok_or("`--step` is missing")?,
            visit,
            attempt,
            pace,
            session_id: String::new(),
            schema: None,
            model: None,
            permission_mode: "default".to_owned(),
        };
        options.client(args)
    }

    /// Takes what matters out of the client's arguments. Those it does not know are passed over, each with its value where it
    /// is known to have one, so that no value is taken for an option.
    fn client(mut self, mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        while let Some(name) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("`{name}` needs a value"));
            match name.as_str() {
                "--session-id" | "--resume" => self.session_id = value()?,
                "--json-schema" => {
                    let schema = serde_json::from_str(&value()?);
                    self.schema = Some(schema.map_err(|error| format!("`--json-schema`: {error}"))?);
                }
                "--model" => self.model = Some(value()?),
                "--permission-mode" => self.permission_mode = value()?,
                "--dangerously-skip-permissions" => self.permission_mode = "bypassPermissions".to_owned(),
                "--output-format"
                | "--setting-sources"
                | "--settings"
                | "--plugin-dir"
                | "--append-system-prompt"
                | "--max-budget-usd"
                | "--mcp-config"
                | "--effort" => {
                    value()?;
                }
                _ => {}
            }
        }
        if self.session_id.is_empty() {
            return Err("neither `--session-id` nor `--resume` names the session".to_owned());
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, String> {
        Options::read(line.split(' ').map(str::to_owned))
    }

    #[test]
    fn both_halves_are_read() {
        let own = "--scenario s --step x --visit 2 --attempt 3 --pace 0";
        let options = read(&format!(
            "{own} -- -p --append-system-prompt --resume --session-id id --json-schema {{}} --strict-mcp-config \
             --dangerously-skip-permissions"
        ));
        let expected = Options {
            scenario: "s".into(),
            step: "x".into(),
            visit: 2,
            attempt: 3,
            pace: 0.0,
            session_id: "id".into(),
            schema: Some(serde_json::json!({})),
            model: None,
            permission_mode: "bypassPermissions".into(),
        };
        assert_eq!(options, Ok(expected));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (line, word) in [
            ("--step x -- --resume id", "--scenario"),
            ("--scenario s -- --resume id", "--step"),
            ("--scenario s --step x -- -p", "--session-id"),
            ("--scenario s --step x --pace -1 -- --resume id", "--pace -1"),
            ("--scenario s --step x --pace nan -- --resume id", "--pace nan"),
            ("--scenario s --step x --visit", "--visit"),
            ("--scenario s --stop x", "--stop"),
            ("--scenario s --step x -- --resume id --json-schema {", "--json-schema"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(word), "{line}: {error}");
        }
    }
}

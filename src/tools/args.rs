//! Reading rendered arguments. The catalogue's types were checked where the recipe's text shows them; what an expression gave
//! is read here.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::catalog::ToolDecl;
use crate::core::text;
use crate::recipe::expr;
use crate::recipe::values::duration;
use crate::skills::PLUGIN;

/// The arguments of one call.
pub(super) struct Args<'a>(&'a Map<String, Value>);

impl<'a> Args<'a> {
    pub(super) fn of(params: &'a Value) -> Self {
        static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        Self(params.as_object().unwrap_or(&NONE))
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text; other values as an expression would print them.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(expr::text)
    }

    /// A list of texts; a single value is a list of one. `None` when it is not given.
    pub(super) fn texts(&self, name: &str) -> Option<Vec<String>> {
        self.get(name).map(|value| match value {
            Value::Array(items) => items.iter().map(expr::text).collect(),
            other => vec![expr::text(other)],
        })
    }

    pub(super) fn pairs(&self, name: &str) -> Result<Vec<(String, String)>, String> {
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Object(entries)) => {
                Ok(entries.iter().map(|(name, value)| (name.clone(), expr::text(value))).collect())
            }
            Some(_) => Err(format!("`{name}` is not a mapping")),
        }
    }

    pub(super) fn seconds(&self, name: &str) -> Result<Option<Duration>, String> {
        let Some(value) = self.get(name) else { return Ok(None) };
        // An expression may give the number as text.
        let number = value.as_str().and_then(|text| text.trim().parse::<u64>().ok()).map(Value::from);
        duration(number.as_ref().unwrap_or(value)).map(Some).map_err(|error| format!("`{name}`: {error}"))
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, String> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = value.as_f64().or_else(|| value.as_str()?.trim().trim_start_matches('$').parse().ok());
        number.map(Some).ok_or_else(|| format!("`{name}` is not a number"))
    }
}

/// The skill that a call of `run_skill` names.
#[must_use]
pub fn skill_name(params: &Value) -> Option<String> {
    let args = Args::of(params);
    if let Some(name) = args.text("skill") {
        return Some(name);
    }
    let command = args.text("skill_command")?;
    let word = command.split_whitespace().next()?.trim_start_matches('/').to_owned();
    Some(word.strip_prefix(&format!("{PLUGIN}:")).map_or(word.clone(), str::to_owned))
}

/// The command that invokes the skill. Arguments given as a list are quoted, so that each stays one argument.
pub(super) fn skill_command(params: &Value) -> Option<String> {
    let args = Args::of(params);
    let name = skill_name(params)?;
    let rest = match args.text("skill_command") {
        Some(command) => command
            .trim()
            .split_once(char::is_whitespace)
            .map(|(_, rest)| rest.trim().to_owned())
            .unwrap_or_default(),
        None => text::command_line(&args.texts("args").unwrap_or_default()),
    };
    Some(format!("/{PLUGIN}:{name} {rest}").trim_end().to_owned())
}

/// What a call does, for people.
#[must_use]
pub fn what(tool: &ToolDecl, params: &Value) -> String {
    let args = Args::of(params);
    match tool.name {
        "run_skill" => skill_command(params).unwrap_or_default(),
        "run_cmd" => args
            .texts("argv")
            .map(|argv| text::command_line(&argv))
            .or_else(|| args.text("cmd"))
            .unwrap_or_default(),
        "test_check" => args.text("command").unwrap_or_default(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn skill_arguments_stay_arguments() {
        let params = json!({ "skill": "repair-tests", "args": ["cargo test; rm -rf x", "it's", 3] });
        assert_eq!(
            skill_command(&params).as_deref(),
            Some(r"/autoskillit:repair-tests 'cargo test; rm -rf x' 'it'\''s' 3")
        );
        for command in ["/autoskillit:make-plan a  task", "/make-plan a  task"] {
            let params = json!({ "skill_command": command });
            assert_eq!(skill_name(&params).as_deref(), Some("make-plan"));
            assert_eq!(skill_command(&params).as_deref(), Some("/autoskillit:make-plan a  task"));
        }
        assert_eq!(skill_command(&json!({})), None);
    }

    #[test]
    fn durations_are_read_from_numbers_and_texts() {
        let read = |value: Value| Args::of(&json!({ "timeout": value })).seconds("timeout");
        assert_eq!(read(json!(90)), Ok(Some(Duration::from_secs(90))));
        assert_eq!(read(json!("90")), Ok(Some(Duration::from_secs(90))));
        assert_eq!(read(json!("2m")), Ok(Some(Duration::from_secs(120))));
        assert_eq!(read(Value::Null), Ok(None));
        assert!(read(json!("soon")).is_err());
    }
}

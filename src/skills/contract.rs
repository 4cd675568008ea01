//! A skill's contract: the frontmatter of its `SKILL.md`. One source for what it takes, gives and changes.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::core::kind::ValueKind;

/// The frontmatter of a skill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// The name; equal to the folder's.
    pub name: String,
    /// When and what for, in a sentence or two: the client shows it to the model.
    pub description: String,
    /// The arguments, for people.
    #[serde(default, rename = "argument-hint", skip_serializing_if = "Option::is_none")]
    pub argument_hint: Option<String>,
    /// What a session of it answers with.
    #[serde(default)]
    pub outputs: IndexMap<String, Output>,
    /// Whether it changes files.
    #[serde(default)]
    pub writes: Writes,
}

/// One declared output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Its type.
    #[serde(rename = "type", default)]
    pub kind: ValueKind,
    /// What it holds, for the model.
    pub description: String,
    /// The only values allowed, when not empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// Whether it may be left out.
    #[serde(default)]
    pub optional: bool,
}

/// Whether a skill changes files in its working directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Writes {
    /// It only reads.
    Never,
    /// It may.
    #[default]
    Conditional,
    /// It always does when it succeeds.
    Always,
}

/// Why a `SKILL.md` cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContractError {
    /// It does not begin with `---` … `---`.
    #[error("no frontmatter: the file must begin with a line `---`, the keys, and another line `---`")]
    NoFrontmatter,
    /// The frontmatter is not what it should be. Lines count from the top of the file.
    #[error("line {line}: {message}")]
    Malformed {
        /// The line.
        line: usize,
        /// What is wrong.
        message: String,
    },
}

impl Contract {
    /// Splits a `SKILL.md` into its contract and its body.
    ///
    /// # Errors
    /// When the frontmatter is missing or malformed.
    pub fn parse(text: &str) -> Result<(Self, &str), ContractError> {
        let rest = text.strip_prefix("---\n").ok_or(ContractError::NoFrontmatter)?;
        let (front, body) = rest.split_once("\n---\n").ok_or(ContractError::NoFrontmatter)?;
        let contract = serde_yaml::from_str(front).map_err(|error| ContractError::Malformed {
            line: error.location().map_or(1, |at| at.line() + 1),
            message: error.to_string(),
        })?;
        Ok((contract, body.trim_start_matches('\n')))
    }

    /// The JSON Schema of the outputs, as the client takes it. `None` when nothing is declared.
    #[must_use]
    pub fn schema(&self) -> Option<Value> {
        if self.outputs.is_empty() {
            return None;
        }
        let properties: Map<String, Value> =
            self.outputs.iter().map(|(name, output)| (name.clone(), output.schema())).collect();
        Some(json!({
            "type": "object",
            "properties": properties,
            "required": self.required(),
            "additionalProperties": false,
        }))
    }

    /// Names of the outputs that must be there.
    #[must_use]
    pub fn required(&self) -> Vec<String> {
        self.outputs.iter().filter(|(_, output)| !output.optional).map(|(name, _)| name.clone()).collect()
    }
}

impl Output {
    fn schema(&self) -> Value {
        let mut schema = match self.kind {
            ValueKind::String | ValueKind::Path => json!({ "type": "string" }),
            ValueKind::Bool => json!({ "type": "boolean" }),
            ValueKind::Int => json!({ "type": "integer" }),
            ValueKind::Number => json!({ "type": "number" }),
            ValueKind::List => json!({ "type": "array", "items": { "type": "string" } }),
            ValueKind::Json => json!({}),
        };
        if let Value::Object(schema) = &mut schema {
            schema.insert("description".to_owned(), json!(self.description));
            if !self.choices.is_empty() {
                schema.insert("enum".to_owned(), json!(self.choices));
            }
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "---\nname: x\ndescription: Does x.\noutputs:\n  verdict:\n    description: How it went.\n    choices: [done, blocked]\n  count:\n    type: int\n    description: How many.\n    optional: true\nwrites: always\n---\n\n# X\n";

    #[test]
    fn the_contract_gives_schema_and_body() {
        let (contract, body) = Contract::parse(TEXT).unwrap();
        assert_eq!((body, contract.writes), ("# X\n", Writes::Always));
        insta::assert_json_snapshot!(contract.schema(), @r#"
        {
          "type": "object",
          "properties": {
            "verdict": {
              "type": "string",
              "description": "How it went.",
              "enum": [
                "done",
                "blocked"
              ]
            },
            "count": {
              "type": "integer",
              "description": "How many."
            }
          },
          "required": [
            "verdict"
          ],
          "additionalProperties": false
        }
        "#);
    }

    #[test]
    fn errors_name_the_line_of_the_file() {
        assert_eq!(Contract::parse("# X\n").unwrap_err(), ContractError::NoFrontmatter);
        let error = Contract::parse("---\nname: x\ndescription: y\nwrite: never\n---\n").unwrap_err();
        assert!(matches!(error, ContractError::Malformed { .. }), "{error}");
        assert!(error.to_string().contains("write"), "{error}");
    }
}

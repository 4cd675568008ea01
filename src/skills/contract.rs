//! A skill's contract: what it takes, gives and changes, as the frontmatter of its `SKILL.md` says.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::core::kind::ValueKind;

/// The frontmatter of a skill.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Contract {
    /// The name; the one of its folder.
    pub name: String,
    /// When and what for, in a sentence or two: the client shows it to the model.
    pub description: String,
    /// The arguments, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub argument_hint: Option<String>,
    /// What it takes, in the order of its arguments; `None` when it does not say.
    pub inputs: Option<IndexMap<String, Input>>,
    /// What a session of it answers with.
    pub outputs: IndexMap<String, Output>,
    /// Whether it changes files.
    pub writes: Writes,
    /// Which outputs tell that it changed something; any of these values of any of these outputs.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub writes_when: IndexMap<String, Vec<String>>,
    /// Where it changes files.
    pub edits: Edits,
    /// It commits what it changed.
    pub commits: bool,
    /// It rewrites commits, so that a push after it has to be forced.
    pub rebases: bool,
    /// It makes a worktree of its own.
    pub creates_worktree: bool,
    /// It goes on in a worktree that it is given.
    pub continues_worktree: bool,
    /// Groups that settings can switch off.
    pub categories: Vec<String>,
    /// Findings of rules that its author accepts: rule and reason.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub allow: IndexMap<String, String>,
    /// What contracts of AutoSkillit 0.9 said with regular expressions.
    #[serde(skip_serializing_if = "Patterns::is_empty")]
    pub patterns: Patterns,
}

/// One declared input.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Input {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ValueKind,
    /// What it holds.
    pub description: String,
    /// Whether the skill cannot work without it.
    pub required: bool,
    /// Whether it works clearly better with it.
    pub recommended: bool,
}

/// One declared output.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Output {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ValueKind,
    /// What it holds, for the model.
    pub description: String,
    /// The only values allowed, when not empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// Whether it may be left out.
    pub optional: bool,
    /// Other outputs with the values that make it required; it may be left out otherwise.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub required_when: IndexMap<String, Vec<String>>,
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

/// Where a skill changes files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edits {
    /// Nowhere.
    Nothing,
    /// Reports and plans in the folder for temporary files.
    Temp,
    /// The code itself.
    #[default]
    Checkout,
}

/// Regular expressions over a session's last message, as AutoSkillit 0.9 had them beside its outputs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Patterns {
    /// All must match (`expected_output_patterns`).
    pub expected: Vec<String>,
    /// Sample messages (`pattern_examples`).
    pub examples: Vec<String>,
    /// Files are expected to change when one matches (`write_expected_when`).
    pub writes_when: Vec<String>,
}

impl Patterns {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.expected.is_empty() && self.examples.is_empty() && self.writes_when.is_empty()
    }
}

impl Contract {
    /// A skill that says nothing about itself.
    #[must_use]
    pub fn undeclared(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
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

    /// Names of the outputs that must always be there.
    #[must_use]
    pub fn required(&self) -> Vec<String> {
        self.outputs.iter().filter(|(_, output)| output.is_required()).map(|(name, _)| name.clone()).collect()
    }

    /// SHA-256 in hex of what callers depend on: names, types, values and effects, no prose. Equal hashes mean that a recipe which
    /// fitted the skill still does.
    #[must_use]
    pub fn interface_hash(&self) -> String {
        let inputs = self.inputs.as_ref().map(|inputs| {
            let facts = |(name, input): (&String, &Input)| {
                json!([name, input.kind, input.required, input.recommended])
            };
            inputs.iter().map(facts).collect::<Vec<_>>()
        });
        let outputs: std::collections::BTreeMap<_, _> = self
            .outputs
            .iter()
            .map(|(name, output)| {
                (name, json!([output.kind, output.choices, output.optional, output.required_when]))
            })
            .collect();
        let effects = [self.commits, self.rebases, self.creates_worktree, self.continues_worktree];
        let facts = json!([
            inputs,
            outputs,
            self.writes,
            self.writes_when,
            self.edits,
            effects,
            self.patterns.expected
        ]);
        Sha256::digest(facts.to_string()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Output {
    /// Whether it must always be there.
    #[must_use]
    pub fn is_required(&self) -> bool {
        !self.optional && self.required_when.is_empty()
    }

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
            schema.insert("description".to_owned(), json!(self.told()));
            if !self.choices.is_empty() {
                schema.insert("enum".to_owned(), json!(self.choices));
            }
        }
        schema
    }

    /// The description, with the condition under which it is required.
    #[must_use]
    pub fn told(&self) -> String {
        let conditions: Vec<String> = self
            .required_when
            .iter()
            .map(|(name, values)| format!("`{name}` is {}", values.join(" or ")))
            .collect();
        match conditions.is_empty() {
            true => self.description.clone(),
            false => format!("{} Required when {}.", self.description, conditions.join(" or "))
                .trim_start()
                .to_owned(),
        }
    }
}

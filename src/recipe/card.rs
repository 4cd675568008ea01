//! Contract cards: what a recipe relied on of its skills when it was locked. A compiled recipe and its skills enter; a card leaves,
//! and from a card that is kept, what has changed since.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::check::called_skill;
use super::expr::Reference;
use super::model::{Bound, Recipe, Step, StepKind};
use super::yaml::Document;
use crate::core::kind::ValueKind;
use crate::core::text::quoted_list;
use crate::core::yaml::{self, FileKind};
use crate::skills::Skill;

/// What such a file is.
pub const CARD: FileKind =
    FileKind { name: "a contract card", example: "it starts with `card: 1`", may_be_empty: false };

/// The version of the format.
const FORMAT: u32 = 1;

/// A card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// The version of the format, by which a card of ours is known.
    pub card: u32,
    /// The recipe.
    pub recipe: String,
    /// The version that wrote it; its bundled skills are those of this version.
    pub autoskillit_version: String,
    /// The skills that the recipe runs.
    pub skills: BTreeMap<String, SkillCard>,
    /// Each step: what it reads and what it captures, in order.
    pub dataflow: Vec<Flow>,
}

/// A skill as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkillCard {
    /// `sha256:` and the hash of its `SKILL.md`.
    pub content: String,
    /// `sha256:` and the hash of what callers depend on; equal when only words changed.
    pub interface: String,
    /// Its inputs with their types.
    pub inputs: IndexMap<String, ValueKind>,
    /// Its outputs with their types.
    pub outputs: IndexMap<String, ValueKind>,
}

/// A step as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// Its name.
    pub step: String,
    /// The skill that it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill: Option<String>,
    /// The ingredients and variables that it reads.
    pub reads: Vec<String>,
    /// The variables that it sets.
    pub captures: Vec<String>,
}

/// Something that is no more as the card says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// The skill, when it is about one.
    pub skill: Option<String>,
    /// What changed, as a fragment.
    pub message: String,
}

impl Card {
    /// The card of a recipe; `skill` finds its skills, and those that it does not find are left out.
    #[must_use]
    pub fn of(recipe: &Recipe, skill: impl Fn(&str) -> Option<Skill>) -> Self {
        let dataflow: Vec<Flow> = recipe.all_steps().into_iter().map(flow).collect();
        let names: BTreeSet<&String> = dataflow.iter().filter_map(|flow| flow.skill.as_ref()).collect();
        let skills = names.into_iter().filter_map(|name| Some((name.clone(), SkillCard::of(&skill(name)?))));
        Self {
            card: FORMAT,
            recipe: recipe.name.clone(),
            autoskillit_version: env!("CARGO_PKG_VERSION").to_owned(),
            skills: skills.collect(),
            dataflow,
        }
    }

    /// Whether the recipe runs skills at all.
    #[must_use]
    pub fn has_skills(&self) -> bool {
        self.dataflow.iter().any(|flow| flow.skill.is_some())
    }

    /// The text of the file.
    #[must_use]
    pub fn text(&self) -> String {
        let body = serde_yaml::to_string(self).unwrap_or_default();
        format!(
            "# What `{}` relies on of the skills it runs. Written by: autoskillit recipes lock\n{body}",
            self.recipe
        )
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// Why it is no card of ours, in a fragment.
    pub fn read(text: &str) -> Result<Self, String> {
        let Document { value, .. } = yaml::read(text, CARD).map_err(|problems| {
            problems.into_iter().next().map(|problem| problem.message).unwrap_or_default()
        })?;
        match value.get("card").and_then(serde_yaml::Value::as_u64) {
            Some(format) if format == u64::from(FORMAT) => {}
            Some(format) => return Err(format!("it has the format {format}; this version knows {FORMAT}")),
            None if value.get("skill_hashes").is_some() => {
                return Err("it was written by AutoSkillit 0.9".to_owned());
            }
            None => return Err("it is no contract card: `card: 1` is missing".to_owned()),
        }
        serde_yaml::from_value(value).map_err(|error| error.to_string())
    }

    /// Whether two cards say the same, whichever versions wrote them.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.skills == other.skills && self.dataflow == other.dataflow && self.recipe == other.recipe
    }

    /// What changed between this card, which is kept, and `now`. `gone` says whether there is no skill of a name any more.
    #[must_use]
    pub fn drift(&self, now: &Self, gone: impl Fn(&str) -> bool) -> Vec<Drift> {
        let mut all = Vec::new();
        for (name, kept) in &self.skills {
            let changed = match now.skills.get(name) {
                Some(skill) if skill.interface != kept.interface => "changed in what its callers depend on",
                Some(skill) if skill.content != kept.content => "changed in its text",
                Some(_) => continue,
                None if gone(name) => "is gone",
                // The recipe calls it no more, or it is faulty, which is told elsewhere.
                None => continue,
            };
            let message = format!("the skill `{name}` {changed} since the recipe was locked");
            all.push(Drift { skill: Some(name.clone()), message });
        }
        let (before, after) = (self.calls(), now.calls());
        let mut steps: Vec<&str> = Vec::new();
        for step in before.keys().chain(after.keys()) {
            if before.get(step) != after.get(step) && !steps.contains(step) {
                steps.push(step);
            }
        }
        if !steps.is_empty() {
            let message =
                format!("calls of skills changed since the recipe was locked: {}", quoted_list(&steps));
            all.push(Drift { skill: None, message });
        }
        all
    }

    fn calls(&self) -> IndexMap<&str, &Flow> {
        let calls = self.dataflow.iter().filter(|flow| flow.skill.is_some());
        calls.map(|flow| (flow.step.as_str(), flow)).collect()
    }
}

impl SkillCard {
    fn of(skill: &Skill) -> Self {
        let contract = &skill.contract;
        let inputs = contract.inputs.iter().flatten();
        Self {
            content: format!("sha256:{}", skill.hash),
            interface: format!("sha256:{}", contract.interface_hash()),
            inputs: inputs.map(|(name, input)| (name.clone(), input.kind)).collect(),
            outputs: contract.outputs.iter().map(|(name, output)| (name.clone(), output.kind)).collect(),
        }
    }
}

fn flow(step: &Step) -> Flow {
    let mut reads: Vec<&Reference> = Vec::new();
    match &step.kind {
        StepKind::Tool { with, .. } => reads.extend(with.values().flat_map(super::model::Arg::references)),
        StepKind::Confirm { message, .. } | StepKind::Stop { message, .. } => {
            reads.extend(message.references())
        }
        StepKind::Constant(value) => reads.extend(value.references()),
        StepKind::ForEach(each) => reads.extend(each.list.references()),
        StepKind::Call(call) => {
            reads.extend(call.gate.iter().flat_map(|gate| gate.references()));
            reads.extend(call.inputs.values().flat_map(super::model::Arg::references));
        }
        StepKind::Route => {}
    }
    reads.extend(step.skip_when_false.iter().flat_map(|when| when.references()));
    if let Some(Bound::Expr(bound)) = &step.max_visits {
        reads.extend(bound.references());
    }
    reads.extend(step.captures.values().flat_map(|capture| capture.value.references()));
    let conditions = step.on_result.iter().filter_map(|route| route.when.as_ref());
    reads.extend(conditions.flat_map(|when| when.references()));
    let given = reads.into_iter().filter(|read| matches!(read.namespace.as_str(), "inputs" | "context"));
    let names: BTreeSet<String> =
        given.filter_map(|read| Some(format!("{}.{}", read.namespace, read.name.as_ref()?))).collect();
    Flow {
        step: step.name.clone(),
        skill: called_skill(step).map(str::to_owned),
        reads: names.into_iter().collect(),
        captures: step.captures.keys().cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::check::AnySkill;
    use crate::recipe::load::{Origin, compile};
    use crate::recipe::model::RecipeSource;
    use crate::skills::SkillStore;

    fn recipe(text: &str) -> Recipe {
        let origin = Origin {
            file: "soup.yaml".to_owned(),
            stem: "soup".to_owned(),
            source: RecipeSource::Path,
            path: None,
        };
        compile(text, &origin, &AnySkill).unwrap().recipe
    }

    const SOUP: &str = "name: soup\nlanguage: 1\ningredients: {dish: {description: x, default: a}}\nsteps:\n  a:\n    skill: repair-tests\n    args: ['${{ inputs.dish }}', log]\n    capture: {v: '${{ result.verdict }}'}\n    on_success: b\n    on_failure: escalate\n  b: {stop: {status: succeeded, message: '${{ context.v }}'}}\n";

    #[test]
    fn what_changed_is_told_by_skill_and_step() {
        let store = SkillStore::default();
        let card = Card::of(&recipe(SOUP), |name| store.find(name).ok());
        insta::assert_snapshot!(
            card.text()
                .lines()
                .filter(|line| !line.contains("sha256:") && !line.contains("version"))
                .collect::<Vec<_>>()
                .join("\n")
        );
        assert_eq!(Card::read(&card.text()).unwrap(), card);
        assert_eq!(card.drift(&card, |_| true), []);
        let said = |now: &Card, gone: bool| {
            card.drift(now, |_| gone).into_iter().map(|drift| drift.message).collect::<Vec<_>>()
        };
        let mut words = card.clone();
        words.skills.get_mut("repair-tests").unwrap().content = "sha256:0".to_owned();
        let mut interface = words.clone();
        interface.skills.get_mut("repair-tests").unwrap().interface = "sha256:0".to_owned();
        let gone = Card { skills: BTreeMap::new(), ..card.clone() };
        let other = Card::of(
            &recipe(
                &SOUP
                    .replace("log]", "'${{ inputs.dish }}', x]")
                    .replace("v:", "w:")
                    .replace("context.v", "context.w"),
            ),
            |name| store.find(name).ok(),
        );
        insta::assert_snapshot!(
            [
                said(&words, false),
                said(&interface, false),
                said(&gone, true),
                said(&gone, false),
                said(&other, false)
            ]
            .concat()
            .join("\n")
        );
    }

    #[test]
    fn other_files_are_no_cards() {
        for (text, words) in [
            ("", "the file is empty"),
            ("a: [", "no YAML"),
            ("[1]", "a contract card is a mapping"),
            ("name: x", "`card: 1` is missing"),
            ("skill_hashes: {}\ndataflow: []", "AutoSkillit 0.9"),
            ("card: 2", "format 2"),
            ("card: 1", "missing field"),
            ("card: 1\ncard: 1", "duplicate key"),
        ] {
            let error = Card::read(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}

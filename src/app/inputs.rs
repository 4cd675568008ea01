//! From what was typed to the values of a recipe's ingredients.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::defaults::{Found, Nothing, Source};
use super::error::AppError;
use crate::core::text::did_you_mean;
use crate::recipe::model::{Ingredient, Recipe};

/// Splits `key=value`.
///
/// # Errors
/// When there is no `=`, or nothing before it.
pub fn pair(text: &str) -> Result<(String, String), AppError> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        _ => Err(AppError::usage(format!("`{text}` is not of the form key=value"))
            .hint("ingredients are given as `key=value` after the recipe's name")),
    }
}

/// Reads one ingredient's value.
///
/// # Errors
/// When the text is not of its type or none of its choices; a fragment.
pub fn read(ingredient: &Ingredient, text: &str) -> Result<Value, String> {
    let value = ingredient.kind.read(text)?;
    if ingredient.choices.is_empty() || ingredient.choices.contains(&value) {
        return Ok(value);
    }
    let choices: Vec<String> = ingredient.choices.iter().map(crate::recipe::expr::text).collect();
    Err(format!("`{text}` is not one of {}", choices.join(", ")))
}

/// What was typed, read; ingredients with a default filled in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inputs {
    /// The values there are.
    pub values: Map<String, Value>,
    /// Where defaults that are read (`default_from`) were found, by ingredient.
    pub origins: BTreeMap<String, String>,
    /// Required ingredients without a value.
    pub missing: Vec<String>,
    /// Why a default that is read was not found, by ingredient.
    pub unread: BTreeMap<String, String>,
}

impl Inputs {
    /// What is told about a missing ingredient: what it is, and why its default was not found.
    #[must_use]
    pub fn about(&self, recipe: &Recipe, name: &str) -> String {
        let description =
            recipe.ingredients.get(name).map_or("", |ingredient| ingredient.description.as_str());
        match self.unread.get(name) {
            Some(why) if description.is_empty() => why.clone(),
            Some(why) => format!("{description} ({why})"),
            None => description.to_owned(),
        }
    }
}

/// Reads the given ingredients of a recipe and fills in the defaults: what `source` finds, else what the recipe says.
///
/// # Errors
/// An unknown name, a name given twice, a value of the wrong type; also of a default that was found.
pub fn resolve(recipe: &Recipe, given: &[(String, String)], source: &Source<'_>) -> Result<Inputs, AppError> {
    let mut typed: IndexMap<&str, Value> = IndexMap::new();
    for (name, text) in given {
        let Some(ingredient) = recipe.ingredients.get(name) else { return Err(unknown(recipe, name)) };
        let value = read(ingredient, text).map_err(|error| {
            let app = AppError::usage(format!("ingredient `{name}`: {error}"));
            match ingredient.description.as_str() {
                "" => app,
                description => app.hint(format!("{name}: {description}")),
            }
        })?;
        if typed.insert(name, value).is_some() {
            return Err(
                AppError::usage(format!("ingredient `{name}` is given twice")).hint("keep one of them")
            );
        }
    }
    let mut inputs = Inputs::default();
    for (name, ingredient) in &recipe.ingredients {
        let mut value = typed.swap_remove(name.as_str());
        if let (None, Some(from)) = (&value, &ingredient.default_from) {
            match source(from) {
                Ok(found) => {
                    let (found, place) = fit(ingredient, found).map_err(|why| {
                        AppError::usage(format!("ingredient `{name}`: {why}"))
                            .hint(format!("give another: `{name}=…`"))
                    })?;
                    value = Some(found);
                    inputs.origins.insert(name.clone(), place);
                }
                Err(Nothing(why)) => {
                    inputs.unread.insert(name.clone(), format!("`{}`: {why}", from.written()));
                }
            }
        }
        match value.or_else(|| ingredient.default.clone()) {
            Some(value) => {
                inputs.values.insert(name.clone(), value);
            }
            None if ingredient.required => inputs.missing.push(name.clone()),
            None => {
                inputs.values.insert(name.clone(), Value::String(String::new()));
            }
        }
    }
    Ok(inputs)
}

/// A default that was found, as the ingredient's type.
fn fit(ingredient: &Ingredient, found: Found) -> Result<(Value, String), String> {
    let Found { value, place } = found;
    let told = |why: String| format!("its default, read from {place}: {why}");
    let value = ingredient.kind.coerce(value).map_err(told)?;
    if ingredient.choices.is_empty() || ingredient.choices.contains(&value) {
        return Ok((value, place));
    }
    let choices: Vec<String> = ingredient.choices.iter().map(crate::recipe::expr::text).collect();
    Err(told(format!("`{}` is not one of {}", crate::recipe::expr::text(&value), choices.join(", "))))
}

fn unknown(recipe: &Recipe, name: &str) -> AppError {
    let error = AppError::usage(format!("recipe `{}` has no ingredient `{name}`", recipe.name));
    match did_you_mean(name, recipe.ingredients.keys().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(listing(recipe)),
    }
}

/// The ingredients of a recipe in a line.
#[must_use]
pub fn listing(recipe: &Recipe) -> String {
    let names: Vec<String> = recipe
        .ingredients
        .iter()
        .filter(|(_, ingredient)| !ingredient.hidden)
        .map(|(name, ingredient)| match (ingredient.required, &ingredient.default) {
            (true, None) => format!("{name} (required)"),
            _ => name.clone(),
        })
        .collect();
    if names.is_empty() {
        "it has no ingredients".to_owned()
    } else {
        format!("its ingredients: {}", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::recipe::model::DefaultFrom;

    fn source(from: &DefaultFrom) -> Result<Found, Nothing> {
        match from {
            DefaultFrom::GitBranch => Ok(Found { value: json!("main"), place: "git.branch".to_owned() }),
            DefaultFrom::Config(_) => Ok(Found { value: json!(3), place: from.written() }),
            _ => Err(Nothing("it is not there".to_owned())),
        }
    }

    fn recipe(ingredients: &str) -> Recipe {
        crate::engine::testing::recipe(&format!(
            "ingredients:\n{ingredients}steps:\n  a: {{tool: test_check, on_success: done}}\n"
        ))
    }

    #[test]
    fn defaults_are_read_where_nothing_is_given() {
        let recipe = recipe(
            "  a: {default_from: git.branch}\n  b: {default_from: git.branch}\n  \
             c: {default_from: git.remote, default: mine}\n  d: {default_from: git.remote}\n  \
             e: {default_from: git.remote, required: true, description: E}\n  \
             f: {default_from: config.run_skill.timeout, type: int}\n  \
             g: {default_from: config.run_skill.timeout}\n",
        );
        let inputs = resolve(&recipe, &[("b".to_owned(), "given".to_owned())], &source).unwrap();
        let values = json!({"a": "main", "b": "given", "c": "mine", "d": "", "f": 3, "g": "3"});
        assert_eq!(json!(inputs.values), values);
        assert_eq!(
            json!(inputs.origins),
            json!({"a": "git.branch", "f": "config.run_skill.timeout", "g": "config.run_skill.timeout"})
        );
        assert_eq!(inputs.missing, ["e"]);
        assert_eq!(inputs.about(&recipe, "e"), "E (`git.remote`: it is not there)");
    }

    #[test]
    fn a_default_that_does_not_fit_is_told_before_the_first_step() {
        for (ingredient, expected) in [
            (
                "type: bool",
                "ingredient `a`: its default, read from git.branch: `main` is not `true` or `false`",
            ),
            ("choices: [dev]", "ingredient `a`: its default, read from git.branch: `main` is not one of dev"),
        ] {
            let recipe = recipe(&format!("  a: {{default_from: git.branch, {ingredient}}}\n"));
            let error = resolve(&recipe, &[], &source).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}

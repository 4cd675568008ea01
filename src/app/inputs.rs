//! From what was typed to the values of a recipe's ingredients.

use indexmap::IndexMap;
use serde_json::{Map, Value};

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
#[derive(Debug, Clone, PartialEq)]
pub struct Inputs {
    /// The values there are.
    pub values: Map<String, Value>,
    /// Required ingredients without one.
    pub missing: Vec<String>,
}

/// Reads the given ingredients of a recipe and fills in the defaults.
///
/// # Errors
/// An unknown name, a name given twice, a value of the wrong type.
pub fn resolve(recipe: &Recipe, given: &[(String, String)]) -> Result<Inputs, AppError> {
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
    let mut inputs = Inputs { values: Map::new(), missing: Vec::new() };
    for (name, ingredient) in &recipe.ingredients {
        match typed.swap_remove(name.as_str()).or_else(|| ingredient.default.clone()) {
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

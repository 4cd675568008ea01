//! The texts of a run's recipe: those that it keeps, those that its files hold now, and going on with the latter.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::app::cook::{environment, runnable};
use crate::app::error::AppError;
use crate::app::kitchen::Kitchen;
use crate::core::files;
use crate::core::paths::RunDir;
use crate::engine::event::{Entry, Event, RecipeAccepted, RunStarted};
use crate::engine::place::{Frame, Hold};
use crate::engine::run::step_of;
use crate::engine::state::State;
use crate::recipe::check::Policy;
use crate::recipe::expr::text;
use crate::recipe::lacking::lacking;
use crate::recipe::load::{Setting, compile_in};
use crate::recipe::model::{Ingredient, Recipe, RecipeSource};
use crate::recipe::{LoadError, Loaded, Origin, PartLookup as _, PartText};

/// A text that is another now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its file, as people are shown it.
    pub file: String,
    /// What the run keeps.
    pub before: String,
    /// What the file holds.
    pub after: String,
}

/// The file of a recipe's own text in a folder of texts.
fn own(folder: &Path) -> PathBuf {
    folder.join("recipe.yaml")
}

/// The folder of its sub-recipes there.
fn parts(folder: &Path) -> PathBuf {
    folder.join("sub-recipes")
}

/// Keeps the texts of a recipe in a folder.
///
/// # Errors
/// What the file system says.
pub fn write(folder: &Path, recipe: &Recipe) -> std::io::Result<()> {
    files::write_atomic(&own(folder), recipe.text.as_bytes())?;
    if recipe.parts.is_empty() {
        return Ok(());
    }
    let dir = parts(folder);
    files::create_private_dir(&dir)?;
    recipe.parts.iter().try_for_each(|part| {
        files::write_atomic(&dir.join(format!("{}.yaml", part.name)), part.text.as_bytes())
    })
}

/// The recipe that a run goes on with: as it was when the run started, or as it was accepted last.
pub(super) fn read(
    kitchen: &Kitchen,
    run_dir: &RunDir,
    started: &RunStarted,
    past: &[Entry],
) -> Result<Recipe, AppError> {
    let accepted = past.iter().rev().find_map(|entry| match &entry.event {
        Event::RecipeAccepted(accepted) => Some(run_dir.root().join(&accepted.folder)),
        _ => None,
    });
    let folder = accepted.unwrap_or_else(|| run_dir.root().to_owned());
    let path = own(&folder);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        let run_id = &started.run_id;
        AppError::environment(format!("cannot read the recipe of run {run_id}, {}: {error}", path.display()))
    })?;
    let file = path.display().to_string();
    let origin = Origin { file, stem: started.recipe.clone(), source: started.source, path: Some(path) };
    let parts = read_parts(&parts(&folder)).map_err(|(dir, error)| {
        AppError::environment(format!("cannot read the sub-recipes of the run, {}: {error}", dir.display()))
    })?;
    let policy = Policy::silent();
    let setting = Setting {
        parts: Some(&parts),
        policy: &policy,
        env: kitchen.pantry.library.env(),
        temp: &kitchen.settings.workspace.temp_dir,
        ..Setting::of(&kitchen.pantry)
    };
    let Loaded { recipe, .. } = compile_in(&text, &origin, &setting).map_err(|problems| {
        AppError::from(LoadError::Invalid(Box::new(problems)))
            .hint("the run keeps the recipe as it was when it started")
    })?;
    Ok(recipe)
}

/// The sub-recipes in a folder; none when it is not there.
fn read_parts(dir: &Path) -> Result<Vec<PartText>, (PathBuf, std::io::Error)> {
    let told = |error| (dir.to_owned(), error);
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(told(error)),
    };
    let mut parts = Vec::new();
    for entry in entries {
        let path = entry.map_err(told)?.path();
        let Some(name) = path.file_stem().map(|name| name.to_string_lossy().into_owned()) else { continue };
        let text = std::fs::read_to_string(&path).map_err(told)?;
        parts.push(PartText { name, file: path.display().to_string(), text });
    }
    Ok(parts)
}

/// What the recipe is called in the library: its name, or the file that was named.
fn name(kitchen: &Kitchen, started: &RunStarted) -> Option<String> {
    if started.source != RecipeSource::Path {
        return Some(started.recipe.clone());
    }
    let file = started.recipe_file.as_ref()?;
    // A file in the repository moved with it.
    let file = match file.strip_prefix(&started.repository) {
        Ok(inside) => kitchen.checkout.top().join(inside),
        Err(_) => file.clone(),
    };
    Some(file.display().to_string())
}

/// The texts whose files hold another one now. Files that are not there, or that nobody can read, tell nothing.
pub(super) fn changed(kitchen: &Kitchen, started: &RunStarted, recipe: &Recipe) -> Vec<Changed> {
    let library = &kitchen.pantry.library;
    let mut changed = Vec::new();
    let own = name(kitchen, started).and_then(|name| library.source(&name).ok());
    if let Some((origin, text)) = own {
        let after = text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned();
        changed.push(Changed { file: origin.file, before: recipe.text.clone(), after });
    }
    for part in &recipe.parts {
        if let Ok(Some(now)) = library.find(&part.name) {
            changed.push(Changed { file: now.file, before: part.text.clone(), after: now.text });
        }
    }
    changed.retain(|text| text.before != text.after);
    changed
}

/// Takes the recipe as its files hold it now, checked for the place where the run stands, and puts its texts into the run's folder. The
/// journal's entry makes it the run's.
///
/// # Errors
/// When it is faulty, cannot run here, or does not fit the run.
pub(super) fn accept(
    kitchen: &Kitchen,
    run_dir: &RunDir,
    started: &RunStarted,
    state: &State,
) -> Result<(Recipe, RecipeAccepted), AppError> {
    let misfit = |why: String| {
        AppError::usage(format!("the run cannot go on with its recipe as it is now: {why}"))
            .hint("go on with the recipe that the run keeps: leave --accept-recipe out")
    };
    let name =
        name(kitchen, started).ok_or_else(|| misfit("the run does not say which file it is".to_owned()))?;
    let Loaded { recipe, .. } = kitchen.pantry.library.load(&name, &kitchen.pantry)?;
    runnable(&recipe, started.orchestrator)?;
    if recipe.name != started.recipe {
        return Err(misfit(format!("it is called `{}`, not `{}`", recipe.name, started.recipe)));
    }
    if let Some(step) = state.resumes_at() {
        let (frame, name) = Frame::of(&step);
        if step_of(&recipe, &frame, name).is_none() {
            return Err(misfit(format!("the run stands at `{step}`, and there is no such step any more")));
        }
        // What is inside of a loop sees the variables of the recipe's own steps.
        let own = match frame.holds().first() {
            Some(Hold::Item { step, .. }) => step.as_str(),
            _ => name,
        };
        let lacks = lacking(&recipe, own, |variable: &str| state.main.context.contains_key(variable));
        if let Some(lack) = lacks.first() {
            let (reads, variable) = (&lack.step, &lack.variable);
            return Err(misfit(format!(
                "`{reads}` reads `context.{variable}`, which this run has not set and nothing from `{step}` on sets"
            )));
        }
    }
    let inputs = inputs(&recipe, &started.inputs).map_err(misfit)?;
    let env = environment(&recipe).map(|env| {
        let known = started.env.as_deref();
        let value = |(name, now): (String, Value)| {
            let before = known.and_then(|known| known.get(&name)).cloned();
            (name, before.unwrap_or(now))
        };
        env.into_iter().map(value).collect()
    });
    let folder = format!("accepted/{}", recipe.hash.chars().take(16).collect::<String>());
    let whole = run_dir.root().join(&folder);
    files::create_private_dir(&whole)
        .and_then(|()| write(&whole, &recipe))
        .map_err(|error| AppError::environment(format!("cannot write to {}: {error}", whole.display())))?;
    let (was, now) = (started.recipe_hash.clone(), recipe.hash.clone());
    Ok((recipe, RecipeAccepted { was, now, folder, inputs, env }))
}

/// The values of the recipe's ingredients: those that the run has, and defaults of those that are new.
fn inputs(recipe: &Recipe, before: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut values = Map::new();
    for (name, ingredient) in &recipe.ingredients {
        let value = match (before.get(name), &ingredient.default) {
            (Some(value), _) if fits(ingredient, value) => value.clone(),
            (Some(value), _) => {
                return Err(format!("the ingredient `{name}` may not be `{}` any more", text(value)));
            }
            (None, Some(default)) => default.clone(),
            (None, None) if ingredient.required => {
                return Err(format!("the ingredient `{name}` is new and required: give it a default"));
            }
            (None, None) => Value::String(String::new()),
        };
        values.insert(name.clone(), value);
    }
    Ok(values)
}

fn fits(ingredient: &Ingredient, value: &Value) -> bool {
    // What was left out is an empty text whatever its type.
    let left_out = !ingredient.required && value.as_str() == Some("");
    let chosen = ingredient.choices.is_empty() || ingredient.choices.contains(value);
    left_out || ingredient.kind.accepts(value) && chosen
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_changed_recipe_keeps_the_values_that_fit_and_takes_defaults_of_new_ingredients() {
        let recipe = |ingredients: &str| {
            let steps = "steps:\n  a: {tool: test_check, on_success: done}\n";
            crate::engine::testing::recipe(&format!("ingredients:\n{ingredients}{steps}"))
        };
        let before = json!({ "a": "x", "gone": 1, "n": 3, "left": "" });
        let before = before.as_object().unwrap();
        let with = |ingredients: &str| inputs(&recipe(ingredients), before).map(Value::Object);
        assert_eq!(
            with("  a: {}\n  n: {type: int}\n  left: {type: int}\n  fresh: {default: y}\n  more: {}\n"),
            Ok(json!({ "a": "x", "n": 3, "left": "", "fresh": "y", "more": "" }))
        );
        for (ingredients, why) in [
            ("  a: {type: int}\n", "the ingredient `a` may not be `x` any more"),
            ("  a: {choices: [y, z]}\n", "the ingredient `a` may not be `x` any more"),
            ("  b: {required: true}\n", "the ingredient `b` is new and required: give it a default"),
        ] {
            assert_eq!(with(ingredients), Err(why.to_owned()));
        }
    }

    fn lacks(step: &str, set: &[&str]) -> Vec<String> {
        let recipe = crate::engine::testing::recipe(
            "steps:
  a: {tool: run_cmd, with: {argv: [a]}, capture: {x: '${{ result.stdout }}'}, on_success: b}
  b:
    tool: run_cmd
    with: {argv: [b, '${{ context.x }}', '${{ context.z | default(1) }}']}
    capture: {y: '${{ result.stdout }}', z: '${{ result.stderr }}'}
    on_success: c
  c: {tool: run_cmd, with: {argv: [c, '${{ context.y }}', '${{ context.x }}']}, on_success: done}
",
        );
        lacking(&recipe, step, |variable| set.contains(&variable))
            .into_iter()
            .map(|lack| format!("{} reads {}", lack.step, lack.variable))
            .collect()
    }

    #[test]
    fn what_is_read_later_must_be_set_by_then() {
        let none: [&str; 0] = [];
        assert_eq!(lacks("a", &[]), none);
        assert_eq!(lacks("b", &["x"]), none);
        assert_eq!(lacks("b", &[]), ["b reads x", "c reads x"]);
        assert_eq!(lacks("c", &["x"]), ["c reads y"]);
        assert_eq!(lacks("gone", &[]), none);
    }
}

//! Recipes as answers: the list, one of them, what is wrong with one.

use serde_json::json;

use super::told::Answer;
use crate::app::kitchen::Pantry;
use crate::app::recipes::as_json;
use crate::recipe::LoadError;

/// All recipes that can be cooked here.
pub(super) fn list(pantry: &Pantry) -> Answer {
    let recipes: Vec<_> =
        pantry.library.list().into_iter().filter(|recipe| recipe.shadowed_by.is_none()).collect();
    Answer::of(json!({ "success": true, "count": recipes.len(), "recipes": recipes }))
}

/// A recipe as it would be cooked.
pub(super) fn load(pantry: &Pantry, name: &str) -> Answer {
    match pantry.library.load(name, pantry) {
        Ok(loaded) => {
            let mut answer = Answer::of(as_json(&loaded.recipe));
            answer.put("success", json!(true));
            answer.put("valid", json!(true));
            answer.put("findings", json!(loaded.report()));
            answer.put("what_now", json!(format!("to cook it, call `open_kitchen` with name `{name}`")));
            answer
        }
        Err(error) => {
            let mut answer = Answer::of_load(error);
            answer.put("valid", json!(false));
            answer
        }
    }
}

/// What is wrong with a recipe.
pub(super) fn validate(pantry: &Pantry, name: &str) -> Answer {
    let (errors, findings) = match pantry.library.load(name, pantry) {
        Ok(loaded) => (0, loaded.report()),
        Err(LoadError::Invalid(problems)) => (problems.errors(), problems.report()),
        Err(error) => {
            let mut answer = Answer::of_load(error);
            answer.put("valid", json!(false));
            return answer;
        }
    };
    Answer::of(
        json!({ "success": errors == 0, "valid": errors == 0, "errors": errors, "findings": findings }),
    )
}

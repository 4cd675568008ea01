//! The tests of recipes: found, read and run.

use serde_json::{Value, json};

use super::error::AppError;
use super::kitchen::Pantry;
use crate::engine::cases::{self, Case, Ran};
use crate::recipe::library::TESTS;
use crate::recipe::{LoadError, Problems};

/// The tests of one recipe.
#[derive(Debug)]
pub struct Tested {
    /// The recipe.
    pub recipe: String,
    /// The file of the tests as people are shown it.
    pub file: String,
    /// How each case went, in order.
    pub cases: Vec<(Case, Ran)>,
    /// What is wrong with the file; then no case was run.
    pub faulty: Option<Problems>,
}

impl Tested {
    /// How many cases did not go as expected; a faulty file is one.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.cases.iter().filter(|(_, ran)| !ran.differences.is_empty()).count()
            + usize::from(self.faulty.is_some())
    }

    /// The same for programs.
    #[must_use]
    pub fn as_json(&self) -> Value {
        let cases: Vec<Value> = self
            .cases
            .iter()
            .map(|(case, ran)| {
                json!({
                    "name": case.name,
                    "line": case.line,
                    "ok": ran.differences.is_empty(),
                    "end": { "status": ran.end.status, "reason": ran.end.reason, "step": ran.end.step },
                    "path": ran.path,
                    "differences": ran.differences,
                })
            })
            .collect();
        json!({
            "recipe": self.recipe,
            "file": self.file,
            "cases": cases,
            "problems": self.faulty.as_ref().map(Problems::report).unwrap_or_default(),
        })
    }
}

/// Runs the tests of these recipes, named or as files of recipes or of tests; without names, of all recipes that have some.
///
/// # Errors
/// When a recipe cannot be had, or one that is named has no tests.
pub fn run(pantry: &Pantry, names: &[String]) -> Result<Vec<Tested>, AppError> {
    let all = names.is_empty();
    let names = if all { pantry.library.names() } else { names.to_vec() };
    let mut tested = Vec::new();
    for name in names {
        let recipe_file = name.strip_suffix(TESTS).map(|start| format!("{start}.yaml"));
        let loaded = match pantry.library.load(recipe_file.as_deref().unwrap_or(&name), pantry) {
            Ok(loaded) => loaded,
            // A faulty recipe without tests is the business of `recipes check`.
            Err(LoadError::Invalid(_)) if all && !pantry.library.has_tests(&name) => continue,
            Err(error) => return Err(error.into()),
        };
        let Some((file, text)) = pantry.library.tests(&loaded.recipe)? else {
            if all {
                continue;
            }
            let hint = format!(
                "tests stand beside the recipe, in `{}{TESTS}`; docs/recipe-tests.md says how",
                loaded.recipe.name
            );
            return Err(
                AppError::usage(format!("the recipe `{}` has no tests", loaded.recipe.name)).hint(hint)
            );
        };
        let (cases, faulty) = match cases::read(&loaded.recipe, &file, &text) {
            Ok(cases) => (cases, None),
            Err(problems) => (Vec::new(), Some(problems)),
        };
        let ran = cases.into_iter().map(|case| {
            let ran = case.run(&loaded.recipe, pantry);
            (case, ran)
        });
        tested.push(Tested { recipe: loaded.recipe.name.clone(), file, cases: ran.collect(), faulty });
    }
    Ok(tested)
}

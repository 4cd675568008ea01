//! Recipes as they are told: what a step does and where it leads, in words and for programs.

use serde_json::json;

use crate::recipe::diagram::does;
use crate::recipe::model::{Recipe, Step, Target};

fn target(target: &Target) -> String {
    match target {
        Target::Step(step) => step.clone(),
        Target::Done => "done".to_owned(),
        Target::Escalate => "escalate".to_owned(),
    }
}

/// Where a step leads, in a line.
fn routes(step: &Step) -> String {
    let mut routes: Vec<String> = step
        .on_result
        .iter()
        .map(|route| match &route.when {
            Some(when) => format!("{} if {}", target(&route.to), when.written()),
            None => format!("{} otherwise", target(&route.to)),
        })
        .collect();
    let named = [
        ("", &step.on_success),
        (" on failure", &step.on_failure),
        (" when out of context", &step.on_context_limit),
        (" when skipped", &step.on_skip),
        (" when visited too often", &step.on_exceeded),
    ];
    routes
        .extend(named.iter().filter_map(|(when, to)| to.as_ref().map(|to| format!("{}{when}", target(to)))));
    routes.join(", ")
}

/// A recipe for programs: ingredients, steps, routes.
#[must_use]
pub fn as_json(recipe: &Recipe) -> serde_json::Value {
    let ingredients: serde_json::Map<_, _> = recipe
        .ingredients
        .iter()
        .map(|(name, ingredient)| {
            let facts = json!({
                "description": ingredient.description,
                "type": ingredient.kind,
                "required": ingredient.required,
                "default": ingredient.default,
                "choices": ingredient.choices,
                "hidden": ingredient.hidden,
            });
            (name.clone(), facts)
        })
        .collect();
    let steps: Vec<_> = recipe
        .steps
        .values()
        .map(|step| json!({ "name": step.name, "description": step.description, "does": does(step), "line": step.line, "then": routes(step) }))
        .collect();
    json!({
        "schema_version": 1,
        "name": recipe.name,
        "description": recipe.description,
        "summary": recipe.summary,
        "source": recipe.source,
        "path": recipe.path,
        "hash": recipe.hash,
        "ingredients": ingredients,
        "steps": steps,
        "kitchen_rules": recipe.kitchen_rules,
    })
}

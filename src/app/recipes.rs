//! Recipes as they are told: what a step does and where it leads, in words and for programs.

use indexmap::IndexMap;
use serde_json::json;

use crate::recipe::diagram::does;
use crate::recipe::executable;
use crate::recipe::model::{DefaultFrom, Recipe, Step, StepKind, Target};
use crate::recipe::{Loaded, Problem, Problems};

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

/// Steps for programs, those of a loop's body below it.
fn steps(steps: &IndexMap<String, Step>) -> Vec<serde_json::Value> {
    let step = |step: &Step| {
        let mut told = json!({
            "name": step.name,
            "description": step.description,
            "does": does(step),
            "line": step.line,
            "then": routes(step),
        });
        if let StepKind::ForEach(each) = &step.kind {
            told["steps"] = json!(self::steps(&each.body));
        }
        told
    };
    steps.values().map(step).collect()
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
                "default_from": ingredient.default_from.as_ref().map(DefaultFrom::written),
                "choices": ingredient.choices,
                "hidden": ingredient.hidden,
            });
            (name.clone(), facts)
        })
        .collect();
    let steps = steps(&recipe.steps);
    let gaps: Vec<_> = executable::gaps(recipe)
        .into_iter()
        .map(|gap| json!({ "step": gap.step, "kind": gap.kind, "message": gap.message, "instead": gap.add, "judged": !gap.stops }))
        .collect();
    json!({
        "schema_version": 1,
        "name": recipe.name,
        "description": recipe.description,
        "summary": recipe.summary,
        "kind": recipe.kind,
        "experimental": recipe.experimental,
        "source": recipe.source,
        "path": recipe.path,
        "hash": recipe.hash,
        "ingredients": ingredients,
        "steps": steps,
        "finally": self::steps(&recipe.finally),
        "kitchen_rules": recipe.kitchen_rules,
        "not_for_the_engine": gaps,
    })
}

/// What the engine cannot execute of a recipe, by file, as errors with what to write instead.
#[must_use]
pub fn gaps(loaded: &Loaded) -> Vec<Problems> {
    let recipe = &loaded.recipe;
    let mut files: Vec<(String, String, Vec<Problem>)> =
        vec![(loaded.warnings.file().to_owned(), recipe.text.clone(), Vec::new())];
    for gap in executable::gaps(recipe) {
        let step = recipe.all_steps().into_iter().find(|step| step.name == gap.step);
        let part = step.and_then(|step| step.origin.as_ref());
        let text = part.and_then(|part| recipe.parts.iter().find(|text| text.name == part.recipe));
        let at = match text {
            None => 0,
            Some(text) => files.iter().position(|(file, ..)| *file == text.file).unwrap_or_else(|| {
                files.push((text.file.clone(), text.text.clone(), Vec::new()));
                files.len() - 1
            }),
        };
        let (_, text, problems) = &mut files[at];
        let problem = match step.map(|step| line(text, step.line)) {
            Some(place) if !place.is_empty() => {
                Problem::error("not-executable", gap.message, place, "this step")
            }
            _ => Problem::whole("not-executable", gap.message),
        };
        let mut help = format!("instead: {}", gap.add);
        if !gap.stops {
            help.push_str("; or a session drives the run and judges it: `--orchestrator claude`");
        }
        problems.push(problem.help(help));
    }
    let told = files.into_iter().filter(|(_, _, problems)| !problems.is_empty());
    told.map(|(file, text, problems)| Problems::new(&file, &text, problems)).collect()
}

/// Where a line of a text stands, without its indentation.
pub(super) fn line(text: &str, number: usize) -> std::ops::Range<usize> {
    let mut start = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if index + 1 == number {
            let indent = line.len() - line.trim_start().len();
            return start + indent..start + line.trim_end().len().max(indent);
        }
        start += line.len();
    }
    0..0
}

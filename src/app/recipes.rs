//! Recipes as they are told: what a step does and where it leads, in words and for programs.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use crate::execution::quota::guard::percent;
use crate::recipe::diagram::does;
use crate::recipe::model::{Arg, DefaultFrom, Recipe, Step, StepKind, Target};
use crate::recipe::{Loaded, Problem, Problems};
use crate::recipe::{executable, expr};

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
        "limits": {
            "budget_usd": recipe.limits.budget_usd,
            "quota_share": recipe.limits.quota_share,
            "wall_clock": recipe.limits.wall_clock.map(|limit| limit.as_secs()),
            "sessions": recipe.limits.sessions,
            "max_visits": recipe.limits.max_visits,
            "steps": budgets(recipe).into_iter().collect::<Map<String, Value>>(),
        },
        "steps": steps,
        "finally": self::steps(&recipe.finally),
        "kitchen_rules": recipe.kitchen_rules,
        "not_for_the_engine": gaps,
    })
}

/// What steps may spend, as the recipe has it.
fn budgets(recipe: &Recipe) -> Vec<(String, Value)> {
    let steps = recipe.all_steps().into_iter();
    let budgets = steps.filter_map(|step| match &step.kind {
        StepKind::Tool { with, .. } => Some((step.name.clone(), with.get("budget_usd")?)),
        _ => None,
    });
    budgets
        .map(|(name, budget)| match budget {
            Arg::Literal(value) => (name, value.clone()),
            Arg::Template(template) => (name, template.source().into()),
            _ => (name, Value::Null),
        })
        .collect()
}

/// The limits that a recipe states, of what and how much, in words.
#[must_use]
pub fn limits(recipe: &Recipe) -> Vec<(String, String)> {
    let limits = &recipe.limits;
    let run = [
        limits.budget_usd.map(|budget| format!("${budget:.2}")),
        limits.quota_share.map(|share| format!("{} of each window of the account's plan", percent(share))),
        limits.wall_clock.map(duration),
        limits.sessions.map(|count| format!("{count} session{}", if count == 1 { "" } else { "s" })),
    ];
    let run: Vec<String> = run.into_iter().flatten().collect();
    let mut told = Vec::new();
    if !run.is_empty() {
        told.push(("the run".to_owned(), run.join(", ")));
    }
    if let Some(visits) = limits.max_visits {
        told.push(("each step".to_owned(), format!("{visits} visit{}", if visits == 1 { "" } else { "s" })));
    }
    told.extend(budgets(recipe).into_iter().map(|(step, budget)| {
        let budget = expr::text(&budget);
        (step, format!("${} a visit, all of its tries together", budget.trim_start_matches('$')))
    }));
    told
}

/// A time as a recipe writes it: `1h30m`.
fn duration(time: std::time::Duration) -> String {
    let seconds = time.as_secs();
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect()
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

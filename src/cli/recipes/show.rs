//! `autoskillit recipes show`.

use super::marked;
use crate::app::cook::judged;
use crate::app::error::AppError;
use crate::app::kitchen::Pantry;
use crate::app::recipes::{as_json, limits};
use crate::cli::Session;
use crate::cli::exit::Exit;
use crate::cli::ui::graph;
use crate::cli::ui::style::Role;
use crate::cli::ui::table::Table;
use crate::recipe::diagram::Chart;
use crate::recipe::executable::stopping;
use crate::recipe::expr;
use crate::recipe::model::Recipe;

pub(super) fn show(session: &Session, pantry: &Pantry, name: &str, json: bool) -> Result<Exit, AppError> {
    let loaded = pantry.library.load(name, pantry)?;
    let recipe = &loaded.recipe;
    if json {
        session.printer.data(&as_json(recipe).to_string());
        return Ok(Exit::Succeeded);
    }
    let look = session.printer.terminal().out;
    let mut text = format!(
        "{}\n{}\n",
        look.paint(Role::Strong, &recipe.name),
        marked(recipe.kind, recipe.experimental, &recipe.description)
    );
    let from = recipe.path.as_ref().map_or_else(|| "bundled".to_owned(), |path| path.display().to_string());
    text.push_str(&look.paint(Role::Dim, &format!("from {from}\n")));
    for line in drivers(recipe) {
        text.push_str(&look.paint(Role::Warn, &format!("{line}\n")));
    }
    let mut ingredients = Table::new(["INGREDIENT", "TYPE", "DEFAULT", "DESCRIPTION"]);
    for (name, ingredient) in recipe.ingredients.iter().filter(|(_, ingredient)| !ingredient.hidden) {
        let from = ingredient.default_from.as_ref().map(|from| format!("from {}", from.written()));
        let default = match (&ingredient.default, ingredient.required) {
            (Some(value), _) if from.is_some() && !expr::text(value).is_empty() => {
                format!("{}, else {}", from.unwrap_or_default(), expr::text(value))
            }
            _ if from.is_some() => from.unwrap_or_default(),
            (Some(value), _) => match expr::text(value).as_str() {
                "" => "-".to_owned(),
                text => text.to_owned(),
            },
            (None, true) => "required".to_owned(),
            (None, false) => "-".to_owned(),
        };
        let choices: Vec<String> = ingredient.choices.iter().map(expr::text).collect();
        let description = match choices.is_empty() {
            true => ingredient.description.clone(),
            false => format!("{} [{}]", ingredient.description, choices.join(", ")),
        };
        ingredients.row([name.clone(), ingredient.kind.name().to_owned(), default, description]);
    }
    if !ingredients.is_empty() {
        text.push_str(&format!("\n{}\n", ingredients.render(&look)));
    }
    let mut table = Table::new(["LIMITS OF", "AT MOST"]);
    for (what, most) in limits(recipe) {
        table.row([what, most]);
    }
    if !table.is_empty() {
        text.push_str(&format!("\n{}\n", table.render(&look)));
    }
    text.push_str(&format!("\n{}", graph::draw(&Chart::of(recipe), &look)));
    session.printer.data(&text);
    loaded.odd().for_each(|problems| session.printer.problems(problems));
    Ok(Exit::Succeeded)
}

/// What is to be known about who can drive a run of it; nothing where the engine can.
fn drivers(recipe: &Recipe) -> Vec<String> {
    let mut lines = Vec::new();
    let stopping = stopping(recipe, true);
    if let Some(first) = stopping.first() {
        let more =
            if stopping.len() > 1 { format!("; and {} more", stopping.len() - 1) } else { String::new() };
        lines.push(format!("cannot run: {}{more}", first.message));
    }
    let needs = judged(recipe);
    if !needs.is_empty() {
        lines.push(format!("a Claude session drives it (--orchestrator claude): {needs}"));
    }
    lines
}

//! `autoskillit recipes`.

use serde_json::json;

use super::Session;
use super::exit::Exit;
use super::ui::style::Role;
use super::ui::table::Table;
use crate::app::error::AppError;
use crate::app::kitchen::Pantry;
use crate::app::recipes::{as_json, does, routes};
use crate::recipe::expr;
use crate::recipe::model::RecipeSource;
use crate::recipe::{LoadError, Loaded, Problems};

/// List, show and check recipes.
#[derive(Debug, clap::Subcommand)]
pub(super) enum RecipesCommand {
    /// List the recipes that can be cooked here.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show a recipe: its ingredients, steps and routes.
    Show {
        /// Name or file.
        recipe: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check recipes and say what is wrong, with place and mend.
    Check {
        /// Names or files; without any, all recipes.
        recipes: Vec<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(session: &Session, command: RecipesCommand) -> Result<Exit, AppError> {
    let pantry = Pantry::at(&session.dir);
    match command {
        RecipesCommand::List { json } => Ok(list(session, &pantry, json)),
        RecipesCommand::Show { recipe, json } => show(session, &pantry, &recipe, json),
        RecipesCommand::Check { recipes, json } => check(session, &pantry, recipes, json),
    }
}

fn source(source: RecipeSource) -> &'static str {
    match source {
        RecipeSource::Path => "file",
        RecipeSource::Project => "project",
        RecipeSource::User => "user",
        RecipeSource::Builtin => "bundled",
    }
}

fn list(session: &Session, pantry: &Pantry, json: bool) -> Exit {
    let listed = pantry.library.list();
    if json {
        session.printer.data(&json!({ "schema_version": 1, "recipes": listed }).to_string());
        return Exit::Succeeded;
    }
    let mut table = Table::new(["RECIPE", "FROM", "DESCRIPTION"]);
    for recipe in listed {
        let (role, text) = match (&recipe.error, recipe.shadowed_by) {
            (Some(error), _) => (Role::Bad, format!("cannot be read: {error}")),
            (None, Some(by)) => {
                (Role::Dim, format!("(the {} recipe of this name is used instead)", source(by)))
            }
            (None, None) => (Role::Plain, recipe.description.clone()),
        };
        let name = if role == Role::Plain { Role::Strong } else { role };
        table.styled_row([(name, recipe.name), (Role::Dim, source(recipe.source).to_owned()), (role, text)]);
    }
    session.printer.data(&table.render(&session.printer.terminal().out));
    Exit::Succeeded
}

fn show(session: &Session, pantry: &Pantry, name: &str, json: bool) -> Result<Exit, AppError> {
    let Loaded { recipe, warnings } = pantry.library.load(name, pantry)?;
    if json {
        session.printer.data(&as_json(&recipe).to_string());
        return Ok(Exit::Succeeded);
    }
    let look = session.printer.terminal().out;
    let mut text = format!("{}\n{}\n", look.paint(Role::Strong, &recipe.name), recipe.description);
    let from = recipe.path.as_ref().map_or_else(|| "bundled".to_owned(), |path| path.display().to_string());
    text.push_str(&look.paint(Role::Dim, &format!("from {from}\n")));
    let mut ingredients = Table::new(["INGREDIENT", "TYPE", "DEFAULT", "DESCRIPTION"]);
    for (name, ingredient) in recipe.ingredients.iter().filter(|(_, ingredient)| !ingredient.hidden) {
        let default = match (&ingredient.default, ingredient.required) {
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
    let mut steps = Table::new(["STEP", "DOES", "THEN"]);
    for step in recipe.steps.values() {
        steps.row([step.name.clone(), does(step), routes(step)]);
    }
    text.push_str(&format!("\n{}", steps.render(&look)));
    session.printer.data(&text);
    if !warnings.is_empty() {
        session.printer.problems(&warnings);
    }
    Ok(Exit::Succeeded)
}

fn check(session: &Session, pantry: &Pantry, named: Vec<String>, json: bool) -> Result<Exit, AppError> {
    let all = named.is_empty();
    let names = if all { pantry.library.names() } else { named };
    let (mut errors, mut warnings, mut reports) = (0, 0, Vec::new());
    let mut show = |problems: &Problems| {
        errors += problems.errors();
        warnings += problems.list().len() - problems.errors();
        if json {
            reports.extend(problems.report());
        } else if !problems.is_empty() {
            session.printer.problems(problems);
        }
    };
    let checked = names.len();
    let mut unreadable = Vec::new();
    for name in names {
        match pantry.library.load(&name, pantry) {
            Ok(loaded) => show(&loaded.warnings),
            Err(LoadError::Invalid(problems)) => show(&problems),
            Err(error) if all => unreadable.push(error.to_string()),
            Err(error) => return Err(error.into()),
        }
    }
    errors += unreadable.len();
    if json {
        let report = json!({ "schema_version": 1, "checked": checked, "errors": errors, "warnings": warnings, "problems": reports, "unreadable": unreadable });
        session.printer.data(&report.to_string());
    } else {
        for message in unreadable {
            session.printer.error(&message, &[]);
        }
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        session.printer.note(&format!(
            "{}: {}, {}",
            count(checked, "recipe"),
            count(errors, "error"),
            count(warnings, "warning")
        ));
    }
    Ok(if errors == 0 { Exit::Succeeded } else { Exit::Usage })
}

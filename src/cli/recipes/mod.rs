//! `autoskillit recipes`.

mod check;
mod formats;
mod lock;
mod render;
mod show;
mod simulate;
mod test;

use serde_json::json;

use self::render::Drawing;
use super::Session;
use super::exit::Exit;
use super::ui::style::Role;
use super::ui::table::Table;
use crate::app::error::AppError;
use crate::app::kitchen::Pantry;
use crate::app::templates::{self, Template};
use crate::recipe::builtin::BUILTIN;
use crate::recipe::model::{RecipeKind, RecipeSource};
use crate::recipe::schema::json_schema;

/// List, show, draw, check, test and make recipes.
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
    /// Draw a recipe as text for a drawing program.
    Render {
        /// Name or file.
        recipe: String,
        /// The program that draws it.
        #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
        format: Drawing,
    },
    /// Make a recipe of this repository from a template.
    New {
        /// Its name; it becomes `.autoskillit/recipes/NAME.yaml`.
        name: String,
        /// What it starts from.
        #[arg(long, value_enum, default_value_t, value_name = "TEMPLATE")]
        from: Template,
    },
    /// Print the JSON Schema of recipe files, for editors.
    Schema,
    /// Keep what recipes rely on of their skills, so that a check tells when that changes.
    Lock(lock::LockArgs),
    /// Check recipes and say what is wrong, with place and mend.
    Check(check::CheckArgs),
    /// Run the tests of recipes: given what each call comes to, the path that a run takes.
    Test(test::TestArgs),
    /// Go through every way that runs can take: whether each ends, and in how many sessions.
    Simulate(simulate::SimulateArgs),
}

pub(super) fn run(session: &Session, command: RecipesCommand) -> Result<Exit, AppError> {
    let pantry = Pantry::at(&session.dir);
    match command {
        RecipesCommand::List { json } => Ok(list(session, &pantry, json)),
        RecipesCommand::Show { recipe, json } => show::show(session, &pantry, &recipe, json),
        RecipesCommand::Render { recipe, format } => render::render(session, &pantry, &recipe, format),
        RecipesCommand::New { name, from } => new(session, &name, from),
        RecipesCommand::Schema => {
            session.printer.data(&format!("{:#}", json_schema()));
            Ok(Exit::Succeeded)
        }
        RecipesCommand::Lock(args) => lock::lock(session, &pantry, args),
        RecipesCommand::Check(args) => check::check(session, &pantry, args),
        RecipesCommand::Simulate(args) => simulate::run(session, &pantry, &args),
        RecipesCommand::Test(args) => test::test(session, &pantry, &args),
    }
}

fn new(session: &Session, name: &str, from: Template) -> Result<Exit, AppError> {
    let path = templates::create(&session.dir, name, from)?;
    let shown = path.strip_prefix(&session.dir).unwrap_or(&path).display();
    session.printer.data(&shown.to_string());
    session
        .printer
        .note(&format!("edit it, then: autoskillit recipes check {name} && autoskillit cook {name}"));
    if BUILTIN.iter().any(|(bundled, _)| *bundled == name) {
        session
            .printer
            .note(&format!("in this repository it takes the place of the bundled recipe `{name}`"));
    }
    Ok(Exit::Succeeded)
}

fn source(source: RecipeSource) -> &'static str {
    match source {
        RecipeSource::Path => "file",
        RecipeSource::Project => "project",
        RecipeSource::User => "user",
        RecipeSource::Builtin => "bundled",
    }
}

/// A description, with what is special about the recipe before it.
fn marked(kind: RecipeKind, experimental: bool, description: &str) -> String {
    let kind = (kind != RecipeKind::Standard).then(|| kind.name());
    let marks: Vec<&str> = kind.into_iter().chain(experimental.then_some("experimental")).collect();
    if marks.is_empty() { description.to_owned() } else { format!("({}) {description}", marks.join(", ")) }
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
            (None, None) => (Role::Plain, marked(recipe.kind, recipe.experimental, &recipe.description)),
        };
        let name = if role == Role::Plain { Role::Strong } else { role };
        table.styled_row([(name, recipe.name), (Role::Dim, source(recipe.source).to_owned()), (role, text)]);
    }
    session.printer.data(&table.render(&session.printer.terminal().out));
    Exit::Succeeded
}

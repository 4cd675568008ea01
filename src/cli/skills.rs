//! `autoskillit skills`.

use serde_json::json;

use super::Session;
use super::exit::Exit;
use super::ui::style::Role;
use super::ui::table::Table;
use crate::app::error::AppError;
use crate::app::kitchen::Pantry;
use crate::core::paths::user_config;
use crate::recipe::Problems;
use crate::skills::{Inspected, Place, SkillError};

/// List and check skills.
#[derive(Debug, clap::Subcommand)]
pub(super) enum SkillsCommand {
    /// List the skills that recipes can run here.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check skills and say what is wrong with their frontmatter, with place and mend.
    Check(CheckArgs),
}

/// What is checked, and how it is told.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// Names or files; without any, every SKILL.md that can be found.
    #[arg(value_name = "NAME|PATH")]
    skills: Vec<String>,
    /// How the findings are told.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Print JSON; the same as `--format json`.
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

/// How findings are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people, with snippets.
    #[default]
    Text,
    /// For programs.
    Json,
}

pub(super) fn run(session: &Session, command: SkillsCommand) -> Result<Exit, AppError> {
    let pantry = Pantry::at(&session.dir);
    match command {
        SkillsCommand::List { json } => Ok(list(session, &pantry, json)),
        SkillsCommand::Check(args) => check(session, &pantry, args),
    }
}

fn source(place: &Place) -> &'static str {
    match place {
        Place::Builtin => "bundled",
        Place::File(path) if user_config().is_some_and(|user| path.starts_with(user)) => "user",
        Place::File(_) => "project",
    }
}

fn list(session: &Session, pantry: &Pantry, json: bool) -> Exit {
    let all = pantry.skills.inspect_all();
    if json {
        let skills: Vec<_> = all.iter().map(as_json).collect();
        session.printer.data(&json!({ "schema_version": 1, "skills": skills }).to_string());
        return Exit::Succeeded;
    }
    let mut table = Table::new(["SKILL", "FROM", "DESCRIPTION"]);
    for skill in all {
        let (role, text) = match (&skill.contract, skill.shadowed) {
            (None, _) => (Role::Bad, format!("cannot be used: {}", first_error(&skill.problems))),
            (Some(_), true) => (Role::Dim, "(another skill of this name is used instead)".to_owned()),
            (Some(contract), false) => (Role::Plain, contract.description.clone()),
        };
        let name = if role == Role::Plain { Role::Strong } else { role };
        table.styled_row([(name, skill.name), (Role::Dim, source(&skill.place).to_owned()), (role, text)]);
    }
    session.printer.data(&table.render(&session.printer.terminal().out));
    Exit::Succeeded
}

fn first_error(problems: &Problems) -> String {
    let error =
        problems.report().into_iter().find(|report| report.severity == crate::recipe::Severity::Error);
    error.map(|error| error.message).unwrap_or_default()
}

fn as_json(skill: &Inspected) -> serde_json::Value {
    let path = match &skill.place {
        Place::File(path) => Some(path),
        Place::Builtin => None,
    };
    json!({
        "name": skill.name,
        "source": source(&skill.place),
        "path": path,
        "shadowed": skill.shadowed,
        "contract": skill.contract,
        "error": skill.contract.is_none().then(|| first_error(&skill.problems)),
    })
}

fn check(session: &Session, pantry: &Pantry, args: CheckArgs) -> Result<Exit, AppError> {
    let found: Vec<Inspected> = match args.skills.is_empty() {
        true => pantry.skills.inspect_all(),
        false => {
            let each = args.skills.iter().map(|name| pantry.skills.inspect(name).map_err(unknown));
            each.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect()
        }
    };
    let errors: usize = found.iter().map(|skill| skill.problems.errors()).sum();
    let all: usize = found.iter().map(|skill| skill.problems.list().len()).sum();
    if args.json || args.format == Format::Json {
        let problems: Vec<_> = found.iter().flat_map(|skill| skill.problems.report()).collect();
        let report = json!({
            "schema_version": 1,
            "checked": found.len(),
            "errors": errors,
            "warnings": all - errors,
            "problems": problems,
        });
        session.printer.data(&report.to_string());
    } else {
        let faulty = found.iter().filter(|skill| !skill.problems.is_empty());
        faulty.for_each(|skill| session.printer.problems(&skill.problems));
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        session.printer.note(&format!(
            "{}: {}, {}",
            count(found.len(), "skill"),
            count(errors, "error"),
            count(all - errors, "warning")
        ));
    }
    Ok(if errors > 0 { Exit::Failed } else { Exit::Succeeded })
}

fn unknown(error: SkillError) -> AppError {
    let hint = match &error {
        SkillError::Unknown { near: Some(near), .. } => format!("did you mean `{near}`?"),
        _ => "autoskillit skills list".to_owned(),
    };
    AppError::usage(error.to_string()).hint(hint)
}

//! `autoskillit recipes lock`.

use std::path::Path;

use serde_json::json;

use crate::app::error::AppError;
use crate::app::kitchen::Pantry;
use crate::app::migrate::all;
use crate::app::records::{self, Lock};
use crate::cli::Session;
use crate::cli::exit::Exit;
use crate::cli::ui::diff;
use crate::cli::ui::style::Role;

/// Which recipes, and whether cards are written.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct LockArgs {
    /// Names or files; without any, all recipes of the repository that run skills.
    #[arg(value_name = "NAME|PATH")]
    recipes: Vec<String>,
    /// Show what would change, and fail when something would; write nothing.
    #[arg(long)]
    check: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn lock(session: &Session, pantry: &Pantry, args: LockArgs) -> Result<Exit, AppError> {
    let named = !args.recipes.is_empty();
    let names = if named { args.recipes } else { all(pantry) };
    let (mut reports, mut changed, mut failed) = (Vec::new(), 0, 0);
    let shown = |path: &Path| path.strip_prefix(&session.dir).unwrap_or(path).display().to_string();
    for name in &names {
        let planned = match records::lock(pantry, name) {
            Ok(planned) => planned,
            Err(error) if named && names.len() == 1 => return Err(error),
            Err(error) => {
                failed += 1;
                reports.push(json!({ "recipe": name, "status": "failed", "error": error.message }));
                if !args.json {
                    session
                        .printer
                        .error(&format!("`{name}` is not locked: {}", error.message), &error.hints);
                }
                continue;
            }
        };
        match planned {
            Lock::Nothing => reports.push(json!({ "recipe": name, "status": "unchanged" })),
            Lock::Refused { path, why } => {
                failed += 1;
                reports.push(json!({ "recipe": name, "status": "refused", "path": path, "error": why }));
                if !args.json {
                    let message = format!("{} is left alone: {why}", shown(&path));
                    session
                        .printer
                        .error(&message, &["move it away to have a card written there".to_owned()]);
                }
            }
            Lock::Write { path, before, after } => {
                changed += 1;
                let status = if args.check { "stale" } else { "written" };
                if args.check && !args.json {
                    show(session, &shown(&path), &before, &after);
                }
                if !args.check {
                    records::write(&path, &before, &after)?;
                    if !args.json {
                        session.printer.note(&format!("wrote {}", shown(&path)));
                    }
                }
                reports.push(json!({ "recipe": name, "status": status, "path": path }));
            }
        }
    }
    if args.json {
        session.printer.data(&json!({ "schema_version": 1, "recipes": reports }).to_string());
    } else {
        let count = |n: usize| format!("{n} recipe{}", if n == 1 { "" } else { "s" });
        let told = if args.check { "to lock" } else { "locked anew" };
        session.printer.note(&format!("{}: {changed} {told}", count(names.len())));
        if args.check && changed > 0 {
            session.printer.note("when the recipes are right with it: autoskillit recipes lock");
        }
    }
    Ok(if failed > 0 || (args.check && changed > 0) { Exit::Failed } else { Exit::Succeeded })
}

fn show(session: &Session, path: &str, before: &str, after: &str) {
    let look = session.printer.terminal().out;
    let mut lines = vec![
        look.paint(Role::Strong, &format!("--- a/{path}")),
        look.paint(Role::Strong, &format!("+++ b/{path}")),
    ];
    lines.extend(diff::hunks(before, after, &look, true));
    session.printer.data(&lines.join("\n"));
}

//! `autoskillit migrate`.

use serde_json::json;

use super::Session;
use super::exit::Exit;
use super::ui::diff;
use super::ui::style::Role;
use crate::app::error::AppError;
use crate::app::kitchen::Pantry;
use crate::app::migrate::{Planned, Written, all, plan, task, write};
use crate::core::paths::KitchenDir;
use crate::core::text::shell_quote;
use crate::workspace::git::Checkout;

/// Which recipes, and whether they are written.
#[derive(Debug, clap::Args)]
pub(super) struct MigrateArgs {
    /// Names or files; without any, all recipes of the repository.
    #[arg(value_name = "NAME|PATH")]
    recipes: Vec<String>,
    /// Fail when something is to be migrated; change nothing.
    #[arg(long, conflicts_with = "write")]
    check: bool,
    /// Write the changes; the old texts are kept.
    #[arg(long)]
    write: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(session: &Session, args: MigrateArgs) -> Result<Exit, AppError> {
    let pantry = Pantry::at(&session.dir);
    let names = if args.recipes.is_empty() { all(&pantry) } else { args.recipes };
    let planned = names.iter().map(|name| plan(&pantry, name)).collect::<Result<Vec<Planned>, _>>()?;
    let mut refused = 0;
    let mut reports = Vec::new();
    for planned in &planned {
        if !args.json {
            show(session, planned);
        }
        let mut report = json!(planned);
        if args.write {
            let dir = KitchenDir::of(Checkout::discover(&session.dir)?.top());
            match write(&dir, planned)? {
                Written::Nothing => {}
                Written::Kept(backup) => {
                    report["backup"] = json!(backup);
                    if !args.json {
                        session.printer.note(&format!(
                            "{}: written; the old text is {}",
                            planned.file,
                            backup.display()
                        ));
                    }
                }
                Written::Refused(why) => {
                    refused += 1;
                    report["refused"] = json!(why);
                    if !args.json {
                        session.printer.error(&format!("{} is not written: {why}", planned.file), &[]);
                    }
                }
            }
        }
        if args.write
            && let Some(task) = task(&KitchenDir::of(Checkout::discover(&session.dir)?.top()), planned)
        {
            if !args.json {
                let recipe = shell_quote(&task.recipe.to_string_lossy()).into_owned();
                session.printer.note(&format!("what is left is described in {}", task.task.display()));
                session.printer.note(&format!(
                    "a session does it: commit what is changed, then autoskillit cook {recipe}"
                ));
            }
            report["task"] = json!(task);
        }
        reports.push(report);
    }
    let pending = planned.iter().filter(|planned| planned.pending).count();
    let left: usize = planned.iter().map(|planned| planned.left.len()).sum();
    if args.json {
        session.printer.data(&json!({ "schema_version": 1, "recipes": reports }).to_string());
    } else {
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let told = if args.write { "migrated" } else { "to migrate" };
        session.printer.note(&format!(
            "{}: {} {told}, {} to change by hand",
            count(planned.len(), "recipe"),
            if args.write { pending - refused } else { pending },
            count(left, "place"),
        ));
        if pending > 0 && !args.write && !args.check {
            session.printer.note("nothing is written: autoskillit migrate --write");
        }
    }
    Ok(if refused > 0 || (args.check && pending > 0) { Exit::Failed } else { Exit::Succeeded })
}

fn show(session: &Session, planned: &Planned) {
    let look = session.printer.terminal().out;
    let mut lines = Vec::new();
    if planned.pending {
        lines.push(look.paint(Role::Strong, &format!("--- a/{}", planned.file)));
        lines.push(look.paint(Role::Strong, &format!("+++ b/{}", planned.file)));
        lines.extend(diff::hunks(&planned.before, &planned.after, &look, true));
        session.printer.data(&lines.join("\n"));
    }
    for applied in &planned.applied {
        let places =
            if applied.places == 1 { "1 place".to_owned() } else { format!("{} places", applied.places) };
        session.printer.note(&format!("{} ({}): {}; {places}", applied.id, applied.to, applied.summary));
    }
    for left in &planned.left {
        session.printer.warn(&format!("{}:{}: {}", planned.file, left.line, left.what));
    }
}

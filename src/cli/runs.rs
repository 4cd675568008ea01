//! `autoskillit runs`.

use std::path::Path;

use serde_json::json;

use super::Session;
use super::exit::Exit;
use super::ui::format;
use super::ui::screen::{Setting, write};
use super::ui::style::Role;
use super::ui::table::Table;
use super::ui::{self, ending};
use crate::app::error::AppError;
use crate::app::kitchen::here;
use crate::app::runs::{self, RunInfo};
use crate::app::why::{is_meant, steps, why};
use crate::core::paths::KitchenDir;
use crate::engine::event::{Entry, RunStatus};
use crate::engine::journal;
use crate::engine::telemetry::Telemetry;
use crate::execution::log::index;
use crate::execution::log::summary::Status;
use crate::pipeline::telemetry::tables;
use crate::pipeline::telemetry::tokens::total;
use crate::workspace::git::Checkout;

/// List and show runs of this repository.
#[derive(Debug, clap::Subcommand)]
pub(super) enum RunsCommand {
    /// List the runs, the newest first.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// At most this many.
        #[arg(long, short = 'n', default_value_t = 20, value_name = "COUNT")]
        limit: usize,
    },
    /// Show what happened in a run.
    Show {
        /// Its id or a part of it; the last run without.
        run: Option<String>,
        /// Print the journal as JSON lines.
        #[arg(long)]
        json: bool,
    },
    /// Say why each session and command of a run was judged as it was.
    Why {
        /// Its id or a part of it, the last run without; a step alone means that of the last run.
        run: Option<String>,
        /// Only this step, every visit and try of it.
        step: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Tell what the sessions of each step of a run used: tokens, time, dollars.
    Tokens {
        /// Its id or a part of it; the last run without.
        run: Option<String>,
        /// Print JSON.
        #[arg(long, conflicts_with = "markdown")]
        json: bool,
        /// Print tables for the text of a pull request.
        #[arg(long)]
        markdown: bool,
    },
    /// List the sessions of this repository's runs, the newest first.
    Sessions {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// At most this many.
        #[arg(long, short = 'n', default_value_t = 20, value_name = "COUNT")]
        limit: usize,
    },
}

pub(super) fn run(session: &Session, command: RunsCommand) -> Result<Exit, AppError> {
    let checkout = Checkout::discover(&session.dir)?;
    let kitchen = KitchenDir::of(checkout.top());
    match command {
        RunsCommand::List { json, limit } => {
            let runs: Vec<RunInfo> = runs::newest(&kitchen, "").take(limit).collect();
            if json {
                session.printer.data(&json!({ "schema_version": 1, "runs": runs }).to_string());
            } else if runs.is_empty() {
                session.printer.note("no runs yet: autoskillit cook <recipe>");
            } else {
                table(session, &runs);
            }
        }
        RunsCommand::Show { run, json } => {
            let id = runs::find(&kitchen, run.as_deref())?;
            let entries = runs::entries(&kitchen.run(&id))?;
            if json {
                for entry in &entries {
                    session.printer.data(&journal::line(entry));
                }
            } else {
                let info = RunInfo::of(&kitchen.run(&id), &id, &entries);
                let steps =
                    entries.iter().filter_map(|entry| entry.event.step()).map(str::to_owned).collect();
                write(&session.printer, Setting { steps, ..Setting::default() }, entries);
                session.printer.data(&format!("\n{}", outcome(session, &info, checkout.top())));
            }
        }
        RunsCommand::Why { run, step, json } => {
            let (id, entries, step) = of_step(&kitchen, run, step)?;
            let why = why(checkout.top(), &id, &entries, step.as_deref())?;
            if json {
                session.printer.data(&serde_json::to_string(&why).unwrap_or_default());
            } else {
                let look = session.printer.terminal().out;
                session.printer.data(&ui::why::lines(&why, checkout.top(), &look).join("\n"));
            }
        }
        RunsCommand::Tokens { run, json, markdown } => {
            let id = runs::find(&kitchen, run.as_deref())?;
            let entries = runs::entries(&kitchen.run(&id))?;
            let telemetry = Telemetry::fold(&id, &entries);
            let (rows, timings) = (telemetry.tokens.report(None), telemetry.timings.report(None));
            let printer = &session.printer;
            let look = printer.terminal().out;
            if json {
                let told = json!({
                    "schema_version": 1,
                    "run_id": id,
                    "steps": rows,
                    "total": total(&rows),
                    "timings": timings,
                });
                printer.data(&told.to_string());
            } else if markdown {
                printer.data(format!("{}\n{}", tables::tokens(&rows), tables::times(&timings)).trim_end());
            } else if rows.is_empty() {
                printer.note("no session of this run has used anything");
            } else {
                printer.data(&ui::tokens::steps(&rows, &look));
                if let Some(models) = ui::tokens::models(&rows, &look) {
                    printer.data(&format!("\n{models}"));
                }
            }
        }
        RunsCommand::Sessions { json, limit } => {
            let all = index::read(&kitchen);
            let newest: Vec<&index::Line> = all.iter().rev().take(limit).collect();
            if json {
                session.printer.data(&json!({ "schema_version": 1, "sessions": newest }).to_string());
            } else if newest.is_empty() {
                session.printer.note("no sessions yet: autoskillit cook <recipe>");
            } else {
                sessions(session, &newest);
            }
        }
    }
    Ok(Exit::Succeeded)
}

/// The run that was named, with its journal, and the step. A step alone means the last run's.
fn of_step(
    kitchen: &KitchenDir,
    run: Option<String>,
    step: Option<String>,
) -> Result<(String, Vec<Entry>, Option<String>), AppError> {
    match (runs::find(kitchen, run.as_deref()), run, step) {
        (Err(error), Some(name), None) => {
            let last = runs::find(kitchen, None)?;
            let entries = runs::entries(&kitchen.run(&last))?;
            if steps(&entries).iter().any(|step| is_meant(&name, step)) {
                Ok((last, entries, Some(name)))
            } else {
                Err(error)
            }
        }
        (found, _, step) => {
            let id = found?;
            let entries = runs::entries(&kitchen.run(&id))?;
            Ok((id, entries, step))
        }
    }
}

/// How a run ended or where it stands, and how it goes on.
fn outcome(session: &Session, info: &RunInfo, top: &Path) -> String {
    let look = session.printer.terminal().out;
    let mut text = match info.status {
        None => {
            let owner = info.owner.as_ref().map(|owner| format!(" by {}", owner.told())).unwrap_or_default();
            look.paint(Role::Plain, &ui::text::one_line(&format!("still cooking{owner}"), &look))
        }
        Some(status) => {
            let (role, glyph, word) = ending::status(status, &look);
            look.paint(role, &format!("{glyph} {word}"))
        }
    };
    let place = info.step.as_ref().filter(|_| info.status != Some(RunStatus::Succeeded));
    let place = place.map(|step| format!("at step {step}"));
    let told: Vec<String> = place.into_iter().chain(info.reason.clone()).collect();
    if !told.is_empty() {
        let told = told.join(": ");
        text.push_str(&format!("  {}", ui::text::one_line(&ui::text::near(&told, Some(top)), &look)));
    }
    let logs = KitchenDir::of(top).run(&info.run_id);
    text.push_str(&format!("\nlogs: {}", ui::text::path(logs.root(), Some(top), &look)));
    if info.resumable {
        let command = here(top, "autoskillit", &format!("cook --resume {}", info.run_id));
        text.push_str(&format!("\ngo on: {command}"));
    }
    text
}

/// That a run goes on, and who drives it.
fn cooking(run: &RunInfo) -> String {
    match &run.owner {
        Some(owner) if owner.lives().is_none() => format!("cooking, pid {} on {}", owner.pid, owner.host),
        Some(owner) => format!("cooking, pid {}", owner.pid),
        None => "cooking".to_owned(),
    }
}

fn table(session: &Session, runs: &[RunInfo]) {
    let look = session.printer.terminal().out;
    let mut table = Table::new(["RUN", "RECIPE", "STATUS", "TIME", "TOKENS", "COST", "STEP"]);
    for run in runs {
        let (role, word) = match (run.status, &run.error) {
            (_, Some(_)) => (Role::Bad, "unreadable".to_owned()),
            (None, None) => (Role::Plain, cooking(run)),
            (Some(status), None) => {
                let (role, _, word) = ending::status(status, &look);
                (role, word.to_owned())
            }
        };
        let word = if run.resumable && run.status != Some(RunStatus::Succeeded) {
            format!("{word}, resumable")
        } else {
            word
        };
        table.styled_row([
            (Role::Strong, run.run_id.clone()),
            (Role::Plain, run.recipe.clone()),
            (role, word),
            (Role::Plain, if run.error.is_some() { String::new() } else { time(run.elapsed_ms) }),
            (
                Role::Plain,
                if run.usage.tokens() == 0 { String::new() } else { format::tokens(run.usage.tokens()) },
            ),
            (Role::Plain, format::dollars(run.usage.cost_usd).unwrap_or_default()),
            (Role::Dim, run.step.clone().unwrap_or_default()),
        ]);
    }
    session.printer.data(&table.render(&look));
}

fn sessions(session: &Session, lines: &[&index::Line]) {
    let look = session.printer.terminal().out;
    let mut table = Table::new(["RUN", "STEP", "VERDICT", "TIME", "TOKENS", "COST", "SESSION"]);
    for line in lines {
        let (role, word) = match (line.status, line.success) {
            (Status::Running, _) => (Role::Plain, "running".to_owned()),
            (Status::Crashed, _) => (Role::Bad, "crashed".to_owned()),
            (Status::Ended, success) => {
                let role = if success == Some(true) { Role::Good } else { Role::Bad };
                (role, line.subtype.clone().unwrap_or_default())
            }
        };
        let step = if line.step.is_empty() { "orchestrator" } else { &line.step };
        table.styled_row([
            (Role::Strong, line.run_id.clone().unwrap_or_default()),
            (Role::Plain, step.to_owned()),
            (role, word),
            (Role::Plain, line.elapsed_ms.map(time).unwrap_or_default()),
            (
                Role::Plain,
                if line.usage.tokens() == 0 { String::new() } else { format::tokens(line.usage.tokens()) },
            ),
            (Role::Plain, format::dollars(line.usage.cost_usd).unwrap_or_default()),
            (Role::Dim, line.session_id.clone()),
        ]);
    }
    session.printer.data(&table.render(&look));
}

fn time(elapsed_ms: u64) -> String {
    format::duration(std::time::Duration::from_millis(elapsed_ms))
}

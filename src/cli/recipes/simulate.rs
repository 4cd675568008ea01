//! `autoskillit recipes simulate`.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::app::error::AppError;
use crate::app::kitchen::Pantry;
use crate::cli::Session;
use crate::cli::exit::Exit;
use crate::cli::ui::style::Role;
use crate::core::text::quoted_list;
use crate::engine::simulate::{Limits, Report, simulate};

/// Which recipes are simulated.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SimulateArgs {
    /// Names or files; without any, all recipes.
    #[arg(value_name = "NAME|PATH")]
    recipes: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The most states of a recipe.
const STATES: usize = 200_000;

/// The most time for one.
const TIME: Duration = Duration::from_secs(60);

pub(super) fn run(session: &Session, pantry: &Pantry, args: &SimulateArgs) -> Result<Exit, AppError> {
    let names = if args.recipes.is_empty() { pantry.library.names() } else { args.recipes.clone() };
    let mut reports = Vec::new();
    for name in names {
        let recipe = pantry.library.load(&name, pantry)?.recipe;
        let began = Instant::now();
        let report = simulate(&recipe, pantry, &Limits { states: STATES, over: &|| began.elapsed() > TIME });
        if !args.json {
            session.printer.data(told(session, &report).trim_end());
        }
        reports.push(report);
    }
    if args.json {
        session.printer.data(&json!({ "schema_version": 1, "recipes": reports }).to_string());
    }
    let good = reports.iter().all(|report| report.findings.is_empty());
    Ok(if good { Exit::Succeeded } else { Exit::Failed })
}

fn told(session: &Session, report: &Report) -> String {
    let look = session.printer.terminal().out;
    let sessions = match report.sessions {
        None => "no bound on sessions".to_owned(),
        Some(most) if report.cut.is_some() => format!("at least {most} sessions on a path"),
        Some(0) => "no sessions".to_owned(),
        Some(1) => "at most 1 session".to_owned(),
        Some(most) => format!("at most {most} sessions"),
    };
    let mut text = format!(
        "{}: {} states, {} ways between them, {sessions}\n",
        look.paint(Role::Strong, &report.recipe),
        report.states,
        report.transitions,
    );
    if let Some(why) = &report.cut {
        text.push_str(&format!("  {} {why}\n", look.paint(Role::Bad, "not everything:")));
    }
    for finding in &report.findings {
        text.push_str(&format!("\n  {} {}\n", look.paint(Role::Bad, finding.kind), finding.message));
        for (index, line) in finding.trace.iter().enumerate() {
            let mark = if finding.repeats_from == Some(index) { " from here on for ever:" } else { "" };
            if !mark.is_empty() {
                text.push_str(&format!("    {}\n", look.paint(Role::Dim, mark.trim())));
            }
            text.push_str(&format!("    {:>2}. {line}\n", index + 1));
        }
    }
    if report.findings.is_empty() && report.cut.is_none() {
        text.push_str(&format!(
            "  {} every path comes to an end that the recipe states\n",
            look.paint(Role::Good, "ok")
        ));
    }
    let ends: Vec<String> = report
        .ends
        .iter()
        .map(|end| match end.step.is_empty() {
            true => end.status.clone(),
            false => format!("{} at {}", end.status, end.step),
        })
        .collect();
    text.push_str(&format!("  {} {}\n", look.paint(Role::Dim, "ends:"), ends.join(", ")));
    if !report.unreached.is_empty() {
        let steps = quoted_list(&report.unreached);
        text.push_str(&format!("  {} {steps}\n", look.paint(Role::Bad, "no path comes to:")));
    }
    for assumed in &report.assumed {
        text.push_str(&format!("  {} {assumed}\n", look.paint(Role::Dim, "assumed:")));
    }
    text
}

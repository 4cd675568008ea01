//! `autoskillit recipes test`.

use serde_json::json;

use crate::app::error::AppError;
use crate::app::kitchen::Pantry;
use crate::app::recipe_tests;
use crate::cli::Session;
use crate::cli::exit::Exit;
use crate::cli::ui::style::Role;

/// Which tests are run.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct TestArgs {
    /// Names or files; without any, all recipes that have tests.
    #[arg(value_name = "NAME|PATH")]
    recipes: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn test(session: &Session, pantry: &Pantry, args: &TestArgs) -> Result<Exit, AppError> {
    let tested = recipe_tests::run(pantry, &args.recipes)?;
    let cases: usize = tested.iter().map(|tested| tested.cases.len()).sum();
    let failed: usize = tested.iter().map(recipe_tests::Tested::failed).sum();
    let faulty = tested.iter().filter(|tested| tested.faulty.is_some()).count();
    let passed = cases - (failed - faulty);
    let exit = if failed == 0 { Exit::Succeeded } else { Exit::Failed };
    if args.json {
        let recipes: Vec<_> = tested.iter().map(recipe_tests::Tested::as_json).collect();
        let report = json!({ "schema_version": 1, "passed": passed, "failed": failed, "recipes": recipes });
        session.printer.data(&report.to_string());
        return Ok(exit);
    }
    let look = session.printer.terminal().out;
    let mut text = String::new();
    for one in &tested {
        text.push_str(&format!(
            "{} {}\n",
            look.paint(Role::Strong, &one.recipe),
            look.paint(Role::Dim, &one.file)
        ));
        for (case, ran) in &one.cases {
            if ran.differences.is_empty() {
                text.push_str(&format!("  {} {}\n", look.paint(Role::Good, "ok"), case.name));
                continue;
            }
            let place = look.paint(Role::Dim, &format!("{}:{}", one.file, case.line));
            text.push_str(&format!("  {} {} {place}\n", look.paint(Role::Bad, "FAILED"), case.name));
            for difference in &ran.differences {
                text.push_str(&format!("      {difference}\n"));
            }
        }
        if one.faulty.is_some() {
            text.push_str(&format!("  {} the file has errors\n", look.paint(Role::Bad, "FAILED")));
        }
    }
    if !text.is_empty() {
        session.printer.data(text.trim_end());
    }
    tested
        .iter()
        .filter_map(|one| one.faulty.as_ref())
        .for_each(|problems| session.printer.problems(problems));
    session.printer.note(&format!("{passed} passed, {failed} failed"));
    Ok(exit)
}

//! `autoskillit recipes check`.

use serde_json::json;

use crate::app::error::AppError;
use crate::app::kitchen::Pantry;
use crate::cli::Session;
use crate::cli::exit::Exit;
use crate::recipe::{LoadError, Problems};

pub(super) fn check(
    session: &Session,
    pantry: &Pantry,
    named: Vec<String>,
    json: bool,
) -> Result<Exit, AppError> {
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

//! `autoskillit doctor`.

use super::Session;
use super::exit::Exit;
use super::ui::checkup;
use super::ui::printer::Verbosity;
use crate::app::doctor::report::Level;
use crate::app::doctor::{Wish, examine};
use crate::app::error::AppError;

/// Say what is wrong here and how to mend it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It looks at this program, Claude Code and its login, git, the repository and its test command,
settings, what sessions may do and see, the folders that are written to, and GitHub. It spends no
tokens, asks nobody on the network, and changes nothing without --fix. With --quiet it shows
problems only, with --verbose also the names of all variables that sessions see.

Exit codes: 0 nothing, or nothing but warnings; 4 errors."
)]
pub(super) struct DoctorArgs {
    /// Mend what is ours and safe to mend, and say what was changed.
    #[arg(long)]
    fix: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(session: &Session, args: &DoctorArgs) -> Result<Exit, AppError> {
    let wish = Wish { dir: session.dir.clone(), flags: session.config.clone(), fix: args.fix };
    let report = examine(wish)?;
    let printer = &session.printer;
    if args.json {
        printer.data(&report.json().to_string());
    } else {
        let lines = checkup::lines(&report, printer.verbosity(), &printer.terminal().out);
        if !lines.is_empty() {
            printer.data(&lines.join("\n"));
        }
        let mendable = report.checks.iter().any(|check| check.level > Level::Ok && check.remedy.is_some());
        if mendable && !args.fix && printer.verbosity() > Verbosity::Quiet {
            printer.note("some of this can be mended at once: add --fix");
        }
    }
    Ok(if report.count(Level::Error) == 0 { Exit::Succeeded } else { Exit::Environment })
}

//! `autoskillit quota-status`.

use jiff::tz::TimeZone;

use super::Session;
use super::exit::Exit;
use super::ui::quota;
use crate::app::error::AppError;
use crate::app::quota::look;

/// Say how much of the account's plan is used, and whether sessions wait for it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A plan has windows: shares of some hours or days that are given anew when they reset. Before
a session starts, what is used is looked at; at the threshold of a window or above, it waits
for the reset. `autoskillit config show` lists the settings, all of quota_guard. With an API
key or another provider there are no windows. What cannot be found out holds nothing up.

Exit codes: 0 whatever it says; 2 settings wrong."
)]
pub(super) struct QuotaStatusArgs {
    /// Ask the model service although its last answer still holds.
    #[arg(long)]
    fresh: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(session: &Session, args: &QuotaStatusArgs) -> Result<Exit, AppError> {
    let (quota, warnings) = look(&session.dir, &session.config, args.fresh)?;
    session.settings_warnings(&warnings);
    let printer = &session.printer;
    if args.json {
        printer.data(&quota.json().to_string());
    } else {
        printer.data(&quota::lines(&quota, &TimeZone::system(), &printer.terminal().out).join("\n"));
    }
    Ok(Exit::Succeeded)
}

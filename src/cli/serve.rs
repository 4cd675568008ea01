//! `autoskillit serve`.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use super::Session;
use super::exit::Exit;
use super::ui::printer::Verbosity;
use crate::app::error::AppError;
use crate::app::runtime::runtime;
use crate::app::serving::context::{Context, HEADLESS};
use crate::app::serving::service::Service;
use crate::app::settings;
use crate::config;
use crate::server::{attach, logging, stdio};

/// Serve the kitchen to Claude Code, as an MCP server on standard input and output.
///
/// Claude Code starts it by itself where a repository's `.mcp.json` names it (`autoskillit init --mcp` writes that), or after
/// `claude mcp add autoskillit -- autoskillit serve`.
#[derive(Debug, Default, clap::Args)]
pub(super) struct ServeArgs {
    /// Pass everything on to a run of `cook` instead; `cook` tells its orchestrator session this socket.
    #[arg(long, value_name = "SOCKET", hide = true)]
    attach: Option<PathBuf>,
}

pub(super) fn run(session: &Session, args: ServeArgs) -> Result<Exit, AppError> {
    if let Some(socket) = args.attach {
        return match attach::relay(&socket) {
            Ok(()) => Ok(Exit::Succeeded),
            Err(error) => {
                Err(AppError::environment(format!("cannot reach the run at {}: {error}", socket.display())))
            }
        };
    }
    if std::io::stdin().is_terminal() {
        session.printer.note("waits for an MCP client on standard input; Ctrl-C ends it");
        session.printer.note("Claude Code starts it by itself: autoskillit init --mcp");
    }
    let log = logging::begin(session.printer.verbosity() == Verbosity::Verbose);
    let headless = std::env::var_os(HEADLESS).is_some_and(|set| set == "1");
    let context = Arc::new(Context::new(session.dir.clone(), session.config.clone(), headless));
    let runtime = runtime()?;
    let served = Service::new(Arc::clone(&context));
    let (dir, flags) = (session.dir.clone(), session.config.clone());
    let answered = move || {
        context.begin_deferred();
        // Asks git and reads files, so it comes after the first answer as well.
        tokio::task::spawn_blocking(move || follow_settings(&log, &dir, &flags));
    };
    let ended = runtime.block_on(stdio::serve(served, answered));
    // A read of standard input that cannot be broken off must not keep the process.
    runtime.shutdown_background();
    ended.map_err(|error| AppError::environment(format!("cannot hear signals: {error}")))?;
    Ok(Exit::Succeeded)
}

/// The second phase of the log: as the settings say.
fn follow_settings(log: &logging::Log, dir: &std::path::Path, flags: &[String]) {
    match config::load(&settings::sources_at(dir, flags)) {
        Ok(loaded) => {
            let logging = &loaded.settings.logging;
            log.follow(logging::level(logging.level.name()), logging.json_output);
            tracing::info!(dir = %dir.display(), version = env!("CARGO_PKG_VERSION"), "serves");
        }
        Err(error) => {
            tracing::error!(%error, "settings are faulty: the kitchen cannot be opened until they are mended")
        }
    }
}

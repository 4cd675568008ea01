//! The command line: commands, one file each, and everything a person sees. Arguments come in; an exit code goes out. The
//! commands decide nothing about runs: they read what was typed, ask [`crate::app`], and show what it says.

mod config;
pub mod completions;
mod cook;
mod doctor;
mod drive;
mod exit;
mod init;
mod migrate;
mod quota_status;
mod recipes;
mod resuming; // what is told and asked before a run goes on
mod runs;
mod serve;
mod skills;
pub mod ui;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use self::exit::Exit;
use self::ui::diagnostics;
use self::ui::printer::{Printer, Verbosity};
use self::ui::terminal::ColorChoice;
use crate::app::error::{AppError, Kind};
use crate::core::yaml::diagnostic::Problems;

/// Cooks recipes: turns a task into a tested change by running headless Claude Code sessions step by step.
#[derive(Debug, Parser)]
#[command(name = "autoskillit", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(
    after_help = "Exit codes: 0 succeeded, 1 failed, 2 usage, recipe or setting wrong, 3 a limit was reached,\n4 the machine is not fit (client, git, disk), 130 stopped."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    global: Global,
}

#[derive(Debug, Default, clap::Args)]
struct Global {
    /// When to use colours.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        help_heading = "Global options"
    )]
    color: ColorChoice,

    /// Say only how it ended.
    #[arg(long, short, global = true, help_heading = "Global options")]
    quiet: bool,

    /// Say more.
    #[arg(long, short, global = true, conflicts_with = "quiet", help_heading = "Global options")]
    verbose: bool,

    /// Work in the repository of this folder instead of the current one.
    #[arg(
        long = "directory",
        short = 'C',
        global = true,
        value_name = "DIR",
        value_hint = clap::ValueHint::DirPath,
        help_heading = "Global options"
    )]
    directory: Option<PathBuf>,

    /// Set a setting for this command.
    #[arg(long = "config", global = true, value_name = "KEY=VALUE", help_heading = "Global options")]
    config: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a recipe to a truthful end, or go on with a run.
    #[command(alias = "order")]
    Cook(cook::CookArgs),
    /// Set a repository up: find out how it is tested, and write its settings.
    Init(init::InitArgs),
    /// List, show, draw, check and make recipes.
    #[command(subcommand)]
    Recipes(recipes::RecipesCommand),
    /// List and check skills.
    #[command(subcommand)]
    Skills(skills::SkillsCommand),
    /// Bring recipes of older versions up to date; shows what would change.
    Migrate(migrate::MigrateArgs),
    /// List and show runs of this repository.
    #[command(subcommand)]
    Runs(runs::RunsCommand),
    /// Show, change and check settings.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Say what is wrong here and how to mend it.
    Doctor(doctor::DoctorArgs),
    /// Say how much of the account's plan is used, and whether sessions wait for it.
    QuotaStatus(quota_status::QuotaStatusArgs),
    /// Serve the kitchen to Claude Code, as an MCP server on standard input and output.
    Serve(serve::ServeArgs),
    /// Print the completion script of a shell.
    Completions(completions::CompletionsArgs),
}

impl Arguments {
    /// What a parser would make of a line that is known beforehand. Clients start `autoskillit serve` and wait for its first answer;
    /// building the parser of all commands would take a quarter of that time.
    fn known(args: &[OsString]) -> Option<Self> {
        let [_, mode] = args else { return None };
        let command = Command::Serve(serve::ServeArgs::default());
        (mode == "serve").then(|| Self { command, global: Global::default() })
    }
}

/// What every command works with.
struct Session {
    printer: Printer,
    dir: PathBuf,
    /// Settings from the command line.
    config: Vec<String>,
}

impl Session {
    /// Says what is odd about settings, unless quiet.
    fn settings_warnings(&self, warnings: &[Problems]) {
        if self.printer.verbosity() > Verbosity::Quiet {
            warnings.iter().for_each(|problems| self.printer.problems(problems));
        }
    }
}

/// Runs the command line and says how it ended.
#[must_use]
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let parsed = match Arguments::known(&args).map_or_else(|| Arguments::try_parse_from(&args), Ok) {
        Ok(parsed) => parsed,
        Err(error) => return exit::of_clap(&error),
    };
    let verbosity = match (parsed.global.quiet, parsed.global.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    };
    let printer = Printer::new(parsed.global.color, verbosity);
    let exit = match working_dir(parsed.global.directory) {
        Ok(dir) => {
            let session = Session { printer: printer.clone(), dir, config: parsed.global.config };
            let done = match parsed.command {
                Command::Cook(args) => cook::run(&session, args),
                Command::Init(args) => init::run(&session, args),
                Command::Recipes(command) => recipes::run(&session, command),
                Command::Skills(command) => skills::run(&session, command),
                Command::Migrate(args) => migrate::run(&session, args),
                Command::Runs(command) => runs::run(&session, command),
                Command::Config(command) => config::run(&session, command),
                Command::Doctor(args) => doctor::run(&session, &args),
                Command::QuotaStatus(args) => quota_status::run(&session, &args),
                Command::Serve(args) => serve::run(&session, args),
                Command::Completions(args) => Ok(completions::run(&session, &args)),
            };
            done.unwrap_or_else(|error| report(&printer, &error))
        }
        Err(error) => report(&printer, &error),
    };
    match printer.finish() {
        Ok(()) => exit.code(),
        Err(error) => {
            printer.error(&format!("standard output cannot be written: {error}"), &[]);
            Exit::Environment.code()
        }
    }
}

/// The command line's definition, for what is generated from it.
#[must_use]
pub fn definition() -> clap::Command {
    Arguments::command()
}

fn working_dir(given: Option<PathBuf>) -> Result<PathBuf, AppError> {
    let here = std::env::current_dir()
        .map_err(|error| AppError::environment(format!("cannot tell the current folder: {error}")));
    match given {
        None => here,
        Some(dir) if dir.is_dir() => Ok(if dir.is_absolute() { dir } else { here?.join(dir) }),
        Some(dir) => Err(AppError::usage(format!("{} is not a folder", dir.display()))),
    }
}

/// Shows an error and gives its exit code.
fn report(printer: &Printer, error: &AppError) -> Exit {
    let exit = Exit::of_error(error.kind);
    if error.kind == Kind::Stopped {
        // Who cancelled knows it: that is no error.
        printer.note(&error.message);
        return exit;
    }
    match &error.diagnostic {
        Some(diagnostic) => {
            let text = diagnostics::render(diagnostic.as_ref(), &printer.terminal().err);
            printer.error(&error.message, &[]);
            printer.lines(&format!("\n{text}"));
            for hint in &error.hints {
                printer.note(hint);
            }
        }
        None => printer.error(&error.message, &error.hints),
    }
    exit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_beforehand_is_what_a_parser_says() {
        let line = ["autoskillit", "serve"].map(OsString::from);
        let parsed = Arguments::try_parse_from(&line).unwrap();
        assert_eq!(format!("{:?}", Arguments::known(&line).unwrap()), format!("{parsed:?}"));
        for others in [&["autoskillit"][..], &["autoskillit", "runs"], &["autoskillit", "serve", "--help"]] {
            let others: Vec<OsString> = others.iter().map(OsString::from).collect();
            assert!(Arguments::known(&others).is_none(), "{others:?}");
        }
    }
}

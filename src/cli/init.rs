//! `autoskillit init`.

use serde_json::{Value as Json, json};

use super::Session;
use super::exit::Exit;
use super::ui::printer::Verbosity;
use super::ui::prompts::Prompts;
use super::ui::setup::{self, value};
use crate::app::error::{AppError, Kind};
use crate::app::init::{Action, Facts, Known, Lacks, Plan, Wishes, apply, lacks, look, next, plan, to_share};
use crate::app::settings::key;
use crate::config::pairs::parse;
use crate::workspace::detect::Hosted;

/// Set a repository up.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It writes .autoskillit/config.yaml with what it finds (test command, base branch, GitHub repository), beside it the
schema that editors complete and check it with, and a .gitignore for what runs leave. Nothing else is touched, nothing is
committed. Run it again at any time: values that you wrote stay as they are.

Examples:
  autoskillit init                               ask what cannot be found out
  autoskillit init --dry-run                     show what it would write, as a diff
  autoskillit init --yes --test-command 'make check'"
)]
pub(super) struct InitArgs {
    /// The command that says whether the work is good, for a shell.
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    test_command: Option<String>,

    /// Also register autoskillit in .mcp.json, for Claude Code sessions of everybody who works on the project.
    #[arg(long)]
    mcp: bool,

    /// Ask nothing and take what is found.
    #[arg(long, short)]
    yes: bool,

    /// Write nothing; print the changes as a diff.
    #[arg(long)]
    dry_run: bool,

    /// Print the result as JSON; asks nothing.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(session: &Session, args: InitArgs) -> Result<Exit, AppError> {
    if !session.config.is_empty() {
        return Err(AppError::usage("--config sets a setting for one command, and has no meaning for init")
            .hint("to have it in the file: run init, then `autoskillit config set KEY VALUE`"));
    }
    let given = args.test_command.as_deref().map(test_command).transpose()?;
    let facts = look(&session.dir)?;
    let mut wishes = Wishes { test_command: given, no_test_command: false, fill: true, mcp: args.mcp };
    // Whatever is wrong with the files is said before anything is asked.
    let first = plan(&facts, &wishes)?;
    let loud = session.printer.verbosity() > Verbosity::Quiet && !args.json;
    let err = session.printer.terminal().err;
    let say = |lines: &[String]| lines.iter().for_each(|line| session.printer.lines(line));
    if loud {
        say(&setup::found(&facts, &first.known, &err));
        say(&[String::new()]);
    }
    let asking = !(args.yes || args.dry_run || args.json);
    match Prompts::new(&session.printer).filter(|_| asking) {
        Some(prompts) => ask(session, &prompts, &facts, &first, &mut wishes)?,
        None if asking && loud => {
            let lacks = lacks(&facts, &first.known);
            if facts.there.config.is_none() {
                session.printer.note("Nobody is here to ask: what was found is taken.\n");
            } else if !lacks.is_empty() {
                session
                    .printer
                    .note(&format!("Nobody is here to ask: config.yaml gets {}.\n", in_words(&lacks)));
            }
        }
        None => {}
    }
    let plan = plan(&facts, &wishes)?;
    if !args.dry_run {
        apply(&facts, &plan)?;
    }
    let shared = if facts.ignored { Vec::new() } else { to_share(&plan) };
    let next = next(&facts, plan.tested(), &shared);
    if args.json {
        session.printer.data(&report(&facts, &plan, &args, &json!(next)).to_string());
        return Ok(Exit::Succeeded);
    }
    if args.dry_run && plan.writes() {
        let terminal = session.printer.terminal();
        session.printer.data(&setup::diff(&plan, terminal.stdout, &terminal.out));
    }
    if loud {
        say(&setup::done(&facts, &plan, &next, args.dry_run, &err));
    }
    Ok(Exit::Succeeded)
}

/// A test command as it was typed.
fn test_command(given: &str) -> Result<Json, AppError> {
    if given.trim().is_empty() {
        return Err(AppError::usage("the test command is empty")
            .hint("leave --test-command out to have it found from the files of the repository"));
    }
    parse(key("test_check.command")?, given).map_err(|misfit| {
        AppError::usage(format!("a test command is {}, not {}", misfit.expected, misfit.found))
    })
}

/// Asks what only a person can say.
fn ask(
    session: &Session,
    prompts: &Prompts<'_>,
    facts: &Facts,
    first: &Plan,
    wishes: &mut Wishes,
) -> Result<(), AppError> {
    let answered = |answer: std::io::Result<_>| match answer {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => {
            Err(AppError { kind: Kind::Stopped, ..AppError::usage("cancelled: nothing was written") })
        }
        Err(error) => Err(AppError::environment(format!("cannot ask in this terminal: {error}"))),
    };
    let yes_or_no = |question: &str, default| match prompts.confirm(question, Some(default)) {
        Ok(answer) => {
            answered(Ok(answer.map(|yes| if yes { "y" } else { "" }.to_owned()))).map(|yes| !yes.is_empty())
        }
        Err(error) => answered(Err(error)).map(|_| false),
    };
    if facts.there.config.is_some() {
        let lacks = lacks(facts, &first.known);
        if !lacks.is_empty() {
            session
                .printer
                .note(&format!("Your config.yaml stays as it is, but it lacks {}.", in_words(&lacks)));
            wishes.fill = yes_or_no("Add that?", true)?;
        }
        return Ok(());
    }
    if wishes.test_command.is_none() {
        session.printer.note("Recipes run the test command to see whether the work is good. Leave it empty if there is none yet.");
        let found = first.known.iter().find(|known| known.key.name == "test_check.command");
        let start = found.map(|known| value(&known.value)).unwrap_or_default();
        let answer = answered(prompts.edit("Test command", &start))?;
        wishes.no_test_command = answer.trim().is_empty();
        if !wishes.no_test_command && answer != start {
            wishes.test_command = Some(test_command(&answer)?);
        }
    }
    if !wishes.mcp {
        session.printer.note(
            "With an entry in .mcp.json, Claude Code sessions in this project can cook recipes themselves. You do not need it to cook from here.",
        );
        wishes.mcp = yes_or_no("Register it?", false)?;
    }
    Ok(())
}

fn in_words(lacks: &Lacks) -> String {
    let setting = |known: &Known| format!("`{}: {}` ({})", known.key.name, value(&known.value), known.source);
    let settings = lacks.settings.iter().map(setting);
    let line = lacks.editor_line.then(|| "the line that tells editors its schema".to_owned());
    let all: Vec<String> = settings.chain(line).collect();
    match all.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// The result for programs.
fn report(facts: &Facts, plan: &Plan, args: &InitArgs, next: &Json) -> Json {
    let files = plan.files.iter().map(|file| {
        let (action, why) = match file.action {
            Action::Create => ("create", None),
            Action::Change => ("change", None),
            Action::Same => ("none", None),
            Action::Keep(why) => ("keep", Some(why)),
        };
        let mut facts = json!({ "path": file.path, "action": action });
        if let Some(why) = why {
            facts["why"] = json!(why);
        }
        if args.dry_run && file.is_written() {
            facts["after"] = json!(file.after);
        }
        facts
    });
    let settings = plan.known.iter().map(
        |known| json!({ "key": known.key.name, "value": known.value, "source": known.source.name(), "because": known.source.to_string() }),
    );
    let remote = facts.project.remote.as_ref().map(|(name, hosted)| {
        let (host, repository) = match hosted {
            Hosted::GitHub(repository) => (Some("github.com"), Some(repository)),
            Hosted::Unclear => (Some("github.com"), None),
            Hosted::Elsewhere(host) => (Some(host.as_str()), None),
            Hosted::Folder => (None, None),
        };
        json!({ "name": name, "host": host, "repository": repository })
    });
    json!({
        "schema_version": 1,
        "repository": facts.top,
        "dry_run": args.dry_run,
        "languages": facts.project.languages,
        "remote": remote,
        "settings": settings.collect::<Vec<_>>(),
        "files": files.collect::<Vec<_>>(),
        "next": next,
    })
}

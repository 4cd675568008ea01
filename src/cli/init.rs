//! `autoskillit init`.

use serde_json::{Value as Json, json};

use super::Session;
use super::exit::Exit;
use super::ui::printer::{Printer, Verbosity};
use super::ui::prompts::{Prompts, answered};
use super::ui::setup::{self, value};
use super::ui::text;
use crate::app::error::AppError;
use crate::app::init::{Action, Facts, Known, Lacks, Plan, Wishes, apply, lacks, look, next, plan, to_share};
use crate::app::settings::key;
use crate::workspace::detect::Hosted;

/// Set a repository up.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It writes .autoskillit/config.yaml with what it finds (test command, base branch, GitHub
repository), beside it the schema that editors complete and check it with, and a .gitignore for
what runs leave. Nothing else is touched, nothing is committed. Run it again at any time: values
that you wrote stay as they are.

Examples:
  autoskillit init                               look, ask two questions, write
  autoskillit init --dry-run                     show what it would write, as a diff
  autoskillit init --yes --test-command 'make check'"
)]
pub(super) struct InitArgs {
    /// The command that says whether the work is good, for a shell.
    #[arg(long, value_name = "COMMAND")]
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
    let printer = &session.printer;
    let given = args.test_command.as_deref().map(test_command).transpose()?;
    let facts = look(&session.dir)?;
    let mut wishes = Wishes { test_command: given, no_test_command: false, fill: true, mcp: args.mcp };
    // Whatever is wrong with the files is said before anything is asked.
    let first = plan(&facts, &wishes)?;
    let loud = printer.verbosity() > Verbosity::Quiet && !args.json;
    let err = printer.terminal().err;
    let say = |lines: &[String]| lines.iter().for_each(|line| printer.lines(line));
    if loud {
        say(&setup::found(&facts, &first.known, &err));
        say(&[String::new()]);
    }
    let asking = !(args.yes || args.dry_run || args.json);
    match Prompts::new(printer).filter(|_| asking) {
        Some(prompts) => ask(printer, &prompts, &facts, &first, &mut wishes)?,
        None if asking && loud => {
            let lacks = lacks(&facts, &first.known);
            if facts.there.config.is_none() {
                explain(printer, "Nobody is here to ask: what was found is taken.");
                printer.lines("");
            } else if !lacks.is_empty() {
                let lacking = in_words(&lacks);
                explain(printer, &format!("Nobody is here to ask: config.yaml gets {lacking}."));
                printer.lines("");
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
        printer.data(&report(&facts, &plan, &args, &json!(next)).to_string());
        return Ok(Exit::Succeeded);
    }
    if args.dry_run && plan.writes() {
        let terminal = printer.terminal();
        printer.data(&setup::diff(&plan, terminal.stdout, &terminal.out));
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
    key("test_check.command")?.kind.parse(given).map_err(|misfit| {
        AppError::usage(format!("a test command is {}, not {}", misfit.expected, misfit.found))
    })
}

/// Asks what only a person can say.
fn ask(
    printer: &Printer,
    prompts: &Prompts<'_>,
    facts: &Facts,
    first: &Plan,
    wishes: &mut Wishes,
) -> Result<(), AppError> {
    let yes_or_no = |question: &str, default| {
        let yes = answered(prompts.confirm(question, Some(default)))?;
        printer.lines("");
        Ok::<_, AppError>(yes)
    };
    if facts.there.config.is_some() {
        let lacks = lacks(facts, &first.known);
        if !lacks.is_empty() {
            let lacking = in_words(&lacks);
            explain(printer, &format!("Your config.yaml stays as it is, but it lacks {lacking}."));
            wishes.fill = yes_or_no("Add that?", true)?;
        }
        return Ok(());
    }
    if wishes.test_command.is_none() {
        explain(
            printer,
            "Recipes run the test command to see whether the work is good. Leave it empty if there is none yet.",
        );
        let found = first.known.iter().find(|known| known.key.name == "test_check.command");
        let start = found.map(|known| value(&known.value)).unwrap_or_default();
        loop {
            let answer = answered(prompts.edit("Test command", &start))?;
            wishes.no_test_command = answer.trim().is_empty();
            if wishes.no_test_command || answer == start {
                break;
            }
            match test_command(&answer) {
                Ok(command) => {
                    wishes.test_command = Some(command);
                    break;
                }
                Err(error) => printer.warn(&error.message),
            }
        }
        printer.lines("");
    }
    if !wishes.mcp {
        explain(
            printer,
            "With an entry in .mcp.json, Claude Code sessions in this project can cook recipes themselves. You do not need it to \
             cook from here.",
        );
        wishes.mcp = yes_or_no("Register it?", false)?;
    }
    Ok(())
}

/// Says a few sentences, wrapped at words.
fn explain(printer: &Printer, sentences: &str) {
    let look = printer.terminal().err;
    for line in text::wrap(&text::one_line(sentences, &look), look.width) {
        printer.lines(&line);
    }
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

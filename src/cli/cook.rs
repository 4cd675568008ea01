//! `autoskillit cook`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use super::drive::{Way, check_terminal, drive};
use super::exit::Exit;
use super::ui::format::count;
use super::ui::printer::{Printer, Verbosity};
use super::ui::prompts::{Choice, Prompts, answered};
use super::ui::screen::Form;
use super::ui::table::Table;
use super::{Session, report, resuming};
use crate::app::cook::{Order, judged, prepare, runnable, usable_client};
use crate::app::defaults::{self, Source};
use crate::app::error::AppError;
use crate::app::host::Answers;
use crate::app::inputs::{self, Inputs, pair};
use crate::app::kitchen::{Kitchen, Pantry, here};
use crate::app::recording::{Asked, asked};
use crate::app::rehearsal::Stage;
use crate::app::resume::{Wishes, resume};
use crate::app::runs;
use crate::core::text::shell_quote;
use crate::execution::recorder::{Recorder, Subject};
use crate::recipe::Loaded;
use crate::recipe::builtin::BUILTIN;
use crate::recipe::model::{DefaultFrom, Orchestrator, Recipe};
use crate::workspace::git::{Checkout, GitError};

/// Run a recipe to a truthful end, or go on with a run.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  autoskillit cook fix-tests                     run the tests, let sessions repair what fails
  autoskillit cook fix-tests max_repairs=5       set an ingredient
  autoskillit cook fix-tests --rehearse          play it without Claude Code, in a scratch copy
  autoskillit cook fix-tests --interactive       drive it in a conversation with Claude
  autoskillit cook --resume                      go on with the last run that did not finish")]
pub(super) struct CookArgs {
    /// Name of a recipe, or a file; without it a list to choose from.
    recipe: Option<String>,

    /// Ingredients.
    #[arg(value_name = "KEY=VALUE")]
    ingredients: Vec<String>,

    /// Set an ingredient; the same as KEY=VALUE.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,

    /// Go on with a run: its id, a part of it, or the last one that did not finish.
    #[arg(long, value_name = "RUN", num_args = 0..=1, default_missing_value = "", conflicts_with_all = ["set", "ingredients", "rehearse"])]
    resume: Option<String>,

    /// With --resume: run the step that was cut off again, in a fresh session.
    #[arg(long, requires = "resume", conflicts_with = "skip")]
    rerun: bool,

    /// With --resume: take the step that was cut off as done.
    #[arg(long, requires = "resume")]
    skip: bool,

    /// With --resume: go on with the recipe as its file is now.
    #[arg(long, requires = "resume")]
    accept_recipe: bool,

    /// Play the sessions from a scenario, in a scratch copy: the recipe's own, or a name or file.
    #[arg(long, value_name = "SCENARIO", num_args = 0..=1, default_missing_value = "")]
    rehearse: Option<String>,

    /// Length of a rehearsal's pauses: 0 plays without, 2 twice as slow.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = pace, allow_negative_numbers = true, hide_short_help = true)]
    pace: f64,

    /// Record the run as a scenario, in a new or empty folder; `--rehearse` plays it.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["resume", "rehearse"])]
    record: Option<PathBuf>,

    /// Who drives the run: the engine, or a headless Claude session that the engine tells what is next.
    #[arg(long, value_enum, value_name = "WHO")]
    orchestrator: Option<Who>,

    /// Drive the run in a conversation: opens Claude Code in this terminal, with the kitchen's tools alone.
    #[arg(long, conflicts_with_all = ["rehearse", "json"])]
    interactive: bool,

    /// Answer a question of the recipe before it is asked; may be given more than once.
    #[arg(long = "answer", value_name = "STEP=ANSWER", value_parser = step_and_answer)]
    answers: Vec<(String, String)>,

    /// Answer yes to every question of the recipe that takes a yes.
    #[arg(long)]
    yes: bool,

    /// Cook although the checkout has uncommitted changes.
    #[arg(long)]
    allow_dirty: bool,

    /// Print the run's events as JSON lines.
    #[arg(long)]
    json: bool,
}

/// Who drives a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Who {
    /// The engine: no tokens for driving, and the usual choice.
    Engine,
    /// A headless Claude session.
    Claude,
}

/// What decides who drives, beside the flags.
struct Situation<'a> {
    recipe: &'a Recipe,
    /// Who is to drive by what the recipe, or the run that goes on, says.
    stated: Option<Orchestrator>,
    /// Its sessions are played, and so would be one that drives.
    rehearsed: bool,
    /// Somebody is there to see who drives.
    attended: bool,
}

/// How a run is to be driven, and why so.
fn way(args: &CookArgs, situation: &Situation<'_>) -> Result<(Way, String), AppError> {
    let Situation { recipe, stated, rehearsed, attended } = *situation;
    if args.interactive && args.orchestrator == Some(Who::Engine) {
        return Err(AppError::usage(
            "--interactive is a conversation with Claude: it does not go with --orchestrator engine",
        ));
    }
    if rehearsed && (args.interactive || args.orchestrator == Some(Who::Claude)) {
        let flag = if args.interactive { "--interactive" } else { "--orchestrator" };
        return Err(AppError::usage("a rehearsal has no model that could drive it")
            .hint(format!("leave {flag} out: the engine drives rehearsals")));
    }
    // What nobody can execute is said before who could judge the rest.
    runnable(recipe, Orchestrator::Claude)?;
    let needs = judged(recipe);
    let because = |why: &str| if needs.is_empty() { why.to_owned() } else { format!("{why}; {needs}") };
    if args.interactive {
        check_terminal()?;
        return Ok((Way::Conversation, "you, in a conversation (--interactive)".to_owned()));
    }
    let (way, why) = match (args.orchestrator, stated, rehearsed) {
        (Some(Who::Claude), ..) => (Way::Session, because("asked for with --orchestrator")),
        (Some(Who::Engine), Some(Orchestrator::Claude), _) => {
            (Way::Engine, "asked for with --orchestrator".to_owned())
        }
        (None, Some(Orchestrator::Claude), true) => (Way::Engine, "no model drives a rehearsal".to_owned()),
        (None, Some(Orchestrator::Claude), false) if args.resume.is_some() => {
            (Way::Session, because("the run began so"))
        }
        (None, Some(Orchestrator::Claude), false) => (Way::Session, because("the recipe says so")),
        (None, None, false) if !needs.is_empty() && attended => (Way::Session, needs.clone()),
        (None, None, false) if !needs.is_empty() => {
            return Err(AppError::usage(format!(
                "`{}` needs a session that drives it, which costs tokens: {needs}",
                recipe.name
            ))
            .hint("where nobody looks on, say that it may: --orchestrator claude")
            .hint(format!(
                "what to write so that the engine can drive: `autoskillit recipes check {} --engine`",
                recipe.name
            )));
        }
        _ => (Way::Engine, String::new()),
    };
    if way == Way::Engine {
        runnable(recipe, Orchestrator::Engine)?;
    }
    Ok((way, why))
}

pub(super) fn run(session: &Session, args: CookArgs) -> Result<Exit, AppError> {
    let form = if args.json { Form::Json } else { Form::Human };
    match cook(session, args, form) {
        Err(error) if form == Form::Json => {
            let exit = Exit::of_error(error.kind);
            let line = json!({
                "schema_version": crate::engine::journal::SCHEMA_VERSION,
                "event": "error",
                "message": error.message,
                "hints": error.hints,
                "exit_code": exit.number(),
            });
            session.printer.data(&line.to_string());
            Ok(report(&session.printer, &error))
        }
        other => other,
    }
}

fn cook(session: &Session, mut args: CookArgs, form: Form) -> Result<Exit, AppError> {
    let recorded_as = follow_variables(session, &mut args)?;
    let attended = form == Form::Human && session.printer.terminal().can_ask();
    if let Some(run) = &args.resume {
        let kitchen = Kitchen::open(&session.dir, &session.config)?;
        // `cook <recipe> --resume` would silently ignore the recipe; a run's id in its place is what was meant.
        let wanted = [run.as_str(), args.recipe.as_deref().unwrap_or_default()]
            .into_iter()
            .find(|name| !name.is_empty());
        let run_id = match wanted {
            None => runs::last_resumable(&kitchen.dir)?,
            Some(name) => runs::find(&kitchen.dir, Some(name))?,
        };
        session.settings_warnings(&kitchen.settings_warnings);
        let wishes = Wishes {
            pace: args.pace,
            accept_recipe: args.accept_recipe,
            choice: resuming::choice(args.rerun, args.skip),
            ask: &|undecided| resuming::ask(&session.printer, form, undecided),
        };
        let mut ready = resume(kitchen, &run_id, &wishes)?;
        ready.answer(Answers { given: std::mem::take(&mut args.answers), yes: args.yes })?;
        resuming::tell(&session.printer, form, &ready);
        let situation = Situation {
            recipe: &ready.recipe,
            stated: Some(ready.orchestrator()),
            rehearsed: ready.kit().rehearsal.is_some(),
            attended,
        };
        let (way, why) = way(&args, &situation)?;
        if way != Way::Engine {
            usable_client(ready.kitchen())?;
        }
        return drive(session, ready, form, way, &why);
    }
    // Words that follow an option with an optional value are taken for that value.
    if let Some(swallowed) =
        args.rehearse.as_mut().filter(|value| value.contains('=') && !value.contains('/'))
    {
        args.ingredients.push(std::mem::take(swallowed));
    }
    if args.recipe.as_ref().is_some_and(|name| name.contains('=') && !name.contains('/')) {
        args.ingredients.extend(args.recipe.take());
    }
    let stage = match &args.rehearse {
        Some(scenario) => {
            // A recipe that is not there is said first: a copy of the repository would not bring it.
            if let Some(name) = &args.recipe {
                let pantry = Pantry::at(&session.dir);
                pantry.library.load(name, &pantry)?;
            }
            Some(Stage::set(&session.dir, scenario, args.recipe.as_deref(), args.pace)?)
        }
        None => None,
    };
    let kitchen = match &stage {
        Some(stage) => Kitchen::open(&stage.dir, &session.config)?,
        None => open_kitchen(session, args.recipe.as_deref())?,
    };
    session.settings_warnings(&kitchen.settings_warnings);
    let asked = args.recipe.clone().or_else(|| stage.as_ref().and_then(|stage| stage.recipe.clone()));
    let name = match asked {
        Some(name) => name,
        None => pick(session, &kitchen, form)?,
    };
    let loaded = kitchen.pantry.library.load(&name, &kitchen.pantry)?;
    if session.printer.verbosity() > Verbosity::Quiet {
        loaded.odd().for_each(|problems| session.printer.problems(problems));
    }
    let Loaded { recipe, .. } = loaded;
    let situation =
        Situation { recipe: &recipe, stated: recipe.orchestrator, rehearsed: stage.is_some(), attended };
    let (way, why) = way(&args, &situation)?;
    if way != Way::Engine {
        usable_client(&kitchen)?;
    }
    let mut given = Vec::new();
    for text in args.ingredients.iter().chain(&args.set) {
        given.push(pair(text)?);
    }
    if let Some(stage) = &stage {
        let own = stage.inputs.iter().filter(|(name, _)| recipe.ingredients.contains_key(name));
        let typed: Vec<String> = given.iter().map(|(name, _)| name.clone()).collect();
        given.extend(own.filter(|(name, _)| !typed.contains(name)).cloned());
    }
    let answers = Answers { given: std::mem::take(&mut args.answers), yes: args.yes };
    answers.check(&recipe)?;
    let source = |from: &DefaultFrom| defaults::read(&kitchen, from);
    let inputs = complete(&session.printer, &recipe, given, form, &source)?;
    if let Some(dir) = &args.record {
        // Before anything is written.
        Recorder::vacant(dir)?;
    }
    let subject =
        Subject { recipe: recorded_as.or_else(|| Some(recipe.name.clone())), inputs: inputs.values.clone() };
    let order = Order {
        inputs: inputs.values,
        origins: inputs.origins,
        allow_dirty: args.allow_dirty || stage.is_some(),
        rehearsal: stage.as_ref().map(Stage::rehearsal),
        orchestrator: if way == Way::Engine { Orchestrator::Engine } else { Orchestrator::Claude },
        recipe,
    };
    let Some(dir) = args.record else {
        let mut ready = prepare(kitchen, order)?;
        ready.answer(answers)?;
        if let Some(stage) = stage {
            stage.keep();
        }
        return drive(session, ready, form, way, &why);
    };
    let top = kitchen.checkout.top().to_owned();
    let recorder = Recorder::begin(&dir, subject, &kitchen.checkout, kitchen.redactor.clone())?;
    let recorder = Arc::new(recorder);
    let mut ready = prepare(kitchen, order).inspect_err(|_| recorder.discard())?;
    ready.record(Arc::clone(&recorder));
    ready.answer(answers)?;
    let ended = drive(session, ready, form, way, &why);
    tell_recording(session, &recorder, &top, &name);
    ended
}

/// What the variables of recording and replay ask for, where no flag says it; gives the recipe's name to record under.
fn follow_variables(session: &Session, args: &mut CookArgs) -> Result<Option<String>, AppError> {
    if args.rehearse.is_some() {
        return Ok(None);
    }
    match asked(|name| std::env::var(name).ok())? {
        Some(_) if args.resume.is_some() => {
            Err(AppError::usage("a run is recorded or replayed from its start, not when it is resumed")
                .hint("unset RECORD_SCENARIO and REPLAY_SCENARIO"))
        }
        Some(Asked::Replay(_)) if args.record.is_some() => {
            Err(AppError::usage("REPLAY_SCENARIO is set: what is replayed is not recorded again")
                .hint("unset REPLAY_SCENARIO, or leave --record out"))
        }
        Some(Asked::Replay(scenario)) => {
            session.printer.note(&format!("REPLAY_SCENARIO is set: this is a rehearsal of {scenario}"));
            args.rehearse = Some(scenario);
            Ok(None)
        }
        Some(Asked::Record { dir, recipe }) => {
            args.record.get_or_insert(dir);
            Ok(recipe)
        }
        None => Ok(None),
    }
}

fn tell_recording(session: &Session, recorder: &Recorder, top: &Path, recipe: &str) {
    let dir = shell_quote(&recorder.dir().to_string_lossy()).into_owned();
    match recorder.trouble() {
        Some(why) => session.printer.warn(&format!("the recording in {dir} is not complete: {why}")),
        None => session.printer.note(&format!(
            "recorded {}; play it: {}",
            count(recorder.sessions() as u64, "session"),
            here(top, "autoskillit", &format!("cook {} --rehearse {dir}", shell_quote(recipe)))
        )),
    }
}

/// The kitchen of a fresh run. Where there is none, a rehearsal is still possible.
fn open_kitchen(session: &Session, recipe: Option<&str>) -> Result<Kitchen, AppError> {
    Kitchen::open(&session.dir, &session.config).map_err(|error| {
        let outside =
            Checkout::discover(&session.dir).is_err_and(|error| matches!(error, GitError::NotARepository(_)));
        let bundled = BUILTIN.iter().find(|(name, _)| recipe.is_none_or(|recipe| recipe == *name));
        match bundled {
            Some((name, _)) if outside => {
                error.hint(format!("or see what a run looks like: `autoskillit cook {name} --rehearse`"))
            }
            _ => error,
        }
    })
}

/// Reads `--pace`.
fn pace(text: &str) -> Result<f64, String> {
    let factor = text.parse().ok().filter(|factor: &f64| factor.is_finite() && *factor >= 0.0);
    factor.ok_or_else(|| "it is a number: 0 plays without pauses, 1 as written, 2 twice as slow".to_owned())
}

fn step_and_answer(text: &str) -> Result<(String, String), String> {
    match text.split_once('=').map(|(step, answer)| (step.trim(), answer.trim())) {
        Some((step, answer)) if !step.is_empty() && !answer.is_empty() => {
            Ok((step.to_owned(), answer.to_owned()))
        }
        _ => Err("it is the name of a step that asks, `=`, and the answer".to_owned()),
    }
}

/// A recipe chosen from a list. Where nobody can choose, the list is the answer.
fn pick(session: &Session, kitchen: &Kitchen, form: Form) -> Result<String, AppError> {
    let listed: Vec<_> = kitchen
        .pantry
        .library
        .list()
        .into_iter()
        .filter(|recipe| recipe.shadowed_by.is_none() && recipe.error.is_none())
        .collect();
    let prompts = if form == Form::Human { Prompts::new(&session.printer) } else { None };
    let Some(prompts) = prompts else {
        let error = AppError::usage("which recipe?").hint("name one: autoskillit cook <recipe>");
        if form == Form::Human {
            let mut table = Table::new(["RECIPE", "DESCRIPTION"]);
            for recipe in listed {
                table.row([recipe.name, recipe.description]);
            }
            let look = session.printer.terminal().err;
            session.printer.lines(&format!("{}\n", table.render(&look)));
        }
        return Err(error);
    };
    let choices: Vec<Choice> = listed
        .iter()
        .map(|recipe| Choice { name: recipe.name.clone(), description: recipe.description.clone() })
        .collect();
    let index = answered(prompts.select("Which recipe?", &choices))?;
    Ok(listed[index].name.clone())
}

/// The values of all ingredients; what is missing is asked for where somebody is there to answer.
fn complete(
    printer: &Printer,
    recipe: &Recipe,
    mut given: Vec<(String, String)>,
    form: Form,
    source: &Source<'_>,
) -> Result<Inputs, AppError> {
    let resolved = inputs::resolve(recipe, &given, source)?;
    if resolved.missing.is_empty() {
        return Ok(resolved);
    }
    let prompts = if form == Form::Human { Prompts::new(printer) } else { None };
    let Some(prompts) = prompts else {
        let names = resolved.missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let example = resolved.missing.iter().map(|name| format!("{name}=…")).collect::<Vec<_>>().join(" ");
        let several = if resolved.missing.len() > 1 { "ingredients are" } else { "ingredient is" };
        let mut error = AppError::usage(format!("required {several} missing: {names}"))
            .hint(format!("autoskillit cook {} {example}", recipe.name));
        for name in &resolved.missing {
            error = error.hint(format!("{name}: {}", resolved.about(recipe, name)));
        }
        return Err(error);
    };
    for name in &resolved.missing {
        let ingredient = &recipe.ingredients[name];
        let question = match ingredient.description.as_str() {
            "" => name.clone(),
            description => format!("{name} ({description})"),
        };
        loop {
            let answer = answered(prompts.text(&question, None))?;
            match inputs::read(ingredient, &answer) {
                Ok(_) if answer.trim().is_empty() => printer.warn(&format!("`{name}` is required")),
                Ok(_) => {
                    given.push((name.clone(), answer));
                    break;
                }
                Err(error) => printer.warn(&error),
            }
        }
    }
    inputs::resolve(recipe, &given, source)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::engine::testing::recipe;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        args: CookArgs,
    }

    #[test]
    fn the_engine_drives_what_it_can_and_a_session_what_needs_judgement() {
        const PLAIN: &str = "steps:\n  a: {tool: run_cmd, with: {argv: [a]}, on_success: done}\n";
        const NOTES: &str =
            "autoskillit_version: '0.9.0'\nsteps:\n  a: {tool: run_cmd, with: {cmd: a}, note: Then stop.}\n";
        const UNBUILT: &str = "autoskillit_version: '0.9.0'\nsteps:\n  a: {tool: claim_issue, with: {issue_url: x}, note: Then stop.}\n";
        let (engine, claude) = (Some(Orchestrator::Engine), Some(Orchestrator::Claude));
        let judgement = "the step `a` needs judgement";
        // Flags, recipe, who is stated, whether it is rehearsed, whether somebody looks on.
        for (flags, text, stated, rehearsed, attended, expected) in [
            ("", PLAIN, None, false, true, Ok((Way::Engine, ""))),
            ("", PLAIN, claude, false, false, Ok((Way::Session, "the recipe says so"))),
            ("", PLAIN, claude, true, true, Ok((Way::Engine, "no model drives a rehearsal"))),
            (
                "--orchestrator engine",
                PLAIN,
                claude,
                false,
                true,
                Ok((Way::Engine, "asked for with --orchestrator")),
            ),
            (
                "--orchestrator claude",
                PLAIN,
                None,
                false,
                false,
                Ok((Way::Session, "asked for with --orchestrator")),
            ),
            ("", NOTES, None, false, true, Ok((Way::Session, judgement))),
            ("", NOTES, None, false, false, Err("say that it may: --orchestrator claude")),
            (
                "",
                NOTES,
                claude,
                false,
                false,
                Ok((Way::Session, "the recipe says so; the step `a` needs judgement")),
            ),
            ("", NOTES, engine, false, true, Err("cannot run by the engine alone")),
            ("", NOTES, None, true, true, Err("cannot run by the engine alone")),
            (
                "--orchestrator engine",
                NOTES,
                None,
                false,
                true,
                Err("`a`: write `on_success:` or `on_result:` instead"),
            ),
            ("--orchestrator claude", NOTES, None, true, true, Err("a rehearsal has no model")),
            (
                "--resume x",
                NOTES,
                claude,
                false,
                false,
                Ok((Way::Session, "the run began so; the step `a` needs judgement")),
            ),
            (
                "--resume x --orchestrator engine",
                NOTES,
                claude,
                false,
                true,
                Err("cannot run by the engine alone"),
            ),
            ("--orchestrator claude", UNBUILT, None, false, true, Err("the tool `claim_issue`")),
            ("", UNBUILT, None, false, true, Err("the tool `claim_issue`")),
        ] {
            let typed = Typed::parse_from(std::iter::once("cook").chain(flags.split_whitespace()));
            let recipe = recipe(text);
            let found = way(&typed.args, &Situation { recipe: &recipe, stated, rehearsed, attended });
            match (found, expected) {
                (Ok((way, why)), Ok(expected)) => assert_eq!((way, why.as_str()), expected, "{flags} {text}"),
                (Err(error), Err(expected)) => {
                    let told = format!("{}\n{}", error.message, error.hints.join("\n"));
                    assert!(told.contains(expected), "{flags} {text}: {told}");
                }
                (found, _) => panic!("{flags} {text}: {:?}", found.map_err(|error| error.message)),
            }
        }
    }
}

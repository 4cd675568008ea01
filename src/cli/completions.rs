//! `autoskillit completions`, and the answers to the shells' scripts.
//!
//! The scripts of bash, zsh and fish are ours and small: they hand the typed words to this program and show what it says, so
//! recipes, ingredients and runs are always those of the moment. `clap_complete` has such scripts too, but its bash script
//! cannot complete `key=value`, which readline takes for three words, and it promises nothing between a script that was
//! written to a file and a later binary. Its engine finds what fits. Elvish and PowerShell get its scripts of fixed words.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::builder::StyledStr;
use clap::{Arg, ArgMatches, Command};
use clap_complete::Shell;
use clap_complete::engine::{self, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter};

use super::Session;
use super::exit::Exit;
use super::ui::printer::{Printer, Verbosity};
use super::ui::terminal::ColorChoice;
use crate::app::offers::{self, Offer, Offers, Values};

/// The first argument with which scripts ask; then the place of the word to complete, then all words from the program's name on.
/// The answer has a line for each candidate: its text, a tab, what it is. Installed scripts rely on this.
pub const MODE: &str = "__complete";

/// The name that scripts complete and call.
const PROGRAM: &str = "autoskillit";

#[derive(Debug, clap::Args)]
#[command(after_help = "\
bash:        autoskillit completions bash > ~/.local/share/bash-completion/completions/autoskillit
zsh:         autoskillit completions zsh > ~/.zfunc/_autoskillit
             and in ~/.zshrc, before compinit: fpath+=~/.zfunc
fish:        autoskillit completions fish > ~/.config/fish/completions/autoskillit.fish
elvish:      autoskillit completions elvish >> ~/.config/elvish/rc.elv
powershell:  autoskillit completions powershell >> $PROFILE")]
pub(super) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

pub(super) fn run(session: &Session, args: &CompletionsArgs) -> Exit {
    session.printer.data(script(args.shell).trim_end());
    Exit::Succeeded
}

/// The script of a shell.
#[must_use]
pub fn script(shell: Shell) -> String {
    match shell {
        Shell::Bash => include_str!("../../completions/autoskillit.bash").to_owned(),
        Shell::Zsh => include_str!("../../completions/_autoskillit").to_owned(),
        Shell::Fish => include_str!("../../completions/autoskillit.fish").to_owned(),
        _ => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut super::definition(), PROGRAM, &mut text);
            String::from_utf8_lossy(&text).into_owned()
        }
    }
}

/// Answers a script. Whatever is wrong, the answer is what is left, and nobody is told.
#[must_use]
pub fn answer(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let Some(at) = args.next().and_then(|at| at.to_str()?.parse().ok()).filter(|at| *at > 0) else {
        return Exit::Usage.code();
    };
    let here = std::env::current_dir().unwrap_or_default();
    let lines: Vec<String> = candidates(args.collect(), at, &here).iter().filter_map(line).collect();
    if !lines.is_empty() {
        Printer::new(ColorChoice::Never, Verbosity::Quiet).data(&lines.join("\n"));
    }
    Exit::Succeeded.code()
}

/// A candidate as scripts read it; `None` where a line cannot hold it.
fn line(candidate: &CompletionCandidate) -> Option<String> {
    let value = candidate.get_value().to_str()?;
    let about = candidate.get_help().map(StyledStr::to_string).unwrap_or_default();
    let about = about.lines().next().unwrap_or_default().replace('\t', " ");
    (!value.contains(char::is_control)).then(|| format!("{value}\t{about}"))
}

fn candidates(mut words: Vec<OsString>, at: usize, here: &Path) -> Vec<CompletionCandidate> {
    words.resize(at + 1, OsString::new());
    let plain = words[at].is_empty();
    let typed = Arc::new(Typed::read(&words[..at], here));
    let mut found = engine::complete(&mut informed(&typed), words, at, Some(here)).unwrap_or_default();
    let is_option =
        |candidate: &CompletionCandidate| candidate.get_value().as_encoded_bytes().starts_with(b"-");
    // Options are for those who type a dash, unless nothing else fits.
    if plain && !found.iter().all(is_option) {
        found.retain(|candidate| !is_option(candidate));
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|candidate| seen.insert(candidate.get_value().to_owned()));
    found
}

/// What the words before the cursor say.
#[derive(Debug)]
struct Typed {
    offers: Offers,
    /// Where ingredients that are paths begin.
    top: PathBuf,
    recipe: Option<String>,
    /// Ingredients that have a value already.
    given: Vec<String>,
    resume: bool,
    /// The run that `runs why` is about.
    run: Option<String>,
    /// The word is the value of an option that can do without one.
    optional_value: bool,
}

impl Typed {
    fn read(before: &[OsString], here: &Path) -> Self {
        // The line is unfinished: what does not parse yet is passed over.
        let matches =
            super::definition().ignore_errors(true).try_get_matches_from(before).unwrap_or_default();
        let dir = matches.get_one::<PathBuf>("directory").map(|dir| here.join(at_home(dir)));
        let offers = Offers::at(dir.as_deref().unwrap_or(here));
        let top = offers.top().unwrap_or(here).to_owned();
        let last = before.last().and_then(|word| word.to_str()).unwrap_or_default();
        let optional_value = ["--resume", "--rehearse"].contains(&last);
        let mut typed = Self {
            offers,
            top,
            recipe: None,
            given: Vec::new(),
            resume: last == "--resume",
            run: None,
            optional_value,
        };
        if let Some(("cook", cook)) = matches.subcommand() {
            typed.cook(cook);
        }
        if let Some(("runs", runs)) = matches.subcommand()
            && let Some(("why", why)) = runs.subcommand()
        {
            typed.run = why.get_one::<String>("run").cloned();
        }
        typed
    }

    fn cook(&mut self, cook: &ArgMatches) {
        let text = |name: &str| cook.get_one::<String>(name).cloned();
        let all = |name: &str| cook.get_many::<String>(name).into_iter().flatten();
        let scenario = text("rehearse").filter(|name| !name.is_empty());
        let recipe = text("recipe").filter(|name| !name.contains('=') || name.contains('/'));
        self.resume |= cook.contains_id("resume");
        self.recipe = recipe.or_else(|| offers::recipe_of(&scenario?));
        let pairs = all("ingredients").chain(all("set")).filter_map(|pair| pair.split_once('='));
        self.given = pairs.map(|(name, _)| name.to_owned()).collect();
    }

    fn recipes(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        match (self.optional_value, self.resume) {
            (true, _) => Vec::new(),
            // A run's id may stand in the recipe's place.
            (false, true) => self.runs_to_resume(current),
            (false, false) => {
                let mut found = fitting(self.offers.recipes(), current);
                found.extend(yaml_files(current));
                // A rehearsal knows its recipe, so ingredients may follow at once.
                found.extend(self.ingredients(current));
                found
            }
        }
    }

    fn all_recipes(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        let mut found = fitting(self.offers.all_recipes(), current);
        found.extend(yaml_files(current));
        found
    }

    fn skills(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        fitting(self.offers.skills(), current)
    }

    fn scenarios(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        let mut found = fitting(offers::scenarios(), current);
        found.extend(yaml_files(current));
        found
    }

    fn runs(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        fitting(self.offers.runs(&current.to_string_lossy()), current)
    }

    fn steps(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        fitting(self.offers.steps(self.run.as_deref()), current)
    }

    fn runs_to_resume(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        fitting(self.offers.resumable_runs(&current.to_string_lossy()), current)
    }

    /// `key=` of the recipe's ingredients, and after the `=` what fits.
    fn ingredients(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        if self.resume {
            return Vec::new();
        }
        let Some(recipe) = self.recipe.as_ref().and_then(|name| self.offers.recipe(name)) else {
            return Vec::new();
        };
        let Some((name, value)) = current.to_str().and_then(|word| word.split_once('=')) else {
            let mut keys = offers::ingredients(&recipe);
            keys.retain(|key| !self.given.contains(&key.value));
            for key in &mut keys {
                key.value.push('=');
            }
            return fitting(keys, current);
        };
        let Some(ingredient) = recipe.ingredients.get(name) else { return Vec::new() };
        let found = match offers::values(ingredient) {
            Values::Offers(values) => fitting(values, OsStr::new(value)),
            Values::Path => PathCompleter::any().current_dir(&self.top).complete(OsStr::new(value)),
        };
        found.into_iter().map(|candidate| candidate.add_prefix(format!("{name}="))).collect()
    }
}

/// The definition, knowing what fits where.
fn informed(typed: &Arc<Typed>) -> Command {
    let with = |find: fn(&Typed, &OsStr) -> Vec<CompletionCandidate>| {
        let typed = Arc::clone(typed);
        move |arg: Arg| arg.add(ArgValueCompleter::new(move |current: &OsStr| find(&typed, current)))
    };
    super::definition()
        .mut_subcommand("cook", |cook| {
            cook.mut_arg("recipe", with(Typed::recipes))
                .mut_arg("ingredients", with(Typed::ingredients))
                .mut_arg("set", with(Typed::ingredients))
                .mut_arg("resume", with(Typed::runs_to_resume))
                .mut_arg("rehearse", with(Typed::scenarios))
        })
        .mut_subcommand("migrate", |migrate| migrate.mut_arg("recipes", with(Typed::all_recipes)))
        .mut_subcommand("skills", |skills| {
            skills.mut_subcommand("check", |check| check.mut_arg("skills", with(Typed::skills)))
        })
        .mut_subcommand("recipes", |recipes| {
            recipes
                .mut_subcommand("show", |show| show.mut_arg("recipe", with(Typed::recipes)))
                .mut_subcommand("render", |render| render.mut_arg("recipe", with(Typed::recipes)))
                .mut_subcommand("lock", |lock| lock.mut_arg("recipes", with(Typed::recipes)))
                .mut_subcommand("check", |check| check.mut_arg("recipes", with(Typed::all_recipes)))
                .mut_subcommand("test", |test| test.mut_arg("recipes", with(Typed::recipes)))
                .mut_subcommand("simulate", |simulate| simulate.mut_arg("recipes", with(Typed::recipes)))
        })
        .mut_subcommand("runs", |runs| {
            runs.mut_subcommand("show", |show| show.mut_arg("run", with(Typed::runs)))
                .mut_subcommand("tokens", |tokens| tokens.mut_arg("run", with(Typed::runs)))
                .mut_subcommand("why", |why| {
                    why.mut_arg("run", with(Typed::runs)).mut_arg("step", with(Typed::steps))
                })
        })
}

fn fitting(offers: Vec<Offer>, current: &OsStr) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    offers
        .into_iter()
        .filter(|offer| offer.value.starts_with(&*current))
        .map(|offer| {
            let about = (!offer.about.is_empty()).then(|| offer.about.into());
            CompletionCandidate::new(offer.value).help(about)
        })
        .collect()
}

/// Files that may be recipes or scenarios, and the folders on the way to them.
fn yaml_files(current: &OsStr) -> Vec<CompletionCandidate> {
    // A name is what most people type: files come in when a path is begun.
    if current.is_empty() {
        return Vec::new();
    }
    let is_yaml = |path: &Path| {
        path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") && path.is_file()
    };
    PathCompleter::any().filter(is_yaml).complete(current)
}

/// Shells hand over words as they are typed: a leading `~/` is not yet the home.
fn at_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::home_dir()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

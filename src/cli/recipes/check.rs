//! `autoskillit recipes check`.

use super::formats::{github, sarif};
use crate::app::error::AppError;
use crate::app::kitchen::Pantry;
use crate::app::recipes::gaps;
use crate::app::records::with_findings;
use crate::cli::Session;
use crate::cli::exit::Exit;
use crate::cli::ui::style::Role;
use crate::recipe::Problems;
use crate::recipe::check::{Known, alias, known, names};
use crate::recipe::library::TESTS;

/// What is checked, and how it is told.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CheckArgs {
    /// Names, files, or patterns of files in quotes; without any, all recipes.
    #[arg(value_name = "NAME|PATH")]
    recipes: Vec<String>,
    /// How the findings are told.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Print JSON; the same as `--format json`.
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// What else counts as a reason to fail.
    #[arg(long, value_enum, value_name = "WHAT")]
    deny: Option<Deny>,
    /// Check the form alone: keys, types, expressions, routes; not what the parts mean together.
    #[arg(long)]
    structure_only: bool,
    /// Say as well which steps the engine cannot execute, and what to write instead.
    #[arg(long, conflicts_with = "structure_only")]
    engine: bool,
    /// Say what a rule finds, why it matters and how to mend it.
    #[arg(long, value_name = "RULE", exclusive = true)]
    explain: Option<String>,
}

/// How findings are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people, with snippets.
    #[default]
    Text,
    /// For programs.
    Json,
    /// SARIF 2.1.0, for hosts that show findings beside the code.
    Sarif,
    /// Workflow commands of GitHub Actions.
    Github,
}

/// What else fails a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Deny {
    /// Warnings.
    Warnings,
}

/// What was found in all recipes.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// How many recipes were looked at.
    checked: usize,
    /// What each file has.
    pub(super) files: Vec<Problems>,
    /// What could not be read, and why.
    pub(super) unreadable: Vec<String>,
}

impl Findings {
    /// Adds what a recipe and its sub-recipes have; what is known of a file that several recipes call is told once.
    fn add(&mut self, problems: Vec<Problems>) {
        for (index, problems) in problems.into_iter().enumerate() {
            let known = index > 0 && self.files.iter().any(|known| known.report() == problems.report());
            if !known {
                self.files.push(problems);
            }
        }
    }

    fn errors(&self) -> usize {
        self.files.iter().map(Problems::errors).sum::<usize>() + self.unreadable.len()
    }

    fn warnings(&self) -> usize {
        self.files.iter().map(|problems| problems.list().len() - problems.errors()).sum()
    }
}

pub(super) fn check(session: &Session, pantry: &Pantry, args: CheckArgs) -> Result<Exit, AppError> {
    if let Some(id) = &args.explain {
        return explain(session, id);
    }
    let alone = args.recipes.len() == 1;
    let names = match args.recipes.is_empty() {
        true => pantry.library.names(),
        false => named(args.recipes)?,
    };
    let mut found = Findings { checked: names.len(), ..Findings::default() };
    for name in names {
        let problems = match args.structure_only {
            true => pantry.library.structure(&name).map(|problems| vec![problems]),
            false => pantry.library.check(&name, pantry).and_then(|mut problems| {
                if let Some(own) = problems.first_mut() {
                    *own = with_findings(pantry, &name, own)?;
                }
                if args.engine
                    && let Ok(loaded) = pantry.library.load(&name, pantry)
                {
                    problems.extend(gaps(&loaded));
                }
                Ok(problems)
            }),
        };
        match problems {
            Ok(problems) => found.add(problems),
            // One name that means nothing is a mistake of typing; of several, the others are checked all the same.
            Err(error) if alone => return Err(error.into()),
            Err(error) => found.unreadable.push(error.to_string()),
        }
    }
    let format = if args.json { Format::Json } else { args.format };
    match format {
        Format::Text => text(session, &found),
        Format::Json => session.printer.data(&json(&found).to_string()),
        Format::Sarif => session.printer.data(&format!("{:#}", sarif(&found))),
        Format::Github => {
            let commands = github(&found);
            if !commands.is_empty() {
                session.printer.data(&commands);
            }
        }
    }
    let failed = found.errors() > 0 || (args.deny == Some(Deny::Warnings) && found.warnings() > 0);
    Ok(if failed { Exit::Usage } else { Exit::Succeeded })
}

fn explain(session: &Session, id: &str) -> Result<Exit, AppError> {
    let Some(meant) = known(id) else {
        let all: Vec<String> = names().map(str::to_owned).collect();
        return Err(AppError::unknown("rule", id, &all));
    };
    let look = session.printer.terminal().out;
    let title = look.paint(Role::Strong, meant.id());
    let mut text = match meant {
        Known::Rule(rule) => format!("{title} ({})\n", rule.level.name()),
        Known::Code(_) => format!("{title}\n"),
    };
    if let Some(alias) = alias(id) {
        let told = format!("`{}` of AutoSkillit 0.9 is told as this: {}\n", alias.id, alias.meaning);
        text.push_str(&look.paint(Role::Dim, &told));
    }
    let rule = match meant {
        Known::Rule(rule) => rule,
        Known::Code(code) => {
            text.push_str(&format!("\n{}\nTo mend it: {}.\n", code.meaning, code.mend));
            text.push_str("\nAs a warning it can be allowed with a reason, or get another level by `recipes.rules`; as an error it cannot.");
            session.printer.data(&text);
            return Ok(Exit::Succeeded);
        }
    };
    if rule.legacy != rule.level {
        text.push_str(
            &look.paint(Role::Dim, &format!("in recipes of AutoSkillit 0.9: {}\n", rule.legacy.name())),
        );
    }
    text.push_str(&format!("\n{}\n{}\nTo mend it: {}.\n", rule.meaning, rule.why, rule.mend));
    for (title, examples) in [("Found in", rule.bad), ("Not found in", rule.good)] {
        for example in examples.iter().take(1) {
            let indented: Vec<String> =
                example.trim_end().lines().map(|line| format!("    {line}")).collect();
            text.push_str(&format!("\n{}\n{}\n", look.paint(Role::Dim, title), indented.join("\n")));
        }
    }
    text.push_str("\nTo accept a finding, say why: `allow: {");
    text.push_str(&format!("{}: the reason}}` in the step or the recipe.", rule.id));
    session.printer.data(&text);
    Ok(Exit::Succeeded)
}

/// What was typed, with the files that patterns stand for.
fn named(typed: Vec<String>) -> Result<Vec<String>, AppError> {
    let mut names: Vec<String> = Vec::new();
    for name in typed {
        let is_pattern = name.contains(['*', '?', '[']) && !std::path::Path::new(&name).exists();
        if !is_pattern {
            names.push(name);
            continue;
        }
        let paths = glob::glob(&name).map_err(|error| {
            AppError::usage(format!("`{name}` is no pattern of files: {}", error.msg))
                .hint("`*` stands for a part of a name, `**` for folders")
        })?;
        let files: Vec<String> = paths
            .filter_map(Result::ok)
            .filter(|path| {
                let is_tests = path.to_string_lossy().ends_with(TESTS);
                !is_tests
                    && path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
            })
            .map(|path| path.to_string_lossy().into_owned())
            .collect();
        if files.is_empty() {
            return Err(AppError::usage(format!("no recipe file matches `{name}`"))
                .hint("a recipe file ends in `.yaml` or `.yml`"));
        }
        names.extend(files);
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    Ok(names)
}

fn text(session: &Session, found: &Findings) {
    found
        .files
        .iter()
        .filter(|problems| !problems.is_empty())
        .for_each(|problems| session.printer.problems(problems));
    for message in &found.unreadable {
        session.printer.error(message, &[]);
    }
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    session.printer.note(&format!(
        "{}: {}, {}",
        count(found.checked, "recipe"),
        count(found.errors(), "error"),
        count(found.warnings(), "warning")
    ));
}

fn json(found: &Findings) -> serde_json::Value {
    let problems: Vec<_> = found.files.iter().flat_map(Problems::report).collect();
    serde_json::json!({
        "schema_version": 1,
        "checked": found.checked,
        "errors": found.errors(),
        "warnings": found.warnings(),
        "problems": problems,
        "unreadable": found.unreadable,
    })
}

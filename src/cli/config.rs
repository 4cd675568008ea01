//! `autoskillit config`.

use std::io::Read;

use serde_json::{Value as Json, json};

use super::Session;
use super::exit::Exit;
use super::ui::style::Role;
use super::ui::table::Table;
use crate::app::error::AppError;
use crate::app::settings::{self, key, sources_at};
use crate::config::edit::render;
use crate::config::schema::schema;
use crate::config::{self, ConfigError, Entry, Faults, Layer, Loaded, Secret};

/// Show, change and check settings.
#[derive(Debug, clap::Subcommand)]
#[command(
    after_help = "Layers, the weakest first: defaults, your config.yaml and .secrets.yaml, those of the repository in
.autoskillit/, variables (AUTOSKILLIT_RUN_SKILL__TIMEOUT=1h), --config (run_skill.timeout=1h)."
)]
pub(super) enum ConfigCommand {
    /// Show all settings as they are in effect here.
    Show {
        /// Say where each value comes from.
        #[arg(long)]
        origin: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the value of one setting.
    Get {
        /// Its name, such as run_skill.timeout.
        key: String,
        /// Print a secret instead of a mask.
        #[arg(long)]
        reveal: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Set a value in the settings file of the repository.
    Set {
        /// Its name, such as run_skill.timeout.
        key: String,
        /// The value; a list as `a,b` or JSON; `-` reads it from standard input.
        #[arg(allow_hyphen_values = true)]
        value: String,
        /// In your own settings file instead.
        #[arg(long)]
        user: bool,
    },
    /// List the settings files, the weakest first.
    Path {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of settings files.
    Schema,
    /// Check everything that sets something, and say what is wrong, with place and mend.
    Validate {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(session: &Session, command: ConfigCommand) -> Result<Exit, AppError> {
    match command {
        ConfigCommand::Show { origin, json } => show(session, origin, json),
        ConfigCommand::Get { key, reveal, json } => get(session, &key, reveal, json),
        ConfigCommand::Set { key, value, user } => set(session, &key, value, user),
        ConfigCommand::Path { json } => Ok(path(session, json)),
        ConfigCommand::Schema => {
            session.printer.data(&format!("{:#}", schema()));
            Ok(Exit::Succeeded)
        }
        ConfigCommand::Validate { json } => validate(session, json),
    }
}

fn load(session: &Session) -> Result<Loaded, AppError> {
    let loaded = config::load(&sources_at(&session.dir, &session.config))?;
    session.settings_warnings(&loaded.warnings);
    Ok(loaded)
}

/// A value as it may be shown.
fn shown(entry: &Entry, reveal: bool) -> Json {
    match entry.key.secret && !entry.value.is_null() && !reveal {
        true => json!(Secret::MASK),
        false => entry.value.clone(),
    }
}

/// One setting in machine output.
fn report(entry: &Entry, reveal: bool) -> Json {
    json!({
        "key": entry.key.name,
        "value": shown(entry, reveal),
        "layer": entry.origin.layer,
        "place": entry.origin.place,
    })
}

fn show(session: &Session, origin: bool, json: bool) -> Result<Exit, AppError> {
    let loaded = load(session)?;
    if json {
        let settings: Vec<Json> = loaded.entries.iter().map(|entry| report(entry, false)).collect();
        session.printer.data(&json!({ "schema_version": 1, "settings": settings }).to_string());
        return Ok(Exit::Succeeded);
    }
    let columns = ["SETTING", "VALUE", "FROM"];
    let mut table = Table::new(columns.into_iter().take(if origin { 3 } else { 2 }));
    for entry in &loaded.entries {
        let value = match shown(entry, false) {
            Json::Null => "-".to_owned(),
            value => render(&value),
        };
        let role = if entry.origin.layer == Layer::Default { Role::Dim } else { Role::Plain };
        table.styled_row([
            (Role::Strong, entry.key.name.to_owned()),
            (role, value),
            (Role::Dim, entry.origin.to_string()),
        ]);
    }
    session.printer.data(&table.render(&session.printer.terminal().out));
    Ok(Exit::Succeeded)
}

fn get(session: &Session, name: &str, reveal: bool, json: bool) -> Result<Exit, AppError> {
    let key = key(name)?;
    let loaded = load(session)?;
    let Some(entry) = loaded.entries.iter().find(|entry| entry.key == key) else {
        return Ok(Exit::Succeeded);
    };
    if json {
        let Json::Object(mut facts) = report(entry, reveal) else { return Ok(Exit::Succeeded) };
        facts.insert("schema_version".to_owned(), json!(1));
        session.printer.data(&Json::Object(facts).to_string());
        return Ok(Exit::Succeeded);
    }
    match shown(entry, reveal) {
        Json::Null => {}
        Json::String(text) => session.printer.data(&text),
        other => session.printer.data(&other.to_string()),
    }
    Ok(Exit::Succeeded)
}

fn set(session: &Session, name: &str, mut value: String, user: bool) -> Result<Exit, AppError> {
    let key = key(name)?;
    if value == "-" {
        value.clear();
        std::io::stdin().read_to_string(&mut value).map_err(|error| {
            AppError::usage(format!("cannot read the value from standard input: {error}"))
        })?;
        value.truncate(value.trim_end_matches(['\r', '\n']).len());
    }
    let sources = sources_at(&session.dir, &session.config);
    let written = settings::set(&sources, key, &value, user)?;
    session.printer.note(&format!("`{}` is set in {}", key.name, written.file.path.display()));
    if written.exposed {
        session
            .printer
            .warn("git does not ignore this file: add `/.secrets.yaml` to .autoskillit/.gitignore");
    }
    if let Some(stronger) = written.overruled {
        session.printer.warn(&format!("{stronger} says something else, and counts"));
    }
    Ok(Exit::Succeeded)
}

fn path(session: &Session, json: bool) -> Exit {
    let files = sources_at(&session.dir, &session.config).files();
    if json {
        let files: Vec<Json> = files
            .iter()
            .map(|file| json!({ "layer": file.layer, "path": file.path, "exists": file.path.exists() }))
            .collect();
        session.printer.data(&json!({ "schema_version": 1, "files": files }).to_string());
        return Exit::Succeeded;
    }
    let mut table = Table::new(["LAYER", "THERE", "FILE"]);
    for file in files {
        let there = file.path.exists();
        table.styled_row([
            (Role::Strong, file.layer.name().replace('_', " ")),
            (if there { Role::Plain } else { Role::Dim }, if there { "yes" } else { "no" }.to_owned()),
            (Role::Plain, file.path.display().to_string()),
        ]);
    }
    session.printer.data(&table.render(&session.printer.terminal().out));
    Exit::Succeeded
}

fn validate(session: &Session, json: bool) -> Result<Exit, AppError> {
    let found = match config::load(&sources_at(&session.dir, &session.config)) {
        Ok(loaded) => loaded.warnings,
        Err(ConfigError::Invalid(Faults(problems))) => problems,
        Err(error) => return Err(error.into()),
    };
    let errors: usize = found.iter().map(|problems| problems.errors()).sum();
    let all: usize = found.iter().map(|problems| problems.list().len()).sum();
    if json {
        let reports: Vec<_> = found.iter().flat_map(|problems| problems.report()).collect();
        let report =
            json!({ "schema_version": 1, "errors": errors, "warnings": all - errors, "problems": reports });
        session.printer.data(&report.to_string());
    } else {
        for problems in &found {
            session.printer.problems(problems);
        }
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        session.printer.note(&format!("{}, {}", count(errors, "error"), count(all - errors, "warning")));
    }
    Ok(if errors == 0 { Exit::Succeeded } else { Exit::Usage })
}

//! A conversation in which a person and Claude drive a run: the client with the terminal, our tools, and the question tool.

use std::path::Path;

use super::error::AppError;
use super::serving::attached;
use crate::core::files;
use crate::core::stop::StopSignal;
use crate::execution::terminal::{Foreground, run};
use crate::execution::{client, environment};
use crate::recipe::model::Recipe;
use crate::tools::orchestrator::{PREFIX, mcp_config};
use crate::tools::{Toolkit, driving};

/// The client's tool that puts a question to the person.
const ASKS: &str = "AskUserQuestion";

/// A conversation that is ready to be held.
#[derive(Debug)]
pub struct Conversation {
    client: Foreground,
}

impl Conversation {
    /// About the run that is reached through `socket`.
    ///
    /// # Errors
    /// When there is no client, or the run's folder cannot be written.
    pub fn about(kit: &Toolkit, recipe: &Recipe, socket: &Path) -> Result<Self, AppError> {
        let client = kit.client.clone()?;
        let config = kit.run_dir.root().join("mcp.json");
        let written = mcp_config(socket).and_then(|config_text| files::write_json(&config, &config_text));
        written
            .map_err(|error| AppError::environment(format!("cannot write {}: {error}", config.display())))?;
        let rules =
            driving(recipe, &attached::names(recipe, true), PREFIX, true).map_err(AppError::environment)?;
        let mut args = vec![
            format!("--mcp-config={}", config.display()),
            "--strict-mcp-config".to_owned(),
            format!("--tools={ASKS}"),
            format!("--allowed-tools={},{ASKS}", PREFIX.trim_end_matches("__")),
            "--append-system-prompt".to_owned(),
            rules,
        ];
        if let Some(model) = kit.settings.model.choose(None) {
            args.extend(["--model".to_owned(), model]);
        }
        // A value that begins like an option would be one.
        args.push("--".to_owned());
        args.push(format!(
            "Cook the recipe {}: call {PREFIX}kitchen_status to see where its run stands, then do what is next, to its end.",
            recipe.name
        ));
        Ok(Self {
            client: Foreground {
                program: client.program,
                args,
                cwd: kit.repository.clone(),
                env: client::driver_env(environment::command(kit.env.iter().cloned())),
            },
        })
    }

    /// Gives the client the terminal until it leaves, or until `stop`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn hold(&self, stop: StopSignal) -> Result<(), AppError> {
        run(&self.client, stop).await.map_err(|error| {
            AppError::environment(format!("{} cannot be started: {error}", self.client.program.display()))
        })
    }
}

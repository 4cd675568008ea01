//! `autoskillit recipes render`.

use crate::app::error::AppError;
use crate::app::kitchen::Pantry;
use crate::cli::Session;
use crate::cli::exit::Exit;
use crate::recipe::diagram::{Chart, dot, mermaid};

/// What draws the picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum Drawing {
    /// Mermaid, which hosts of repositories draw in Markdown.
    #[default]
    Mermaid,
    /// Graphviz.
    Dot,
}

pub(super) fn render(
    session: &Session,
    pantry: &Pantry,
    name: &str,
    format: Drawing,
) -> Result<Exit, AppError> {
    let recipe = pantry.library.load(name, pantry)?.recipe;
    let chart = Chart::of(&recipe);
    let text = match format {
        Drawing::Mermaid => mermaid(&chart),
        Drawing::Dot => dot(&chart),
    };
    session.printer.data(text.trim_end());
    Ok(Exit::Succeeded)
}

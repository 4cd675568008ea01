//! Colours by meaning: the rest of the program says what a text is, this says how that looks.

use console::Style;

use super::glyphs::{ASCII, Glyphs, UNICODE};

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Plain text.
    Plain,
    /// A name or title that the eye should find.
    Strong,
    /// Secondary facts.
    Dim,
    /// Success.
    Good,
    /// Failure.
    Bad,
    /// Attention.
    Warn,
    /// Something alive, or something to type.
    Accent,
}

/// How one stream may be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Colour and weight may be used.
    pub color: bool,
    /// Signs beyond ASCII may be used.
    pub unicode: bool,
    /// Text of others keeps its characters beyond ASCII.
    pub wide_text: bool,
    /// Columns.
    pub width: usize,
}

impl Look {
    /// Unicode, without colour: what a log file gets.
    #[must_use]
    pub fn plain(width: usize) -> Self {
        Self { color: false, unicode: true, wide_text: true, width }
    }

    /// ASCII alone, without colour.
    #[must_use]
    pub fn ascii(width: usize) -> Self {
        Self { color: false, unicode: false, wide_text: false, width }
    }

    /// Unicode in colour.
    #[must_use]
    pub fn colored(width: usize) -> Self {
        Self { color: true, unicode: true, wide_text: true, width }
    }

    /// The same for another width.
    #[must_use]
    pub fn with_width(self, width: usize) -> Self {
        Self { width, ..self }
    }

    /// The signs to use.
    #[must_use]
    pub fn glyphs(&self) -> &'static Glyphs {
        if self.unicode { &UNICODE } else { &ASCII }
    }

    /// Gives a text the look of its meaning. The text must already be harmless.
    #[must_use]
    pub fn paint(&self, role: Role, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let style = Style::new().force_styling(true);
        let style = match role {
            Role::Plain => return text.to_owned(),
            Role::Strong => style.bold(),
            Role::Dim => style.dim(),
            Role::Good => style.green(),
            Role::Bad => style.red().bold(),
            Role::Warn => style.yellow(),
            Role::Accent => style.cyan(),
        };
        style.apply_to(text).to_string()
    }
}

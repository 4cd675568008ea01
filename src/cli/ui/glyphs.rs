//! The signs that stand before lines, each one column wide, with ASCII stand-ins.

/// The signs of one character set.
#[derive(Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// Went well.
    pub good: &'static str,
    /// Went wrong.
    pub bad: &'static str,
    /// Ran into a limit, or deserves attention.
    pub warn: &'static str,
    /// Stopped by the user.
    pub stopped: &'static str,
    /// Passed over.
    pub skipped: &'static str,
    /// Done once more.
    pub again: &'static str,
    /// Worth knowing.
    pub notice: &'static str,
    /// Leads to.
    pub arrow: &'static str,
    /// Between facts of one line.
    pub dot: &'static str,
    /// Something was cut.
    pub ellipsis: &'static str,
    /// Deleted lines.
    pub minus: &'static str,
    /// Between a title and its explanation.
    pub dash: &'static str,
    /// The frames of the spinner.
    pub spinner: &'static [&'static str],
}

/// For terminals that show Unicode.
pub static UNICODE: Glyphs = Glyphs {
    good: "✓",
    bad: "✗",
    warn: "!",
    stopped: "■",
    skipped: "↷",
    again: "↻",
    notice: "•",
    arrow: "→",
    dot: "·",
    ellipsis: "…",
    minus: "−",
    dash: "—",
    spinner: &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"],
};

/// For everything else.
pub static ASCII: Glyphs = Glyphs {
    good: "+",
    bad: "x",
    warn: "!",
    stopped: "#",
    skipped: "-",
    again: "~",
    notice: "*",
    arrow: "->",
    dot: "|",
    ellipsis: "...",
    minus: "-",
    dash: "-",
    spinner: &["|", "/", "-", "\\"],
};

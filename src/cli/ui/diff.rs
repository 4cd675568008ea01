//! Two texts compared, line by line.

use similar::{ChangeTag, TextDiff};

use super::style::{Look, Role};
use super::text;

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// The hunks of a unified diff. `terminal` when the texts are to be made harmless.
#[must_use]
pub fn hunks(before: &str, after: &str, look: &Look, terminal: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let compared = TextDiff::from_lines(before, after);
    for hunk in compared.unified_diff().context_radius(CONTEXT).iter_hunks() {
        lines.push(look.paint(Role::Accent, hunk.header().to_string().trim_end()));
        for change in hunk.iter_changes() {
            let (role, sign) = match change.tag() {
                ChangeTag::Equal => (Role::Plain, ' '),
                ChangeTag::Delete => (Role::Bad, '-'),
                ChangeTag::Insert => (Role::Good, '+'),
            };
            let text = change.value().strip_suffix('\n').unwrap_or(change.value());
            let text = if terminal { text::lines(text, look) } else { text.to_owned() };
            lines.push(look.paint(role, &format!("{sign}{text}")));
            if change.missing_newline() {
                lines.push("\\ No newline at end of file".to_owned());
            }
        }
    }
    lines
}

//! A setup on the screen: what was found, what became of the files, what to do next, and a plan as a diff.

use serde_json::Value as Json;

use super::diff;
use super::facts;
use super::format;
use super::line::Line;
use super::style::{Look, Role};
use super::text;
use crate::app::init::{Action, Facts, Known, Plan, Planned, Step};
use crate::core::text::command_line;
use crate::workspace::detect::Hosted;

/// The longest command that others are aligned with.
const SHORT: usize = 40;

/// What was found out about a repository.
#[must_use]
pub fn found(facts: &Facts, known: &[Known], look: &Look) -> Vec<String> {
    let mut lines = vec![look.paint(Role::Strong, "Setting up autoskillit")];
    let top = text::one_line(&facts.top.to_string_lossy(), look);
    lines.extend(facts::command("repository", Role::Plain, &top, look));
    if !facts.below.as_os_str().is_empty() {
        let below = format!("all of it, not only {}", facts.below.display());
        lines.extend(facts::prose("", Role::Dim, &below, look));
    }
    let mut row = |label: &str, said: Option<String>, otherwise: &str| match said {
        Some(said) => lines.extend(facts::prose(label, Role::Plain, &said, look)),
        None => lines.extend(facts::prose(label, Role::Dim, otherwise, look)),
    };
    row("language", languages(facts), "none recognised");
    row("test command", setting(known, "test_check.command"), "none found");
    row("base branch", setting(known, "branching.default_base_branch"), "none found");
    row("GitHub", setting(known, "github.default_repo"), &elsewhere(facts));
    lines
}

/// How a setup ended: the files, and what to do next. `dry` when nothing was to be written.
#[must_use]
pub fn done(facts: &Facts, plan: &Plan, next: &[Step], dry: bool, look: &Look) -> Vec<String> {
    let glyphs = look.glyphs();
    let count = plan.files.iter().filter(|file| file.is_written()).count();
    let files = format::count(count as u64, "file");
    let (role, sign, head, said) = match (count, dry) {
        (0, _) => (Role::Good, glyphs.good, "set up already", "there is nothing to write".to_owned()),
        (_, true) => (Role::Accent, glyphs.notice, "dry run", format!("{files} would be written; none was")),
        (_, false) => (Role::Good, glyphs.good, "set up", format!("{files} written")),
    };
    let head = Line::of(role, format!("{sign} {head}")).and(Role::Plain, format!("  {said}"));
    let mut lines = vec![head.cut(look.width, look).render(look)];
    let (created, changed) = if dry { ("new", "to change") } else { ("created", "changed") };
    for (label, action) in [(created, Action::Create), (changed, Action::Change)] {
        let paths = plan.files.iter().filter(|file| file.action == action);
        lines.extend(facts::rows(label, paths.map(|file| Line::of(Role::Plain, file.path)), look));
    }
    for file in &plan.files {
        if let Action::Keep(why) = file.action {
            lines.extend(facts::prose("left alone", Role::Warn, &format!("{}: {why}", file.path), look));
        }
    }
    if facts.ignored {
        let said = "git ignores .autoskillit/config.yaml: the settings stay on this machine";
        lines.extend(facts::prose("note", Role::Warn, said, look));
    }
    if !dry {
        lines.push(String::new());
        lines.extend(steps(next, look));
    }
    lines
}

/// Commands to type, with what they are good for where there is room. They are never cut or broken.
fn steps(next: &[Step], look: &Look) -> Vec<String> {
    let short = next.iter().map(|step| text::width(&step.command)).filter(|width| *width <= SHORT);
    let column = short.max().unwrap_or(0);
    let step = |step: &Step| {
        let command = text::one_line(&step.command, look);
        let gap = " ".repeat(column.saturating_sub(text::width(&command)) + 2);
        let line = Line::of(Role::Accent, command);
        let whole = line.clone().and(Role::Dim, format!("{gap}{}", step.about));
        if facts::column(look) + whole.width() <= look.width { whole } else { line }
    };
    facts::rows("next", next.iter().map(step), look)
}

/// The value of a setting and where it comes from.
fn setting(known: &[Known], name: &str) -> Option<String> {
    let known = known.iter().find(|known| known.key.name == name && !known.value.is_null())?;
    let value = value(&known.value);
    Some(match known.source.to_string() {
        why if why.is_empty() => value,
        why => format!("{value} ({why})"),
    })
}

/// A value as a person types it.
#[must_use]
pub fn value(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(words) => command_line(&words.iter().filter_map(Json::as_str).collect::<Vec<_>>()),
        other => other.to_string(),
    }
}

fn languages(facts: &Facts) -> Option<String> {
    let tell = |language: &crate::workspace::detect::Language| {
        let files = format::count(language.files as u64, "file");
        match &language.manifest {
            Some(manifest) => format!("{} ({files}, {manifest})", language.name),
            None => format!("{} ({files})", language.name),
        }
    };
    let told: Vec<String> = facts.project.languages.iter().map(tell).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// Why there is no repository of GitHub.
fn elsewhere(facts: &Facts) -> String {
    match &facts.project.remote {
        None => "none: there is no remote".to_owned(),
        Some((name, Hosted::Elsewhere(host))) => format!("none: the remote {name} is at {host}"),
        Some((name, Hosted::Folder)) => format!("none: the remote {name} is a folder"),
        Some((name, Hosted::Unclear | Hosted::GitHub(_))) => {
            format!("none: the address of the remote {name} is no owner/name")
        }
    }
}

/// The changes of a plan, in the form that `git apply` takes. For a terminal, texts are made harmless, and what nobody
/// reads is cut.
#[must_use]
pub fn diff(plan: &Plan, terminal: bool, look: &Look) -> String {
    let files = plan.files.iter().filter(|file| file.is_written());
    files.map(|file| file_diff(file, terminal, look)).collect::<Vec<_>>().join("\n")
}

fn file_diff(file: &Planned, terminal: bool, look: &Look) -> String {
    let path = file.path;
    let strong = |text: String| look.paint(Role::Strong, &text);
    let mut lines = vec![strong(format!("diff --git a/{path} b/{path}"))];
    match &file.before {
        None => lines.extend([strong("new file mode 100644".to_owned()), strong("--- /dev/null".to_owned())]),
        Some(_) => lines.push(strong(format!("--- a/{path}"))),
    }
    lines.push(strong(format!("+++ b/{path}")));
    if terminal && file.is_generated() {
        let count = format::count(file.after.lines().count() as u64, "line");
        lines.push(look.paint(Role::Dim, &format!("  a JSON Schema of {count}, for editors")));
        return lines.join("\n");
    }
    lines.extend(diff::hunks(file.before.as_deref().unwrap_or_default(), &file.after, look, terminal));
    lines.join("\n")
}

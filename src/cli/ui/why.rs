//! Why a run went as it did, in plain lines.

use std::path::Path;
use std::time::Duration;

use super::facts;
use super::format;
use super::line::Line;
use super::style::{Look, Role};
use super::{ending, text};
use crate::app::why::{Try, Why};
use crate::execution::log::anomaly::Severity;
use crate::execution::record::Denial;
use crate::execution::warden::{EndedBy, FoundBy};

/// How many of a list are named; the machine output has all.
const NAMED: usize = 8;

/// The whole text.
#[must_use]
pub fn lines(why: &Why, top: &Path, look: &Look) -> Vec<String> {
    let mut lines = vec![headline(why, top, look)];
    if why.tries.is_empty() {
        lines.push(String::new());
        lines.extend(facts::prose("", Role::Plain, "no step of it has begun", look));
    }
    for one in &why.tries {
        lines.push(String::new());
        lines.extend(tried(one, top, look));
    }
    if !why.next.is_empty() {
        lines.push(String::new());
        for (at, hint) in why.next.iter().enumerate() {
            lines.extend(facts::prose(if at == 0 { "next" } else { "" }, Role::Accent, hint, look));
        }
    }
    lines
}

fn headline(why: &Why, top: &Path, look: &Look) -> String {
    let line = Line::of(Role::Strong, text::one_line(&why.recipe, look))
        .and(Role::Dim, format!("  {}  ", text::one_line(&why.run_id, look)));
    let line = match why.status {
        None => line.and(Role::Plain, "still cooking"),
        Some(status) => {
            let (role, glyph, word) = ending::status(status, look);
            line.and(role, format!("{glyph} {word}"))
        }
    };
    let reason = why.reason.as_deref().filter(|reason| !reason.is_empty());
    let reason = reason.map(|reason| text::one_line(&text::near(reason, Some(top)), look));
    line.and(Role::Plain, reason.map(|reason| format!(": {reason}")).unwrap_or_default()).render(look)
}

fn tried(one: &Try, top: &Path, look: &Look) -> Vec<String> {
    let mut lines = vec![title(one, look)];
    let mut say = |label: &str, role: Role, told: &str| {
        lines.extend(facts::prose(label, role, &text::near(told, Some(top)), look));
    };
    if !one.what.is_empty() {
        say("did", Role::Plain, &one.what);
    }
    for (at, wait) in one.waited.iter().enumerate() {
        say(if at == 0 { "waited" } else { "" }, Role::Plain, wait);
    }
    for (at, fact) in one.because.iter().enumerate() {
        say(if at == 0 { "because" } else { "" }, Role::Plain, fact);
    }
    if let Some(ended) = &one.ended {
        say("ended", Role::Plain, ended);
    }
    for (label, role, denials) in
        [("refused", Role::Warn, &one.refused), ("went on", Role::Dim, &one.made_good)]
    {
        listed(&mut say, label, role, denials.iter().map(denied));
    }
    listed(
        &mut say,
        "still open",
        Role::Warn,
        one.background.iter().map(|task| format!("background task {task}")),
    );
    // In a session that went well nothing that was open mattered.
    if one.ok != Some(true) {
        let open = one.open_calls.iter().map(|call| match call.target.as_str() {
            "" => call.tool.clone(),
            target => format!("{} {target}", call.tool),
        });
        listed(&mut say, "was at", Role::Plain, open);
    }
    // Where they decided, `because` and `needed` name them; where the client failed, they could not be there.
    if one.label != "contract_violation" && one.exit.is_some_and(|exit| exit.code == Some(0)) {
        let missing = one.missing_outputs.iter().map(|name| format!("output `{name}`"));
        listed(&mut say, "missing", Role::Warn, missing);
    }
    let left = one.left.iter().map(|left| {
        let found = match left.found_by {
            FoundBy::Parentage => "by parentage",
            FoundBy::Tag => "by its tag",
        };
        let ended = match left.ended_by {
            EndedBy::Terminate => "ended with SIGTERM",
            EndedBy::Kill => "ended with SIGKILL",
            EndedBy::Nothing => "still there",
        };
        let age = format::duration(Duration::from_millis(left.age_ms));
        format!("{} (pid {}, {age} old, found {found}, {ended})", left.command, left.pid)
    });
    let more = (one.unlisted > 0).then(|| format!("and {} more, ended", one.unlisted));
    listed(&mut say, "left running", Role::Warn, left.chain(more));
    for (at, anomaly) in one.anomalies.iter().enumerate() {
        let role = if anomaly.severity == Severity::Info { Role::Dim } else { Role::Warn };
        let when = format::clock(Duration::from_millis(anomaly.first_ms));
        say(if at == 0 { "odd" } else { "" }, role, &format!("after {when}: {}", anomaly.detail));
    }
    if let Some(needed) = &one.needed {
        say("needed", Role::Strong, needed);
    }
    if let Some(then) = &one.then {
        say("then", Role::Plain, then);
    }
    let used = used(one, look);
    if !used.is_empty() {
        say("used", Role::Dim, &used);
    }
    if let Some(log) = &one.log {
        lines.extend(facts::command("log", Role::Dim, &text::path(log, Some(top), look), look));
    }
    if let Some(note) = &one.log_note {
        lines.extend(facts::prose("", Role::Dim, note, look));
    }
    lines
}

fn title(one: &Try, look: &Look) -> String {
    let glyphs = look.glyphs();
    let (role, glyph) = match (one.ok, one.label.as_str()) {
        (Some(true), _) => (Role::Good, glyphs.good),
        (Some(false), _) => (Role::Bad, glyphs.bad),
        (None, "skipped") => (Role::Dim, glyphs.skipped),
        (None, "exceeded") => (Role::Warn, glyphs.warn),
        (None, "running") => (Role::Accent, glyphs.notice),
        (None, _) => (Role::Warn, glyphs.stopped),
    };
    let (name, place) = match &one.step {
        None => (format!("orchestrator {}", one.visit), String::new()),
        Some(step) => {
            let visit = (one.visit > 1).then(|| format!("visit {}", one.visit));
            let attempt = (one.attempt > 1).then(|| format!("try {}", one.attempt));
            let place: Vec<String> = visit.into_iter().chain(attempt).collect();
            let place = if place.is_empty() { place.concat() } else { format!(" ({})", place.join(", ")) };
            (text::one_line(step, look), place)
        }
    };
    Line::of(role, format!("{glyph} "))
        .and(Role::Strong, name)
        .and(Role::Dim, place)
        .and(Role::Plain, "  ")
        .and(role, text::one_line(&one.label, look))
        .render(look)
}

/// The first of a list, a line each, and how many more there are.
fn listed(
    say: &mut impl FnMut(&str, Role, &str),
    label: &str,
    role: Role,
    items: impl Iterator<Item = String>,
) {
    let items: Vec<String> = items.collect();
    for (at, item) in items.iter().take(NAMED).enumerate() {
        say(if at == 0 { label } else { "" }, role, item);
    }
    if items.len() > NAMED {
        say("", Role::Dim, &format!("and {} more", items.len() - NAMED));
    }
}

fn denied(denial: &Denial) -> String {
    match text::width(&denial.target) {
        0 => denial.tool.clone(),
        _ => format!("{} {}", denial.tool, denial.target),
    }
}

fn used(one: &Try, look: &Look) -> String {
    let time = one.elapsed_ms.map(|ms| format::duration(Duration::from_millis(ms)));
    let tokens = one.usage.map(|usage| usage.tokens()).filter(|tokens| *tokens > 0);
    let models = one.usage_by_model.iter().filter(|(model, usage)| !model.is_empty() && usage.tokens() > 0);
    let models: Vec<String> =
        models.map(|(model, usage)| format!("{model} {}", format::tokens(usage.tokens()))).collect();
    let models = if models.len() > 1 { format!(" ({})", models.join(", ")) } else { String::new() };
    let facts = [
        time,
        tokens.map(|tokens| format!("{} tokens{models}", format::tokens(tokens))),
        one.usage.and_then(|usage| format::dollars(usage.cost_usd)),
    ];
    facts.into_iter().flatten().collect::<Vec<_>>().join(&format!(" {} ", look.glyphs().dot))
}

//! How the account's limits stand, for people.

use jiff::tz::TimeZone;

use super::facts::prose;
use super::format;
use super::style::{Look, Role};
use super::table::Table;
use crate::app::quota::{Known, Quota, Windows};
use crate::execution::quota::guard::{Source, percent};
use crate::execution::quota::wait::told;
use crate::execution::quota::window::Class;
use crate::execution::spend::Day;

/// The lines to print.
#[must_use]
pub fn lines(quota: &Quota, zone: &TimeZone, look: &Look) -> Vec<String> {
    let mut lines = of_plan(quota, zone, look);
    if let Some(day) = &quota.day {
        let (role, fact) = match day {
            Ok(day) if day.left() <= 0.0 => (
                Role::Warn,
                format!("{}: no session starts until {}", of_day(day), told(day.until, quota.now, zone)),
            ),
            Ok(day) => (Role::Plain, of_day(day)),
            Err(why) => (Role::Warn, format!("not known, and no session starts: {why}")),
        };
        lines.extend(prose("today", role, &fact, look));
    }
    lines
}

/// What was spent of a day's limit, in words.
#[must_use]
pub fn of_day(day: &Day) -> String {
    format!("${:.2} spent of the ${:.2} of `limits.daily_usd`", day.spent_usd, day.limit_usd)
}

fn of_plan(quota: &Quota, zone: &TimeZone, look: &Look) -> Vec<String> {
    let windows = match &quota.known {
        Known::Off => {
            return vec![
                "the guard is off (`quota_guard.enabled`): sessions start, and nothing is looked at"
                    .to_owned(),
            ];
        }
        Known::Nothing(why) => return vec![format!("nothing to guard: {why}")],
        Known::Unknown(why) => {
            return vec![
                look.paint(Role::Warn, &format!("not known: {why}")),
                "sessions start all the same".to_owned(),
            ];
        }
        Known::Windows(windows) => windows,
    };
    let mut lines = Vec::new();
    if !windows.all.is_empty() {
        lines.extend(table(quota, windows, zone, look).lines().map(str::to_owned));
        lines.push(String::new());
    }
    lines.extend(facts(quota, windows, zone, look));
    lines
}

fn table(quota: &Quota, windows: &Windows, zone: &TimeZone, look: &Look) -> String {
    let mut table = Table::new(["WINDOW", "USED", "WAITS FROM", "RESETS"]);
    for (window, class, threshold) in &windows.all {
        let role = match &windows.binding {
            Some(binding) if binding.window.name == window.name && binding.blocks => Role::Warn,
            Some(binding) if binding.window.name == window.name => Role::Strong,
            _ => Role::Plain,
        };
        let kind = match class {
            Class::Short => "short",
            Class::Long => "long",
        };
        let limit = match threshold {
            Some(threshold) => format!("{} ({kind})", percent(*threshold)),
            None => format!("never ({kind}, off)"),
        };
        let resets = window.resets_at.map_or_else(|| "-".to_owned(), |at| told(at, quota.now, zone));
        let cells = [window.name.clone(), percent(window.utilization), limit, resets];
        table.styled_row(cells.map(|cell| (role, cell)));
    }
    table.render(look)
}

fn facts(quota: &Quota, windows: &Windows, zone: &TimeZone, look: &Look) -> Vec<String> {
    let mut lines = Vec::new();
    let (role, fact) = match (&windows.binding, windows.waits_until) {
        (Some(binding), Some(until)) => {
            let until = told(until, quota.now, zone);
            (Role::Warn, format!("wait for `{}`, until {until}", binding.window.name))
        }
        (Some(binding), None) => (Role::Plain, format!("start; `{}` is used most", binding.window.name)),
        (None, _) => (Role::Plain, "start; no limit is known".to_owned()),
    };
    lines.extend(prose("sessions", role, &fact, look));
    let source = match (windows.source, quota.age()) {
        (Source::Service, _) => "the model service, asked just now".to_owned(),
        (Source::Cache(_), age) => {
            let age = std::time::Duration::from_secs(age.unwrap_or_default());
            format!("the model service, asked {} ago", format::clock(age))
        }
        (Source::Sessions, _) => match &windows.silent {
            Some(why) => format!("sessions that were refused; {why}"),
            None => "sessions that were refused".to_owned(),
        },
    };
    lines.extend(prose("known from", Role::Plain, &source, look));
    if let Some(cache) = &quota.cache {
        lines.extend(prose("kept in", Role::Plain, &cache.display().to_string(), look));
    }
    lines
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use jiff::Timestamp;

    use super::*;
    use crate::config::Settings;
    use crate::execution::quota::window::{Rules, Window};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn shown(known: Known) -> String {
        let quota = Quota {
            now: at("2026-03-02T13:20:00Z"),
            known,
            cache: Some("/home/c/.cache/autoskillit/quota.json".into()),
            day: None,
        };
        lines(&quota, &TimeZone::UTC, &Look::plain(80)).join("\n")
    }

    fn windows(five_hour: f64, source: Source) -> Known {
        let mut settings = Settings::default().quota_guard;
        settings.long_window_patterns = vec!["seven".into()];
        let rules = Rules::of(&settings);
        let window = |name: &str, utilization, resets: Option<&str>| Window {
            name: name.into(),
            utilization,
            resets_at: resets.map(at),
        };
        let all = [
            window("five_hour", five_hour, Some("2026-03-02T14:32:00Z")),
            window("seven_day", 61.25, Some("2026-03-05T09:00:00Z")),
            window("seven_day_opus", 0.0, None),
        ];
        let now = at("2026-03-02T13:20:00Z");
        let binding = rules.binding(&all, now);
        Known::Windows(Windows {
            waits_until: rules.wait(binding.as_ref(), now),
            binding,
            all: all
                .map(|window| (window.clone(), rules.class(&window.name), rules.threshold(&window.name)))
                .to_vec(),
            source,
            silent: None,
        })
    }

    #[test]
    fn people_see_what_the_day_has_left() {
        let day = |spent_usd| Day { spent_usd, limit_usd: 25.0, until: at("2026-03-03T00:00:00Z") };
        let shown = |day| {
            let now = at("2026-03-02T13:20:00Z");
            let quota = Quota { now, known: Known::Off, cache: None, day: Some(day) };
            lines(&quota, &TimeZone::UTC, &Look::plain(80)).split_off(1).join("\n")
        };
        let text =
            [Ok(day(3.204)), Ok(day(25.1)), Err("permission denied".to_owned())].map(shown).join("\n\n");
        assert_snapshot!(text);
    }

    #[test]
    fn people_see_how_the_limits_stand() {
        let cases = [
            ("off", Known::Off),
            ("a key", Known::Nothing("sessions log in with ANTHROPIC_API_KEY, which has no windows".into())),
            ("no answer", Known::Unknown("https://api.anthropic.com answers with status 503".into())),
            ("a wait", windows(92.0, Source::Service)),
            ("no wait", windows(12.0, Source::Cache(at("2026-03-02T13:17:40Z")))),
            (
                "nothing heard",
                Known::Windows(Windows {
                    all: vec![],
                    binding: None,
                    waits_until: None,
                    source: Source::Sessions,
                    silent: Some("the login is due to be renewed, which the next session does".into()),
                }),
            ),
        ];
        let text: Vec<String> =
            cases.into_iter().map(|(name, known)| format!("--- {name}\n{}", shown(known))).collect();
        assert_snapshot!(text.join("\n\n"));
    }
}

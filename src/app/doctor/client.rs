//! The client: whether it is there and starts, its version, what sessions miss in it.

use std::path::Path;
use std::sync::Arc;

use super::facts::{Facts, PATIENCE};
use super::report::{Check, Group, Topic};
use crate::app::error::AppError;
use crate::core::text::{command_line, first_line};
use crate::core::threads::blocking;
use crate::execution::client::version::{CAPABILITIES, Fitness, OLDEST, TESTED, Version};
use crate::execution::client::{Client, ClientError};
use crate::execution::probe::Answer;

pub(super) const PROGRAM: Topic = Topic::new(Group::Client, "client.program", "program");
const VERSION: Topic = Topic::new(Group::Client, "client.version", "version");
const CAPABLE: Topic = Topic::new(Group::Client, "client.capabilities", "capabilities");

/// How a client is brought up to date.
const UPDATE: &str = "update it: `claude update`, or `npm install -g @anthropic-ai/claude-code@latest`";

pub(super) async fn check(facts: Arc<Facts>) -> Vec<Check> {
    let world = &facts.world;
    let name = facts.settings.client.program.clone();
    // As a run finds it.
    let program = match blocking(move || Client::find(&name)).await {
        Ok(client) => client.program,
        Err(error) => return vec![missing(&error)],
    };
    let found = PROGRAM.ok(program.display().to_string());
    let answer = world
        .prober
        .ask(&[&*program.to_string_lossy(), "--version"], &world.dir, facts.session_env.clone())
        .await;
    std::iter::once(found).chain(judge(&program, &answer)).collect()
}

fn missing(error: &ClientError) -> Check {
    let message = match error {
        ClientError::Missing(name) if name.contains('/') => {
            format!("`client.program` is {name}, which is no program")
        }
        ClientError::Missing(name) => format!("there is no `{name}` on PATH"),
        ClientError::RootWithoutSandbox => error.to_string(),
    };
    // Of the hints the first one mends it.
    let hints = AppError::from(error.clone()).hints.into_iter().take(1);
    hints.fold(PROGRAM.error(message).means("No session can run."), Check::mend)
}

/// What the answer to `--version` means.
fn judge(program: &Path, answer: &Answer) -> Vec<Check> {
    let by_hand = command_line(&[&*program.to_string_lossy(), "--version"]);
    let Some(said) = answer.good() else {
        let complaint = answer.complaint().unwrap_or_default();
        return match answer {
            Answer::Silent => vec![
                VERSION
                    .warning(format!("`--version` gives no answer within {} seconds", PATIENCE.as_secs()))
                    .means("The machine is very busy, or the client hangs, and sessions may hang in the same way.")
                    .mend(format!("see what it does by hand: {by_hand}")),
            ],
            _ => vec![
                VERSION
                    .error(format!("`--version` {complaint}"))
                    .means("The client does not start, so no session can run.")
                    .mend("install it anew: `npm install -g @anthropic-ai/claude-code@latest`"),
            ],
        };
    };
    let Some(version) = Version::find(said) else {
        return vec![
            VERSION
                .warning(format!("`--version` tells none: {}", first_line(said)))
                .means("It may be something else than Claude Code.")
                .mend(format!("see what it is: {by_hand}")),
        ];
    };
    let all = CAPABILITIES.len();
    let older = || VERSION.ok(format!("{version}; {TESTED} is what this was tested with"));
    match version.fitness() {
        Fitness::TooOld => vec![
            VERSION
                .error(format!("{version} is too old: sessions need {OLDEST} or newer"))
                .means("It does not know options that every session is started with.")
                .mend(UPDATE),
        ],
        Fitness::Lacks(lacks) => {
            let without = lacks.iter().map(|it| format!("before {}: {}", it.since, it.without));
            vec![
                older(),
                CAPABLE
                    .warning(format!(
                        "{version} lacks {} of {all} things that sessions count on",
                        lacks.len()
                    ))
                    .means("Sessions run, but:")
                    .details(without)
                    .mend(UPDATE),
            ]
        }
        Fitness::Fit if version == TESTED => {
            vec![VERSION.ok(format!("{version}, which this was tested with")), capable()]
        }
        Fitness::Fit => vec![older(), capable()],
        Fitness::Newer => {
            vec![VERSION.ok(format!("{version}, newer than {TESTED}, which this was tested with")), capable()]
        }
    }
}

fn capable() -> Check {
    CAPABLE.ok(format!("all {} things that sessions count on", CAPABILITIES.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::doctor::report::Level;
    use crate::execution::probe::Said;

    fn levels(answer: &Answer) -> Vec<(&'static str, Level)> {
        judge(Path::new("/bin/claude"), answer).iter().map(|check| (check.topic.id, check.level)).collect()
    }

    fn said(code: i32, out: &str, err: &str) -> Answer {
        Answer::Said(Said { code: Some(code), out: out.to_owned(), err: err.to_owned() })
    }

    #[test]
    fn what_versions_mean() {
        let cases = [
            ("2.0.44", vec![("client.version", Level::Error)]),
            ("1.0.3", vec![("client.version", Level::Error)]),
            ("2.0.45", vec![("client.version", Level::Ok), ("client.capabilities", Level::Warning)]),
            ("2.1.213", vec![("client.version", Level::Ok), ("client.capabilities", Level::Warning)]),
            ("2.1.214", vec![("client.version", Level::Ok), ("client.capabilities", Level::Ok)]),
            ("2.1.330", vec![("client.version", Level::Ok), ("client.capabilities", Level::Ok)]),
            ("2.2.0", vec![("client.version", Level::Ok), ("client.capabilities", Level::Ok)]),
            ("beta", vec![("client.version", Level::Warning)]),
        ];
        for (version, expected) in cases {
            assert_eq!(levels(&said(0, &format!("{version} (Claude Code)\n"), "")), expected, "{version}");
        }
    }

    #[test]
    fn what_a_client_that_does_not_answer_means() {
        assert_eq!(levels(&Answer::Silent), [("client.version", Level::Warning)]);
        let broken = said(127, "", "env: 'node': No such file or directory\n");
        let checks = judge(Path::new("/bin/claude"), &broken);
        assert_eq!(checks[0].level, Level::Error);
        assert_eq!(
            checks[0].message,
            "`--version` ended with code 127: env: 'node': No such file or directory"
        );
        assert_eq!(
            levels(&Answer::NotStarted("Exec format error".into())),
            [("client.version", Level::Error)]
        );
    }
}

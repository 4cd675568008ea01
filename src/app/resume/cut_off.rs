//! A step that was cut off: whether its session goes on, it runs again, or a person has to say. The decision is pure; what it rests
//! on is looked at here as well.

use serde_json::Value;

use crate::app::host::Host;
use crate::app::kitchen::Kitchen;
use crate::catalog;
use crate::core::paths::RunDir;
use crate::core::text::quoted_list;
use crate::engine::event::{Entry, Event};
use crate::engine::host::ToolHost as _;
use crate::execution::warden::Account;
use crate::skills::{Contract, Edits, Writes};
use crate::tools::{self, began};
use crate::workspace::git::Checkout;
use crate::workspace::mark::Mark;

/// A try that began and whose end nobody wrote down.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CutOff {
    pub(super) step: String,
    visit: u32,
    attempt: u32,
    tool: Option<String>,
    params: Value,
    pub(super) session: Option<String>,
}

/// What follows for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Course {
    /// Its session goes on.
    Continues,
    /// It runs again; why that is safe.
    Again(String),
    /// It may not run again by itself; why.
    Undecided(String),
}

/// What is known about it.
#[derive(Debug, Clone, Default)]
struct Facts {
    /// It asks a person and does nothing else.
    asks: bool,
    /// Something of it may have run.
    begun: bool,
    /// Its session can be continued.
    continues: bool,
    /// It is played in a scratch copy.
    rehearsed: bool,
    /// It is a session.
    is_session: bool,
    /// Its tool says that a call may be made twice.
    repeatable: bool,
    /// Its step says that it may run twice.
    idempotent: bool,
    /// Its skill changes nothing that stays.
    reads_only: bool,
    /// Its skill works with a service, which no look at the checkout shows.
    remote: bool,
    /// It works in another checkout than the run's.
    apart: bool,
    /// What changed in its checkout since it began; `None` when nobody knows.
    changes: Option<Vec<String>>,
    /// How its command ended by itself, when it did.
    ended: Option<String>,
}

/// The tries that began and whose end the journal does not hold, in the order of their beginnings.
pub(super) fn cut_off(entries: &[Entry]) -> Vec<CutOff> {
    let mut open: Vec<CutOff> = Vec::new();
    for entry in entries {
        match &entry.event {
            Event::StepStarted { step, visit, attempt, tool, params, session, .. } => {
                open.retain(|one| one.step != *step);
                open.push(CutOff {
                    step: step.clone(),
                    visit: *visit,
                    attempt: *attempt,
                    tool: tool.clone(),
                    params: params.clone(),
                    session: session.clone(),
                });
            }
            Event::StepEnded { step, .. } | Event::StepSkipped { step, .. } => {
                open.retain(|one| one.step != *step);
            }
            _ => {}
        }
    }
    open
}

impl CutOff {
    /// What follows for it.
    pub(super) fn course(&self, kitchen: &Kitchen, run_dir: &RunDir, host: &Host) -> Course {
        decide(&self.facts(kitchen, run_dir, host))
    }

    fn facts(&self, kitchen: &Kitchen, run_dir: &RunDir, host: &Host) -> Facts {
        let tool = self.tool.as_deref().and_then(catalog::tool);
        let facts = Facts {
            asks: self.tool.is_none(),
            rehearsed: host.kit.rehearsal.is_some(),
            repeatable: tool.is_some_and(catalog::ToolDecl::is_repeatable),
            ..Facts::default()
        };
        let Some(session) = &self.session else {
            let dir = run_dir.command(&self.step, self.visit, self.attempt);
            let account = Account::read(&dir.join("warden.json")).ok();
            let by_itself =
                account.filter(|account| account.rungs.is_empty()).and_then(|account| account.exit);
            let process = matches!(self.tool.as_deref(), Some("run_cmd" | "test_check"));
            return Facts {
                begun: !process || dir.exists(),
                idempotent: says_yes(self.params.get("idempotent")),
                ended: by_itself.and_then(|exit| exit.code).map(|code| format!("exit code {code}")),
                ..facts
            };
        };
        let dir = run_dir.session(session);
        let skill = tools::skill_name(&self.params).and_then(|name| kitchen.pantry.skills.find(&name).ok());
        let contract = skill.map(|skill| skill.contract).unwrap_or_default();
        let top = kitchen.checkout.top();
        let cwd = self.params.get("cwd").and_then(Value::as_str).map_or(top.to_owned(), |cwd| top.join(cwd));
        let changes = |before: Mark| Some(Mark::of(&cwd)?.changes(&before));
        Facts {
            is_session: true,
            begun: dir.exists(),
            continues: host.can_continue(session, &self.params),
            reads_only: reads_only(&contract),
            remote: contract.categories.iter().any(|category| category == "github"),
            apart: contract.creates_worktree || is_apart(kitchen, &cwd),
            changes: began::read(&dir).and_then(changes),
            ..facts
        }
    }
}

fn says_yes(value: Option<&Value>) -> bool {
    value.is_some_and(|value| value.as_bool() == Some(true) || value.as_str() == Some("true"))
}

fn reads_only(contract: &Contract) -> bool {
    contract.writes == Writes::Never || matches!(contract.edits, Edits::Nothing | Edits::Temp)
}

fn is_apart(kitchen: &Kitchen, cwd: &std::path::Path) -> bool {
    let own = Checkout::discover(cwd).ok().and_then(|checkout| checkout.top().canonicalize().ok());
    own.is_some_and(|own| kitchen.checkout.top().canonicalize().is_ok_and(|top| top != own))
}

fn decide(facts: &Facts) -> Course {
    let again = |why: &str| Course::Again(why.to_owned());
    if facts.asks {
        return again("it asks once more");
    }
    if facts.continues {
        return Course::Continues;
    }
    if !facts.begun {
        return again("nothing of it had run");
    }
    if facts.rehearsed {
        return again("this is a rehearsal");
    }
    if facts.repeatable {
        return again("its tool may be called twice");
    }
    if !facts.is_session {
        if facts.idempotent {
            return again("it is idempotent");
        }
        return Course::Undecided(match &facts.ended {
            Some(ended) => format!("the journal does not have that its command ended with {ended}"),
            None => "nobody knows how far its command came (it is not declared `idempotent`)".to_owned(),
        });
    }
    let lost = "its session cannot be continued (the transcript is gone or holds nothing)";
    if facts.remote {
        return Course::Undecided(format!("{lost}, and its skill works with a service"));
    }
    if facts.reads_only {
        return again("its skill changes nothing that stays");
    }
    if facts.apart {
        return again("it works in a checkout of its own");
    }
    match &facts.changes {
        Some(changes) if changes.is_empty() => again("nothing changed since it began"),
        Some(changes) => {
            let told: Vec<&str> = changes.iter().take(SHOWN).map(String::as_str).collect();
            let more = changes.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            Course::Undecided(format!(
                "{lost}, and since it began this changed: {}{more}",
                quoted_list(&told)
            ))
        }
        None => Course::Undecided(format!("{lost}, and nobody knows what it changed")),
    }
}

/// So many changes are named.
const SHOWN: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_off_step_runs_again_only_where_that_is_safe() {
        let session = Facts { begun: true, is_session: true, ..Facts::default() };
        let command = Facts { begun: true, ..Facts::default() };
        let changed = |paths: &[&str]| Some(paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>());
        let table = [
            (Facts { asks: true, begun: true, ..Facts::default() }, "again: it asks once more"),
            (Facts { continues: true, changes: changed(&["a"]), ..session.clone() }, "continues"),
            (Facts { begun: false, ..session.clone() }, "again: nothing of it had run"),
            (Facts { begun: false, ..command.clone() }, "again: nothing of it had run"),
            (Facts { rehearsed: true, ..session.clone() }, "again: this is a rehearsal"),
            (Facts { repeatable: true, ..command.clone() }, "again: its tool may be called twice"),
            (Facts { idempotent: true, ..command.clone() }, "again: it is idempotent"),
            (command.clone(), "ask: nobody knows how far its command came"),
            (
                Facts { ended: Some("exit code 0".to_owned()), ..command },
                "ask: the journal does not have that its command ended with exit code 0",
            ),
            (Facts { reads_only: true, ..session.clone() }, "again: its skill changes nothing that stays"),
            (
                Facts { reads_only: true, remote: true, ..session.clone() },
                "ask: its session cannot be continued",
            ),
            (
                Facts { apart: true, changes: changed(&["a"]), ..session.clone() },
                "again: it works in a checkout of its own",
            ),
            (Facts { changes: changed(&[]), ..session.clone() }, "again: nothing changed since it began"),
            (Facts { changes: changed(&["a"]), ..session.clone() }, "ask: its session cannot be continued"),
            (session, "ask: its session cannot be continued"),
        ];
        for (facts, expected) in table {
            let told = match decide(&facts) {
                Course::Continues => "continues".to_owned(),
                Course::Again(why) => format!("again: {why}"),
                Course::Undecided(why) => format!("ask: {why}"),
            };
            assert!(told.starts_with(expected), "{told} is not {expected}: {facts:?}");
        }
    }

    #[test]
    fn only_the_last_try_without_an_end_was_cut_off() {
        let begins = |step: &str, attempt| Event::StepStarted {
            step: step.to_owned(),
            visit: 1,
            attempt,
            tool: Some("run_cmd".to_owned()),
            what: String::new(),
            params: Value::Null,
            session: None,
            continues: false,
        };
        let skipped = |step: &str| Event::StepSkipped {
            step: step.to_owned(),
            why: String::new(),
            next: crate::engine::event::Next::Step("b".to_owned()),
        };
        let found = |events: Vec<Event>| {
            let entries: Vec<Entry> = events
                .into_iter()
                .zip(1..)
                .map(|(event, seq)| Entry { schema_version: 1, seq, at: jiff::Timestamp::UNIX_EPOCH, event })
                .collect();
            cut_off(&entries).pop().map(|one| (one.step, one.attempt))
        };
        assert_eq!(found(vec![begins("a", 1)]), Some(("a".to_owned(), 1)));
        assert_eq!(found(vec![begins("a", 1), begins("a", 2)]), Some(("a".to_owned(), 2)));
        assert_eq!(found(vec![begins("a", 1), skipped("a")]), None);
        assert_eq!(found(vec![begins("a", 1), skipped("a"), begins("b", 1)]), Some(("b".to_owned(), 1)));
    }
}

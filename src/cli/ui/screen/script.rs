//! Made-up runs for tests of the screens.

use serde_json::{Map, Value, json};

use super::Setting;
use crate::core::usage::Usage;
use crate::engine::event::{
    Aftermath, Change, Entry, Event, Live, News, Next, RunEnded, RunStarted, RunStatus,
};
use crate::recipe::model::{Orchestrator, RecipeSource};

/// Writes news one after the other, at times that are told.
#[derive(Default)]
pub(super) struct Script {
    pub(super) news: Vec<News>,
    seconds: i64,
    seq: u64,
}

impl Script {
    pub(super) fn at(mut self, seconds: i64) -> Self {
        self.seconds = seconds;
        self
    }

    pub(super) fn event(mut self, event: Event) -> Self {
        self.seq += 1;
        let at = jiff::Timestamp::from_second(1_760_000_000 + self.seconds).unwrap();
        self.news.push(News::Entry(Entry { schema_version: 1, seq: self.seq, at, event }));
        self
    }

    pub(super) fn live(mut self, live: Live) -> Self {
        self.news.push(News::Live(live));
        self
    }

    pub(super) fn start(self, change: impl FnOnce(&mut RunStarted)) -> Self {
        let mut started = RunStarted {
            run_id: "20251009-085320-7f3a".into(),
            recipe: "fix-tests".into(),
            description: "Run the tests; while they fail, a session repairs what is broken".into(),
            recipe_hash: "ab".into(),
            source: RecipeSource::Builtin,
            recipe_file: None,
            orchestrator: Orchestrator::Engine,
            permissions: "bypass".into(),
            repository: "/home/ada/calculator".into(),
            branch: Some("main".into()),
            commit: Some("0123456789abcdef".into()),
            dirty: false,
            inputs: Map::from_iter([
                ("test_command".to_owned(), json!("cargo test")),
                ("rounds".to_owned(), json!(3)),
                ("secret".to_owned(), json!("hidden")),
            ]),
            input_origins: None,
            temp_dir: None,
            env: None,
            rehearsal: None,
            autoskillit_version: "0.1.0".into(),
        };
        change(&mut started);
        self.event(Event::RunStarted(started))
    }

    pub(super) fn begin(self, step: &str, visit: u32, attempt: u32, what: &str) -> Self {
        let is_skill = what.starts_with('/');
        self.event(Event::StepStarted {
            step: step.into(),
            visit,
            attempt,
            tool: Some(if is_skill { "run_skill" } else { "test_check" }.into()),
            what: what.into(),
            params: Value::Null,
            session: is_skill.then(|| "session".into()),
            continues: attempt > 1,
        })
    }

    #[expect(clippy::too_many_arguments, reason = "one event, said in one line of a test")]
    pub(super) fn end(
        self,
        step: &str,
        visit: u32,
        attempt: u32,
        ok: bool,
        label: &str,
        summary: &str,
        elapsed_ms: u64,
        next: Next,
    ) -> Self {
        let usage = (step == "repair").then(|| usage(4));
        self.event(Event::StepEnded {
            step: step.into(),
            visit,
            attempt,
            ok,
            label: label.into(),
            summary: summary.into(),
            result: Value::Null,
            captures: Map::new(),
            elapsed_ms,
            usage,
            next,
            why: "on_success".into(),
            fault: None,
            signature: None,
            backoff_ms: 0,
        })
    }

    pub(super) fn doing(self, step: &str, tool: &str, target: &str) -> Self {
        self.live(Live::Doing { step: step.into(), tool: tool.into(), target: target.into() })
    }

    pub(super) fn finish(mut self, ended: RunEnded, aftermath: Aftermath) -> Self {
        self = self.event(Event::RunEnded(ended.clone()));
        self.news.push(News::End(ended, aftermath));
        self
    }
}

pub(super) fn to(step: &str) -> Next {
    Next::Step(step.into())
}

pub(super) fn usage(turns: u64) -> Usage {
    Usage {
        input: 320,
        output: 900 * turns,
        cache_read: 2_200 * turns,
        cache_write: 1_200,
        turns,
        cost_usd: 0.03 * turns as f64,
    }
}

pub(super) fn setting() -> Setting {
    Setting {
        orchestrator: None,
        orchestrator_why: "every step can be executed".into(),
        hidden_inputs: vec!["secret".into()],
        day: String::new(),
        steps: ["test", "repair", "done"].map(Into::into).into(),
    }
}

pub(super) fn ended(status: RunStatus, reason: &str, step: &str, resumable: bool) -> RunEnded {
    RunEnded { status, reason: reason.into(), step: Some(step.into()), resumable, fault: None }
}

pub(super) fn aftermath(files: usize) -> Aftermath {
    let named = [
        ('M', "src/parser.rs", 12, 3),
        ('A', "tests/precedence.rs", 40, 0),
        ('D', "src/old/legacy_evaluation_of_expressions.rs", 0, 118),
    ];
    let mut changes: Vec<Change> = named
        .iter()
        .map(|(kind, path, added, deleted)| Change {
            path: (*path).into(),
            kind: *kind,
            added: Some(*added),
            deleted: Some(*deleted),
        })
        .collect();
    changes.extend((3..files).map(|n| Change {
        path: format!("docs/page-{n}.png"),
        kind: '?',
        added: None,
        deleted: None,
    }));
    changes.truncate(files);
    Aftermath {
        undo: (files > 0).then(|| "git restore --source=0123456 --worktree -- src tests".into()),
        changes,
        hints: vec![],
        usage: usage(4),
        usage_by_step: vec![],
        elapsed_ms: 69_000,
        run_dir: "/home/ada/calculator/.autoskillit/runs/20251009-085320-7f3a".into(),
    }
}

/// The tests fail, a session repairs them, they pass. Ends before the last line.
pub(super) fn repair() -> Script {
    let used = |turns| Live::Used { step: "repair".into(), usage: usage(turns) };
    Script::default()
        .start(|_| {})
        .begin("test", 1, 1, "cargo test")
        .doing("test", "output", "running 14 tests")
        .at(2)
        .end("test", 1, 1, false, "tests failed", "tests failed: 2 of 14 failed", 2_100, to("repair"))
        .begin("repair", 1, 1, "/autoskillit:repair-tests --round 1")
        .live(Live::Spawned { step: "repair".into(), session: "session".into() })
        .at(4)
        .live(Live::Saying { step: "repair".into(), text: String::new() })
        .doing("repair", "Read", "/home/ada/calculator/src/parser.rs")
        .live(used(1))
        .doing("repair", "Read", "/home/ada/calculator/tests/arithmetic.rs")
        .doing("repair", "Edit", "/home/ada/calculator/src/parser.rs")
        .live(used(3))
        .doing("repair", "Bash", "cargo test --quiet 2>&1 | tail -n 20")
        .at(64)
}

/// The same to its good end.
pub(super) fn success() -> Script {
    repair()
        .end(
            "repair",
            1,
            1,
            true,
            "success",
            "Multiplication binds tighter than addition again",
            62_000,
            to("test"),
        )
        .begin("test", 2, 1, "cargo test")
        .at(69)
        .end("test", 2, 1, true, "success", "14 passed", 2_000, to("done"))
        .finish(
            ended(RunStatus::Succeeded, "all tests pass", "done", false),
            Aftermath { hints: vec!["git diff".into()], ..aftermath(2) },
        )
}

/// A run that was cut off, resumed, and meets everything that can happen to a step.
pub(super) fn rough() -> Script {
    Script::default()
        .start(|started| {
            started.dirty = true;
            started.permissions = "accept_edits".into();
            started.orchestrator = Orchestrator::Claude;
        })
        .begin("test", 1, 1, "cargo test")
        .at(9_000)
        .event(Event::RunResumed {
            step: "repair".into(),
            note: "its session was cut off and goes on".into(),
            autoskillit_version: None,
        })
        .begin("repair", 1, 1, "/autoskillit:repair-tests")
        .live(Live::Waiting {
            step: "repair".into(),
            why: "the API is overloaded, next try in 8s".into(),
            until: None,
        })
        .at(9_010)
        .end("repair", 1, 1, false, "context limit", "the session ran out of context", 10_000, Next::Retry)
        .begin("repair", 1, 2, "/autoskillit:repair-tests")
        .live(Live::Ending { step: "repair".into(), why: "no sign of life for 5m".into() })
        .at(9_020)
        .end("repair", 1, 2, false, "permission_denied", "Bash was denied twice", 12_340, to("lint"))
        .event(Event::StepSkipped {
            step: "lint".into(),
            why: "context.lint is false".into(),
            next: to("repair"),
        })
        .event(Event::StepExceeded { step: "repair".into(), visits: 3, next: to("report") })
        .event(Event::Notice { text: "the client is newer than the one this was tested with".into() })
}

/// The end by Ctrl-C, which can be resumed.
pub(super) fn stopped() -> Script {
    repair().finish(ended(RunStatus::Stopped, "you pressed Ctrl-C", "repair", true), aftermath(1))
}

/// Text that tries to drive the terminal or to break the layout.
pub(super) fn hostile() -> Script {
    let evil = "\x1b[2J\x1b]0;owned\x07line one\r\nline two\u{9b}31m\ttab \u{202e}desrever\u{2066}";
    let wide = "日本語のとても長い説明👩‍👩‍👧‍👦🏳️‍🌈".repeat(30);
    let long = "x".repeat(10_000);
    let rtl = "مرحبا بالعالم שלום עולם";
    Script::default()
        .start(|started| {
            started.recipe = format!("evil{evil}");
            started.description = wide.clone();
            started.inputs = Map::from_iter([(format!("k{evil}"), json!(long))]);
        })
        .begin(&format!("step{evil}"), 1, 1, evil)
        .end(&format!("step{evil}"), 1, 1, false, evil, &wide, 5, Next::End(RunStatus::Failed))
        .event(Event::Notice { text: long.clone() })
        .event(Event::Notice { text: rtl.into() })
        .begin(&wide, 12, 3, rtl)
        .doing(&wide, evil, &long)
        .begin("b", 1, 1, evil)
        .doing("b", "Bash", &wide)
        .begin("c", 1, 1, &long)
        .live(Live::Saying { step: "c".into(), text: format!("{rtl}{evil}{wide}") })
}

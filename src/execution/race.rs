//! When is a session over, and why? Four kinds of evidence race: the process's exit, its stdout, its transcript, and signs of
//! life. This is the judge: a pure reducer over timed signals. It never waits and never reads a clock; whoever drives it tells it
//! what time it is and is told until when to wait.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::record::{Init, Record};
pub use super::warden::Exit;

/// Time since the session was spawned.
pub type At = Duration;

/// The limits of one session.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The longest a session may take.
    pub wall_clock: Duration,
    /// Silence on every channel, with no sign of life, after which a session is stale. `None`: never.
    pub stale: Option<Duration>,
    /// Silence of stdout while no tool call is open, after which a session is stalled. `None`: never.
    pub idle: Option<Duration>,
    /// After the last result, with no background task open, the client has this long to leave by itself.
    pub leave: Duration,
    /// After a result, background tasks that are still open have this long. `None`: as long as the wall clock.
    pub background: Option<Duration>,
    /// What the client must have found when it says that it is ready; without that, every token is wasted.
    pub needs: Needs,
    /// After the exit, stdout may stay open (a grandchild holds it) for this long before it is given up.
    pub drain: Duration,
    /// After it was told to end, the warden has this long to report the exit. Its ladder is bounded below this.
    pub ladder: Duration,
}

/// What a session cannot do without.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// An MCP server, connected.
    pub server: Option<String>,
    /// A slash command: the skill that it is to run.
    pub command: Option<String>,
}

impl Needs {
    /// What is missing, and the label of that verdict.
    #[must_use]
    pub fn missing(&self, init: &Init) -> Option<(&'static str, String)> {
        if let Some(name) = &self.server {
            let status =
                init.mcp_servers.iter().find(|(server, _)| server == name).map(|(_, status)| status.as_str());
            if status != Some("connected") {
                let status = status.unwrap_or("not there");
                return Some(("mcp_not_connected", format!("its MCP server `{name}` is {status}")));
            }
        }
        let command = self.command.as_ref().filter(|command| !init.slash_commands.contains(command))?;
        Some(("unknown_skill", format!("the client has no skill `{command}`")))
    }
}

impl Default for Policy {
    /// Wall clock, stale and idle as in the settings' defaults; the rest from the client's behaviour: it leaves within 1.5 s of
    /// a signal, and at once after its last result.
    fn default() -> Self {
        Self {
            wall_clock: Duration::from_secs(7200),
            stale: Some(Duration::from_secs(1200)),
            idle: Some(Duration::from_secs(600)),
            leave: Duration::from_secs(10),
            background: None,
            needs: Needs::default(),
            drain: Duration::from_secs(2),
            ladder: Duration::from_secs(10),
        }
    }
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq)]
pub enum Signal<'a> {
    /// A record on stdout.
    Stdout(&'a Record),
    /// The transcript file grew.
    Transcript,
    /// Processes of the session used CPU time since the last look.
    Alive,
    /// The client process is gone. `None`: it went together with its warden, the exit is unknown.
    Exited(Option<Exit>),
    /// stdout is at its end.
    Eof,
    /// Someone wants it to end.
    Cancel,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Termination {
    /// The client left by itself.
    NaturalExit,
    /// Its last result was there, it did not leave, and was ended.
    Completed,
    /// Its last result was there, background work was open for longer than it may, and it was ended.
    LeftOpen,
    /// stdout was silent for too long and no tool ran.
    IdleStall,
    /// Nothing moved anywhere for too long.
    Stale,
    /// The wall clock.
    TimedOut,
    /// Ended on request.
    Cancelled,
    /// The login does not work; further tries of the client would only take time.
    Unauthenticated,
    /// The client is ready, and what the session needs is not there.
    Unfit,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Wait for signals, at most until then.
    Wait(At),
    /// Tell the warden to end the session, then ask again.
    End(Termination),
    /// It is over.
    Over(Termination),
}

/// The reducer.
#[derive(Debug, Clone)]
pub struct Race {
    policy: Policy,
    last_stdout: At,
    last_life: At,
    open_calls: Vec<String>,
    background: usize,
    result_at: Option<At>,
    /// When the last result came, whatever happened to background tasks since.
    answered_at: Option<At>,
    exited_at: Option<At>,
    exit: Option<Exit>,
    eof: bool,
    cancelled: bool,
    unauthenticated: bool,
    unfit: bool,
    ending: Option<(Termination, At)>,
}

impl Race {
    /// At the moment of the spawn.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            last_stdout: At::ZERO,
            last_life: At::ZERO,
            open_calls: Vec::new(),
            background: 0,
            result_at: None,
            answered_at: None,
            exited_at: None,
            exit: None,
            eof: false,
            cancelled: false,
            unauthenticated: false,
            unfit: false,
            ending: None,
        }
    }

    /// Takes one signal.
    pub fn observe(&mut self, at: At, signal: &Signal<'_>) {
        match signal {
            Signal::Stdout(record) => self.record(at, record),
            Signal::Transcript | Signal::Alive => self.last_life = at,
            Signal::Exited(exit) => {
                self.exited_at.get_or_insert(at);
                self.exit = self.exit.or(*exit);
            }
            Signal::Eof => self.eof = true,
            Signal::Cancel => self.cancelled = true,
        }
    }

    fn record(&mut self, at: At, record: &Record) {
        // A heartbeat says that the client lives, not that the work moves: it must not hide a hung tool for ever.
        if matches!(record, Record::ToolProgress { .. }) {
            return;
        }
        self.last_stdout = at;
        self.last_life = at;
        match record {
            Record::Init(init) => {
                (self.result_at, self.answered_at) = (None, None);
                self.unfit |= self.policy.needs.missing(init).is_some();
            }
            Record::Assistant(assistant) => {
                (self.result_at, self.answered_at) = (None, None);
                for block in &assistant.blocks {
                    if let super::record::Block::ToolUse(call) = block {
                        self.open_calls.push(call.id.clone());
                    }
                }
            }
            Record::User(user) => {
                self.open_calls.retain(|id| user.results.iter().all(|result| result.id != *id));
            }
            Record::BackgroundTasks { open } => {
                self.background = open.len();
                // The wait for the client to leave starts anew when the last task is done.
                self.result_at = self.result_at.map(|_| at);
            }
            Record::ApiRetry(retry) => {
                self.unauthenticated |= retry.error == "authentication_failed" && retry.attempt >= 2;
            }
            Record::Result(_) => {
                (self.result_at, self.answered_at) = (Some(at), Some(at));
                self.open_calls.clear();
            }
            Record::RateLimit { .. } | Record::ToolProgress { .. } | Record::Other { .. } => {}
        }
    }

    /// Decides. Total: every state has an answer. Order matters: the exit beats everything, then the request to end, then
    /// limits by how certain they are.
    pub fn step(&mut self, at: At) -> Step {
        if let Some(exited) = self.exited_at {
            let why = self.ending.map_or(Termination::NaturalExit, |(why, _)| why);
            let given_up = exited + self.policy.drain;
            return if self.eof || at >= given_up { Step::Over(why) } else { Step::Wait(given_up) };
        }
        if let Some((why, since)) = self.ending {
            let lost = since + self.policy.ladder;
            return if at >= lost { Step::Over(why) } else { Step::Wait(lost) };
        }
        let mut wake = self.policy.wall_clock;
        let mut verdict = None;
        let mut limit = |deadline: At, why: Termination| {
            if at >= deadline {
                verdict.get_or_insert(why);
            } else {
                wake = wake.min(deadline);
            }
        };
        if self.cancelled {
            limit(At::ZERO, Termination::Cancelled);
        }
        limit(self.policy.wall_clock, Termination::TimedOut);
        if self.unauthenticated {
            limit(At::ZERO, Termination::Unauthenticated);
        }
        if self.unfit {
            limit(At::ZERO, Termination::Unfit);
        }
        match (self.result_at, self.answered_at, self.background) {
            (Some(result), _, 0) => limit(result + self.policy.leave, Termination::Completed),
            (_, Some(answered), 1..) => {
                if let Some(patience) = self.policy.background {
                    limit(answered + patience, Termination::LeftOpen);
                }
            }
            _ => {}
        }
        if let (Some(idle), true, 0) = (self.policy.idle, self.open_calls.is_empty(), self.background) {
            limit(self.last_stdout + idle, Termination::IdleStall);
        }
        if let Some(stale) = self.policy.stale {
            limit(self.last_life.max(self.last_stdout) + stale, Termination::Stale);
        }
        match verdict {
            Some(why) => {
                self.ending = Some((why, at));
                Step::End(why)
            }
            None => Step::Wait(wake),
        }
    }

    /// How the client ended, once it has.
    #[must_use]
    pub fn exit(&self) -> Option<Exit> {
        self.exit
    }

    /// Whether stdout was still open when the session was over: something that it started holds it.
    #[must_use]
    pub fn stdout_held(&self) -> bool {
        self.exited_at.is_some() && !self.eof
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::record::{ApiRetry, Assistant, Block, ToolResult, ToolUse, User};
    use proptest::prelude::*;

    const fn s(seconds: u64) -> At {
        At::from_secs(seconds)
    }

    fn policy() -> Policy {
        Policy {
            wall_clock: s(1000),
            stale: Some(s(300)),
            idle: Some(s(100)),
            leave: s(10),
            background: None,
            needs: Needs::default(),
            drain: s(2),
            ladder: s(8),
        }
    }

    fn says() -> Record {
        Record::Assistant(Assistant { blocks: vec![Block::Text("x".into())], ..Assistant::default() })
    }

    fn calls(id: &str) -> Record {
        let call = ToolUse { id: id.into(), name: "Bash".into(), target: "sleep".into() };
        Record::Assistant(Assistant { blocks: vec![Block::ToolUse(call)], ..Assistant::default() })
    }

    fn answers(id: &str) -> Record {
        Record::User(User { results: vec![ToolResult { id: id.into(), is_error: false }] })
    }

    fn result() -> Record {
        Record::Result(Box::default())
    }

    fn tasks(open: &[&str]) -> Record {
        Record::BackgroundTasks { open: open.iter().map(|&task| task.to_owned()).collect() }
    }

    fn beat() -> Record {
        Record::ToolProgress { tool: "Bash".into() }
    }

    fn exit(code: i32) -> Signal<'static> {
        Signal::Exited(Some(Exit { code: Some(code), signal: None }))
    }

    /// Plays records at their times and asks at `at`.
    fn asked(records: &[(u64, Record)], at: u64) -> Step {
        let mut race = Race::new(policy());
        for (when, record) in records {
            race.observe(s(*when), &Signal::Stdout(record));
        }
        race.step(s(at))
    }

    #[test]
    fn each_limit_has_its_moment() {
        let cases: &[(&str, Vec<(u64, Record)>, u64, Step)] = &[
            ("nothing yet", vec![], 99, Step::Wait(s(100))),
            ("silent from the start", vec![], 100, Step::End(Termination::IdleStall)),
            ("silent after words", vec![(50, says())], 150, Step::End(Termination::IdleStall)),
            ("a tool runs", vec![(50, calls("a"))], 200, Step::Wait(s(350))),
            (
                "a heartbeat is no work",
                vec![(50, calls("a")), (340, beat())],
                350,
                Step::End(Termination::Stale),
            ),
            (
                "the tool ended",
                vec![(50, calls("a")), (60, answers("a"))],
                160,
                Step::End(Termination::IdleStall),
            ),
            ("a result, and it leaves", vec![(5, result())], 14, Step::Wait(s(15))),
            ("a result, and it stays", vec![(5, result())], 15, Step::End(Termination::Completed)),
            ("a background task is open", vec![(5, tasks(&["b"])), (6, result())], 299, Step::Wait(s(306))),
            (
                "the background task ended",
                vec![(5, tasks(&["b"])), (6, result()), (90, tasks(&[]))],
                100,
                Step::End(Termination::Completed),
            ),
            ("another turn", vec![(5, result()), (9, says())], 20, Step::Wait(s(109))),
            (
                "the wall clock",
                (0..=99).map(|i| (i * 10, says())).collect(),
                1000,
                Step::End(Termination::TimedOut),
            ),
        ];
        for (name, records, at, expected) in cases {
            assert_eq!(asked(records, *at), *expected, "{name}");
        }
    }

    #[test]
    fn background_work_gets_as_long_as_the_policy_says() {
        let stays = [(5, tasks(&["b"])), (6, result()), (20, tasks(&["b", "c"]))];
        let asked = |patience: Option<u64>, at: u64| {
            let mut race = Race::new(Policy { background: patience.map(s), ..policy() });
            for (when, record) in stays.iter().filter(|(when, _)| *when <= at) {
                race.observe(s(*when), &Signal::Stdout(record));
            }
            race.step(s(at))
        };
        assert_eq!(asked(None, 299), Step::Wait(s(320)));
        assert_eq!(asked(Some(60), 65), Step::Wait(s(66)), "counted from the result, whatever the tasks do");
        assert_eq!(asked(Some(60), 66), Step::End(Termination::LeftOpen));
        assert_eq!(asked(Some(0), 6), Step::End(Termination::LeftOpen), "not at all");
    }

    #[test]
    fn a_session_without_what_it_needs_ends_at_once() {
        let needs = Needs { server: Some("autoskillit".into()), command: Some("autoskillit:chore".into()) };
        let asked = |status: &str, command: &str| {
            let mut race = Race::new(Policy { needs: needs.clone(), ..policy() });
            let init = Record::Init(Init {
                mcp_servers: vec![("autoskillit".into(), status.into())],
                slash_commands: vec![command.into()],
                ..Init::default()
            });
            race.observe(s(1), &Signal::Stdout(&init));
            race.step(s(1))
        };
        assert_eq!(asked("connected", "autoskillit:chore"), Step::Wait(s(101)));
        assert_eq!(asked("pending", "autoskillit:chore"), Step::End(Termination::Unfit));
        assert_eq!(asked("connected", "compact"), Step::End(Termination::Unfit));
    }

    #[test]
    fn one_failed_login_is_no_verdict_and_two_are() {
        let retry = |attempt| {
            Record::ApiRetry(ApiRetry {
                attempt,
                error: "authentication_failed".into(),
                ..ApiRetry::default()
            })
        };
        assert_eq!(asked(&[(1, retry(1))], 1), Step::Wait(s(101)));
        assert_eq!(asked(&[(1, retry(1)), (2, retry(2))], 2), Step::End(Termination::Unauthenticated));
    }

    #[test]
    fn signs_of_life_hold_off_stale_but_not_idle() {
        let mut race = Race::new(policy());
        race.observe(s(1), &Signal::Stdout(&calls("a")));
        race.observe(s(290), &Signal::Alive);
        assert_eq!(race.step(s(310)), Step::Wait(s(590)));
        race.observe(s(310), &Signal::Stdout(&answers("a")));
        race.observe(s(409), &Signal::Transcript);
        assert_eq!(race.step(s(410)), Step::End(Termination::IdleStall));
    }

    #[test]
    fn exit_and_end_of_stdout_are_two_facts() {
        let mut race = Race::new(policy());
        race.observe(s(3), &exit(0));
        assert_eq!(race.step(s(3)), Step::Wait(s(5)));
        race.observe(s(4), &Signal::Eof);
        assert_eq!(race.step(s(4)), Step::Over(Termination::NaturalExit));
        assert!(!race.stdout_held());

        let mut held = Race::new(policy());
        held.observe(s(3), &exit(0));
        assert_eq!(held.step(s(5)), Step::Over(Termination::NaturalExit));
        assert!(held.stdout_held());
    }

    #[test]
    fn an_ending_keeps_its_reason_until_the_exit() {
        let mut race = Race::new(policy());
        race.observe(s(3), &Signal::Cancel);
        assert_eq!(race.step(s(3)), Step::End(Termination::Cancelled));
        assert_eq!(race.step(s(4)), Step::Wait(s(11)), "told once");
        race.observe(s(5), &exit(1));
        race.observe(s(5), &Signal::Eof);
        assert_eq!(race.step(s(5)), Step::Over(Termination::Cancelled));
    }

    #[test]
    fn an_exit_beats_a_limit_of_the_same_moment() {
        let mut race = Race::new(policy());
        race.observe(s(1000), &exit(0));
        race.observe(s(1000), &Signal::Eof);
        assert_eq!(race.step(s(1000)), Step::Over(Termination::NaturalExit));
    }

    fn any_record() -> impl Strategy<Value = Record> {
        prop_oneof![
            Just(says()),
            Just(calls("a")),
            Just(answers("a")),
            Just(result()),
            Just(tasks(&["b"])),
            Just(tasks(&[])),
            Just(beat()),
        ]
    }

    proptest! {
        #[test]
        fn every_session_ends_by_its_wall_clock_and_its_ladder(records in proptest::collection::vec((0u64..1200, any_record()), 0..40)) {
            let mut records = records;
            records.sort_by_key(|(at, _)| *at);
            let mut race = Race::new(policy());
            for (at, record) in &records {
                race.observe(s(*at), &Signal::Stdout(record));
                race.step(s(*at));
            }
            race.step(s(1200));
            prop_assert!(matches!(race.step(s(1208)), Step::Over(_)));
        }

        #[test]
        fn a_wait_is_always_in_the_future(records in proptest::collection::vec((0u64..1200, any_record()), 0..40)) {
            let mut records = records;
            records.sort_by_key(|(at, _)| *at);
            let mut race = Race::new(policy());
            for (at, record) in &records {
                race.observe(s(*at), &Signal::Stdout(record));
                if let Step::Wait(until) = race.step(s(*at)) {
                    prop_assert!(until > s(*at));
                }
            }
        }
    }
}

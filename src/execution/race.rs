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
    /// The same call with the same result, made so often without anything new in between, ends a session. `None`: never.
    pub repeats: Option<u32>,
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
    /// Wall clock, stale, idle and repeats as in the settings' defaults; the rest from the client's behaviour: it leaves within 1.5 s of
    /// a signal, and at once after its last result.
    fn default() -> Self {
        Self {
            wall_clock: Duration::from_secs(7200),
            stale: Some(Duration::from_secs(1200)),
            idle: Some(Duration::from_secs(600)),
            repeats: Some(12),
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
    /// Processes of the session worked since the last look: they used CPU time, or read or wrote.
    Alive,
    /// The client process is gone. `None`: it went together with its warden, the exit is unknown.
    Exited(Option<Exit>),
    /// stdout is at its end.
    Eof,
    /// The same call was made as often as it may be.
    Repeats,
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
    /// It made the same call with the same result too often.
    NoProgress,
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
    /// The first `init` was there.
    begun: bool,
    unfit: bool,
    repeats: bool,
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
            begun: false,
            unfit: false,
            repeats: false,
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
            Signal::Repeats => self.repeats = true,
            Signal::Cancel => self.cancelled = true,
        }
    }

    fn record(&mut self, at: At, record: &Record) {
        // A heartbeat says that the client lives, and a ping that its connection does, not that the work moves: they must not hide a
        // hung tool or a hung answer for ever.
        if matches!(record, Record::ToolProgress { .. } | Record::Ping) {
            return;
        }
        self.last_stdout = at;
        self.last_life = at;
        match record {
            Record::Init(init) => {
                (self.result_at, self.answered_at) = (None, None);
                // A later turn begins in a session that works.
                let first = !std::mem::replace(&mut self.begun, true);
                self.unfit |= first && self.policy.needs.missing(init).is_some();
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
            Record::RateLimit { .. }
            | Record::ToolProgress { .. }
            | Record::Piece(_)
            | Record::Ping
            | Record::Other { .. } => {}
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
        // Who has answered is ended for what is still open, and the answer stands.
        let answered = match (self.answered_at, self.background) {
            (Some(_), 0) => Some(Termination::Completed),
            (Some(_), _) => Some(Termination::LeftOpen),
            (None, _) => None,
        };
        limit(self.policy.wall_clock, answered.unwrap_or(Termination::TimedOut));
        if self.unauthenticated {
            limit(At::ZERO, Termination::Unauthenticated);
        }
        if self.unfit {
            limit(At::ZERO, Termination::Unfit);
        }
        if self.repeats && answered.is_none() {
            limit(At::ZERO, Termination::NoProgress);
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
            limit(self.last_life.max(self.last_stdout) + stale, answered.unwrap_or(Termination::Stale));
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
mod tests;

//! How patiently a session is ended: which signal is due after how long.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long each signal is given before the next one. On the wire in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    /// How long SIGINT is given; `None` begins with SIGTERM.
    #[serde(with = "optional_millis", default)]
    pub interrupt: Option<Duration>,
    /// How long SIGTERM is given.
    #[serde(with = "millis")]
    pub terminate: Duration,
    /// How long after SIGKILL the process is waited for. Only one stuck in the kernel needs it.
    #[serde(with = "millis")]
    pub kill: Duration,
}

impl Ladder {
    /// For a client: SIGINT makes it report its usage and end its tool commands within about 1.5 s, SIGTERM makes it
    /// end them too but without a result.
    #[must_use]
    pub fn session() -> Self {
        Self {
            interrupt: Some(Duration::from_secs(2)),
            terminate: Duration::from_millis(1500),
            kill: Duration::from_secs(1),
        }
    }

    /// For a plain command, which has nothing to say on SIGINT.
    #[must_use]
    pub fn command() -> Self {
        Self { interrupt: None, terminate: Duration::from_secs(1), kill: Duration::from_secs(1) }
    }

    /// What is due for a process that is still there `waited` after it was sent `rung` (`None`: nothing was sent yet).
    #[must_use]
    pub fn next(&self, rung: Option<Rung>, waited: Duration) -> Move {
        let (patience, then) = match rung {
            None => match self.interrupt {
                Some(_) => return Move::Climb(Rung::Interrupt),
                None => return Move::Climb(Rung::Terminate),
            },
            Some(Rung::Interrupt) => (self.interrupt.unwrap_or_default(), Move::Climb(Rung::Terminate)),
            Some(Rung::Terminate) => (self.terminate, Move::Climb(Rung::Kill)),
            Some(Rung::Kill) => (self.kill, Move::GiveUp),
        };
        match patience.checked_sub(waited) {
            None | Some(Duration::ZERO) => then,
            Some(left) => Move::Wait(left),
        }
    }
}

/// A rung of the ladder: the signal that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// SIGINT, to the client alone.
    Interrupt,
    /// SIGTERM, to the client and its descendants.
    Terminate,
    /// SIGKILL, to the client and its descendants.
    Kill,
}

/// What [`Ladder::next`] says is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Send the signal of this rung.
    Climb(Rung),
    /// Ask again after this time.
    Wait(Duration),
    /// SIGKILL had no effect in time: go on without the process.
    GiveUp,
}

/// A duration as whole milliseconds.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        crate::core::time::millis(*value).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

/// A duration that may be absent, as whole milliseconds or null.
mod optional_millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => super::millis::serialize(value, to),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_millis))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    #[test]
    fn each_rung_is_given_its_time() {
        let session = Ladder::session();
        let command = Ladder::command();
        let table = [
            (session, None, 0, Move::Climb(Rung::Interrupt)),
            (session, None, 9000, Move::Climb(Rung::Interrupt)),
            (session, Some(Rung::Interrupt), 0, Move::Wait(ms(2000))),
            (session, Some(Rung::Interrupt), 1999, Move::Wait(ms(1))),
            (session, Some(Rung::Interrupt), 2000, Move::Climb(Rung::Terminate)),
            (session, Some(Rung::Terminate), 0, Move::Wait(ms(1500))),
            (session, Some(Rung::Terminate), 1500, Move::Climb(Rung::Kill)),
            (session, Some(Rung::Terminate), 99_000, Move::Climb(Rung::Kill)),
            (session, Some(Rung::Kill), 0, Move::Wait(ms(1000))),
            (session, Some(Rung::Kill), 1000, Move::GiveUp),
            (command, None, 0, Move::Climb(Rung::Terminate)),
            (command, Some(Rung::Terminate), 400, Move::Wait(ms(600))),
            (command, Some(Rung::Terminate), 1000, Move::Climb(Rung::Kill)),
        ];
        for (ladder, rung, waited, expected) in table {
            assert_eq!(ladder.next(rung, ms(waited)), expected, "{rung:?} after {waited} ms");
        }
    }

    #[test]
    fn travels_in_milliseconds() {
        let text = serde_json::to_string(&Ladder::session()).unwrap();
        assert_eq!(text, r#"{"interrupt":2000,"terminate":1500,"kill":1000}"#);
        let command: Ladder = serde_json::from_str(r#"{"terminate":1000,"kill":1000}"#).unwrap();
        assert_eq!(command, Ladder::command());
    }

    proptest! {
        /// Whatever the numbers, obeying the ladder comes to its end after exactly the sum of them.
        #[test]
        fn always_ends(interrupt in proptest::option::of(0u64..5000), terminate in 0u64..5000, kill in 0u64..5000) {
            let ladder = Ladder { interrupt: interrupt.map(ms), terminate: ms(terminate), kill: ms(kill) };
            let (mut rung, mut waited, mut total) = (None, Duration::ZERO, Duration::ZERO);
            let mut climbed = Vec::new();
            loop {
                match ladder.next(rung, waited) {
                    Move::Climb(next) => {
                        climbed.push(next);
                        (rung, waited) = (Some(next), Duration::ZERO);
                    }
                    Move::Wait(time) => {
                        waited += time;
                        total += time;
                    }
                    Move::GiveUp => break,
                }
            }
            prop_assert!(climbed.is_sorted());
            prop_assert_eq!(climbed.last(), Some(&Rung::Kill));
            prop_assert_eq!(total, ms(interrupt.unwrap_or(0) + terminate + kill));
        }
    }
}

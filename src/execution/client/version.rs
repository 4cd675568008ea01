//! Which version of the client this is, and what sessions can count on in it. All limits of versions stand here, each with
//! where it is known from.

use std::fmt;

use serde::Serialize;

/// A version of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u64,
    minor: u64,
    patch: u64,
}

impl Version {
    /// This version.
    #[must_use]
    pub const fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self { major, minor, patch }
    }

    /// The version that a program tells: the first three numbers with dots between them in the first line that has some, as in
    /// `2.1.330 (Claude Code)` and `git version 2.47.3`. A missing third number is 0.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        text.split_whitespace().find_map(|word| {
            let mut numbers = word.trim_start_matches('v').split('.').map(|part| {
                let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
                part[..digits].parse().ok()
            });
            let (major, minor) = (numbers.next()??, numbers.next()??);
            Some(Self { major, minor, patch: numbers.next().flatten().unwrap_or(0) })
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The oldest client that runs sessions: 2.0.44 does not know `--json-schema` and ends at once; with 2.0.45, which has every
/// option of [`super::SessionSpec::args`], runs succeed.
pub const OLDEST: Version = Version::new(2, 0, 45);

/// The client that the tests run: the one that `tests/run` installs.
pub const TESTED: Version = Version::new(2, 1, 330);

/// Something that newer clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capability {
    /// The first version that does it.
    pub since: Version,
    /// What happens with older ones.
    pub without: &'static str,
    /// Where that is known from.
    pub source: &'static str,
}

/// What sessions miss in older clients, the oldest loss first.
pub const CAPABILITIES: &[Capability] = &[
    Capability {
        since: Version::new(2, 1, 80),
        without: "the client tries a rejected login and a rate limit for minutes, without a word",
        source: "tried: 2.1.76 does so, 2.1.80 tells at once",
    },
    Capability {
        since: Version::new(2, 1, 101),
        without: "the client deletes conversations older than 30 days, whatever `cleanupPeriodDays` says",
        source: "the client's changelog",
    },
    Capability {
        since: Version::new(2, 1, 187),
        without: "a session that works on after its answer may lose it",
        source: "the client's changelog",
    },
    Capability {
        since: Version::new(2, 1, 197),
        without: "a session that was stopped in the middle of a command does not know of it when it goes on",
        source: "tried: 2.1.153 does not, 2.1.197 does",
    },
    Capability {
        since: Version::new(2, 1, 208),
        without: "a large answer may arrive without its end, and count as failed",
        source: "the client's changelog",
    },
    Capability {
        since: Version::new(2, 1, 214),
        without: "the client says nothing during a long command, which may look like a stall",
        source: "the client's changelog",
    },
];

/// What a version means for sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fitness {
    /// Sessions cannot run.
    TooOld,
    /// Sessions run; newer clients do these in addition.
    Lacks(Vec<&'static Capability>),
    /// It does all that is asked of it.
    Fit,
    /// So does it as far as is known: it is newer than what the tests run.
    Newer,
}

impl Version {
    /// What it means for sessions.
    #[must_use]
    pub fn fitness(self) -> Fitness {
        let lacks: Vec<_> = CAPABILITIES.iter().filter(|it| self < it.since).collect();
        match () {
            () if self < OLDEST => Fitness::TooOld,
            () if !lacks.is_empty() => Fitness::Lacks(lacks),
            () if self > TESTED => Fitness::Newer,
            () => Fitness::Fit,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        let cases = [
            ("2.1.330 (Claude Code)\n", Some((2, 1, 330))),
            ("git version 2.47.3", Some((2, 47, 3))),
            ("git version 2.39.5 (Apple Git-154)", Some((2, 39, 5))),
            ("git version 2.20", Some((2, 20, 0))),
            ("git version 2.46.0.windows.1", Some((2, 46, 0))),
            ("gh version 2.63.0 (2024-11-27)\nhttps://x/v2.63.0", Some((2, 63, 0))),
            ("v3.0.0-beta.2", Some((3, 0, 0))),
            ("2.1.0-rc1", Some((2, 1, 0))),
            ("", None),
            ("claude: not found", None),
            ("version 7", None),
            ("99999999999999999999.1.1", None),
        ];
        for (said, expected) in cases {
            let expected = expected.map(|(major, minor, patch)| Version::new(major, minor, patch));
            assert_eq!(Version::find(said), expected, "{said:?}");
        }
    }

    #[test]
    fn the_tests_run_the_version_that_is_said_to_be_tested() {
        let script = include_str!("../../../tests/run");
        assert!(script.contains(&format!("\nclient_version={TESTED}\n")));
    }

    #[test]
    fn what_each_version_is_good_for() {
        let lacks = |version: Version| match version.fitness() {
            Fitness::Lacks(capabilities) => capabilities.len(),
            other => panic!("{version}: {other:?}"),
        };
        assert_eq!(Version::new(2, 0, 44).fitness(), Fitness::TooOld);
        assert_eq!(Version::new(1, 0, 128).fitness(), Fitness::TooOld);
        assert_eq!(lacks(OLDEST), CAPABILITIES.len());
        assert_eq!(lacks(Version::new(2, 1, 187)), 3);
        assert_eq!(TESTED.fitness(), Fitness::Fit);
        assert_eq!(Version::new(2, 1, 331).fitness(), Fitness::Newer);
        assert_eq!(Version::new(3, 0, 0).fitness(), Fitness::Newer);
        assert!(CAPABILITIES.is_sorted_by_key(|it| it.since));
        assert!(CAPABILITIES.iter().all(|it| OLDEST < it.since && it.since <= TESTED));
    }

    proptest! {
        #[test]
        fn a_version_is_read_as_it_is_written(major in 0u64..100, minor in 0u64..100, patch in 0u64..1000) {
            let version = Version::new(major, minor, patch);
            prop_assert_eq!(Version::find(&version.to_string()), Some(version));
        }

        #[test]
        fn nothing_that_is_said_is_too_odd(said in any::<String>()) {
            let _ = Version::find(&said);
        }
    }
}

//! What a test runner printed about its counts. A wrapper may swallow a failing exit code; the counts still tell.

use std::sync::LazyLock;

use regex::Regex;

/// The counts of one run, summed over its suites.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: u64,
    pub(super) failed: u64,
}

impl Counts {
    /// In a few words; `None` when nothing was counted.
    pub(super) fn words(self) -> Option<String> {
        match self {
            Self { passed: 0, failed: 0 } => None,
            Self { passed, failed: 0 } => Some(format!("{passed} passed")),
            Self { passed, failed } => Some(format!("{failed} failed, {passed} passed")),
        }
    }
}

/// Reads the summaries of the usual runners from their output. Only lines that are unmistakably a summary count; a log line
/// that mentions numbers does not.
pub(super) fn counts(output: &str) -> Counts {
    static CARGO: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^test result: (?:ok|FAILED)\. (\d+) passed; (\d+) failed;").ok());
    static PYTEST: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^=*\s*(?:[0-9]+ [a-z]+(?:, )?)+ in [0-9.]+s.*$").ok());
    static NEXTEST: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^\s*Summary \[.*\] .*tests? run: .*$").ok());
    static JEST: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^Tests:? +.*[0-9]+ (?:total|passed|failed).*$").ok());
    static PLAIN: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^(?:[a-z]+: )?[0-9]+ passed, [0-9]+ failed(?:, [0-9]+ skipped)?$").ok()
    });
    static COUNT: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"([0-9]+) (passed|failed|errors?)\b").ok());

    let (mut cargo, mut last) = (Counts::default(), None);
    for line in output.lines().map(str::trim_end) {
        if let Some(found) = CARGO.as_ref().and_then(|regex| regex.captures(line)) {
            cargo.passed += found[1].parse::<u64>().unwrap_or(0);
            cargo.failed += found[2].parse::<u64>().unwrap_or(0);
        } else if [&PYTEST, &NEXTEST, &JEST, &PLAIN]
            .iter()
            .any(|regex| regex.as_ref().is_some_and(|regex| regex.is_match(line)))
        {
            let mut counts = Counts::default();
            for found in COUNT.iter().flat_map(|regex| regex.captures_iter(line)) {
                let count = found[1].parse::<u64>().unwrap_or(0);
                if &found[2] == "passed" { counts.passed += count } else { counts.failed += count }
            }
            last = Some(counts);
        }
    }
    if cargo == Counts::default() { last.unwrap_or_default() } else { cargo }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_of_the_usual_runners_are_read() {
        let cases = [
            (
                "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured\ntest result: FAILED. 1 passed; 2 failed; 0 ignored",
                (4, 2),
            ),
            ("===== 2 failed, 5 passed, 1 skipped in 0.12s =====", (5, 2)),
            ("1 error in 0.05s", (0, 1)),
            ("     Summary [   0.9s] 12 tests run: 11 passed, 1 failed, 0 skipped", (11, 1)),
            ("Tests:       1 failed, 4 passed, 5 total", (4, 1)),
            ("5 passed, 1 failed", (5, 1)),
            ("INFO migrated: 3 failed to parse, 7 passed through", (0, 0)),
            ("all good", (0, 0)),
        ];
        for (output, (passed, failed)) in cases {
            assert_eq!(counts(output), Counts { passed, failed }, "{output}");
        }
    }
}

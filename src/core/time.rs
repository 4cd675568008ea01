//! Times as they are written down.

use std::time::Duration;

/// Whole milliseconds; a time that is too long for a number is the longest there is.
#[must_use]
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A time in words, as recipes write it: `45s`, `10m`, `1h 30m`.
#[must_use]
pub fn words(time: Duration) -> String {
    let seconds = time.as_secs();
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let said: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if said.is_empty() { format!("{}ms", time.as_millis()) } else { said.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_their_largest_units() {
        for (ms, said) in
            [(0, "0ms"), (250, "250ms"), (45_000, "45s"), (600_000, "10m"), (5_400_000, "1h 30m")]
        {
            assert_eq!(words(Duration::from_millis(ms)), said);
        }
    }
}

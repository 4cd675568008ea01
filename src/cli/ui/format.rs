//! Numbers the way people say them. All functions are pure.

use std::time::Duration;

/// Tokens: `950`, `12.3k`, `1.2M`.
#[must_use]
pub fn tokens(count: u64) -> String {
    const STEPS: [(u64, &str); 3] = [(1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")];
    // A count that would be rounded up to 1000.0 of a unit is said in the next one.
    let unit = STEPS.iter().find(|(size, _)| count >= size - size / 20_000);
    match unit {
        None => count.to_string(),
        Some((size, name)) => {
            let tenths = (u128::from(count) * 10 + u128::from(*size) / 2) / u128::from(*size);
            match (tenths / 10, tenths % 10) {
                (whole, _) if whole >= 100 => format!("{whole}{name}"),
                (whole, 0) => format!("{whole}{name}"),
                (whole, tenth) => format!("{whole}.{tenth}{name}"),
            }
        }
    }
}

/// A time span: `0.8s`, `12s`, `3m 04s`, `1h 02m`.
#[must_use]
pub fn duration(span: Duration) -> String {
    let millis = span.as_millis();
    if millis < 9_950 {
        let tenths = (millis + 50) / 100;
        return format!("{}.{}s", tenths / 10, tenths % 10);
    }
    clock(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX).saturating_add(500)))
}

/// A time span in whole seconds, rounded down: what a running clock shows.
#[must_use]
pub fn clock(span: Duration) -> String {
    let seconds = span.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m {s:02}s"),
        (h, m, _) => format!("{h}h {m:02}m"),
    }
}

/// Dollars: `$0.04`, `$12.30`, `<$0.01`; nothing when there is nothing to pay.
#[must_use]
pub fn dollars(amount: f64) -> Option<String> {
    if !amount.is_finite() || amount <= 0.0 {
        None
    } else if amount < 0.005 {
        Some("<$0.01".to_owned())
    } else {
        Some(format!("${amount:.2}"))
    }
}

/// A count with its noun: `1 turn`, `3 turns`.
#[must_use]
pub fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_short() {
        let said: Vec<_> = [
            0,
            950,
            999,
            1_000,
            1_049,
            1_050,
            12_345,
            99_949,
            123_456,
            999_949,
            999_951,
            1_200_000,
            25_000_000,
            3_000_000_000,
        ]
        .iter()
        .map(|n| tokens(*n))
        .collect();
        assert_eq!(
            said,
            [
                "0", "950", "999", "1k", "1k", "1.1k", "12.3k", "99.9k", "123k", "999k", "1M", "1.2M", "25M",
                "3G"
            ]
        );
        assert!(!tokens(u64::MAX).is_empty());
    }

    #[test]
    fn durations_grow_coarser() {
        let said: Vec<_> =
            [0, 49, 50, 840, 9_949, 9_950, 12_400, 59_499, 59_500, 184_000, 3_599_499, 3_720_000]
                .iter()
                .map(|ms| duration(Duration::from_millis(*ms)))
                .collect();
        assert_eq!(
            said,
            [
                "0.0s", "0.0s", "0.1s", "0.8s", "9.9s", "10s", "12s", "59s", "1m 00s", "3m 04s", "59m 59s",
                "1h 02m"
            ]
        );
        assert!(!duration(Duration::MAX).is_empty());
    }

    #[test]
    fn a_clock_never_runs_ahead() {
        assert_eq!(clock(Duration::from_millis(1_999)), "1s");
        assert_eq!(clock(Duration::from_secs(3_600 * 30)), "30h 00m");
    }

    #[test]
    fn nothing_to_pay_is_not_said() {
        let said: Vec<_> = [0.0, -1.0, f64::NAN, 0.001, 0.04, 12.3].iter().map(|d| dollars(*d)).collect();
        assert_eq!(
            said,
            [None, None, None, Some("<$0.01".into()), Some("$0.04".into()), Some("$12.30".into())]
        );
    }

    #[test]
    fn counts_have_their_noun() {
        assert_eq!((count(1, "turn"), count(0, "turn")), ("1 turn".into(), "0 turns".into()));
    }
}

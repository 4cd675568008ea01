//! Times as they are written down.

use std::time::Duration;

/// Whole milliseconds; a time that is too long for a number is the longest there is.
#[must_use]
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

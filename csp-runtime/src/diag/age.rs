//! How long something has lasted, in one unit and rounded down, as a person would say it.

use std::fmt;
use std::time::Duration;

/// A duration in words: `450 ms`, `1 second`, `3 minutes`, `50 hours`.
pub(super) struct Age(pub(super) Duration);

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (count, unit) = match seconds {
            0 => return write!(f, "{} ms", self.0.as_millis()),
            1..60 => (seconds, "second"),
            60..3600 => (seconds / 60, "minute"),
            _ => (seconds / 3600, "hour"),
        };
        let plural = if count == 1 { "" } else { "s" };
        write!(f, "{count} {unit}{plural}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_fits_the_length() {
        for (millis, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1 second"),
            (59_999, "59 seconds"),
            (60_000, "1 minute"),
            (3_599_999, "59 minutes"),
            (3_600_000, "1 hour"),
            (180_000_000, "50 hours"),
        ] {
            assert_eq!(Age(Duration::from_millis(millis)).to_string(), text);
        }
    }
}

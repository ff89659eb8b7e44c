//! What the programs print: a line `METRIC VALUE` for each figure. The unit is part of the metric's name.

use std::time::{Duration, Instant};

/// Prints one figure.
pub fn value(metric: &str, value: f64) {
    println!("{metric} {value:.3}");
}

/// Prints the nanoseconds per operation since `start`.
pub fn per_op(start: Instant, ops: usize) {
    value("ns", start.elapsed().as_nanos() as f64 / ops as f64);
}

/// Returns the milliseconds of `time`.
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Returns the microseconds of `time`.
pub fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

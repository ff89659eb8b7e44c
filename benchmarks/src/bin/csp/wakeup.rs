//! `wakeup`: how long a goroutine that was sent a message waits while the sender computes.

use std::time::{Duration, Instant};

use csp::prelude::*;
use csp_benchmarks::{WAKEUP_COMPUTE_MS, WAKEUPS, report};

pub(crate) fn run() {
    let (there, arrivals) = channel::<Instant>(1);
    let (back, answers) = channel::<Duration>(1);
    go!({
        for sent in &arrivals {
            back.send(sent.elapsed()).unwrap();
        }
    });
    let mut total = Duration::ZERO;
    for _ in 0..WAKEUPS {
        let sent = Instant::now();
        there.send(sent).unwrap();
        while sent.elapsed() < Duration::from_millis(WAKEUP_COMPUTE_MS) {}
        total += answers.recv().unwrap();
    }
    report::value("us", report::us(total) / WAKEUPS as f64);
}

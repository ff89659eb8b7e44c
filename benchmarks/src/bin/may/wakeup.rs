//! `wakeup`: how long a coroutine that was sent a message waits while the sender computes.

use std::time::{Duration, Instant};

use csp_benchmarks::{WAKEUP_COMPUTE_MS, WAKEUPS, report};
use may::go;
use may::sync::mpsc::channel;

pub(crate) fn run() {
    let (there, arrivals) = channel::<Instant>();
    let (back, answers) = channel::<Duration>();
    go!(move || {
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

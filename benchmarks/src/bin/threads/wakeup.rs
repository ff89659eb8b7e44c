//! `wakeup`: how long a thread that was sent a message waits while the sender computes.

use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use csp_benchmarks::{WAKEUP_COMPUTE_MS, WAKEUPS, report};

pub(crate) fn run() {
    let (there, arrivals) = bounded::<Instant>(1);
    let (back, answers) = bounded::<Duration>(1);
    thread::spawn(move || {
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

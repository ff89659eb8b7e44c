//! `hog`: one coroutine computes for ever, another sleeps.
//!
//! The sleeping one is `main`, which runs already when the other starts. may has a thread for its timers beside the workers,
//! and a coroutine that wakes from a sleep goes on on that thread, so it does not meet the other at all. One that had to be
//! started, or was sent a message, would be queued behind the one that computes, and never run.

use std::hint::black_box;
use std::time::{Duration, Instant};

use csp_benchmarks::{HOG_SLEEP, HOG_SLEEPS, report};
use may::{coroutine, go};

pub(crate) fn run() {
    go!(|| {
        let mut n = 0_u64;
        loop {
            n = black_box(n.wrapping_add(1));
        }
    });
    let mut late = Duration::ZERO;
    for _ in 0..HOG_SLEEPS {
        let start = Instant::now();
        coroutine::sleep(HOG_SLEEP);
        late += start.elapsed().saturating_sub(HOG_SLEEP);
    }
    report::value("ms", report::ms(late) / HOG_SLEEPS as f64);
}

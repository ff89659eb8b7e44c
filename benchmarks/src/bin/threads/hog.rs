//! `hog`: one thread computes for ever, another sleeps.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use csp_benchmarks::{HOG_SLEEP, HOG_SLEEPS, report};

pub(crate) fn run() {
    thread::spawn(|| {
        let mut n = 0_u64;
        loop {
            n = black_box(n.wrapping_add(1));
        }
    });
    let mut late = Duration::ZERO;
    for _ in 0..HOG_SLEEPS {
        let start = Instant::now();
        thread::sleep(HOG_SLEEP);
        late += start.elapsed() - HOG_SLEEP;
    }
    report::value("ms", report::ms(late) / HOG_SLEEPS as f64);
}

//! `hog`: one task computes for ever, another sleeps.
//!
//! A task of tokio must not do that, and `spawn_blocking` is there for those that do; but then its author has to know.

use std::hint::black_box;
use std::time::{Duration, Instant};

use csp_benchmarks::{HOG_SLEEP, HOG_SLEEPS, report};
use tokio::time;

pub(crate) async fn run() {
    tokio::spawn(async {
        let mut n = 0_u64;
        loop {
            n = black_box(n.wrapping_add(1));
        }
    });
    let mut late = Duration::ZERO;
    for _ in 0..HOG_SLEEPS {
        let start = Instant::now();
        time::sleep(HOG_SLEEP).await;
        late += start.elapsed() - HOG_SLEEP;
    }
    report::value("ms", report::ms(late) / HOG_SLEEPS as f64);
}

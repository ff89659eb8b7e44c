//! `timers`: many tasks sleep, each for a time of its own.
//!
//! tokio's clock has ticks of a millisecond.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use csp_benchmarks::{TIMERS, TIMERS_SPREAD, report, timer_delay};
use tokio::time;

pub(crate) async fn run() {
    let late = Arc::new(AtomicU64::new(0));
    let mut tasks = Vec::with_capacity(TIMERS);
    let start = Instant::now();
    for i in 0..TIMERS {
        let late = late.clone();
        tasks.push(tokio::spawn(async move {
            let delay = timer_delay(i);
            let asleep = Instant::now();
            time::sleep(delay).await;
            late.fetch_add(
                (asleep.elapsed() - delay).as_nanos() as u64,
                Ordering::Relaxed,
            );
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let wall = start.elapsed();
    report::value("wall_extra_ms", report::ms(wall - TIMERS_SPREAD));
    report::value(
        "lateness_ms",
        late.load(Ordering::Relaxed) as f64 / TIMERS as f64 / 1e6,
    );
}

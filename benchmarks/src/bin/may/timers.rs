//! `timers`: many coroutines sleep, each for a time of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use csp_benchmarks::{TIMERS, TIMERS_SPREAD, report, timer_delay};
use may::sync::WaitGroup;
use may::{coroutine, go};

pub(crate) fn run() {
    let late = Arc::new(AtomicU64::new(0));
    let group = WaitGroup::new();
    let start = Instant::now();
    for i in 0..TIMERS {
        let (late, member) = (late.clone(), group.clone());
        go!(move || {
            let delay = timer_delay(i);
            let asleep = Instant::now();
            coroutine::sleep(delay);
            // Its clock may run ahead of this one by a little.
            let over = asleep.elapsed().saturating_sub(delay);
            late.fetch_add(over.as_nanos() as u64, Ordering::Relaxed);
            drop(member);
        });
    }
    group.wait();
    let wall = start.elapsed();
    report::value("wall_extra_ms", report::ms(wall - TIMERS_SPREAD));
    report::value(
        "lateness_ms",
        late.load(Ordering::Relaxed) as f64 / TIMERS as f64 / 1e6,
    );
}

//! `timers`: many goroutines sleep, each for a time of its own.
//!
//! Where one P runs, those that sleep shortest may be started long before those that follow them; what a sleep takes is
//! counted from the moment it begins.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use csp::prelude::*;
use csp_benchmarks::{TIMERS, TIMERS_SPREAD, report, timer_delay};

pub(crate) fn run() {
    let late = Arc::new(AtomicU64::new(0));
    let group = WaitGroup::new();
    let start = Instant::now();
    for i in 0..TIMERS {
        go!(in group, clone(late) => {
            let delay = timer_delay(i);
            let asleep = Instant::now();
            csp::time::sleep(delay);
            late.fetch_add((asleep.elapsed() - delay).as_nanos() as u64, Ordering::Relaxed);
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

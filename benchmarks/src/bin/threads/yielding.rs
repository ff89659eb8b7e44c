//! `yield`: two threads yield in turn.

use std::thread;
use std::time::Instant;

use csp_benchmarks::{WARM_UP, YIELD_TASKS, YIELDS, report};

pub(crate) fn run() {
    yields(YIELDS / WARM_UP);
    let start = Instant::now();
    yields(YIELDS);
    report::per_op(start, YIELDS);
}

fn yields(count: usize) {
    thread::scope(|scope| {
        for _ in 0..YIELD_TASKS {
            scope.spawn(|| {
                for _ in 0..count / YIELD_TASKS {
                    thread::yield_now();
                }
            });
        }
    });
}

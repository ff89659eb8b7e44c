//! `yield`: two coroutines yield in turn.

use std::time::Instant;

use csp_benchmarks::{WARM_UP, YIELD_TASKS, YIELDS, report};
use may::{coroutine, go};

pub(crate) fn run() {
    yields(YIELDS / WARM_UP);
    let start = Instant::now();
    yields(YIELDS);
    report::per_op(start, YIELDS);
}

fn yields(count: usize) {
    let mut tasks = Vec::new();
    for _ in 0..YIELD_TASKS {
        tasks.push(go!(move || {
            for _ in 0..count / YIELD_TASKS {
                coroutine::yield_now();
            }
        }));
    }
    for task in tasks {
        task.join().unwrap();
    }
}

//! `yield`: two goroutines yield in turn.

use std::time::Instant;

use csp::prelude::*;
use csp_benchmarks::{WARM_UP, YIELD_TASKS, YIELDS, report};

pub(crate) fn run() {
    yields(YIELDS / WARM_UP);
    let start = Instant::now();
    yields(YIELDS);
    report::per_op(start, YIELDS);
}

fn yields(count: usize) {
    let group = WaitGroup::new();
    for _ in 0..YIELD_TASKS {
        go!(in group => {
            for _ in 0..count / YIELD_TASKS {
                csp::yield_now();
            }
        });
    }
    group.wait();
}

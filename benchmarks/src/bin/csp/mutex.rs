//! `mutex`: goroutines lock one counter.

use std::sync::Arc;
use std::time::Instant;

use csp::prelude::*;
use csp::sync::Mutex;
use csp_benchmarks::{MUTEX_LOCKS, MUTEX_TASKS, WARM_UP, report};

pub(crate) fn run() {
    count_up(MUTEX_LOCKS / WARM_UP);
    let start = Instant::now();
    count_up(MUTEX_LOCKS);
    report::per_op(start, MUTEX_LOCKS);
}

fn count_up(locks: usize) {
    let count = Arc::new(Mutex::new(0));
    let group = WaitGroup::new();
    for _ in 0..MUTEX_TASKS {
        go!(in group, clone(count) => {
            for _ in 0..locks / MUTEX_TASKS {
                *count.lock() += 1;
            }
        });
    }
    group.wait();
    assert_eq!(*count.lock(), locks);
}

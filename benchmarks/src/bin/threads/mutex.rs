//! `mutex`: threads lock one counter.

use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use csp_benchmarks::{MUTEX_LOCKS, MUTEX_TASKS, WARM_UP, report};

pub(crate) fn run() {
    count_up(MUTEX_LOCKS / WARM_UP);
    let start = Instant::now();
    count_up(MUTEX_LOCKS);
    report::per_op(start, MUTEX_LOCKS);
}

fn count_up(locks: usize) {
    let count = Mutex::new(0);
    thread::scope(|scope| {
        for _ in 0..MUTEX_TASKS {
            scope.spawn(|| {
                for _ in 0..locks / MUTEX_TASKS {
                    *count.lock().unwrap() += 1;
                }
            });
        }
    });
    assert_eq!(count.into_inner().unwrap(), locks);
}

//! `mutex`: coroutines lock one counter.

use std::sync::Arc;
use std::time::Instant;

use csp_benchmarks::{MUTEX_LOCKS, MUTEX_TASKS, WARM_UP, report};
use may::go;
use may::sync::Mutex;

pub(crate) fn run() {
    count_up(MUTEX_LOCKS / WARM_UP);
    let start = Instant::now();
    count_up(MUTEX_LOCKS);
    report::per_op(start, MUTEX_LOCKS);
}

fn count_up(locks: usize) {
    let count = Arc::new(Mutex::new(0));
    let mut tasks = Vec::new();
    for _ in 0..MUTEX_TASKS {
        let count = count.clone();
        tasks.push(go!(move || {
            for _ in 0..locks / MUTEX_TASKS {
                *count.lock().unwrap() += 1;
            }
        }));
    }
    for task in tasks {
        task.join().unwrap();
    }
    assert_eq!(*count.lock().unwrap(), locks);
}

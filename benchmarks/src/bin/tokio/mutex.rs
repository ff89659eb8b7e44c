//! `mutex`: tasks lock one counter.
//!
//! Two locks, because tokio's documentation recommends that of the standard library for a case like this, where nothing is
//! awaited while it is held: it blocks the worker instead of the task. tokio's own is the one that corresponds to Go's
//! `sync.Mutex` and csp's, which may be held over anything.

use std::sync::Arc;
use std::time::Instant;

use csp_benchmarks::{MUTEX_LOCKS, MUTEX_TASKS, WARM_UP, report};

pub(crate) async fn tokio() {
    count_up_tokio(MUTEX_LOCKS / WARM_UP).await;
    let start = Instant::now();
    count_up_tokio(MUTEX_LOCKS).await;
    report::per_op(start, MUTEX_LOCKS);
}

pub(crate) async fn std() {
    count_up_std(MUTEX_LOCKS / WARM_UP).await;
    let start = Instant::now();
    count_up_std(MUTEX_LOCKS).await;
    report::per_op(start, MUTEX_LOCKS);
}

async fn count_up_tokio(locks: usize) {
    let count = Arc::new(::tokio::sync::Mutex::new(0));
    let mut tasks = Vec::new();
    for _ in 0..MUTEX_TASKS {
        let count = count.clone();
        tasks.push(::tokio::spawn(async move {
            for _ in 0..locks / MUTEX_TASKS {
                *count.lock().await += 1;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*count.lock().await, locks);
}

async fn count_up_std(locks: usize) {
    let count = Arc::new(::std::sync::Mutex::new(0));
    let mut tasks = Vec::new();
    for _ in 0..MUTEX_TASKS {
        let count = count.clone();
        tasks.push(::tokio::spawn(async move {
            for _ in 0..locks / MUTEX_TASKS {
                *count.lock().unwrap() += 1;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*count.lock().unwrap(), locks);
}

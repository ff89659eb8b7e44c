//! `spawn`: threads that end at once, in batches, each joined through its handle. A tenth of the batches.

use std::thread;
use std::time::Instant;

use csp_benchmarks::{SPAWN_BATCH, SPAWN_BATCHES, THREADS_LESS, WARM_UP, report};

const BATCHES: usize = SPAWN_BATCHES / THREADS_LESS;

pub(crate) fn run() {
    spawn(BATCHES / WARM_UP);
    let start = Instant::now();
    spawn(BATCHES);
    report::per_op(start, BATCHES * SPAWN_BATCH);
}

fn spawn(batches: usize) {
    let mut handles = Vec::with_capacity(SPAWN_BATCH);
    for _ in 0..batches {
        for _ in 0..SPAWN_BATCH {
            handles.push(thread::spawn(|| {}));
        }
        for handle in handles.drain(..) {
            handle.join().unwrap();
        }
    }
}

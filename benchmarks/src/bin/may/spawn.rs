//! `spawn`: coroutines that end at once, in batches, each joined through a wait group.

use std::time::Instant;

use csp_benchmarks::{SPAWN_BATCH, SPAWN_BATCHES, WARM_UP, report};
use may::go;
use may::sync::WaitGroup;

pub(crate) fn run() {
    spawn(SPAWN_BATCHES / WARM_UP);
    let start = Instant::now();
    spawn(SPAWN_BATCHES);
    report::per_op(start, SPAWN_BATCHES * SPAWN_BATCH);
}

fn spawn(batches: usize) {
    for _ in 0..batches {
        let group = WaitGroup::new();
        for _ in 0..SPAWN_BATCH {
            let member = group.clone();
            go!(move || drop(member));
        }
        group.wait();
    }
}

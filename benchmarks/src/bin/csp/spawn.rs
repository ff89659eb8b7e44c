//! `spawn`: goroutines that end at once, in batches, each joined through a wait group.
//!
//! A doubt: in steady state a batch reuses the stacks of the one before. So it is in Go, and with the memory of tokio's tasks.

use std::time::Instant;

use csp::prelude::*;
use csp_benchmarks::{SPAWN_BATCH, SPAWN_BATCHES, WARM_UP, report};

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
            go!(in group => {});
        }
        group.wait();
    }
}

//! `spawn`: tasks that end at once, in batches, each joined through its handle: tokio has no wait group.

use std::time::Instant;

use csp_benchmarks::{SPAWN_BATCH, SPAWN_BATCHES, WARM_UP, report};

pub(crate) async fn run() {
    spawn(SPAWN_BATCHES / WARM_UP).await;
    let start = Instant::now();
    spawn(SPAWN_BATCHES).await;
    report::per_op(start, SPAWN_BATCHES * SPAWN_BATCH);
}

async fn spawn(batches: usize) {
    let mut handles = Vec::with_capacity(SPAWN_BATCH);
    for _ in 0..batches {
        for _ in 0..SPAWN_BATCH {
            handles.push(tokio::spawn(async {}));
        }
        for handle in handles.drain(..) {
            handle.await.unwrap();
        }
    }
}

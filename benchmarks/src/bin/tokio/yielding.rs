//! `yield`: two tasks yield in turn.

use std::time::Instant;

use csp_benchmarks::{WARM_UP, YIELD_TASKS, YIELDS, report};
use tokio::task;

pub(crate) async fn run() {
    yields(YIELDS / WARM_UP).await;
    let start = Instant::now();
    yields(YIELDS).await;
    report::per_op(start, YIELDS);
}

async fn yields(count: usize) {
    let mut tasks = Vec::new();
    for _ in 0..YIELD_TASKS {
        tasks.push(tokio::spawn(async move {
            for _ in 0..count / YIELD_TASKS {
                task::yield_now().await;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

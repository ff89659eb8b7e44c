//! `wakeup`: how long a task that was sent a message waits while the sender computes.
//!
//! As with `hog`, a task is not meant to compute for long without `block_in_place` or `spawn_blocking`.

use std::time::{Duration, Instant};

use csp_benchmarks::{WAKEUP_COMPUTE_MS, WAKEUPS, report};
use tokio::sync::mpsc::channel;

pub(crate) async fn run() {
    let (there, mut arrivals) = channel::<Instant>(1);
    let (back, mut answers) = channel::<Duration>(1);
    tokio::spawn(async move {
        while let Some(sent) = arrivals.recv().await {
            back.send(sent.elapsed()).await.unwrap();
        }
    });
    let mut total = Duration::ZERO;
    for _ in 0..WAKEUPS {
        let sent = Instant::now();
        there.send(sent).await.unwrap();
        while sent.elapsed() < Duration::from_millis(WAKEUP_COMPUTE_MS) {}
        total += answers.recv().await.unwrap();
    }
    report::value("us", report::us(total) / WAKEUPS as f64);
}

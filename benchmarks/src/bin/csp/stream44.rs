//! `stream44`: four senders and four receivers on one buffered channel.

use std::time::Instant;

use csp::prelude::*;
use csp_benchmarks::{STREAM_CAPACITY, STREAM44_MESSAGES, STREAM44_TASKS, WARM_UP, report};

pub(crate) fn run() {
    stream(STREAM44_MESSAGES / WARM_UP);
    let start = Instant::now();
    stream(STREAM44_MESSAGES);
    report::per_op(start, STREAM44_MESSAGES);
}

fn stream(messages: usize) {
    let (tx, rx) = channel::<u64>(STREAM_CAPACITY);
    let mut receivers = Vec::new();
    for _ in 0..STREAM44_TASKS {
        receivers.push(go!(clone(rx) => {
            let mut sum = 0;
            for v in &rx {
                sum += v;
            }
            sum
        }));
    }
    for _ in 0..STREAM44_TASKS {
        go!(clone(tx) => {
            for _ in 0..messages / STREAM44_TASKS {
                tx.send(1).unwrap();
            }
        });
    }
    drop(tx);
    let sums = receivers
        .into_iter()
        .map(|receiver| receiver.join().unwrap());
    assert_eq!(sums.sum::<u64>(), messages as u64);
}

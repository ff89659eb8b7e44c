//! `stream44`: four senders and four receivers on one channel.
//!
//! In `unbounded` the receivers may lag behind by all messages.

use std::time::Instant;

use csp_benchmarks::{STREAM_CAPACITY, STREAM44_MESSAGES, STREAM44_TASKS, WARM_UP, report};
use may::go;
use may::sync::mpmc;

use crate::bounded::channel;

pub(crate) fn unbounded() {
    measure(stream_unbounded);
}

pub(crate) fn bounded() {
    measure(stream_bounded);
}

fn measure(stream: fn(usize)) {
    stream(STREAM44_MESSAGES / WARM_UP);
    let start = Instant::now();
    stream(STREAM44_MESSAGES);
    report::per_op(start, STREAM44_MESSAGES);
}

fn stream_unbounded(messages: usize) {
    let (tx, rx) = mpmc::channel::<u64>();
    let mut receivers = Vec::new();
    for _ in 0..STREAM44_TASKS {
        let rx = rx.clone();
        receivers.push(go!(move || rx.iter().sum::<u64>()));
    }
    for _ in 0..STREAM44_TASKS {
        let tx = tx.clone();
        go!(move || {
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

fn stream_bounded(messages: usize) {
    let (tx, rx) = channel::<u64>(STREAM_CAPACITY);
    let mut receivers = Vec::new();
    for _ in 0..STREAM44_TASKS {
        let rx = rx.clone();
        receivers.push(go!(move || {
            let mut sum = 0;
            while let Some(v) = rx.recv() {
                sum += v;
            }
            sum
        }));
    }
    for _ in 0..STREAM44_TASKS {
        let tx = tx.clone();
        go!(move || {
            for _ in 0..messages / STREAM44_TASKS {
                assert!(tx.send(1));
            }
        });
    }
    drop(tx);
    let sums = receivers
        .into_iter()
        .map(|receiver| receiver.join().unwrap());
    assert_eq!(sums.sum::<u64>(), messages as u64);
}

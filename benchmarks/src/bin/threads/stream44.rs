//! `stream44`: four senders and four receivers on one buffered channel.

use std::thread;
use std::time::Instant;

use crossbeam_channel::bounded;
use csp_benchmarks::{STREAM_CAPACITY, STREAM44_MESSAGES, STREAM44_TASKS, WARM_UP, report};

pub(crate) fn run() {
    stream(STREAM44_MESSAGES / WARM_UP);
    let start = Instant::now();
    stream(STREAM44_MESSAGES);
    report::per_op(start, STREAM44_MESSAGES);
}

fn stream(messages: usize) {
    let (tx, rx) = bounded::<u64>(STREAM_CAPACITY);
    let mut receivers = Vec::new();
    for _ in 0..STREAM44_TASKS {
        let rx = rx.clone();
        receivers.push(thread::spawn(move || rx.iter().sum::<u64>()));
    }
    for _ in 0..STREAM44_TASKS {
        let tx = tx.clone();
        thread::spawn(move || {
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

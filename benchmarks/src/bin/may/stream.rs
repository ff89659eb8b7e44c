//! `stream`: one sender, one receiver.
//!
//! `unbounded` uses `spsc`, may's channel for this very case; the receiver may lag behind by all messages.

use std::time::Instant;

use csp_benchmarks::{STREAM_CAPACITY, STREAM_MESSAGES, WARM_UP, report};
use may::go;
use may::sync::spsc;

use crate::bounded::channel;

pub(crate) fn unbounded() {
    measure(stream_unbounded);
}

pub(crate) fn bounded() {
    measure(stream_bounded);
}

fn measure(stream: fn(usize)) {
    stream(STREAM_MESSAGES / WARM_UP);
    let start = Instant::now();
    stream(STREAM_MESSAGES);
    report::per_op(start, STREAM_MESSAGES);
}

fn stream_unbounded(messages: usize) {
    let (tx, rx) = spsc::channel::<u64>();
    go!(move || {
        for _ in 0..messages {
            tx.send(1).unwrap();
        }
    });
    assert_eq!(rx.iter().sum::<u64>(), messages as u64);
}

fn stream_bounded(messages: usize) {
    let (tx, rx) = channel::<u64>(STREAM_CAPACITY);
    go!(move || {
        for _ in 0..messages {
            assert!(tx.send(1));
        }
    });
    let mut sum = 0;
    while let Some(v) = rx.recv() {
        sum += v;
    }
    assert_eq!(sum, messages as u64);
}

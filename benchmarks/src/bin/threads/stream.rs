//! `stream`: one sender, one receiver, a buffered channel.

use std::thread;
use std::time::Instant;

use crossbeam_channel::bounded;
use csp_benchmarks::{STREAM_CAPACITY, STREAM_MESSAGES, WARM_UP, report};

pub(crate) fn run() {
    stream(STREAM_MESSAGES / WARM_UP);
    let start = Instant::now();
    stream(STREAM_MESSAGES);
    report::per_op(start, STREAM_MESSAGES);
}

fn stream(messages: usize) {
    let (tx, rx) = bounded::<u64>(STREAM_CAPACITY);
    thread::spawn(move || {
        for _ in 0..messages {
            tx.send(1).unwrap();
        }
    });
    let mut sum = 0;
    for v in &rx {
        sum += v;
    }
    assert_eq!(sum, messages as u64);
}

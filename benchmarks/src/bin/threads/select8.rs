//! `select8`: one thread selects over eight unbuffered channels, each with a sender of its own.

use std::time::Instant;
use std::{array, thread};

use crossbeam_channel::{Receiver, bounded, select};
use csp_benchmarks::{SELECT_MESSAGES, WARM_UP, report};

const CHANNELS: usize = 8;

pub(crate) fn run() {
    receive(SELECT_MESSAGES / WARM_UP);
    let start = Instant::now();
    receive(SELECT_MESSAGES);
    report::per_op(start, SELECT_MESSAGES);
}

fn receive(messages: usize) {
    // Kept to the end, so that no channel closes before all are drained.
    let mut kept = Vec::new();
    let c: [Receiver<usize>; CHANNELS] = array::from_fn(|_| {
        let (tx, rx) = bounded(0);
        kept.push(tx.clone());
        thread::spawn(move || {
            for _ in 0..messages / CHANNELS {
                tx.send(1).unwrap();
            }
        });
        rx
    });
    let mut sum = 0;
    for _ in 0..messages {
        select! {
            recv(c[0]) -> v => sum += v.unwrap(),
            recv(c[1]) -> v => sum += v.unwrap(),
            recv(c[2]) -> v => sum += v.unwrap(),
            recv(c[3]) -> v => sum += v.unwrap(),
            recv(c[4]) -> v => sum += v.unwrap(),
            recv(c[5]) -> v => sum += v.unwrap(),
            recv(c[6]) -> v => sum += v.unwrap(),
            recv(c[7]) -> v => sum += v.unwrap(),
        }
    }
    assert_eq!(sum, messages);
}

//! `select8`: one thread selects over eight unbuffered channels, each with a sender of its own. A tenth of the
//! messages.

use std::time::Instant;
use std::{array, thread};

use crossbeam_channel::{Receiver, bounded, select};
use csp_benchmarks::{SELECT_MESSAGES, THREADS_LESS, WARM_UP, report};

const CHANNELS: usize = 8;
const MESSAGES: usize = SELECT_MESSAGES / THREADS_LESS;

pub(crate) fn run() {
    receive(MESSAGES / WARM_UP);
    let start = Instant::now();
    receive(MESSAGES);
    report::per_op(start, MESSAGES);
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

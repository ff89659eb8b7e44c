//! `select2`: one goroutine selects over two unbuffered channels, each with a sender of its own.

use std::array;
use std::time::Instant;

use csp::prelude::*;
use csp_benchmarks::{SELECT_MESSAGES, WARM_UP, report};

const CHANNELS: usize = 2;

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
        let (tx, rx) = channel(0);
        kept.push(tx.clone());
        go!({
            for _ in 0..messages / CHANNELS {
                tx.send(1).unwrap();
            }
        });
        rx
    });
    let mut sum = 0;
    for _ in 0..messages {
        select! {
            v = <-c[0] => sum += v.unwrap(),
            v = <-c[1] => sum += v.unwrap(),
        }
    }
    assert_eq!(sum, messages);
}

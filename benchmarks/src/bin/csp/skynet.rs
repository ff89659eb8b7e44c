//! `skynet`: a tree of goroutines whose leaves send their numbers up.

use std::time::Instant;

use csp::prelude::*;
use csp_benchmarks::{SKYNET_CHILDREN, SKYNET_LEAVES, SKYNET_SUM, report};

pub(crate) fn run() {
    let start = Instant::now();
    let (tx, rx) = channel(0);
    go!(node(tx, 0, SKYNET_LEAVES));
    let sum = rx.recv().unwrap();
    report::per_op(start, SKYNET_LEAVES);
    assert_eq!(sum, SKYNET_SUM);
}

fn node(up: Sender<usize>, number: usize, leaves: usize) {
    if leaves == 1 {
        up.send(number).unwrap();
        return;
    }
    let (tx, rx) = channel(0);
    let each = leaves / SKYNET_CHILDREN;
    for i in 0..SKYNET_CHILDREN {
        go!(node(tx.clone(), number + i * each, each));
    }
    let mut sum = 0;
    for _ in 0..SKYNET_CHILDREN {
        sum += rx.recv().unwrap();
    }
    up.send(sum).unwrap();
}

//! `skynet`: a tree of coroutines whose leaves send their numbers up, over channels without a limit; a leaf does not
//! wait for its number to be taken.

use std::time::Instant;

use csp_benchmarks::{SKYNET_CHILDREN, SKYNET_LEAVES, SKYNET_SUM, report};
use may::go;
use may::sync::mpsc::{Sender, channel};

pub(crate) fn run() {
    let start = Instant::now();
    let (tx, rx) = channel();
    go!(move || node(&tx, 0, SKYNET_LEAVES));
    let sum = rx.recv().unwrap();
    report::per_op(start, SKYNET_LEAVES);
    assert_eq!(sum, SKYNET_SUM);
}

fn node(up: &Sender<usize>, number: usize, leaves: usize) {
    if leaves == 1 {
        up.send(number).unwrap();
        return;
    }
    let (tx, rx) = channel();
    let each = leaves / SKYNET_CHILDREN;
    for i in 0..SKYNET_CHILDREN {
        let tx = tx.clone();
        go!(move || node(&tx, number + i * each, each));
    }
    let mut sum = 0;
    for _ in 0..SKYNET_CHILDREN {
        sum += rx.recv().unwrap();
    }
    up.send(sum).unwrap();
}

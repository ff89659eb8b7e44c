//! `parked`: goroutines that each wait on a channel of their own, all at once.

use std::mem;
use std::time::Instant;

use csp::prelude::*;
use csp_benchmarks::{PARKED_TASKS, memory, report};

pub(crate) fn run() {
    let before = memory::resident();
    let group = WaitGroup::new();
    group.add(PARKED_TASKS);
    let mut senders = Vec::with_capacity(PARKED_TASKS);
    let start = Instant::now();
    for _ in 0..PARKED_TASKS {
        let (tx, rx) = channel::<u64>(0);
        senders.push(tx);
        go!(clone(group) => {
            group.done();
            rx.recv();
        });
    }
    group.wait();
    report::per_op(start, PARKED_TASKS);
    report::value("bytes", (memory::resident() - before) / PARKED_TASKS as f64);
    // The process ends while they wait, as Go's does.
    mem::forget(senders);
}

//! `parked`: coroutines that each wait on a channel of their own, all at once.
//!
//! Each stack of may takes two of the mappings of which Linux gives a process 65,530 by default.

use std::mem;
use std::time::Instant;

use csp_benchmarks::{PARKED_TASKS, memory, report};
use may::go;
use may::sync::{WaitGroup, mpsc};

pub(crate) fn run() {
    let before = memory::resident();
    let group = WaitGroup::new();
    let mut senders = Vec::with_capacity(PARKED_TASKS);
    let start = Instant::now();
    for _ in 0..PARKED_TASKS {
        let (tx, rx) = mpsc::channel::<u64>();
        senders.push(tx);
        let member = group.clone();
        go!(move || {
            drop(member);
            rx.recv().unwrap_err();
        });
    }
    group.wait();
    report::per_op(start, PARKED_TASKS);
    report::value("bytes", (memory::resident() - before) / PARKED_TASKS as f64);
    // The process ends while they wait, as Go's does.
    mem::forget(senders);
}

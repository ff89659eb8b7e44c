//! Rule 5: a channel of capacity C lets C at a time pass; with 1, it is a lock.

#![deny(warnings)]

use csp::prelude::*;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

static TOTAL: AtomicU32 = AtomicU32::new(0);

fn main() {
    let (enter, leave) = channel(1);
    let workers = WaitGroup::new();
    for _ in 0..4 {
        go!(in workers, clone(enter, leave) => {
            for _ in 0..100 {
                enter.send(()).unwrap();
                // Two steps: of two workers inside at once, one would lose its addition.
                let total = TOTAL.load(Relaxed);
                TOTAL.store(total + 1, Relaxed);
                leave.recv();
            }
        });
    }
    workers.wait();
    assert_eq!(TOTAL.load(Relaxed), 400);
}

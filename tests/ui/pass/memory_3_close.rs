//! Rule 3: a receive that finds its channel closed finds what was written before the close.

#![deny(warnings)]

use csp::prelude::*;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

static WIDTH: AtomicU32 = AtomicU32::new(0);
static HEIGHT: AtomicU32 = AtomicU32::new(0);

fn main() {
    let (start, started) = channel::<()>(0);
    let readers = WaitGroup::new();
    for _ in 0..3 {
        go!(in readers, clone(started) => {
            assert_eq!(started.recv(), None);
            assert_eq!((WIDTH.load(Relaxed), HEIGHT.load(Relaxed)), (640, 480));
        });
    }
    WIDTH.store(640, Relaxed);
    HEIGHT.store(480, Relaxed);
    start.close();
    readers.wait();
}

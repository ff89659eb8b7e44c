//! `deep`: a recursion 16 MiB deep in a thread with the default stack, which is 2 MiB.

use std::thread;
use std::time::Instant;

use csp_benchmarks::deep::{FRAMES, descend, finish};

pub(crate) fn run() {
    let start = Instant::now();
    let sum = thread::spawn(|| descend(FRAMES)).join().unwrap();
    finish(start, sum);
}

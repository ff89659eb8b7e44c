//! `deep`: a recursion 16 MiB deep in a coroutine with the default stack, which is 32 KiB.

use std::time::Instant;

use csp_benchmarks::deep::{FRAMES, descend, finish};
use may::go;

pub(crate) fn run() {
    let start = Instant::now();
    let sum = go!(|| descend(FRAMES)).join().unwrap();
    finish(start, sum);
}

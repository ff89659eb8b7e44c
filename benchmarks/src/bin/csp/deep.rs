//! `deep`: a recursion 16 MiB deep in a goroutine with the default stack.
//!
//! A doubt: the function has an attribute, `#[csp::recursive]`, without which the default stack of 256 KiB would be the
//! end. Go's functions need none, and pay for it in each call.

use std::hint::black_box;
use std::time::Instant;

use csp::go;
use csp_benchmarks::deep::{FRAMES, WORDS, finish};

pub(crate) fn run() {
    let start = Instant::now();
    let sum = go!(descend(FRAMES)).join().unwrap();
    finish(start, sum);
}

/// The body is that of the function which the other peers call.
#[csp::recursive]
#[inline(never)]
fn descend(left: usize) -> usize {
    let mut frame = [0; WORDS];
    black_box(&mut frame)[left % WORDS] = left;
    let below = if left > 1 { descend(left - 1) } else { 0 };
    below + black_box(&frame)[left % WORDS]
}

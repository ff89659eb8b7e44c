//! The recursion of `deep`, for peers whose tasks run ordinary functions.

use std::hint::black_box;
use std::time::Instant;

use crate::{DEEP_BYTES, DEEP_FRAME, report};

/// How many frames it has.
pub const FRAMES: usize = DEEP_BYTES / DEEP_FRAME;

/// What a frame has room for beside what the compiler keeps in it.
pub const WORDS: usize = DEEP_FRAME / 8 - 4;

/// Recurses `left` frames deep and adds up their numbers, read from the frames themselves.
#[inline(never)]
pub fn descend(left: usize) -> usize {
    let mut frame = [0; WORDS];
    black_box(&mut frame)[left % WORDS] = left;
    let below = if left > 1 { descend(left - 1) } else { 0 };
    below + black_box(&frame)[left % WORDS]
}

/// Reports the time since `start`, if `sum` is that of all frames.
pub fn finish(start: Instant, sum: usize) {
    report::value("ms", report::ms(start.elapsed()));
    assert_eq!(sum, FRAMES * (FRAMES + 1) / 2);
}

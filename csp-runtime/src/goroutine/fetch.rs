//! Fetching goroutines into the cache ahead of their use: each lies in a page of its own, and is in no cache when there are
//! very many.

use core::{mem, ptr};

use super::Goroutine;
use crate::primitive::prefetch::prefetch;

/// Fetches what a goroutine's first or next run touches: the control block and the top of the stack.
#[inline(always)]
pub(crate) fn prefetch_top(g: &'static Goroutine) {
    const BELOW: usize = 128;
    let at = ptr::from_ref(g).cast::<u8>().wrapping_sub(BELOW);
    prefetch(at, mem::size_of::<Goroutine>() + BELOW);
}

/// Fetches what a parked goroutine touches when it goes on: the frames around where it left its stack.
#[inline(always)]
pub(crate) fn prefetch_frames(g: &'static Goroutine) {
    const BELOW: usize = 64;
    const BYTES: usize = 320;
    prefetch_left(g, BELOW, BYTES);
}

/// Fetches what the switch to a goroutine touches that has just been made ready, and runs soon: a little of the control
/// block, and of the stack where it was left.
#[inline(always)]
pub(crate) fn prefetch_switch(g: &'static Goroutine) {
    prefetch(ptr::from_ref(g).cast(), 64);
    prefetch_left(g, 0, 384);
}

#[inline(always)]
fn prefetch_left(g: &'static Goroutine, below: usize, bytes: usize) {
    let sp = g.coroutine.left_at().sp;
    if sp != 0 {
        let at = ptr::from_ref(g).cast::<u8>().with_addr(sp - below);
        prefetch(at, bytes);
    }
}

//! What a plain thread knows of its own stack: bounds, and the segment it is on.
//!
//! A goroutine has this in its control block. Here it is in thread-locals, which are read in functions that are never
//! inlined, and only when the calling code is found to be on no goroutine. They have no destructor, so that a thread that
//! ends can still grow its stack in the destructors of others.

use core::cell::Cell;
use core::ops::Range;
use core::ptr;

use crate::stacks::{RED_ZONE, Segment, bounds};

thread_local! {
    /// Below this address the stack is low, or has no memory yet. At first all of it is, so that the slow path asks for the bounds.
    static FLOOR: Cell<usize> = const { Cell::new(usize::MAX) };
    /// The first stack's ends; both zero while nobody has asked, or if the system does not tell.
    static ENDS: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
    /// The segment the thread is on, or null.
    static SEGMENT: Cell<*mut Segment> = const { Cell::new(ptr::null_mut()) };
}

/// Whether less than the red zone is left.
#[inline(never)]
pub(super) fn is_low(sp: usize) -> bool {
    sp < FLOOR.get()
}

/// The bounds of the thread's first stack, if the system tells.
#[inline(never)]
pub(super) fn first_stack() -> Option<Range<usize>> {
    if FLOOR.get() == usize::MAX {
        let ends = bounds::of_this_thread().unwrap_or(0..0);
        ENDS.set((ends.start, ends.end));
        // Without bounds nothing is ever low.
        FLOOR.set(if ends.is_empty() {
            0
        } else {
            ends.start + RED_ZONE
        });
    }
    let (start, end) = ENDS.get();
    (start < end).then_some(start..end)
}

/// The segment the thread is on; `None` on its first stack.
#[inline(never)]
pub(super) fn segment() -> Option<&'static Segment> {
    Segment::from_ptr(SEGMENT.get())
}

/// Gives the segment the thread is on memory ahead of a call at the stack pointer `sp`. Its first stack is not of our making.
#[inline(never)]
pub(super) fn fill(sp: usize) {
    if let Some(segment) = segment() {
        segment.fill(sp);
        FLOOR.set(segment.floor());
    }
}

/// Notes that the thread goes on on a segment, or on its first stack.
#[inline(never)]
pub(super) fn set_segment(segment: Option<&'static Segment>) {
    FLOOR.set(match segment {
        Some(segment) => segment.floor(),
        None => ENDS.get().0 + RED_ZONE,
    });
    SEGMENT.set(Segment::to_ptr(segment));
}

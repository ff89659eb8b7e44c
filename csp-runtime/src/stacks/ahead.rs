//! Memory ahead of a stack that grows: a few pages at a time by one system call, instead of a fault for each.
//!
//! The check in front of every marked call compares the stack pointer with one word, the floor. That word need not wait
//! for the red zone: it stands where the memory ends that the stack has been given, and who comes below it gives the stack
//! some more ([`fill`]), moves the floor down, and goes on where it is. So the check costs what it did.
//!
//! ```text
//!   high end ┌─────────────┐
//!            │ frames      │
//!            │   ◀── sp    │
//!            │ filled      │  at most as much again as there is in use, 256 KiB at most
//!    floor ─▶├─────────────┤
//!            │ untouched   │
//!            ├─────────────┤  the red zone: here the floor ends
//!            │ guard       │
//!            └─────────────┘
//! ```
//!
//! A step is as large as what is in use, so that memory is at most doubled, and small enough to be still in the cache, which
//! the system's zeroing has filled, when frames are written there: steps of 1 MiB took an eighth longer.
//!
//! Rejected: huge pages. A block of 2 MiB fills a little faster still, but it goes back to the system as a whole or, in truth,
//! not at all: a page of it that stays, for a header or for frames of a goroutine that waits, keeps all of them until memory
//! is short. And a call that needs a page of a large segment would get 512.
#![expect(unsafe_code, reason = "names the pages of a stack to the system")]

use super::map::{self, Pages};
use core::ops::Range;
use core::ptr::{self, NonNull};

/// The least that is filled at once. A first stack gets this much by faults, since most never need more.
pub(crate) const LEAST: usize = 16 << 10;
/// The most that is filled at once.
const MOST: usize = 256 << 10;

/// Gives a stack of the arena's memory below `filled`, where what it has ends, for a call at the stack pointer `sp`; returns
/// where it ends now. If the system cannot, that is the stack's low end: it fills with faults.
pub(crate) fn fill(stack: &Range<usize>, filled: usize, sp: usize) -> usize {
    let pages = next(map::page_size(), stack, filled, sp);
    if pages.is_empty() {
        return filled;
    }
    let start = ptr::with_exposed_provenance_mut(pages.start);
    // SAFETY: no stack begins at zero.
    let start = unsafe { NonNull::new_unchecked(start) };
    let len = pages.len();
    // SAFETY: a part of a slot above its guard (caller's `stack`); what is in it stays.
    match unsafe { map::fill(Pages { start, len }) } {
        Ok(()) => pages.start,
        Err(_) => stack.start,
    }
}

/// The whole pages to fill next: below `filled`, and not above the page of `sp`, for what a large frame has stepped over is
/// perhaps never touched.
fn next(page: usize, stack: &Range<usize>, filled: usize, sp: usize) -> Range<usize> {
    let end = filled.min(sp.next_multiple_of(page)) & !(page - 1);
    let used = stack.end.saturating_sub(sp).clamp(LEAST, MOST);
    // Pages may be larger than `LEAST`. Less than one would leave the floor where it is, for the next call to come here again.
    let step = (used & !(page - 1)).max(page);
    if sp >= filled || end <= stack.start {
        return 0..0;
    }
    end.saturating_sub(step).max(stack.start)..end
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const KIB: usize = 1 << 10;
    const STACK: Range<usize> = 0x10_0000..0x20_0000;

    fn next_in_kib(filled: usize, sp: usize) -> (usize, usize) {
        let at = |below: usize| STACK.end - below * KIB;
        let pages = next(4 * KIB, &STACK, at(filled), at(sp) - 64);
        (
            (STACK.end - pages.end) / KIB,
            (STACK.end - pages.start) / KIB,
        )
    }

    #[test]
    fn a_step_is_as_large_as_what_is_in_use() {
        assert_eq!(next_in_kib(4, 4), (4, 20));
        assert_eq!(next_in_kib(20, 20), (20, 40));
        assert_eq!(next_in_kib(40, 40), (40, 80));
        assert_eq!(next_in_kib(512, 512), (512, 768));
    }

    #[test]
    fn what_a_large_frame_stepped_over_is_left_alone() {
        assert_eq!(next_in_kib(16, 100), (100, 200));
    }

    #[test]
    fn nothing_is_filled_above_or_outside() {
        assert!(next(4 * KIB, &STACK, STACK.end - 4 * KIB, STACK.end - KIB).is_empty());
        assert_eq!(next_in_kib(1000, 1000), (1000, 1024));
        assert!(next(4 * KIB, &STACK, STACK.start, STACK.start + 8).is_empty());
    }

    #[test]
    fn a_step_is_a_page_at_least() {
        let (filled, sp) = (STACK.end - 16 * KIB, STACK.end - 20 * KIB);
        let pages = next(64 * KIB, &STACK, filled, sp);
        assert_eq!(pages, STACK.end - 128 * KIB..STACK.end - 64 * KIB);
    }
}

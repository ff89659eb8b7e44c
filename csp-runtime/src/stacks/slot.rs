//! [`Slot`]: one stack's place in the arena, as a description that anyone may copy.
//!
//! A `Slot` describes memory, it does not own it: the mapping it points into is never unmapped, and
//! its guard lifted only while it is free, so a copy stays true for ever, even after the goroutine on it is gone.
//! Who may *use* the memory between the guard and the top is the upper layers' affair.
//!
//! The colour: all slots are aligned alike, so without it every control block and every stack top
//! would fall into the same few cache sets and evict each other. Moving the top down by up to
//! 15 steps of 64 bytes, by the slot's index, spreads neighbours over 16 sets for less than 1 KiB.

#![expect(
    unsafe_code,
    reason = "pointer arithmetic inside a slot, and giving a slot's unused pages back"
)]

use super::class::SizeClass;
use super::map::{self, Pages};
use core::ops::Range;
use core::ptr::NonNull;

/// The steps by which tops are moved apart: one cache line.
const COLOUR_STEP: usize = 64;
/// How many colours there are; 16 lines are 1 KiB.
const COLOURS: u32 = 16;

/// One stack's place: where it is, how large, and its number among the slots of its class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Slot {
    /// The low end, guard included; aligned to the slot size.
    pub base: NonNull<u8>,
    /// The size class the slot was cut for.
    pub class: SizeClass,
    /// The slot's number in its class, counted over all of the class's mappings.
    pub index: u32,
}

// SAFETY: a slot is a description of memory that is mapped for ever; holding it gives no access
// that is not itself unsafe and argued where it is made.
unsafe impl Send for Slot {}
// SAFETY: as above; every method takes the slot by value and changes nothing in it.
unsafe impl Sync for Slot {}

impl Slot {
    /// Returns the low end of the slot, guard included.
    #[cfg(test)]
    pub(crate) const fn limit(self) -> NonNull<u8> {
        self.base
    }

    /// Returns the lowest byte that a stack may use, just above the guard.
    pub(crate) const fn usable_low(self) -> NonNull<u8> {
        // SAFETY: the guard is a part of the slot's mapping.
        unsafe { self.base.add(self.class.guard_size()) }
    }

    /// Returns the end of the usable memory: the high end, less the slot's colour.
    ///
    /// Aligned to 64 bytes. The control block goes just below it, the stack below that.
    pub(crate) const fn top(self) -> NonNull<u8> {
        let colour = (self.index % COLOURS) as usize * COLOUR_STEP;
        // SAFETY: the colour is below 1 KiB, so the result is inside the slot's mapping or, with
        // colour 0, one past its end.
        unsafe { self.base.add(self.class.slot_size() - colour) }
    }

    /// Returns the pages of the guard.
    pub(super) const fn guard(self) -> Pages {
        Pages {
            start: self.base,
            len: self.class.guard_size(),
        }
    }

    /// Returns the highest page, in which the control block lies.
    pub(super) fn top_page(self) -> Pages {
        let page = map::page_size();
        // SAFETY: a slot has more than a page.
        let start = unsafe { self.base.add(self.class.slot_size() - page) };
        Pages { start, len: page }
    }

    /// Returns the whole pages between the guard and `end`, if `end` lies in the usable part and there are any.
    pub(crate) fn pages_below(self, end: usize) -> Option<Pages> {
        let start = self.usable_low();
        let end = end & !(map::page_size() - 1);
        let len = end.checked_sub(start.addr().get())?;
        (len > 0 && self.contains(end)).then_some(Pages { start, len })
    }

    /// Returns the addresses of the guard, where any access is a fault.
    pub(crate) fn guard_range(self) -> Range<usize> {
        let low = self.base.addr().get();
        low..low + self.class.guard_size()
    }

    /// Tells whether `addr` is in the slot, guard included.
    pub(crate) fn contains(self, addr: usize) -> bool {
        addr & !(self.class.slot_size() - 1) == self.base.addr().get()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::stacks::arena::arena;
    use core::mem::MaybeUninit;

    fn take(class: SizeClass) -> Slot {
        let mut out = [MaybeUninit::uninit()];
        assert_eq!(arena().take(class, &mut out).unwrap(), 1);
        // SAFETY: `take` said that it wrote one slot.
        unsafe { out[0].assume_init() }
    }

    #[test]
    fn parts_lie_in_order() {
        for class in SizeClass::all() {
            let slot = take(class);
            assert_eq!(slot.limit().addr().get() % class.slot_size(), 0);
            assert_eq!(slot.guard_range().end, slot.usable_low().addr().get());
            assert!(slot.usable_low() < slot.top());
            let low = slot.base.addr().get();
            let end = low + class.slot_size();
            assert!(slot.contains(low) && slot.contains(end - 1));
            assert!(!slot.contains(low - 1) && !slot.contains(end));
            assert!(slot.top().addr().get() <= end);
            assert!(end - slot.top().addr().get() < 1024);
        }
    }

    #[test]
    fn neighbours_have_different_colours() {
        let base = take(SizeClass::DEFAULT).base;
        let line = |index| {
            let slot = Slot {
                base,
                class: SizeClass::DEFAULT,
                index,
            };
            slot.top().addr().get() / COLOUR_STEP % 16
        };
        let mut lines: Vec<_> = (7..7 + COLOURS).map(line).collect();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), COLOURS as usize);
    }
}

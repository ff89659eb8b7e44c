//! The stacks of a goroutine: the first one in its slot, and the segment on which it goes on.
//!
//! Invariants:
//! - The goroutine itself changes its segment, right before it switches to one and right after it comes back; while it is
//!   suspended its stack pointer is on the segment noted here, or on the first stack if there is none.
//! - `floor` goes with it. The check in front of every marked call compares the stack pointer with that one word. It is where
//!   the red zone begins, or above that where the memory ends that was given to the stack ahead of its use, see
//!   `stacks::ahead`: on the first stack it moves down, and stays there for the next goroutine in the slot.
//! - A goroutine begins and ends on its first stack, so that spawning sets neither.

use core::ops::Range;

use super::Goroutine;
use crate::primitive::sync::Ordering;
use crate::stacks::{self, FILLED_BY_FAULTS, RED_ZONE, Segment, Slot};

impl Goroutine {
    /// Its first stack, from the lowest usable byte to the base.
    pub(crate) fn first_stack(&self) -> Range<usize> {
        self.slot().usable_low().addr().get()..self.base()
    }

    /// The segment it runs on; `None` while it runs on its first stack.
    pub(crate) fn segment(&self) -> Option<&'static Segment> {
        Segment::from_ptr(self.segment.load(Ordering::Acquire))
    }

    /// The goroutine itself: notes that it goes on on a segment, or on its first stack.
    pub(crate) fn set_segment(&self, segment: Option<&'static Segment>) {
        self.floor.set(match segment {
            Some(segment) => segment.floor(),
            // All of it was used.
            None => self.first_stack().start + RED_ZONE,
        });
        self.segment
            .store(Segment::to_ptr(segment), Ordering::Release);
    }

    /// The floor of the first stack in a slot that has no memory but at the top.
    pub(super) fn first_floor(slot: Slot) -> usize {
        let filled = slot.base.addr().get() + slot.class.slot_size() - FILLED_BY_FAULTS;
        filled.max(slot.usable_low().addr().get() + RED_ZONE)
    }

    /// Gives the stack it runs on memory ahead of a call at the stack pointer `sp`; the goroutine itself.
    pub(crate) fn fill(&self, sp: usize) {
        self.floor.set(match self.segment() {
            Some(segment) => {
                segment.fill(sp);
                segment.floor()
            }
            None => {
                let stack = self.first_stack();
                stacks::fill(&stack, self.floor.get(), sp).max(stack.start + RED_ZONE)
            }
        });
    }

    /// Below this address there are less than [`RED_ZONE`] bytes left of the stack it runs on, or none that have memory; its
    /// own.
    #[inline]
    pub(crate) fn floor(&self) -> usize {
        self.floor.get()
    }

    /// Whether `address` lies on the stack it runs on.
    pub(super) fn is_on_stack(&self, address: usize) -> bool {
        match self.segment() {
            Some(segment) => segment.stack().contains(&address),
            None => self.slot().contains(address),
        }
    }
}

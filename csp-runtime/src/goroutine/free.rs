//! A processor's own free slots, last in first out.
//!
//! They are kept in an array instead of being linked through their control blocks, so that the slots
//! that will be used next are known without touching them, and can be fetched into the cache while
//! the one in hand is filled in: a slot that was not used for a while costs several cache misses
//! otherwise.

use super::pool::{self, Batch};
use super::{Goroutine, prefetch_top};
use crate::stack::{SizeClass, StackError, default};

/// The most slots kept: enough for bursts of a thousand goroutines to stay on their processor.
const MAX: usize = 1024;
/// How far ahead slots are fetched into the cache.
const AHEAD: usize = 2;

/// Free slots of the class that is the default, or was when the list was used last.
pub(crate) struct FreeSlots {
    /// The class of all that are in the list.
    class: SizeClass,
    slots: [Option<&'static Goroutine>; MAX],
    len: usize,
}

impl FreeSlots {
    /// None yet.
    pub(crate) const fn new() -> Self {
        Self {
            class: SizeClass::DEFAULT,
            slots: [None; MAX],
            len: 0,
        }
    }

    /// Takes the slot freed last; from the global list, or fresh from the arena, if there is none.
    ///
    /// # Errors
    ///
    /// When the arena cannot give more.
    #[inline]
    pub(crate) fn take(&mut self) -> Result<&'static Goroutine, StackError> {
        if self.len == 0 || self.class != default::class() {
            self.refill()?;
        }
        self.len -= 1;
        if let Some(at) = self.len.checked_sub(AHEAD)
            && let Some(soon) = self.slots[at]
        {
            prefetch_top(soon);
        }
        Ok(self.slots[self.len]
            .take()
            .expect("the first `len` places are filled"))
    }

    /// Keeps a free slot.
    #[inline]
    pub(crate) fn put(&mut self, g: &'static Goroutine) {
        let class = g.slot().class;
        if pool::is_scarce(class) {
            return self.share(g);
        }
        if self.len == MAX || self.class != class {
            self.make_room(class);
        }
        self.slots[self.len] = Some(g);
        self.len += 1;
    }

    /// Gives everything to the global list.
    pub(crate) fn give_all(&mut self) {
        self.give(self.len);
    }

    /// Gives a free slot, and all there are, to those who need them more.
    #[cold]
    fn share(&mut self, g: &'static Goroutine) {
        self.give_all();
        pool::release(g);
    }

    /// Makes room for a slot of `class`.
    #[cold]
    fn make_room(&mut self, class: SizeClass) {
        if self.class == class {
            self.give(MAX / 2);
        } else {
            self.change_class(class);
        }
    }

    /// The default is another one now.
    fn change_class(&mut self, class: SizeClass) {
        self.give_all();
        self.class = class;
    }

    /// Gives the `count` slots freed longest ago to the global list.
    fn give(&mut self, count: usize) {
        let mut batch = Batch::new();
        for g in &mut self.slots[..count] {
            batch.push_back(g.take().expect("a place below `len` is filled").as_ptr());
        }
        self.slots.copy_within(count..self.len, 0);
        self.slots[self.len - count..self.len].fill(None);
        self.len -= count;
        pool::release_batch(self.class, &mut batch);
    }

    #[cold]
    fn refill(&mut self) -> Result<(), StackError> {
        let class = default::class();
        if self.class != class {
            self.change_class(class);
        }
        let mut batch = Batch::new();
        pool::acquire_batch(class, &mut batch)?;
        while let Some(g) = batch.pop_front() {
            self.slots[self.len] = Some(Goroutine::from_ptr(g));
            self.len += 1;
        }
        Ok(())
    }
}

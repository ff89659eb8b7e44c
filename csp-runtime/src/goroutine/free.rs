//! A processor's own free slots, last in first out.
//!
//! They are kept in an array instead of being linked through their control blocks, so that the slots
//! that will be used next are known without touching them, and can be fetched into the cache while
//! the one in hand is filled in: a slot that was not used for a while costs several cache misses
//! otherwise.
//!
//! Those at the bottom may not have been needed for long: what was not in two windows of sysmon's goes to the global
//! list ([`FreeSlots::trim`]), and from there to the system. The windows are a number that the processor compares now and then.

use super::pool::{self, Batch};
use super::{Goroutine, prefetch_top};
use crate::stacks::{SizeClass, StackError, default};

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
    /// The fewest there were in this window, and in the one before.
    low: usize,
    before: usize,
    /// The window's number.
    window: u32,
}

impl FreeSlots {
    /// None yet.
    pub(crate) const fn new() -> Self {
        Self {
            class: SizeClass::DEFAULT,
            slots: [None; MAX],
            len: 0,
            low: 0,
            before: 0,
            window: 0,
        }
    }

    /// Whether there are any, and all of a window has passed without a [`trim`](Self::trim).
    pub(crate) fn is_behind(&self, window: u32) -> bool {
        self.len > 0 && window.wrapping_sub(self.window) > 1
    }

    /// If a new window has begun: gives what was needed in neither of the last two to the global list.
    #[inline]
    pub(crate) fn trim(&mut self, window: u32) {
        if self.window != window {
            self.trim_slow(window);
        }
    }

    #[cold]
    #[inline(never)]
    fn trim_slow(&mut self, window: u32) {
        // The processor slept through a whole window: nothing changed in that one.
        if window.wrapping_sub(self.window) > 1 {
            self.before = self.low;
        }
        self.window = window;
        let surplus = self.low.min(self.before);
        self.before = self.low - surplus;
        if surplus > 0 {
            let mut batch = self.oldest(surplus);
            pool::release_surplus(self.class, &mut batch);
        }
        self.low = self.len;
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
        // A branch that is hardly ever taken, and no store.
        if self.len < self.low {
            self.low = self.len;
        }
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
        let mut batch = self.oldest(count);
        self.low = self.low.min(self.len);
        pool::release_batch(self.class, &mut batch);
    }

    /// Takes out the `count` slots freed longest ago.
    fn oldest(&mut self, count: usize) -> Batch {
        let mut batch = Batch::new();
        for g in &mut self.slots[..count] {
            batch.push_back(g.take().expect("a place below `len` is filled").as_ptr());
        }
        self.slots.copy_within(count..self.len, 0);
        self.slots[self.len - count..self.len].fill(None);
        self.len -= count;
        batch
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

//! Values under numbers, for use under a spin lock: nothing here allocates or frees.
//!
//! ```text
//!   newest chunk                          older                    oldest
//!   [ 12: Used(e), Free(5), …room… ] ──▶ [ 4: …, Used(b), … ] ──▶ [ 0: Used(a), … ]      first = 13, used = 3
//!                   └──────────────────────▲
//! ```
//!
//! A value goes into the free slot that was left last, or behind the others. If there is no room, the caller makes a chunk
//! without the lock ([`Slab::wanted`]) and comes again. Each chunk is about as large as all before it together: so there
//! are few, and none is ever copied. One array that grows would be copied under the lock, into memory that the system has
//! yet to provide: 40 ms for two million values.
//!
//! When the last value leaves, the memory is handed out to be freed without the lock. So the slab of something long-lived
//! does not keep the memory of its busiest moment; but a single value that stays does keep it.
//!
//! Rejected: an intrusive list, which needs `unsafe` for the same constant time; a hash map, which allocates when it pleases.

/// Values under numbers.
pub(super) struct Slab<T> {
    /// The chunk with the highest numbers, the only one that may have room; `None` before the first value.
    newest: Option<Box<Chunk<T>>>,
    /// The free slot that was left last, or `NONE`.
    first: usize,
    /// How many slots are used.
    used: usize,
}

/// Room for values; its capacity never changes.
pub(super) struct Chunk<T> {
    slots: Vec<Slot<T>>,
    /// The number of its first slot.
    start: usize,
    older: Option<Box<Chunk<T>>>,
}

/// A place for one value.
enum Slot<T> {
    Used(T),
    /// The next free slot, or `NONE`.
    Free(usize),
}

/// No slot.
pub(super) const NONE: usize = usize::MAX;

/// An empty slab keeps its memory if it has no more slots than these.
const KEPT: usize = 16;

/// What came out of a slab; the memory is to be freed without the lock.
pub(super) struct Removed<T> {
    pub(super) value: T,
    _memory: Option<Box<Chunk<T>>>,
}

impl<T> Chunk<T> {
    /// Allocates room for `wanted` values.
    pub(super) fn new(wanted: usize) -> Box<Self> {
        Box::new(Self {
            slots: Vec::with_capacity(wanted),
            start: 0,
            older: None,
        })
    }

    fn has_room(&self) -> bool {
        self.slots.len() < self.slots.capacity()
    }
}

impl<T> Slab<T> {
    pub(super) const fn new() -> Self {
        Self {
            newest: None,
            first: NONE,
            used: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// How many slots there are, used or not.
    fn slots(&self) -> usize {
        let newest = self.newest.as_ref();
        newest.map_or(0, |newest| newest.start + newest.slots.len())
    }

    /// The slot with that number, which exists; the newest chunks, where most are, first.
    fn slot(&mut self, index: usize) -> &mut Slot<T> {
        let mut at = self.newest.as_mut();
        while let Some(chunk) = at {
            if index >= chunk.start {
                return &mut chunk.slots[index - chunk.start];
            }
            at = chunk.older.as_mut();
        }
        unreachable!("the oldest chunk starts at 0");
    }

    /// Puts a value in, taking `room` if there is none else.
    ///
    /// # Errors
    ///
    /// The value, if room is needed and not there.
    pub(super) fn insert(
        &mut self,
        value: T,
        room: &mut Option<Box<Chunk<T>>>,
    ) -> Result<usize, T> {
        if self.first != NONE {
            let index = self.first;
            let slot = std::mem::replace(self.slot(index), Slot::Used(value));
            if let Slot::Free(next) = slot {
                self.first = next;
            }
            self.used += 1;
            return Ok(index);
        }
        let index = self.slots();
        if !self.newest.as_ref().is_some_and(|newest| newest.has_room()) {
            let Some(mut chunk) = room.take_if(|room| room.has_room()) else {
                return Err(value);
            };
            chunk.start = index;
            chunk.older = self.newest.take();
            self.newest = Some(chunk);
        }
        let newest = self.newest.as_mut().expect("it has room");
        newest.slots.push(Slot::Used(value));
        self.used += 1;
        Ok(index)
    }

    /// How many slots the next room should have.
    pub(super) fn wanted(&self) -> usize {
        self.slots() + 4
    }

    /// Takes the value at `index` out, which is there.
    pub(super) fn remove(&mut self, index: usize) -> Removed<T> {
        let free = Slot::Free(self.first);
        let Slot::Used(value) = std::mem::replace(self.slot(index), free) else {
            unreachable!("whoever removes knows that it is there");
        };
        self.first = index;
        self.used -= 1;
        let mut memory = None;
        if self.used == 0 && self.slots() > KEPT {
            self.first = NONE;
            memory = self.newest.take();
        }
        Removed {
            value,
            _memory: memory,
        }
    }

    /// Takes everything out.
    pub(super) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::new())
    }

    /// The values, in the order of their numbers.
    pub(super) fn into_values(self) -> impl Iterator<Item = T> + use<T> {
        let mut chunks = Vec::new();
        let mut at = self.newest;
        while let Some(mut chunk) = at {
            at = chunk.older.take();
            chunks.push(chunk.slots);
        }
        let slots = chunks.into_iter().rev().flatten();
        slots.filter_map(|slot| match slot {
            Slot::Used(value) => Some(value),
            Slot::Free(_) => None,
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn insert<T>(slab: &mut Slab<T>, value: T) -> usize {
        let mut room = Some(Chunk::new(slab.wanted()));
        slab.insert(value, &mut room)
            .unwrap_or_else(|_| panic!("there is room"))
    }

    #[test]
    fn a_value_without_room_comes_back() {
        let mut slab = Slab::new();
        assert_eq!(slab.insert('a', &mut None), Err('a'));
        assert!(slab.is_empty());
        assert_eq!(insert(&mut slab, 'a'), 0);
        assert!(!slab.is_empty());
    }

    #[test]
    fn a_slot_that_was_left_is_used_again() {
        let mut slab = Slab::new();
        let all: Vec<_> = ('a'..='e').map(|c| insert(&mut slab, c)).collect();
        assert_eq!(all, [0, 1, 2, 3, 4]);
        assert_eq!(slab.remove(1).value, 'b');
        assert_eq!(slab.remove(3).value, 'd');
        assert_eq!(insert(&mut slab, 'x'), 3);
        assert_eq!(insert(&mut slab, 'y'), 1);
        assert_eq!(insert(&mut slab, 'z'), 5);
        assert!(slab.take().into_values().eq(['a', 'y', 'c', 'x', 'e', 'z']));
        assert!(slab.is_empty());
    }

    #[test]
    fn an_empty_slab_gives_its_memory_back() {
        let mut slab = Slab::new();
        for n in 0..10_000 {
            assert_eq!(insert(&mut slab, n), n);
        }
        for n in 0..10_000 {
            assert_eq!(slab.remove(n).value, n);
        }
        assert!(slab.is_empty());
        assert!(slab.newest.is_none());
        assert_eq!(insert(&mut slab, 7), 0);
    }

    #[test]
    fn growing_moves_no_value() {
        let mut slab = Slab::new();
        insert(&mut slab, 0);
        let place: *const Slot<usize> = slab.slot(0);
        for n in 1..10_000 {
            insert(&mut slab, n);
        }
        assert!(std::ptr::eq(slab.slot(0), place));
        let (mut chunks, mut at) = (0, slab.newest.as_ref());
        while let Some(chunk) = at {
            chunks += 1;
            at = chunk.older.as_ref();
        }
        assert!(chunks < 16, "{chunks} chunks");
        assert_eq!(slab.remove(5_000).value, 5_000);
        assert_eq!(insert(&mut slab, 7), 5_000);
    }
}

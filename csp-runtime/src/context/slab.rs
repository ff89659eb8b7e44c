//! Values under numbers, for use under a spin lock: nothing here allocates or frees.
//!
//! ```text
//!   slots:  [ Used(a), Free(3), Used(b), Free(NONE) ]      first = 1, used = 2
//!                        └────────────────▲
//! ```
//!
//! A value goes into the free slot that was left last, or behind the others. If there is no room, the caller makes some
//! without the lock ([`Slab::wanted`]) and comes again; memory that is no longer needed is handed out to be freed without
//! the lock. So the slab of something long-lived does not keep the memory of its busiest moment.
//!
//! Rejected: an intrusive list, which needs `unsafe` for the same constant time; a hash map, which allocates when it pleases.

/// Values under numbers.
pub(super) struct Slab<T> {
    slots: Vec<Slot<T>>,
    /// The free slot that was left last, or `NONE`.
    first: usize,
    /// How many slots are used.
    used: usize,
}

/// A place for one value.
pub(super) enum Slot<T> {
    Used(T),
    /// The next free slot, or `NONE`.
    Free(usize),
}

/// No slot.
pub(super) const NONE: usize = usize::MAX;

/// An empty slab keeps the memory of so many slots.
const KEPT: usize = 16;

/// What came out of a slab; the memory is to be freed without the lock.
pub(super) struct Removed<T> {
    pub(super) value: T,
    _memory: Vec<Slot<T>>,
}

impl<T> Slab<T> {
    pub(super) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            first: NONE,
            used: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Puts a value in. If there is no room, `room` is taken for it, and holds the old memory afterwards.
    ///
    /// # Errors
    ///
    /// The value, if `room` is not larger than what is there.
    pub(super) fn insert(&mut self, value: T, room: &mut Vec<Slot<T>>) -> Result<usize, T> {
        self.used += 1;
        if let Some(slot) = self.slots.get_mut(self.first) {
            let index = self.first;
            if let Slot::Free(next) = *slot {
                self.first = next;
            }
            *slot = Slot::Used(value);
            return Ok(index);
        }
        if self.slots.len() == self.slots.capacity() {
            if room.capacity() <= self.slots.len() {
                self.used -= 1;
                return Err(value);
            }
            room.append(&mut self.slots);
            std::mem::swap(room, &mut self.slots);
        }
        self.slots.push(Slot::Used(value));
        Ok(self.slots.len() - 1)
    }

    /// How many slots the next room should have.
    pub(super) fn wanted(&self) -> usize {
        2 * self.slots.len() + 4
    }

    /// Takes the value at `index` out, which is there.
    pub(super) fn remove(&mut self, index: usize) -> Removed<T> {
        let slot = std::mem::replace(&mut self.slots[index], Slot::Free(self.first));
        let Slot::Used(value) = slot else {
            unreachable!("whoever removes knows that it is there");
        };
        self.first = index;
        self.used -= 1;
        let memory = if self.used == 0 && self.slots.capacity() > KEPT {
            self.first = NONE;
            std::mem::take(&mut self.slots)
        } else {
            Vec::new()
        };
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
    pub(super) fn into_values(self) -> impl Iterator<Item = T> {
        self.slots.into_iter().filter_map(|slot| match slot {
            Slot::Used(value) => Some(value),
            Slot::Free(_) => None,
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn insert<T>(slab: &mut Slab<T>, value: T) -> usize {
        let mut room = Vec::with_capacity(slab.wanted());
        slab.insert(value, &mut room)
            .unwrap_or_else(|_| panic!("there is room"))
    }

    #[test]
    fn a_value_without_room_comes_back() {
        let mut slab = Slab::new();
        assert_eq!(slab.insert('a', &mut Vec::new()), Err('a'));
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
        assert_eq!(slab.slots.capacity(), 0);
        assert_eq!(insert(&mut slab, 7), 0);
    }
}

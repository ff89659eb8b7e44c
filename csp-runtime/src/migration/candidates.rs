//! The heap pointers found in a thread's thread-locals, and whether a word of a stack points to the same objects.
//!
//! A fixed array, because the scheduler loop must not allocate, behind a bit set that answers for nearly every word of
//! a stack: one bit for each line of memory that an object may lie in, by the line's number modulo the set's size.
//!
//! # Reach
//!
//! Two pointers count as pointing to the same object if the one on the stack is equal to the one in the thread-local,
//! or lies up to [`ABOVE`] bytes above or [`BELOW`] bytes below. Above, because the compiler may keep the address of a
//! field only: 128 bytes hold the counts of an `Rc` and its value's first fields, also where these have a pair of
//! cache lines to themselves. Below, because `Rc::into_raw` points behind the two counts of the object that an `Rc`
//! on the stack points to. A longer reach meets the neighbours in the allocator's size classes, and binds without need.

/// How far above a pointer the same object may be pointed to.
const ABOVE: usize = 128;
/// How far below: the two counts of an `Rc`.
const BELOW: usize = 16;
/// How many are looked for at once.
const MOST: usize = 64;
/// Bytes to a line of the bit set, as a shift.
const LINE: u32 = 7;
/// Words of the bit set.
const WORDS: usize = 8;

/// Pointers to look for.
pub(super) struct Candidates {
    /// The first `count` are valid.
    pointers: [usize; MOST],
    count: usize,
    /// A bit for each line, modulo the size, that a word must be in to be near one of `pointers`.
    lines: [u64; WORDS],
}

impl Candidates {
    pub(super) const fn new() -> Self {
        Self {
            pointers: [0; MOST],
            count: 0,
            lines: [0; WORDS],
        }
    }

    /// Adds a pointer; false if there is no room.
    #[must_use]
    pub(super) fn add(&mut self, pointer: usize) -> bool {
        let Some(place) = self.pointers.get_mut(self.count) else {
            return false;
        };
        *place = pointer;
        self.count += 1;
        let last = (pointer + ABOVE) >> LINE;
        for line in (pointer - BELOW) >> LINE..=last {
            self.lines[(line / 64) % WORDS] |= 1 << (line % 64);
        }
        true
    }

    pub(super) fn clear(&mut self) {
        self.count = 0;
        self.lines = [0; WORDS];
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether `word` points to the object of one of the pointers.
    #[inline]
    pub(super) fn reach(&self, word: usize) -> bool {
        let line = word >> LINE;
        self.lines[(line / 64) % WORDS] & 1 << (line % 64) != 0 && self.reach_exactly(word)
    }

    fn reach_exactly(&self, word: usize) -> bool {
        self.pointers[..self.count]
            .iter()
            .any(|&pointer| word.wrapping_sub(pointer - BELOW) <= BELOW + ABOVE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: usize = 0x7f12_3456_7890;

    #[test]
    fn the_reach_is_exact() {
        let mut candidates = Candidates::new();
        assert!(candidates.add(OBJECT));
        for distance in 0..4096 {
            assert_eq!(candidates.reach(OBJECT + distance), distance <= ABOVE);
            assert_eq!(candidates.reach(OBJECT - distance), distance <= BELOW);
        }
        // The same bit of the set, another line.
        assert!(!candidates.reach(OBJECT + ((WORDS * 64) << LINE)));
        assert!(!candidates.reach(0));
        assert!(!candidates.reach(usize::MAX));
    }

    #[test]
    fn a_full_set_says_so_and_forgets_when_cleared() {
        let mut candidates = Candidates::new();
        let all = (0..MOST).map(|at| OBJECT + at * 1024);
        assert!(all.clone().all(|pointer| candidates.add(pointer)));
        assert!(!candidates.add(OBJECT));
        assert!(all.clone().all(|pointer| candidates.reach(pointer)));
        candidates.clear();
        assert!(candidates.is_empty());
        assert!(!all.clone().any(|pointer| candidates.reach(pointer)));
    }
}

//! [`SizeClass`]: the fifteen sizes a stack slot can have, each a power of two.
//!
//! A slot is aligned to its size, so a stack pointer masked by the size of its class gives the
//! slot, and a class needs one byte wherever it is kept. Powers of two waste at most half of the
//! *address space* asked for and none of the memory, because a page costs only once it is touched.
//!
//! The size counts everything in the slot: guard, stack, and the control block at its top. The
//! guard is a sixteenth of the slot, within bounds, and more in the small ones:
//!
//! | slot | guard |
//! |---|---|
//! | 64 KiB, 128 KiB | 16 KiB |
//! | 256 KiB, 512 KiB | 32 KiB |
//! | 1 MiB, 2 MiB, 4 MiB, 8 MiB | 64 KiB, 128 KiB, 256 KiB, 512 KiB |
//! | 16 MiB and more | 1 MiB, as below Linux's own main stack |
//!
//! Rust code probes every page of a large frame, so for it one page would do. C code built without
//! probes touches its frame where it likes, but touches the lower end when it calls on. A frame that
//! is no larger than the guard therefore cannot step over it: either all of it is in the stack, or its
//! lower end is in the guard. What a larger frame does is luck. 64 KiB everywhere was rejected: it would
//! take a quarter of the default slot; so was 48 KiB for the default, which leaves 208 KiB, of which
//! control block, colour and the first frames take up to 5: a goroutine 200 KiB deep would have 3 KiB
//! left to wait in, or to panic.

use core::fmt;

const KIB: usize = 1024;
/// log2 of the smallest slot, 64 KiB.
const MIN_SHIFT: u32 = 16;
/// log2 of the largest slot, 1 GiB.
const MAX_SHIFT: u32 = 30;

/// The size of a slot: class 0 is 64 KiB, each further class twice the one before, up to 1 GiB.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct SizeClass(u8);

impl SizeClass {
    /// The number of classes.
    pub(crate) const COUNT: usize = (MAX_SHIFT - MIN_SHIFT + 1) as usize;
    /// 256 KiB: what a goroutine gets when nothing else is asked for.
    pub(crate) const DEFAULT: SizeClass = SizeClass(2);
    /// 8 MiB: the main goroutine, which runs code written for a thread's main stack.
    pub(crate) const MAIN: SizeClass = SizeClass(7);
    /// 1 GiB: the largest class.
    pub(crate) const MAX: SizeClass = SizeClass((Self::COUNT - 1) as u8);

    /// Returns the smallest class that holds `bytes`, or `None` above 1 GiB.
    ///
    /// Zero gives the smallest class. The guard and the control block are part of the size.
    pub(crate) const fn for_bytes(bytes: usize) -> Option<SizeClass> {
        if bytes > Self::MAX.slot_size() {
            return None;
        }
        let shift = bytes.next_power_of_two().trailing_zeros();
        Some(SizeClass(shift.saturating_sub(MIN_SHIFT) as u8))
    }

    /// Returns the bytes from one slot of this class to the next, which is also their alignment.
    pub(crate) const fn slot_size(self) -> usize {
        1 << (MIN_SHIFT + self.0 as u32)
    }

    /// Returns the bytes at a slot's low end that no code may touch.
    pub(crate) const fn guard_size(self) -> usize {
        match self.slot_size() / KIB {
            0..256 => 16 * KIB,
            256..1024 => 32 * KIB,
            kib @ 1024..0x4000 => kib / 16 * KIB,
            _ => KIB * KIB,
        }
    }

    /// Returns the class with this number, which is below [`COUNT`](Self::COUNT).
    pub(super) const fn from_index(index: u8) -> SizeClass {
        debug_assert!((index as usize) < Self::COUNT);
        SizeClass(index)
    }

    /// Returns the class's number, below [`COUNT`](Self::COUNT).
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    /// Returns every class, smallest first.
    pub(crate) fn all() -> impl Iterator<Item = SizeClass> {
        (0..Self::COUNT as u8).map(SizeClass)
    }
}

/// Writes the slot size with its unit, as in `256 KiB`; allocates nothing.
impl fmt::Display for SizeClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.slot_size() / KIB {
            kib @ ..1024 => write!(f, "{kib} KiB"),
            kib @ ..0x10_0000 => write!(f, "{} MiB", kib / 1024),
            kib => write!(f, "{} GiB", kib / 0x10_0000),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn bytes_round_up_to_the_next_class() {
        let size = |bytes| SizeClass::for_bytes(bytes).map(SizeClass::slot_size);
        assert_eq!(size(0), Some(64 * KIB));
        assert_eq!(size(1), Some(64 * KIB));
        assert_eq!(size(64 * KIB), Some(64 * KIB));
        assert_eq!(size(64 * KIB + 1), Some(128 * KIB));
        assert_eq!(size(1 << 30), Some(1 << 30));
        assert_eq!(size((1 << 30) + 1), None);
        assert_eq!(size(usize::MAX), None);
    }

    #[test]
    fn named_classes_have_the_documented_sizes() {
        assert_eq!(SizeClass::DEFAULT.slot_size(), 256 * KIB);
        assert_eq!(SizeClass::MAIN.slot_size(), 8 * KIB * KIB);
        assert_eq!(SizeClass::MAX.slot_size(), 1 << 30);
        assert_eq!(SizeClass::all().count(), SizeClass::COUNT);
        assert!(
            SizeClass::all()
                .enumerate()
                .all(|(at, class)| class.index() == at)
        );
    }

    #[test]
    fn guards_leave_three_quarters_of_every_slot() {
        for class in SizeClass::all() {
            assert!(class.guard_size() * 4 <= class.slot_size(), "{class}");
            assert!(class.guard_size() >= 16 * KIB);
        }
        assert_eq!(SizeClass::DEFAULT.guard_size(), 32 * KIB);
    }

    #[test]
    fn guards_of_large_slots_are_a_sixteenth_up_to_a_mebibyte() {
        let guards = SizeClass::all().skip(4).map(SizeClass::guard_size);
        let expected = [64, 128, 256, 512].into_iter().chain([1024; 7]);
        assert!(guards.eq(expected.map(|kib| kib * KIB)));
    }

    #[test]
    fn sizes_are_written_with_their_unit() {
        assert_eq!(SizeClass::DEFAULT.to_string(), "256 KiB");
        assert_eq!(SizeClass::MAIN.to_string(), "8 MiB");
        assert_eq!(SizeClass::MAX.to_string(), "1 GiB");
    }
}

//! A copy of a suspended goroutine's stack, taken while it may be resumed.
//!
//! As a reader of a sequence lock: look whether the goroutine is suspended and where; copy; look again.
//! If both looks agree, the goroutine was most likely suspended all along. It may have run in between
//! and stopped at the same place: then the copy holds words of two moments.
//!
//! Stacks are never unmapped, so every word between the noted stack pointer and the stack's base can be
//! read at any time. The goroutine writes them without atomics: a race that Rust's memory model does not
//! allow for. It is confined to single aligned loads here, of words that nothing is concluded
//! from but where to look next in the copy.
#![expect(unsafe_code, reason = "reads other goroutines' stacks")]

use core::sync::atomic::{AtomicUsize, Ordering, fence};

use crate::goroutine::Goroutine;
use crate::primitive::frame::Frame;

const WORD: usize = size_of::<usize>();

/// The most of a stack that is copied: its innermost part. Hundreds of ordinary frames.
const MOST: usize = 64 << 10;

/// The innermost part of a stack.
#[derive(Default)]
pub(super) struct StackCopy {
    /// The address of the first word.
    low: usize,
    /// What lay there and above.
    words: Vec<usize>,
}

/// Where a goroutine is suspended.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Suspension {
    frame: Frame,
    base: usize,
}

impl Suspension {
    /// Where `g` is suspended, if it is, and if that makes sense.
    fn of(g: &Goroutine) -> Option<Self> {
        if !g.is_suspended() {
            return None;
        }
        let (frame, base) = g.suspended_at();
        // The three are not read in one step, and may belong to two goroutines of the slot.
        let low = g.slot_found()?.usable_low().addr().get();
        let high = core::ptr::from_ref(g).addr();
        let sound = low <= frame.sp
            && frame.sp < base
            && base <= high
            && frame.sp.is_multiple_of(WORD)
            && base.is_multiple_of(WORD);
        sound.then_some(Self { frame, base })
    }
}

impl StackCopy {
    /// Copies the stack of `g` and returns the registers with which it was left; `None` if it is not
    /// suspended, has not run yet, or was seen to move.
    pub(super) fn take(&mut self, g: &Goroutine) -> Option<Frame> {
        let found = Suspension::of(g)?;
        let Suspension { frame, base } = found;
        self.low = frame.sp;
        let len = (base - frame.sp).min(MOST);
        self.words.clear();
        // Memory is asked for before anything is read: the goroutine is to have little time to move.
        self.words.reserve(MOST / WORD);
        let stack = g.slot_found()?.base.as_ptr().cast_const();
        for at in (frame.sp..frame.sp + len).step_by(WORD) {
            let word = stack.with_addr(at).cast_mut().cast::<usize>();
            // SAFETY: `Suspension::of` found it aligned and between the guard and the control block of
            // a slot, whose memory is never unmapped; for the goroutine's own writes see the module.
            let word = unsafe { AtomicUsize::from_ptr(word) };
            self.words.push(word.load(Ordering::Relaxed));
        }
        // The second look must not move before the copying. Its partner, on the goroutine's side, is
        // whatever it does to its status and flag before it runs on; see the module for what is left.
        fence(Ordering::Acquire);
        (Suspension::of(g) == Some(found)).then_some(frame)
    }

    /// The word that lay at `address`, if it was copied.
    pub(super) fn read(&self, address: usize) -> Option<usize> {
        let offset = address.checked_sub(self.low)?;
        if !offset.is_multiple_of(WORD) {
            return None;
        }
        self.words.get(offset / WORD).copied()
    }

    /// A copy of what is not there, for tests.
    #[cfg(test)]
    pub(super) fn of_words(low: usize, words: Vec<usize>) -> Self {
        Self { low, words }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_aligned_words_of_the_copy_are_read() {
        let copy = StackCopy::of_words(0x1000, vec![7, 8]);
        assert_eq!(copy.read(0x1000), Some(7));
        assert_eq!(copy.read(0x1008), Some(8));
        for outside in [0, 0xff8, 0x1001, 0x1010, usize::MAX] {
            assert_eq!(copy.read(outside), None, "{outside:#x}");
        }
    }
}

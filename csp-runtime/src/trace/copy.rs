//! A copy of a suspended goroutine's stack, taken while it may be resumed.
//!
//! As a reader of a sequence lock: look whether the goroutine is suspended and where; copy; look again.
//! If both looks agree, the goroutine was most likely suspended all along. It may have run in between
//! and stopped at the same place: then the copy holds words of two moments.
//!
//! Of a goroutine that has grown, the segment it is on is copied first, then what is in use of the stacks before it, as far
//! as there is room. Segments may pass to others meanwhile, plain threads too; so each part is copied only if it lies in
//! a slot of the arena.
//!
//! Stacks are never unmapped, so every word between the noted stack pointer and the stack's base can be
//! read at any time. The goroutine writes them without atomics: a race that Rust's memory model does not
//! allow for. It is confined to single aligned loads here, of words that nothing is concluded
//! from but where to look next in the copy.
#![expect(unsafe_code, reason = "reads other goroutines' stacks")]

use core::sync::atomic::{AtomicUsize, Ordering, fence};

use crate::coroutine::PUSHED;
use crate::goroutine::Goroutine;
use crate::primitive::frame::Frame;
use crate::stacks::{Segment, Slot, arena};

const WORD: usize = size_of::<usize>();

/// The most of a stack that is copied: its innermost part. Hundreds of ordinary frames.
const MOST: usize = 64 << 10;
/// The most stacks of which something is copied.
const MOST_PARTS: usize = 8;

/// The innermost part of a stack.
#[derive(Default)]
pub(super) struct StackCopy {
    /// Which addresses were copied, the innermost stack first.
    parts: Vec<Part>,
    /// The words of all parts, one after the other.
    words: Vec<usize>,
}

/// What was copied of one stack.
struct Part {
    /// The address of the first word.
    low: usize,
    /// The address behind the last one.
    high: usize,
    /// Where the words begin among those of all parts.
    at: usize,
}

/// Where a goroutine is suspended.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Suspension {
    frame: Frame,
    base: usize,
    /// The address of the segment's header, if it is on one.
    segment: Option<usize>,
}

impl Suspension {
    /// Where `g` is suspended, if it is, and if that makes sense.
    fn of(g: &Goroutine) -> Option<Self> {
        if !g.is_suspended() {
            return None;
        }
        let (frame, mut base) = g.suspended_at();
        // These are not read in one step, and may belong to two goroutines of the slot.
        let mut low = g.slot_found()?.usable_low().addr().get();
        let mut high = core::ptr::from_ref(g).addr();
        let segment = g.segment();
        if let Some(segment) = segment {
            low = segment.stack().start;
            (base, high) = (segment.stack().end, segment.stack().end);
        }
        let sound = low <= frame.sp
            && frame.sp < base
            && base <= high
            && frame.sp.is_multiple_of(WORD)
            && base.is_multiple_of(WORD);
        let segment = segment.map(|segment| core::ptr::from_ref(segment).addr());
        sound.then_some(Self {
            frame,
            base,
            segment,
        })
    }
}

impl StackCopy {
    /// Copies the stack of `g` and returns the registers with which it was left; `None` if it is not
    /// suspended, has not run yet, or was seen to move.
    pub(super) fn take(&mut self, g: &Goroutine) -> Option<Frame> {
        let found = Suspension::of(g)?;
        let Suspension { frame, base, .. } = found;
        self.parts.clear();
        self.words.clear();
        // Memory is asked for before anything is read: the goroutine is to have little time to move.
        self.parts.reserve(MOST_PARTS);
        self.words.reserve(MOST / WORD);
        let first = g.slot_found()?;
        match g.segment() {
            None => self.copy(first, frame.sp, base),
            Some(segment) => {
                self.copy(segment.slot(), frame.sp, base);
                self.copy_earlier(first, segment);
            }
        }
        // The second look must not move before the copying. Its partner, on the goroutine's side, is
        // whatever it does to its status and flag before it runs on; see the module for what is left.
        fence(Ordering::Acquire);
        (Suspension::of(g) == Some(found)).then_some(frame)
    }

    /// Copies what was left on the stacks before `segment`, the first of which is in slot `first`.
    fn copy_earlier(&mut self, first: Slot, segment: &'static Segment) {
        for segment in segment.chain().take(MOST_PARTS - 1) {
            let left = segment.left();
            // With what the switch pushed: there the way back to this stack is.
            let left = left.start.saturating_sub(PUSHED)..left.end;
            let slot = match segment.before() {
                Some(before) => before.slot(),
                None => first,
            };
            let known = arena()
                .lookup_segment(left.start)
                .or_else(|| arena().lookup(left.start));
            let sound = known == Some(slot)
                && left.start >= slot.usable_low().addr().get()
                && left.start < left.end
                && left.end <= slot.top().addr().get()
                && left.start.is_multiple_of(WORD)
                && left.end.is_multiple_of(WORD);
            if !sound {
                return;
            }
            self.copy(slot, left.start, left.end);
        }
    }

    /// Copies what lies from `low` to `high` in a slot, as far as there is room; both are aligned to words.
    fn copy(&mut self, slot: Slot, low: usize, high: usize) {
        let at = self.words.len();
        let high = high.min(low + (MOST - at * WORD));
        self.parts.push(Part { low, high, at });
        let stack = slot.base.as_ptr();
        for at in (low..high).step_by(WORD) {
            let word = stack.with_addr(at).cast::<usize>();
            // SAFETY: the callers found it aligned and between the guard and the top of a slot, whose memory is never
            // unmapped; for the goroutine's own writes see the module.
            let word = unsafe { AtomicUsize::from_ptr(word) };
            self.words.push(word.load(Ordering::Relaxed));
        }
    }

    /// Which of the parts `address` lies in, the innermost being 0.
    fn part(&self, address: usize) -> Option<usize> {
        self.parts
            .iter()
            .position(|part| (part.low..part.high).contains(&address))
    }

    /// Whether a frame that begins at `next` may be that of the caller of one that begins at `address`: it lies above, or on
    /// an earlier stack.
    pub(super) fn is_outward(&self, address: usize, next: usize) -> bool {
        match (self.part(address), self.part(next)) {
            (Some(from), Some(to)) if from != to => from < to,
            _ => address < next,
        }
    }

    /// The word that lay at `address`, if it was copied.
    pub(super) fn read(&self, address: usize) -> Option<usize> {
        let part = &self.parts[self.part(address)?];
        let offset = address - part.low;
        if !offset.is_multiple_of(WORD) {
            return None;
        }
        self.words.get(part.at + offset / WORD).copied()
    }

    /// A copy of what is not there, for tests.
    #[cfg(test)]
    pub(super) fn of_words(low: usize, words: Vec<usize>) -> Self {
        let high = low + words.len() * WORD;
        let parts = vec![Part { low, high, at: 0 }];
        Self { parts, words }
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

//! The live words of a suspended goroutine's stack.
//!
//! A goroutine notes its stack pointer right before it calls `Yielder::suspend`, whose assembly pushes three words more:
//!
//! ```text
//!   base          ┌───────────────────────┐
//!                 ~ frames                ~
//!   noted sp ───▶ ├───────────────────────┤
//!       sp -  8   │ rbp                   │
//!       sp - 16   │ rbx                   │
//!       sp - 24   │ where to go on        │ ◀ the live stack ends here
//!                 └───────────────────────┘
//! ```
//!
//! r12 to r15 are clobbered by that assembly, so that the function around it has saved what its callers keep in them.
//! That is the picture if `Yielder::suspend` was compiled into the function that noted. If not, there is a frame of its own
//! in between. The coroutine knows where its stack ends; should that not be found, [`SLACK`] bytes are looked at, which
//! hold that frame and, below it, words from before, which can only bind without need.
//!
//! A goroutine that has grown left its earlier stacks by calls, with all registers saved on the segment or by the call; of
//! each the words from where it was left to its base are alive. A goroutine that has not costs one comparison more.
#![expect(unsafe_code, reason = "reads the stack of a suspended goroutine")]

use core::ops::Range;
use core::ptr;

use crate::coroutine::PUSHED;
use crate::goroutine::Locals;
use crate::primitive::frame::Frame;
use crate::stacks::Segment;

/// Bytes to a word.
const WORD: usize = size_of::<usize>();
/// More than the frames between noting the stack pointer and the switch, if these are functions of their own.
pub(crate) const SLACK: usize = 512;

/// The words between where the stack ends and its base.
pub(super) struct LiveStack<'a> {
    low: usize,
    base: usize,
    /// The segment that this is, if it is one; what was left before it is alive as well.
    segment: Option<&'static Segment>,
    /// The goroutine's own values on the heap, which it uses as it does those on its stack.
    own: Option<&'a Locals>,
}

impl<'a> LiveStack<'a> {
    /// The live part of `stack`, which was left at `frame`, down to `low_end` if that is known, and of those before it if it
    /// is that of `segment`.
    ///
    /// # Safety
    ///
    /// `stack` is mapped, its ends are aligned to words, and `frame` was noted on it; the same holds for what `segment`
    /// says was left. Until the result is gone, nobody
    /// runs on the stack or writes it.
    pub(super) unsafe fn new(
        frame: Frame,
        low_end: Option<usize>,
        stack: Range<usize>,
        segment: Option<&'static Segment>,
        own: Option<&'a Locals>,
    ) -> Self {
        debug_assert!(stack.contains(&frame.sp) && frame.sp.is_multiple_of(WORD));
        Self {
            low: low_end.unwrap_or(frame.sp - SLACK).max(stack.start),
            base: stack.end,
            segment,
            own,
        }
    }

    /// Whether `address` lies in it.
    pub(super) fn contains(&self, address: usize) -> bool {
        (self.low..self.base).contains(&address)
            || self.earlier().any(|part| part.contains(&address))
            || self.own.is_some_and(|own| own.contains(address))
    }

    /// How many words there are.
    pub(super) fn words(&self) -> usize {
        let earlier: usize = self.earlier().map(|part| part.len() / WORD).sum();
        (self.base - self.low) / WORD + earlier
    }

    /// The live parts of earlier stacks, the latest first.
    #[inline]
    fn earlier(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        self.segment
            .into_iter()
            .flat_map(Segment::chain)
            .map(|segment| {
                let left = segment.left();
                left.start - PUSHED..left.end
            })
    }

    /// Whether any word is one that `wanted` accepts.
    #[inline]
    pub(super) fn any(&self, mut wanted: impl FnMut(usize) -> bool) -> bool {
        // SAFETY: between the ends of a stack that is mapped and that nobody writes (`new`).
        if unsafe { any_between(self.low..self.base, &mut wanted) } {
            return true;
        }
        for part in self.earlier() {
            // SAFETY: as above.
            if unsafe { any_between(part, &mut wanted) } {
                return true;
            }
        }
        self.own.is_some_and(|own| own.any_word(&mut wanted))
    }
}

/// Whether any word of `part` is one that `wanted` accepts.
///
/// # Safety
///
/// It is mapped, its ends are aligned, and nobody writes it.
#[inline(always)]
unsafe fn any_between(part: Range<usize>, wanted: &mut impl FnMut(usize) -> bool) -> bool {
    let mut at = part.start;
    while at < part.end {
        // SAFETY: the caller's.
        if wanted(unsafe { read(at) }) {
            return true;
        }
        at += WORD;
    }
    false
}

/// The word at `at`.
///
/// # Safety
///
/// It is mapped, aligned, and nobody writes it.
#[inline(always)]
unsafe fn read(at: usize) -> usize {
    // SAFETY: the caller's. Volatile, because to the compiler this memory belongs to frames of other functions, which
    // may not have written every word: it shall know nothing about what is there.
    unsafe { ptr::with_exposed_provenance::<usize>(at).read_volatile() }
}

//! The way to a further segment and back.
//!
//! Invariants:
//! - What is noted of a goroutine or thread, its floor and its segment, changes right before the switch to a segment and right
//!   after the switch back, also by a panic. In between nothing waits, so that whoever looks at a suspended goroutine
//!   finds the segment that its stack pointer is on. A preemption may strike there; it stops the goroutine with its
//!   thread, and nobody looks at it.
//! - A caller whose stack pointer is not on the stack that is noted runs on one that somebody else switched to: a
//!   signal handler's, or another library's. It is called where it is.
#![expect(unsafe_code, reason = "calls on another stack")]

use core::num::NonZeroUsize;
use core::ops::Range;
use core::ptr;

use super::{limit, plain};
use crate::coroutine;
use crate::goroutine::Goroutine;
use crate::primitive::frame::Frame;
use crate::sched::current;
use crate::stacks::{AltStack, Segment, StackError};
use crate::task;

/// The stack or segment that the caller runs on.
pub(super) struct Current {
    /// Whose it is; `None` for a plain thread.
    g: Option<&'static Goroutine>,
    /// The segment, unless it is the first stack.
    segment: Option<&'static Segment>,
    /// From the lowest usable byte to the high end.
    pub(super) range: Range<usize>,
}

/// The stack of the caller, whose stack pointer is `sp`, if it is one that is known.
#[inline(never)]
pub(super) fn stack_of_caller(sp: usize) -> Option<Current> {
    let g = current::goroutine();
    let segment = match g {
        Some(g) => g.segment(),
        None => plain::segment(),
    };
    let range = match (segment, g) {
        (Some(segment), _) => segment.stack(),
        (None, Some(g)) => g.first_stack(),
        (None, None) => plain::first_stack()?,
    };
    range.contains(&sp).then_some(Current { g, segment, range })
}

/// Calls `f` on a stack with `need` bytes: on this one if it has as much, or cannot grow, else on a further segment. This
/// one gets memory if that is what made the call come here.
pub(super) fn call(need: usize, f: &mut dyn FnMut()) {
    let sp = Frame::here().sp;
    match stack_of_caller(sp) {
        Some(stack) if sp - stack.range.start < need => stack.call_further(need, f),
        Some(stack) => {
            stack.fill(sp);
            f();
        }
        None => f(),
    }
}

impl Current {
    /// Gives the stack memory ahead of a call at the stack pointer `sp`.
    fn fill(&self, sp: usize) {
        match self.g {
            Some(g) => g.fill(sp),
            None => plain::fill(sp),
        }
    }

    fn call_further(self, need: usize, f: &mut dyn FnMut()) {
        let segment = match self.next(need) {
            Ok(segment) => segment,
            // A panic out of a destructor would end the process, and there may be enough left.
            Err(_) if std::thread::panicking() => return f(),
            Err(error) => refuse(error),
        };
        let owner = self.g.map_or(ptr::null_mut(), |g| g.as_ptr().as_ptr());
        // Until the thread is back on its first stack; without it, an overflow would end the process without a word.
        let _signals = match (self.g, self.segment) {
            (None, None) => AltStack::install_if_none(),
            _ => None,
        };
        segment.link(owner.cast(), self.segment, self.range.end, self.total());
        let stack = segment.stack();
        // SAFETY: the ends of a slot's stack are not null.
        let base = unsafe { NonZeroUsize::new_unchecked(stack.end) };
        // SAFETY: as above.
        let limit = unsafe { NonZeroUsize::new_unchecked(stack.start) };
        set_segment(self.g, Some(segment));
        let _back = Back {
            segment,
            g: self.g,
            before: self.segment,
        };
        // SAFETY: the segment was taken from its list, so it is ours; its guard is set, and the header's alignment is that
        // of the stack's high end.
        unsafe { coroutine::call_on(base, limit, segment.left_at(), f) };
    }

    /// A segment with `need` bytes, if the stack may grow; the process ends if it may not.
    fn next(&self, need: usize) -> Result<&'static Segment, StackError> {
        if self.g.is_none() {
            // The runtime may not be running yet.
            task::install_overflow();
        }
        let most = limit::most();
        let left = most.saturating_sub(self.total());
        let last = self.segment.map(|segment| segment.slot().class);
        match Segment::next_class(last, need, left) {
            Some(class) => Segment::take(class),
            None if Segment::next_class(None, need, usize::MAX).is_none() => {
                Err(StackError::TooLarge { bytes: need })
            }
            // The limit may be below what it began with.
            None => task::overflow_at_limit(self.g, most.max(self.total())),
        }
    }

    /// The bytes of the caller's stacks, guards included.
    fn total(&self) -> usize {
        match (self.segment, self.g) {
            (Some(segment), _) => segment.total(),
            (None, Some(g)) => g.slot().class.slot_size(),
            (None, None) => self.range.len(),
        }
    }
}

/// Leaves a segment: by return or by panic.
struct Back {
    segment: &'static Segment,
    g: Option<&'static Goroutine>,
    before: Option<&'static Segment>,
}

impl Drop for Back {
    fn drop(&mut self) {
        set_segment(self.g, self.before);
        self.segment.give();
    }
}

/// Notes where a goroutine, or the thread that calls, goes on.
fn set_segment(g: Option<&'static Goroutine>, segment: Option<&'static Segment>) {
    match g {
        Some(g) => g.set_segment(segment),
        None => plain::set_segment(segment),
    }
}

#[cold]
#[inline(never)]
fn refuse(error: StackError) -> ! {
    panic!("cannot grow the stack: {error}")
}

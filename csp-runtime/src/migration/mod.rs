//! The migration guard: whether a suspended goroutine may go on on another thread than its last.
//!
//! A goroutine that waits may be resumed by any M. What it got out of a thread-local before must then not be
//! used on the other thread: an address of the old thread's storage, which the compiler may keep across calls, or a
//! handle that is not `Send`, such as a clone of an `Rc`. Neither is visible in a type, but both are visible in memory:
//!
//! ```text
//!   goroutine's stack                 thread-locals of the M it last ran on         heap
//!   ┌─────────────────┐               ┌──────────────────────┐
//!   │ word ───────────┼─ Address ───▶ │ …                    │
//!   │ word ───────────┼─ Shared ──┐   │ word ────────────────┼──┐
//!   │                 │           └───┼──────────────────────┼──┴─▶ ┌─────────┐
//!   │ local ◀─────────┼─ Lent ────────┼─ word                │      │ object  │
//!   └─────────────────┘               └──────────────────────┘      └─────────┘
//! ```
//!
//! - `Address`: a word of the live stack points into the thread's static TLS blocks. That is every reference to a
//!   thread-local that is kept as a pointer, and every address that the compiler has kept.
//! - `Shared`: a word of the live stack and a word of those blocks point to the same heap object: a clone of a handle.
//! - `Lent`: a word of those blocks points into the live stack: a scoped thread-local.
//!
//! All callee-saved registers lie on the stack of a suspended goroutine, so that the stack is all there is to look at.
//!
//! Invariants:
//! - The caller has taken the goroutine from its run queue and has seen that the M before is off its stack; so nobody
//!   writes the stack during a check, and what the goroutine stored into thread-locals is visible.
//! - The old M's thread may be running, and writes its blocks meanwhile; see [`ThreadLocals`] for why that does no harm.
//! - A check neither allocates nor locks, and makes no call outside this module: it runs in the scheduler loop.
//!
//! What leaves no pointer is missed: an object behind a second one, on either side; and a thread-local that the compiler
//! sees through. In a program's own code it may compute the address of one that is const-initialised, or has no
//! destructor, afresh at every use, also inside one `with`, so that the borrow of a `RefCell` can be taken on one thread
//! and given back on another without a trace. The crate's front page lists what is missed.
//!
//! A false hit costs a goroutine that waits for a thread without need. What threads hold from birth is left out for that
//! reason, and so are pointers into the images of program and libraries and what the C library's own words point to. What
//! remains are words that a frame has not written since something else was there; unoptimised code has many. Those that
//! an earlier goroutine has left on the same stack are cleared in unoptimised builds (`coroutine`); those of the same
//! goroutine stay.
//!
//! Rejected: following pointers into the heap, which may be unmapped at any moment; binding whatever has ever
//! touched a thread-local, which cannot be noticed; binding while a word of the blocks is all ones, as the flag of a
//! `RefCell` that is mutably borrowed, since one thread-local with such a value for good would bind everybody; asking the user, who does not know what a library does.

mod candidates;
mod counts;
mod live;
mod thread_locals;

pub(crate) use counts::counts;
pub(crate) use thread_locals::ThreadLocals;

use core::ops::Range;

use crate::goroutine::Locals;
use crate::primitive::frame::Frame;
use crate::stacks::Segment;
use candidates::Candidates;
use live::LiveStack;

pub(crate) use live::SLACK;

/// What ties a goroutine to the thread it last ran on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hit {
    /// Its stack points to one of the thread's thread-locals.
    Address,
    /// Its stack and one of the thread's thread-locals point to the same object.
    Shared,
    /// One of the thread's thread-locals points to its stack.
    Lent,
}

/// Whether a goroutine may move.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(crate) enum Verdict {
    /// Nothing of the old thread was found.
    MayMove,
    /// Its next run must be on the thread of the last.
    MustStay(Hit),
    /// Nobody can say on this platform.
    Unknown,
}

/// As [`look`], and counts what was found.
///
/// # Safety
///
/// As there.
#[expect(unsafe_code, reason = "the caller vouches for the stack")]
pub(crate) unsafe fn check(
    locals: &ThreadLocals,
    frame: Frame,
    low_end: Option<usize>,
    stack: Range<usize>,
    segment: Option<&'static Segment>,
    own: Option<&Locals>,
) -> Verdict {
    // SAFETY: the caller's.
    let (verdict, words) = unsafe { look(locals, frame, low_end, stack, segment, own) };
    if words > 0 {
        locals.counts().add(words, verdict);
    }
    verdict
}

/// Decides whether the goroutine that was suspended at `frame` on `stack` may go on on another thread than that of
/// `locals`, on which it last ran. `stack` reaches from the lowest usable byte to the base; `low_end` is its lowest word
/// in use, if that is known. If that stack is a segment, it is `segment`, and what was left before it counts as well.
/// `own` are its goroutine-locals, whose values count as part of the stack.
/// Also tells how many words of the stack were looked at.
///
/// # Safety
///
/// The goroutine is suspended and the caller's alone, as the module says; the thread of `locals` has not ended.
#[expect(unsafe_code, reason = "the caller vouches for the stack")]
pub(crate) unsafe fn look(
    locals: &ThreadLocals,
    frame: Frame,
    low_end: Option<usize>,
    stack: Range<usize>,
    segment: Option<&'static Segment>,
    own: Option<&Locals>,
) -> (Verdict, usize) {
    if !locals.is_guarded() {
        return (Verdict::MayMove, 0);
    }
    if !locals.is_known() || frame == Frame::NONE {
        return (Verdict::Unknown, 0);
    }
    // SAFETY: suspended, and nobody else's (caller).
    let live = unsafe { LiveStack::new(frame, low_end, stack, segment, own) };
    let verdict = find(locals, &live).map_or(Verdict::MayMove, Verdict::MustStay);
    (verdict, live.words())
}

fn find(locals: &ThreadLocals, live: &LiveStack) -> Option<Hit> {
    if live.any(|word| locals.contains(word)) {
        return Some(Hit::Address);
    }
    let mut candidates = Candidates::new();
    let mut lent = false;
    let mut shared = false;
    locals.for_each_pointer(&mut |pointer| {
        if live.contains(pointer) {
            lent = true;
        } else if pointer.is_multiple_of(size_of::<usize>()) && !candidates.add(pointer) {
            // Full: look for these before going on, so that none is left out.
            shared |= live.any(|word| candidates.reach(word));
            candidates.clear();
            let _ = candidates.add(pointer);
        }
    });
    if lent {
        return Some(Hit::Lent);
    }
    shared |= !candidates.is_empty() && live.any(|word| candidates.reach(word));
    shared.then_some(Hit::Shared)
}

#[cfg(test)]
mod tests;

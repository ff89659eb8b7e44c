//! Stack switching: the one place that touches `corosensei`.
//!
//! A [`Coroutine`] lives inside its goroutine's control block and runs on the stack below it. It is
//! resumed by the scheduler loop of an M and suspended from anywhere inside the goroutine; either
//! side may be on another thread than the last time.
//!
//! ```text
//!   M's own stack                 goroutine's slot
//!   ┌───────────────┐   resume    ┌────────────────────┐
//!   │ schedule loop │ ──────────▶ │ entry(g) → closure │
//!   │               │ ◀────────── │                    │
//!   └───────────────┘   suspend   └────────────────────┘
//! ```
//!
//! Invariants:
//! - A coroutine is initialised again for every goroutine that uses the slot, and is never dropped:
//!   it owns nothing but the slot, which lives for ever. The closure is not handed to `corosensei`
//!   (which copies it about three times) but written to the slot by `task::spawn`; the coroutine
//!   captures its own address, the first function and the goroutine.
//! - Nothing unwinds out of `entry`: the root of every goroutine catches panics.
//! - The yielder of `corosensei` sits at a fixed place on the stack, so its address stays valid
//!   while the goroutine exists.
//!
//! [`call_on`] is the other switch: a call that runs on another stack and comes back, by which stacks grow. A goroutine
//! may suspend there as anywhere: `corosensei` keeps its stack pointer and asks nothing about it.
#![expect(unsafe_code, reason = "switching stacks")]

use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;
use core::num::NonZeroUsize;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

use corosensei::Yielder;
use corosensei::stack::{Stack, StackPointer};

use crate::primitive::frame::Frame;

/// What a goroutine asks of the scheduler when it leaves the processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Command {
    /// It waits; whoever holds its waiter will make it ready.
    Park,
    /// It stays runnable and goes to the back of its P's queue.
    Yield,
    /// It stays runnable and goes to the back of the queue of all Ps.
    YieldToAll,
    /// It has ended and a join handle owns the slot now.
    Done,
    /// It has ended and nobody is interested: the slot is free.
    DoneDetached,
}

/// The bounds of a goroutine's stack, as `corosensei` wants them.
struct Bounds {
    base: StackPointer,
    limit: StackPointer,
}

// SAFETY: `Coroutine::init` is handed bounds inside one arena slot, whose low end is a guard.
unsafe impl Stack for Bounds {
    #[inline]
    fn base(&self) -> StackPointer {
        self.base
    }

    #[inline]
    fn limit(&self) -> StackPointer {
        self.limit
    }
}

/// The bounds of another stack, and where the one before is left.
struct Departure<'a> {
    to: Bounds,
    left_at: &'a AtomicUsize,
}

// SAFETY: as for `Bounds`; the bounds are those that `call_on` was handed.
unsafe impl Stack for Departure<'_> {
    /// Asked right before the switch, in the function that makes it or one that this calls: so the noted stack pointer is
    /// not above the one with which the stack is left.
    #[inline(always)]
    fn base(&self) -> StackPointer {
        self.left_at.store(Frame::here().sp, Ordering::Relaxed);
        self.to.base
    }

    #[inline]
    fn limit(&self) -> StackPointer {
        self.to.limit
    }
}

/// Bytes at the top of a stack that are cleared before anybody runs there, in unoptimised builds: as deep as goroutines
/// wait that do little, and no page more than they take anyway.
const CLEARED: usize = 6 << 10;

/// Clears what the last user of a stack has left near its top, in unoptimised builds.
///
/// Their frames have many words that nothing is written to. An address of a thread-local there that is another
/// goroutine's would tie this one to a thread (`migration`), for ever if a goroutine never leaves that thread.
/// Optimised frames are small and full; clearing would only cost.
///
/// # Safety
///
/// The memory from `limit` to `base` is mapped, and the caller's alone.
#[inline(always)]
unsafe fn clear_top(base: NonZeroUsize, limit: NonZeroUsize) {
    if cfg!(debug_assertions) {
        let size = CLEARED.min(base.get() - limit.get());
        let low = ptr::with_exposed_provenance_mut::<u8>(base.get() - size);
        // SAFETY: between the ends of a stack that is ours (caller).
        unsafe { low.write_bytes(0, size) };
    }
}

/// Bytes that the switch to another stack pushes below the stack pointer that [`call_on`] notes.
pub(crate) const PUSHED: usize = 2 * size_of::<usize>();

/// Runs `f` on the stack between `base` (high end) and `limit` (low end). A panic goes on here. Notes in `left_at` the
/// stack pointer with which this stack is left, from which the switch itself pushes [`PUSHED`] bytes.
///
/// `f` may suspend the goroutine that calls, and go on on another thread: nothing is kept here that is tied to one.
///
/// # Safety
///
/// The stack is the caller's alone, 16-byte aligned at `base`, with a guard at its low end.
pub(crate) unsafe fn call_on(
    base: NonZeroUsize,
    limit: NonZeroUsize,
    left_at: &AtomicUsize,
    f: &mut dyn FnMut(),
) {
    // SAFETY: the caller's alone.
    unsafe { clear_top(base, limit) };
    let to = Bounds { base, limit };
    corosensei::on_stack(Departure { to, left_at }, f);
}

type Inner = corosensei::Coroutine<(), Command, (), Bounds>;

/// A suspended or running stack; uninitialised until the slot's first goroutine.
pub(crate) struct Coroutine {
    /// Written by `init`, then touched by `resume` alone, which one M runs at a time.
    inner: UnsafeCell<MaybeUninit<Inner>>,
    /// Set on the goroutine's own stack when it first runs, read there only.
    yielder: Cell<*const Yielder<(), Command>>,
    /// Where it left its stack last.
    left_at: LeftAt,
}

/// A [`Frame`] that its coroutine writes before it leaves the stack, and that others may read at any
/// time: what they get is of one moment only if the coroutine was suspended all along.
struct LeftAt {
    ip: AtomicUsize,
    sp: AtomicUsize,
    bp: AtomicUsize,
}

impl LeftAt {
    #[cfg(test)]
    const fn new() -> Self {
        Self {
            ip: AtomicUsize::new(0),
            sp: AtomicUsize::new(0),
            bp: AtomicUsize::new(0),
        }
    }

    #[inline(always)]
    fn set(&self, frame: Frame) {
        self.ip.store(frame.ip, Ordering::Relaxed);
        self.sp.store(frame.sp, Ordering::Relaxed);
        self.bp.store(frame.bp, Ordering::Relaxed);
    }

    fn get(&self) -> Frame {
        Frame {
            ip: self.ip.load(Ordering::Relaxed),
            sp: self.sp.load(Ordering::Relaxed),
            bp: self.bp.load(Ordering::Relaxed),
        }
    }
}

impl Coroutine {
    /// A place for a stack that is not there yet; zeroes are one too.
    #[cfg(test)]
    pub(crate) const fn new() -> Self {
        Self {
            inner: UnsafeCell::new(MaybeUninit::uninit()),
            yielder: Cell::new(ptr::null()),
            left_at: LeftAt::new(),
        }
    }

    /// Prepares the stack between `base` (high end) and `limit` (low end) so that the first
    /// [`resume`](Self::resume) calls `entry(argument)` there.
    ///
    /// # Safety
    ///
    /// The stack belongs to this coroutine alone, is 16-byte aligned at `base`, and nothing is
    /// running on it. `entry` must not unwind, and must end by suspending with a `Done` command.
    #[inline]
    pub(crate) unsafe fn init<A: 'static>(
        &self,
        base: NonZeroUsize,
        limit: NonZeroUsize,
        entry: fn(&'static A),
        argument: &'static A,
    ) {
        // SAFETY: this coroutine's alone, and nothing runs on it (caller).
        unsafe { clear_top(base, limit) };
        let this: *const Self = self;
        let inner = Inner::with_stack(Bounds { base, limit }, move |yielder, ()| {
            // SAFETY: the coroutine lives in a control block, whose memory is never unmapped.
            let this = unsafe { &*this };
            this.yielder.set(ptr::from_ref(yielder));
            entry(argument);
        });
        self.left_at.set(Frame::NONE);
        // SAFETY: nothing runs on this coroutine (caller), so nobody else is looking at the cell.
        // The earlier coroutine is overwritten without a drop: it owns nothing, see the module.
        unsafe { (*self.inner.get()).write(inner) };
    }

    /// Runs the goroutine until it suspends, and returns what it asks for.
    ///
    /// # Safety
    ///
    /// The coroutine is initialised and has not ended, and no other thread is resuming it.
    #[inline]
    pub(crate) unsafe fn resume(&self) -> Command {
        // SAFETY: initialised, and exclusively ours until it suspends (caller).
        let inner = unsafe { (*self.inner.get()).assume_init_mut() };
        inner
            .resume(())
            .as_yield()
            .unwrap_or_else(|| unreachable!("a goroutine ends by suspending, not by returning"))
    }

    /// Leaves the stack: the matching [`resume`](Self::resume) returns `command`. Comes back when
    /// the coroutine is resumed, possibly on another thread.
    ///
    /// # Safety
    ///
    /// Called on this coroutine's own stack.
    #[inline]
    pub(crate) unsafe fn suspend(&self, command: Command) {
        self.left_at.set(Frame::here());
        // SAFETY: the goroutine has started, since it is running, so the yielder is set; it lies
        // on this very stack.
        unsafe { (*self.yielder.get()).suspend(command) };
    }

    /// The lowest word of the stack that is in use, if it can be told. The stack was left at `sp`, below which come only
    /// the frames of the switch itself, `slack` bytes at most.
    ///
    /// The switch notes it in the coroutine, in a field of `corosensei`'s own. It is recognised by its value: no other word
    /// there lies so close below `sp`, but the stack's limit when there is hardly any stack left, and then the lower
    /// of both is taken, which is right for whoever looks through all that may be in use.
    ///
    /// # Safety
    ///
    /// The coroutine is suspended, and nobody resumes it meanwhile.
    pub(crate) unsafe fn low_end(&self, sp: usize, slack: usize) -> Option<usize> {
        const WORDS: usize = size_of::<Inner>() / size_of::<usize>();
        let words = self.inner.get().cast::<usize>();
        let close = sp.saturating_sub(slack)..sp;
        (0..WORDS)
            // SAFETY: initialised, since it is suspended, of words alone, and written by nobody (caller).
            .map(|at| unsafe { words.add(at).read_volatile() })
            .filter(|word| close.contains(word) && word.is_multiple_of(size_of::<usize>()))
            .min()
    }

    /// Where the goroutine left its stack last; of use while it is suspended.
    pub(crate) fn left_at(&self) -> Frame {
        self.left_at.get()
    }
}

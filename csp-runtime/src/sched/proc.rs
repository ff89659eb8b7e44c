//! P: the right to run Go-style code, with everything that needs no lock because one M has it.
//!
//! Invariants:
//! - A P is held by one M at a time, is in the idle list, or is retired; passing it on goes through
//!   the scheduler's lock or through [`Machine::give`], which orders what the holders wrote.
//! - `runnext` is filled by the holder only, and emptied by the holder or by a thief. A goroutine in
//!   it runs next on this P, so that a ping-pong stays on one processor and costs no wake-up.
//! - Everything in [`Local`] is the holder's.
//! - Ps live for ever; lowering `GOMAXPROCS` retires them and raising it uses them again.
#![expect(unsafe_code, reason = "cells that the holder of the P owns")]

use core::cell::UnsafeCell;
use core::ptr::{self, NonNull};

use crate::goroutine::{Batch, FreeSlots, Goroutine, prefetch_frames, prefetch_top};
use crate::primitive::barrier;
use crate::primitive::biased::Owner;
use crate::primitive::pad::CachePadded;
use crate::primitive::rng::Rng;
use crate::primitive::section;
use crate::primitive::sync::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use crate::queue::{LocalQueue, NextSlot};
use crate::sched::Machine;
use crate::timers::TimerHeap;

/// A queue of so many goroutines or more is fetched ahead: each is in a page of its own.
const LONG: u64 = 24;
/// Goroutine numbers a P takes at once.
const IDS: u64 = 64;

/// The right to run goroutines.
#[repr(align(128))]
pub(crate) struct Processor {
    /// Index in the table of Ps; constant.
    pub(crate) id: u32,
    /// Counts the goroutines run here; written by the holder, read by sysmon and thieves.
    pub(crate) tick: AtomicU32,
    /// The `tick` of the run whose goroutine the migration guard is to look at; see `home`. Holder only.
    pub(super) look_at: AtomicU32,
    /// The M that holds it, or held it last; written by that M.
    pub(crate) holder: AtomicPtr<Machine>,
    /// How many waiting goroutines are worth another P. Written by sysmon, and by whoever gets the P.
    crowd: AtomicU32,
    /// Neither held nor idle since `GOMAXPROCS` was lowered; under the scheduler's lock.
    pub(crate) retired: AtomicBool,
    /// The goroutine made ready last by the one that runs here.
    runnext: NextSlot<Goroutine>,
    /// For locks that are biased to this P; the holder's.
    pub(crate) owner: Owner,
    /// Goroutines started and ended here; written by the holder, summed by `num_goroutine`.
    started: AtomicU64,
    ended: AtomicU64,
    /// The holder's own.
    local: UnsafeCell<Local>,
    /// Runnable goroutines; the holder pushes and pops, others steal.
    queue: LocalQueue<Goroutine>,
    /// Sleeping goroutines; has its own lock.
    pub(crate) timers: CachePadded<TimerHeap<Goroutine>>,
}

/// What only the holder of a P touches.
pub(crate) struct Local {
    /// Free slots of the default class, last in first out.
    pub(crate) free: FreeSlots,
    /// The next goroutine number, and the end of the range taken.
    next_id: u64,
    last_id: u64,
    /// New goroutines were queued since the last pick, and no M was woken for them yet.
    pub(crate) burst: bool,
    /// How many goroutines in a row came from `runnext`.
    pub(crate) inherited: u32,
    /// Whose turn it is: of the stopped goroutines, or of the global queue.
    pub(crate) stopped_next: bool,
    /// Choices that must be fair.
    pub(crate) rng: Rng,
}

// SAFETY: `local` is touched by the holder only (see the module); the rest is atomic or locked.
unsafe impl Sync for Processor {}

/// Goroutines counted by plain threads, and the source of goroutine numbers (1 is main's).
static NEXT_ID: AtomicU64 = AtomicU64::new(2);

impl Processor {
    /// A new P; lives for ever.
    pub(crate) fn create(id: u32) -> &'static Self {
        Box::leak(Box::new(Self {
            id,
            tick: AtomicU32::new(0),
            look_at: AtomicU32::new(0),
            holder: AtomicPtr::new(ptr::null_mut()),
            crowd: AtomicU32::new(1),
            retired: AtomicBool::new(false),
            runnext: NextSlot::new(barrier::is_ready()),
            owner: Owner::new(),
            started: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            local: UnsafeCell::new(Local {
                free: FreeSlots::new(),
                next_id: 0,
                last_id: 0,
                burst: false,
                inherited: 0,
                stopped_next: false,
                rng: Rng::new(0x9e37_79b9_7f4a_7c15 ^ u64::from(id + 1)),
            }),
            queue: LocalQueue::new(),
            timers: CachePadded::new(TimerHeap::new()),
        }))
    }

    /// Runs `f` on what the holder owns. The caller's M holds this P, and `f` neither switches
    /// stacks nor comes back here.
    #[inline]
    pub(crate) fn with_local<R>(&self, f: impl FnOnce(&mut Local) -> R) -> R {
        debug_assert!(
            section::depth() > 0 && super::current::processor().is_some_and(|p| ptr::eq(p, self)),
            "only the holder of a P touches its local state"
        );
        // SAFETY: one M holds the P and is the caller; `f` does not re-enter.
        f(unsafe { &mut *self.local.get() })
    }

    /// Counts a run; the number of the one that begins. Whoever the P belongs to at the moment.
    #[inline]
    pub(super) fn next_run(&self) -> u32 {
        let tick = self.tick.load(Ordering::Relaxed).wrapping_add(1);
        self.tick.store(tick, Ordering::Relaxed);
        tick
    }

    /// Gives the free slots to the global list. The caller holds the P, or has taken it out of
    /// service.
    pub(crate) fn give_slots(&self) {
        // SAFETY: nobody else holds the P (caller).
        unsafe { &mut *self.local.get() }.free.give_all();
    }

    /// Whether it has free slots and has looked at them last before the window that has just ended. The caller holds the
    /// lists in which the P is idle.
    pub(crate) fn has_idle_slots(&self, window: u32) -> bool {
        // SAFETY: nobody holds the P (caller).
        unsafe { &*self.local.get() }.free.is_behind(window)
    }

    /// Gives free slots that were not needed to the global list, if a window has ended. The caller holds the P.
    pub(crate) fn trim_slots(&self, window: u32) {
        // SAFETY: nobody else holds the P (caller).
        unsafe { &mut *self.local.get() }.free.trim(window);
    }

    /// Puts a goroutine where it runs next; returns the one that was there. Holder only.
    #[inline]
    pub(crate) fn put_next(&self, g: &'static Goroutine) -> Option<NonNull<Goroutine>> {
        self.runnext.put(g.as_ptr())
    }

    /// Takes the goroutine that runs next. Holder only.
    #[inline]
    pub(crate) fn take_next(&self) -> Option<&'static Goroutine> {
        self.runnext.take().map(Goroutine::from_ptr)
    }

    /// Takes `expected` out of `runnext` if it is still there; for thieves.
    pub(crate) fn steal_next(&self, expected: *mut Goroutine) -> Option<&'static Goroutine> {
        self.runnext
            .steal(expected, barrier::heavy)
            .map(Goroutine::from_ptr)
    }

    /// What would run next; a hint, never to be followed.
    #[inline]
    pub(crate) fn peek_next(&self) -> *mut Goroutine {
        self.runnext.peek()
    }

    /// Appends to the queue; what does not fit goes to the global queue. Holder only.
    #[inline]
    pub(crate) fn push(&self, g: NonNull<Goroutine>) {
        self.queue
            .push_back_or_overflow(g, |spilled| super::scheduler().global.push_all(spilled));
    }

    /// Takes the oldest goroutine of the queue. Holder only.
    #[inline]
    pub(crate) fn pop(&self) -> Option<&'static Goroutine> {
        self.queue.pop().map(Goroutine::from_ptr)
    }

    /// Takes all that is queued here. The caller holds the P, or has taken it out of service.
    pub(super) fn take_all(&self) -> Batch {
        let mut all = Batch::new();
        if let Some(g) = self.take_next() {
            all.push_back(g.as_ptr());
        }
        while let Some(g) = self.pop() {
            all.push_back(g.as_ptr());
        }
        all
    }

    /// As [`pop`](Self::pop); if the queue is long, and so what is in it in no cache, fetches the control block of the next
    /// but one, and the frames of the next, whose control block was fetched the last time.
    #[inline]
    pub(crate) fn pop_and_fetch(&self) -> Option<&'static Goroutine> {
        let (g, ahead) = self.queue.pop_and_peek(LONG)?;
        if let Some([next, later]) = ahead {
            prefetch_top(Goroutine::from_ptr(later));
            prefetch_frames(Goroutine::from_ptr(next));
        }
        Some(Goroutine::from_ptr(g))
    }

    /// Takes half of this P's queue: one to run, the others into `thief`'s, whose holder calls.
    pub(crate) fn steal_into(&self, thief: &Self) -> Option<&'static Goroutine> {
        self.queue.steal_into(&thief.queue).map(Goroutine::from_ptr)
    }

    /// Whether the queue is empty; a hint unless called by the holder.
    #[inline]
    pub(crate) fn is_queue_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether its queue holds something for which another P should be woken, or that another should steal; see "When to
    /// wake another M" in `sched`. A hint.
    #[inline]
    pub(crate) fn is_worth_sharing(&self) -> bool {
        self.is_worth_sharing_with(0)
    }

    /// Whether that is so if `more` goroutines wait beside it that any P may run. A hint.
    #[inline]
    pub(crate) fn is_worth_sharing_with(&self, more: usize) -> bool {
        let waiting = more.saturating_add(self.queue.len() as usize);
        waiting > 0 && waiting >= self.crowd.load(Ordering::Relaxed) as usize
    }

    /// Sets from how many waiting goroutines on another P is worth it.
    pub(crate) fn set_crowd(&self, crowd: u32) {
        if self.crowd.load(Ordering::Relaxed) != crowd {
            self.crowd.store(crowd, Ordering::Relaxed);
        }
    }

    /// How many goroutines have ended here.
    pub(crate) fn ended(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }

    /// Whether anything waits here to run; a hint unless called by the holder.
    pub(crate) fn has_work(&self) -> bool {
        !self.peek_next().is_null() || !self.queue.is_empty()
    }

    /// Takes a goroutine number and counts the goroutine. Holder only.
    #[inline]
    pub(crate) fn start_goroutine(&self, local: &mut Local) -> u64 {
        add(&self.started, 1);
        if local.next_id == local.last_id {
            local.next_id = NEXT_ID.fetch_add(IDS, Ordering::Relaxed);
            local.last_id = local.next_id + IDS;
        }
        local.next_id += 1;
        local.next_id - 1
    }

    /// Counts a goroutine that has ended. Holder only.
    #[inline]
    pub(crate) fn end_goroutine(&self) {
        add(&self.ended, 1);
    }

    /// Keeps a free slot of the class in force by default for the next goroutine. Holder only.
    #[inline]
    pub(crate) fn keep_slot(&self, g: &'static Goroutine) {
        self.with_local(|local| local.free.put(g));
    }

    /// Goroutines started less goroutines ended here; a goroutine may end where it did not start.
    pub(crate) fn balance(&self) -> i64 {
        let ended = self.ended.load(Ordering::Acquire);
        self.started.load(Ordering::Acquire).wrapping_sub(ended) as i64
    }

    /// The address kept in `Machine::gift`.
    pub(crate) fn as_ptr(&'static self) -> *mut Self {
        ptr::from_ref(self).cast_mut()
    }

    /// The P at an address made by `as_ptr`.
    pub(crate) fn from_ptr(at: *mut Self) -> Option<&'static Self> {
        // SAFETY: null, or an address from `as_ptr`; Ps live for ever.
        unsafe { at.as_ref() }
    }
}

/// Takes a goroutine number for a goroutine that a plain thread starts.
pub(crate) fn take_id() -> u64 {
    NEXT_ID.fetch_add(1, Ordering::Relaxed)
}

/// Adds to a counter that one M at a time writes: no locked instruction.
#[inline]
fn add(counter: &AtomicU64, n: u64) {
    counter.store(
        counter.load(Ordering::Relaxed).wrapping_add(n),
        Ordering::Release,
    );
}

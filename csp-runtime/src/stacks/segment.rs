//! [`Segment`]: on what a stack goes on when it has used up its slot, and where those are kept that nobody uses.
//!
//! A segment is a slot of the arena's, from pools of its own. At its top lies this header, below it the stack:
//!
//! ```text
//!   first stack            segment 1, 1 MiB         segment 2, 2 MiB
//!   ┌──────────────┐       ┌──────────────┐         ┌──────────────┐
//!   │ frames       │ ◀───┐ │ Segment      │ ◀─────┐ │ Segment      │ ◀─ the goroutine, or the thread
//!   │              │     └─┤  before      │       └─┤  before      │
//!   │ … left_at ──▶│       ├──────────────┤         ├──────────────┤
//!   │ (red zone)   │       │ frames       │         │ frames ◀─ sp │
//!   │ guard        │       │ … left_at ──▶│         │              │
//!   └──────────────┘       │ guard        │         │ guard        │
//!                          └──────────────┘         └──────────────┘
//! ```
//!
//! Invariants:
//! - A header is written with its slot and stays for ever, like the slot: whoever finds one late reads valid memory.
//! - A segment is either in the list of its class, or belongs to one stack, whose goroutine or thread alone writes it.
//! - The segments of a stack are taken and given back in the order of a stack: `before` is in use as long as this is.
//!
//! Free segments are in one list a class, last in first out: a loop whose call just does not fit takes the same segment
//! each time, whose top page is in the cache, without a system call. What nobody needs for two windows loses its memory but
//! for the header's page (`sched::scavenge` says when). Keeping the next segment with each stack was
//! rejected: it saves a lock of a few nanoseconds, and a thousand goroutines would keep a thousand segments.
#![expect(unsafe_code, reason = "headers live at computed places")]

use super::ahead;
use super::arena::arena;
use super::class::SizeClass;
use super::error::StackError;
use super::slot::Slot;
use crate::primitive::clock;
use crate::primitive::list::{Fifo, Link, Linked};
use crate::primitive::spin::Spin;
use crate::primitive::sync::yield_now;
use core::cell::Cell;
use core::ops::Range;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// What a stack has left when it goes on on a further segment.
pub(crate) const RED_ZONE: usize = 64 << 10;

/// Nanoseconds that a refusal waits for a segment that is being given back; in a child after a fork it never comes.
const PATIENCE: u64 = 1_000_000_000;

/// Segments of one class that nobody uses. Protected by the lock around it.
struct Free {
    /// Those that may be needed, the one used last first.
    warm: Fifo<Segment>,
    /// Those that two windows have not needed.
    surplus: Fifo<Segment>,
    /// Those whose memory was given back, but for the page of the header.
    shed: Fifo<Segment>,
    /// One more is being given back by sysmon, and will be shed.
    coming: bool,
    /// The fewest warm ones there were in this window, and in the one before.
    low: usize,
    before: usize,
}

static FREE: [Spin<Free>; SizeClass::COUNT] = [const {
    Spin::new(Free {
        warm: Fifo::new(),
        surplus: Fifo::new(),
        shed: Fifo::new(),
        coming: false,
        low: 0,
        before: 0,
    })
}; SizeClass::COUNT];

impl Free {
    fn take(&mut self) -> Option<NonNull<Segment>> {
        let warm = self.warm.pop_front();
        self.low = self.low.min(self.warm.len());
        warm.or_else(|| self.surplus.pop_front())
            .or_else(|| self.shed.pop_front())
    }

    /// Ends a window of those in which it is counted how many segments nobody needs. True if there are such.
    fn end_window(&mut self) -> bool {
        let surplus = self.low.min(self.before);
        if surplus > 0 {
            let mut needed = Fifo::new();
            let kept = self.warm.len() - surplus;
            self.warm.split_front(kept, &mut needed);
            self.surplus.append(&mut self.warm);
            self.warm = needed;
        }
        self.before = self.low - surplus;
        self.low = self.warm.len();
        !self.surplus.is_empty()
    }
}

/// Ends a window of all classes. True if there is something for [`shed_one`].
pub(crate) fn end_window() -> bool {
    FREE.iter()
        .fold(false, |any, free| free.lock().end_window() | any)
}

/// Gives back the memory of a segment that two windows have not needed. `None` if there is none, else whether the system
/// took it.
pub(crate) fn shed_one() -> Option<bool> {
    let (free, segment) = FREE.iter().find_map(|list| {
        let mut free = list.lock();
        let segment = free.surplus.pop_front()?;
        free.coming = true;
        Some((list, segment))
    })?;
    // SAFETY: lists hold complete headers, which live for ever.
    let this = unsafe { segment.as_ref() };
    let unused = this.slot.pages_below(ptr::from_ref(this).addr());
    // SAFETY: nobody runs on it, and it is in no list.
    let taken = unused.is_none_or(|pages| unsafe { super::discard(&[pages]) }.is_ok());
    this.filled
        .store(ptr::from_ref(this).addr(), Ordering::Relaxed);
    let mut free = free.lock();
    free.shed.push_front(segment);
    free.coming = false;
    Some(taken)
}

/// The header of a segment.
#[repr(C, align(64))]
pub(crate) struct Segment {
    /// Link of the free list; protected by the list's lock.
    next: Link<Segment>,
    /// Where it is; never changes.
    slot: Slot,

    // Written by the goroutine or thread that goes over to the segment, before it does; others may read it at any time.
    /// The goroutine that uses it, as an address; null for a plain thread, and in the free list.
    owner: AtomicPtr<()>,
    /// The segment before, or null if that is the first stack.
    before: AtomicPtr<Segment>,
    /// The stack pointer with which the stack before was left.
    left_at: AtomicUsize,
    /// The high end of the stack before.
    left_base: AtomicUsize,
    /// The bytes of all stacks up to this one, guards included.
    total: AtomicUsize,
    /// Where the memory ends that the stack has been given, by whoever used it last or uses it; see `ahead`. Written by the user,
    /// and when the memory is given back.
    filled: AtomicUsize,

    /// The header's own address once it is complete: a slot's memory is zero before.
    complete: AtomicUsize,
}

// SAFETY: the atomics speak for themselves; `next` is used under the lock of the list that holds the segment.
unsafe impl Sync for Segment {}
// SAFETY: as for `Sync`; a segment belongs to no thread.
unsafe impl Send for Segment {}

// SAFETY: `next` is used by one list at a time: a segment is in the list of its class or in none.
unsafe impl Linked for Segment {
    fn next(this: NonNull<Self>) -> *const Link<Self> {
        // SAFETY: headers are never unmapped; only the field's address is taken.
        unsafe { &raw const (*this.as_ptr()).next }
    }
}

impl Segment {
    /// The smallest segment's class: 1 MiB.
    const FIRST: SizeClass = SizeClass::for_bytes(1 << 20).unwrap();
    /// The class up to which each segment is twice the one before: 64 MiB.
    const LAST: SizeClass = SizeClass::for_bytes(64 << 20).unwrap();

    /// The class of the segment after one of class `last`, or after a first stack, that has `need` bytes of stack and the
    /// red zone, within `most` bytes in all; `None` if there is none.
    pub(crate) fn next_class(
        last: Option<SizeClass>,
        need: usize,
        most: usize,
    ) -> Option<SizeClass> {
        const BESIDES: usize = RED_ZONE + 4096;
        let bytes = need.checked_add(BESIDES)?;
        let least = SizeClass::all()
            .find(|class| class.slot_size() - class.guard_size() >= bytes)?
            .max(Self::FIRST);
        let wanted = match last {
            Some(last) => SizeClass::for_bytes(last.slot_size() * 2)
                .unwrap_or(SizeClass::MAX)
                .min(Self::LAST),
            None => Self::FIRST,
        };
        // The largest that fits, up to the one wanted.
        SizeClass::all()
            .filter(|class| (least..=wanted.max(least)).contains(class))
            .take_while(|class| class.slot_size() <= most)
            .last()
    }

    /// Takes a free segment of a class, or a fresh one.
    ///
    /// # Errors
    ///
    /// When there is none and the arena cannot give one.
    pub(crate) fn take(class: SizeClass) -> Result<&'static Segment, StackError> {
        let list = &FREE[class.index()];
        let free = list.lock().take();
        let segment = match free {
            Some(segment) => segment,
            None => match arena().take_segment(class) {
                Ok(slot) => return Ok(Self::create(slot)),
                Err(error) => Self::wait_for_one(list).ok_or(error)?,
            },
        };
        // SAFETY: lists hold complete headers, which live for ever.
        Ok(unsafe { segment.as_ref() })
    }

    /// If there are no more but that which is being given back, that one.
    #[cold]
    fn wait_for_one(list: &Spin<Free>) -> Option<NonNull<Segment>> {
        let until = clock::now().saturating_add(PATIENCE);
        loop {
            let mut free = list.lock();
            if let Some(segment) = free.take() {
                return Some(segment);
            }
            if !free.coming || clock::now() >= until {
                return None;
            }
            drop(free);
            yield_now();
        }
    }

    /// Gives a segment back on which nothing runs any more.
    pub(crate) fn give(&'static self) {
        self.owner.store(ptr::null_mut(), Ordering::Relaxed);
        FREE[self.slot.class.index()]
            .lock()
            .warm
            .push_front(NonNull::from(self));
    }

    /// Writes the header of a slot that has never been used.
    fn create(slot: Slot) -> &'static Segment {
        let at = Self::place(slot);
        // SAFETY: the slot is fresh and ours; the place is aligned and lies within its top page.
        unsafe {
            at.write(Self {
                next: Cell::new(None),
                slot,
                owner: AtomicPtr::new(ptr::null_mut()),
                before: AtomicPtr::new(ptr::null_mut()),
                left_at: AtomicUsize::new(0),
                left_base: AtomicUsize::new(0),
                total: AtomicUsize::new(0),
                filled: AtomicUsize::new(at.addr()),
                complete: AtomicUsize::new(0),
            });
        }
        // SAFETY: just written, and never unmapped.
        let this = unsafe { &*at };
        this.complete.store(at.addr(), Ordering::Release);
        this
    }

    /// Where the header of a slot lies.
    fn place(slot: Slot) -> *mut Segment {
        let at = (slot.top().addr().get() - size_of::<Segment>()) & !(align_of::<Segment>() - 1);
        slot.base.as_ptr().with_addr(at).cast()
    }

    /// The header of a slot that the arena has handed out for a segment, if it is there already.
    pub(crate) fn find_in(slot: Slot) -> Option<&'static Segment> {
        let at = Self::place(slot);
        // SAFETY: the place is mapped and aligned; an atomic may hold any bits.
        let complete = unsafe { &(*at).complete };
        if complete.load(Ordering::Acquire) != at.addr() {
            return None;
        }
        // SAFETY: `create` has completed it; headers live for ever.
        Some(unsafe { &*at })
    }

    /// The segment that [`to_ptr`](Self::to_ptr) made an address of.
    #[inline]
    pub(crate) fn from_ptr(at: *mut Segment) -> Option<&'static Segment> {
        // SAFETY: null, or of a header, which lives for ever.
        unsafe { at.as_ref() }
    }

    /// A segment or null, as an atomic keeps it; never written through.
    #[inline]
    pub(crate) fn to_ptr(segment: Option<&'static Segment>) -> *mut Segment {
        segment.map_or(ptr::null_mut(), |segment| ptr::from_ref(segment).cast_mut())
    }

    /// Puts the segment behind a stack with the high end `left_base`, which is that of the segment `before` or a first
    /// one, and has `total` bytes with all before it. `owner` is the goroutine, or null.
    pub(crate) fn link(
        &'static self,
        owner: *mut (),
        before: Option<&'static Segment>,
        left_base: usize,
        total: usize,
    ) {
        self.before.store(Self::to_ptr(before), Ordering::Relaxed);
        self.left_base.store(left_base, Ordering::Relaxed);
        // Nothing yet: the switch notes where the stack before is left.
        self.left_at.store(left_base, Ordering::Relaxed);
        self.total
            .store(total + self.slot.class.slot_size(), Ordering::Relaxed);
        self.owner.store(owner, Ordering::Release);
    }

    /// The stack: from the lowest usable byte to the header.
    #[inline]
    pub(crate) fn stack(&self) -> Range<usize> {
        self.slot.usable_low().addr().get()..ptr::from_ref(self).addr()
    }

    /// Below this address a call is to look after the stack: there are less than [`RED_ZONE`] bytes left, or none that have
    /// memory.
    pub(crate) fn floor(&self) -> usize {
        let filled = self.filled.load(Ordering::Relaxed);
        filled.max(self.stack().start + RED_ZONE)
    }

    /// Gives the stack memory ahead of a call at the stack pointer `sp`. For its user.
    pub(crate) fn fill(&self, sp: usize) {
        let filled = self.filled.load(Ordering::Relaxed);
        self.filled
            .store(ahead::fill(&self.stack(), filled, sp), Ordering::Relaxed);
    }

    /// Where it is, and of which class.
    pub(crate) fn slot(&self) -> Slot {
        self.slot
    }

    /// The goroutine that uses it, as an address; null for a plain thread.
    pub(crate) fn owner(&self) -> *mut () {
        self.owner.load(Ordering::Acquire)
    }

    /// The segment before; `None` if that is the first stack.
    pub(crate) fn before(&self) -> Option<&'static Segment> {
        Self::from_ptr(self.before.load(Ordering::Relaxed))
    }

    /// Where the switch notes with which stack pointer the stack before is left.
    pub(crate) fn left_at(&self) -> &AtomicUsize {
        &self.left_at
    }

    /// What is in use of the stack before, above the noted stack pointer.
    pub(crate) fn left(&self) -> Range<usize> {
        self.left_at.load(Ordering::Relaxed)..self.left_base.load(Ordering::Relaxed)
    }

    /// This segment and those before it, the one in use first.
    pub(crate) fn chain(&'static self) -> impl Iterator<Item = &'static Segment> {
        core::iter::successors(Some(self), |segment| segment.before())
    }

    /// The bytes of all stacks up to this one.
    pub(crate) fn total(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn bytes(last: Option<usize>, need: usize, most: usize) -> Option<usize> {
        let last = last.and_then(SizeClass::for_bytes);
        Segment::next_class(last, need, most).map(SizeClass::slot_size)
    }

    #[test]
    fn each_segment_is_twice_the_one_before_up_to_a_limit() {
        const MIB: usize = 1 << 20;
        assert_eq!(bytes(None, 0, MIB << 10), Some(MIB));
        assert_eq!(bytes(Some(MIB), 0, MIB << 10), Some(2 * MIB));
        assert_eq!(bytes(Some(64 * MIB), 0, MIB << 10), Some(64 * MIB));
        assert_eq!(bytes(Some(64 * MIB), 0, 20 * MIB), Some(16 * MIB));
        assert_eq!(bytes(Some(64 * MIB), 0, MIB - 1), None);
        assert_eq!(bytes(None, 3 * MIB, MIB << 10), Some(4 * MIB));
        assert_eq!(bytes(None, 4 * MIB, MIB << 10), Some(8 * MIB));
        assert_eq!(bytes(None, 200 * MIB, MIB << 10), Some(256 * MIB));
        assert_eq!(bytes(None, 4 * MIB, 7 * MIB), None);
        assert_eq!(bytes(None, usize::MAX, MIB << 10), None);
    }

    #[test]
    fn what_two_windows_did_not_need_is_shed_and_taken_last() {
        // As in the test below.
        let class = SizeClass::for_bytes(8 << 20).unwrap();
        let mut free = FREE[class.index()].lock();
        let all = [0; 3].map(|_| Segment::create(arena().take_segment(class).unwrap()));
        for segment in all {
            free.warm.push_front(NonNull::from(segment));
        }
        assert!(!free.end_window(), "they came in this window");
        let newest = free.take().unwrap();
        free.warm.push_front(newest);
        assert!(!free.end_window());
        assert!(free.end_window(), "two were not needed in two windows");
        assert_eq!((free.warm.len(), free.surplus.len()), (1, 2));
        let oldest = free.surplus.pop_front().unwrap();
        free.shed.push_front(oldest);
        let order = [(); 3].map(|()| free.take().unwrap());
        assert_eq!(order[0], newest);
        assert_eq!(order[2], oldest);
        assert!(free.take().is_none());
    }

    #[test]
    fn a_segment_given_back_is_the_next_one_taken() {
        // A class that no other test uses.
        let class = SizeClass::for_bytes(16 << 20).unwrap();
        let first = Segment::take(class).unwrap();
        let second = Segment::take(class).unwrap();
        assert!(!ptr::eq(first, second));
        first.give();
        second.give();
        assert!(ptr::eq(Segment::take(class).unwrap(), second));
        assert!(ptr::eq(Segment::take(class).unwrap(), first));
        let found = arena().lookup_segment(first.stack().start).unwrap();
        assert!(ptr::eq(Segment::find_in(found).unwrap(), first));
        assert!(arena().lookup(first.stack().start).is_none());
    }
    #[test]
    fn the_floor_goes_down_with_the_memory_and_up_when_it_is_given_back() {
        // As above.
        let class = SizeClass::for_bytes(32 << 20).unwrap();
        let segment = Segment::take(class).unwrap();
        let top = segment.stack().end;
        assert_eq!(segment.floor(), top, "there is the header's page alone");
        let sp = top - (40 << 10);
        segment.fill(sp);
        assert!(segment.floor() <= sp - (32 << 10));
        let floor = segment.floor();
        segment.fill(floor);
        assert_eq!(segment.floor(), floor, "there is memory for this call");
        FREE[class.index()]
            .lock()
            .surplus
            .push_front(NonNull::from(segment));
        while shed_one().is_some() {}
        assert_eq!(segment.floor(), top);
    }
}

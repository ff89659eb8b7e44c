//! Giving back memory of goroutines: what a control block must bear, and the unused part of a parked one's stack.
//!
//! # A control block whose memory was given back
//!
//! It belongs to a free slot and reads as zero. Nobody has it; but who had it once may come late with its address. What
//! those do to zeroes, and to the block that is created there later:
//!
//! | who | touches | and so |
//! |---|---|---|
//! | waker, timer entry, alarm | `ticket`: loads, and a claim, which is a CAS | zero is no generation's `OPEN`, and a later block starts above all generations given back ([`floor`]): a claim fails, and a failed one stores nothing |
//! | the same, after a claim won | the rest | not late: the goroutine waits until it is made ready |
//! | dump | `complete` | skips spare slots; zero is "no goroutine" |
//! | dump with the block in hand | `join`, `status` | zero is `DETACHED` and `Idle`: not standing anywhere, left out |
//! | | `id` | no goroutine has number 0: left out |
//! | | `spawned_at`, `waits_at` | null is "unknown" |
//! | | `extra` | null is "no name" |
//! | backtrace | `status`, `on_cpu`, `base`, `left_at` | zero is not suspended; the slot comes from the address, not from the block |
//! | | the stack | reads zeroes, and looks again afterwards, as ever |
//! | signal handler | the goroutine that an M runs | not late: it is alive |
//! | sysmon's patrol | the goroutine that an M ran a moment ago: `spawned_at` | null is "unknown"; the next one's is not used, as the P's `tick` has changed as a rule, and a word about a wrong `go!` is a hint like all of them |
//! | overflow report | as the dump | only ever of a goroutine that runs |
//! | join handle | `join`, the result | not late: the slot is freed by the handle's owner |
//! | the M that switched away | `on_cpu` | not late: a slot is freed after that; asked again before it is set aside |
//! | thief, sysmon | the address in a `runnext` | compared, not followed |
//!
//! Nobody who comes late stores anything. A late access may fetch a page again, which costs a page until the slot is next
//! given back, and no more. All fields that those read are atomics, and `create` stores them one by one.
//!
//! # A parked goroutine
//!
//! What lies below its stack pointer is of no use to it. [`Held`] holds some parked goroutines in place by the protocol of
//! `on_cpu`, gives the pages below back, and lets go. A goroutine that is resumed at that moment waits for some
//! microseconds.
//!
//! So it goes with one that has ended and whose handle somebody keeps: only its result is still needed. Whoever starts the
//! next one in the slot enters the stack for a moment, and so waits as well.
//!
//! A goroutine that waits together with its thread (locked to it, or while it unwinds) has an M on its stack, and is left alone.
#![expect(
    unsafe_code,
    reason = "looks at slots whose control block may not be there, and gives up parts of stacks"
)]

use core::sync::atomic::AtomicU64;

use super::{Goroutine, Status};
use crate::primitive::barrier;
use crate::primitive::prefetch::prefetch;
use crate::primitive::sync::Ordering;
use crate::stacks::{self, DISCARDED_AT_ONCE, Pages, Segment, Slot};

/// Bytes below the noted stack pointer that stay: the frames of the switch itself, and a margin.
const SLACK: usize = 1024;

/// Of how many stacks of one goroutine the unused pages are given back.
const STACKS: usize = 3;

/// The latest wait of all control blocks that were ever given back.
static FLOOR: AtomicU64 = AtomicU64::new(0);

/// The generation above which the waits of a new control block begin. It is that of its slot at least: it was raised before
/// the slot was set aside, under a lock that was taken to take the slot.
pub(super) fn floor() -> u64 {
    FLOOR.load(Ordering::Relaxed)
}

/// The control block of a free slot is about to be given back.
pub(super) fn raise_floor(g: &Goroutine) {
    FLOOR.fetch_max(g.ticket.generation(), Ordering::Relaxed);
}

/// A goroutine that waits, seen from outside.
#[derive(Clone, Copy)]
pub(crate) struct Parked {
    /// The slot.
    slot: Slot,
    /// Since when, in ticks of the coarse clock.
    pub(crate) since: u32,
    /// During this wait, its unused pages were given back already.
    pub(crate) done: bool,
}

/// Fetches what [`peek`] reads.
pub(crate) fn prefetch_state(slot: Slot) {
    let at = Goroutine::place(slot);
    // SAFETY: only the address of the field is taken.
    let status = unsafe { &raw const (*at).status };
    prefetch(status.cast(), 1);
}

/// If the goroutine in a slot that the arena has handed out waits, or has ended and has a handle, and is off its stack:
/// since when. It may change at once.
pub(crate) fn peek(slot: Slot) -> Option<Parked> {
    // SAFETY: aligned, mapped for ever, and zero or a control block: a valid one in either case.
    let g = unsafe { &*Goroutine::place(slot) };
    let status = g.status.load(Ordering::Relaxed);
    let rests = status == Status::Waiting as u8 || status == Status::Ended as u8;
    (rests && g.is_off_cpu()).then(|| {
        let since = g.since.load(Ordering::Relaxed);
        Parked {
            slot,
            since,
            done: g.trimmed.load(Ordering::Relaxed) == since as u16,
        }
    })
}

/// Parked goroutines that are to give up the unused pages of their stacks.
pub(crate) struct Held {
    list: [Option<(&'static Goroutine, u32)>; Self::MOST],
    len: usize,
}

impl Held {
    /// How many at a time: resuming one of them waits for all.
    pub(crate) const MOST: usize = 64;

    pub(crate) const fn new() -> Self {
        Self {
            list: [None; Self::MOST],
            len: 0,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len == Self::MOST
    }

    /// Adds one. Nothing is held yet.
    pub(crate) fn add(&mut self, parked: Parked) {
        if let Some(g) = Goroutine::find_in(parked.slot) {
            self.list[self.len] = Some((g, parked.since));
            self.len += 1;
        }
    }

    /// Gives back the unused pages of those that still wait, and empties the list. Returns how many that were, and whether
    /// the system refused. Only if `barrier::is_ready`, and for one thread only.
    pub(crate) fn give_back(&mut self) -> (usize, bool) {
        const _: () = assert!(Held::MOST * STACKS <= DISCARDED_AT_ONCE);
        if self.len == 0 {
            return (0, false);
        }
        let list = || self.list[..self.len].iter().flatten();
        for (g, _) in list() {
            g.on_cpu.hold();
        }
        // Partner: the light fence in `OnCpu::enter`.
        barrier::heavy();
        let mut pages = [None::<Pages>; DISCARDED_AT_ONCE];
        let mut ranges = 0;
        let mut count = 0;
        for (g, since) in list() {
            let still =
                g.on_cpu.is_free() && is_at_rest(g) && g.since.load(Ordering::Relaxed) == *since;
            if still {
                // A later wait has other bits, but for one in 65,536, which is passed over.
                g.trimmed.store(*since as u16, Ordering::Relaxed);
                let before = ranges;
                unused_below(g, &mut |unused| {
                    pages[ranges] = Some(unused);
                    ranges += 1;
                });
                count += usize::from(ranges > before);
            }
        }
        let mut refused = false;
        if let Some(first) = pages[0] {
            let pages = pages.map(|range| range.unwrap_or(first));
            // SAFETY: the goroutines are parked and held, so nobody uses what lies below their stack pointers, and nobody
            // will before `let_go`; when they go on, they write there before they read.
            refused = unsafe { stacks::discard(&pages[..ranges]) }.is_err();
        }
        for (g, _) in list() {
            g.on_cpu.let_go();
        }
        self.len = 0;
        (count, refused)
    }
}

/// Whether a goroutine that is held waits, or has ended and nobody has begun another in its slot.
fn is_at_rest(g: &Goroutine) -> bool {
    let status = g.status.load(Ordering::Relaxed);
    let due = if g.join.is_done() {
        Status::Ended
    } else {
        Status::Waiting
    };
    status == due as u8
}

/// Calls `f` with the whole pages that a parked goroutine, which is held, does not use: of the stack it is on, and, if it
/// has grown, of some of those before, which have hardly more than the red zone unused; `STACKS` times at most.
fn unused_below(g: &Goroutine, f: &mut dyn FnMut(Pages)) {
    let mut unused = |slot: Slot, end: usize| {
        if let Some(pages) = end
            .checked_sub(SLACK)
            .filter(|&end| slot.contains(end))
            .and_then(|end| slot.pages_below(end))
        {
            f(pages);
        }
    };
    if g.join.is_done() {
        // All but the result.
        if let Some(pages) = g.slot().pages_below(g.base()) {
            f(pages);
        }
        return;
    }
    let (frame, _) = g.suspended_at();
    let Some(segment) = g.segment() else {
        return unused(g.slot(), frame.sp);
    };
    unused(segment.slot(), frame.sp);
    for segment in segment.chain().take(STACKS - 1) {
        let slot = segment.before().map_or(g.slot(), Segment::slot);
        unused(slot, segment.left().start);
    }
}

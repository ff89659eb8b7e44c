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
//! | signal handler, sysmon's patrol | the goroutine that an M runs | not late: it is alive |
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
#![expect(
    unsafe_code,
    reason = "looks at slots whose control block may not be there, and gives up parts of stacks"
)]

use core::sync::atomic::AtomicU64;

use super::{Goroutine, Status};
use crate::primitive::barrier;
use crate::primitive::prefetch::prefetch;
use crate::primitive::sync::Ordering;
use crate::stack::{self, DISCARDED_AT_ONCE, Pages, Slot};

/// Bytes below the noted stack pointer that stay: the frames of the switch itself, and a margin.
const SLACK: usize = 1024;

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
    let status = unsafe { &raw const (*at).g.status };
    prefetch(status.cast(), 1);
}

/// If the goroutine in a slot that the arena has handed out waits, and is off its stack: since when. It may change at once.
pub(crate) fn peek(slot: Slot) -> Option<Parked> {
    // SAFETY: aligned, mapped for ever, and zero or a control block: a valid one in either case.
    let g = unsafe { &(*Goroutine::place(slot)).g };
    let waits = g.status.load(Ordering::Relaxed) == Status::Waiting as u8 && g.is_off_cpu();
    waits.then(|| {
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
        const _: () = assert!(Held::MOST <= DISCARDED_AT_ONCE);
        if self.len == 0 {
            return (0, false);
        }
        let list = || self.list[..self.len].iter().flatten();
        for (g, _) in list() {
            g.on_cpu.hold();
        }
        // Partner: the light fence in `OnCpu::enter`.
        barrier::heavy();
        let mut pages: [Option<Pages>; Self::MOST] = [None; Self::MOST];
        let mut count = 0;
        for (g, since) in list() {
            let still = g.on_cpu.is_free()
                && g.status.load(Ordering::Relaxed) == Status::Waiting as u8
                && !g.join.is_done()
                && g.since.load(Ordering::Relaxed) == *since;
            if still {
                // A later wait has other bits, but for one in 65,536, which is passed over.
                g.trimmed.store(*since as u16, Ordering::Relaxed);
                pages[count] = unused_below(g);
                count += usize::from(pages[count].is_some());
            }
        }
        let refused = match pages[0] {
            None => false,
            Some(first) => {
                let mut ranges = [first; Self::MOST];
                for (range, page) in ranges.iter_mut().zip(pages[..count].iter().flatten()) {
                    *range = *page;
                }
                // SAFETY: the goroutines are parked and held, so nobody uses what lies below their stack pointers, and
                // nobody will before `let_go`; when they go on, they write there before they read.
                unsafe { stack::discard(&ranges[..count]) }.is_err()
            }
        };
        for (g, _) in list() {
            g.on_cpu.let_go();
        }
        self.len = 0;
        (count, refused)
    }
}

/// The whole pages of its slot that a parked goroutine, which is held, does not use. `None` if there are none, or if it left
/// its stack at an address outside of its slot.
fn unused_below(g: &Goroutine) -> Option<Pages> {
    let (frame, base) = g.suspended_at();
    let slot = g.slot();
    if !slot.contains(frame.sp) || frame.sp > base {
        return None;
    }
    slot.pages_below(frame.sp.checked_sub(SLACK)?)
}

//! [`Pool`]: the reservations of one size class, and the slots not yet handed out.
//!
//! ```text
//!   Pool   count = 2        Chunk 0                              Chunk 1
//!   ┌───────────┐    base ─▶┌────┬────┬────┬ ─ ─ ┬────┐    base ─▶┌────┬────┬ ─ ─ ┬────┐
//!   │ chunks[64]│           │  0 │  1 │  2 │     │n-1 │           │  n │n+1 │     │    │
//!   └───────────┘           └────┴────┴────┴ ─ ─ ┴────┘           └────┴────┴ ─ ─ ┴────┘
//!                            all claimed: next = len                claimed ▲ next: untouched
//! ```
//!
//! Behind the slots of a chunk lie its bitmaps, in the same mapping: which slots are free beyond need, see [`spare`].
//!
//! A chunk is one mapping, cut into slots. Slots are claimed from the left with one CAS on `next`;
//! no lock is held while their guards are set. A claim that could not be guarded is given back if
//! nobody claimed after it, else its slots stay unused for ever, which costs numbers and no memory.
//!
//! Readers (the fault handler, the dump) take no lock: `count` is stored with release after the
//! chunk's fields, which never change again. Only making a chunk takes the pool's spin lock.
//!
//! Slots are opened some time before they are claimed, in steps. Those not yet opened are left out of core dumps: the
//! system writes dumps page by page, untouched pages too, and a dump of 256 GiB takes its time, and is sparse only if the
//! receiver knows how. They cannot be accessed either, so that `mlockall` does not fill them and no limit
//! counts them as data. The opened part is one map, the rest of the chunk another.
//!
//! **How large.** The first try is 256 GiB whatever the class, a million default slots: a mapping
//! without access costs nothing, and one that large keeps 100,000 stacks in one map.
//! Fifteen classes of it are below 4 TiB of the 128 TiB a process has. If it is refused
//! (`RLIMIT_AS`, strict overcommit, valgrind), the try is halved until one fits, and an **eighth**
//! of that is kept, because what limits it is shared with the heap and with threads' stacks, or a
//! **half** once many chunks have been made, so that they suffice. Taking all that fits was
//! rejected: under a limit of 1 GiB the next large `malloc` would have failed instead of the spawn.
//! For the same reason a chunk is made only where 16 MiB more would have fitted, so that the error
//! can be handled. Each chunk begins with the first try again: what did not fit may have been kept
//! by another thread for a moment only. The tries themselves do the same to others: what is tried and
//! not kept is missing to them until it is unmapped, in the next call.

#![expect(unsafe_code, reason = "cutting mappings into slots")]

use super::class::SizeClass;
use super::error::StackError;
use super::guard;
use super::limit::Limit;
use super::map;
use super::slot::Slot;
use crate::primitive::spin::Spin;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use spare::Spares;
use std::io;

pub(super) mod spare;

/// The most chunks of a class; with full-sized ones, 67 million default slots.
const MAX_CHUNKS: usize = 64;
/// The first try for a chunk's size, in bytes.
const FIRST_TRY: usize = 1 << if usize::BITS >= 64 { 38 } else { 28 };
/// What a refused first try leaves of the largest size that fits: one part in this many.
const SCARCE_SHARE: usize = 8;
/// The same when half of the chunks are made. Each then takes a quarter of what is left, and more.
const LATE_SHARE: usize = 2;
/// What a chunk must leave to the rest of the program, or it is not made.
const SPARE: usize = 16 << 20;
// The bitmaps are cut from it.
const _: () = assert!(spare::bits_size(FIRST_TRY >> 16) < SPARE / 2);
/// The slots that a chunk should have even when space is scarce.
const FEW: usize = 4;

/// How much memory is made accessible at a time: what is accessible and untouched is promised all the same, to those who
/// limit promises, and filled by `mlockall`.
const OPENED: usize = 16 << 20;
/// Or one part in this many of what is accessible already, if that is more and nothing counts or fills it: each time costs
/// two changes of the list of maps.
const OPENED_SHARE: u32 = 8;

/// So many slots taken together are a burst.
const MANY: u32 = 16;

/// The reservations of one size class.
pub(super) struct Pool {
    /// The chunks; those below `count` are set and, but for `next`, never change.
    chunks: [Chunk; MAX_CHUNKS],
    /// How many chunks are set. Written under `growing`, read by anyone.
    count: AtomicUsize,
    /// Held while a chunk is made, or made accessible.
    growing: Spin<()>,
    /// Slots that are free beyond need.
    spares: Spares,
}

/// One mapping, cut into slots.
struct Chunk {
    /// The first slot. Published by the pool's `count`.
    base: AtomicPtr<u8>,
    /// The class-wide number of the first slot. Published by the pool's `count`.
    first: AtomicU32,
    /// How many slots there are. Published by the pool's `count`.
    len: AtomicU32,
    /// Where its bitmaps are. Published by the pool's `count`.
    bits: AtomicPtr<AtomicU64>,
    /// How many slots may be claimed, because their memory is accessible; the others' is not. Written under the
    /// pool's `growing`.
    open: AtomicU32,
    /// How many slots were claimed; moved by CAS, forward by claims and back by `give_back`.
    next: AtomicU32,
}

/// Some neighbouring slots of a chunk that were claimed together.
pub(super) struct Run {
    /// The first slot.
    first: Slot,
    /// The chunk's number in its pool.
    chunk: usize,
    /// The number of the first slot in its chunk.
    start: u32,
    /// How many slots there are, at least 1.
    pub(super) len: u32,
}

impl Run {
    /// Whether the slots will be used soon: they were taken together, and so were others before them.
    pub(super) const fn is_one_of_many(&self) -> bool {
        self.len >= MANY && self.first.index >= 2 * MANY
    }

    /// Returns the `at`-th slot of the run.
    pub(super) fn slot(&self, at: u32) -> Slot {
        debug_assert!(at < self.len);
        // SAFETY: the claim covers `len` neighbouring slots of one mapping.
        unsafe { nth(self.first, at) }
    }
}

/// Returns the slot that is `at` slots above `slot`.
///
/// # Safety
///
/// Both lie in the same chunk.
unsafe fn nth(slot: Slot, at: u32) -> Slot {
    // SAFETY: the caller's word: the result is inside the same mapping.
    let base = unsafe { slot.base.add(at as usize * slot.class.slot_size()) };
    Slot {
        base,
        class: slot.class,
        index: slot.index + at,
    }
}

impl Chunk {
    const fn new() -> Chunk {
        Chunk {
            base: AtomicPtr::new(ptr::null_mut()),
            first: AtomicU32::new(0),
            len: AtomicU32::new(0),
            bits: AtomicPtr::new(ptr::null_mut()),
            open: AtomicU32::new(0),
            next: AtomicU32::new(0),
        }
    }

    /// Returns the first slot of a chunk that is set.
    fn first_slot(&self, class: SizeClass) -> Option<Slot> {
        let base = NonNull::new(self.base.load(Ordering::Relaxed))?;
        Some(Slot {
            base,
            class,
            index: self.first.load(Ordering::Relaxed),
        })
    }

    /// Claims up to `want` slots, and `least` at least, and returns the number of the first and how many.
    ///
    /// Relaxed: a claim hands over memory that nobody has touched.
    fn claim(&self, want: u32, least: u32) -> Option<(u32, u32)> {
        // Pairs with the release store in `open`: whoever sees a claimed slot may look at its memory.
        let open = self.open.load(Ordering::Acquire);
        let grab = |next: u32| want.min(open.saturating_sub(next));
        let start = self
            .next
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| {
                (grab(next) >= least).then(|| next + grab(next))
            })
            .ok()?;
        Some((start, grab(start)))
    }

    fn is_wholly_open(&self) -> bool {
        self.open.load(Ordering::Relaxed) == self.len.load(Ordering::Relaxed)
    }

    /// Makes the memory of further slots accessible, unless `want` are already. Under the pool's `growing`.
    fn open_more(&self, class: SizeClass, want: u32) -> Result<(), StackError> {
        let open = self.open.load(Ordering::Relaxed);
        if self.next.load(Ordering::Relaxed) + want <= open {
            return Ok(());
        }
        let Some(first) = self.first_slot(class) else {
            return Ok(());
        };
        let left = self.len.load(Ordering::Relaxed) - open;
        let step = (OPENED / class.slot_size()) as u32;
        let more = open / OPENED_SHARE;
        let step = if more > step && !map::access_costs() {
            more
        } else {
            step
        };
        let mut count = left.min(step.max(want));
        loop {
            let bytes = count as usize * class.slot_size();
            // SAFETY: slots of this chunk, which nobody has claimed.
            match unsafe { map::open(nth(first, open).base, bytes, SPARE) } {
                Ok(()) => break,
                Err(error) if count == 1 => {
                    if matches!(Limit::behind(&error), Limit::Unknown) {
                        guard::end_of_maps();
                    }
                    return Err(refused(class, first.index + open, Some(error)));
                }
                Err(_) => count /= 2,
            }
        }
        // Pairs with the acquire load in `claim`.
        self.open.store(open + count, Ordering::Release);
        Ok(())
    }
}

impl Pool {
    pub(super) const fn new() -> Pool {
        Pool {
            chunks: [const { Chunk::new() }; MAX_CHUNKS],
            count: AtomicUsize::new(0),
            growing: Spin::new(()),
            spares: Spares::new(),
        }
    }

    /// Returns the chunks that are set. Async-signal-safe.
    fn chunks(&self) -> &[Chunk] {
        // Pairs with the release store of `grow`.
        &self.chunks[..self.count.load(Ordering::Acquire)]
    }

    /// Claims up to `want` neighbouring slots, whose guards are the caller's to set; less only at the end of a chunk, or if
    /// there can be no more.
    pub(super) fn claim(&self, class: SizeClass, want: u32) -> Result<Run, StackError> {
        loop {
            let chunks = self.chunks();
            if let Some(run) = claim_in(chunks, class, want, false) {
                return Ok(run);
            }
            if let Err(error) = self.extend(class, chunks.len(), want) {
                return claim_in(self.chunks(), class, want, true).ok_or(error);
            }
        }
    }

    /// Takes back the slots of a run from `kept` on, if no later ones were claimed.
    pub(super) fn give_back(&self, run: &Run, kept: u32) {
        let (end, kept) = (run.start + run.len, run.start + kept);
        // On failure somebody claimed after this run; its slots then stay unused.
        let _ = self.chunks()[run.chunk].next.compare_exchange(
            end,
            kept,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }

    /// Makes more slots claimable, if there are not `want` when `seen` chunks are known: some of the last chunk, or a further
    /// chunk.
    #[cold]
    fn extend(&self, class: SizeClass, seen: usize, want: u32) -> Result<(), StackError> {
        let _growing = self.growing.lock();
        let chunks = self.chunks();
        if chunks.len() != seen {
            return Ok(());
        }
        match chunks.last() {
            Some(last) if !last.is_wholly_open() => last.open_more(class, want),
            _ => self.grow(class),
        }
    }

    /// Makes a further chunk, of which nothing is open yet.
    fn grow(&self, class: SizeClass) -> Result<(), StackError> {
        let page = map::page_size();
        if !SizeClass::all().all(|class| class.guard_size().is_multiple_of(page)) {
            return Err(StackError::PageSize { bytes: page });
        }
        let first = self.chunks().last().map_or(0, |last| {
            last.first.load(Ordering::Relaxed) + last.len.load(Ordering::Relaxed)
        });
        let failure = |source| refused(class, first, source);
        let seen = self.count.load(Ordering::Relaxed);
        let chunk = self.chunks.get(seen).ok_or_else(|| failure(None))?;
        let share = if seen < MAX_CHUNKS / 2 {
            SCARCE_SHARE
        } else {
            LATE_SHARE
        };
        let (base, size) = reserve(class, share).map_err(|error| failure(Some(error)))?;
        chunk.base.store(base.as_ptr(), Ordering::Relaxed);
        chunk.first.store(first, Ordering::Relaxed);
        chunk
            .len
            .store((size / class.slot_size()) as u32, Ordering::Relaxed);
        // SAFETY: `reserve` left room for them behind the slots.
        let bits = unsafe { base.add(size) }.cast::<AtomicU64>();
        chunk.bits.store(bits.as_ptr(), Ordering::Relaxed);
        // Publishes the four; pairs with the acquire load in `chunks`.
        self.count.store(seen + 1, Ordering::Release);
        Ok(())
    }

    /// Returns the claimed slot that contains `addr`. Async-signal-safe.
    pub(super) fn lookup(&self, class: SizeClass, addr: usize) -> Option<Slot> {
        self.chunks().iter().find_map(|chunk| {
            let first = chunk.first_slot(class)?;
            let at = addr.checked_sub(first.base.addr().get())? / class.slot_size();
            let claimed = chunk.next.load(Ordering::Relaxed) as usize;
            // SAFETY: `at` is below the number of claimed slots of this chunk.
            (at < claimed).then(|| unsafe { nth(first, at as u32) })
        })
    }

    /// Calls `f` with every slot claimed before the call, in order, but for those whose memory was given back.
    pub(super) fn for_each(&self, class: SizeClass, f: &mut dyn FnMut(Slot)) {
        let _ = self.walk(class, 0, usize::MAX, f);
    }

    /// As [`for_each`](Self::for_each) for `most` slots from the class-wide number `from` on; returns where to go on, or
    /// `None` at the end.
    pub(super) fn walk(
        &self,
        class: SizeClass,
        from: usize,
        most: usize,
        f: &mut dyn FnMut(Slot),
    ) -> Option<usize> {
        let mut left = most;
        for chunk in self.chunks() {
            let Some(first) = chunk.first_slot(class) else {
                continue;
            };
            let claimed = chunk.next.load(Ordering::Relaxed) as usize;
            let start = from.saturating_sub(first.index as usize);
            for at in start..claimed {
                if left == 0 {
                    return Some(first.index as usize + at);
                }
                left -= 1;
                if !chunk.is_spare(at) {
                    // SAFETY: `at` is below the number of claimed slots of this chunk.
                    f(unsafe { nth(first, at as u32) });
                }
            }
        }
        None
    }
}

/// Claims up to `want` slots of one of the chunks; of one with closed slots left only so many, unless `any` will do.
fn claim_in(chunks: &[Chunk], class: SizeClass, want: u32, any: bool) -> Option<Run> {
    // The newest first: an older one has room only after slots were given back to it.
    chunks.iter().enumerate().rev().find_map(|(at, chunk)| {
        let least = if any || chunk.is_wholly_open() {
            1
        } else {
            want
        };
        let (start, len) = chunk.claim(want, least)?;
        // SAFETY: `start` was just claimed in this chunk.
        let first = unsafe { nth(chunk.first_slot(class)?, start) };
        Some(Run {
            first,
            chunk: at,
            start,
            len,
        })
    })
}

/// The error of a class of which `stacks` exist; without a `source` if there are no more chunks.
fn refused(class: SizeClass, stacks: u32, source: Option<io::Error>) -> StackError {
    StackError::AddressSpace {
        class,
        stacks: stacks as usize,
        limit: source.as_ref().map_or(Limit::Chunks, Limit::behind),
        source,
    }
}

/// Reserves a chunk of [`FIRST_TRY`], or one part in `share` of what there is if that is too much.
fn reserve(class: SizeClass, share: usize) -> io::Result<(NonNull<u8>, usize)> {
    let slot = class.slot_size();
    let wanted = FIRST_TRY.max(slot);
    let mut fits = wanted;
    let base = loop {
        match map::reserve(fits + SPARE, slot.max(spare::BLOCK)) {
            Ok(base) => break base,
            Err(error) if fits == slot => return Err(error),
            Err(_) => fits /= 2,
        }
    };
    let kept = if fits < wanted {
        (fits / share).max((FEW * slot).min(fits))
    } else {
        fits
    };
    let bits = spare::bits_size(kept / slot);
    let used = kept + bits;
    // SAFETY: the rest of the mapping just made, which nobody knows of yet.
    unsafe { map::unmap(base.add(used), fits + SPARE - used) };
    // SAFETY: a part of the mapping just made.
    if let Err(error) = unsafe { map::open(base.add(kept), bits, 0) } {
        // SAFETY: as above.
        unsafe { map::unmap(base, used) };
        return Err(error);
    }
    Ok((base, kept))
}

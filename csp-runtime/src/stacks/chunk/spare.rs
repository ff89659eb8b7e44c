//! Free slots beyond need: how their memory goes back to the system, and how they are found again.
//!
//! ```text
//!             claim                          set_aside                            shed
//!   fresh ───────────▶ in the layers above ──────────────▶ aside ─────────────────────────────▶ spare
//!   no guard           guard, pages            ▲           guard, pages, free    (sysmon's meanwhile)  no pages
//!                            ▲  ▲              │             │                                     │
//!                            │  └──────────────┼─ take_back ─┘                                     │
//!                            └─────────────────┴────────────────── take_spare ─────────────────────┘
//! ```
//!
//! Each slot of a chunk has three bits:
//!
//! | bit | meaning |
//! |---|---|
//! | aside | free, and its memory is still there |
//! | spare | free, and its memory was given back |
//! | bare | only beside spare: it has no guard either, like one that was never claimed |
//!
//! A slot without the first two belongs to the layers above, or to the one thread that gives back, for as long as
//! its system calls take. Bits are written under the pool's spare lock, and single ones read without.
//!
//! **Whole blocks.** A 2 MiB block is what one page of page tables describes. Only if nothing at all is left in it, and that
//! includes guards, does the system take that page back too; so if all slots of a block are free, their guards go. Those
//! of larger slots, which are whole blocks themselves, always do. Where guards are made by protection they stay.
//!
//! **Lowest first.** The slots used again are those at the lowest addresses, so that the used ones gather there
//! and whole blocks become free above. Neighbours are given back as one range.
//!
//! A single stack with hundreds of megabytes in memory takes the system tens of milliseconds, in one piece.
//!
//! A refusal of the system (locked memory) leaves slots that are spare and still have memory, or a part of it; that is why
//! whoever takes a spare slot must not rely on zeroes. Nothing more is given back then.
//!
//! Rejected: to search the free list for neighbours, which costs a cache miss for each step; bitmaps on the heap, for which
//! sysmon, which allocates nothing, would have to.

use super::super::class::SizeClass;
use super::super::guard;
use super::super::map::{self, MOST_RANGES, Pages};
use super::super::slot::Slot;
use super::{Chunk, Pool, Run, nth};
use crate::primitive::spin::Spin;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::io;

/// What one page of page tables describes, with pages of 4 KiB.
pub(super) const BLOCK: usize = 2 << 20;
/// Bits in a word.
const BITS: usize = u64::BITS as usize;

/// Returns the bytes that the bitmaps of a chunk of `slots` take: whole pages.
pub(super) const fn bits_size(slots: usize) -> usize {
    (slots.div_ceil(BITS) * size_of::<u64>() * 3).next_multiple_of(64 << 10)
}

/// Which of the three bitmaps.
#[derive(Clone, Copy)]
enum Map {
    Aside = 0,
    Spare = 1,
    Bare = 2,
}

/// What a pool knows of its slots beyond need.
pub(super) struct Spares {
    /// Held while bits are written.
    lock: Spin<Lowest>,
    /// How many bits `aside` there are; written under the lock, a hint elsewhere.
    aside: AtomicUsize,
    /// How many bits `spare` there are; as `aside`.
    spare: AtomicUsize,
}

/// Where to begin a search: chunk and word below which no bit is set.
struct Lowest {
    aside: (usize, usize),
    spare: (usize, usize),
}

/// What one step has given back.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Given {
    /// Slots.
    pub(crate) slots: usize,
    /// Whether the system refused.
    pub(crate) refused: bool,
}

/// Neighbouring slots that are being given back.
#[derive(Clone, Copy)]
struct Part {
    chunk: usize,
    start: usize,
    len: usize,
    /// Their guards go too.
    bare: bool,
}

impl Spares {
    pub(super) const fn new() -> Self {
        Self {
            lock: Spin::new(Lowest {
                aside: (0, 0),
                spare: (0, 0),
            }),
            aside: AtomicUsize::new(0),
            spare: AtomicUsize::new(0),
        }
    }
}

/// Adds to a counter written under the lock.
fn add(counter: &AtomicUsize, n: usize) {
    counter.store(counter.load(Ordering::Relaxed) + n, Ordering::Relaxed);
}

/// Takes from a counter written under the lock.
fn sub(counter: &AtomicUsize, n: usize) {
    counter.store(counter.load(Ordering::Relaxed) - n, Ordering::Relaxed);
}

impl Chunk {
    /// How many words each of its bitmaps has.
    fn words(&self) -> usize {
        (self.len.load(Ordering::Relaxed) as usize).div_ceil(BITS)
    }

    fn word(&self, map: Map, at: usize) -> &AtomicU64 {
        let words = self.words();
        assert!(at < words);
        let bits = self.bits.load(Ordering::Relaxed);
        // SAFETY: a chunk that is set has three bitmaps of `words` words behind its slots, which are never unmapped.
        unsafe { &*bits.add(map as usize * words + at) }
    }

    fn get(&self, map: Map, at: usize) -> u64 {
        self.word(map, at).load(Ordering::Relaxed)
    }

    /// Sets or clears bits; under the pool's spare lock.
    fn put(&self, map: Map, at: usize, mask: u64, on: bool) {
        let word = self.word(map, at);
        let before = word.load(Ordering::Relaxed);
        let after = if on { before | mask } else { before & !mask };
        word.store(after, Ordering::Relaxed);
    }

    /// Sets or clears the bits of a range of slots; under the pool's spare lock.
    fn put_range(&self, map: Map, start: usize, len: usize, on: bool) {
        let mut at = start;
        while at < start + len {
            let n = (BITS - at % BITS).min(start + len - at);
            self.put(map, at / BITS, ones(n) << (at % BITS), on);
            at += n;
        }
    }

    fn bit(&self, map: Map, at: usize) -> bool {
        self.get(map, at / BITS) >> (at % BITS) & 1 == 1
    }

    /// Whether the memory of the slot with the number `at` in this chunk was given back; a hint.
    pub(super) fn is_spare(&self, at: usize) -> bool {
        self.bit(Map::Spare, at)
    }
}

/// The lowest `n` bits, at most 64.
const fn ones(n: usize) -> u64 {
    if n >= BITS { u64::MAX } else { (1 << n) - 1 }
}

impl Pool {
    /// Whether slots wait for their memory to be given back; a hint.
    pub(in crate::stacks) fn has_aside(&self) -> bool {
        self.spares.aside.load(Ordering::Relaxed) > 0
    }

    /// Keeps free slots of this pool until their memory is given back or they are taken back. They are the caller's.
    pub(in crate::stacks) fn set_aside(&self, slots: &[Slot]) {
        let chunks = self.chunks();
        let mut lowest = self.spares.lock.lock();
        for slot in slots {
            let index = slot.index as usize;
            let number =
                chunks.partition_point(|c| c.first.load(Ordering::Relaxed) as usize <= index) - 1;
            let chunk = &chunks[number];
            let at = index - chunk.first.load(Ordering::Relaxed) as usize;
            chunk.put(Map::Aside, at / BITS, 1 << (at % BITS), true);
            lowest.aside = lowest.aside.min((number, at / BITS));
        }
        add(&self.spares.aside, slots.len());
    }

    /// Takes slots that were set aside, and whose memory is still there; they are the caller's. Returns how many it
    /// wrote to the front of `out`.
    pub(in crate::stacks) fn take_back(
        &self,
        class: SizeClass,
        out: &mut [core::mem::MaybeUninit<Slot>],
    ) -> usize {
        if !self.has_aside() {
            return 0;
        }
        let chunks = self.chunks();
        let mut lowest = self.spares.lock.lock();
        let mut taken = 0;
        while taken < out.len()
            && let Some((number, word)) = find(chunks, Map::Aside, &mut lowest.aside)
        {
            let chunk = &chunks[number];
            let bit = chunk.get(Map::Aside, word).trailing_zeros() as usize;
            chunk.put(Map::Aside, word, 1 << bit, false);
            let first = chunk.first_slot(class).expect("the chunk is set");
            // SAFETY: a bit is set only for a slot of the chunk.
            out[taken].write(unsafe { nth(first, (word * BITS + bit) as u32) });
            taken += 1;
        }
        sub(&self.spares.aside, taken);
        taken
    }

    /// Takes up to `want` neighbouring spare slots, lowest first. The second value says that they have no guards.
    pub(in crate::stacks) fn take_spare(&self, class: SizeClass, want: u32) -> Option<(Run, bool)> {
        if self.spares.spare.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let chunks = self.chunks();
        let mut lowest = self.spares.lock.lock();
        let (number, word) = find(chunks, Map::Spare, &mut lowest.spare)?;
        let chunk = &chunks[number];
        let start = word * BITS + chunk.get(Map::Spare, word).trailing_zeros() as usize;
        let bare = chunk.bit(Map::Bare, start);
        let end = chunk.len.load(Ordering::Relaxed) as usize;
        let len = (start..end.min(start + want as usize))
            .take_while(|&at| chunk.bit(Map::Spare, at) && chunk.bit(Map::Bare, at) == bare)
            .count();
        chunk.put_range(Map::Spare, start, len, false);
        chunk.put_range(Map::Bare, start, len, false);
        sub(&self.spares.spare, len);
        let first = chunk.first_slot(class)?;
        let run = Run {
            // SAFETY: a bit is set only for a slot of the chunk.
            first: unsafe { nth(first, start as u32) },
            chunk: number,
            start: start as u32,
            len: len as u32,
        };
        Some((run, bare))
    }

    /// Takes back the slots of a run without guards from `kept` on, which [`take_spare`](Self::take_spare) gave.
    pub(in crate::stacks) fn put_spare(&self, run: &Run, kept: u32) {
        let part = Part {
            chunk: run.chunk,
            start: (run.start + kept) as usize,
            len: (run.len - kept) as usize,
            bare: true,
        };
        self.make_spare(&[part]);
    }

    fn make_spare(&self, parts: &[Part]) {
        let chunks = self.chunks();
        let mut lowest = self.spares.lock.lock();
        for part in parts {
            let chunk = &chunks[part.chunk];
            chunk.put_range(Map::Bare, part.start, part.len, part.bare);
            chunk.put_range(Map::Spare, part.start, part.len, true);
            lowest.spare = lowest.spare.min((part.chunk, part.start / BITS));
            add(&self.spares.spare, part.len);
        }
    }

    /// Gives back the memory of about `most` slots that were set aside. For one thread only.
    pub(in crate::stacks) fn shed(&self, class: SizeClass, most: usize) -> Given {
        let none = Part {
            chunk: 0,
            start: 0,
            len: 0,
            bare: false,
        };
        let mut parts = [none; MOST_RANGES];
        let (count, slots) = self.collect(class, most, &mut parts);
        let parts = &parts[..count];
        if parts.is_empty() {
            return Given::default();
        }
        let refused = self.advise(class, parts).is_err();
        self.make_spare(parts);
        Given { slots, refused }
    }

    /// Takes slots that were set aside, with the spare ones of the same block if that makes it whole. Returns the
    /// number of parts and that of slots that had memory.
    fn collect(
        &self,
        class: SizeClass,
        most: usize,
        parts: &mut [Part; MOST_RANGES],
    ) -> (usize, usize) {
        if !self.has_aside() {
            return (0, 0);
        }
        let chunks = self.chunks();
        let per_block = (BLOCK / class.slot_size()).max(1);
        let can_lift = guard::uses_regions();
        let (mut count, mut slots, mut all) = (0, 0, 0);
        let mut lowest = self.spares.lock.lock();
        while all < most
            && let Some((number, word)) = find(chunks, Map::Aside, &mut lowest.aside)
        {
            let chunk = &chunks[number];
            let aside = chunk.get(Map::Aside, word);
            let spare = chunk.get(Map::Spare, word);
            let bit = aside.trailing_zeros() as usize;
            let low = bit & !(per_block - 1);
            let block = ones(per_block) << low;
            let whole = can_lift && (aside | spare) & block == block;
            let (bit, len) = if whole {
                (low, per_block)
            } else {
                // The neighbours in this block, so that the next step looks at the next block anew.
                let rest = aside & block;
                (bit, (rest >> bit).trailing_ones() as usize)
            };
            let start = word * BITS + bit;
            let part = Part {
                chunk: number,
                start,
                len,
                bare: whole,
            };
            let last = parts[..count].last_mut().filter(|last| {
                last.chunk == number && last.start + last.len == start && last.bare == whole
            });
            match last {
                Some(last) => last.len += len,
                None if count == MOST_RANGES => break,
                None => {
                    parts[count] = part;
                    count += 1;
                }
            }
            let mask = ones(len) << bit;
            let with_memory = (aside & mask).count_ones() as usize;
            chunk.put(Map::Aside, word, mask, false);
            chunk.put(Map::Spare, word, mask, false);
            sub(&self.spares.aside, with_memory);
            sub(&self.spares.spare, len - with_memory);
            slots += with_memory;
            all += len;
        }
        (count, slots)
    }

    fn advise(&self, class: SizeClass, parts: &[Part]) -> io::Result<()> {
        let chunks = self.chunks();
        let pages = |part: &Part| {
            let first = chunks[part.chunk]
                .first_slot(class)
                .expect("the chunk is set");
            Pages {
                // SAFETY: `collect` took the part from this chunk's bitmaps.
                start: unsafe { nth(first, part.start as u32) }.base,
                len: part.len * class.slot_size(),
            }
        };
        let mut ranges = [pages(&parts[0]); MOST_RANGES];
        let mut count = 0;
        for part in parts.iter().filter(|part| part.bare) {
            ranges[count] = pages(part);
            count += 1;
        }
        if count > 0 {
            // SAFETY: the slots are free, and this thread's until they are made spare; who takes them sets guards anew.
            unsafe { map::lift_guards(&ranges[..count]) }?;
        }
        for (range, part) in ranges.iter_mut().zip(parts) {
            *range = pages(part);
        }
        // SAFETY: as above; free slots hold nothing that anybody needs.
        unsafe { map::give_back(&ranges[..parts.len()]) }
    }
}

/// The lowest word with a bit set, from `from` on, which moves there; under the spare lock.
fn find(chunks: &[Chunk], map: Map, from: &mut (usize, usize)) -> Option<(usize, usize)> {
    while let Some(chunk) = chunks.get(from.0) {
        let words = chunk.words();
        while from.1 < words {
            if chunk.get(map, from.1) != 0 {
                return Some(*from);
            }
            from.1 += 1;
        }
        // The last chunk stays the place to go on from: later ones may come.
        if from.0 + 1 == chunks.len() {
            return None;
        }
        *from = (from.0 + 1, 0);
    }
    None
}

//! Who holds a read-write lock: one word.
//!
//! ```text
//!            try_read                      queue_…: somebody has to wait
//!    FREE ◀───────────▶ readers ────────────────────────────▶ readers, QUEUED
//!     ▲    unlock_read                                            │ unlock_read of the last
//!     │                                                           ▼
//!     │ try_write       queue_…                                 QUEUED ── admit_… ──▶ writer or readers
//!     └──────────▶ WRITER ──────▶ WRITER, QUEUED                  ▲
//!      unlock_write                     └── release_writer ───────┘
//! ```
//!
//! Who has to wait stands in a queue behind a lock of its own; QUEUED says that somebody does.
//!
//! Invariants:
//! - WRITER excludes readers.
//! - QUEUED is changed under the queue's lock only, and under that lock it says whether the queue is not empty.
//! - While QUEUED is set nobody comes in except through the queue: so what is QUEUED and nothing else stays so until
//!   somebody admits, under the queue's lock. The transition that led there says [`Unlocked::Queued`], and whoever made
//!   it sees to that. If somebody else was faster, it finds a holder, or nobody queued.
//!
//! **Orderings.** Whoever comes in acquires, whoever leaves releases. All changes are read-modify-writes, so a release
//! is not cut off by those behind it. Those who were admitted acquire by being woken: who admits them has acquired, by
//! [`RwWord::state`] or [`RwWord::release_writer`], and goes on to release through their parkers. Readers that then come
//! in past the queue acquire from the word, so admitting releases too. There is one word, hence no `SeqCst`.

use crate::primitive::sync::{self, AtomicUsize, Ordering};

const WRITER: usize = 1;
const QUEUED: usize = 2;
const READER: usize = 4;

/// Readers that there may be: so few that as many again, who wait, can be added without a look.
const LIMIT: usize = usize::MAX / READER / 4;

/// The word; see the module.
pub(crate) struct RwWord(AtomicUsize);

/// What became of a wish to read.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Read {
    /// The caller holds the lock.
    Held,
    /// A writer holds it, or somebody waits: the caller has to wait too.
    Busy,
    /// There are too many readers for the word.
    Overflow,
}

/// What became of a wish to write.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Write {
    /// The caller holds the lock.
    Held,
    /// Somebody else does, or waits.
    Busy,
}

/// What whoever gives up the lock has to do.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unlocked {
    /// Nothing.
    Done,
    /// Somebody is queued: take the queue's lock and admit.
    Queued,
}

/// Who holds the lock, as seen under the queue's lock.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// Nobody waits; who holds it may change at any moment.
    NotQueued,
    /// Nobody holds it, and only who has the queue's lock can change that.
    Nobody,
    /// Readers do; they may leave, and no others come.
    Readers,
    /// A writer does, and only it leaves.
    Writer,
}

impl RwWord {
    sync::const_fn! {
        /// A lock that nobody holds.
        pub(crate) fn new() -> Self {
            Self(AtomicUsize::new(0))
        }
    }

    /// Comes in as a reader, unless a writer is in or anybody waits.
    #[inline]
    pub(crate) fn try_read(&self) -> Read {
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            if now & (WRITER | QUEUED) != 0 {
                return Read::Busy;
            }
            if now / READER >= LIMIT {
                return Read::Overflow;
            }
            match self.change(now, now + READER, Ordering::Acquire) {
                Ok(()) => return Read::Held,
                Err(found) => now = found,
            }
        }
    }

    /// Comes in as the writer, if nobody is in or waits.
    #[inline]
    pub(crate) fn try_write(&self) -> Write {
        let result = self
            .0
            .compare_exchange(0, WRITER, Ordering::Acquire, Ordering::Relaxed);
        match result {
            Ok(_) => Write::Held,
            Err(_) => Write::Busy,
        }
    }

    /// A reader leaves.
    #[inline]
    pub(crate) fn unlock_read(&self) -> Unlocked {
        let before = self.0.fetch_sub(READER, Ordering::Release);
        debug_assert!(before >= READER, "a reader leaves that never came");
        if before == READER | QUEUED {
            Unlocked::Queued
        } else {
            Unlocked::Done
        }
    }

    /// The writer leaves, if nobody is queued; otherwise it has yet to call `release_writer`.
    #[inline]
    pub(crate) fn unlock_write(&self) -> Unlocked {
        self.leave_write(0)
    }

    /// The writer becomes a reader, if nobody is queued; otherwise it has yet to call `downgrade_writer`.
    #[inline]
    pub(crate) fn downgrade(&self) -> Unlocked {
        self.leave_write(READER)
    }

    #[inline]
    fn leave_write(&self, to: usize) -> Unlocked {
        let result = self
            .0
            .compare_exchange(WRITER, to, Ordering::Release, Ordering::Relaxed);
        match result {
            Ok(_) => Unlocked::Done,
            Err(_) => Unlocked::Queued,
        }
    }

    /// Under the queue's lock: comes in as a reader, or else (`Busy`) marks that the caller is about to queue.
    pub(crate) fn queue_reader(&self) -> Read {
        loop {
            match self.try_read() {
                Read::Busy => {}
                other => return other,
            }
            let now = self.0.load(Ordering::Relaxed);
            if now & QUEUED != 0
                || (now & WRITER != 0 && self.change(now, now | QUEUED, Ordering::Relaxed).is_ok())
            {
                return Read::Busy;
            }
        }
    }

    /// Under the queue's lock: comes in as the writer, or else (`Busy`) marks that the caller is about to queue.
    pub(crate) fn queue_writer(&self) -> Write {
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            let (next, result) = match now {
                0 => (WRITER, Write::Held),
                _ => (now | QUEUED, Write::Busy),
            };
            match self.change(now, next, Ordering::Acquire) {
                Ok(()) => return result,
                Err(found) => now = found,
            }
        }
    }

    /// Under the queue's lock: who holds the lock.
    pub(crate) fn state(&self) -> State {
        let now = self.0.load(Ordering::Acquire);
        match now {
            _ if now & QUEUED == 0 => State::NotQueued,
            QUEUED => State::Nobody,
            _ if now & WRITER != 0 => State::Writer,
            _ => State::Readers,
        }
    }

    /// Under the queue's lock, by the writer: leaves, with an eye on those who are queued.
    pub(crate) fn release_writer(&self) -> State {
        self.0.fetch_sub(WRITER, Ordering::AcqRel);
        self.state()
    }

    /// Under the queue's lock, by the writer: becomes a reader, with an eye on those who are queued.
    pub(crate) fn downgrade_writer(&self) -> State {
        self.0.fetch_add(READER - WRITER, Ordering::AcqRel);
        self.state()
    }

    /// Under the queue's lock, with nobody in: lets in one writer from the queue, which is empty now or not.
    pub(crate) fn admit_writer(&self, empty: bool) {
        self.admit(WRITER, empty);
    }

    /// Under the queue's lock, with no writer in: lets in readers from the queue, which is empty now or not.
    pub(crate) fn admit_readers(&self, count: usize, empty: bool) {
        self.admit(count * READER, empty);
    }

    /// Under the queue's lock: the queue has become empty, and nobody is to be let in.
    pub(crate) fn nobody_queued(&self) {
        self.admit(0, true);
    }

    fn admit(&self, come: usize, empty: bool) {
        let gone = if empty { QUEUED } else { 0 };
        // In one step: a reader that leaves meanwhile is counted, and nobody gets in between.
        let before = self.0.fetch_add(come.wrapping_sub(gone), Ordering::AcqRel);
        debug_assert!(before & QUEUED != 0, "admitted without a queue");
    }

    #[inline]
    fn change(&self, from: usize, to: usize, order: Ordering) -> Result<(), usize> {
        self.0
            .compare_exchange_weak(from, to, order, Ordering::Relaxed)
            .map(drop)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn readers_share_and_a_writer_is_alone() {
        let word = RwWord::new();
        assert_eq!(word.try_read(), Read::Held);
        assert_eq!(word.try_read(), Read::Held);
        assert_eq!(word.try_write(), Write::Busy);
        assert_eq!(word.unlock_read(), Unlocked::Done);
        assert_eq!(word.unlock_read(), Unlocked::Done);
        assert_eq!(word.try_write(), Write::Held);
        assert_eq!(word.try_read(), Read::Busy);
        assert_eq!(word.downgrade(), Unlocked::Done);
        assert_eq!(word.try_read(), Read::Held);
    }

    #[test]
    fn nobody_passes_who_is_queued() {
        let word = RwWord::new();
        assert_eq!(word.try_read(), Read::Held);
        assert_eq!(word.queue_writer(), Write::Busy);
        assert_eq!(word.try_read(), Read::Busy);
        assert_eq!(word.queue_reader(), Read::Busy);
        assert_eq!(word.state(), State::Readers);
        assert_eq!(word.unlock_read(), Unlocked::Queued);
        assert_eq!(word.state(), State::Nobody);
        assert_eq!(word.try_write(), Write::Busy);
        word.admit_writer(false);
        assert_eq!(word.state(), State::Writer);
        assert_eq!(word.unlock_write(), Unlocked::Queued);
        assert_eq!(word.release_writer(), State::Nobody);
        word.admit_readers(1, true);
        assert_eq!(word.state(), State::NotQueued);
        assert_eq!(word.try_read(), Read::Held);
    }

    #[test]
    fn a_queue_that_is_left_is_forgotten() {
        let word = RwWord::new();
        assert_eq!(word.try_write(), Write::Held);
        assert_eq!(word.queue_reader(), Read::Busy);
        word.nobody_queued();
        assert_eq!(word.unlock_write(), Unlocked::Done);
        assert_eq!(word.try_write(), Write::Held);
    }

    #[test]
    fn too_many_readers_are_refused_and_nothing_is_lost() {
        let word = RwWord(AtomicUsize::new((LIMIT - 1) * READER));
        assert_eq!(word.try_read(), Read::Held);
        assert_eq!(word.try_read(), Read::Overflow);
        assert_eq!(word.queue_reader(), Read::Overflow);
        assert_eq!(word.try_write(), Write::Busy);
        assert_eq!(word.unlock_read(), Unlocked::Done);
        assert_eq!(word.try_read(), Read::Held);
    }
}

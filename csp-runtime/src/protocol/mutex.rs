//! The word of a mutex that waits in a queue: who holds it, whether somebody waits, and who is to be woken.
//!
//! | bit | set means | changed by |
//! |---|---|---|
//! | `LOCKED` | somebody holds the mutex | set by who takes it, or by who hands it over; cleared by its holder |
//! | `QUEUED` | the queue is not empty | under the queue's lock only |
//! | `WOKEN` | one who waited is awake and will try: no need to wake another | set by the unlock that wakes; cleared by the one awake |
//! | `STARVING` | the mutex is handed over in order; nobody may take it | set under the queue's lock while `LOCKED`; cleared by a holder, or with the last waiter |
//!
//! ```text
//!          take                         unlock: nobody waits
//!   free ───────▶ LOCKED ─────────────────────────────────────▶ free
//!                   │ others queue
//!                   ▼            unlock                     the one awake takes it
//!            LOCKED QUEUED ───────────▶ QUEUED WOKEN ──────────────────────────────▶ LOCKED (QUEUED)
//!                   │                        └── somebody else is faster ──▶ LOCKED QUEUED WOKEN ──▶ it queues again, in
//!                   │ one waits for over 1 ms                                                        front: LOCKED QUEUED
//!                   ▼                     unlock                     hand over
//!        LOCKED QUEUED STARVING ──────────────────▶ QUEUED STARVING ──────────▶ LOCKED (QUEUED STARVING)
//! ```
//!
//! Invariants:
//! - `LOCKED` is set by one party at a time: by a take, which needs `LOCKED` and `STARVING` clear, or by the unlock that
//!   found `STARVING`, which alone may act while `STARVING` is set and `LOCKED` is not.
//! - Whoever queues has seen `LOCKED` (or a hand-over under way) in the exchange that sets `QUEUED`. So the unlock that
//!   clears `LOCKED` sees `QUEUED`, and either wakes somebody or leaves it to the one who is awake: that one takes the
//!   mutex, or queues by an exchange that sees `LOCKED` again and clears `WOKEN`. Hence no wake-up is lost.
//!
//! **Orderings.** A take acquires, an unlock releases: what one holder wrote is visible to the next, also if others have
//! changed bits in between, since every change is a read-modify-write and continues the release sequence. A hand-over goes
//! through the queue's lock and the task's wake-up, which order as much. All else is decided by exchanges of one word.
//!
//! Source: the two modes of Go's `sync.Mutex`; Go keeps the number of waiters in the word and the queue elsewhere.

use crate::primitive::sync::{self, AtomicU32, Ordering};

const LOCKED: u32 = 1;
const QUEUED: u32 = 2;
const WOKEN: u32 = 4;
const STARVING: u32 = 8;

/// The word; see the table above.
pub(crate) struct MutexWord(AtomicU32);

/// What came of an attempt to take the mutex.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Taken {
    /// The caller holds it.
    Yes,
    /// Somebody does.
    Held,
    /// It is handed over in order: to wait in the queue is the only way.
    Starving,
}

/// What an unlock leaves to be done.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unlocked {
    /// Nothing.
    Done,
    /// Wake the first in the queue; `WOKEN` is set for it.
    Wake,
    /// Hand the mutex over to the first in the queue: it is free, and nobody else may take it.
    HandOver,
}

impl MutexWord {
    sync::const_fn! {
        /// Free.
        pub(crate) fn new() -> Self {
            Self(AtomicU32::new(0))
        }
    }

    /// Takes the mutex if it is free and nobody waits: the fast path.
    #[inline(always)]
    #[must_use]
    pub(crate) fn take_free(&self) -> bool {
        self.0
            .compare_exchange(0, LOCKED, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Takes the mutex if it is free, also before those who wait. If the caller is the one awake, that is over with it.
    pub(crate) fn take(&self, awake: bool) -> Taken {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            if word & STARVING != 0 {
                return Taken::Starving;
            }
            if word & LOCKED != 0 {
                return Taken::Held;
            }
            let taken = without_woken(word, awake) | LOCKED;
            match self.exchange(word, taken) {
                Ok(()) => return Taken::Yes,
                Err(now) => word = now,
            }
        }
    }

    /// Announces a waiter, or takes the mutex if it is free after all. Under the queue's lock; if not taken, the caller
    /// is in the queue before it releases that lock.
    ///
    /// If the waiter `starves`, the mutex is handed over from now on.
    pub(crate) fn queue(&self, awake: bool, starves: bool) -> Taken {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let rest = without_woken(word, awake);
            let (next, taken) = if word & (LOCKED | STARVING) == 0 {
                (rest | LOCKED, Taken::Yes)
            } else if starves && word & LOCKED != 0 {
                (rest | QUEUED | STARVING, Taken::Held)
            } else {
                (rest | QUEUED, Taken::Held)
            };
            match self.exchange(word, next) {
                Ok(()) => return taken,
                Err(now) => word = now,
            }
        }
    }

    /// The one who is awake gives up, unless the mutex is free: then it has it.
    pub(crate) fn give_up(&self) -> Taken {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let (next, taken) = if word & (LOCKED | STARVING) == 0 {
                (word & !WOKEN | LOCKED, Taken::Yes)
            } else {
                (word & !WOKEN, Taken::Held)
            };
            match self.exchange(word, next) {
                Ok(()) => return taken,
                Err(now) => word = now,
            }
        }
    }

    /// The queue has become empty because somebody left it. Under the queue's lock.
    pub(crate) fn emptied(&self) {
        self.0.fetch_and(!QUEUED, Ordering::Relaxed);
    }

    /// Releases the mutex: the fast path. `None` if there is nothing else to do, else for `settle`.
    #[inline(always)]
    #[must_use]
    pub(crate) fn unlock(&self) -> Option<Unsettled> {
        let word = self.0.fetch_sub(LOCKED, Ordering::Release);
        debug_assert_ne!(word & LOCKED, 0, "unlocked by its holder");
        (word != LOCKED).then_some(Unsettled(word & !LOCKED))
    }

    /// What the unlock that left the word like this has to do.
    pub(crate) fn settle(&self, Unsettled(mut word): Unsettled) -> Unlocked {
        if word & STARVING != 0 {
            return Unlocked::HandOver;
        }
        loop {
            // Nobody waits, or it is another's business: of the next holder, or of the one awake.
            if word & QUEUED == 0 || word & (LOCKED | WOKEN | STARVING) != 0 {
                return Unlocked::Done;
            }
            match self.exchange(word, word | WOKEN) {
                Ok(()) => return Unlocked::Wake,
                Err(now) => word = now,
            }
        }
    }

    /// The first in the queue was taken out to be woken; `left` says whether others are in it. Under the queue's lock.
    pub(crate) fn woke_first(&self, left: bool) {
        if !left {
            self.0.fetch_and(!QUEUED, Ordering::Relaxed);
        }
    }

    /// There was nobody to wake: all had left. Under the queue's lock.
    pub(crate) fn woke_nobody(&self) {
        self.0.fetch_and(!(QUEUED | WOKEN), Ordering::Relaxed);
    }

    /// The first in the queue was taken out and holds the mutex now; `left` says whether others are in it. Under the
    /// queue's lock, after [`Unlocked::HandOver`].
    pub(crate) fn hand_over(&self, left: bool) {
        let word = self.0.fetch_or(LOCKED, Ordering::Relaxed);
        debug_assert_eq!(word & (LOCKED | STARVING), STARVING);
        if !left {
            self.0.fetch_and(!(QUEUED | STARVING), Ordering::Relaxed);
        }
    }

    /// There was nobody to hand over to: the mutex is free for all. Under the queue's lock, after [`Unlocked::HandOver`].
    pub(crate) fn handed_to_nobody(&self) {
        self.0.fetch_and(!(QUEUED | STARVING), Ordering::Relaxed);
    }

    /// The holder, to whom the mutex was handed over, had not waited for long: others may take it again.
    pub(crate) fn end_starvation(&self) {
        self.0.fetch_and(!STARVING, Ordering::Relaxed);
    }

    fn exchange(&self, from: u32, to: u32) -> Result<(), u32> {
        self.0
            .compare_exchange_weak(from, to, Ordering::Acquire, Ordering::Relaxed)
            .map(drop)
    }
}

/// The word an unlock has left, if somebody waits or waited.
#[must_use]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unsettled(u32);

fn without_woken(word: u32, awake: bool) -> u32 {
    if awake { word & !WOKEN } else { word }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{MutexWord, Taken, Unlocked};

    #[test]
    fn a_free_word_is_taken_once() {
        let word = MutexWord::new();
        assert!(word.take_free());
        assert!(!word.take_free());
        assert_eq!(word.take(false), Taken::Held);
        assert!(word.unlock().is_none());
        assert_eq!(word.take(false), Taken::Yes);
    }

    #[test]
    fn an_unlock_wakes_one_until_that_one_has_tried() {
        let word = MutexWord::new();
        assert!(word.take_free());
        assert_eq!(word.queue(false, false), Taken::Held);
        let unlocked = word.unlock().expect("somebody waits");
        assert_eq!(word.settle(unlocked), Unlocked::Wake);
        word.woke_first(true);
        assert_eq!(word.take(false), Taken::Yes, "others may be faster");
        let unlocked = word.unlock().expect("somebody waits");
        assert_eq!(
            word.settle(unlocked),
            Unlocked::Done,
            "one is awake already"
        );
        assert_eq!(word.take(true), Taken::Yes);
        let unlocked = word.unlock().expect("somebody waits");
        assert_eq!(word.settle(unlocked), Unlocked::Wake, "it is not any more");
    }

    #[test]
    fn who_starves_is_handed_the_mutex() {
        let word = MutexWord::new();
        assert!(word.take_free());
        assert_eq!(word.queue(false, true), Taken::Held);
        let unlocked = word.unlock().expect("somebody waits");
        assert_eq!(word.settle(unlocked), Unlocked::HandOver);
        assert_eq!(word.take(false), Taken::Starving);
        word.hand_over(false);
        assert!(word.unlock().is_none(), "the last one ends it");
    }

    #[test]
    fn one_awake_that_gives_up_leaves_the_waking_to_the_holder() {
        let word = MutexWord::new();
        assert!(word.take_free());
        assert_eq!(word.queue(false, false), Taken::Held);
        let unlocked = word.unlock().expect("somebody waits");
        assert_eq!(word.settle(unlocked), Unlocked::Wake);
        assert_eq!(word.take(false), Taken::Yes);
        assert_eq!(word.give_up(), Taken::Held);
        let unlocked = word.unlock().expect("somebody waits");
        assert_eq!(word.settle(unlocked), Unlocked::Wake);
        assert_eq!(word.give_up(), Taken::Yes);
    }
}

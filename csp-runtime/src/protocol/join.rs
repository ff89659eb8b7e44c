//! Who owns a goroutine's result, and its slot, when it ends: one word.
//!
//! | state | meaning | slot freed by |
//! |---|---|---|
//! | `HELD` | running, a join handle exists | the handle, later |
//! | `DETACHED` | running, the handle was dropped | the goroutine, when it ends |
//! | waiter address | running, the handle's owner waits in `join`, or polls | the handle, once woken |
//! | `DONE` | ended, the result lies in the slot | the handle |
//!
//! ```text
//!            detach                    finish
//!   HELD ───────────────▶ DETACHED ─────────────▶ (slot is free)
//!    │ │   wait                finish, wakes it
//!    │ └───────────▶ waiter ───────────────┐
//!    │               │ ▲                   │
//!    │               └─┘ wait             │
//!    │               finish                ▼
//!    └──────────────────────────────────▶ DONE ── detach / join ──▶ (slot is free)
//! ```
//!
//! Invariants: `finish` happens once; `detach` and `wait` belong to the one handle and never run
//! at the same time. A handle that was polled may wait again in `join`: then only the later waiter is woken, or
//! the end is seen. Every transition that gives something away releases, every one that takes
//! something over acquires, so that the result is visible to whoever drops or returns it.

use crate::primitive::sync::{AtomicUsize, Ordering};

const DETACHED: usize = 0;
const HELD: usize = 1;
const DONE: usize = 2;

/// The word; see the table above.
pub(crate) struct JoinWord(AtomicUsize);

/// What the ending goroutine has to do.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Finished {
    /// Nobody holds a handle: drop the result and free the slot.
    Detached,
    /// A handle exists: it frees the slot.
    Held,
    /// As `Held`, and this waiter (an address given to `wait`) must be woken.
    Waited(usize),
}

impl JoinWord {
    /// A word in state `HELD`.
    #[cfg(test)]
    pub(crate) fn new() -> Self {
        Self(AtomicUsize::new(HELD))
    }

    /// Starts over for the slot's next goroutine; only its creator knows it yet.
    pub(crate) fn reset(&self) {
        self.0.store(HELD, Ordering::Relaxed);
    }

    /// The goroutine ended, and nobody holds a handle: its result is needed by nobody. False if there is a handle; then
    /// [`finish`](Self::finish) decides, when the result lies in the slot.
    #[inline]
    #[must_use]
    pub(crate) fn finish_detached(&self) -> bool {
        // Acquire: of what the handle's owner did before.
        if self.0.load(Ordering::Acquire) != DETACHED {
            return false;
        }
        // With the handle gone nobody else changes the word: no exchange.
        self.0.store(DONE, Ordering::Release);
        true
    }

    /// The goroutine ended and its result lies in the slot.
    pub(crate) fn finish(&self) -> Finished {
        match self.0.swap(DONE, Ordering::AcqRel) {
            DETACHED => Finished::Detached,
            HELD => Finished::Held,
            DONE => unreachable!("a goroutine ends once"),
            waiter => Finished::Waited(waiter),
        }
    }

    /// The handle goes away. True if the goroutine had ended: the caller drops the result and
    /// frees the slot.
    #[inline]
    #[must_use]
    pub(crate) fn detach(&self) -> bool {
        self.is_done() || self.0.swap(DETACHED, Ordering::AcqRel) == DONE
    }

    /// Registers the waiter at `address` (not below 4), in place of the handle's earlier one if there is one. False if
    /// the goroutine has already ended; then that earlier one is woken, or has been.
    #[must_use]
    pub(crate) fn wait(&self, address: usize) -> bool {
        debug_assert!(address > DONE);
        let mut before = HELD;
        loop {
            match self
                .0
                .compare_exchange(before, address, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return true,
                Err(DONE) => return false,
                // Written by this handle, which alone writes addresses.
                Err(earlier) => before = earlier,
            }
        }
    }

    /// Whether the goroutine has ended and its result can be read.
    pub(crate) fn is_done(&self) -> bool {
        self.0.load(Ordering::Acquire) == DONE
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_detached_goroutine_frees_itself() {
        let word = JoinWord::new();
        assert!(!word.detach());
        assert_eq!(word.finish(), Finished::Detached);
        let word = JoinWord::new();
        assert!(!word.finish_detached());
        assert!(!word.detach());
        assert!(word.finish_detached());
        assert!(word.is_done());
    }

    #[test]
    fn a_handle_dropped_after_the_end_frees_the_slot() {
        let word = JoinWord::new();
        assert_eq!(word.finish(), Finished::Held);
        assert!(word.is_done());
        assert!(word.detach());
    }

    #[test]
    fn a_waiter_is_handed_to_the_ending_goroutine() {
        let word = JoinWord::new();
        assert!(word.wait(64));
        assert_eq!(word.finish(), Finished::Waited(64));
        assert!(!word.wait(64));
    }

    #[test]
    fn a_later_waiter_takes_the_place_of_the_first() {
        let word = JoinWord::new();
        assert!(word.wait(65));
        assert!(word.wait(128));
        assert_eq!(word.finish(), Finished::Waited(128));
    }

    #[test]
    fn a_polled_handle_may_detach() {
        let word = JoinWord::new();
        assert!(word.wait(65));
        assert!(!word.detach());
        assert_eq!(word.finish(), Finished::Detached);
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::thread;

    struct Slot {
        word: JoinWord,
        result: UnsafeCell<u32>,
        freed: AtomicUsize,
    }

    fn slot() -> Arc<Slot> {
        Arc::new(Slot {
            word: JoinWord::new(),
            result: UnsafeCell::new(0),
            freed: AtomicUsize::new(0),
        })
    }

    fn end(slot: &Slot) -> Finished {
        if slot.word.finish_detached() {
            // The handle's owner has not touched the result, and does not any more.
            slot.result.with_mut(|r| {
                // SAFETY: as below.
                #[expect(unsafe_code, reason = "loom's cell")]
                unsafe {
                    *r = 1;
                }
            });
            return Finished::Detached;
        }
        slot.result.with_mut(|r| {
            // SAFETY: the running goroutine owns the result; loom checks it.
            #[expect(unsafe_code, reason = "loom's cell")]
            unsafe {
                *r = 1;
            }
        });
        slot.word.finish()
    }

    fn read(slot: &Slot) -> u32 {
        slot.result.with(|r| {
            // SAFETY: whoever frees the slot owns the result; loom checks it.
            #[expect(unsafe_code, reason = "loom's cell")]
            unsafe {
                *r
            }
        })
    }

    #[test]
    fn loom_exactly_one_side_frees_the_slot() {
        loom::model(|| {
            let slot = slot();
            let goroutine = {
                let slot = slot.clone();
                thread::spawn(move || {
                    if end(&slot) == Finished::Detached {
                        assert_eq!(read(&slot), 1);
                        slot.freed.fetch_add(1, Ordering::Relaxed);
                    }
                })
            };
            if slot.word.detach() {
                assert_eq!(read(&slot), 1);
                slot.freed.fetch_add(1, Ordering::Relaxed);
            }
            goroutine.join().unwrap();
            assert_eq!(slot.freed.load(Ordering::Relaxed), 1);
        });
    }

    #[test]
    fn loom_a_joiner_is_woken_or_sees_the_end() {
        loom::model(|| {
            let slot = slot();
            let goroutine = {
                let slot = slot.clone();
                thread::spawn(move || end(&slot))
            };
            let waits = slot.word.wait(64);
            let finished = goroutine.join().unwrap();
            assert_eq!(waits, finished == Finished::Waited(64));
            assert!(slot.word.is_done());
            assert_eq!(read(&slot), 1);
        });
    }

    /// A handle is polled, which leaves the address of something that lives for ever, and then joined, or dropped. The
    /// first address may be woken for nothing; the second one's wait must end.
    #[test]
    fn loom_a_polled_handle_is_woken_joined_or_dropped() {
        for joins in [true, false] {
            loom::model(move || {
                let slot = slot();
                let goroutine = {
                    let slot = slot.clone();
                    thread::spawn(move || {
                        let finished = end(&slot);
                        if finished == Finished::Detached {
                            assert_eq!(read(&slot), 1);
                            slot.freed.fetch_add(1, Ordering::Relaxed);
                        }
                        finished
                    })
                };
                let polled = slot.word.wait(65);
                if joins {
                    let waits = slot.word.wait(128);
                    let finished = goroutine.join().unwrap();
                    assert_eq!(waits, finished == Finished::Waited(128));
                    assert_eq!(polled && !waits, finished == Finished::Waited(65));
                    assert_eq!(read(&slot), 1);
                    return;
                }
                if slot.word.detach() {
                    assert_eq!(read(&slot), 1);
                    slot.freed.fetch_add(1, Ordering::Relaxed);
                }
                let _ = goroutine.join().unwrap();
                assert_eq!(slot.freed.load(Ordering::Relaxed), 1);
            });
        }
    }
}

//! One who waits between looks, and any number who say that there is something to see: what `block_on` and its wakers
//! share. One word.
//!
//! ```text
//!              wait                         notify: ready the waiter
//!   QUIET ───────────────▶ WAITING ────────────────────────────────▶ NOTIFIED ◀─┐ notify
//!     ▲ │                                                              │   └────┘
//!     │ └──────────────── notify ─────────────────────────────────────▶│
//!     └─────────────────────────── take / wait ────────────────────────┘
//! ```
//!
//! Invariants:
//! - Only the one who waits leaves `NOTIFIED`, and enters `WAITING`; each time it has been ready before, so at most one
//!   `notify` for each `wait` finds `WAITING`, and owns that wake-up.
//! - A notice is kept until it is taken, and several are one: whoever takes it looks anew after that, and sees what
//!   was done before each of them (`notify` releases, taking acquires).
//! - `notify` does not touch the waiter's task unless it has found `WAITING`, and then the waiter does not go on before
//!   it is made ready.
//!
//! It is the token of `std::thread::park` with the parking left to the caller.

use crate::primitive::sync::{self, AtomicU8, Ordering};

const QUIET: u8 = 0;
const NOTIFIED: u8 = 1;
const WAITING: u8 = 2;

/// The word; see the drawing.
pub(crate) struct Notice(AtomicU8);

/// What one has to do who is about to wait.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Park; a notice will end it.
    Park,
    /// There was a notice, which is taken now: look again.
    Look,
}

/// What one has to do who has given notice.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Notified {
    /// Make the waiter ready.
    Ready,
    /// Nothing: it will look anyway.
    Kept,
}

impl Notice {
    sync::const_fn! {
        /// No notice.
        pub(crate) fn new() -> Self {
            Self(AtomicU8::new(QUIET))
        }
    }

    /// The one who waits, before it parks. Its task is where `notify` finds it already.
    pub(crate) fn wait(&self) -> Wait {
        // Release: whoever finds `WAITING` sees the task. Acquire: of the notice that is taken.
        match self
            .0
            .compare_exchange(QUIET, WAITING, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => Wait::Park,
            Err(_) => {
                self.take();
                Wait::Look
            }
        }
    }

    /// The one who waits, once it has been made ready: takes the notice that did it, and those since.
    pub(crate) fn take(&self) {
        // Acquire by an exchange: a notice that comes between a load and a store would be lost.
        let before = self.0.swap(QUIET, Ordering::AcqRel);
        debug_assert_eq!(before, NOTIFIED, "made ready by a notice");
    }

    /// There is something to see.
    pub(crate) fn notify(&self) -> Notified {
        match self.0.swap(NOTIFIED, Ordering::AcqRel) {
            WAITING => Notified::Ready,
            _ => Notified::Kept,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_notice_before_the_wait_is_kept_once() {
        let notice = Notice::new();
        assert_eq!(notice.notify(), Notified::Kept);
        assert_eq!(notice.notify(), Notified::Kept);
        assert_eq!(notice.wait(), Wait::Look);
        assert_eq!(notice.wait(), Wait::Park);
        assert_eq!(notice.notify(), Notified::Ready);
        assert_eq!(notice.notify(), Notified::Kept);
        notice.take();
        assert_eq!(notice.wait(), Wait::Park);
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use crate::primitive::model::check;
    use crate::primitive::sync::{AtomicU32, yield_now};
    use loom::sync::Arc;
    use loom::thread;

    struct Shared {
        notice: Notice,
        /// Wake-ups that somebody owned; stands for the parker.
        readied: AtomicU32,
        /// What there is to see: how many have done their part.
        done: AtomicU32,
    }

    /// Two give notice, each after its part; the one who waits looks until it has seen both. A lost notice is a model
    /// that never ends, a second owner of one wake-up fails.
    #[test]
    fn loom_no_notice_is_lost_and_each_wait_is_ended_once() {
        // Two preemptions: without a limit it takes minutes.
        check(2, || {
            let shared = Arc::new(Shared {
                notice: Notice::new(),
                readied: AtomicU32::new(0),
                done: AtomicU32::new(0),
            });
            let wakers: Vec<_> = (0..2)
                .map(|_| {
                    let shared = shared.clone();
                    thread::spawn(move || {
                        // Relaxed: the notice itself must carry it.
                        shared.done.fetch_add(1, Ordering::Relaxed);
                        if shared.notice.notify() == Notified::Ready {
                            shared.readied.fetch_add(1, Ordering::Release);
                        }
                    })
                })
                .collect();
            while shared.done.load(Ordering::Relaxed) < 2 {
                if shared.notice.wait() == Wait::Park {
                    while shared.readied.load(Ordering::Acquire) == 0 {
                        yield_now();
                    }
                    assert_eq!(shared.readied.fetch_sub(1, Ordering::Relaxed), 1);
                    shared.notice.take();
                }
            }
            for waker in wakers {
                waker.join().unwrap();
            }
            assert_eq!(shared.readied.load(Ordering::Relaxed), 0);
        });
    }
}

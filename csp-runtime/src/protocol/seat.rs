//! The seat of the poller: one idle M polls the network, and can be called away from there.
//!
//! ```text
//!   poller                                  who gives it work
//!   take the seat                           leave a token
//!   fence                                   fence
//!   is there a token? then no poll          is it in the seat? then interrupt the poll
//!   poll; leave the seat
//! ```
//!
//! The fences are partners: either the poller sees the token before it polls, or the giver sees it in the seat. An
//! interruption that comes after the poll has ended ends the next one early, which does no harm.

use crate::primitive::sync::{self, AtomicUsize, Ordering, fence};

/// Nobody.
const EMPTY: usize = 0;

/// The seat; holds the address of who sits in it.
pub(crate) struct Seat(AtomicUsize);

impl Seat {
    sync::const_fn! {
        /// Nobody sits.
        pub(crate) fn new() -> Self {
            Self(AtomicUsize::new(EMPTY))
        }
    }

    /// Whether somebody sits; a hint.
    #[inline]
    pub(crate) fn is_taken(&self) -> bool {
        self.0.load(Ordering::Relaxed) != EMPTY
    }

    /// Sits down, if nobody does. True if `who` may poll, after a last look for a token.
    #[must_use]
    pub(crate) fn try_take(&self, who: usize) -> bool {
        let taken = self
            .0
            .compare_exchange(EMPTY, who, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok();
        if taken {
            // Partner: the fence in `holds`.
            fence(Ordering::SeqCst);
        }
        taken
    }

    /// Gets up. Only who sits.
    pub(crate) fn leave(&self) {
        self.0.store(EMPTY, Ordering::Relaxed);
    }

    /// After leaving `who` a token: whether its poll must be interrupted.
    #[must_use]
    pub(crate) fn holds(&self, who: usize) -> bool {
        // Partner: the fence in `try_take`.
        fence(Ordering::SeqCst);
        self.0.load(Ordering::Relaxed) == who
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Seat;

    #[test]
    fn one_at_a_time_sits() {
        let seat = Seat::new();
        assert!(!seat.is_taken());
        assert!(seat.try_take(1) && !seat.try_take(2));
        assert!(seat.holds(1) && !seat.holds(2));
        seat.leave();
        assert!(seat.try_take(2));
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use crate::primitive::sync::{AtomicBool, yield_now};
    use loom::sync::Arc;
    use loom::thread;

    struct Shared {
        seat: Seat,
        token: AtomicBool,
        interrupted: AtomicBool,
    }

    /// The poll ends only by the interruption: a missed one is an endless loop, which loom reports.
    #[test]
    fn loom_a_token_ends_the_poll_or_prevents_it() {
        loom::model(|| {
            let shared = Arc::new(Shared {
                seat: Seat::new(),
                token: AtomicBool::new(false),
                interrupted: AtomicBool::new(false),
            });
            let poller = {
                let shared = shared.clone();
                thread::spawn(move || {
                    assert!(shared.seat.try_take(1));
                    if !shared.token.swap(false, Ordering::Acquire) {
                        while !shared.interrupted.load(Ordering::Relaxed) {
                            yield_now();
                        }
                        shared.seat.leave();
                        assert!(shared.token.swap(false, Ordering::Acquire));
                    }
                })
            };
            shared.token.swap(true, Ordering::Release);
            if shared.seat.holds(1) {
                shared.interrupted.store(true, Ordering::Relaxed);
            }
            poller.join().unwrap();
        });
    }
}

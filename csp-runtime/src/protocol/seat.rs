//! The seat of the poller: one idle M polls the network, and can be called away from there.
//!
//! ```text
//!   poller                                  who gives it work            another M, looking
//!   take the seat                           leave a token                 lock the poll, or give up
//!   lock the poll, or give up               fence                         take the events, unlock
//!   fence                                   is it in the seat?
//!   is there a token? then no poll          then interrupt the poll
//!   poll; unlock; leave the seat
//! ```
//!
//! An interruption is an event of the poll, and whoever polls takes it: also a third M that only looks. So the poller
//! looks for the token after it has locked the poll. If the interruption came before and was taken by another, that one
//! has unlocked since, and the token is visible. If it was not taken, it ends this poll. If it comes later, only this
//! poll can take it. The fences are partners: either the poller sees the token, or the giver sees it in the seat.
//!
//! An interruption that comes after the poll has ended ends the next one early, which does no harm.

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
        self.0
            .compare_exchange(EMPTY, who, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    /// Before looking for a token, with the poll locked. Only who sits.
    pub(crate) fn last_look(&self) {
        // Partner: the fence in `holds`.
        fence(Ordering::SeqCst);
    }

    /// Gets up. Only who sits.
    pub(crate) fn leave(&self) {
        self.0.store(EMPTY, Ordering::Relaxed);
    }

    /// After leaving `who` a token: whether its poll must be interrupted.
    #[must_use]
    pub(crate) fn holds(&self, who: usize) -> bool {
        // Partner: the fence in `last_look`.
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
    use loom::sync::{Arc, Mutex};
    use loom::thread;

    struct Shared {
        seat: Seat,
        token: AtomicBool,
        /// The poll: an interruption that nobody has taken yet is set.
        poll: Mutex<()>,
        interruption: AtomicBool,
    }

    /// The poll ends only by the interruption, which a third M may take: a missed one is an endless loop, which
    /// loom reports.
    #[test]
    fn loom_a_token_ends_the_poll_or_prevents_it() {
        loom::model(|| {
            let shared = Arc::new(Shared {
                seat: Seat::new(),
                token: AtomicBool::new(false),
                poll: Mutex::new(()),
                interruption: AtomicBool::new(false),
            });
            let other = {
                let shared = shared.clone();
                thread::spawn(move || {
                    if let Ok(_polling) = shared.poll.try_lock() {
                        shared.interruption.swap(false, Ordering::AcqRel);
                    }
                })
            };
            let poller = {
                let shared = shared.clone();
                thread::spawn(move || {
                    assert!(shared.seat.try_take(1));
                    let mut given = false;
                    if let Ok(_polling) = shared.poll.try_lock() {
                        shared.seat.last_look();
                        given = shared.token.swap(false, Ordering::Acquire);
                        while !given && !shared.interruption.swap(false, Ordering::AcqRel) {
                            yield_now();
                        }
                    }
                    shared.seat.leave();
                    // In the scheduler it comes around again: here the token has to be there in the end.
                    while !given {
                        given = shared.token.swap(false, Ordering::Acquire);
                        yield_now();
                    }
                })
            };
            shared.token.swap(true, Ordering::Release);
            if shared.seat.holds(1) {
                shared.interruption.swap(true, Ordering::AcqRel);
            }
            poller.join().unwrap();
            other.join().unwrap();
        });
    }
}
